"""``finegym evaluate parse``: parses against the annotations of their records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from finegym.annotations.text import format_count


def parse(
    parsed: Annotated[list[Path], typer.Argument(metavar="PARSED...", help="Folders that `finegym parse` wrote.")],
    dataset: Annotated[Path, typer.Option(help="Dataset folder with the annotations of the same records.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Count what was found and named rightly: routines, sub-actions, sets, elements, kinds; precision and recall.

    A segment is hit by one that shares at least half of their union's time, one to one. Kinds (interrupted routines,
    replays) are counted where the dataset is a simulated competition, which knows them.

    **Example**: `finegym evaluate parse parsed/A0xAXXysHUo --dataset competition`
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from finegym.annotations.source import open_source
    from finegym.applications.parse.evaluating import check_records, score_parses, tabulate_scores
    from finegym.applications.parse.evaluating_kinds import read_true_kinds, tabulate_kinds
    from finegym.applications.parse.files import PARSE_FILE, read_parse

    parses = [read_parse(folder / PARSE_FILE if folder.is_dir() else folder) for folder in parsed]
    annotated = open_source(dataset).dataset
    check_records(parses, annotated)  # before truth files are looked for
    kinds = read_true_kinds(dataset, [parse.record_id for parse in parses])
    scores = score_parses(parses, annotated, kinds)
    if as_json:
        typer.echo(json.dumps(asdict(scores), indent=1))
        return
    tables = [tabulate_scores(scores), *([tabulate_kinds(scores.kinds)] if scores.kinds else [])]
    for header, rows in tables:
        table = Table(box=None)
        for place, name in enumerate(header):
            table.add_column(name, justify="right" if place else "left")
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    if scores.kinds is None:
        typer.echo("kinds are not counted: nothing in this dataset says what was interrupted and replayed", err=True)
    records, unsure = (
        format_count(count, word) for count, word in ((scores.num_records, "record"), (scores.num_unsure, "sub-action"))
    )
    typer.echo(f"{records}; of {unsure} the parse itself is unsure", err=True)
