"""Which units of several annotators are the same performance: one to one for two of them, groups for all of them.

Only times decide, never labels: whether two people saw the same thing happen and whether they call it the same are
questions of their own. Overlaps are found by one join over all units; where a unit has one partner, as nearly
everywhere, that is the matching, and only what is left needs an assignment problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from finegym.quality.units import Units

MATCH_TIOU = 0.3
"""From which overlap on two units are the same performance: below 0.5, so that bounds that are far off are seen as that
and not as a miss; high enough that a neighbour that reaches over is no match."""


@dataclass(frozen=True)
class Pairs:
    """Units of two annotators in one item.

    Attributes:
        left: int64 (P,), rows; their annotator comes before that of ``right``.
        right: int64 (P,).
        tiou: float64 (P,), greater than 0.
    """

    left: np.ndarray
    right: np.ndarray
    tiou: np.ndarray

    def __len__(self) -> int:
        return len(self.left)

    def select(self, where: np.ndarray) -> Pairs:
        """The pairs where ``where`` is true, or of these places."""
        return Pairs(self.left[where], self.right[where], self.tiou[where])


@dataclass(frozen=True)
class Groups:
    """Units that are one performance; every unit is in exactly one group.

    Attributes:
        members: int64 (G, A), the row of each annotator's unit, -1 where there is none. In order of item and time.
        item_index: int32 (G,).
        group_of_unit: int64 (N,).
    """

    members: np.ndarray
    item_index: np.ndarray
    group_of_unit: np.ndarray

    def __len__(self) -> int:
        return len(self.members)


def find_overlaps(units: Units) -> Pairs:
    """Every pair of units of two annotators in one item that share time; touching is not sharing."""
    if not len(units):
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    first_ms = units.start_ms.min()
    offset = units.item_index.astype(np.int64) * (units.end_ms.max() - first_ms + 1) - first_ms
    starts = units.start_ms + offset
    # Units are in order of item and start: those that share time with one and start later follow it directly.
    counts = np.searchsorted(starts, units.end_ms + offset, side="left") - np.arange(len(units)) - 1
    one = np.repeat(np.arange(len(units)), counts)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
    annotator = units.annotator_index
    is_two = annotator[one] != annotator[other]
    one, other = one[is_two], other[is_two]
    is_turned = annotator[one] > annotator[other]
    left, right = np.where(is_turned, other, one), np.where(is_turned, one, other)
    start, end = units.start_ms, units.end_ms
    shared = np.minimum(end[left], end[right]) - np.maximum(start[left], start[right])
    lengths = (end - start)[left] + (end - start)[right]
    return Pairs(left, right, shared / (lengths - shared))


def match_units(units: Units, min_tiou: float = MATCH_TIOU, overlaps: Pairs | None = None) -> Pairs:
    """One-to-one matching of every two annotators: the largest sum of tIoU over pairs of at least ``min_tiou``.

    Args:
        units: of all annotators.
        min_tiou: from which overlap on two units may match, greater than 0.
        overlaps: ``find_overlaps(units)``, where it is known already.

    Returns:
        The matches of all pairs of annotators, in order of ``left`` and ``right``.
    """
    pairs = find_overlaps(units) if overlaps is None else overlaps
    pairs = pairs.select(pairs.tiou >= min_tiou)
    num_annotators, num_units = len(units.annotators), len(units)
    # A node is a unit as seen by one other annotator: matchings with different annotators do not meet.
    left = pairs.left * num_annotators + units.annotator_index[pairs.right]
    right = pairs.right * num_annotators + units.annotator_index[pairs.left]
    degree = np.bincount(np.concatenate([left, right]), minlength=num_units * num_annotators)
    is_only = (degree[left] == 1) & (degree[right] == 1)
    kept = np.concatenate([np.flatnonzero(is_only), _assign(left, right, pairs.tiou, np.flatnonzero(~is_only))])
    kept = kept[np.lexsort((pairs.right[kept], pairs.left[kept]))]
    return pairs.select(kept)


def _assign(left: np.ndarray, right: np.ndarray, value: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The pairs, of ``places``, of the best assignment of every connected part of them."""
    nodes, numbers = np.unique(np.concatenate([left[places], right[places]]), return_inverse=True)
    ones, others = numbers[: len(places)], numbers[len(places) :]
    graph = coo_array((np.ones(len(places), np.int8), (ones, others)), shape=(len(nodes), len(nodes)))
    _, part_of_node = connected_components(graph, directed=False)
    chosen = [
        part[_assign_part(ones[part], others[part], value[places[part]])]
        for part in _split_by(part_of_node[ones] if len(places) else np.zeros(0, np.int64))
    ]
    return places[np.concatenate(chosen)] if chosen else np.zeros(0, np.int64)


