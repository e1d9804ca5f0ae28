"""From probabilities of elements to probabilities of attributes: "a salto, with at least two twists".

An element has its attributes for certain, so an attribute's probability is the sum over the elements that have it.
Where some probability belongs to a set of which nobody says the element, it counts for what all elements of the set
share; what may or may not be is kept apart, so that every answer is a lower and an upper bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from finegym.applications.attributes_query import format_value, list_values
from finegym.codebook.model import AttributeValue, Codebook


@dataclass(frozen=True)
class Belief:
    """What is thought of one sub-action. What is missing to a sum of 1 may be anything.

    Attributes:
        elements: probabilities by element id.
        sets: probabilities, by set id, of being of the set and none of those elements, or one that nobody names.
    """

    elements: Mapping[str, float]
    sets: Mapping[str, float]


@dataclass(frozen=True)
class Candidate:
    """A sub-action that is looked through.

    Attributes:
        id: its instance id.
        record_id: of its record; empty where nobody knows.
        start_ms: on the record's clock, as ``end_ms``; ``None`` where nobody knows.
        belief: what it may be.
        doubts: what speaks against relying on it, in words.
    """

    id: str
    record_id: str
    start_ms: int | None
    end_ms: int | None
    belief: Belief
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hit:
    """A sub-action that was asked for.

    Attributes:
        candidate: which.
        probability: that it is one of the elements asked for, at least.
        at_most: likewise, at most.
        element_id: the likeliest of those; ``None`` where only the set is known.
    """

    candidate: Candidate
    probability: float
    at_most: float
    element_id: str | None


@dataclass(frozen=True)
class Found:
    """What was found, and what was not.

    Attributes:
        hits: the likeliest first, then by record and time.
        num_searched: sub-actions looked through.
        num_below: that may be it, but with less than the least probability asked for.
        num_unknown: of those, the ones that nobody knows enough of: the upper bound reaches it.
        elements: the elements asked for.
    """

    hits: tuple[Hit, ...]
    num_searched: int
    num_below: int
    num_unknown: int
    elements: frozenset[str]

    def __str__(self) -> str:
        return (
            f"found {len(self.hits):,} of {self.num_searched:,} sub-actions; less probable {self.num_below:,}, of "
            f"which nobody knows enough {self.num_unknown:,}; {len(self.elements):,} elements of the codebook are it"
        )


@dataclass(frozen=True)
class Sought:
    """Elements that are asked for, and what that says of sets.

    Attributes:
        elements: ids.
        whole_sets: sets all of whose elements are asked for.
        part_sets: sets some of whose elements are.
    """

    elements: frozenset[str]
    whole_sets: frozenset[str]
    part_sets: frozenset[str]


def make_sought(elements: Set[str], codebook: Codebook) -> Sought:
    """Elements of a codebook as something to look for; ``attributes_query.find_elements`` gives those of a question."""
    members: dict[str, set[str]] = {}
    for element in codebook.elements:
        members.setdefault(element.set_id, set()).add(element.id)
    whole = frozenset(set_id for set_id, ids in members.items() if ids <= elements)
    touched = frozenset(set_id for set_id, ids in members.items() if ids & elements)
    return Sought(frozenset(elements), whole, touched - whole)


def find_sub_actions(candidates: Iterable[Candidate], sought: Sought, *, min_probability: float = 0.5) -> Found:
    """The sub-actions that are one of some elements.

    Args:
        candidates: what to look through.
        sought: the elements.
        min_probability: of a hit; it must be more than 0 too.
    """
    hits, below, unknown, searched = [], 0, 0, 0
    for candidate in candidates:
        searched += 1
        at_least, at_most = bound_probability(candidate.belief, sought)
        if at_least > 0 and at_least >= min_probability:
            named = candidate.belief.elements.items()
            chosen = [(p, id_) for id_, p in named if id_ in sought.elements and p > 0]
            best = max(chosen, key=lambda pair: pair[0])[1] if chosen else None
            hits.append(Hit(candidate, at_least, at_most, best))
        elif at_most > 0:
            below += 1
            unknown += at_most >= max(min_probability, 1e-9)
    hits.sort(key=lambda hit: (-round(hit.probability, 9), hit.candidate.record_id, hit.candidate.start_ms or 0))
    return Found(tuple(hits), searched, below, unknown, sought.elements)


def bound_probability(belief: Belief, sought: Sought) -> tuple[float, float]:
    """The least and the greatest probability of being one of some elements."""
    certain = sum(probability for id_, probability in belief.elements.items() if id_ in sought.elements)
    certain += sum(probability for set_id, probability in belief.sets.items() if set_id in sought.whole_sets)
    unknown = sum(probability for set_id, probability in belief.sets.items() if set_id in sought.part_sets)
    unsaid = max(0.0, 1.0 - sum(belief.elements.values()) - sum(belief.sets.values()))
    return min(certain, 1.0), min(certain + unknown + (unsaid if sought.elements else 0.0), 1.0)


def compute_marginals(belief: Belief, codebook: Codebook) -> dict[str, dict[str, float]]:
    """Probabilities of the values of every attribute: lower bounds, where something is not known.

    Returns:
        Attribute → value as it is written → probability, likeliest first; values of probability 0 are left out. What
        is missing to 1 belongs to elements without the attribute, or to what nobody knows.
    """
    sums: dict[str, dict[str, float]] = {}

    def add(attributes: Mapping[str, AttributeValue], probability: float) -> None:
        for name, value in attributes.items():
            values = sums.setdefault(name, {})
            values[format_value(value)] = values.get(format_value(value), 0.0) + probability

    for element_id, probability in belief.elements.items():
        add(codebook.attributes_by_element_id[element_id], probability)
    for set_id, probability in belief.sets.items():
        add(_find_shared(set_id, codebook), probability)
    kept = {name: {value: p for value, p in values.items() if p > 0} for name, values in sums.items()}
    return {name: dict(sorted(values.items(), key=lambda pair: -pair[1])) for name, values in kept.items() if values}


def _find_shared(set_id: str, codebook: Codebook) -> dict[str, AttributeValue]:
    """Attributes that all elements of a set have alike."""
    members = [codebook.attributes_by_element_id[element.id] for element in codebook.get_elements_of_set(set_id)]
    if not members:
        return dict(codebook.set_by_id[set_id].attributes)
    return {
        name: value for name, value in members[0].items() if all(name in m and m[name] == value for m in members[1:])
    }


@dataclass(frozen=True)
class AttributeTable:
    """Which classes have which values: what makes marginals of many predictions one product of matrices.

    Attributes:
        pairs: P pairs (attribute, value), in the order of the codebook.
        has: bool (K, P), whether a class has the value.
    """

    pairs: tuple[tuple[str, AttributeValue], ...]
    has: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes."""
        return tuple(dict.fromkeys(name for name, _ in self.pairs))

    def find_columns(self, name: str) -> np.ndarray:
        """Places of an attribute's values among the pairs, int64."""
        return np.array([place for place, pair in enumerate(self.pairs) if pair[0] == name], dtype=np.int64)


def build_table(class_ids: Sequence[str], codebook: Codebook) -> AttributeTable:
    """The attributes of K elements; values that none of them has are left out."""
    attributes = [codebook.attributes_by_element_id[class_id] for class_id in class_ids]
    pairs = [(name, value) for name, values in list_values(codebook).items() for value in values]
    has = np.array([[_has(known, *pair) for pair in pairs] for known in attributes], dtype=bool)
    has = has.reshape(len(class_ids), len(pairs))
    used = np.flatnonzero(has.any(axis=0)).tolist()
    return AttributeTable(tuple(pairs[place] for place in used), has[:, used])


def _has(known: Mapping[str, Any], name: str, value: AttributeValue) -> bool:
    # 1 == True: a count of one is no yes.
    return name in known and known[name] == value and isinstance(known[name], bool) == isinstance(value, bool)
