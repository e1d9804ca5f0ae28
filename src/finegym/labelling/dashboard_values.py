"""Values of `quality` as the dashboards show them."""

from __future__ import annotations

from finegym.labelling.quality_shapes import MeasuredShape
from finegym.quality.agreement import Agreement
from finegym.quality.values import Value


def show_value(value: Value) -> MeasuredShape:
    """A number with its interval, or why there is none."""
    return MeasuredShape(
        value=value.value, low=value.low, high=value.high, count=value.count, why=value.undefined or value.no_interval
    )


def make_undefined(why: str) -> MeasuredShape:
    """No number, and why."""
    return MeasuredShape(value=None, low=None, high=None, count=0, why=why)


def get_cell(agreement: Agreement | None, table: str, about: tuple[str, ...], column: str) -> MeasuredShape:
    """A cell of a table of agreement; where the table has no such row, that is why."""
    if agreement is None:
        return make_undefined("nobody else has signed off the same items")
    found = agreement.tables.get(table)
    rows = () if found is None else found.rows
    for row in rows:
        if tuple(row.about.values()) == about:
            cell = row.cells[column]
            if isinstance(cell, Value):
                return show_value(cell)
    return make_undefined("nothing of the kind was compared")
