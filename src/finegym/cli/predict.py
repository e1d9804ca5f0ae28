"""``finegym predict``: a run and one side of a split become a prediction file."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
        Path | None,
        typer.Option(help="The prediction file; `RUN/predictions/<split>.parquet` by default, or `fused.parquet`."),
    ] = None,
    fuse_with: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN",
            help="Another run, such as of flow (2Stream): both predict, their scores are fused with a weight chosen "
            "on the training side; may be repeated.",
        ),
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
    num_segments: Annotated[
        int | None,
        typer.Option(min=1, help="Look at so many frames (or windows) of a clip: `--set data.num_segments_test=N`."),
    ] = None,
    shuffle_frames: Annotated[
        int | None,
        typer.Option(
            metavar="SEED",
            min=0,
            help="Show the frames of every clip in an order drawn with this seed: what the model loses, it had from "
            "their order.",
        ),
    ] = None,
    device: Annotated[Device, typer.Option(help="`auto` takes a GPU where there is one.")] = Device.auto,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Write the logits of a run on one side of its split, a row an instance.

    The last checkpoint is taken: one chosen by its validation score would flatter itself. With `--fuse-with`, the file
    is that of both runs; those of each lie in its `predictions/`. Predictions of clips looked at in another way
    (`--num-segments`, `--shuffle-frames`) go to a file of another name unless `--out` is given: `val-segments-12`,
    `val-shuffled-0`.

    **Example**: `finegym predict runs/set --split val --out predictions.parquet`
    """
    from finegym.errors import ConfigError
    from finegym.training.contradictions import is_pickle
    from finegym.training.data import open_data
    from finegym.training.predict import predict as predict_run
    from finegym.training.predict import read_recipe_for_prediction
    from finegym.training.run_folder import RunFolder

    folder = RunFolder(run)
    settings = [*(overrides or ()), *([] if num_segments is None else [f"data.num_segments_test={num_segments}"])]
    if fuse_with:
        if shuffle_frames is not None:
            raise ConfigError("--shuffle-frames is for one run: predict with each, then `finegym fuse` their files")
        target = folder.predictions_path / "fused.parquet" if out is None else out
        _predict_fused([run, *fuse_with], target, split, checkpoint, settings, device, as_json)
        return
    recipe = read_recipe_for_prediction(folder, settings)
    target = (
        folder.predictions_path / f"{_name_file(split, num_segments, shuffle_frames)}.parquet" if out is None else out
    )
    data = open_data(recipe.data)
    count = predict_run(
        folder,
        recipe,
        data,
        target,
        side=split.value,
        checkpoint=checkpoint,
        device=device.value,
        shuffle_seed=shuffle_frames,
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


def _name_file(split: Side, num_segments: int | None, shuffle_seed: int | None) -> str:
    """A name of its own for each way of looking, so that the plain predictions stay."""
    parts = [split.value]
    parts += [] if num_segments is None else [f"segments-{num_segments}"]
    parts += [] if shuffle_seed is None else [f"shuffled-{shuffle_seed}"]
    return "-".join(parts)


def _predict_fused(
    runs: list[Path],
    out: Path,
    side: Side,
    checkpoint: str,
    overrides: Sequence[str],
    device: Device,
    as_json: bool,
) -> None:
    from finegym.cli.fuse import export_fusion, format_fusion
    from finegym.errors import ConfigError
    from finegym.training.run_folder import RunFolder
    from finegym.training.two_stream import predict_fused

    if side is not Side.val:
        raise ConfigError("--fuse-with predicts the val side: weights are chosen on the train side")
    folders = [RunFolder(run) for run in runs]
    fusion = predict_fused(folders, out, overrides=overrides, checkpoint=checkpoint, device=device.value)
    typer.echo(json.dumps(export_fusion(fusion, out)) if as_json else format_fusion(fusion, out, "probabilities"))
