"""Tables as text, CSV, LaTeX and JSON; a study's results as files.

A cell that was not run is empty in every form. Text and LaTeX carry the notes; CSV and JSON have a line, or an object,
for every cell with its interval, its seeds and the published number.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finegym import __version__
from finegym.annotations.text import format_table
from finegym.errors import ConfigError
from finegym.files import replace_file, write_text
from finegym.studies.published import find_published
from finegym.studies.sizes import Size
from finegym.studies.study import Outcome, Study
from finegym.studies.tables import Cell, Column, Row, Table

FORMAT = "finegym-study/2"
STUDY_FILE = "study.json"
CSV_COLUMNS = (
    *("table", "row", "column", "unit", "value", "low", "high", "interval", "num_seeds", "num_instances", "by_seed"),
    *("published", "published_note", "why_empty", "no_interval"),
)
_TABLE_KEYS = {"id", "title", "label_titles", "columns", "rows", "cells", "notes"}
_KEYS = {"study", "title", "size", "is_simulated", "tables", "figures"}
_LATEX = {
    **{letter: "\\" + letter for letter in "&%_#${}"},
    **{"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "–": "--", "…": r"\ldots{}"},
    **{"⁹": r"\textsuperscript{9}", "⁶": r"\textsuperscript{6}", "<": r"\textless{}", ">": r"\textgreater{}"},
}


def format_cell(cell: Cell, column: Column) -> str:
    """A number with its interval; empty where there is none.

    Example:
        >>> format_cell(Cell(71.25, 68.0, 74.5), Column("top1", "top-1"))
        '71.2 (68.0–74.5)'
        >>> format_cell(Cell(-0.04, -7.2, 7.2), Column("difference", "no minus before nothing"))
        '0.0 (-7.2–7.2)'
    """
    if cell.value is None:
        return ""
    text = f"{cell.value:z,.{column.digits}f}"
    if cell.low is None or cell.high is None:
        return text
    return f"{text} ({cell.low:z.{column.digits}f}–{cell.high:z.{column.digits}f})"


def format_text(table: Table) -> str:
    """A table for the terminal."""
    header = (*table.label_titles, *(_format_title(column) for column in table.columns))
    rows = [(*row.labels, *(format_cell(row.get(column.id), column) for column in table.columns)) for row in table.rows]
    lines = [table.title, "", format_table(header, rows, left=tuple(range(len(table.label_titles))))]
    lines += ["", *(f"- {note}" for note in (*_list_remarks(table), *table.notes))]
    return "\n".join(lines).rstrip() + "\n"


def format_csv(table: Table) -> str:
    """A line a cell, those that were not run included."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row, column, cell in iterate_cells(table):
        facts = export_cell(table, row, column, cell)
        writer.writerow({**facts, "by_seed": " ".join(f"{value:.4f}" for value in cell.by_seed)})
    return out.getvalue()


def format_latex(table: Table) -> str:
    """A ``tabular`` with booktabs rules, the notes as comments above it."""
    columns = "l" * len(table.label_titles) + "r" * len(table.columns)
    header = (*table.label_titles, *(_format_title(column) for column in table.columns))
    lines = [f"% {table.title}", *(f"% {note}" for note in (*_list_remarks(table), *table.notes))]
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _join_latex(header), r"\midrule"]
    for row in table.rows:
        lines.append(_join_latex((*row.labels, *(format_cell(row.get(c.id), c) for c in table.columns))))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def export_table(table: Table) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "id": table.id,
        "title": table.title,
        "label_titles": list(table.label_titles),
        "columns": [{"id": c.id, "title": c.title, "unit": c.unit, "digits": c.digits} for c in table.columns],
        "rows": [{"id": row.id, "labels": list(row.labels), "remark": row.remark} for row in table.rows],
        "cells": [export_cell(table, *place) for place in iterate_cells(table)],
        "num_empty": table.count_empty(),
        "notes": list(table.notes),
    }


def iterate_cells(table: Table) -> Iterator[tuple[Row, Column, Cell]]:
    """Every cell with its row and column."""
    for row in table.rows:
        for column in table.columns:
            yield row, column, row.get(column.id)


