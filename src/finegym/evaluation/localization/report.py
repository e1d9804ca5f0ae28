"""A prediction file against what is true: the numbers, with everything that belongs beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finegym.evaluation.intervals import FEW_GROUPS, Score
from finegym.evaluation.localization.bootstrap import MapIntervals, compute_map_intervals
from finegym.evaluation.localization.detection_map import TIOUS, DetectionMap, Ties, compute_detection_map
from finegym.evaluation.localization.detections import Detections, Truth, read_truth
from finegym.evaluation.localization.diagnosis import ERRORS, KINDS, Diagnosis, diagnose
from finegym.evaluation.localization.levels import Level, lift_truth
from finegym.evaluation.localization.problems import Rules
from finegym.evaluation.localization.reading import read_detections
from finegym.evaluation.localization.recall import ProposalRecall, compute_proposal_recall

FORMAT = "finegym-localization-report/1"
DIAGNOSED_TIOU = 0.5


@dataclass(frozen=True)
class LocalizationReport:
    """What is known about a prediction file on one subset.

    Attributes:
        predictions: the file, as it was named.
        ground_truth: likewise.
        sha256: of both, by those names.
        truth: what there is to find.
        detections: what was found, and what of the file did not count.
        result: detection mAP.
        intervals: of it; ``None`` where none were asked for.
        recall: of proposals.
        diagnosis: kinds of mistakes.
        ties: how equal scores were ordered.
        use_ignored: whether the truth's ignored segments were.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.
        level: that labels were lifted to; ``None`` where they stand as they are.
        notes: what a reader of the numbers should know.
    """

    predictions: str
    ground_truth: str
    sha256: dict[str, str]
    truth: Truth
    detections: Detections
    result: DetectionMap
    intervals: MapIntervals | None
    recall: ProposalRecall
    diagnosis: Diagnosis
    ties: Ties
    use_ignored: bool
    num_resamples: int
    seed: int
    level: Level | None
    notes: tuple[str, ...]


def make_localization_report(
    predictions: Path,
    ground_truth: Path,
    subset: str | None,
    *,
    level: Level | None = None,
    tious: Sequence[float] = TIOUS,
    rules: Rules | None = None,
    ties: Ties = "numpy",
    use_ignored: bool = False,
    num_resamples: int = 1000,
    seed: int = 0,
) -> LocalizationReport:
    """Read two files and evaluate one against the other.

    Args:
        predictions: in ActivityNet's layout.
        ground_truth: likewise.
        subset: of the ground truth; ``None`` for all of it.
        level: score labels as what they belong to on this level; ``None`` for the labels as they are.
        tious: thresholds.
        rules: what becomes of predictions that do not fit.
        ties: the order of equal scores.
        use_ignored: use the truth's ignored segments.
        num_resamples: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.

    Raises:
        AnnotationError: the ground truth is not usable.
        PredictionError: the predictions are not, or hold what ``rules`` refuse.
    """
    truth = read_truth(ground_truth, subset)
    if level is not None:
        truth = lift_truth(truth, level)
    detections = read_detections(predictions, truth, rules)
    result = compute_detection_map(truth, detections, tious, ties=ties, use_ignored=use_ignored)
    intervals = None
    if num_resamples:
        intervals = compute_map_intervals(truth, detections, result, num_resamples=num_resamples, seed=seed)
    looked_at = min(range(len(tious)), key=lambda place: abs(tious[place] - DIAGNOSED_TIOU))
    return LocalizationReport(
        predictions=str(predictions),
        ground_truth=str(ground_truth),
        sha256={str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in (predictions, ground_truth)},
        truth=truth,
        detections=detections,
        result=result,
        intervals=intervals,
        recall=compute_proposal_recall(truth, detections, tious=tious),
        diagnosis=diagnose(truth, detections, result, looked_at),
        ties=ties,
        use_ignored=use_ignored,
        num_resamples=num_resamples,
        seed=seed,
        level=level,
        notes=tuple(_find_notes(truth, detections, result, intervals, use_ignored, ties)),
    )


def _find_notes(
    truth: Truth,
    detections: Detections,
    result: DetectionMap,
    intervals: MapIntervals | None,
    use_ignored: bool,
    ties: Ties,
) -> list[str]:
    notes = [f"{problem}, {DONE[problem.action]}" for problem in detections.problems]
    if detections.num_other_labels:
        notes.append(f"{detections.num_other_labels} predictions of classes without a segment here: in no mean")
    without = [label for label, number in zip(truth.classes, result.num_detections, strict=True) if number == 0]
    if without:
        notes.append(
            f"{len(without)} of {len(truth.classes)} classes without a prediction have AP 0: {', '.join(without)}"
        )
    if truth.num_past_end:
        notes.append(f"{truth.num_past_end} segments of the ground truth leave their video: taken as they are")
    num_ignored = len(truth.ignored_video_index)
    if num_ignored and not use_ignored:
        notes.append(f"the ground truth has {num_ignored} ignored segments, not used: pass --ignore-regions")
    if use_ignored:
        notes.append(
            f"{num_ignored} ignored segments: {int(result.is_ignored.sum())} predictions in them count only where right"
        )
    if result.num_tied and ties == "numpy":
        notes.append(
            f"{result.num_tied} predictions have the score of another of their class, in the order of NumPy's sort, as "
            "in ActivityNet's program; it differs between processors: --ties first does not"
        )
    if intervals is not None and intervals.average.no_interval:
        notes.append(f"no intervals: {intervals.average.no_interval}")
    elif intervals is not None and intervals.num_records < FEW_GROUPS:
        notes.append(f"intervals over {intervals.num_records} records are rough and mostly too narrow")
    return notes


DONE = {
    "ignore": "left out",
    "count": "counted as ActivityNet's program does",
    "clip": "cut at the end of the video",
    "keep": "taken as they are",
}


def export_localization_report(report: LocalizationReport) -> dict[str, Any]:
    """The report as plain values for JSON, at full precision; accuracies are in [0, 1]."""
    truth, detections, result = report.truth, report.detections, report.result
    return {
        "format": FORMAT,
        "predictions": report.predictions,
        "ground_truth": report.ground_truth,
        "sha256": report.sha256,
        "subset": truth.subset,
        "level": report.level,
        "is_simulated": truth.is_simulated,
        "num_videos": len(truth.video_ids),
        "num_records": len(set(truth.record_ids)),
        "num_segments": len(truth.class_index),
        "num_classes": len(truth.classes),
        "num_predictions": detections.num_read,
        "num_evaluated": len(detections.scores),
        "num_other_labels": detections.num_other_labels,
        "num_missing_videos": detections.num_missing_videos,
        "num_tied": result.num_tied,
        "ties": report.ties,
        "ignored_segments": {
            "used": report.use_ignored,
            "num_segments": len(truth.ignored_video_index),
            "num_predictions": int(result.is_ignored.sum()),
        },
        "problems": [
            {"rule": p.rule, "what": p.what, "count": p.count, "action": p.action, "examples": list(p.examples)}
            for p in detections.problems
        ],
        "notes": list(report.notes),
        "tiou_thresholds": list(result.thresholds),
        "mAP": [_or_none(value) for value in result.mean.tolist()],
        "average_mAP": _or_none(result.average),
        "ap": {label: result.average_precision[:, index].tolist() for index, label in enumerate(truth.classes)},
        "classes": [
            {
                "label": label,
                "name": truth.names.get(label),
                "num_segments": int(result.num_true[index]),
                "num_predictions": int(result.num_detections[index]),
            }
            for index, label in enumerate(truth.classes)
        ],
        "intervals": _export_intervals(report),
        "proposals": _export_recall(report.recall),
        "diagnosis": _export_diagnosis(report.diagnosis),
    }


def _export_intervals(report: LocalizationReport) -> dict[str, Any] | None:
    if report.intervals is None:
        return None
    return {
        "level": 0.95,
        "method": "percentile bootstrap over records",
        "num_records": report.intervals.num_records,
        "num_resamples": report.num_resamples,
        "seed": report.seed,
        "mAP": [_export_score(score) for score in report.intervals.mean],
        "average_mAP": _export_score(report.intervals.average),
    }


def _export_score(score: Score) -> dict[str, Any]:
    edges: dict[str, Any] = {"low": score.low, "high": score.high}
    return {**edges, "no_interval": score.no_interval} if score.no_interval else edges


def _export_recall(recall: ProposalRecall) -> dict[str, Any]:
    return {
        "num_proposals": list(recall.num_proposals),
        "average_recall": [_or_none(value) for value in recall.mean.tolist()],
        "recall": [[_or_none(value) for value in row] for row in recall.recall.tolist()],
        "curve": {"average_number": recall.average_number.tolist(), "average_recall": recall.average_recall.tolist()},
        "area": _or_none(recall.area),
        "num_videos": recall.num_videos,
    }


def _export_diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "tiou": diagnosis.tiou,
        "kinds": list(KINDS),
        "counts": diagnosis.counts.tolist(),
        "gains": {kind: _or_none(diagnosis.gains[kind]) for kind in ERRORS},
        "num_missed": diagnosis.num_missed,
        "lengths": [vars(group) for group in diagnosis.lengths],
    }


def _or_none(value: float) -> float | None:
    """JSON has no NaN: what is not known is null."""
    return None if value != value else value
