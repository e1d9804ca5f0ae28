"""Snippets: the vectors that a localizer sees of a timeline, and where on its clock they stand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Snippets:
    """The snippet features of one timeline.

    Attributes:
        features: float16 (T, D), T at least 1; a memory map where they come from one store.
        times_ms: int64 (T,), increasing: the centre of each snippet, relative to the timeline's start.
        duration_ms: of the timeline.
    """

    features: np.ndarray
    times_ms: np.ndarray
    duration_ms: int

    def __len__(self) -> int:
        return len(self.times_ms)

    @cached_property
    def step_ms(self) -> float:
        """From one snippet to the next: the median; the whole timeline where there is one snippet only."""
        return float(np.median(np.diff(self.times_ms))) if len(self.times_ms) > 1 else float(self.duration_ms)

    def to_ms(self, positions: np.ndarray) -> np.ndarray:
        """Times of positions: ``i`` is the centre of snippet ``i``, and between snippets time is linear.

        Before the first snippet and behind the last one it goes on with ``step_ms``.

        Args:
            positions: float, any shape.

        Returns:
            float64, the same shape, milliseconds relative to the timeline's start; not cut at its ends.
        """
        positions = np.asarray(positions, np.float64)
        inside = np.interp(positions, np.arange(len(self.times_ms)), self.times_ms)
        last = len(self.times_ms) - 1
        beyond = np.minimum(positions, 0) + np.maximum(positions - last, 0)
        return inside + beyond * self.step_ms

    def to_positions(self, times_ms: np.ndarray) -> np.ndarray:
        """Positions of times: the inverse of ``to_ms``.

        Example:
            >>> snippets = Snippets(np.zeros((3, 1), np.float16), np.array([20, 60, 100]), 120)
            >>> snippets.to_positions(np.array([0, 20, 80, 120])).tolist()
            [-0.5, 0.0, 1.5, 2.5]
        """
        times_ms = np.asarray(times_ms, np.float64)
        inside = np.interp(times_ms, self.times_ms, np.arange(len(self.times_ms)))
        beyond = np.minimum(times_ms - self.times_ms[0], 0) + np.maximum(times_ms - self.times_ms[-1], 0)
        return inside + beyond / self.step_ms
