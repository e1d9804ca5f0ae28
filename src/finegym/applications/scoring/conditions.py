"""Whether an element is what a rule speaks of. Three answers: yes, no, and "this codebook does not say"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from finegym.applications.scoring.code_of_points import Alternative, AtLeast, Condition
from finegym.codebook.difficulty import LETTERS
from finegym.codebook.model import Attributes, AttributeValue


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
