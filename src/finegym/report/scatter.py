"""Named points over two axes: accuracy against cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import FuncFormatter, NullFormatter

from finegym.report.dot_plot import NARROW
from finegym.report.plots import INK, Format, make_colours, make_figure, save_figure

HEIGHT, LINE_POINTS = 4.2, 9.0  # of the figure in inches, and of a line of names
WIDE = (
    0.45  # of the width between the first and the last point: names of points that are nearer stand in each other's way
)


@dataclass(frozen=True)
class Point:
    """A point of ``draw_scatter``.

    Attributes:
        name: beside it.
        x: on a logarithmic axis; positive.
        y: on a plain one.
        low: lower end of an interval of ``y``, if it has one.
        high: upper end.
        group: colours it.
    """

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    group: str = ""


def draw_scatter(
    points: Sequence[Point], *, x_label: str, y_label: str, title: str = "", format: Format = "svg"
) -> bytes:
    """Points with their names, ``x`` on a logarithmic axis; intervals are thin lines.

    Args:
        points: in any order.
        x_label: with the unit.
        y_label: with the unit.
        title: above.
        format: of the bytes.
    """
    colour_of = make_colours([point.group for point in points])
    with make_figure(NARROW, HEIGHT) as figure:
        axes = figure.add_subplot()
        for point in points:
            colour = colour_of[point.group]
            if point.low is not None and point.high is not None:
                axes.plot([point.x, point.x], [point.low, point.high], color=colour, linewidth=1.0, alpha=0.5)
            axes.plot([point.x], [point.y], "o", color=colour, markersize=5)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.22)
        for point, (x, y) in zip(points, _place_names(points, axes.get_ylim()), strict=True):
            line = {"arrowstyle": "-", "color": INK, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 2}
            axes.annotate(
                point.name,
                (point.x, point.y),
                (x, y),
                textcoords="offset points",
                fontsize=7.5,
                color=INK,
                va="center",
                arrowprops=line if abs(y) > LINE_POINTS / 2 else None,
            )
        axes.set(xlabel=x_label, ylabel=y_label, title=title)
        return save_figure(figure, format)


def _place_names(points: Sequence[Point], limits: tuple[float, float]) -> list[tuple[float, float]]:
    """Where names stand from their points, in typographic points: beside, and below those that are in their way."""
    points_a_unit = 0.8 * HEIGHT * 72 / (limits[1] - limits[0])
    columns = [math.log10(point.x) for point in points]
    reach = WIDE * (max(columns) - min(columns)) + 1e-9 if points else 0.0
    places: dict[int, float] = {}  # by point, from the bottom
    for number in sorted(range(len(points)), key=lambda i: -points[i].y):
        wanted = points[number].y * points_a_unit
        near = sorted((y for i, y in places.items() if abs(columns[i] - columns[number]) <= reach), reverse=True)
        for taken in near:
            if abs(taken - wanted) < LINE_POINTS:
                wanted = taken - LINE_POINTS
        places[number] = wanted
    moved = [places[number] - point.y * points_a_unit for number, point in enumerate(points)]
    return [(6.0 if abs(y) <= LINE_POINTS / 2 else 14.0, y) for y in moved]
