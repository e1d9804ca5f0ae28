"""What an analyst asks for, ``kind=salto`` and ``twist>=2``, as the elements of a codebook that are it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from finegym.codebook.model import AttributeValue, Codebook, Element
from finegym.codebook.problems import suggest
from finegym.errors import ConfigError

_CONDITION = re.compile(r"\s*(?P<name>[^\s<>=!~]+)\s*(?:(?P<sign>>=|<=|!=|=|>|<|~)\s*(?P<values>.*\S))?\s*", re.DOTALL)
_HOW = "Write NAME=VALUE, NAME!=VALUE, NAME>=NUMBER, NAME~TEXT, or NAME alone"
FACTS = ("event", "set", "element", "name", "difficulty")
"""What can be asked of every element beside its attributes."""


@dataclass(frozen=True)
class Condition:
    """One thing that is asked for.

    Attributes:
        name: an attribute, or one of ``FACTS``.
        sign: ``=``, ``!=``, ``>=``, ``<=``, ``>``, ``<``, ``~`` (the text is in it), or ``""``: it has the attribute.
        values: alternatives; one of them is enough (for ``!=``: none of them may be it).
    """

    name: str
    sign: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{','.join(self.values)}"


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Raises:
        ConfigError: it is none.

    Example:
        >>> parse_condition("twist >= 2"), str(parse_condition("body=tucked,piked"))
        (Condition(name='twist', sign='>=', values=('2',)), 'body=tucked,piked')
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ConfigError(f"{text!r} is no condition. {_HOW}.")
    values = tuple(value.strip() for value in (match["values"] or "").split(","))
    if match["sign"] and not all(values):
        raise ConfigError(f"{text!r}: a value is empty. {_HOW}.")
    return Condition(match["name"], match["sign"] or "", values if match["sign"] else ())


def parse_conditions(text: str) -> tuple[Condition, ...]:
    """Read conditions that are joined by ``&``: all of them must hold.

    Raises:
        ConfigError: one is none.

    Example:
        >>> [str(one) for one in parse_conditions("kind=salto & twist>=2")]
        ['kind=salto', 'twist>=2']
    """
    return tuple(parse_condition(part) for part in text.split("&"))


def check_found(elements: Collection[str], conditions: Sequence[Condition], codebook: Codebook) -> None:
    """Refuse conditions that no element meets together: nothing can be found, whatever is looked through.

    Raises:
        ConfigError: it says how many elements meet each.
    """
    if elements:
        return
    alone = [f"{condition}: {len(find_elements([condition], codebook))}" for condition in conditions]
    raise ConfigError(
        f"no element of codebook {codebook.name} is {' and '.join(map(str, conditions))}; elements of one alone: "
        f"{', '.join(alone)}. `finegym attributes list` says what there is."
    )


def find_elements(conditions: Sequence[Condition], codebook: Codebook) -> frozenset[str]:
    """The elements that meet all conditions.

    An element that lacks an attribute meets no condition on it, ``!=`` included.

    Raises:
        ConfigError: a condition asks for an attribute or a value that no element has.
    """
    facts = {element.id: list_facts(element, codebook) for element in codebook.elements}
    for condition in conditions:
        _check(condition, facts, codebook)
    return frozenset(id_ for id_, known in facts.items() if all(_meets(known, one) for one in conditions))


def list_facts(element: Element, codebook: Codebook) -> dict[str, tuple[AttributeValue, ...]]:
    """What is known of an element, by name; several values say the same. An attribute of a fact's name wins."""
    event, set_ = codebook.get_event_of_element(element.id), codebook.set_by_id[element.set_id]
    known: dict[str, tuple[AttributeValue, ...]] = {
        "event": (event.id, event.name),
        "set": (set_.id, set_.name),
        "element": (element.id,),
        "name": (element.name.strip(),),
    }
    if element.difficulty_value is not None:
        known["difficulty"] = (element.difficulty_value,)
    return known | {name: (value,) for name, value in codebook.attributes_by_element_id[element.id].items()}


