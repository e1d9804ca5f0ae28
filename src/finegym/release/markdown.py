"""Markdown tables and lists, for the pages of a release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def make_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, num_left: int = 1) -> list[str]:
    """Lines of a table; ``None`` is a dash, integers get thousands separators.

    Args:
        header: names of the columns.
        rows: their cells.
        num_left: columns that stand left, from the first; numbers stand right.

    Example:
        >>> make_table(["event", "actions"], [["VT", 2042]])
        ['| event | actions |', '|---|---:|', '| VT | 2,042 |', '']
    """
    lines = [_row(header), f"{'|---' * num_left}{'|---:' * (len(header) - num_left)}|"]
    return [*lines, *(_row(row) for row in rows), ""]


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return str(cell).replace("|", "\\|").replace("\n", " ")
