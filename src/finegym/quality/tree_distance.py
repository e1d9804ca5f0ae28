"""How far two labels are apart in the codebook: to mistake the last question of a path is less than the event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finegym.codebook.model import Codebook
from finegym.codebook.tree import get_paths
from finegym.quality.units import get_set_of_label


def compute_tree_distance(codebook: Codebook, labels: Sequence[str]) -> np.ndarray:
    """The share of two labels' ways from the root that they do not have in common.

    A label's way is its event, its set, and the answers on its path in the set's tree. Two elements of different events
    have distance 1; two that differ only in the last answer of long paths are nearly the same. "No such element" and an
    element that the tree does not reach hang directly below their set.

    Args:
        codebook: that has the trees.
        labels: L events, sets, elements, ends without element.

    Returns:
        float64 (L, L), symmetric, in [0, 1], 0 on the diagonal.

    Source:
        1 minus the similarity of Wu and Palmer, "Verb Semantics and Lexical Selection", ACL 1994, without a root above
        the events.
    """
    ways = _find_ways(codebook, labels)
    longest = max(map(len, ways), default=0)
    numbers: dict[tuple[object, ...], int] = {}
    nodes = np.full((len(ways), longest), -1)
    for row, way in enumerate(ways):
        for depth in range(len(way)):
            nodes[row, depth] = numbers.setdefault(way[: depth + 1], len(numbers))
    depths = np.array([len(way) for way in ways])
    shared = sum(((column[:, None] == column[None]) & (column[:, None] >= 0)).astype(np.int64) for column in nodes.T)
    return 1 - 2 * shared / np.maximum(depths[:, None] + depths[None], 1)


def _find_ways(codebook: Codebook, labels: Sequence[str]) -> list[tuple[object, ...]]:
    paths = {id_: path for tree in codebook.trees for id_, path in get_paths(tree).items()}
    ways: list[tuple[object, ...]] = []
    for label in labels:
        set_id = get_set_of_label(codebook, label)
        if set_id is None:
            ways.append((label,))
            continue
        way: tuple[object, ...] = (codebook.set_by_id[set_id].event_id, set_id)
        if label != set_id:
            path = paths.get(label)
            way += tuple(step.answer for step in path) if path else (label,)
        ways.append(way)
    return ways
