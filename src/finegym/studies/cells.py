"""From estimates over seeds and records together to cells of tables and dots of figures, in percent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from finegym.evaluation.estimates import Estimate
from finegym.report.dot_plot import Dots
from finegym.studies.results import Answers
from finegym.studies.tables import NOT_RUN, Cell

BOTH: Final = "seeds and records"


def make_cell(found: Estimate, num_instances: int, by_seed: Sequence[float] = ()) -> Cell:
    """A share, or a difference of two, in percent; empty where it is not known, with the reason.

    Args:
        found: the estimate, in [-1, 1].
        num_instances: that it was computed on.
        by_seed: the number with every seed, in [-1, 1].
    """
    if math.isnan(found.value):
        return Cell(None, why_empty=found.no_interval or NOT_RUN.why_empty)
    seeds = tuple(100 * value for value in by_seed)
    if found.low is None or found.high is None:
        return Cell(100 * found.value, by_seed=seeds, num_instances=num_instances)
    return Cell(100 * found.value, 100 * found.low, 100 * found.high, BOTH, seeds, num_instances)


def make_dots(name: str, found: Sequence[Estimate | None]) -> Dots:
    """Dots of estimates in percent; ``None``, and what is not known, is left out."""
    nan = float("nan")
    bounds = [(nan, nan, nan) if each is None else (each.value, each.low, each.high) for each in found]
    value, low, high = (
        [nan if number is None else 100 * number for number in column] for column in zip(*bounds, strict=True)
    )
    return Dots(name, value, low, high)


def stack_right(answers: Sequence[Answers]) -> np.ndarray:
    """Bool (S, N): which instances every run got right, in the order of the split."""
    return np.array([each.is_right for each in answers])
