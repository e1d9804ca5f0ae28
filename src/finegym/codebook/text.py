"""A codebook in the terminal: overview, a set, an element, a tree, a list of problems.

Everything here makes text and nothing else. Roles (``"query"``, ``"element"`` …) are handed to ``paint``, which may add
colour; the default adds none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from finegym.codebook.model import Attributes, Codebook, Element, Leaf, Node, Set
from finegym.codebook.problems import Problem, suggest
from finegym.codebook.tree import TreeShape, compute_tree_shape, get_paths, get_tree
from finegym.errors import CodebookError

Role = Literal["query", "element", "dead", "yes", "no", "id", "heading", "faint", "error", "warning"]
Paint = Callable[[str, Role], str]


def paint_nothing(text: str, role: Role) -> str:
    """The plain ``paint``."""
    return text


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    Example:
        >>> count(1, "query", "queries"), count(0, "error")
        ('1 query', '0 errors')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def get_element(codebook: Codebook, element_id: str) -> Element:
    """An element by id.

    Raises:
        CodebookError: there is none; the message suggests one.
    """
    if element_id not in codebook.element_by_id:
        hint = suggest(element_id, list(codebook.element_by_id))
        raise CodebookError(f'codebook {codebook.name} has no element "{element_id}"{hint}')
    return codebook.element_by_id[element_id]


def get_set(codebook: Codebook, set_id: str) -> Set:
    """A set by id.

    Raises:
        CodebookError: there is none; the message suggests one.
    """
    if set_id not in codebook.set_by_id:
        hint = suggest(set_id, list(codebook.set_by_id))
        raise CodebookError(f'codebook {codebook.name} has no set "{set_id}"{hint}')
    return codebook.set_by_id[set_id]


def format_overview(codebook: Codebook, paint: Paint = paint_nothing) -> str:
    """Events and sets with their counts."""
    lines = [paint(f"{codebook.name} {codebook.version}", "heading") + f"  {codebook.sport}"]
    if codebook.source:
        lines.append(paint(codebook.source, "faint"))
    rows: list[Sequence[str]] = [("", "set", "number", "elements", "queries", "depth")]
    for event in codebook.events:
        sets = codebook.get_sets_of_event(event.id)
        number = "" if event.number is None else str(event.number)
        total = sum(len(codebook.get_elements_of_set(set_.id)) for set_ in sets)
        rows.append((event.id, event.name, number, str(total) if sets else "", "", ""))
        for set_ in sets:
            tree = codebook.tree_by_set_id.get(set_.id)
            shape = compute_tree_shape(tree) if tree else None
            rows.append(
                (
                    f"  {set_.id}",
                    set_.name,
                    "" if set_.number is None else str(set_.number),
                    str(len(codebook.get_elements_of_set(set_.id))),
                    str(shape.num_nodes) if shape else "no tree",
                    f"{shape.min_depth}–{shape.max_depth}" if shape else "",
                )
            )
    lines += ["", *_align(rows, right={2, 3, 4, 5})]
    num_nodes = sum(compute_tree_shape(tree).num_nodes for tree in codebook.trees)
    totals = (
        f"{count(len(codebook.events), 'event')}, {count(len(codebook.sets), 'set')}, "
        f"{count(len(codebook.elements), 'element')}, {count(len(codebook.trees), 'tree')} with "
        f"{count(num_nodes, 'node')}, {count(len(codebook.queries), 'query', 'queries')}"
    )
    return "\n".join([*lines, "", totals])


def format_set(codebook: Codebook, set_id: str, paint: Paint = paint_nothing) -> str:
    """A set: its attributes, the shape of its tree, its elements with difficulty and Glabel."""
    set_ = get_set(codebook, set_id)
    event = codebook.event_by_id[set_.event_id]
    elements = codebook.get_elements_of_set(set_id)
    lines = [paint(f"{set_.id} {set_.name}", "heading") + f"  {event.name}"]
    if set_.attributes:
        lines.append(format_attributes(set_.attributes))
    if set_id in codebook.tree_by_set_id:
        lines.append(describe_shape(compute_tree_shape(codebook.tree_by_set_id[set_id])))
    rows: list[Sequence[str]] = [("element", "glabel", "code", "value", "name")]
    rows += [
        (
            element.id,
            "" if element.glabel is None else str(element.glabel),
            element.difficulty_code or "",
            "" if element.difficulty_value is None else f"{element.difficulty_value:.2f}",
            element.name.strip(),
        )
        for element in elements
    ]
    return "\n".join([*lines, "", *_align(rows, right={1, 2, 3})])


def format_element(codebook: Codebook, element_id: str, paint: Paint = paint_nothing) -> str:
    """An element: where it belongs, its difficulty, its attributes, its path."""
    element = get_element(codebook, element_id)
    set_ = codebook.set_by_id[element.set_id]
    event = codebook.event_by_id[set_.event_id]
    lines = [paint(element.name.strip(), "heading"), ""]
    facts = [
        ("id", element.id),
        ("event", f"{event.id}  {event.name}"),
        ("set", f"{set_.id}  {set_.name}"),
        ("difficulty", format_difficulty(element)),
        ("glabel", "" if element.glabel is None else str(element.glabel)),
        ("attributes", format_attributes(codebook.attributes_by_element_id[element.id])),
    ]
    lines += [f"{name:<11} {value}" for name, value in facts if value]
    tree = codebook.tree_by_set_id.get(element.set_id)
    path = get_paths(tree).get(element.id) if tree else None
    lines += ["", "path" if path is not None else "no path: the tree of its set does not lead to it"]
    for step in path or ():
        answer: Role = "yes" if step.answer else "no"
        lines.append(f"  {paint(f'{answer:<3}', answer)}  {codebook.query_by_id[step.query_id].text.strip()}")
    return "\n".join(lines)


def format_difficulty(element: Element) -> str:
    """Value and code, as far as they are known."""
    parts = []
    if element.difficulty_value is not None:
        parts.append(f"{element.difficulty_value:.2f}")
    if element.difficulty_code is not None and element.difficulty_code not in parts:
        parts.append(f"(code {element.difficulty_code})")
    return " ".join(parts)


def format_attributes(attributes: Attributes) -> str:
    """Attributes on one line.

    Example:
        >>> format_attributes({"kind": "turn", "turns": 2, "held": True})
        'kind: turn, turns: 2, held: true'
    """
    return ", ".join(
        f"{name}: {str(value).lower() if isinstance(value, bool) else value}" for name, value in attributes.items()
    )


def describe_shape(shape: TreeShape) -> str:
    """The size of a tree in words."""
    text = (
        f"{count(shape.num_leaves, 'element')} behind {count(shape.num_nodes, 'query', 'queries')}, "
        f"{shape.min_depth} to {shape.max_depth} answers each (mean {shape.mean_depth:.1f})"
    )
    if shape.num_dead_answers:
        text += f", {count(shape.num_dead_answers, 'dead answer')}"
    return text


def draw_tree(codebook: Codebook, set_id: str, paint: Paint = paint_nothing) -> str:
    """A set's tree with box characters: a query a line, its yes branch, then its no branch.

    Raises:
        CodebookError: there is no such set, or it has no tree.
    """
    tree = get_tree(codebook, set_id)
    set_ = codebook.set_by_id[set_id]
    head = paint(f"{set_.id} {set_.name}", "heading") + "  " + describe_shape(compute_tree_shape(tree))
    return "\n".join([head, "", *_draw_node(codebook, tree.root, "", "", paint)])


def _draw_node(codebook: Codebook, node: Node | Leaf, first: str, rest: str, paint: Paint) -> Iterator[str]:
    if isinstance(node, Leaf):
        yield first + _draw_leaf(codebook, node, paint)
        return
    yield first + paint(codebook.query_by_id[node.query_id].text.strip(), "query")
    branch = paint("├─", "faint") + paint(" yes ", "yes")
    yield from _draw_node(codebook, node.yes, rest + branch, rest + paint("│", "faint") + "  ", paint)
    branch = paint("└─", "faint") + paint(" no  ", "no")
    yield from _draw_node(codebook, node.no, rest + branch, rest + "   ", paint)


def _draw_leaf(codebook: Codebook, leaf: Leaf, paint: Paint) -> str:
    if leaf.element_id is None:
        return paint("∅ no such element", "dead")
    element = codebook.element_by_id[leaf.element_id]
    difficulty = format_difficulty(element)
    tail = paint(f"  {difficulty}", "faint") if difficulty else ""
    return paint(f"● {element.id}", "id") + " " + paint(element.name.strip(), "element") + tail


def format_problems(problems: Sequence[Problem], limit: int | None = None, paint: Paint = paint_nothing) -> str:
    """Problems under headings by kind, errors first, and a tally at the end.

    Args:
        problems: what ``check_codebook`` found.
        limit: shown of each kind of warning; the rest is counted. ``None`` shows all. Errors are always shown.
        paint: adds colour.
    """
    lines: list[str] = []
    for severity, kind in dict.fromkeys((problem.severity, problem.kind) for problem in problems):
        group = [problem for problem in problems if (problem.severity, problem.kind) == (severity, kind)]
        shown = group if limit is None or severity == "error" else group[:limit]
        lines.append(paint(f"{severity}: {kind}", severity) + f" ({len(group)})")
        lines += [f"  {problem}" for problem in shown]
        if len(shown) < len(group):
            lines.append(paint(f"  … and {len(group) - len(shown)} more (--all shows them)", "faint"))
    counts = Counter(problem.severity for problem in problems)
    return "\n".join([*lines, f"{count(counts['error'], 'error')}, {count(counts['warning'], 'warning')}"])


def _align(rows: Sequence[Sequence[str]], right: set[int]) -> Iterator[str]:
    """Rows as columns two blanks apart; the last one is as long as it likes."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
