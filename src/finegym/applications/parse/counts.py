"""Of what is there and what was said, how much was right: counts, and the pairs behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from finegym.segments import compute_tiou

MIN_TIOU = 0.5


@dataclass(frozen=True)
class Counts:
    """Of a kind of thing: how many there are, were said, and were right.

    Attributes:
        num_true: annotated.
        num_said: found or named.
        num_right: of both, one to one.
    """

    num_true: int
    num_said: int
    num_right: int

    @property
    def precision(self) -> float | None:
        """Of what was said, the part that is right; ``None`` where nothing was."""
        return self.num_right / self.num_said if self.num_said else None

    @property
    def recall(self) -> float | None:
        """Of what is there, the part that was said; ``None`` where nothing is."""
        return self.num_right / self.num_true if self.num_true else None


def match(true: Sequence[tuple[int, int]], said: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs (true, said) one to one: as many as can be of ``MIN_TIOU`` or more, then of the highest sum."""
    if not true or not said:
        return []
    tiou = compute_tiou(np.array(true, dtype=np.float64), np.array(said, dtype=np.float64))
    gain = np.where(tiou >= MIN_TIOU, 1 + tiou / (len(true) + 1), 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if gain[row, column] > 0]


def add_counts(counts: Sequence[Counts]) -> Counts:
    """All of them together."""
    return Counts(
        sum(one.num_true for one in counts),
        sum(one.num_said for one in counts),
        sum(one.num_right for one in counts),
    )
