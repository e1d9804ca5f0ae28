"""What can happen: events, sets, elements and the decision trees that lead to them.

Plain immutable values. Files are read into them by ``codebook.yaml_format`` and ``codebook.official``; problems in them
are found by ``codebook.check``; what one can ask of a tree is in ``codebook.tree``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

AttributeValue = str | int | float | bool
Attributes = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class Event:
    """A competition event such as vault; a routine belongs to exactly one.

    Attributes:
        id: short name, unique in the codebook (``"VT"``).
        name: full name (``"vault"``).
        number: the number that official annotation files use (1 VT, 2 FX, 3 BB, 4 UB), if there is one.
    """

    id: str
    name: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """A group of elements of one event that one decision tree tells apart.

    Attributes:
        id: unique in the codebook, ``<event>-S<k>`` (``"FX-S1"``).
        event_id: the event it belongs to.
        name: what people call it (``"FX_leap_jump_hop"`` in FineGym).
        number: the official set number (21 for FX-S1), if there is one.
        attributes: what is true of every element of the set.
    """

    id: str
    event_id: str
    name: str
    number: int | None = None
    attributes: Attributes = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Query:
    """A yes/no question about an attribute.

    Attributes:
        id: unique in the codebook.
        text: the question as the annotator reads it.
        yes: attributes that a yes establishes.
        no: attributes that a no establishes.
    """

    id: str
    text: str
    yes: Attributes = field(default_factory=dict, hash=False)
    no: Attributes = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a path: an element, or ``None`` for "no such element"."""

    element_id: str | None


@dataclass(frozen=True, slots=True)
class Node:
    """An inner node of a tree: a query and where its two answers lead."""

    query_id: str
    yes: Node | Leaf
    no: Node | Leaf


@dataclass(frozen=True, slots=True)
class DecisionTree:
    """The decision tree of one set."""

    set_id: str
    root: Node | Leaf


@dataclass(frozen=True, slots=True)
class Element:
    """What one names at the finest level: an element of a set.

    Attributes:
        id: unique in the codebook; in FineGym the Glabel in digits (``"67"``).
        set_id: the set it belongs to.
        name: its name, unique inside the set.
        difficulty_code: its entry in the code of points as written there (``"3.205"``, ``"5.20"``), if known.
        difficulty_value: its value in points, if known.
        glabel: its number in FineGym (Gym530), if it is one of FineGym's elements.
        given_attributes: attributes beyond those its path in the tree establishes.
    """

    id: str
    set_id: str
    name: str
    difficulty_code: str | None = None
    difficulty_value: float | None = None
    glabel: int | None = None
    given_attributes: Attributes = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Codebook:
    """Everything that can happen in a sport: the vocabulary of a dataset.

    Order matters and is kept: elements in the order of the file. Ids are unique (readers make sure of it).
    """

    name: str
    version: str
    sport: str
    events: tuple[Event, ...]
    sets: tuple[Set, ...]
    elements: tuple[Element, ...]
    queries: tuple[Query, ...]
    trees: tuple[DecisionTree, ...]
    source: str = field(default="", compare=False)

    @cached_property
    def event_by_id(self) -> Mapping[str, Event]:
        return {event.id: event for event in self.events}

    @cached_property
    def set_by_id(self) -> Mapping[str, Set]:
        return {set_.id: set_ for set_ in self.sets}

    @cached_property
    def element_by_id(self) -> Mapping[str, Element]:
        return {element.id: element for element in self.elements}

    @cached_property
    def query_by_id(self) -> Mapping[str, Query]:
        return {query.id: query for query in self.queries}

    @cached_property
    def tree_by_set_id(self) -> Mapping[str, DecisionTree]:
        return {tree.set_id: tree for tree in self.trees}

    def get_event_of_element(self, element_id: str) -> Event:
        """The event an element belongs to."""
        set_ = self.set_by_id[self.element_by_id[element_id].set_id]
        return self.event_by_id[set_.event_id]

    def get_sets_of_event(self, event_id: str) -> tuple[Set, ...]:
        """The sets of an event, in the order of the codebook."""
        return tuple(set_ for set_ in self.sets if set_.event_id == event_id)

    def get_elements_of_set(self, set_id: str) -> tuple[Element, ...]:
        """The elements of a set, in the order of the codebook."""
        return tuple(element for element in self.elements if element.set_id == set_id)

    @cached_property
    def attributes_by_element_id(self) -> Mapping[str, Attributes]:
        """All attributes of every element: of its set, then along its path in the tree, then those given.

        Later ones win. An element that its tree does not reach has only the others.
        """
        along_path = {
            element_id: attributes for tree in self.trees for element_id, attributes in self._walk(tree.root, {})
        }
        return {
            element.id: {
                **self.set_by_id[element.set_id].attributes,
                **along_path.get(element.id, {}),
                **element.given_attributes,
            }
            for element in self.elements
        }

    def _walk(self, node: Node | Leaf, known: dict[str, AttributeValue]) -> Iterator[tuple[str, Attributes]]:
        if isinstance(node, Leaf):
            if node.element_id is not None:
                yield node.element_id, known
            return
        query = self.query_by_id[node.query_id]
        yield from self._walk(node.yes, {**known, **query.yes})
        yield from self._walk(node.no, {**known, **query.no})
