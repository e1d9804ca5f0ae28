"""Tables of values: the one shape in which agreement is measured, written as JSON and text, and shown on a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from finegym.quality.values import Value

Kind = Literal["share", "coefficient", "ms", "frames", "count", "tiou"]
Cell = Value | int | None


@dataclass(frozen=True)
class Column:
    """A column: its key in JSON, its heading, and what its numbers are (a share is shown in percent)."""

    key: str
    title: str
    kind: Kind


@dataclass(frozen=True)
class Row:
    """A row: what it is about (``{"annotator": "ada"}``) and its cells by column key.

    Attributes:
        about: names of the row, in the order of the table's ``about``.
        cells: a value with its interval, a count, or ``None`` where the column has no meaning for the row.
        detail: what the thing is called, where ``about`` holds ids.
    """

    about: Mapping[str, str]
    cells: Mapping[str, Cell]
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of one kind.

    Attributes:
        key: in JSON (``detection_pairs``).
        title: as a heading.
        about: names of the leading columns.
        columns: the others.
        rows: in order.
        note: how to read it.
        worst_by: key of the column by which the worst rows come first, where there are too many to show.
    """

    key: str
    title: str
    about: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    worst_by: str = ""

    def get(self, *about: str) -> Row:
        """The row of these names.

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if tuple(row.about.values()) == about:
                return row
        raise KeyError(about)


def sort_worst_first(table: Table) -> list[Row]:
    """Rows by the lowest value of ``worst_by``: those with an interval, then those without, then those without a value.

    What rests on so little that it has no interval is often the lowest, and says the least.
    """
    if not table.worst_by:
        return list(table.rows)

    def rank(row: Row) -> tuple[bool, bool, float]:
        cell = row.cells[table.worst_by]
        if not isinstance(cell, Value):
            return cell is None, False, cell or 0
        return cell.value is None, cell.low is None, cell.value or 0.0

    return sorted(table.rows, key=rank)
