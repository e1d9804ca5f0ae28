"""A decision tree as a picture (SVG): queries from left to right, one line a leaf, yes above no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from finegym.codebook.model import Codebook, Leaf, Node

ROW = 34
COLUMN = 190
LEAF_WIDTH = 330
NODE_WIDTH = 160
_CHARACTERS_A_NODE_LINE = 26
_CHARACTERS_A_LEAF_LINE = 58


@dataclass(frozen=True)
class _Placed:
    """A node with its place: ``x`` of its left edge, ``y`` of its middle, in pixels."""

    node: Node | Leaf
    x: float
    y: float
    children: tuple[_Placed, ...] = ()


def draw_tree(codebook: Codebook, set_id: str) -> bytes:
    """Draw the decision tree of a set.

    Returns:
        An SVG file, UTF-8. Solid lines are yes, dashed ones no; a red leaf means "no such element".
    """
    root = codebook.tree_by_set_id[set_id].root
    depth, num_leaves = _measure(root)
    placed, _ = _place(root, 0, 0, leaf_x=depth * COLUMN)
    width, height = depth * COLUMN + LEAF_WIDTH, num_leaves * ROW + 10
    body = "\n".join(_draw(placed, codebook))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="DejaVu Sans, sans-serif" font-size="10.5">\n{body}\n</svg>\n'
    ).encode()


def _measure(node: Node | Leaf) -> tuple[int, int]:
    """Depth and number of leaves below a node."""
    if isinstance(node, Leaf):
        return 0, 1
    (yes_depth, yes_leaves), (no_depth, no_leaves) = _measure(node.yes), _measure(node.no)
    return 1 + max(yes_depth, no_depth), yes_leaves + no_leaves


def _place(node: Node | Leaf, depth: int, row: int, leaf_x: float) -> tuple[_Placed, int]:
    """Place a node and all below it, the first leaf in ``row``; returns the next free row too."""
    if isinstance(node, Leaf):
        return _Placed(node, leaf_x, (row + 0.5) * ROW + 5), row + 1
    yes, row = _place(node.yes, depth + 1, row, leaf_x)
    no, row = _place(node.no, depth + 1, row, leaf_x)
    return _Placed(node, depth * COLUMN, (yes.y + no.y) / 2, (yes, no)), row


def _draw(placed: _Placed, codebook: Codebook) -> Iterator[str]:
    for answer, child in zip(("yes", "no"), placed.children, strict=False):
        start_x, middle_x = placed.x + NODE_WIDTH, placed.x + NODE_WIDTH + 14
        dash = ' stroke-dasharray="3 3"' if answer == "no" else ""
        yield (
            f'<path d="M{start_x} {placed.y} H{middle_x} V{child.y} H{child.x}" fill="none" stroke="#0b7a75"{dash}>'
            f"<title>{answer}</title></path>"
        )
        yield from _draw(child, codebook)
    if isinstance(placed.node, Leaf):
        element_id = placed.node.element_id
        text = codebook.element_by_id[element_id].name if element_id is not None else "no such element"
        colour = "#1d2429" if element_id is not None else "#b3261e"
        yield from _draw_lines(wrap(text, _CHARACTERS_A_LEAF_LINE), placed.x + 6, placed.y, colour)
    else:
        text = codebook.query_by_id[placed.node.query_id].text
        lines = wrap(text, _CHARACTERS_A_NODE_LINE)
        height = 13 * len(lines) + 8
        yield (
            f'<rect x="{placed.x}" y="{placed.y - height / 2}" width="{NODE_WIDTH}" height="{height}" rx="5" '
            'fill="#eef5f5" stroke="#9cc5c2"/>'
        )
        yield from _draw_lines(lines, placed.x + 7, placed.y, "#1d2429")


def _draw_lines(lines: list[str], x: float, y: float, colour: str) -> Iterator[str]:
    top = y - 13 * len(lines) / 2 + 10
    for index, line in enumerate(lines):
        yield f'<text x="{x}" y="{top + 13 * index:g}" fill="{colour}">{escape(line)}</text>'
