"""A confusion matrix for a phone: rows named, columns numbered alike, shares of the row in colour and in the cells."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from finegym.report.dot_plot import NARROW
from finegym.report.plots import CONFUSION_COLOURS, INK, make_figure, save_figure

MAX_NAMED = 20


def draw_small_confusion(confusion: np.ndarray, names: Sequence[str], title: str) -> bytes:
    """Draw it as SVG.

    Args:
        confusion: (K, K), rows what it is, columns what was predicted; counts, or means of them.
        names: K, of the classes. More than 20 are numbered only.
        title: above.
    """
    number = len(names)
    totals = confusion.sum(axis=1, keepdims=True)
    shares = 100 * confusion / np.maximum(totals, 1e-9)
    is_named = number <= MAX_NAMED
    with make_figure(NARROW, 0.6 + (0.3 * number if is_named else NARROW - 0.4)) as figure:
        axes = figure.add_subplot()
        axes.imshow(shares, cmap=CONFUSION_COLOURS, vmin=0, vmax=100, interpolation="nearest", aspect="auto")
        if is_named:
            labels = [_shorten(name) for name in names]
            axes.set_yticks(range(number), [f"{label}  {i + 1}" for i, label in enumerate(labels)], fontsize=7.5)
            axes.set_xticks(range(number), [str(i + 1) for i in range(number)], fontsize=7.5)
            for row, column in zip(*np.nonzero(shares >= 1), strict=True):
                ink = "white" if shares[row, column] >= 40 else INK
                text = f"{shares[row, column]:.0f}"
                axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=7.0)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_title(f"{title}: predicted, % of the row", fontsize=9.0)
        return save_figure(figure)


def _shorten(name: str) -> str:
    """Two lines of some thirty letters."""
    lines = textwrap.wrap(name, 30)
    return "\n".join(lines if len(lines) <= 2 else [lines[0], f"{lines[1][:29]}…"])
