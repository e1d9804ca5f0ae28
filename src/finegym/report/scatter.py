"""Named points over two axes: accuracy against cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import FuncFormatter, NullFormatter

from finegym.report.dot_plot import NARROW
from finegym.report.plots import INK, Format, make_colours, make_figure, save_figure


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
    with make_figure(NARROW, 4.2) as figure:
        axes = figure.add_subplot()
        for point in points:
            colour = colour_of[point.group]
            if point.low is not None and point.high is not None:
                axes.plot([point.x, point.x], [point.low, point.high], color=colour, linewidth=1.0, alpha=0.5)
            axes.plot([point.x], [point.y], "o", color=colour, markersize=5)
            axes.annotate(point.name, (point.x, point.y), (5, 3), textcoords="offset points", fontsize=7.5, color=INK)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.22)
        axes.set(xlabel=x_label, ylabel=y_label, title=title)
        return save_figure(figure, format)
