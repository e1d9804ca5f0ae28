"""Tables as values: what stands in a cell, and everything that belongs beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Interval = Literal["records", "seeds and records", ""]


@dataclass(frozen=True)
class Cell:
    """A number, or the reason why there is none.

    Attributes:
        value: mean over seeds; ``None`` where nothing was run: it is never estimated.
        low: lower bound of its 95 % interval, if it has one.
        high: upper bound.
        interval: over what: of a single run ``records``, of several ``seeds and records`` (``evaluation.estimates``).
        by_seed: the number of every run.
        num_instances: that each of them was computed on.
        why_empty: where there is no value.
        no_interval: why there is none, of a value that has chance in it.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    interval: Interval = ""
    by_seed: tuple[float, ...] = ()
    num_instances: int = 0
    why_empty: str = ""
    no_interval: str = ""


NOT_RUN = Cell(None, why_empty="not run")


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        id: key of the cells, of the published numbers and in JSON.
        title: above it.
        unit: of its numbers; empty for counts.
        digits: after the point.
    """

    id: str
    title: str
    unit: str = "%"
    digits: int = 1


@dataclass(frozen=True)
class Row:
    """A row: what it is of, and a cell a column.

    Attributes:
        id: key of the published numbers and in JSON.
        labels: what stands before the numbers, one a title of the table.
        cells: by column; columns that are not in it were not run.
        remark: a sentence that belongs to this row only.
    """

    id: str
    labels: tuple[str, ...]
    cells: Mapping[str, Cell] = field(default_factory=dict)
    remark: str = ""

    def get(self, column_id: str) -> Cell:
        """The cell of a column; an empty one where nothing was run."""
        return self.cells.get(column_id, NOT_RUN)


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        id: name of its files; of a table of the paper, as in ``published.csv``.
        title: above it.
        label_titles: of what stands before the numbers.
        columns: of numbers.
        rows: in order.
        notes: what a reader should know: what was scaled down, what the numbers are of.
    """

    id: str
    title: str
    label_titles: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def count_empty(self) -> int:
        """Cells without a number."""
        return sum(row.get(column.id).value is None for row in self.rows for column in self.columns)


def make_count(value: float) -> Cell:
    """A cell of something that was counted: exact, without an interval."""
    return Cell(float(value))
