"""``finegym evaluate``: prediction files against what is true."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli import evaluate_localization
from finegym.cli.evaluate_attributes import attributes, retrieval
from finegym.cli.evaluate_oracle import oracle
from finegym.cli.evaluate_parse import parse
from finegym.cli.evaluate_queries import queries

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Honest numbers: prediction files against what is true.",
)


class Side(StrEnum):
    """A part of a split."""

    val = "val"
    train = "train"


class Missing(StrEnum):
    """What becomes of instances without a prediction."""

    error = "error"
    wrong = "wrong"


class Extra(StrEnum):
    """What becomes of predictions for other instances."""

    error = "error"
    ignore = "ignore"


class Groups(StrEnum):
    """What the intervals resample."""

    video = "video"
    competition = "competition"
    athlete = "athlete"
    action = "action"


@app.command()
def recognition(
    predictions: Annotated[Path, typer.Argument(help="Parquet file with `instance_id` and `logits`.")],
    dataset: Annotated[Path, typer.Option(help="Dataset folder, or a folder of official FineGym files.")],
    split: Annotated[
        str,
        typer.Option(help="Name of a split of the dataset, a split folder, or `gym99` / `gym288` (official files)."),
    ],
    side: Annotated[Side, typer.Option(help="Which part of the split.")] = Side.val,
    missing: Annotated[
        Missing, typer.Option(help="Instances without a prediction: refuse, or count them as wrong.")
    ] = Missing.error,
    extra: Annotated[
        Extra, typer.Option(help="Predictions for other instances: refuse, or leave them out and count them.")
    ] = Extra.error,
    rollup: Annotated[
        bool, typer.Option("--rollup", help="Also the levels above, and inside every event and set.")
    ] = False,
    classes: Annotated[bool, typer.Option("--classes", help="Also a line a class.")] = False,
    groups: Annotated[Groups, typer.Option(help="What the 95 % intervals resample.")] = Groups.video,
    resamples: Annotated[int, typer.Option(min=100, help="Of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
) -> None:
    """Score a prediction file: top-1, top-5, mean class accuracy and macro F1, with intervals and instance counts.

    The file must cover the split: instances that lack a prediction are an error that lists them, unless
    `--missing wrong` counts them as errors of the model. Classes without instances are named and in no mean.

    **Example**: `finegym evaluate recognition runs/set/predictions/val.parquet --dataset competition --split set`
    """
    from finegym.annotations.source import open_source
    from finegym.evaluation.predictions import read_predictions
    from finegym.evaluation.report import (
        export_recognition_report,
        format_recognition_report,
        make_recognition_report,
    )
    from finegym.evaluation.source import find_split, is_simulated
    from finegym.files import write_text

    source = open_source(dataset)
    report = make_recognition_report(
        read_predictions(predictions),
        find_split(source, split),
        source.dataset,
        source=str(predictions),
        side=side.value,
        missing=missing.value,
        extra=extra.value,
        rollup=rollup,
        group_kind=groups.value,
        num_resamples=resamples,
        seed=seed,
        is_simulated=is_simulated(source),
    )
    text = json.dumps(export_recognition_report(report), indent=2, ensure_ascii=False, allow_nan=False)
    if out is not None:
        write_text(out, text + "\n")
    typer.echo(text if as_json else format_recognition_report(report, classes=classes), nl=as_json)


evaluate_localization.add_verbs(app)
app.command()(queries)
app.command()(oracle)
app.command()(parse)
app.command()(attributes)
app.command()(retrieval)
