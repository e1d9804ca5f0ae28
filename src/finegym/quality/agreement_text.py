"""Agreement for reading: tables of numbers with their intervals, and beneath them why some have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from finegym.annotations.text import format_count, format_table
from finegym.quality.agreement import SECTIONS, Agreement
from finegym.quality.agreement_files import describe_annotators
from finegym.quality.agreement_table import Cell, Column, Row, Table, sort_worst_first
from finegym.quality.values import Value

MAX_ROWS = 12
"""Rows of a table in the terminal; of more, the worst are shown, and the rest is counted."""
_SCALE = {"share": 100.0}
_DIGITS = {"share": 1, "coefficient": 3, "tiou": 3, "ms": 0, "frames": 1}


@dataclass(frozen=True)
class Printed:
    """A table as text.

    Attributes:
        header: of the columns.
        rows: of cells.
        remarks: what letters in cells stand for, which values have no interval, what is not shown.
    """

    header: list[str]
    rows: list[list[str]]
    remarks: list[str]


def format_agreement(agreement: Agreement, *, show_all: bool = False) -> str:
    """The answer as text.

    Args:
        agreement: measured.
        show_all: every row of every table, not only the worst ones of long tables.
    """
    lines = [f"{name:<11}{text}" for name, text in list_facts(agreement).items()]
    lines += [f"note       {note}" for note in agreement.notes]
    for section, tables in agreement.sections.items():
        lines += ["", SECTIONS[section], "=" * len(SECTIONS[section])]
        for table in tables:
            printed = print_table(table, None if show_all else MAX_ROWS)
            left = {*range(len(table.about)), *([len(printed.header) - 1] if printed.header[-1] == "name" else [])}
            lines += ["", table.title, format_table(printed.header, printed.rows, left=left)]
            lines += [f"  {remark}" for remark in printed.remarks]
    tally = (
        f"compared {format_count(len(agreement.units), 'unit')}; compared with nobody: {agreement.num_lone_units:,} in "
        f"{format_count(agreement.num_lone_items, 'item')} of one annotator alone"
    )
    return "\n".join([*lines, "", tally]) + "\n"


def list_facts(agreement: Agreement) -> dict[str, str]:
    """What was compared, and how."""
    units, settings = agreement.units, agreement.settings
    people = ", ".join(
        f"{one['name']} ({one['num_units']:,} in {format_count(one['num_items'], 'item')})"
        for one in describe_annotators(units)
    )
    kind = "actions" if units.level == "action" else "sub-actions"
    facts = {
        "compared": f"{kind} of {format_count(len(units.items), 'item')} that two or more did, in "
        f"{format_count(len(units.groups), 'record')}",
        "annotators": people,
        "found": f"{format_count(agreement.num_groups, 'performance')}, {agreement.num_shared_groups:,} of them by two "
        "annotators or more",
        "codebook": f"{units.codebook.name} {units.codebook.version}",
        "matching": f"one to one by tIoU of at least {settings.match_tiou:g}, labels apart",
        "intervals": f"95 %, bootstrap of {format_count(len(units.groups), 'record')}, "
        f"{settings.num_resamples} resamples, seed {settings.seed}"
        if settings.num_resamples
        else "none: no resamples were asked for",
    }
    if units.is_simulated:
        facts["data"] = "SIMULATED competition: says nothing about real recordings"
    return facts


def print_table(table: Table, max_rows: int | None = None) -> Printed:
    """A table as cells of text, the worst rows first where not all of them are shown."""
    rows = list(table.rows)
    hidden = 0 if max_rows is None else max(0, len(rows) - max_rows)
    if hidden:
        rows = sort_worst_first(table)[:max_rows]
    columns = [column for column in table.columns if any(row.cells.get(column.key) is not None for row in rows)]
    reasons: dict[str, str] = {}
    has_details = any(row.detail for row in rows)
    cells = [
        [
            *row.about.values(),
            *(_print_cell(row.cells.get(column.key), column, reasons) for column in columns),
            *([row.detail] if has_details else []),
        ]
        for row in rows
    ]
    header = [*table.about, *(_head(column) for column in columns), *(["name"] if has_details else [])]
    remarks = [table.note] if table.note else []
    remarks += [f"{letter}: {reason}" for reason, letter in reasons.items()]
    remarks += _list_without_interval(rows, columns)
    if hidden:
        order = "the worst" if table.worst_by else "the first"
        remarks.append(f"{hidden:,} more rows; these are {order} (all of them: --all, --json)")
    return Printed(header, cells, remarks)


def _head(column: Column) -> str:
    unit = {"share": " %", "ms": " ms", "frames": " frames"}.get(column.kind, "")
    return f"{column.title}{unit}"


def _print_cell(cell: Cell, column: Column, reasons: dict[str, str]) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, Value):
        return f"{cell:,}"
    if cell.value is None:
        return f"– ({reasons.setdefault(cell.undefined, _make_letter(len(reasons)))})"
    text = format_number(cell.value, column)
    if cell.low is None or cell.high is None:
        return text
    return f"{text} [{format_number(cell.low, column)}, {format_number(cell.high, column)}]"


def format_number(value: float, column: Column) -> str:
    """A number as its kind of column shows it."""
    text = f"{value * _SCALE.get(column.kind, 1.0):.{_DIGITS[column.kind]}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text  # no minus before 0


def _make_letter(number: int) -> str:
    return ascii_lowercase[number % 26] * (number // 26 + 1)


def _list_without_interval(rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[str]:
    """How many values have no interval, by reason."""
    counts = Counter(
        cell.no_interval
        for row in rows
        for column in columns
        if isinstance(cell := row.cells.get(column.key), Value) and cell.no_interval
    )
    if counts:
        yield "no interval: " + "; ".join(f"{number} ({reason})" for reason, number in counts.most_common())
