"""Who is right: predictions, the surest first, each take the best thing to be found that is still free.

The rule is one of the oldest in detection and is written as a loop over predictions everywhere. It is also a stable
matching: predictions prefer what they overlap most, and everything to be found prefers the surer prediction. Deferred
acceptance finds the same matching in a few rounds over whole arrays, whatever order predictions propose in.

Source: Gale and Shapley, "College Admissions and the Stability of Marriage", American Mathematical Monthly 69, 1962:
the stable matching is unique where one side has one common order of preference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MAX_PAIRS = 1 << 18
"""Pairs made at once: what keeps memory bounded however many predictions there are."""


@dataclass(frozen=True)
class Pairs:
    """Predictions and things to be found that may match.

    Attributes:
        left: int64 (P,), predictions, ascending.
        right: int64 (P,); those of one prediction stand in its order of preference.
        value: float64 (P,), how well they fit.
    """

    left: np.ndarray
    right: np.ndarray
    value: np.ndarray

    def select(self, where: np.ndarray) -> Pairs:
        """The pairs where ``where`` is true, order kept."""
        return Pairs(self.left[where], self.right[where], self.value[where])


def iterate_pairs(
    left_group: np.ndarray, right_group: np.ndarray, max_pairs: int = MAX_PAIRS
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every pair of the same group, a block of lefts at a time.

    Args:
        left_group: int64 (L,).
        right_group: int64 (R,).
        max_pairs: of a block; a left with more of them is a block of its own.

    Yields:
        int64 (P,) left and right indices; lefts ascending, the rights of each ascending.

    Example:
        >>> [(a.tolist(), b.tolist()) for a, b in iterate_pairs(np.array([7, 8, 7]), np.array([7, 9, 7]))]
        [([0, 0, 2, 2], [0, 2, 0, 2])]
    """
    if not len(right_group):
        return
    order = np.argsort(right_group, kind="stable")
    groups, firsts, counts_of_group = np.unique(right_group[order], return_index=True, return_counts=True)
    group = np.searchsorted(groups[:-1], left_group)  # without the last: no place is past the end
    first, count = firsts[group], np.where(groups[group] == left_group, counts_of_group[group], 0)
    total = np.cumsum(count)
    start = 0
    while start < len(left_group):
        done = total[start - 1] if start else 0
        stop = max(int(np.searchsorted(total, done + max_pairs, "right")), start + 1)
        lefts = np.arange(start, stop)[count[start:stop] > 0]
        if lefts.size:
            counts = count[lefts]
            before = np.cumsum(counts) - counts
            offset = np.arange(counts.sum()) - np.repeat(before, counts)
            yield np.repeat(lefts, counts), order[np.repeat(first[lefts], counts) + offset]
        start = stop


def group_rows(groups: np.ndarray, num_groups: int) -> list[np.ndarray]:
    """The rows of every group, in order; rows of negative groups are in none.

    Example:
        >>> [rows.tolist() for rows in group_rows(np.array([1, 0, 1, -1]), 3)]
        [[1], [0, 2], []]
    """
    order = np.argsort(groups, kind="stable")
    bounds = np.searchsorted(groups[order], np.arange(num_groups + 1))
    return [order[start:stop] for start, stop in pairwise(bounds.tolist())]


def match_pairs(pairs: Pairs, num_left: int, num_right: int) -> tuple[np.ndarray, np.ndarray]:
    """Give every left, in their order, the first of its rights that no left before it has taken.

    Args:
        pairs: of them; lefts are numbered by priority, 0 first.
        num_left: L.
        num_right: R.

    Returns:
        int64 (M,) lefts that have one, ascending, and int64 (M,) what they have.
    """
    count = np.bincount(pairs.left, minlength=num_left)
    stop = np.cumsum(count)
    cursor = stop - count
    holder = np.full(num_right, num_left)
    active = np.flatnonzero(cursor < stop)
    while active.size:
        wanted = pairs.right[cursor[active]]
        before = holder[wanted]
        np.minimum.at(holder, wanted, active)
        after = holder[wanted]
        refused = active[after != active]
        displaced = np.unique(before[(after != before) & (before < num_left)])
        active = np.concatenate([refused, displaced])
        cursor[active] += 1
        active = active[cursor[active] < stop[active]]
    taken = np.flatnonzero(holder < num_left)
    order = np.argsort(holder[taken])
    return holder[taken][order], taken[order]


def compute_average_precision(ranks: np.ndarray, num_positive: int) -> float:
    """Area under the curve of precision over recall, of which every point is raised to the best one at more recall.

    Precision changes the envelope only where a prediction is right, so these are all that is needed.

    Args:
        ranks: int64 (M,), ascending: places, 1 for the first, of the predictions that are right.
        num_positive: things to be found, greater than 0.

    Source:
        Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010, section 4.2, with the all-point
        interpolation of its development kit of 2010 and later.

    Example:
        >>> compute_average_precision(np.array([1, 3]), 2)
        0.8333333333333333
    """
    return float(compute_envelope(ranks).sum() / num_positive)


def compute_envelope(ranks: np.ndarray) -> np.ndarray:
    """Interpolated precision at every prediction that is right: float64 (M,)."""
    precision = np.arange(1, len(ranks) + 1) / ranks
    return np.maximum.accumulate(precision[::-1])[::-1]
