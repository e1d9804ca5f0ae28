"""Plots for pages: one look, as SVG or PNG bytes, without pyplot and its global state.

Every function takes plain values and returns the bytes of a file. The same values give the same bytes. Text in SVG
stays text: it can be searched, and a page stays small.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

Format = Literal["svg", "png"]

# Okabe and Ito's eight colours, which colour-blind readers can tell apart (jfly.uni-koeln.de/color), darkest first.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a6a00", "#555555")
INK = "#2d3238"
_GRID = "#e3e6e9"
# Any: matplotlib's stubs want a literal type of all its 300 keys.
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": "#8a939b",
    "axes.labelcolor": INK,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "text.parse_math": False,  # class names may hold a dollar
    "svg.fonttype": "none",
    "svg.hashsalt": "finegym",
}
CONFUSION_COLOURS = LinearSegmentedColormap.from_list("confusion", ["#ffffff", "#56b4e9", "#0072b2", "#05294a"])


@dataclass(frozen=True)
class Curve:
    """A line of ``draw_curves``: points, and optionally a band around them.

    Attributes:
        name: in the legend.
        x: of every point.
        y: of every point; NaN breaks the line.
        low: lower edge of a band.
        high: upper edge of it.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True)
class Bar:
    """A bar of ``draw_bars``, optionally with an interval and a group that colours it."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    group: str = ""


@contextmanager
def make_figure(width: float = 7.2, height: float = 3.2) -> Iterator[Figure]:
    """A figure in our style; size in inches (100 pixels each in PNG). Draw and save inside of the block."""
    with mpl.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, format: Format = "svg") -> bytes:
    """The bytes of a figure; no date in it, so that the same plot has the same bytes."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if format == "svg" else {"Software": None}
    figure.savefig(buffer, format=format, dpi=100, metadata=metadata)
    return buffer.getvalue()


def draw_class_histogram(
    counts: Sequence[int],
    groups: Sequence[str],
    *,
    title: str = "",
    class_label: str = "classes, most frequent first",
    format: Format = "svg",
) -> bytes:
    """Instances of every class, log scale, in order of size, coloured by group (Figure 3 of the paper's supplement).

    Args:
        counts: one a class. Classes without instances have no bar; how many they are stands in the legend.
        groups: one a class, the event as a rule; colours go to groups in the order of their first class.
        title: above.
        class_label: below the axis.
        format: of the bytes.
    """
    assert len(counts) == len(groups), f"{len(counts)} counts, {len(groups)} groups"
    colour_of = make_colours(groups)
    order = sorted((i for i in range(len(counts)) if counts[i] > 0), key=lambda i: -counts[i])
    num_empty = len(counts) - len(order)
    with make_figure() as figure:
        axes = figure.add_subplot()
        for group, colour in colour_of.items():
            places = [place for place, index in enumerate(order) if groups[index] == group]
            heights = [counts[order[place]] for place in places]
            # Bars on a log scale start below 1, so that a class with one instance can be seen.
            axes.bar(places, np.asarray(heights, float) - 0.5, 0.9, bottom=0.5, color=colour, label=_make_label(group))
        axes.set_yscale("log")
        axes.set_ylim(0.5, max([1, *counts]) * 1.5)
        axes.set_xlim(-0.7, max(len(order), 1) - 0.3)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else ""))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=False, axis="x")
        axes.set(xlabel=class_label, ylabel="instances (log scale)", title=title)
        if any(colour_of):
            _add_legend(axes, title=f"{num_empty} classes have none" if num_empty else None)
        return save_figure(figure, format)


