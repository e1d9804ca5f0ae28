"""What several annotators said of the same things: the table that every coefficient of agreement is computed from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Ratings:
    """A category from each annotator for each of U things.

    Attributes:
        values: int32 (U, A), categories from 0; -1 where an annotator said nothing.
        group: int32 (U,), the record that each thing belongs to.
        num_categories: K.
        weight: float64 (U,), how many alike each row stands for (frames of a run); ``None``: one.
    """

    values: np.ndarray
    group: np.ndarray
    num_categories: int
    weight: np.ndarray | None = None

    @cached_property
    def weights(self) -> np.ndarray:
        """float64 (U,)."""
        return np.ones(len(self.values)) if self.weight is None else self.weight

    @cached_property
    def num_values(self) -> np.ndarray:
        """int64 (U,), how many annotators said something."""
        return (self.values >= 0).sum(axis=1)

    @cached_property
    def packed(self) -> np.ndarray:
        """int32 (U, M): the values of each row to the left, in order of annotators; -1 behind them."""
        if not len(self.values):
            return np.zeros((0, 0), np.int32)
        order = np.argsort(self.values < 0, axis=1, kind="stable")
        return np.take_along_axis(self.values, order, axis=1)[:, : self.num_values.max()]

    def select(self, rows: np.ndarray) -> Ratings:
        """The things of some rows."""
        weight = None if self.weight is None else self.weight[rows]
        return Ratings(self.values[rows], self.group[rows], self.num_categories, weight)

    @cached_property
    def pairable(self) -> Ratings:
        """Only things of which two annotators or more said something."""
        return self if (self.num_values >= 2).all() else self.select(self.num_values >= 2)

    def iterate_values(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows and categories of every first, every second … value."""
        for column in self.packed.T:
            rows = np.flatnonzero(column >= 0)
            yield rows, column[rows]

    def iterate_pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Rows and the two categories of every pair of values of one thing, each pair once."""
        for second in range(1, self.packed.shape[1]):
            rows = np.flatnonzero(self.packed[:, second] >= 0)  # packed: the values before it are there too
            for first in range(second):
                yield rows, self.packed[rows, first], self.packed[rows, second]

    @cached_property
    def num_equal_pairs(self) -> np.ndarray:
        """int64 (U,), pairs of annotators that said the same."""
        equal = np.zeros(len(self.values), np.int64)
        for rows, one, other in self.iterate_pairs():
            equal[rows] += one == other
        return equal
