"""``finegym run``: look at what `finegym train` made."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.predict import Side

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Training runs: what `finegym train` made.",
)


@app.callback()
def root() -> None:
    """Keeps `page` a verb of its own."""


@app.command()
def page(
    run: Annotated[Path, typer.Argument(help="A run folder made by `finegym train`.")],
    out: Annotated[Path | None, typer.Option(help="The HTML file; `RUN/page.html` by default.")] = None,
    side: Annotated[Side, typer.Option("--split", help="Whose predictions to show.")] = Side.val,
    predictions: Annotated[
        Path | None, typer.Option(help="Of the run; `RUN/predictions/<split>.parquet` by default, where it is there.")
    ] = None,
    worst: Annotated[int, typer.Option(min=0, help="So many clips of the highest loss are shown.")] = 12,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Where the data is now: `data.dataset=DIR`."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Write a run as one HTML page: curves, speed, accuracy of every class, the worst clips, facts and recipe.

    Works on a run that is not finished too. Classes and clips need predictions (`finegym predict RUN`).

    **Example**: `finegym run page runs/set --out page.html`
    """
    from finegym.training.predict import read_recipe_for_prediction
    from finegym.training.run_folder import RunFolder
    from finegym.training.run_page import write_run_page

    folder = RunFolder(run)
    recipe = read_recipe_for_prediction(folder, overrides or ())
    target = run / "page.html" if out is None else out
    tally = write_run_page(folder, recipe, target, predictions=predictions, side=side.value, num_worst=worst)
    if as_json:
        typer.echo(json.dumps({"page": str(target), **dataclasses.asdict(tally)}, indent=2))
        return
    typer.echo(f"wrote       {target}: {tally.epochs} epochs, {tally.num_judged} predictions")
    typer.echo(f"clips       {tally.num_worst} shown, {len(tally.unread)} could not be read")
    for instance_id, reason in tally.unread.items():
        typer.echo(f"unread      {instance_id}: {reason}")
    if not tally.num_judged and "overfit" not in folder.read_facts():
        typer.echo(f"next        finegym predict {run} --split {side.value}, then this again: classes and worst clips")
