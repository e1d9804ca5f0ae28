"""``finegym evaluate attributes`` and ``retrieval``: what predictions of elements say of attributes, and find."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.evaluate_localization import JsonOption, OutOption, print_report
from finegym.cli.evaluate_queries import Groups, Missing, Side


def attributes(
    predictions: Annotated[Path, typer.Argument(help="Prediction file of a model of elements.")],
    dataset: Annotated[Path, typer.Option(help="Dataset folder whose codebook says attributes.")],
    split: Annotated[str, typer.Option(help="Of elements: a split of the dataset, or a split folder.")],
    side: Annotated[Side, typer.Option(help="Which part of the split.")] = Side.val,
    missing: Annotated[
        Missing, typer.Option(help="Instances without a prediction: refuse, or count them as wrong.")
    ] = Missing.error,
    groups: Annotated[Groups, typer.Option(help="What the 95 % intervals resample.")] = Groups.video,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Judge predictions of elements by attributes: a wrong element may be right about the number of twists.

    For every attribute, on the instances whose true element has it: how often the likeliest value is the true one, the
    mean over values, and mean average precision over all instances.

    **Example**: `finegym evaluate attributes runs/tsn/predictions/val.parquet --dataset competition --split element`
    """
    from finegym.annotations.source import open_source
    from finegym.applications.attributes_evaluating import (
        export_attributes_report,
        format_attributes_report,
        make_attributes_report,
    )
    from finegym.evaluation.predictions import read_predictions
    from finegym.evaluation.source import find_split, is_simulated

    source = open_source(dataset)
    report = make_attributes_report(
        read_predictions(predictions),
        find_split(source, split),
        source.dataset,
        name=str(predictions),
        side=side.value,
        missing=missing.value,
        group_kind=groups.value,
        is_simulated=is_simulated(source),
    )
    print_report(export_attributes_report(report), format_attributes_report(report), as_json, out)


def retrieval(
    predictions: Annotated[Path, typer.Argument(help="Prediction file of a model of elements.")],
    dataset: Annotated[Path, typer.Option(help="Dataset folder whose codebook says attributes.")],
    split: Annotated[str, typer.Option(help="Of elements: a split of the dataset, or a split folder.")],
    query: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITIONS",
            help="What is looked for, as for `attributes find`, joined by `&`; may be given several times. Every value "
            "of every attribute by default.",
        ),
    ] = None,
    side: Annotated[Side, typer.Option(help="Which part of the split.")] = Side.val,
    missing: Annotated[
        Missing, typer.Option(help="Instances without a prediction: refuse, or put them last in every order.")
    ] = Missing.error,
    groups: Annotated[Groups, typer.Option(help="What the 95 % intervals resample.")] = Groups.video,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Judge how well sub-actions are found by attributes: average precision of each query, beside chance.

    All instances of the side are put in the order of the probability that they are what is looked for.

    **Example**: `finegym evaluate retrieval val.parquet --dataset competition --split element --query 'twist>=2'`
    """
    from finegym.annotations.source import open_source
    from finegym.applications.attributes_retrieval import (
        export_retrieval_report,
        format_retrieval_report,
        make_retrieval_report,
    )
    from finegym.evaluation.predictions import read_predictions
    from finegym.evaluation.source import find_split, is_simulated

    source = open_source(dataset)
    report = make_retrieval_report(
        read_predictions(predictions),
        find_split(source, split),
        source.dataset,
        name=str(predictions),
        queries=query or (),
        side=side.value,
        missing=missing.value,
        group_kind=groups.value,
        is_simulated=is_simulated(source),
    )
    print_report(export_retrieval_report(report), format_retrieval_report(report), as_json, out)
