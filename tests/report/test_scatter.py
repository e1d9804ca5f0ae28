"""Named points over a logarithmic axis."""

import itertools
import re

from finegym.report.plots import COLOURS
from finegym.report.scatter import HEIGHT, LINE_POINTS, Point, _place_names, draw_scatter

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


def test_names_of_near_points_stand_below_each_other_and_far_ones_beside_their_points():
    near = [Point(f"near {number}", 0.1, 20.0 + number / 10) for number in range(5)]
    far = Point("far", 10.0, 20.2)
    limits = (0.0, 50.0)
    offsets = _place_names([*near, far], limits)
    points_a_unit = 0.8 * HEIGHT * 72 / 50
    heights = sorted(point.y * points_a_unit + offset for point, (_, offset) in zip(near, offsets, strict=False))
    assert min(b - a for a, b in itertools.pairwise(heights)) >= LINE_POINTS - 1e-6
    assert offsets[4] == offsets[5] == (6.0, 0.0)  # the highest of the near ones, and the far one
