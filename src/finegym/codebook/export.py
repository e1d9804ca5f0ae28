"""A codebook, or a part of it, as plain values for JSON: what ``finegym codebook … --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finegym.codebook.model import Codebook, Element, Leaf, Node
from finegym.codebook.problems import Problem
from finegym.codebook.tree import compute_tree_shape, get_paths, iterate_nodes


def export_overview(codebook: Codebook) -> dict[str, Any]:
    """Events and sets with counts."""
    return {
        "name": codebook.name,
        "version": codebook.version,
        "sport": codebook.sport,
        "source": codebook.source,
        "num_elements": len(codebook.elements),
        "num_queries": len(codebook.queries),
        "num_tree_nodes": sum(compute_tree_shape(tree).num_nodes for tree in codebook.trees),
        "events": [
            {
                "id": event.id,
                "name": event.name,
                "number": event.number,
                "sets": [_export_set_head(codebook, set_.id) for set_ in codebook.get_sets_of_event(event.id)],
            }
            for event in codebook.events
        ],
    }


def _export_set_head(codebook: Codebook, set_id: str) -> dict[str, Any]:
    set_ = codebook.set_by_id[set_id]
    tree = codebook.tree_by_set_id.get(set_id)
    shape = compute_tree_shape(tree) if tree else None
    return {
        "id": set_.id,
        "name": set_.name,
        "number": set_.number,
        "attributes": dict(set_.attributes),
        "num_elements": len(codebook.get_elements_of_set(set_id)),
        "num_tree_nodes": shape.num_nodes if shape else None,
        "num_dead_answers": shape.num_dead_answers if shape else None,
        "max_depth": shape.max_depth if shape else None,
    }


def export_set(codebook: Codebook, set_id: str) -> dict[str, Any]:
    """A set with its elements and its tree; nested ``{"ask", "yes", "no"}``, leaves are element ids or null."""
    tree = codebook.tree_by_set_id.get(set_id)
    elements = codebook.get_elements_of_set(set_id)
    nodes = [node for _, node in iterate_nodes(tree)] if tree else []
    asked = dict.fromkeys(node.query_id for node in nodes if isinstance(node, Node))
    return {
        **_export_set_head(codebook, set_id),
        "event_id": codebook.set_by_id[set_id].event_id,
        "elements": [export_element(codebook, element, with_path=False) for element in elements],
        "queries": {query_id: codebook.query_by_id[query_id].text for query_id in asked},
        "tree": _export_node(tree.root) if tree else None,
    }


def export_element(codebook: Codebook, element: Element, *, with_path: bool = True) -> dict[str, Any]:
    """An element with its attributes and, on request, its path."""
    exported: dict[str, Any] = {
        "id": element.id,
        "set_id": element.set_id,
        "event_id": codebook.get_event_of_element(element.id).id,
        "name": element.name,
        "difficulty_code": element.difficulty_code,
        "difficulty_value": element.difficulty_value,
        "glabel": element.glabel,
        "attributes": dict(codebook.attributes_by_element_id[element.id]),
    }
    if with_path:
        tree = codebook.tree_by_set_id.get(element.set_id)
        path = get_paths(tree).get(element.id) if tree else None
        exported["path"] = (
            None
            if path is None
            else [
                {"query_id": step.query_id, "text": codebook.query_by_id[step.query_id].text, "answer": step.answer}
                for step in path
            ]
        )
    return exported


def export_problems(problems: Sequence[Problem]) -> dict[str, Any]:
    """Counts, and every problem with file and line."""
    return {
        "num_errors": sum(problem.severity == "error" for problem in problems),
        "num_warnings": sum(problem.severity == "warning" for problem in problems),
        "problems": [
            {
                "severity": problem.severity,
                "kind": problem.kind,
                "message": problem.message,
                "file": problem.place.file if problem.place else None,
                "line": problem.place.line if problem.place else None,
                "set_id": problem.set_id,
                "element_ids": list(problem.element_ids),
            }
            for problem in problems
        ],
    }


def _export_node(node: Node | Leaf) -> Any:
    if isinstance(node, Leaf):
        return node.element_id
    return {"ask": node.query_id, "yes": _export_node(node.yes), "no": _export_node(node.no)}
