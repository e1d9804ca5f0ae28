"""Dots with intervals, a row a thing and a colour a method: scores of two methods class by class, of many by query.

Narrow on purpose: at this width text stays readable on a phone. Long names stand above their dots, not beside them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from finegym.report.plots import INK, Format, cycle_colours, make_figure, save_figure

NARROW = 4.6  # inches: 440 pixels
_WRAP = 62  # characters a line above a row


@dataclass(frozen=True)
class Dots:
    """One colour.

    Attributes:
        name: in the legend.
        values: one a row; NaN leaves it out.
        low: lower bounds; NaN where there is none.
        high: upper bounds.
    """

    name: str
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def draw_dots(
    rows: Sequence[str],
    series: Sequence[Dots],
    *,
    value_label: str,
    title: str = "",
    value_range: tuple[float | None, float | None] = (None, None),
    line_at: float | None = None,
    line_label: str = "",
    format: Format = "svg",
) -> bytes:
    """Draw them.

    Args:
        rows: names, from top to bottom.
        series: a value a row each.
        value_label: below, with the unit.
        title: above.
        value_range: of the axis.
        line_at: where a dashed line stands, such as chance or no difference.
        line_label: what it says.
        format: of the bytes.
    """
    assert all(len(each.values) == len(rows) for each in series), "a value a row"
    labels = ["\n".join(textwrap.wrap(name, _WRAP)) or " " for name in rows]
    heights = [0.16 * (label.count("\n") + 1) + 0.07 + 0.12 * len(series) for label in labels]  # inches
    with make_figure(NARROW, 0.95 + 0.17 * math.ceil(len(series) / 2) + sum(heights)) as figure:
        axes = figure.add_subplot()
        top = 0.0
        colours = cycle_colours(len(series))
        for row, (label, height) in enumerate(zip(labels, heights, strict=True)):
            _write_name(axes, label, top)
            for place, (each, colour) in enumerate(zip(series, colours, strict=True)):
                y = top + height - 0.07 - 0.12 * (len(series) - 1 - place)
                _draw_dot(axes, each, row, y, colour)
            top += height
            axes.axhline(top, color="#e3e6e9", linewidth=0.7)
        for each, colour in zip(series, colours, strict=True):
            axes.plot([], [], "o", color=colour, markersize=4.5, label=f" {each.name}")
        if line_at is not None:
            axes.axvline(line_at, color=INK, linewidth=0.9, linestyle="--", label=line_label or None, zorder=0.9)
        axes.set_ylim(top, 0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set(xlabel=value_label, xlim=value_range)
        if title:
            figure.suptitle("\n".join(textwrap.wrap(title, 56)), fontsize=10, x=0.02, ha="left", color=INK)
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2, handletextpad=0.2)
        return save_figure(figure, format)


def _write_name(axes: Axes, label: str, top: float) -> None:
    """At the left, on white, so that a line behind it does not strike it out."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    where = axes.get_yaxis_transform()
    axes.text(0.0, top + 0.03, label, transform=where, va="top", fontsize=8.0, color=INK, bbox=box)


def _draw_dot(axes: Axes, dots: Dots, row: int, y: float, colour: str) -> None:
    if math.isnan(dots.values[row]):
        return
    if dots.low and not math.isnan(dots.low[row]):
        axes.plot([dots.low[row], dots.high[row]], [y, y], color=colour, linewidth=1.4, alpha=0.55)
    axes.plot([dots.values[row]], [y], "o", color=colour, markersize=4.5, clip_on=False, zorder=3)
