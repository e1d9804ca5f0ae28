"""``finegym score``: the difficulty score of annotated routines, by a code of points that is data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def _print_code(name: str | None) -> None:
    """Print a code of points as YAML and end, before a dataset is asked for."""
    if name is not None:
        from finegym.applications.scoring.code_of_points import read_code_text

        typer.echo(read_code_text(name), nl=False)
        raise typer.Exit


def score(
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="A dataset folder, or a folder of official FineGym files.")
    ],
    code: Annotated[
        str,
        typer.Option(help="Edition of the code of points: `fig-women-2013`, `fig-women-2017`, or a YAML file."),
    ] = "fig-women-2017",
    action: Annotated[
        str | None, typer.Option(metavar="ID", help="Score this routine, and show its whole sheet.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write all sheets as a page.")] = None,
    print_code: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            callback=_print_code,
            is_eager=True,
            help="Print this code of points, to correct it and give it with `--code`.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Score the difficulty of routines: what counted, which requirements were met, what was connected.

    The codes of points that come with finegym are extracts, written from memory and compared with public pages.
    Execution is not scored here: `finegym execution`. What annotations do not tell (grips, falls) is not in the rules;
    see the documentation. Of labels that `finegym parse` gave, a warning says how far they are in doubt.

    **Example**: `finegym score competition --code fig-women-2017 --page scores.html`
    """
    from finegym import __version__
    from finegym.annotations.source import open_source
    from finegym.applications.parse.origin import describe_origin
    from finegym.applications.scoring.code_of_points import read_code
    from finegym.applications.scoring.sheet import format_sheet, format_sheets, make_json, score_dataset
    from finegym.applications.scoring.sheet_page import write_sheets

    edition = read_code(code)
    sheets = score_dataset(open_source(dataset).dataset, edition, action)
    origin = describe_origin(dataset)
    if page is not None:
        write_sheets(page, sheets, edition, f"finegym {__version__}, {dataset.name}, {edition.name}", origin)
    if json_:
        typer.echo(json.dumps({**make_json(sheets, edition), "origin": origin}, indent=1))
    elif action is not None:
        typer.echo(format_sheet(sheets.sheets[0]))
    else:
        typer.echo(format_sheets(sheets))
    if origin:
        typer.echo(f"WARNING: {origin}", err=True)
    if not json_:
        typer.echo(f"{sheets}.\n{edition.title}: {edition.source}.", err=True)
