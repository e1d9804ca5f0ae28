"""``finegym codebook``: what can happen, as text, JSON and pages; each verb a thin skin over one library call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finegym.codebook.text import Role

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="What can happen: check, show, draw, compare and import codebooks.",
)

DEFAULT = "artistic-women"
SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="CODEBOOK",
        help="A YAML file, a folder with `codebook.yaml`, a folder of official FineGym files, "
        "or the name of a built-in codebook.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

_COLOURS = {
    "yes": "cyan",
    "no": "yellow",
    "id": "cyan",
    "dead": "yellow",
    "error": "red",
    "warning": "yellow",
}


def _paint(text: str, role: Role) -> str:
    # typer.echo takes colours out again where stdout is no terminal.
    bold = role in ("heading", "error", "warning")
    return typer.style(text, fg=_COLOURS.get(role), bold=bold or None, dim=True if role == "faint" else None)


@app.command()
def check(
    codebook: SourceArgument = DEFAULT,
    show_all: Annotated[bool, typer.Option("--all", help="Show every warning, not five of a kind.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Find everything that is wrong with a codebook; exit status 1 where there are errors.

    Errors make labels ambiguous: an element with two leaves or none, a name twice in a set, a query asked twice on a
    path. Warnings ask a person to look: dead answers, misspelt words, texts that differ only in blanks or case.

    **Example**: `finegym codebook check codebook.yaml`
    """
    from finegym.codebook.export import export_problems
    from finegym.codebook.source import check_source
    from finegym.codebook.text import format_problems

    problems = check_source(codebook)
    if as_json:
        _print_json(export_problems(problems))
    else:
        typer.echo(format_problems(problems, None if show_all else 5, _paint))
    if any(problem.severity == "error" for problem in problems):
        raise typer.Exit(1)


@app.command()
def show(
    codebook: SourceArgument = DEFAULT,
    set_id: Annotated[str | None, typer.Option("--set", metavar="ID", help="Show one set and its elements.")] = None,
    element_id: Annotated[
        str | None, typer.Option("--element", metavar="ID", help="Show one element: attributes, difficulty, path.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show events and sets with their counts; or one set; or one element with its attributes and path.

    **Example**: `finegym codebook show artistic-women --set FX-S1`
    """
    from finegym.codebook import text
    from finegym.codebook.source import open_codebook

    if set_id is not None and element_id is not None:
        raise typer.BadParameter("give --set or --element, not both")
    book, _ = open_codebook(codebook)
    if as_json:
        from finegym.codebook import export

        if element_id is not None:
            _print_json(export.export_element(book, text.get_element(book, element_id)))
        elif set_id is not None:
            _print_json(export.export_set(book, text.get_set(book, set_id).id))
        else:
            _print_json(export.export_overview(book))
    elif element_id is not None:
        typer.echo(text.format_element(book, element_id, _paint))
    elif set_id is not None:
        typer.echo(text.format_set(book, set_id, _paint))
    else:
        typer.echo(text.format_overview(book, _paint))


@app.command()
def tree(
    codebook: SourceArgument = DEFAULT,
    set_id: Annotated[str | None, typer.Argument(metavar="SET", help="The set whose tree to draw.")] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page to click through instead; without SET, with every tree."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the decision tree of a set in the terminal, or write it as a page that one can click through.

    **Example**: `finegym codebook tree artistic-women FX-S2 --html fx-s2.html`
    """
    from finegym.codebook import export, text
    from finegym.codebook.source import open_codebook
    from finegym.codebook.tree import get_tree
    from finegym.errors import ConfigError

    book, _ = open_codebook(codebook)
    if html is not None:
        # imported here: the terminal's tree needs no templates
        from finegym.report.tree_page import write_tree_page

        write_tree_page(book, html, None if set_id is None else [set_id])
        typer.echo(f"wrote {html}")
        return
    if set_id is None:
        sets = ", ".join(one.set_id for one in book.trees)
        raise ConfigError(f"tree: expected a set after the codebook, one of {sets}; or --html FILE for all of them")
    get_tree(book, set_id)
    _print(as_json, export.export_set(book, set_id), text.draw_tree(book, set_id, _paint))


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="The earlier version: a file, folder or built-in name.")],
    new: Annotated[str, typer.Argument(help="The later version.")],
    as_json: JsonOption = False,
) -> None:
    """Say what changed from one version of a codebook to another.

    Elements that appeared, went, moved to another set, were renamed, are rated or found otherwise; queries reworded.

    **Example**: `finegym codebook diff codebook-1.0.yaml codebook-1.1.yaml`
    """
    from finegym.codebook.diff import compute_diff, format_diff
    from finegym.codebook.source import open_codebook

    before, _ = open_codebook(old)
    after, _ = open_codebook(new)
    difference = compute_diff(before, after)
    _print(as_json, difference.to_json(), format_diff(difference, before, after))


@app.command("import-finegym")
def import_finegym(
    folder: Annotated[Path, typer.Argument(help="The folder with the official category files and question trees.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the codebook.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Turn the official FineGym category files and question annotation into one `codebook.yaml`.

    Element ids are the official Glabels. The files are from https://sdolivia.github.io/FineGym/ (CC BY-NC 4.0).

    **Example**: `finegym codebook import-finegym official/ --out codebook.yaml`
    """
    from finegym.codebook.check import check_codebook
    from finegym.codebook.official import read_official_files
    from finegym.codebook.yaml_format import write_codebook
    from finegym.errors import OutputError

    if out.exists() and not overwrite:
        raise OutputError(f"{out}: is there already. Choose another name, or replace it with --overwrite.")
    files = read_official_files(folder)
    book = files.codebook
    write_codebook(book, out)
    problems = check_codebook(book, files.places)
    num_errors = sum(problem.severity == "error" for problem in problems)
    typer.echo(
        f"wrote {out}: {len(book.events)} events, {len(book.sets)} sets, {len(book.elements)} elements, "
        f"{len(book.trees)} trees, {len(book.queries)} queries; {num_errors} errors, "
        f"{len(problems) - num_errors} warnings (finegym codebook check {folder})"
    )


def _print(as_json: bool, data: object, shown: str) -> None:
    if as_json:
        _print_json(data)
    else:
        typer.echo(shown)


def _print_json(data: object) -> None:
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
