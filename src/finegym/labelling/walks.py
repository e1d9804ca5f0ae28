"""Walking a decision tree one answer at a time, with "unsure", and checking a walk that somebody sends.

Where every answer is yes or no, the tree itself says what is asked next and where it ends. After an "unsure" the tree
cannot; then the answers given rule elements out, and the next query is the one that narrows them best. All of it is the
codebook's own code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from finegym.codebook.model import Codebook, DecisionTree, Leaf
from finegym.codebook.tree import (
    find_candidates,
    get_elements_below,
    get_path,
    get_paths,
    get_tree,
    suggest_query,
    walk,
)
from finegym.errors import CodebookError

TreeAnswer = Literal["yes", "no", "unsure"]
_MEANING = {"yes": True, "no": False, "unsure": None}


@dataclass(frozen=True)
class Answered:
    """One answer of a walk."""

    query: str
    answer: TreeAnswer

    def to_json(self) -> dict[str, str]:
        """As it is stored."""
        return {"query": self.query, "answer": self.answer}


@dataclass(frozen=True)
class WalkState:
    """Where a walk has come to.

    Attributes:
        next_query: what to ask now; ``None`` at the end.
        candidates: the elements that are left.
        element_id: the element that was found.
        is_complete: nothing is left to ask.
        is_dead_end: the answers lead to "no such element".
    """

    next_query: str | None
    candidates: tuple[str, ...]
    element_id: str | None
    is_complete: bool
    is_dead_end: bool


def parse_walk(path: Sequence[dict[str, Any]]) -> tuple[Answered, ...]:
    """Stored answers as values."""
    return tuple(Answered(step["query"], step["answer"]) for step in path)


def follow_walk(codebook: Codebook, set_id: str, path: Sequence[Answered]) -> WalkState:
    """Where answers lead.

    Raises:
        CodebookError: there is no such set or tree; or a query is asked that the walk does not come to, or twice.

    Example:
        >>> from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set
        >>> tree = DecisionTree("X-S1", Node("turned", Leaf("a"), Leaf("b")))
        >>> book = Codebook("x", "1", "x", (Event("X", "x"),), (Set("X-S1", "X", "s"),),
        ...     (Element("a", "X-S1", "a"), Element("b", "X-S1", "b")), (Query("turned", "Turned?"),), (tree,))
        >>> follow_walk(book, "X-S1", [Answered("turned", "no")]).element_id
        'b'
        >>> follow_walk(book, "X-S1", [Answered("turned", "unsure")]).candidates
        ('a', 'b')
    """
    tree = get_tree(codebook, set_id)
    _check_unique(tree, path)
    sure = next((count for count, step in enumerate(path) if step.answer == "unsure"), len(path))
    answers: list[bool] = []
    for step in path[:sure]:
        _check_asked(tree, answers, step)
        answers.append(step.answer == "yes")
    if sure == len(path):
        return _stand_at(tree, answers)
    _check_asked(tree, answers, path[sure])
    known = {step.query: _MEANING[step.answer] for step in path[: sure + 1]}
    for step in path[sure + 1 :]:
        paths = get_paths(tree)
        if not any(found.query_id == step.query for left in find_candidates(tree, known) for found in paths[left]):
            raise CodebookError(f'tree of {tree.set_id}: query "{step.query}" does not tell those left apart')
        known[step.query] = _MEANING[step.answer]
    candidates = find_candidates(tree, known)
    next_query = suggest_query(tree, known)
    found = candidates[0] if len(candidates) == 1 else None
    return WalkState(next_query, candidates, found, next_query is None, not candidates)


def make_walk_to(codebook: Codebook, element_id: str) -> tuple[Answered, ...]:
    """The walk to an element that somebody names: the answers that its path takes.

    Raises:
        CodebookError: there is no such element, or no tree leads to it.
    """
    if element_id not in codebook.element_by_id:
        raise CodebookError(f'codebook {codebook.name} has no element "{element_id}"')
    tree = get_tree(codebook, codebook.element_by_id[element_id].set_id)
    return tuple(Answered(step.query_id, "yes" if step.answer else "no") for step in get_path(tree, element_id))


def _stand_at(tree: DecisionTree, answers: Sequence[bool]) -> WalkState:
    node = walk(tree, answers)
    if isinstance(node, Leaf):
        return WalkState(None, get_elements_below(node), node.element_id, True, node.element_id is None)
    return WalkState(node.query_id, get_elements_below(node), None, False, False)


def _check_asked(tree: DecisionTree, answers: Sequence[bool], step: Answered) -> None:
    node = walk(tree, answers)
    if isinstance(node, Leaf):
        raise CodebookError(
            f'tree of {tree.set_id}: the walk ends after {len(answers)} answers, but query "{step.query}" is answered'
        )
    if node.query_id != step.query:
        raise CodebookError(
            f'tree of {tree.set_id}: after {len(answers)} answers query "{node.query_id}" is asked, got "{step.query}"'
        )


def _check_unique(tree: DecisionTree, path: Sequence[Answered]) -> None:
    seen: set[str] = set()
    for step in path:
        if step.query in seen:
            raise CodebookError(f'tree of {tree.set_id}: query "{step.query}" is answered twice')
        seen.add(step.query)