def draw_histogram(
    values: Mapping[str, Sequence[float]],
    *,
    x_label: str,
    y_label: str = "share",
    title: str = "",
    bins: int = 40,
    x_max: float | None = None,
    format: Format = "svg",
) -> bytes:
    """How values are distributed, an outline a group, each as shares of its own group.

    Args:
        values: group → values; groups without values are named in the legend and not drawn.
        x_label: with the unit.
        y_label: of the shares.
        title: above.
        bins: of equal width from 0 to ``x_max``.
        x_max: end of the axis (default: the largest value); larger values are counted in the legend.
        format: of the bytes.
    """
    largest = max((max(group) for group in values.values() if len(group)), default=1.0)
    edges = np.linspace(0, x_max or largest or 1.0, bins + 1)
    with make_figure() as figure:
        axes = figure.add_subplot()
        for (name, group), colour in zip(values.items(), cycle_colours(len(values)), strict=True):
            array = np.asarray(group, float)
            beyond = int((array > edges[-1]).sum())
            label = f"{name} ({len(array):,}{f', {beyond} beyond' if beyond else ''})"
            shares = np.histogram(array, edges)[0] / max(len(array), 1)
            axes.stairs(shares, edges, color=colour, linewidth=1.6, label=_make_label(label))
            axes.stairs(shares, edges, color=colour, fill=True, alpha=0.10)
        axes.set(xlabel=x_label, ylabel=y_label, title=title, xlim=(0, edges[-1]), ylim=(0, None))
        _format_shares(axes)
        _add_legend(axes)
        return save_figure(figure, format)


def draw_counts(
    counts: Mapping[str, Mapping[int, int]], *, x_label: str, title: str = "", format: Format = "svg"
) -> bytes:
    """Distributions over small whole numbers (sub-actions per action), a group of bars each, as shares of the group.

    Args:
        counts: group → number → how often.
        x_label: what the number counts.
        title: above.
        format: of the bytes.
    """
    numbers = sorted({number for group in counts.values() for number in group})
    width = 0.84 / max(len(counts), 1)
    with make_figure() as figure:
        axes = figure.add_subplot()
        for place, ((name, group), colour) in enumerate(zip(counts.items(), cycle_colours(len(counts)), strict=True)):
            total = sum(group.values())
            x = [number + (place - (len(counts) - 1) / 2) * width for number in numbers]
            shares = [group.get(number, 0) / max(total, 1) for number in numbers]
            axes.bar(x, shares, width, color=colour, label=_make_label(f"{name} ({total:,})"))
        axes.set(xlabel=x_label, ylabel="share", title=title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=False, axis="x")
        _format_shares(axes)
        _add_legend(axes)
        return save_figure(figure, format)


