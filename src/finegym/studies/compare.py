"""Ours beside the published number, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finegym.annotations.text import format_table


@dataclass(frozen=True)
class Comparison:
    """A cell of ours and of the paper.

    Attributes:
        row: of the table.
        column: of the table.
        ours: ``None`` where it was not run.
        low: of its 95 % interval, if it has one.
        high: likewise.
        num_seeds: behind ours.
        num_instances: that each was computed on.
        published: ``None`` where the paper prints none.
        over: what the interval is over.
        note: what is odd about the published number, why ours is empty, or why it has no interval.
        digits: after the point, as in the table.
    """

    row: str
    column: str
    ours: float | None
    low: float | None
    high: float | None
    num_seeds: int
    num_instances: int
    over: str
    published: float | None
    note: str
    digits: int

    @property
    def difference(self) -> float | None:
        """Ours minus published; ``None`` unless both are there."""
        return _subtract(self.ours, self.published)


def compare_table(table: Mapping[str, Any]) -> Iterator[Comparison]:
    """Every cell of a table of ``study.json`` that ours or the paper's has."""
    digits = {column["id"]: column["digits"] for column in table["columns"]}
    for cell in table["cells"]:
        if cell["value"] is None and cell["published"] is None:
            continue
        why = f"no interval: {cell['no_interval']}" if cell["no_interval"] else cell["why_empty"]
        notes = [text for text in (cell["published_note"], why) if text]
        yield Comparison(
            cell["row"],
            cell["column"],
            cell["value"],
            cell["low"],
            cell["high"],
            cell["num_seeds"],
            cell["num_instances"],
            cell["interval"],
            cell["published"],
            "; ".join(notes),
            digits[cell["column"]],
        )


def add_differences(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is in a ``study.json``, with ``difference`` (ours minus published, or null) in every cell."""
    return {**facts, "tables": [{**table, "cells": _list_cells(table)} for table in facts["tables"]]}


def format_comparison(facts: Mapping[str, Any]) -> str:
    """All tables of a study against the paper, for the terminal; an empty cell was not run."""
    lines = []
    for table in facts["tables"]:
        compared = list(compare_table(table))
        rows = [
            (
                *(each.row, each.column, _round(each, each.ours), _format_interval(each), _round(each, each.published)),
                *(_round(each, each.difference, sign="+"), each.num_seeds or "", each.num_instances or "", each.over),
                each.note,
            )
            for each in compared
        ]
        header = (
            "row",
            "column",
            "ours",
            "95 %",
            "published",
            "difference",
            "seeds",
            "instances",
            "interval over",
            "note",
        )
        num_both = sum(each.difference is not None for each in compared)
        num_missing = sum(each.ours is None for each in compared)
        num_neither = len(table["cells"]) - len(compared)
        lines += [f"{table['title']} ({facts['size']}{', SIMULATED' if facts['is_simulated'] else ''})", ""]
        remarks = [f"{row['labels'][0]} {row['remark']}" for row in table["rows"] if row["remark"]]
        lines += [
            format_table(header, rows, left=(0, 1, 9)),
            "",
            *(f"- {note}" for note in (*remarks, *table["notes"])),
        ]
        counts = f"{len(compared)} cells: {num_both} beside a published number, {num_missing} not run"
        lines += [counts + (f"; {num_neither} more that neither has" if num_neither else ""), ""]
    return "\n".join(lines)


def _list_cells(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**cell, "difference": _subtract(cell["value"], cell["published"])} for cell in table["cells"]]


def _subtract(ours: float | None, published: float | None) -> float | None:
    return None if ours is None or published is None else ours - published


def _round(each: Comparison, value: float | None, *, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}z,.{each.digits}f}"


def _format_interval(each: Comparison) -> str:
    return "" if each.low is None or each.high is None else f"{each.low:z.{each.digits}f}–{each.high:z.{each.digits}f}"
