"""One belief over the whole hierarchy: event, set, element and query, made to agree with each other.

Recognisers and localizers speak of one level each and may contradict each other. Here their probabilities become one
distribution over elements and "none of these, but this set"; every other level is a sum of it. So no set is likely
whose event is not, levels add up to one, and the product of the answers along an element's path is its probability
within the set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finegym.codebook.model import Codebook, DecisionTree, Leaf, Node
from finegym.codebook.tree import get_elements_below

UNRELATED = 0.1
"""Share of findings that are taken to say nothing of their routine's event: wrong stretches, pictures in between."""


@dataclass(frozen=True)
class Levels:
    """Probabilities of one sub-action, by id; each level adds up to 1.

    Attributes:
        elements: of the elements that somebody can tell.
        none_of_set: of each set, that it is the set and none of those elements.
        sets: of each set.
        events: of each event.
    """

    elements: Mapping[str, float]
    none_of_set: Mapping[str, float]
    sets: Mapping[str, float]
    events: Mapping[str, float]


@dataclass(frozen=True)
class PathStep:
    """One query on the way to an element.

    Attributes:
        query_id: the query.
        answer: that the path takes.
        probability: of the answer, once the query is asked.
    """

    query_id: str
    answer: bool
    probability: float


def combine_levels(
    codebook: Codebook,
    *,
    elements: Mapping[str, float] | None = None,
    sets: Mapping[str, float] | None = None,
    events: Mapping[str, float] | None = None,
) -> Levels:
    """Make what was said of the levels agree.

    Args:
        codebook: which set is of which event, which element of which set.
        elements: probabilities of elements; those left out cannot be told by this model.
        sets: probabilities of sets; without any, those that the elements add up to.
        events: probabilities of events; without any, every event is as good as its sets.

    Returns:
        p(set) is proportional to p(event) times what was said of the set; p(element | set) is what the elements say
        among themselves. A set of which no element can be told is all "none of these". Where the levels exclude each
        other entirely, the event is believed, and its sets are equally likely (all sets, if it has none).
    """
    said = dict(elements or {})
    by_set: dict[str, dict[str, float]] = {}
    for element_id, probability in said.items():
        by_set.setdefault(codebook.element_by_id[element_id].set_id, {})[element_id] = probability
    if sets is None:
        sets = {set_id: sum(members.values()) for set_id, members in by_set.items()}
    weights = {
        set_id: probability * (1.0 if events is None else events.get(codebook.set_by_id[set_id].event_id, 0.0))
        for set_id, probability in sets.items()
    }
    if sum(weights.values()) <= 0:
        weights = {set_.id: 1.0 if events is None else events.get(set_.event_id, 0.0) for set_ in codebook.sets}
    if sum(weights.values()) <= 0:
        weights = dict.fromkeys((set_.id for set_ in codebook.sets), 1.0)
    total = sum(weights.values())
    set_probabilities = {set_id: weight / total for set_id, weight in weights.items()}
    found, none = _share_out(set_probabilities, by_set)
    event_probabilities = dict.fromkeys((event.id for event in codebook.events), 0.0)
    for set_id, probability in set_probabilities.items():
        event_probabilities[codebook.set_by_id[set_id].event_id] += probability
    return Levels(found, none, set_probabilities, event_probabilities)


