"""Whether an element is what a rule speaks of. Three answers: yes, no, and "this codebook does not say"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from finegym.applications.scoring.code_of_points import Alternative, AtLeast, CodeOfPoints, Condition, EventRules
from finegym.codebook.difficulty import LETTERS
from finegym.codebook.model import Attributes, AttributeValue, Codebook


@dataclass(frozen=True)
class ElementFacts:
    """What rules ask of an element.

    Attributes:
        element_id: in the codebook.
        set_id: its set.
        name: its name.
        attributes: what its tree and set establish; empty where the codebook has none, as FineGym's own.
        letter: its difficulty letter in this edition, ``None`` where it has none.
        key: what makes two performances the same element: the entry in the code of points, else the element.
        points: in thousandths; ``None`` where nobody knows.
    """

    element_id: str
    set_id: str
    name: str
    attributes: Attributes
    letter: str | None
    key: str
    points: int | None


def fits(facts: ElementFacts, condition: Condition) -> bool | None:
    """Whether an element meets one of a condition's alternatives.

    Alternatives that ask for attributes say nothing of an element without any. They are passed over; where no other
    alternative is left, the answer is ``None``.
    """
    answers = [_fits_one(facts, alternative) for alternative in condition]
    if any(answers):
        return True
    return None if all(answer is None for answer in answers) else False


def _fits_one(facts: ElementFacts, wanted: Alternative) -> bool | None:
    if wanted.sets and facts.set_id not in wanted.sets:
        return False
    if wanted.letter_from and not _reaches(facts.letter, wanted.letter_from):
        return False
    if wanted.name and not re.search(wanted.name, facts.name, re.IGNORECASE):
        return False
    if not wanted.attributes:
        return True
    if not facts.attributes:
        return None
    return all(_has(facts.attributes, name, value) for name, value in wanted.attributes.items())


def _reaches(letter: str | None, wanted: str) -> bool:
    return letter is not None and LETTERS.index(letter) >= LETTERS.index(wanted)


def _has(
    attributes: Mapping[str, AttributeValue], name: str, wanted: AtLeast | AttributeValue | tuple[AttributeValue, ...]
) -> bool:
    value = attributes.get(name)
    if isinstance(wanted, AtLeast):
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= wanted.at_least
    return value in (wanted if isinstance(wanted, tuple) else (wanted,))


def find_unknown(code: CodeOfPoints, codebook: Codebook) -> tuple[str, ...]:
    """What an edition speaks of and a codebook does not have: a slip of the pen, or rules for another codebook.

    Attributes are not asked of a codebook that establishes none.
    """
    known = {name for attributes in codebook.attributes_by_element_id.values() for name in attributes}
    entries = {key for one in codebook.elements for key in (one.id, one.name, one.difficulty_code)}
    found = [f"event {event_id}" for event_id in code.events if event_id not in codebook.event_by_id]
    found += [f"value of {' or '.join(value.of)}" for value in code.values if entries.isdisjoint(value.of)]
    for event_id, rules in code.events.items():
        for alternative in (one for condition in _list_conditions(rules) for one in condition):
            found += [f"set {set_id} ({event_id})" for set_id in alternative.sets if set_id not in codebook.set_by_id]
            names = alternative.attributes if known else ()
            found += [f"attribute {name} ({event_id})" for name in names if name not in known]
    return tuple(dict.fromkeys(found))


def _list_conditions(rules: EventRules) -> Iterator[Condition]:
    if rules.dismount is not None:
        yield rules.dismount
    yield from (limit.of for limit in rules.limits)
    for requirement in rules.requirements:
        if requirement.one is not None:
            yield requirement.one
        yield from (*requirement.each, *requirement.series)
    for connection in rules.connections:
        yield from connection.series