def _assign_part(ones: np.ndarray, others: np.ndarray, value: np.ndarray) -> np.ndarray:
    _, row = np.unique(ones, return_inverse=True)
    _, column = np.unique(others, return_inverse=True)
    gain = np.zeros((row.max() + 1, column.max() + 1))
    gain[row, column] = value
    place = np.full(gain.shape, -1)
    place[row, column] = np.arange(len(value))
    found = place[linear_sum_assignment(gain, maximize=True)]
    return found[found >= 0]


def _split_by(numbers: np.ndarray) -> Iterator[np.ndarray]:
    """Places of every number, number by number."""
    order = np.argsort(numbers, kind="stable")
    yield from (part for part in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(part))


def group_units(units: Units, matches: Pairs | None = None) -> Groups:
    """Put units that match into groups of at most one unit an annotator.

    Whatever is connected by matches is one group. Where that would put two units of one annotator together, the pairs
    that overlap most are joined first, and what no longer fits stays apart.

    Args:
        units: of all annotators.
        matches: ``match_units(units)`` by default.
    """
    if matches is None:
        matches = match_units(units)
    num_units, num_annotators = len(units), len(units.annotators)
    graph = coo_array((np.ones(len(matches), np.int8), (matches.left, matches.right)), shape=(num_units, num_units))
    _, part = connected_components(graph, directed=False) if num_units else (0, np.zeros(0, np.int64))
    seat = part.astype(np.int64) * num_annotators + units.annotator_index
    is_crowded = np.bincount(seat, minlength=1)[seat] > 1
    crowded = np.isin(part[matches.left], part[is_crowded])
    part = part.astype(np.int64)
    part[np.isin(part, part[is_crowded])] = -1
    part = _join_greedily(units, matches.select(crowded), part)
    # Numbered in the order of their first unit, which is that of item and time.
    _, first, numbers = np.unique(part, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    group = rank[numbers]
    members = np.full((len(first), num_annotators), -1, np.int64)
    members[group, units.annotator_index] = np.arange(num_units)
    item = np.zeros(len(first), np.int32)
    item[group] = units.item_index
    return Groups(members, item, group)


def _join_greedily(units: Units, matches: Pairs, part: np.ndarray) -> np.ndarray:
    """Give the units of part -1 parts of their own: pair by pair, the largest overlap first."""
    loose = np.flatnonzero(part == -1)
    next_part = int(part.max(initial=-1)) + 1
    part_of = {row: next_part + place for place, row in enumerate(loose.tolist())}
    rows_of = {number: [row] for row, number in part_of.items()}
    annotator = units.annotator_index.tolist()
    for place in np.lexsort((matches.right, matches.left, -matches.tiou)).tolist():
        one, other = part_of[int(matches.left[place])], part_of[int(matches.right[place])]
        there = {annotator[row] for row in rows_of[one]}
        if one != other and there.isdisjoint(annotator[row] for row in rows_of[other]):
            for row in rows_of[other]:
                part_of[row] = one
            rows_of[one] += rows_of.pop(other)
    part = part.copy()
    part[loose] = [part_of[row] for row in loose.tolist()]
    return part
