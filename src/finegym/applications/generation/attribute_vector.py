"""Attributes as numbers, so that a network can be asked for a combination that it has never seen.

A word is one of a few (one-hot); a number is coded by which of the codebook's values it reaches, so that two twists
have all that one twist has and something more, and by its size, so that a value beyond all of them can be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.codebook.model import Attributes, AttributeValue, Codebook
from finegym.errors import ConfigError

_LARGEST = 4.0  # scale of numbers: no attribute of the codebooks counts much further


@dataclass(frozen=True)
class AttributeSpace:
    """What a vector of attributes is made of; written beside the weights.

    Attributes:
        events: ids of events.
        words: (attribute, value) of every attribute that is a word or yes/no; yes and no as ``"true"``, ``"false"``.
        steps: (attribute, value) of every attribute that is a number, ascending within an attribute.
    """

    events: tuple[str, ...]
    words: tuple[tuple[str, str], ...]
    steps: tuple[tuple[str, float], ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        """Attributes that are numbers."""
        return tuple(dict.fromkeys(name for name, _ in self.steps))

    @property
    def size(self) -> int:
        """A, length of a vector."""
        return len(self.events) + len(self.words) + len(self.steps) + len(self.numbers)

    def encode(self, event_id: str, attributes: Attributes) -> np.ndarray:
        """The vector of an event and attributes, float32 (A,); never all zeros.

        Raises:
            ConfigError: an event, an attribute or a word that this space does not have.
        """
        self._check(event_id, attributes)
        given = {(name, _name_value(value)) for name, value in attributes.items()}
        numbers = {name: float(attributes[name]) for name in self.numbers if name in attributes}
        return np.array(
            [
                *(event == event_id for event in self.events),
                *(pair in given for pair in self.words),
                *(name in numbers and numbers[name] >= value - 1e-6 for name, value in self.steps),
                *(numbers.get(name, 0.0) / _LARGEST for name in self.numbers),
            ],
            np.float32,
        )

    def _check(self, event_id: str, attributes: Attributes) -> None:
        if event_id not in self.events:
            raise ConfigError(
                f"event {event_id!r}: the generator knows {', '.join(self.events)}. Ask for one of those."
            )
        for name, value in attributes.items():
            known = [word for word_name, word in self.words if word_name == name]
            if name in self.numbers:
                if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2 * _LARGEST:
                    raise ConfigError(
                        f"attribute {name!r} is {value!r}, expected a number from 0 to {2 * _LARGEST:g}. Correct it."
                    )
            elif not known:
                names = sorted({*(word_name for word_name, _ in self.words), *self.numbers})
                raise ConfigError(f"unknown attribute {name!r}: the generator knows {', '.join(names)}.")
            elif _name_value(value) not in known:
                raise ConfigError(f"attribute {name!r} is {value!r}, the generator knows {', '.join(known)}.")


def build_space(codebook: Codebook) -> AttributeSpace:
    """The space of all events and attributes of a codebook, in alphabetical order but for the events.

    Raises:
        ConfigError: an attribute is a number for one element and a word for another.
    """
    words: set[tuple[str, str]] = set()
    steps: set[tuple[str, float]] = set()
    for attributes in codebook.attributes_by_element_id.values():
        for name, value in attributes.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                steps.add((name, float(value)))
            else:
                words.add((name, _name_value(value)))
    both = sorted({name for name, _ in words} & {name for name, _ in steps})
    if both:
        raise ConfigError(
            f"codebook {codebook.name}: {', '.join(both)} is a word for some elements and a number for others."
        )
    return AttributeSpace(tuple(event.id for event in codebook.events), tuple(sorted(words)), tuple(sorted(steps)))


def encode_elements(space: AttributeSpace, codebook: Codebook) -> np.ndarray:
    """Vectors of all elements of a codebook in its order, float32 (E, A)."""
    return np.stack(
        [
            space.encode(codebook.get_event_of_element(element.id).id, codebook.attributes_by_element_id[element.id])
            for element in codebook.elements
        ]
    )


def parse_attributes(texts: tuple[str, ...]) -> dict[str, AttributeValue]:
    """Attributes written as ``name=value``: ``true`` and ``false``, numbers, else words.

    Raises:
        ConfigError: a text without a name or a value.

    Example:
        >>> parse_attributes(("body=tucked", "twist=2.5", "counter=true"))
        {'body': 'tucked', 'twist': 2.5, 'counter': True}
    """
    return dict(_parse(text) for text in texts)


def _parse(text: str) -> tuple[str, AttributeValue]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise ConfigError(f"attribute {text!r}: expected NAME=VALUE, such as twist=2.5.")
    if value in ("true", "false"):
        return name, value == "true"
    try:
        return name, float(value)
    except ValueError:
        return name, value


def _name_value(value: AttributeValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
