"""From estimates over seeds and records together to cells of tables and dots of figures, in percent."""

from __future__ import annotations

import math
from collections.abc import Sequence

from finegym.evaluation.estimates import Estimate
from finegym.report.dot_plot import Dots
from finegym.studies.tables import NOT_RUN, Cell, Interval


def make_cell(found: Estimate, num_instances: int) -> Cell:
    """A share, or a difference of two, in percent; empty where it is not known, with the reason.

    Args:
        found: the estimate, in [-1, 1].
        num_instances: that it was computed on.
    """
    if math.isnan(found.value):
        return Cell(None, why_empty=found.no_interval or NOT_RUN.why_empty)
    value, seeds = 100 * found.value, tuple(100 * each for each in found.by_seed)
    if found.low is None or found.high is None:
        return Cell(value, by_seed=seeds, num_instances=num_instances, no_interval=found.no_interval)
    over: Interval = "records" if found.num_seeds == 1 else "seeds and records"
    return Cell(value, 100 * found.low, 100 * found.high, over, seeds, num_instances)


def make_dots(name: str, found: Sequence[Estimate | None]) -> Dots:
    """Dots of estimates in percent; ``None``, and what is not known, is left out."""
    nan = float("nan")
    bounds = [(nan, nan, nan) if each is None else (each.value, each.low, each.high) for each in found]
    value, low, high = (
        [nan if number is None else 100 * number for number in column] for column in zip(*bounds, strict=True)
    )
    return Dots(name, value, low, high)
