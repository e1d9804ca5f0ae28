"""A codebook of some elements of another: what the small sizes of the studies simulate."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from finegym.codebook.model import Codebook, DecisionTree, Leaf, Node
from finegym.codebook.tree import get_elements_below
from finegym.errors import CodebookError, join_problems


def keep_elements(codebook: Codebook, element_ids: Collection[str], name: str) -> Codebook:
    """The codebook with only these elements, and the sets, trees and queries that they need.

    Queries on the path of an element stay where only one answer leads anywhere, because answers say what an element is
    like. An answer that led to other elements only leads to "no such element".

    Raises:
        CodebookError: the codebook lacks an element.
    """
    unknown = [id_ for id_ in element_ids if id_ not in codebook.element_by_id]
    if unknown:
        raise CodebookError(f"codebook {codebook.name} lacks {len(unknown)} elements: {join_problems(unknown, 5)}")
    elements = tuple(element for element in codebook.elements if element.id in element_ids)
    set_ids = {element.set_id for element in elements}
    sets = tuple(set_ for set_ in codebook.sets if set_.id in set_ids)
    trees = tuple(
        DecisionTree(tree.set_id, _prune(tree.root, element_ids)) for tree in codebook.trees if tree.set_id in set_ids
    )
    asked = {query_id for tree in trees for query_id in _find_queries(tree.root)}
    return replace(
        codebook,
        name=name,
        events=tuple(event for event in codebook.events if any(set_.event_id == event.id for set_ in sets)),
        sets=sets,
        elements=elements,
        queries=tuple(query for query in codebook.queries if query.id in asked),
        trees=trees,
        source=f"{len(elements)} of the {len(codebook.elements)} elements of {codebook.name} {codebook.version}",
    )


def _prune(node: Node | Leaf, element_ids: Collection[str]) -> Node | Leaf:
    if not set(get_elements_below(node)) & set(element_ids):
        return Leaf(None)
    if isinstance(node, Leaf):
        return node
    return Node(node.query_id, _prune(node.yes, element_ids), _prune(node.no, element_ids))


def _find_queries(node: Node | Leaf) -> set[str]:
    return set() if isinstance(node, Leaf) else {node.query_id, *_find_queries(node.yes), *_find_queries(node.no)}