def list_values(codebook: Codebook) -> dict[str, tuple[AttributeValue, ...]]:
    """Attributes of a codebook in its order, each with its values, numbers ascending."""
    found: dict[str, dict[AttributeValue, None]] = {}
    for attributes in codebook.attributes_by_element_id.values():
        for name, value in attributes.items():
            found.setdefault(name, {})[value] = None
    return {
        name: tuple(sorted(values) if all(_is_number(value) for value in values) else values)
        for name, values in found.items()
    }


def format_value(value: AttributeValue) -> str:
    """A value as it is written in conditions and tables.

    Example:
        >>> format_value(True), format_value(2.0), format_value("tucked")
        ('yes', '2', 'tucked')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _meets(known: Mapping[str, tuple[AttributeValue, ...]], condition: Condition) -> bool:
    values = known.get(condition.name)
    if values is None:
        return False
    if not condition.sign:
        return True
    if condition.sign == "~":
        return any(text.casefold() in format_value(value).casefold() for value in values for text in condition.values)
    if condition.sign in ("=", "!="):
        return any(_is_it(value, text) for value in values for text in condition.values) == (condition.sign == "=")
    return any(_compare(value, condition.sign, float(condition.values[0])) for value in values)


def _is_it(value: AttributeValue, text: str) -> bool:
    text = {"true": "yes", "false": "no"}.get(text.casefold(), text.casefold())
    if format_value(value).casefold() == text:
        return True
    number = _read_number(text)
    return number is not None and _is_number(value) and float(value) == number


def _compare(value: AttributeValue, sign: str, limit: float) -> bool:
    if not _is_number(value):
        return False
    number = float(value)
    return {">=": number >= limit, "<=": number <= limit, ">": number > limit, "<": number < limit}[sign]


def _check(
    condition: Condition, facts: Mapping[str, Mapping[str, tuple[AttributeValue, ...]]], codebook: Codebook
) -> None:
    """Refuse names and values that no element has: a slip of the pen would find nothing, and look like an answer."""
    attributes = [name for name in list_values(codebook) if name not in FACTS]
    if condition.name not in (*attributes, *FACTS):
        hint = suggest(condition.name, [*attributes, *FACTS])
        raise ConfigError(
            f"{condition}: codebook {codebook.name} has no attribute {condition.name!r}"
            f"{'' if hint.startswith('; known') else hint}; its attributes are {', '.join(attributes) or 'none'}; "
            f"{', '.join(FACTS)} can be asked for too."
        )
    there = [known[condition.name] for known in facts.values() if condition.name in known]
    if condition.sign in (">=", "<=", ">", "<"):
        if len(condition.values) > 1 or _read_number(condition.values[0]) is None:
            raise ConfigError(f"{condition}: expected one number after {condition.sign}")
        if not any(_is_number(value) for values in there for value in values):
            raise ConfigError(f"{condition}: {condition.name} is no number{_list(condition.name, there)}")
    elif condition.sign in ("=", "!="):
        for text in condition.values:
            if not any(_is_it(value, text) for values in there for value in values):
                written = list(dict.fromkeys(format_value(value) for values in there for value in values))
                raise ConfigError(
                    f"{condition}: no element of codebook {codebook.name} has {condition.name} {text!r}"
                    f"{suggest(text, written)}{_list(condition.name, there)}"
                )


def _list(name: str, there: Sequence[tuple[AttributeValue, ...]], limit: int = 20) -> str:
    values = sorted({values[0] for values in there}, key=lambda value: (not _is_number(value), _sort_key(value)))
    shown = ", ".join(format_value(value) for value in values[:limit])
    return f"; values of {name} are {shown}{' …' if len(values) > limit else ''}"


def _sort_key(value: AttributeValue) -> tuple[float, str]:
    return (float(value), "") if _is_number(value) else (0.0, str(value))


def _is_number(value: AttributeValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
