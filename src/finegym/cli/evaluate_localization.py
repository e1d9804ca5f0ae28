"""``finegym evaluate`` of what a model found in time: segments, moments, labels of frames."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from finegym.cli.clips import read_ids

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
OutOption = Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")]
PageOption = Annotated[Path | None, typer.Option(help="Also write a page with curves and timelines to this file.")]
ResamplesOption = Annotated[int, typer.Option(min=0, help="Of the bootstrap over records; 0 for no intervals.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Of the bootstrap.")]


class UnknownVideos(StrEnum):
    """What becomes of predictions for videos that the subset does not have."""

    error = "error"
    ignore = "ignore"
    count_ = "count"  # not to hide the method of str


class Permit(StrEnum):
    """What becomes of predictions that are not usable."""

    error = "error"
    ignore = "ignore"


class Outside(StrEnum):
    """What becomes of segments that leave their video."""

    error = "error"
    ignore = "ignore"
    clip = "clip"
    keep = "keep"


class MissingVideos(StrEnum):
    """What becomes of videos without a line in the file."""

    count_ = "count"  # not to hide the method of str
    error = "error"


class LabelLevel(StrEnum):
    """What a class is."""

    event = "event"
    set = "set"
    element = "element"


class TieOrder(StrEnum):
    """The order of equal scores."""

    numpy = "numpy"
    first = "first"


SUBSETS = {"train": "training", "val": "validation"}
"""Sides of our splits, and what ActivityNet calls them."""


def localization(
    predictions: Annotated[Path, typer.Argument(help="Predictions in ActivityNet's layout (`.json`, `.json.gz`).")],
    ground_truth: Annotated[
        Path, typer.Option(help="Annotations in ActivityNet's layout (`finegym annotations convert --to activitynet`).")
    ],
    split: Annotated[
        str, typer.Option(help="Subset of the annotations: `validation`, `training`, …, or `all`.")
    ] = "validation",
    level: Annotated[
        LabelLevel | None, typer.Option(help="Score labels as the event or set that they belong to in the taxonomy.")
    ] = None,
    tiou: Annotated[
        list[float] | None, typer.Option(help="A threshold, may be repeated; 0.5, 0.55 … 0.95 if not given.")
    ] = None,
    ignore_regions: Annotated[
        bool, typer.Option("--ignore-regions", help="Predictions in the truth's ignored segments are not wrong.")
    ] = False,
    ties: Annotated[
        TieOrder, typer.Option(help="Equal scores: as ActivityNet's program sorts them, or as the file does.")
    ] = TieOrder.numpy,
    unknown_videos: Annotated[
        UnknownVideos, typer.Option(help="Predictions for other videos: refuse, leave out, or count as wrong.")
    ] = UnknownVideos.error,
    unknown_labels: Annotated[
        Permit, typer.Option(help="Predictions with labels that the annotations do not have.")
    ] = Permit.error,
    bad_segments: Annotated[
        Permit, typer.Option(help="Segments that are reversed, empty or no numbers.")
    ] = Permit.error,
    bad_scores: Annotated[Permit, typer.Option(help="Scores that are NaN, infinite or no numbers.")] = Permit.error,
    outside: Annotated[
        Outside, typer.Option(help="Segments that start before 0 or end after their video.")
    ] = Outside.error,
    missing_videos: Annotated[
        MissingVideos, typer.Option(help="Videos without a line in the file: their segments are missed, or refuse.")
    ] = MissingVideos.count_,
    classes: Annotated[bool, typer.Option("--classes", help="Also a line a class.")] = False,
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    out: OutOption = None,
    page: PageOption = None,
    page_records: Annotated[
        int | None, typer.Option(min=0, help="Draw only the first so many records on the page.")
    ] = None,
) -> None:
    """Detection mAP as ActivityNet's program computes it, with recall of proposals, mistakes and intervals.

    Predictions that do not fit are an error that lists all kinds of them at once, unless an option permits them; what
    is left out is counted.

    **Example**: `finegym evaluate localization found.json --ground-truth truth.json --split validation --json`
    """
    from finegym.evaluation.localization.detection_map import TIOUS
    from finegym.evaluation.localization.problems import Rules
    from finegym.evaluation.localization.report import export_localization_report, make_localization_report
    from finegym.evaluation.localization.report_page import write_localization_page
    from finegym.evaluation.localization.report_text import format_localization_report

    report = make_localization_report(
        predictions,
        ground_truth,
        None if split == "all" else SUBSETS.get(split, split),
        level=level.value if level else None,
        tious=tuple(tiou) if tiou else TIOUS,
        rules=Rules(
            unknown_videos=unknown_videos.value,
            unknown_labels=unknown_labels.value,
            bad_segments=bad_segments.value,
            bad_scores=bad_scores.value,
            outside=outside.value,
            missing_videos=missing_videos.value,
        ),
        ties=ties.value,
        use_ignored=ignore_regions,
        num_resamples=resamples,
        seed=seed,
    )
    if page is not None:
        number = write_localization_page(page, report, max_records=page_records)
        typer.echo(f"{page}: {number} timelines", err=True)
    print_report(export_localization_report(report), format_localization_report(report, classes=classes), as_json, out)


class OutsideFrames(StrEnum):
    """What becomes of frames that their video does not have."""

    error = "error"
    ignore = "ignore"
    keep = "keep"


def spotting(
    predictions: Annotated[Path, typer.Argument(help="List of videos with events that have scores (`.json`, `.gz`).")],
    ground_truth: Annotated[Path, typer.Option(help="The same with true events, as `spot_finegym_val.json.gz`.")],
    tolerance: Annotated[
        list[int] | None, typer.Option(help="Frames, may be repeated; 0, 1 and 2 if not given.")
    ] = None,
    nms_window: Annotated[
        int | None,
        typer.Option(min=0, help="First remove events that have a surer one of their label within so many frames."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Labels that are known besides those of the true events, one a line.")
    ] = None,
    unknown_videos: Annotated[
        UnknownVideos, typer.Option(help="Predictions for other videos: refuse, leave out, or count as wrong.")
    ] = UnknownVideos.error,
    unknown_labels: Annotated[Permit, typer.Option(help="Predictions with other labels.")] = Permit.error,
    bad_frames: Annotated[Permit, typer.Option(help="Frames that are no whole numbers.")] = Permit.error,
    bad_scores: Annotated[Permit, typer.Option(help="Scores that are NaN, infinite or no numbers.")] = Permit.error,
    outside: Annotated[
        OutsideFrames, typer.Option(help="Frames before the first or after the end of their video.")
    ] = OutsideFrames.error,
    missing_videos: Annotated[
        MissingVideos, typer.Option(help="Videos without a line in the file: refuse, or their events are missed.")
    ] = MissingVideos.error,
    classes: Annotated[bool, typer.Option("--classes", help="Also a line a class.")] = False,
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Mean AP of moments within tolerances of a few frames, as precise event spotting defines it.

    **Example**: `finegym evaluate spotting found.json --ground-truth spot_finegym_val.json.gz --nms-window 1`
    """
    from finegym.evaluation.localization.problems import SpotRules
    from finegym.evaluation.localization.spotting import TOLERANCES
    from finegym.evaluation.localization.spotting_report import (
        export_spotting_report,
        format_spotting_report,
        make_spotting_report,
    )

    report = make_spotting_report(
        predictions,
        ground_truth,
        tolerances=tuple(tolerance) if tolerance else TOLERANCES,
        nms_window=nms_window,
        labels=() if labels is None else read_ids(labels),
        rules=SpotRules(
            unknown_videos=unknown_videos.value,
            unknown_labels=unknown_labels.value,
            bad_frames=bad_frames.value,
            bad_scores=bad_scores.value,
            outside=outside.value,
            missing_videos=missing_videos.value,
        ),
        num_resamples=resamples,
        seed=seed,
    )
    print_report(export_spotting_report(report), format_spotting_report(report, classes=classes), as_json, out)


