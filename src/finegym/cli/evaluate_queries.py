"""``finegym evaluate queries``: what a model of elements cannot see."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.evaluate_localization import JsonOption, OutOption, print_report


class Side(StrEnum):
    """A part of a split."""

    val = "val"
    train = "train"


class Missing(StrEnum):
    """What becomes of instances without a prediction."""

    error = "error"
    wrong = "wrong"


class Groups(StrEnum):
    """What the intervals resample."""

    video = "video"
    competition = "competition"
    athlete = "athlete"
    action = "action"


def queries(
    predictions: Annotated[
        list[Path],
        typer.Argument(help="Prediction files of one model: one, or several that differ in the seed of training."),
    ],
    dataset: Annotated[Path, typer.Option(help="Dataset folder, or a folder of official FineGym files.")],
    split: Annotated[
        str, typer.Option(help="Of elements: a split of the dataset, a split folder, or `gym99` / `gym288`.")
    ],
    side: Annotated[Side, typer.Option(help="Which part of the split.")] = Side.val,
    missing: Annotated[
        Missing, typer.Option(help="Instances without a prediction: refuse, or count their answers as wrong.")
    ] = Missing.error,
    groups: Annotated[Groups, typer.Option(help="What the 95 % intervals resample.")] = Groups.video,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Read predictions of elements as answers to the queries of the decision trees: what the model cannot see.

    For every query, and by what queries are about (direction, twist, body …): balanced accuracy, of which guessing has
    50 %; how often the prediction gets as far as the query; how many confusions part there.

    **Example**: `finegym evaluate queries runs/elements/predictions/val.parquet --dataset competition --split element`
    """
    from finegym.annotations.source import open_source
    from finegym.errors import PredictionError
    from finegym.evaluation.predictions import read_predictions
    from finegym.evaluation.queries_report import export_queries_report, format_queries_report, make_queries_report
    from finegym.evaluation.source import find_split, is_simulated

    if len(set(predictions)) < len(predictions):
        raise PredictionError("a prediction file is given twice: give each seed of the model once")
    source = open_source(dataset)
    report = make_queries_report(
        {str(path): read_predictions(path) for path in predictions},
        find_split(source, split),
        source.dataset,
        side=side.value,
        missing=missing.value,
        group_kind=groups.value,
        is_simulated=is_simulated(source),
    )
    print_report(export_queries_report(report), format_queries_report(report, source.dataset), as_json, out)
