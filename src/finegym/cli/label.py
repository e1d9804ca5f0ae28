"""``finegym label``: the annotation app's work as files, without a running server."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The annotation app's work as files: export, import, projects, a way in.",
)

WorkspaceArgument = Annotated[Path, typer.Argument(help="Folder that `finegym serve` serves.")]
DatabaseOption = Annotated[
    str | None, typer.Option(envvar="FINEGYM_DATABASE", help="PostgreSQL URL; `WORKSPACE/finegym.db` by default.")
]
ProjectOption = Annotated[str | None, typer.Option(help="Name or id of the project; not needed where there is one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


class Form(StrEnum):
    """Formats."""

    OFFICIAL = "official"
    DATASET = "dataset"
    CSV = "csv"
    WEBVTT = "webvtt"


class What(StrEnum):
    """Which work counts."""

    ACCEPTED = "accepted"
    LATEST = "latest"


class State(StrEnum):
    """What imported work is."""

    OPEN = "open"
    ACCEPTED = "accepted"


@app.command()
def export(
    workspace: WorkspaceArgument,
    out: Annotated[Path, typer.Option(help="File to write; formats dataset and webvtt are zips.")],
    project: ProjectOption = None,
    form: Annotated[
        Form, typer.Option("--format", help="Official JSON, a dataset folder, CSV, or WebVTT a record.")
    ] = Form.OFFICIAL,
    what: Annotated[
        What, typer.Option(help="Only accepted work, or the latest where nothing is accepted.")
    ] = What.ACCEPTED,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a project's results to a file.

    **Example**: `finegym label export gym --format dataset --out gym.zip`
    """
    from finegym.labelling.offline import export_to_file

    written = export_to_file(workspace, database, project, form.value, what.value, out)
    if as_json:
        typer.echo(json.dumps({"path": str(written.path), **written.counts}))
        return
    kinds = {name: number for name, number in written.counts.items() if name not in ("left_out", "old_labels")}
    counts = ", ".join(f"{number} {name.replace('_', '-')}" for name, number in kinds.items())
    typer.echo(f"wrote {written.path}: {counts}")
    if written.left_out:
        count, first = len(written.left_out), written.left_out[0]
        typer.echo(f"left out: {count} routines without an event of the codebook (first: {first})")
    if written.old_labels:
        typer.echo(
            f"labels that the codebook no longer has: {len(written.old_labels)}, written without their element (first: "
            f"{written.old_labels[0]})"
        )


@app.command(name="import")
def import_(
    workspace: WorkspaceArgument,
    file: Annotated[Path, typer.Argument(help="File to read; formats dataset and webvtt may be zips.")],
    project: ProjectOption = None,
    form: Annotated[Form, typer.Option("--format", help="Of the file.")] = Form.OFFICIAL,
    state: Annotated[
        State, typer.Option(help="Work to go on with, or work that needs no review where it is complete.")
    ] = State.OPEN,
    record: Annotated[str | None, typer.Option(help="The record that a single WebVTT file is about.")] = None,
    person: Annotated[
        str | None, typer.Option(help="Address of the lead whose work it counts as; the first one by default.")
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take annotations into a project; what is left out is counted and named.

    **Example**: `finegym label import gym annotations.json --state accepted`
    """
    from finegym.labelling.imports import show_left_out
    from finegym.labelling.offline import import_from_file

    tally = import_from_file(workspace, database, project, file, form.value, state.value, record, person)
    if as_json:
        typer.echo(json.dumps(asdict(tally)))
        return
    left_out = sum(map(len, tally.left_out.values()))
    typer.echo(
        f"imported {tally.records} records, {tally.actions} actions, {tally.sub_actions} sub-actions, "
        f"{tally.elements} elements; left out {left_out}"
    )
    for one in show_left_out(tally):
        typer.echo(f"  {one['count']} {one['why']}, such as {one['first']}", err=True)


@app.command()
def projects(workspace: WorkspaceArgument, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """List the projects of a database, and how much work there is.

    **Example**: `finegym label projects gym`
    """
    from finegym.labelling.offline import list_all_projects

    found = list_all_projects(workspace, database)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for one in found:
        counts = ", ".join(f"{number} {name}" for name, number in dict(one["counts"]).items())  # type: ignore[call-overload]
        typer.echo(f"{one['name']}  {counts}  ({one['id']})")


@app.command()
def link(
    workspace: WorkspaceArgument,
    email: Annotated[str, typer.Option(help="Address of somebody who cannot get in.")],
    url: Annotated[str, typer.Option(help="How people reach the server.")] = "http://localhost:8080",
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a one-time link to a new password, valid for a day.

    **Example**: `finegym label link gym --email ada@example.org --url https://label.example.org`
    """
    from finegym.labelling.offline import make_login_link

    address = f"{url.rstrip('/')}/invitation#{make_login_link(workspace, database, email)}"
    typer.echo(json.dumps({"url": address}) if as_json else address)
