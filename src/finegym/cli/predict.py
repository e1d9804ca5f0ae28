"""``finegym predict``: a run and one side of a split become a prediction file."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.train import Device


class Side(StrEnum):
    """A part of a split."""

    val = "val"
    train = "train"


def predict(
    run: Annotated[Path, typer.Argument(help="A run folder made by `finegym train`.")],
    split: Annotated[Side, typer.Option(help="Which part of the run's split.")] = Side.val,
    out: Annotated[
        Path | None, typer.Option(help="The prediction file; `RUN/predictions/<split>.parquet` by default.")
    ] = None,
    checkpoint: Annotated[str, typer.Option(help="`last`, or a number of epochs done.")] = "last",
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change how to look, not what was trained: `data.dataset`, `data.crops_test`, …; may be repeated.",
        ),
    ] = None,
    device: Annotated[Device, typer.Option(help="`auto` takes a GPU where there is one.")] = Device.auto,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Write the logits of a run on one side of its split, a row an instance.

    The last checkpoint is taken: one chosen by its validation score would flatter itself.

    **Example**: `finegym predict runs/set --split val --out predictions.parquet`
    """
    from finegym.training.contradictions import is_pickle
    from finegym.training.data import open_data
    from finegym.training.predict import predict as predict_run
    from finegym.training.predict import read_recipe_for_prediction
    from finegym.training.run_folder import RunFolder

    folder = RunFolder(run)
    recipe = read_recipe_for_prediction(folder, overrides or ())
    target = folder.predictions_path / f"{split.value}.parquet" if out is None else out
    data = open_data(recipe.data)
    count = predict_run(
        folder,
        recipe,
        data,
        target,
        side=split.value,
        checkpoint=checkpoint,
        device=device.value,
    )
    if as_json:
        typer.echo(json.dumps({"predictions": str(target), "num_instances": count}))
        return
    typer.echo(f"wrote       {target}: {count} instances of {data.split}/{split.value}")
    # A pose pickle of FineGym has no dataset folder: the official files say what its instances are.
    where = (
        "DIR --split gym99  (DIR: the official FineGym files)"
        if is_pickle(recipe.data.dataset)
        else f"{recipe.data.dataset} --split {recipe.data.split} --side {split.value}"
    )
    typer.echo(f"next        finegym evaluate recognition {target} --dataset {where}")
