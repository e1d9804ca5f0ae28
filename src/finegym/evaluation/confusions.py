"""Which elements are taken for which, and at which query of their decision tree the two part.

Two elements of one set share the queries of their paths up to one, which they answer differently: the model does not
see what that query asks about. Elements of two sets have no tree in common; they part by set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finegym.codebook.model import Codebook
from finegym.codebook.tree import TreePath, get_paths

NO_QUERY = ""


@dataclass(frozen=True)
class ConfusedPair:
    """Elements of which one was predicted for the other.

    Attributes:
        true_id: what it is.
        predicted_id: what was predicted.
        count: how often; a mean where several seeds were counted.
        share: of the instances of what it is.
        query_id: where their paths part; empty where they share no tree.
        true_answer: of the element that it is.
    """

    true_id: str
    predicted_id: str
    count: float
    share: float
    query_id: str = NO_QUERY
    true_answer: bool | None = None


def find_parting(codebook: Codebook, left_id: str, right_id: str) -> tuple[str, bool | None]:
    """The query that two elements of one set answer differently, and the answer of the first.

    Returns:
        An empty id and ``None`` where the two are of different sets, or the tree does not lead to both.
    """
    sets = {codebook.element_by_id[element_id].set_id for element_id in (left_id, right_id)}
    if len(sets) != 1:
        return NO_QUERY, None
    tree = codebook.tree_by_set_id.get(next(iter(sets)))
    paths = get_paths(tree) if tree else {}
    return _part(paths.get(left_id, ()), paths.get(right_id, ()))


def list_confused_pairs(confusion: np.ndarray, element_ids: Sequence[str], codebook: Codebook) -> list[ConfusedPair]:
    """Every pair that was confused, the most frequent first.

    Args:
        confusion: (K, K), rows what it is, columns what was predicted; counts, or means of them over seeds.
        element_ids: K ids.
        codebook: of the elements.
    """
    totals = np.maximum(confusion.sum(axis=1), 1)
    pairs = []
    for row, column in zip(*np.nonzero(confusion), strict=True):
        if row != column:
            count = float(confusion[row, column])
            query_id, answer = find_parting(codebook, element_ids[row], element_ids[column])
            share = count / float(totals[row])
            pairs.append(ConfusedPair(element_ids[row], element_ids[column], count, share, query_id, answer))
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share))


def count_by_query(pairs: Sequence[ConfusedPair]) -> dict[str, float]:
    """How many confusions part at every query, the most first; under ``NO_QUERY`` those between sets."""
    counts: dict[str, float] = {}
    for pair in pairs:
        counts[pair.query_id] = counts.get(pair.query_id, 0.0) + pair.count
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _part(left: TreePath, right: TreePath) -> tuple[str, bool | None]:
    for one, other in zip(left, right, strict=False):
        if one.query_id != other.query_id:
            break
        if one.answer != other.answer:
            return one.query_id, one.answer
    return NO_QUERY, None
