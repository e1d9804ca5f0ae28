"""What a recogniser had to decide for an answer: event, set, the queries of the tree; as classes for and against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from finegym.applications.hierarchy import find_parting
from finegym.codebook.model import Codebook, DecisionTree, Leaf, Node
from finegym.codebook.problems import suggest
from finegym.codebook.tree import get_elements_below
from finegym.errors import ConfigError

Kind = Literal["event", "set", "query", "class", "pair"]


@dataclass(frozen=True)
class Question:
    """One decision.

    Attributes:
        kind: ``event``, ``set`` (of the event): this one or another; ``query`` of a tree; ``class``: this class or
            another; ``pair``: this class or one that was asked about.
        text: as people read it.
        query_id: of a query; ``None`` otherwise.
        answer: that the path takes.
        in_favour: class indices that the answer leaves; empty: the model knows none, and can never give it.
        against: class indices that the other answer would leave; empty: the model knows none, and nothing is decided.
    """

    kind: Kind
    text: str
    query_id: str | None
    answer: bool
    in_favour: tuple[int, ...]
    against: tuple[int, ...]

    @property
    def is_decided(self) -> bool:
        """Whether the model knows classes on either side."""
        return bool(self.in_favour and self.against)

    @property
    def key(self) -> tuple[str, str | None]:
        """What it has in common with the same question to another model."""
        return self.kind, self.query_id

    def score(self, logits: torch.Tensor) -> torch.Tensor:
        """Log-odds (B,) of the answer, of logits (B, K): what the one side has against what the other has."""
        in_favour, against = (logits[:, list(side)].logsumexp(dim=1) for side in (self.in_favour, self.against))
        return in_favour - against

    def compute_probability(self, logits: np.ndarray) -> float:
        """The probability of the answer, of logits (K,): 1 where the model knows no other, 0 where not this one."""
        if not self.is_decided:
            return 1.0 if self.in_favour else 0.0
        return float(torch.sigmoid(self.score(torch.as_tensor(logits, dtype=torch.float64)[None]))[0])


@dataclass(frozen=True)
class Goal:
    """What the path leads to: the finest of these that is known.

    Attributes:
        event_id: always.
        set_id: of the event; ``None``: only the event is in question.
        element_id: of the set; ``None``: only the set is.
    """

    event_id: str
    set_id: str | None = None
    element_id: str | None = None

    @property
    def finest(self) -> str:
        """Its id."""
        return self.element_id or self.set_id or self.event_id


def find_goal(class_id: str, codebook: Codebook) -> Goal | None:
    """Where an element, a set or an event of a codebook lies; ``None``: it is none of these."""
    if class_id in codebook.element_by_id:
        set_id = codebook.element_by_id[class_id].set_id
        return Goal(codebook.set_by_id[set_id].event_id, set_id, class_id)
    if class_id in codebook.set_by_id:
        return Goal(codebook.set_by_id[class_id].event_id, class_id)
    return Goal(class_id) if class_id in codebook.event_by_id else None


def list_questions(
    chosen: int,
    class_ids: Sequence[str],
    class_names: Sequence[str],
    codebook: Codebook | None,
    against: str | None = None,
) -> tuple[Question, ...]:
    """The decisions that lead a recogniser to one of its classes.

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
    goal = find_goal(own, codebook) if codebook is not None else None
    path = list_path(goal, class_ids, codebook) if goal is not None and codebook is not None else ()
    found = [one for one in path if one.kind != "class" or one.against]
    if not found:
        others = tuple(index for index in place.values() if index != chosen)
        found = [Question("class", f"Is it {class_names[chosen]}?", None, True, (chosen,), others)]
    if against is not None:
        if against not in place:
            raise ConfigError(f"--against {against}: the model does not know it{suggest(against, list(place))}")
        other = class_names[place[against]]
        found.append(make_pair(own, against, other, class_ids, codebook))
    return tuple(found)


def list_path(goal: Goal, class_ids: Sequence[str], codebook: Codebook) -> tuple[Question, ...]:
    """The decisions on the way to a goal, of a recogniser that need not know it itself.

    Events and sets are left out where the recogniser knows no other, queries where it knows neither side.
    """
    goals = [find_goal(class_id, codebook) for class_id in class_ids]

    def choose(holds: Callable[[Goal], bool]) -> tuple[int, ...]:
        return tuple(index for index, one in enumerate(goals) if one is not None and holds(one))

    event, others = choose(lambda one: one.event_id == goal.event_id), choose(lambda one: one.event_id != goal.event_id)
    found = []
    if others:
        name = codebook.event_by_id[goal.event_id].name
        found.append(Question("event", f"Is it {goal.event_id}, {name}?", None, True, event, others))
    if goal.set_id is None:
        return tuple(found)
    inside = choose(lambda one: one.set_id == goal.set_id)
    others = choose(lambda one: one.event_id == goal.event_id and one.set_id not in (None, goal.set_id))
    if others:
        name = codebook.set_by_id[goal.set_id].name
        found.append(Question("set", f"Is it of {goal.set_id}, {name}?", None, True, inside, others))
    if goal.element_id is not None:
        elements = choose(lambda one: one.set_id == goal.set_id and one.element_id is not None)
        asked = _list_queries(goal.element_id, {class_ids[index]: index for index in elements}, codebook)
        found += [one for one in asked if one.in_favour or one.against]
    return tuple(found)


def make_pair(own: str, against: str, other_name: str, class_ids: Sequence[str], codebook: Codebook | None) -> Question:
    """The decision between two classes; the query where they part is named.

    Raises:
        ConfigError: they are the same.
    """
    if against == own:
        raise ConfigError(f"--against {against}: that is what it is taken for. Give another class.")
    place = {class_id: index for index, class_id in enumerate(class_ids)}
    sides = tuple((place[one],) if one in place else () for one in (own, against))
    text = f"Rather than {other_name}?"
    is_known = codebook is not None and {own, against} <= codebook.element_by_id.keys()
    parting = find_parting(codebook, own, against) if codebook is not None and is_known else None
    if parting is not None and codebook is not None:
        query_id, answer = parting
        text += f" ({codebook.query_by_id[query_id].text} {'yes' if answer else 'no'})"
        return Question("pair", text, query_id, answer, *sides)
    return Question("pair", text, None, True, *sides)


def _list_queries(element_id: str, place: dict[str, int], codebook: Codebook) -> list[Question]:
    """The queries of the set's tree, or without one: this element or another."""
    tree: DecisionTree | None = codebook.tree_by_set_id.get(codebook.element_by_id[element_id].set_id)
    if tree is None or element_id not in get_elements_below(tree.root):
        own = tuple(index for id_, index in place.items() if id_ == element_id)
        others = tuple(index for id_, index in place.items() if id_ != element_id)
        name = codebook.element_by_id[element_id].name.strip()
        return [Question("class", f"Is it {name}?", None, True, own, others)]
    found = []
    node: Node | Leaf = tree.root
    while isinstance(node, Node):
        answer = element_id in get_elements_below(node.yes)
        sides = [tuple(place[id_] for id_ in get_elements_below(side) if id_ in place) for side in (node.yes, node.no)]
        mine, other = sides if answer else reversed(sides)
        found.append(Question("query", codebook.query_by_id[node.query_id].text, node.query_id, answer, mine, other))
        node = node.yes if answer else node.no
    return found
