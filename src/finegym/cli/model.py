"""``finegym model``: which networks there are, what they cost and where they come from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="The published networks: parameters, multiply-adds, sources, deviations; export to ONNX.",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command(name="list")
def list_networks(as_json: JsonOption = False) -> None:
    """Count every published network at 99 classes; takes some ten seconds, for each is built (without weights).

    A GMAC is 10⁹ multiply-adds of convolutions, linear layers and matrix products, for one clip. The last column says
    whether `finegym train` knows the model.

    **Example**: `finegym model list`
    """
    from finegym.models.zoo import NETWORKS, describe_network, find_missing_extra

    missing = {name: f"pip install 'finegym[{extra}]'" for name in NETWORKS if (extra := find_missing_extra(name))}
    if as_json:
        counted = [dataclasses.asdict(describe_network(name)) for name in NETWORKS if name not in missing]
        not_counted = [{"name": name, "needs": remedy} for name, remedy in missing.items()]
        typer.echo(json.dumps(counted + not_counted, indent=2))
        return
    typer.echo(f"{'network':<22} {'parameters':>11} {'GMACs':>7}  {'trained':<7}  input")
    for name in NETWORKS:
        if name in missing:
            typer.echo(f"{name:<22} not counted: {missing[name]}")
            continue
        facts = describe_network(name)
        gmacs, trained = facts.multiply_adds / 1e9, "yes" if facts.is_trained_here else "no"
        typer.echo(f"{name:<22} {facts.num_parameters:>11,} {gmacs:>7.2f}  {trained:<7}  {facts.input}")


@app.command()
def info(
    name: Annotated[str, typer.Argument(help="A name of `finegym model list`, such as `tsm-r50`.")],
    as_json: JsonOption = False,
) -> None:
    """Say what a network is: its input, what it costs, the paper and equations, and every deviation from them.

    **Example**: `finegym model info nl-i3d-r50`
    """
    from finegym.models.zoo import describe_network

    facts = describe_network(name)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(facts), indent=2))
        return
    typer.echo(f"{facts.name}: {facts.model} at 99 classes")
    typer.echo(f"input: {facts.input}")
    typer.echo(f"parameters: {facts.num_parameters:,}")
    typer.echo(f"multiply-adds of a clip: {facts.multiply_adds:,} ({facts.multiply_adds / 1e9:.2f} GMACs)")
    typer.echo(f"source: {facts.source}")
    typer.echo(f"deviations: {facts.deviations}")
    typer.echo(f"finegym train knows it: {'yes' if facts.is_trained_here else 'not yet'}")


@app.command()
def export(
    run: Annotated[str, typer.Argument(help="A run folder, or a name of `finegym model list` (random weights).")],
    onnx: Annotated[Path, typer.Option(help="The new ONNX file.")],
    checkpoint: Annotated[str, typer.Option(help="Of a run: `last`, or a number of epochs done.")] = "last",
    as_json: JsonOption = False,
) -> None:
    """Write a trained run as an ONNX file for batches of any size, checked against PyTorch in ONNX Runtime.

    The file carries its classes, its normalisation and the run it is from (`metadata_props`). It is not written where
    the logits differ by more than 1e-4 of the greatest logit. Needs `pip install 'finegym[onnx]'`.

    **Example**: `finegym model export runs/set --onnx set.onnx`
    """
    from finegym.training.export import CHECKED_BATCHES, export_network, export_run
    from finegym.training.run_folder import RunFolder

    folder = RunFolder(Path(run))
    done = export_run(folder, onnx, checkpoint=checkpoint) if folder.exists() else export_network(run, onnx)
    if as_json:
        typer.echo(json.dumps({**dataclasses.asdict(done), "path": str(done.path)}, indent=2))
        return
    shape = ", ".join(map(str, done.input_shape))
    weights = done.metadata.get("checkpoint", "RANDOM weights")
    typer.echo(f"wrote       {done.path}: {done.size_bytes / 1e6:.1f} MB, {done.metadata['model']}, {weights}")
    typer.echo(f"input       clips (B, {shape}): {done.metadata['input']}; B is free")
    typer.echo(f"output      logits (B, {done.num_classes})")
    batches = " and ".join(map(str, CHECKED_BATCHES))
    typer.echo(
        f"checked     ONNX Runtime against PyTorch, batches of {batches}: greatest difference {done.difference:.1e} of "
        "the greatest logit"
    )
