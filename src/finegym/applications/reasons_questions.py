"""What a recogniser had to decide for an answer: the queries along its path, as classes for and classes against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from finegym.applications.attributes_query import format_value
from finegym.applications.hierarchy import find_parting
from finegym.codebook.model import AttributeValue, Codebook, Leaf, Node
from finegym.codebook.problems import suggest
from finegym.codebook.tree import get_elements_below
from finegym.errors import CodebookError, ConfigError


@dataclass(frozen=True)
class Question:
    """One decision.

    Attributes:
        kind: ``query`` of a tree; ``set``: this set or another; ``class``: this class or another; ``pair``: this class
            or one that was asked about.
        text: as people read it.
        query_id: of a query; ``None`` otherwise.
        answer: that the path takes.
        in_favour: class indices that the answer leaves.
        against: class indices that the other answer would leave; empty: the model knows none, and nothing is decided.
    """

    kind: Literal["query", "set", "class", "pair"]
    text: str
    query_id: str | None
    answer: bool
    in_favour: tuple[int, ...]
    against: tuple[int, ...]

    def score(self, logits: torch.Tensor) -> torch.Tensor:
        """Log-odds (B,) of the answer, of logits (B, K): what the one side has against what the other has."""
        sides = (logits[:, list(side)].logsumexp(dim=1) for side in (self.in_favour, self.against))
        in_favour, against = sides
        return in_favour - against

    def compute_probability(self, logits: np.ndarray) -> float:
        """The probability of the answer, of logits (K,): 1 where nothing is decided."""
        if not self.against:
            return 1.0
        return float(torch.sigmoid(self.score(torch.as_tensor(logits, dtype=torch.float64)[None]))[0])


def list_questions(
    chosen: int,
    class_ids: Sequence[str],
    class_names: Sequence[str],
    codebook: Codebook | None,
    against: str | None = None,
) -> tuple[Question, ...]:
    """The decisions that lead to a class.

    Args:
        chosen: its index.
        class_ids: of all K classes.
        class_names: likewise.
        codebook: of the classes; ``None`` where there is none: then it is this class or another.
        against: id of another class; how the chosen one is told from it is asked last.

    Raises:
        ConfigError: ``against`` is no class of the model, or the chosen one itself.
    """
    place = {class_id: index for index, class_id in enumerate(class_ids)}
    own = class_ids[chosen]
    found = _list_path(own, place, codebook) if codebook is not None and own in codebook.element_by_id else []
    if not found:
        others = tuple(index for index in range(len(class_ids)) if index != chosen)
        found = [Question("class", f"Is it {class_names[chosen]}?", None, True, (chosen,), others)]
    if against is not None:
        found.append(_make_pair(chosen, against, place, class_names, codebook))
    return tuple(found)


@dataclass(frozen=True)
class Parting:
    """What tells two elements apart.

    Attributes:
        first: id, as ``second``.
        names: of both.
        sets: of both.
        query_id: where their paths part; ``None`` where they are of two sets, or a tree does not lead to both.
        text: of the query.
        answer: of the query that leads to the first.
        attributes: name, value of the first, value of the second, where they differ; ``None`` where it has none.
    """

    first: str
    second: str
    names: tuple[str, str]
    sets: tuple[str, str]
    query_id: str | None
    text: str | None
    answer: bool | None
    attributes: tuple[tuple[str, AttributeValue | None, AttributeValue | None], ...]


def describe_parting(codebook: Codebook, first: str, second: str) -> Parting:
    """Where the paths of two elements part, and which attributes differ.

    Raises:
        CodebookError: an element is not in the codebook, or they are the same.
    """
    for element_id in (first, second):
        if element_id not in codebook.element_by_id:
            known = suggest(element_id, list(codebook.element_by_id))
            raise CodebookError(f"codebook {codebook.name} has no element {element_id!r}{known}")
    if first == second:
        raise CodebookError(f"{first} and {second} are the same element. Give two.")
    elements = [codebook.element_by_id[one] for one in (first, second)]
    parting = find_parting(codebook, first, second)
    query_id, answer = parting or (None, None)
    left, right = (codebook.attributes_by_element_id[one] for one in (first, second))
    return Parting(
        first,
        second,
        (elements[0].name.strip(), elements[1].name.strip()),
        (elements[0].set_id, elements[1].set_id),
        query_id,
        codebook.query_by_id[query_id].text if query_id is not None else None,
        answer,
        tuple(
            (name, left.get(name), right.get(name))
            for name in dict.fromkeys([*left, *right])
            if left.get(name) != right.get(name)
        ),
    )


def format_parting(parting: Parting) -> str:
    """Where two elements part, for the terminal."""
    lines = [
        f"{id_}  {name}  ({set_id})"
        for id_, name, set_id in zip((parting.first, parting.second), parting.names, parting.sets, strict=True)
    ]
    if parting.text is not None:
        said = ("yes", "no") if parting.answer else ("no", "yes")
        lines.append(f"They part at: {parting.text} {said[0]} for the first, {said[1]} for the second.")
    elif parting.sets[0] != parting.sets[1]:
        lines.append("They are of two sets: no query tells them apart, their sets do.")
    else:
        lines.append("No tree leads to both.")
    for name, left, right in parting.attributes:
        values = ["-" if value is None else format_value(value) for value in (left, right)]
        lines.append(f"{name}: {values[0]} and {values[1]}")
    return "\n".join(lines)


def _list_path(element_id: str, place: dict[str, int], codebook: Codebook) -> list[Question]:
    set_ = codebook.set_by_id[codebook.element_by_id[element_id].set_id]
    inside = {id_: index for id_, index in place.items() if _get_set(codebook, id_) == set_.id}
    outside = tuple(index for id_, index in place.items() if id_ not in inside)
    found = []
    if outside:
        found.append(Question("set", f"Is it of {set_.id}, {set_.name}?", None, True, tuple(inside.values()), outside))
    tree = codebook.tree_by_set_id.get(set_.id)
    below = get_elements_below(tree.root) if tree else ()
    if tree is None or element_id not in below:
        others = tuple(index for id_, index in inside.items() if id_ != element_id)
        name = codebook.element_by_id[element_id].name.strip()
        if others:
            found.append(Question("class", f"Is it {name}?", None, True, (place[element_id],), others))
        return found
    node: Node | Leaf = tree.root
    while isinstance(node, Node):
        answer = element_id in get_elements_below(node.yes)
        sides = [tuple(place[id_] for id_ in get_elements_below(side) if id_ in place) for side in (node.yes, node.no)]
        mine, other = sides if answer else reversed(sides)
        found.append(Question("query", codebook.query_by_id[node.query_id].text, node.query_id, answer, mine, other))
        node = node.yes if answer else node.no
    return found


def _get_set(codebook: Codebook, element_id: str) -> str | None:
    element = codebook.element_by_id.get(element_id)
    return None if element is None else element.set_id


def _make_pair(
    chosen: int, against: str, place: dict[str, int], class_names: Sequence[str], codebook: Codebook | None
) -> Question:
    if against not in place:
        raise ConfigError(f"--against {against}: the model does not know it{suggest(against, list(place))}")
    other = place[against]
    if other == chosen:
        raise ConfigError(f"--against {against}: that is what the model says. Give another class.")
    own = next(id_ for id_, index in place.items() if index == chosen)
    text = f"Rather than {class_names[other]}?"
    is_known = codebook is not None and {own, against} <= codebook.element_by_id.keys()
    parting = find_parting(codebook, own, against) if codebook is not None and is_known else None
    if parting is not None and codebook is not None:
        query_id, answer = parting
        text += f" ({codebook.query_by_id[query_id].text} {'yes' if answer else 'no'})"
        return Question("pair", text, query_id, answer, (chosen,), (other,))
    return Question("pair", text, None, True, (chosen,), (other,))