def segmentation(
    predictions: Annotated[
        Path, typer.Argument(help="A folder of files with a label a frame, or predictions in ActivityNet's layout.")
    ],
    ground_truth: Annotated[Path, typer.Option(help="A folder likewise, or annotations in ActivityNet's layout.")],
    split: Annotated[
        str, typer.Option(help="Subset of ActivityNet's annotations: `validation`, `training`, …, or `all`.")
    ] = "validation",
    fps: Annotated[float, typer.Option(help="ActivityNet's layout: frames a second that are labelled.")] = 25.0,
    min_score: Annotated[
        float, typer.Option(help="ActivityNet's layout: leave out predictions with a smaller score.")
    ] = 0.5,
    background: Annotated[
        list[str] | None, typer.Option(help="Folders: a label that is no segment; `background` if not given.")
    ] = None,
    unknown_videos: Annotated[Permit, typer.Option(help="Predictions for other videos.")] = Permit.error,
    missing_videos: Annotated[
        Permit, typer.Option(help="Videos without a prediction: refuse; `ignore` leaves them out of folders.")
    ] = Permit.error,
    resamples: ResamplesOption = 1000,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Frame accuracy, edit score and F1 at overlaps of 10, 25 and 50 %, as action segmentation defines them.

    **Example**: `finegym evaluate segmentation results/ --ground-truth groundTruth/`
    """
    from finegym.evaluation.localization.segmentation_report import (
        export_segmentation_report,
        format_segmentation_report,
        make_segmentation_report,
        read_frame_labels,
    )

    found = read_frame_labels(
        predictions,
        ground_truth,
        None if split == "all" else SUBSETS.get(split, split),
        fps=fps,
        min_score=min_score,
        background=background or ("background",),
        unknown_videos=unknown_videos.value,
        missing_videos=missing_videos.value,
    )
    report = make_segmentation_report(str(predictions), str(ground_truth), found, num_resamples=resamples, seed=seed)
    print_report(export_segmentation_report(report), format_segmentation_report(report), as_json, out)


def print_report(exported: dict[str, object], text: str, as_json: bool, out: Path | None) -> None:
    """Print a report as text or as JSON, and write the JSON to a file if one is given."""
    from finegym.files import write_text

    as_text = json.dumps(exported, indent=2, ensure_ascii=False, allow_nan=False)
    if out is not None:
        write_text(out, as_text + "\n")
    typer.echo(as_text if as_json else text, nl=as_json)


def add_verbs(app: typer.Typer) -> None:
    """Add the verbs to ``finegym evaluate``."""
    app.command()(localization)
    app.command()(spotting)
    app.command()(segmentation)
