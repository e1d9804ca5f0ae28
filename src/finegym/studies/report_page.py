"""One page of all studies of a size: findings, figures with what to see in them, tables beside the paper's numbers.

It reads what the studies have written (``study.json`` and the pictures) and runs nothing.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from finegym import __version__
from finegym.errors import ConfigError
from finegym.files import write_text
from finegym.report.page import Picture
from finegym.studies.writing import STUDY_FILE, read_results

FINDINGS = "findings"
VERDICTS = ("confirmed", "not confirmed", "not decided", "not run")
MAX_ROWS = 20  # of a table that is shown without being asked for: ten screens of a phone are no report
REAL_LEAD = "Every table and figure of the FineGym paper, ours beside the published number."
SIMULATED_LEAD = (
    "Every table and figure of the FineGym paper, run on a competition that nobody filmed. All of our numbers here are "
    "simulated: they say how methods compare on this simulation, and nothing about real gymnastics. The paper's are "
    "beside them for orientation; the difference means nothing."
)


def write_report(results: Path, names: Sequence[str], size: str, page: Path, *, out: Path) -> int:
    """Write the page.

    Args:
        results: the folder of results of a size, a folder a study.
        names: of all studies, in order; those without results are left out, and named on the page.
        size: of the studies.
        page: the file to write.
        out: the folder of all studies, for the commands on the page.

    Returns:
        How many studies are on it.

    Raises:
        ConfigError: no study has results, or some are damaged or of another size.
        OutputError: the page cannot be written.
    """
    there = [name for name in names if (results / name / STUDY_FILE).is_file()]
    if not there:
        raise ConfigError(f"{results} has no results of any study. `finegym study run --size {size}` makes them.")
    all_facts = [read_results(results / name, name, size) for name in there]
    common = _find_common_notes(all_facts)
    is_simulated = any(facts["is_simulated"] for facts in all_facts)
    environment = Environment(
        loader=PackageLoader("finegym.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    missing = [name for name in names if name not in there]
    described = {facts["study"]: _describe(facts, results, out, common) for facts in all_facts}
    findings = [finding for facts in all_facts if facts["study"] == FINDINGS for finding in _list_findings(facts)]
    text = environment.get_template("studies.html.j2").render(
        title=f"FineGym studies, size {size}",
        is_simulated=is_simulated,
        lead=SIMULATED_LEAD if is_simulated else REAL_LEAD,
        findings=findings,
        verdicts=_count_verdicts(findings),
        common_notes=common,
        tested=described.pop(FINDINGS, None),
        studies=list(described.values()),
        footer=f"finegym {__version__}. "
        + (f"Not run: {', '.join(missing)}." if missing else "All studies were run.")
        + " Intervals are 95 %. A cell that was not run is empty.",
    )
    write_text(page, text)
    return len(there)


def _list_findings(facts: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The claims with their verdicts."""
    for table in facts["tables"]:
        cells = {cell["row"]: cell for cell in table["cells"]}
        for row in table["rows"]:
            says, verdict, measured = row["labels"]
            cell = cells[row["id"]]
            number = _format_cell(cell, table["columns"][0])
            text = number["value"] and f"{number['value']} points"
            if number["interval"]:
                text += f" ({number['interval']})" + (f" over {cell['interval']}" if cell["interval"] else "")
            yield {"says": says, "verdict": verdict, "measured": measured, "number": text, "remark": row["remark"]}


def _count_verdicts(findings: Sequence[Mapping[str, str]]) -> str:
    """How many claims came to what, in a sentence."""
    counts = Counter(finding["verdict"] for finding in findings)
    parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    return f"Of {len(findings)} claims: {', '.join(parts)}."


def _find_common_notes(all_facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Notes that stand under nearly all tables, such as what the size scales down: said once, at the top."""
    all_notes = [set(table["notes"]) for facts in all_facts for table in facts["tables"]]
    ordered = dict.fromkeys(note for facts in all_facts for table in facts["tables"] for note in table["notes"])
    return [note for note in ordered if sum(note in notes for notes in all_notes) > len(all_notes) / 2]


def _describe(facts: Mapping[str, Any], results: Path, out: Path, common: Sequence[str]) -> dict[str, Any]:
    """What the template shows of a study."""
    notes = dict.fromkeys(note for table in facts["tables"] for note in table["notes"] if note not in common)
    return {
        "name": facts["study"],
        "title": facts["title"],
        "command": _make_command(facts, out),
        "figures": [_describe_figure(figure, results / facts["study"]) for figure in facts["figures"]],
        "tables": [
            _describe_table(table) for table in facts["tables"] if facts["study"] != FINDINGS
        ],  # those are cards
        "notes": list(notes),
    }


def _make_command(facts: Mapping[str, Any], out: Path) -> str:
    """What to type for a study; where the official data lies, the reader knows."""
    words = ["finegym", "study", "run", facts["study"], "--size", facts["size"], "--out", str(out)]
    return shlex.join(words) + ("" if facts["is_simulated"] else " --dataset DIR")


def _describe_figure(figure: Mapping[str, str], folder: Path) -> dict[str, str]:
    path = folder / figure["file"]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: the picture cannot be read ({error.strerror}). Run the study again.") from error
    source = Picture(data, figure["title"], figure["title"]).source
    return {"source": source, "title": figure["title"], "to_see": figure["to_see"]}


def _describe_table(table: Mapping[str, Any]) -> dict[str, Any]:
    cells = {(cell["row"], cell["column"]): cell for cell in table["cells"]}
    return {
        "title": table["title"],
        "is_long": len(table["rows"]) > MAX_ROWS,
        "label_titles": table["label_titles"],
        "column_titles": [_title_column(column) for column in table["columns"]],
        "rows": [
            {
                "labels": row["labels"],
                "cells": [_format_cell(cells[row["id"], column["id"]], column) for column in table["columns"]],
            }
            for row in table["rows"]
        ],
    }


def _title_column(column: Mapping[str, Any]) -> str:
    return f"{column['title']} ({column['unit']})" if column["unit"] else str(column["title"])


def _format_cell(cell: Mapping[str, Any], column: Mapping[str, Any]) -> dict[str, str]:
    """Value, interval and published number as text; empty where there is none."""
    digits = column["digits"]
    value, low, high, published = (cell[key] for key in ("value", "low", "high", "published"))
    has_interval = value is not None and low is not None and high is not None
    return {
        "value": "" if value is None else f"{value:z,.{digits}f}",
        "interval": f"{low:z.{digits}f} to {high:z.{digits}f}" if has_interval else "",
        "published": "" if published is None else f"{published:z,.{digits}f}",
    }
