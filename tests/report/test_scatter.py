"""Named points over a logarithmic axis."""

import re

from finegym.report.plots import COLOURS
from finegym.report.scatter import Point, draw_scatter

POINTS = [Point("TSN", 0.1, 60.0, 55.0, 65.0, "RGB"), Point("TSM", 1.0, 70.0, group="RGB"), Point("I3D", 10.0, 65.0)]


def test_every_point_has_its_name_and_a_place():
    text = draw_scatter(POINTS, x_label="cost", y_label="accuracy").decode()
    assert all(f">{word}<" in text for word in ("TSN", "TSM", "I3D", "cost", "accuracy"))
    # Tenfold costs are equally far apart.
    colours = "|".join(COLOURS)  # of points; ticks are grey
    x = [float(found) for found in re.findall(rf'<use [^>]*x="([0-9.]+)"[^>]*style="fill: (?:{colours})', text)]
    assert len(x) == 3
    assert abs((x[1] - x[0]) - (x[2] - x[1])) < 0.1


def test_same_points_same_bytes():
    assert draw_scatter(POINTS, x_label="a", y_label="b") == draw_scatter(POINTS, x_label="a", y_label="b")