def _share_out(
    set_probabilities: Mapping[str, float], by_set: Mapping[str, Mapping[str, float]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Each set's probability among its elements, or to "none of these" where no element can be told."""
    found: dict[str, float] = {}
    none: dict[str, float] = {}
    for set_id, probability in set_probabilities.items():
        members = by_set.get(set_id, {})
        total = sum(members.values())
        none[set_id] = 0.0 if members else probability
        for element_id, said in members.items():
            found[element_id] = probability * (said / total if total > 0 else 1 / len(members))
    return found, none


def spread_event(codebook: Codebook, event_id: str, probability: float) -> dict[str, float]:
    """An event with its probability; what is left belongs to the other events that have sets, alike."""
    others = list(dict.fromkeys(set_.event_id for set_ in codebook.sets if set_.event_id != event_id))
    sure = min(max(probability, 0.0), 1.0) if others else 1.0
    return {event_id: sure, **{other: (1 - sure) / len(others) for other in others}}


def sum_events(codebook: Codebook, sets: Mapping[str, float]) -> dict[str, float]:
    """What probabilities of sets say of every event that has sets; adds up to 1 where anything is said."""
    total = sum(sets.values())
    events = dict.fromkeys((set_.event_id for set_ in codebook.sets), 0.0)
    for set_id, probability in sets.items():
        events[codebook.set_by_id[set_id].event_id] += probability / total if total > 0 else 0.0
    return events


def decide_event(localized: Mapping[str, float], said: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The event of a routine, from what the localizer says of it and what every sub-action in it says by itself.

    Args:
        localized: the localizer's probabilities of events.
        said: of each sub-action its probabilities of the K events that have sets (``sum_events``).

    Returns:
        p(event) is proportional to the localizer's probability times, for each sub-action, a mixture of two cases: its
        pictures are of the routine, and count with K times what they say of the event; or, for a share of ``UNRELATED``
        of all findings, they say nothing, and count with 1. So one finding speaks for an event at most 37 times (K = 4)
        as loudly as against it, and never forbids one.
    """
    weights = dict(localized)
    for own in said:
        for event_id in weights:
            weights[event_id] *= (1 - UNRELATED) * len(own) * own.get(event_id, 0.0) + UNRELATED
        total = sum(weights.values())
        weights = {event_id: weight / total for event_id, weight in weights.items()}
    return weights


def condition_sets(
    codebook: Codebook, sets: Mapping[str, float], own: Mapping[str, float], events: Mapping[str, float]
) -> dict[str, float]:
    """Probabilities of a sub-action's sets, given those of its routine's event.

    Args:
        codebook: which set is of which event.
        sets: what the sub-action's own pictures say.
        own: what they say of the K events that have sets.
        events: of the routine, as ``decide_event`` gives them.

    Returns:
        p(set) is p(event) times what the pictures say among the sets of the event. The less they speak for the event,
        the likelier they say nothing of the routine at all (see ``decide_event``): with that probability every set of
        the event is as likely as the others. Events add up to ``events`` again.
    """
    conditioned: dict[str, float] = {}
    for event_id, probability in events.items():
        members = [set_.id for set_ in codebook.sets if set_.event_id == event_id]
        said = sum(sets.get(set_id, 0.0) for set_id in members)
        related = (1 - UNRELATED) * len(own) * own.get(event_id, 0.0)
        unrelated = UNRELATED / (related + UNRELATED)
        for set_id in members:
            inside = sets.get(set_id, 0.0) / said if said > 0 else 1 / len(members)
            conditioned[set_id] = probability * ((1 - unrelated) * inside + unrelated / len(members))
    return conditioned


def find_path(tree: DecisionTree, probabilities: Mapping[str, float], element_id: str) -> tuple[PathStep, ...]:
    """The path to an element, with the probability of every answer on it.

    Args:
        tree: of the element's set.
        probabilities: of elements, not negative; only ratios within the set matter. Missing ones count as 0.
        element_id: where the path leads.

    Returns:
        One step a query. An answer's probability is what its side of the query has of what both sides have; the
        product over the path is the element's share of its set. Empty where the tree does not lead to the element.
    """
    steps: list[PathStep] = []
    node: Node | Leaf = tree.root
    while isinstance(node, Node):
        sides = {True: get_elements_below(node.yes), False: get_elements_below(node.no)}
        if element_id not in (*sides[True], *sides[False]):
            return ()
        answer = element_id in sides[True]
        masses = {side: sum(probabilities.get(one, 0.0) for one in ids) for side, ids in sides.items()}
        total = sum(masses.values())
        steps.append(PathStep(node.query_id, answer, masses[answer] / total if total > 0 else 0.5))
        node = node.yes if answer else node.no
    return tuple(steps)


def find_parting(codebook: Codebook, first: str, second: str) -> tuple[str, bool] | None:
    """The query where the paths of two elements of one set part, and the answer that leads to the first.

    Returns:
        ``None`` where they are of two sets, the same element, or not both in the tree.
    """
    sets = {codebook.element_by_id[one].set_id for one in (first, second)}
    if len(sets) > 1 or first == second:
        return None
    tree = codebook.tree_by_set_id.get(sets.pop())
    node: Node | Leaf = tree.root if tree else Leaf(None)
    while isinstance(node, Node):
        yes, no = get_elements_below(node.yes), get_elements_below(node.no)
        if first in yes and second in no:
            return node.query_id, True
        if first in no and second in yes:
            return node.query_id, False
        node = node.yes if first in yes else node.no
    return None


def rank(probabilities: Mapping[str, float], limit: int) -> Sequence[tuple[str, float]]:
    """The likeliest ids first."""
    return sorted(probabilities.items(), key=lambda pair: -pair[1])[:limit]
