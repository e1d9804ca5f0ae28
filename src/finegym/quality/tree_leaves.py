"""The ends of a decision tree as arrays, and how likely each is where answers are only likely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.codebook.model import DecisionTree, Leaf, Node
from finegym.codebook.tree import iterate_nodes
from finegym.quality.units import name_no_element


@dataclass(frozen=True, eq=False)
class Leaves:
    """The ends of one tree.

    Attributes:
        labels: of P leaves, a dead end as "no such element".
        yes: bool (P, R), the path says yes to the query.
        no: bool (P, R), it says no.
        queries: R ids.
    """

    labels: tuple[str, ...]
    yes: np.ndarray
    no: np.ndarray
    queries: tuple[str, ...]


def list_leaves(tree: DecisionTree) -> Leaves:
    """The leaves of a tree, in its order."""
    nodes = list(iterate_nodes(tree))
    queries = tuple(dict.fromkeys(node.query_id for _, node in nodes if isinstance(node, Node)))
    number = {query: index for index, query in enumerate(queries)}
    at = {answers: node.query_id for answers, node in nodes if isinstance(node, Node)}
    leaves = [(answers, node) for answers, node in nodes if isinstance(node, Leaf)]
    said = np.zeros((2, len(leaves), len(queries)), bool)
    for row, (answers, _) in enumerate(leaves):
        for depth, answer in enumerate(answers):
            said[int(answer), row, number[at[answers[:depth]]]] = True
    labels = tuple(leaf.element_id or name_no_element(tree.set_id) for _, leaf in leaves)
    return Leaves(labels, said[1], said[0], queries)


def compute_leaf_belief(leaves: Leaves, yes: np.ndarray) -> np.ndarray:
    """float64 (G, P), how likely each leaf is where each query is yes with a probability (G, R)."""
    tiny = 1e-300
    log_yes, log_no = np.log(np.maximum(yes, tiny)), np.log(np.maximum(1 - yes, tiny))
    return np.exp(log_yes @ leaves.yes.T.astype(np.float64) + log_no @ leaves.no.T.astype(np.float64))
