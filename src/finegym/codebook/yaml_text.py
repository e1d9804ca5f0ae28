"""A codebook as YAML text that people can read and edit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from finegym.codebook.model import Attributes, AttributeValue, Codebook, Element, Leaf, Node, Query, Set
from finegym.errors import CodebookError

FORMAT = "finegym-codebook/1"
NO_ELEMENT = "none"

# Text that no YAML version takes for anything but text, inside and outside {…}; everything else is quoted.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./]*([ -][A-Za-z0-9_./]+)*")
_NOT_PLAIN = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n", NO_ELEMENT})
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa1-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")


def format_codebook(codebook: Codebook) -> str:
    """The text of a ``codebook.yaml``; it reads back equal.

    Raises:
        CodebookError: sets, elements or trees are not in the order of events and sets, which the nested file has.
    """
    _check_order(codebook)
    lines = [
        f"format: {FORMAT}",
        f"name: {quote(codebook.name)}",
        f"version: {quote(codebook.version)}",
        f"sport: {quote(codebook.sport)}",
    ]
    if codebook.source:
        lines.append(f"source: {quote(codebook.source)}")
    if codebook.queries:
        lines += ["", "# Asked in the trees below, by id.", "queries:"]
        lines += [f"  {quote(query.id)}: {_format_query(query)}" for query in codebook.queries]
    lines += ["", "events:" if codebook.events else "events: []"]
    for event in codebook.events:
        lines += [f"  - id: {quote(event.id)}", f"    name: {quote(event.name)}"]
        if event.number is not None:
            lines.append(f"    number: {event.number}")
        sets = codebook.get_sets_of_event(event.id)
        if sets:
            lines.append("    sets:")
        for set_ in sets:
            lines += _format_set(codebook, set_)
    return "\n".join(lines) + "\n"


def quote(text: str, *, always: bool = False) -> str:
    """Text as a YAML scalar: plain where that is safe (unless ``always``), else in double quotes.

    Example:
        >>> print(quote("tucked"), quote("no"), quote("3.205"), quote("2 turns: held"))
        tucked "no" "3.205" "2 turns: held"
    """
    if not always and _PLAIN.fullmatch(text) and text.casefold() not in _NOT_PLAIN:
        return text
    # JSON strings are YAML strings, but for a few characters that YAML wants escaped.
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _check_order(codebook: Codebook) -> None:
    sets = [set_ for event in codebook.events for set_ in codebook.get_sets_of_event(event.id)]
    elements = [element for set_ in sets for element in codebook.get_elements_of_set(set_.id)]
    trees = [codebook.tree_by_set_id[set_.id] for set_ in sets if set_.id in codebook.tree_by_set_id]
    for what, nested, given in (
        ("sets", sets, codebook.sets),
        ("elements", elements, codebook.elements),
        ("trees", trees, codebook.trees),
    ):
        if len(nested) != len(given) or any(one is not other for one, other in zip(nested, given, strict=True)):
            raise CodebookError(
                f"codebook {codebook.name}: its {what} do not stand in the order of its events and sets, "
                f"which a codebook.yaml has by its nesting. Order them so before writing."
            )


def _format_query(query: Query) -> str:
    parts = [f"text: {quote(query.text)}"]
    if query.yes:
        parts.append(f'"yes": {_format_attributes(query.yes)}')
    if query.no:
        parts.append(f'"no": {_format_attributes(query.no)}')
    return "{" + ", ".join(parts) + "}"


def _format_attributes(attributes: Attributes) -> str:
    return "{" + ", ".join(f"{quote(name)}: {_format_value(value)}" for name, value in attributes.items()) + "}"


def _format_value(value: AttributeValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int):
        return str(value)
    text = repr(value)
    # YAML 1.1 takes 1e+20 for text: an exponent needs a point before it.
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def _format_set(codebook: Codebook, set_: Set) -> Iterator[str]:
    yield f"      - id: {quote(set_.id)}"
    yield f"        name: {quote(set_.name)}"
    if set_.number is not None:
        yield f"        number: {set_.number}"
    if set_.attributes:
        yield f"        attributes: {_format_attributes(set_.attributes)}"
    elements = codebook.get_elements_of_set(set_.id)
    if elements:
        yield "        elements:"
        yield from (f"          - {_format_element(element)}" for element in elements)
    tree = codebook.tree_by_set_id.get(set_.id)
    if tree is None:
        return
    if isinstance(tree.root, Leaf):
        yield f"        tree: {_format_leaf(codebook, tree.root)}"
    else:
        yield "        tree:"
        yield from _format_node(codebook, tree.root, "          ")


def _format_element(element: Element) -> str:
    parts = [f"id: {quote(element.id)}", f"name: {quote(element.name)}"]
    difficulty = []
    if element.difficulty_code is not None:
        difficulty.append(f"code: {quote(element.difficulty_code, always=True)}")
    if element.difficulty_value is not None:
        difficulty.append(f"value: {_format_value(element.difficulty_value)}")
    if difficulty:
        parts.append("difficulty: {" + ", ".join(difficulty) + "}")
    if element.glabel is not None:
        parts.append(f"glabel: {element.glabel}")
    if element.given_attributes:
        parts.append(f"attributes: {_format_attributes(element.given_attributes)}")
    return "{" + ", ".join(parts) + "}"


def _format_node(codebook: Codebook, node: Node, indent: str) -> Iterator[str]:
    query = codebook.query_by_id[node.query_id]
    yield _comment(f"{indent}ask: {quote(node.query_id)}", query.text)
    for key, child in (("yes", node.yes), ("no", node.no)):
        if isinstance(child, Leaf):
            yield f'{indent}"{key}": {_format_leaf(codebook, child)}'
        else:
            yield f'{indent}"{key}":'
            yield from _format_node(codebook, child, indent + "  ")


def _format_leaf(codebook: Codebook, leaf: Leaf) -> str:
    if leaf.element_id is None:
        return NO_ELEMENT
    return _comment(quote(leaf.element_id), codebook.element_by_id[leaf.element_id].name)


def _comment(line: str, remark: str) -> str:
    # A comment ends with its line, and may hold no character that YAML forbids.
    printable = _UNPRINTABLE.sub(" ", remark)
    return f"{line}  # {' '.join(printable.split())}"
