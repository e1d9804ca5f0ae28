"""``finegym fuse``: prediction files of the same instances become one; two streams, or an ensemble."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finegym.cli.evaluate import Missing, Side

if TYPE_CHECKING:
    from finegym.evaluation.fusion_files import Fusion


class Scores(StrEnum):
    """What is averaged."""

    probabilities = "probabilities"
    logits = "logits"


def fuse(
    predictions: Annotated[list[Path], typer.Argument(help="Two prediction files or more, of the same instances.")],
    out: Annotated[Path, typer.Option(help="The fused prediction file.")],
    weight: Annotated[
        list[float] | None,
        typer.Option(help="Of each file after the first, which has 1; repeated for a third file, and so on."),
    ] = None,
    choose_on: Annotated[
        list[Path] | None,
        typer.Option(help="Choose weights on this file; once for each file, of the same run, in the same order."),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="With --choose-on: dataset folder, or a folder of official FineGym files.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="With --choose-on: the split of those files, named as in `finegym evaluate`.")
    ] = "",
    side: Annotated[Side, typer.Option(help="With --choose-on: the part of the split.")] = Side.train,
    missing: Annotated[
        Missing, typer.Option(help="With --choose-on: instances without a prediction are refused, or count as wrong.")
    ] = Missing.error,
    scores: Annotated[Scores, typer.Option(help="What is averaged.")] = Scores.probabilities,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Fuse the predictions of several runs: RGB and flow (2Stream), or an ensemble of equal weights.

    Weights are equal, given, or chosen by top-1 accuracy on the runs' predictions of *other* instances, such as the
    training side (`finegym predict RUN --split train`). Files that differ in instances, classes or split are refused;
    so is choosing on what is fused.

    **Example**: `finegym fuse rgb.parquet flow.parquet --weight 1.5 --out both.parquet`
    """
    from finegym.annotations.source import open_source
    from finegym.errors import ConfigError
    from finegym.evaluation.fusion_files import fuse_files
    from finegym.evaluation.source import find_split

    if choose_on and (dataset is None or not split):
        raise ConfigError("--choose-on needs --dataset and --split: they say which answers are right")
    fusion = fuse_files(
        predictions,
        out,
        weights=weight or (),
        choose_on=choose_on or (),
        split=find_split(open_source(dataset), split) if choose_on and dataset is not None else None,
        side=side.value,
        missing=missing.value,
        scores=scores.value,
    )
    typer.echo(json.dumps(export_fusion(fusion, out)) if as_json else format_fusion(fusion, out, scores.value))


def format_fusion(fusion: Fusion, out: Path, scores: str) -> str:
    """A fusion as text for people."""
    lines = [f"wrote       {out}: {fusion.num_instances:,} instances{f' of {fusion.split}' if fusion.split else ''}"]
    lines += [
        f"weight      {weight:<6.4g} {part.path}" for part, weight in zip(fusion.parts, fusion.weights, strict=True)
    ]
    if fusion.choice is not None:
        found = fusion.choice.found
        alone = ", ".join(f"{100 * accuracy:.1f}" for accuracy in found.top1_alone)
        lines.append(
            f"chosen on   {fusion.choice.where}: {fusion.choice.num_instances:,} instances, "
            f"{fusion.choice.num_missing} of them missing and counted as wrong"
        )
        lines.append(
            f"top-1 there {100 * found.top1_accuracy:.1f} % (alone {alone}), reached by "
            f"{found.num_as_good} of {found.num_tried} weights; the nearest to 1 is taken"
        )
    lines.append(f"averaged    {scores}")
    lines += [f"note        {note}" for note in fusion.notes]
    lines.append(f"next        finegym evaluate recognition {out} --dataset DATASET --split SPLIT")
    return "\n".join(lines)


def export_fusion(fusion: Fusion, out: Path) -> dict[str, Any]:
    """A fusion as JSON has it."""
    choice = None if fusion.choice is None else dataclasses.asdict(fusion.choice)
    return {
        "predictions": str(out),
        "num_instances": fusion.num_instances,
        "parts": [
            {"file": str(part.path), "sha256": part.sha256, "weight": weight}
            for part, weight in zip(fusion.parts, fusion.weights, strict=True)
        ],
        "choice": choice,
        "notes": list(fusion.notes),
    }
