"""``finegym attributes``: what is known of elements, and finding sub-actions by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Attributes: what is known of elements, and finding sub-actions by it.",
)
SourceArgument = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE",
        help="A dataset folder or official files; what `finegym parse` wrote (one folder, or the folder of several); "
        "or a prediction file, with `--dataset` and `--split`.",
    ),
]
DatasetOption = Annotated[Path | None, typer.Option(help="Of a prediction file.")]
SplitOption = Annotated[str | None, typer.Option(help="Of a prediction file, whose classes it has.")]
CsvOption = Annotated[Path | None, typer.Option("--csv", help="Also write a table for spreadsheets.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command(name="list")
def list_(
    codebook: Annotated[
        str,
        typer.Argument(metavar="CODEBOOK", help="A built-in name, a YAML file, or a folder: as for `codebook show`."),
    ],
    as_json: JsonOption = False,
) -> None:
    """List the attributes of a codebook, their values, and how many elements have each.

    **Example**: `finegym attributes list artistic-women`
    """
    from finegym.annotations.text import format_table
    from finegym.applications.attributes import build_table
    from finegym.applications.attributes_query import format_value
    from finegym.codebook.source import open_codebook

    book, _ = open_codebook(codebook)
    table = build_table([element.id for element in book.elements], book)
    counts = table.has.sum(axis=0).tolist()
    rows = [(name, format_value(value), count) for (name, value), count in zip(table.pairs, counts, strict=True)]
    if as_json:
        typer.echo(json.dumps([{"attribute": n, "value": v, "num_elements": c} for n, v, c in rows], indent=1))
        return
    typer.echo(format_table(("attribute", "value", "elements"), rows, left=(1,)))
    typer.echo(f"{len(table.names)} attributes, {len(rows)} values, {len(book.elements)} elements", err=True)


@app.command()
def find(
    source: SourceArgument,
    where: Annotated[
        list[str],
        typer.Option(
            metavar="CONDITION",
            help="What it must be: `kind=salto`, `twist>=2`, `body=tucked,piked`, `body!=stretched`, `name~double`, "
            "`hands` (has any). Given several times, or joined by `&`, all of them.",
        ),
    ],
    dataset: DatasetOption = None,
    split: SplitOption = None,
    min_probability: Annotated[float, typer.Option(min=0, max=1, help="Of what is listed; the rest is counted.")] = 0.5,
    limit: Annotated[int, typer.Option(min=1, help="Lines to print; files and JSON have all.")] = 50,
    csv: CsvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find sub-actions by attributes, such as all saltos with at least two twists; the likeliest first.

    In annotations an element is what it is; in parses and predictions it is so with a probability, the sum over the
    elements that are asked for. Where a parse says only the set, the answer is a range.

    **Example**: `finegym attributes find competition --where 'kind=salto' --where 'twist>=2'`
    """
    from finegym.applications.attributes import find_sub_actions, make_sought
    from finegym.applications.attributes_output import export_found, format_found, format_found_csv
    from finegym.applications.attributes_query import check_found, find_elements, parse_conditions
    from finegym.applications.attributes_sources import read_candidates
    from finegym.files import write_text

    conditions = [condition for text in where for condition in parse_conditions(text)]
    candidates, book = read_candidates(source, dataset=dataset, split=split)
    elements = find_elements(conditions, book)
    check_found(elements, conditions, book)
    sought = make_sought(elements, book)
    found = find_sub_actions(candidates, sought, min_probability=min_probability)
    if csv is not None:
        write_text(csv, format_found_csv(found, book))
    if as_json:
        typer.echo(json.dumps(export_found(found, book, where), indent=1, ensure_ascii=False))
    elif found.hits:
        typer.echo(format_found(found, book, limit))
        if len(found.hits) > limit:
            typer.echo(f"… and {len(found.hits) - limit:,} more: --limit, --csv or --json show them", err=True)
    typer.echo(f"{found}", err=True)


@app.command()
def predict(
    source: SourceArgument,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    csv: CsvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn probabilities of elements into probabilities of attributes: a row an attribute's value a sub-action.

    **Example**: `finegym attributes predict parsed/A0xAXXysHUo --csv attributes.csv`
    """
    from finegym.applications.attributes_output import MARGINAL_COLUMNS, format_marginals_csv, list_marginals
    from finegym.applications.attributes_sources import read_candidates
    from finegym.files import write_text

    candidates, book = read_candidates(source, dataset=dataset, split=split)
    rows = list_marginals(candidates, book)
    if csv is not None:
        write_text(csv, format_marginals_csv(rows))
    if as_json:
        typer.echo(json.dumps([dict(zip(MARGINAL_COLUMNS, row, strict=True)) for row in rows], indent=1))
    elif csv is None:
        typer.echo(format_marginals_csv(rows), nl=False)
    typer.echo(f"{len(candidates):,} sub-actions, {len(rows):,} values with some probability", err=True)