def export_cell(table: Table, row: Row, column: Column, cell: Cell) -> dict[str, Any]:
    """One cell and everything that belongs beside it."""
    published = find_published(table.id, row.id, column.id)
    return {
        "table": table.id,
        "row": row.id,
        "column": column.id,
        "unit": column.unit,
        "value": cell.value,
        "low": cell.low,
        "high": cell.high,
        "interval": cell.interval,
        "num_seeds": len(cell.by_seed),
        "num_instances": cell.num_instances,
        "by_seed": list(cell.by_seed),
        "published": None if published is None else published.value,
        "published_note": "" if published is None else published.note,
        "why_empty": cell.why_empty,
        "no_interval": cell.no_interval,
    }


def write_outcome(study: Study, outcome: Outcome, size: Size, folder: Path) -> list[Path]:
    """Write tables and figures of a study into a folder; ``study.json`` last, which says what they are.

    Raises:
        OutputError: the folder cannot be written.
    """
    written = []
    for table in outcome.tables:
        for suffix, text in (("txt", format_text(table)), ("csv", format_csv(table)), ("tex", format_latex(table))):
            written.append(folder / f"{table.id}.{suffix}")
            write_text(written[-1], text)
    for figure in outcome.figures:
        written.append(folder / f"{figure.id}.{figure.format}")
        with replace_file(written[-1]) as temporary:
            temporary.write_bytes(figure.content)
    facts = {
        "format": FORMAT,
        "study": study.name,
        "title": study.title,
        "size": size.name,
        "is_simulated": size.is_simulated,
        "finegym": __version__,
        "tables": [export_table(table) for table in outcome.tables],
        "figures": [
            {"id": f.id, "file": f"{f.id}.{f.format}", "title": f.title, "to_see": f.to_see} for f in outcome.figures
        ],
    }
    written.append(folder / STUDY_FILE)
    write_text(written[-1], json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    return written


def read_results(folder: Path, study: str | None = None, size: str | None = None) -> dict[str, Any]:
    """The content of a study's ``study.json``.

    Args:
        folder: of its results.
        study: whose they have to be.
        size: of which they have to be.

    Raises:
        ConfigError: it is not there, damaged, or of another study or size.
    """
    path = folder / STUDY_FILE
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{folder} has no {STUDY_FILE}: `finegym study run` makes it") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}. Run the study again.") from error
    got = facts.get("format") if isinstance(facts, dict) else type(facts).__name__
    if got != FORMAT:
        raise ConfigError(f"{path}: expected format {FORMAT}, got {got!r}. Run the study again.")
    if lacking := sorted(_find_lacking(facts)):
        raise ConfigError(f"{path} is damaged: it lacks {', '.join(lacking)}. Run the study again.")
    for name, expected in (("study", study), ("size", size)):
        if expected is not None and facts[name] != expected:
            raise ConfigError(
                f"{path}: expected results of {name} {expected}, got those of {facts[name]}. Run the study again."
            )
    return facts


def _find_lacking(facts: dict[str, Any]) -> set[str]:
    """Keys that a ``study.json`` should have, and has not."""
    lacking = _KEYS - facts.keys()
    for table in facts.get("tables", ()):
        lacking |= _TABLE_KEYS - table.keys()
        lacking |= {f"{key} of a cell" for cell in table.get("cells", ()) for key in CSV_COLUMNS if key not in cell}
    return lacking


def _list_remarks(table: Table) -> list[str]:
    return [f"{row.labels[0]} {row.remark}" for row in table.rows if row.remark]


def _format_title(column: Column) -> str:
    return f"{column.title}, {column.unit}" if column.unit and column.unit != "%" else column.title


def _join_latex(cells: tuple[str, ...]) -> str:
    escaped = ["".join(_LATEX.get(letter, letter) for letter in cell) for cell in cells]
    # A minus, not a hyphen, before a number that stands for itself.
    return " & ".join(re.sub(r"(^|[ (]|--)-(?=\d)", r"\1$-$", cell) for cell in escaped) + r" \\"
