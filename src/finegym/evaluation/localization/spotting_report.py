"""The report on spotted moments: mAP at tolerances with intervals, as text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finegym.annotations.text import format_count, format_table
from finegym.evaluation.intervals import Score
from finegym.evaluation.localization.bootstrap import MapIntervals, compute_map_intervals
from finegym.evaluation.localization.detection_map import DetectionMap
from finegym.evaluation.localization.problems import SpotRules
from finegym.evaluation.localization.report import DONE
from finegym.evaluation.localization.report_text import format_score
from finegym.evaluation.localization.spots import Spots, SpotTruth, read_spot_truth, read_spots
from finegym.evaluation.localization.spotting import (
    TOLERANCES,
    compute_spotting_map,
    select_spots,
    suppress_spots,
)

FORMAT = "finegym-spotting-report/1"


@dataclass(frozen=True)
class SpottingReport:
    """Spotting mAP of a prediction file.

    Attributes:
        predictions: the file, as it was named.
        ground_truth: likewise.
        truth: moments to be found.
        spots: that were evaluated.
        num_suppressed: spots that a surer one near them took away.
        nms_window: within so many frames; ``None`` where none were taken away.
        result: mAP; thresholds are tolerances in frames.
        intervals: of it; ``None`` where none were asked for.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.
        notes: what a reader of the numbers should know.
    """

    predictions: str
    ground_truth: str
    truth: SpotTruth
    spots: Spots
    num_suppressed: int
    nms_window: int | None
    result: DetectionMap
    intervals: MapIntervals | None
    num_resamples: int
    seed: int
    notes: tuple[str, ...]


def make_spotting_report(
    predictions: Path,
    ground_truth: Path,
    *,
    tolerances: Sequence[int] = TOLERANCES,
    nms_window: int | None = None,
    labels: Sequence[str] = (),
    rules: SpotRules | None = None,
    num_resamples: int = 1000,
    seed: int = 0,
) -> SpottingReport:
    """Read two files and evaluate one against the other.

    Args:
        predictions: events with scores.
        ground_truth: events.
        tolerances: frames.
        nms_window: let the surest spot take away those of its class at most so many frames away.
        labels: that are known besides those of the truth's events.
        rules: what becomes of predictions that do not fit.
        num_resamples: of the bootstrap over records; 0 for no intervals.
        seed: of the bootstrap.

    Raises:
        AnnotationError: the ground truth is not usable.
        PredictionError: the predictions are not, or hold what ``rules`` refuse.
    """
    truth = read_spot_truth(ground_truth, labels)
    spots = read_spots(predictions, truth, rules)
    num_before = len(spots.scores)
    if nms_window is not None:
        spots = select_spots(spots, suppress_spots(spots, nms_window))
    result = compute_spotting_map(truth, spots, tolerances)
    intervals = None
    if num_resamples:
        intervals = compute_map_intervals(truth, spots, result, num_resamples=num_resamples, seed=seed)
    notes = [f"{problem}, {DONE[problem.action]}" for problem in spots.problems]
    if spots.num_other_labels:
        notes.append(f"{spots.num_other_labels} predictions of labels without an event here: in no mean")
    if truth.num_repeated:
        notes.append(f"{truth.num_repeated} events of the ground truth stand there twice: both count, one can be found")
    return SpottingReport(
        str(predictions),
        str(ground_truth),
        truth,
        spots,
        num_before - len(spots.scores),
        nms_window,
        result,
        intervals,
        num_resamples,
        seed,
        tuple(notes),
    )


def export_spotting_report(report: SpottingReport) -> dict[str, Any]:
    """The report as plain values for JSON, at full precision; accuracies are in [0, 1]."""
    truth, result = report.truth, report.result
    scores = [*report.intervals.mean, report.intervals.average] if report.intervals else []
    edges = [{"low": score.low, "high": score.high, "no_interval": score.no_interval} for score in scores]
    return {
        "format": FORMAT,
        "predictions": report.predictions,
        "ground_truth": report.ground_truth,
        "num_videos": len(truth.video_ids),
        "num_records": len(set(truth.record_ids)),
        "num_events": len(truth.frames),
        "num_classes": len(truth.classes),
        "num_predictions": report.spots.num_read,
        "num_evaluated": len(report.spots.scores),
        "num_suppressed": report.num_suppressed,
        "nms_window": report.nms_window,
        "num_tied": result.num_tied,
        "notes": list(report.notes),
        "tolerances": list(result.thresholds),
        "mAP": result.mean.tolist() if truth.classes else None,
        "average_mAP": result.average if truth.classes else None,
        "ap": {label: result.average_precision[:, index].tolist() for index, label in enumerate(truth.classes)},
        "classes": [
            {"label": label, "num_events": int(events), "num_predictions": int(found)}
            for label, events, found in zip(truth.classes, result.num_true, result.num_detections, strict=True)
        ],
        "intervals": {
            "level": 0.95,
            "method": "percentile bootstrap over records",
            "num_resamples": report.num_resamples,
            "seed": report.seed,
            "mAP": edges[:-1],
            "average_mAP": edges[-1],
        }
        if edges
        else None,
    }


def format_spotting_report(report: SpottingReport, *, classes: bool = False) -> str:
    """The report as text; with a line a class if wanted."""
    truth, result, intervals = report.truth, report.result, report.intervals
    videos = f"{format_count(len(truth.video_ids), 'video')} of {format_count(len(set(truth.record_ids)), 'record')}"
    lines = [
        f"predictions  {report.predictions}",
        f"ground truth {report.ground_truth}: {format_count(len(truth.frames), 'event')} of {len(truth.classes)} "
        f"classes in {videos}",
    ]
    if report.nms_window is not None:
        lines.append(f"suppressed   {report.num_suppressed:,} within {format_count(report.nms_window, 'frame')}")
    lines += [f"note         {note}" for note in report.notes]
    scores = intervals.mean if intervals else [Score(value, None, None) for value in result.mean.tolist()]
    rows = [[f"{t:g}", format_score(score)] for t, score in zip(result.thresholds, scores, strict=True)]
    rows += [["average", format_score(intervals.average if intervals else Score(result.average, None, None))]]
    lines += ["", format_table(["tolerance, frames", "mAP %"], rows, left={1})]
    if classes:
        table: list[list[object]] = [
            [
                label,
                int(result.num_true[index]),
                int(result.num_detections[index]),
                *(f"{100 * value:.2f}" for value in result.average_precision[:, index]),
            ]
            for index, label in enumerate(truth.classes)
        ]
        header = ["class", "events", "predictions", *(f"AP@{tolerance:g} %" for tolerance in result.thresholds)]
        lines += ["", format_table(header, table)]
    lines += ["", f"evaluated {len(report.spots.scores):,} of {format_count(report.spots.num_read, 'prediction')}"]
    return "\n".join(lines) + "\n"