def draw_curves(
    curves: Sequence[Curve],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    y_range: tuple[float | None, float | None] = (None, None),
    log_y: bool = False,
    width: float = 7.2,
    format: Format = "svg",
) -> bytes:
    """Lines over a common axis: learning curves, accuracy against a setting. A single point gets a mark."""
    with make_figure(width) as figure:
        axes = figure.add_subplot()
        for curve, colour in zip(curves, cycle_colours(len(curves)), strict=True):
            mark = "o" if len(curve.x) <= 12 else None
            axes.plot(
                curve.x,
                curve.y,
                color=colour,
                linewidth=1.6,
                marker=mark,
                markersize=3.5,
                label=_make_label(curve.name),
            )
            if curve.low is not None and curve.high is not None:
                axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)
        if log_y:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel=x_label, ylabel=y_label, title=title, ylim=y_range)
        if title or all(curve.low is None for curve in curves):
            _add_legend(axes)
        else:  # bands leave no room inside
            _add_legend(axes, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
        return save_figure(figure, format)


def draw_bars(
    bars: Sequence[Bar],
    *,
    value_label: str,
    title: str = "",
    value_range: tuple[float | None, float | None] = (0.0, None),
    chance: float | None = None,
    width: float = 7.2,
    format: Format = "svg",
) -> bytes:
    """Horizontal bars with intervals: a score a class, a score a method.

    Args:
        bars: from top to bottom; bars of a group share a colour.
        value_label: with the unit.
        title: above.
        value_range: of the axis.
        chance: where a dashed line says what guessing gives.
        width: of the picture, inches.
        format: of the bytes.
    """
    colour_of = make_colours([bar.group for bar in bars])
    with make_figure(width, 1.1 + 0.24 * len(bars)) as figure:
        axes = figure.add_subplot()
        for place, bar in enumerate(bars):
            axes.barh(place, bar.value, 0.72, color=colour_of[bar.group])
            if bar.low is not None and bar.high is not None:
                axes.plot([bar.low, bar.high], [place, place], color=INK, linewidth=1.1, marker="|", markersize=5)
        if chance is not None:
            axes.axvline(chance, color=INK, linewidth=0.9, linestyle="--", label=f"chance {chance:.3g}")
        for group, colour in colour_of.items():
            if group:
                axes.barh([0], [0], color=colour, label=_make_label(group))
        axes.set_yticks(range(len(bars)), [_shorten(bar.name, 60) for bar in bars])
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set(xlabel=value_label, title=title, xlim=value_range)
        axes.grid(visible=False, axis="y")
        if chance is not None or any(colour_of):
            _add_legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return save_figure(figure, format)


def draw_confusion(
    confusion: np.ndarray,
    names: Sequence[str],
    *,
    boundaries: Sequence[int] = (),
    title: str = "",
    format: Format = "svg",
) -> bytes:
    """A confusion matrix: rows are what it is, columns what was predicted, colours the share of the row.

    Up to 20 classes are named, with their counts in the cells; of more only every so many is numbered.

    Args:
        confusion: int (K, K), counts; a row without instances stays white, and its name says so.
        names: of the classes.
        boundaries: class indices before which a line is drawn (where another event or set begins).
        title: above.
        format: of the bytes.
    """
    confusion = np.asarray(confusion)
    num_classes = len(names)
    assert confusion.shape == (num_classes, num_classes), f"{confusion.shape} for {num_classes} names"
    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)
    is_small = num_classes <= 20
    side = 2.2 + 0.34 * num_classes if is_small else 6.4
    with make_figure(side + 1.4, side) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap=CONFUSION_COLOURS, vmin=0, vmax=1, interpolation="nearest")
        if is_small:
            labels = [_shorten(name, 28) for name in names]
            empty = [
                f"{label} (none)" if total == 0 else label for label, total in zip(labels, totals[:, 0], strict=True)
            ]
            axes.set_xticks(range(num_classes), labels, rotation=45, ha="right", rotation_mode="anchor")
            axes.set_yticks(range(num_classes), empty)
            for row, column in zip(*np.nonzero(confusion), strict=True):
                ink = "white" if shares[row, column] > 0.5 else INK
                axes.text(
                    column, row, f"{confusion[row, column]:.0f}", ha="center", va="center", color=ink, fontsize=7.5
                )
        for boundary in boundaries:
            axes.axhline(boundary - 0.5, color=INK, linewidth=0.6)
            axes.axvline(boundary - 0.5, color=INK, linewidth=0.6)
        axes.grid(visible=False)
        axes.set(xlabel="predicted", ylabel="true", title=title)
        figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.7)
        return save_figure(figure, format)


def make_colours(groups: Sequence[str]) -> dict[str, str]:
    """A colour a group, in the order in which the groups appear."""
    names = list(dict.fromkeys(groups))
    return dict(zip(names, cycle_colours(len(names)), strict=True))


def cycle_colours(number: int) -> list[str]:
    """So many colours; they repeat after eight."""
    return [COLOURS[index % len(COLOURS)] for index in range(number)]


def _make_label(text: str) -> str:
    # Matplotlib leaves labels that start with an underscore out of legends; video ids may.
    return f" {text}" if text.startswith("_") else text


def _add_legend(axes: Axes, **options: Any) -> None:
    """A legend, where there is anything to explain."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(**options)


def _format_shares(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
