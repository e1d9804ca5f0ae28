"""Two elements: how far they go together through event, set and tree, the query where they part, what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from finegym.applications.attributes_query import format_value
from finegym.applications.hierarchy import find_parting
from finegym.codebook.model import AttributeValue, Codebook, Node
from finegym.codebook.problems import suggest
from finegym.codebook.tree import get_elements_below
from finegym.errors import CodebookError


@dataclass(frozen=True)
class Parting:
    """Where two elements part.

    Attributes:
        first: id.
        second: id.
        names: of both.
        events: ids of theirs.
        sets: ids of theirs.
        level: where they part: ``event``, ``set``, ``query`` of the set's tree, or ``none``: the set has no tree that
            leads to both.
        shared: the queries that both answer alike before, and the answers: (text, answer).
        query_id: the query where their paths part; ``None`` where ``level`` is another.
        text: of the query.
        answer: of the query that leads to the first.
        attributes: name, value of the first, value of the second, where they differ; ``None`` where it has none.
        difficulty: what both are worth in the code of points; ``None`` where the codebook does not say.
        words: the words of their names that differ, of the first and of the second.
    """

    first: str
    second: str
    names: tuple[str, str]
    events: tuple[str, str]
    sets: tuple[str, str]
    level: Literal["event", "set", "query", "none"]
    shared: tuple[tuple[str, bool], ...]
    query_id: str | None
    text: str | None
    answer: bool | None
    attributes: tuple[tuple[str, AttributeValue | None, AttributeValue | None], ...]
    difficulty: tuple[float | None, float | None]
    words: tuple[str, str]


def describe_parting(codebook: Codebook, first: str, second: str) -> Parting:
    """Where two elements of a codebook part, whatever their events and sets, with trees or without.

    Raises:
        CodebookError: an element is not in the codebook, or they are the same.
    """
    unknown = [
        f"{one!r}{_suggest_element(one, codebook)}" for one in (first, second) if one not in codebook.element_by_id
    ]
    if unknown:
        raise CodebookError(f"codebook {codebook.name} has no element {' and no element '.join(unknown)}")
    if first == second:
        raise CodebookError(f"{first} and {second} are the same element. Give two.")
    elements = (codebook.element_by_id[first], codebook.element_by_id[second])
    sets = (elements[0].set_id, elements[1].set_id)
    events = (codebook.get_event_of_element(first).id, codebook.get_event_of_element(second).id)
    parting = find_parting(codebook, first, second)
    query_id, answer = parting or (None, None)
    left, right = (codebook.attributes_by_element_id[one] for one in (first, second))
    names = (elements[0].name.strip(), elements[1].name.strip())
    return Parting(
        first=first,
        second=second,
        names=names,
        events=events,
        sets=sets,
        level=_find_level(events, sets, query_id),
        shared=() if query_id is None else tuple(_list_shared(codebook, first, second)),
        query_id=query_id,
        text=codebook.query_by_id[query_id].text if query_id is not None else None,
        answer=answer,
        attributes=tuple(
            (name, left.get(name), right.get(name))
            for name in dict.fromkeys([*left, *right])
            if left.get(name) != right.get(name)
        ),
        difficulty=(elements[0].difficulty_value, elements[1].difficulty_value),
        words=_find_different_words(*names),
    )


def describe_in_short(codebook: Codebook, first: str, second: str) -> str:
    """Where two elements part, as half a sentence about the first.

    Example:
        "Does she turn twice or more? no"
    """
    parting = describe_parting(codebook, first, second)
    if parting.text is not None:
        return f"{parting.text} {_say(parting.answer)}"
    if parting.level == "none":
        return f"{parting.words[0] or parting.names[0]}, not {parting.words[1] or parting.names[1]}"
    own, other = parting.events if parting.level == "event" else parting.sets
    return f"{own}, not {other}"


def format_parting(parting: Parting, codebook: Codebook) -> str:
    """Where two elements part, for the terminal."""
    lines = [
        f"{id_}  {name}  ({set_id}, {codebook.set_by_id[set_id].name})"
        for id_, name, set_id in zip((parting.first, parting.second), parting.names, parting.sets, strict=True)
    ]
    lines += [f"both: {text} {_say(answer)}" for text, answer in parting.shared]
    if parting.level == "query":
        lines.append(
            f"They part at: {parting.text} {_say(parting.answer)} for the first, {_say(not parting.answer)} for the "
            "second."
        )
    elif parting.level == "event":
        names = [codebook.event_by_id[one].name for one in parting.events]
        lines.append(f"They part at the event: {names[0]} and {names[1]}. No query is asked of both.")
    elif parting.level == "set":
        lines.append(f"They part at the set: {' and '.join(parting.sets)}. No query is asked of both.")
    else:
        lines.append(f"They are of one set, {parting.sets[0]}, which has no tree that leads to both.")
    if parting.level == "none" and any(parting.words):
        lines.append(f"names: {parting.words[0] or '-'} and {parting.words[1] or '-'}")
    for name, left, right in parting.attributes:
        lines.append(f"{name}: {_format(left)} and {_format(right)}")
    if parting.difficulty[0] != parting.difficulty[1]:
        lines.append(f"difficulty: {_format(parting.difficulty[0])} and {_format(parting.difficulty[1])}")
    return "\n".join(lines)


def _find_level(
    events: Sequence[str], sets: Sequence[str], query_id: str | None
) -> Literal["event", "set", "query", "none"]:
    if events[0] != events[1]:
        return "event"
    if sets[0] != sets[1]:
        return "set"
    return "none" if query_id is None else "query"


def _list_shared(codebook: Codebook, first: str, second: str) -> list[tuple[str, bool]]:
    """The queries of the tree that lead to both."""
    node = codebook.tree_by_set_id[codebook.element_by_id[first].set_id].root
    shared = []
    while isinstance(node, Node):
        answer = first in get_elements_below(node.yes)
        below = node.yes if answer else node.no
        if second not in get_elements_below(below):
            break
        shared.append((codebook.query_by_id[node.query_id].text, answer))
        node = below
    return shared


def _find_different_words(first: str, second: str) -> tuple[str, str]:
    """The words that one name has and the other lacks, in their order.

    Example:
        ("1.5 turn", "1 turn") differ in ("1.5", "1").
    """
    left, right = first.split(), second.split()
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    changed = [block for block in blocks if block[0] != "equal"]
    return (
        " ".join(word for _, start, end, _, _ in changed for word in left[start:end]),
        " ".join(word for _, _, _, start, end in changed for word in right[start:end]),
    )


def _suggest_element(word: str, codebook: Codebook) -> str:
    """By id, or by name: who knows the name only is told the id."""
    named = [one for one in codebook.elements if one.name.strip().casefold() == word.strip().casefold()]
    if named:
        return f"; of this name: {', '.join(one.id for one in named)}"
    return suggest(word, list(codebook.element_by_id))


def _format(value: AttributeValue | None) -> str:
    return "-" if value is None else format_value(value)


def _say(answer: bool | None) -> str:
    return "yes" if answer else "no"
