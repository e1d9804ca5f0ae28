"""Tables as values: what stands in a cell, and everything that belongs beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.stats import t as student

CONFIDENCE = 0.95
Interval = Literal["seeds", "records", "seeds and records", ""]


@dataclass(frozen=True)
class Cell:
    """A number, or the reason why there is none.

    Attributes:
        value: mean over seeds; ``None`` where nothing was run: it is never estimated.
        low: lower bound of its 95 % interval, if it has one.
        high: upper bound.
        interval: over what: ``seeds`` (Student's t over the runs), of a single run ``records`` (bootstrap), or ``seeds
            and records`` together.
        by_seed: the number of every run.
        num_instances: that each of them was computed on.
        why_empty: where there is no value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    interval: Interval = ""
    by_seed: tuple[float, ...] = ()
    num_instances: int = 0
    why_empty: str = ""


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
    """

    id: str
    labels: tuple[str, ...]
    cells: Mapping[str, Cell] = field(default_factory=dict)

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


def summarise(
    values: Sequence[float], num_instances: int, *, single: tuple[float | None, float | None] = (None, None)
) -> Cell:
    """One cell of the numbers of several runs that differ in their seed.

    The interval is Student's t over the runs. It says how far the mean over seeds may be off, not how another test set
    would come out; with three runs it is wide (4.3 standard errors). Where nothing varies there is none: a width of
    zero would say that the number is exact.

    Args:
        values: one a run; none give an empty cell.
        num_instances: that each was computed on.
        single: the interval of a single run, as a rule of resampled records.

    Example:
        >>> cell = summarise([70.0, 72.0, 74.0], 100)
        >>> cell.value, round(cell.low, 2), round(cell.high, 2)
        (72.0, 67.03, 76.97)
    """
    if not values:
        return NOT_RUN
    mean, by_seed = float(np.mean(values)), tuple(map(float, values))
    low, high = single
    kind: Interval = "records"
    if len(values) > 1:
        factor = float(student.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
        half = factor * float(np.std(values, ddof=1)) / math.sqrt(len(values))
        low, high, kind = mean - half, mean + half, "seeds"
    if low is None or high is None or low == high:
        return Cell(mean, by_seed=by_seed, num_instances=num_instances)
    return Cell(mean, low, high, kind, by_seed, num_instances)
