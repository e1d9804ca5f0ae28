"""The report on labels of frames: scores with intervals, as text and JSON."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from finegym.annotations.text import format_count, format_table
from finegym.evaluation.intervals import Score, draw_weights, make_score
from finegym.evaluation.localization.detections import read_truth
from finegym.evaluation.localization.frame_labels import FrameLabels, make_frame_labels, read_label_folders
from finegym.evaluation.localization.problems import Rules
from finegym.evaluation.localization.reading import read_detections
from finegym.evaluation.localization.report_text import format_score
from finegym.evaluation.localization.segmentation import (
    OVERLAPS,
    SegmentationScores,
    VideoCounts,
    compute_scores,
    count_video,
    resample_scores,
)

FORMAT = "finegym-segmentation-report/1"


@dataclass(frozen=True)
class SegmentationReport:
    """Scores of frame labels.

    Attributes:
        predictions: as named.
        ground_truth: likewise.
        labels: what was compared.
        counts: of every video.
        scores: by name: ``frame_accuracy``, ``edit``, ``f1@10``, ``f1@25``, ``f1@50``.
        num_records: that intervals resample.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.
    """

    predictions: str
    ground_truth: str
    labels: FrameLabels
    counts: tuple[VideoCounts, ...]
    scores: dict[str, Score]
    num_records: int
    num_resamples: int
    seed: int


def read_frame_labels(
    predictions: Path,
    ground_truth: Path,
    subset: str | None,
    *,
    fps: float = 25.0,
    min_score: float = 0.5,
    background: Collection[str] = ("background",),
    unknown_videos: Literal["error", "ignore"] = "error",
    missing_videos: Literal["error", "ignore"] = "error",
) -> FrameLabels:
    """Read folders in MS-TCN's layout, or files in ActivityNet's.

    Args:
        predictions: a folder or a file.
        ground_truth: likewise.
        subset: of the file.
        fps: of files, frames a second.
        min_score: of files, of predictions that count.
        background: of folders, labels that are no segment.
        unknown_videos: predictions without a truth.
        missing_videos: videos without a prediction; in files, ``ignore`` makes them background.

    Raises:
        AnnotationError: the truth cannot be read.
        PredictionError: the predictions cannot be read, or do not fit.
    """
    if ground_truth.is_dir():
        return read_label_folders(
            predictions,
            ground_truth,
            background=background,
            unknown_videos=unknown_videos,
            missing_videos=missing_videos,
        )
    truth = read_truth(ground_truth, subset)
    rules = Rules(
        unknown_videos=unknown_videos, outside="keep", missing_videos="count" if missing_videos == "ignore" else "error"
    )
    return make_frame_labels(truth, read_detections(predictions, truth, rules), fps, min_score)


def make_segmentation_report(
    predictions: str, ground_truth: str, labels: FrameLabels, *, num_resamples: int = 1000, seed: int = 0
) -> SegmentationReport:
    """Evaluate labels of frames.

    Args:
        predictions: their name.
        ground_truth: its name.
        labels: of both.
        num_resamples: of the bootstrap over records; 0 for no intervals.
        seed: of the bootstrap.
    """
    counts = tuple(count_video(video.truth, video.predicted) for video in labels.videos)
    values = _name_scores(compute_scores(counts))
    names, record_of = np.unique(np.array([video.record_id for video in labels.videos], str), return_inverse=True)
    scores = {name: Score(value, None, None) for name, value in values.items()}
    if num_resamples:
        weights = draw_weights(len(names), num_resamples, seed)[:, record_of]
        samples = [_name_scores(sample) for sample in resample_scores(counts, weights)]
        reason = f"only {len(names)} record, not 2" if len(names) < 2 else ""
        scores = {
            name: make_score(value, np.array([sample[name] for sample in samples]), reason)
            for name, value in values.items()
        }
    return SegmentationReport(predictions, ground_truth, labels, counts, scores, len(names), num_resamples, seed)


def export_segmentation_report(report: SegmentationReport) -> dict[str, Any]:
    """The report as plain values for JSON; scores in [0, 1], with what every video adds."""
    return {
        "format": FORMAT,
        "predictions": report.predictions,
        "ground_truth": report.ground_truth,
        "num_videos": len(report.counts),
        "num_records": report.num_records,
        "num_frames": sum(counts.num_frames for counts in report.counts),
        "num_segments": sum(counts.num_true for counts in report.counts),
        "num_classes": len(report.labels.classes),
        "notes": list(report.labels.notes),
        "scores": {name: vars(score) for name, score in report.scores.items()},
        "num_resamples": report.num_resamples,
        "seed": report.seed,
        "overlaps": list(OVERLAPS),
        "videos": [
            {"video": video.video_id, "record": video.record_id, **vars(counts)}
            for video, counts in zip(report.labels.videos, report.counts, strict=True)
        ],
    }


def format_segmentation_report(report: SegmentationReport) -> str:
    """The report as text."""
    num_frames = sum(counts.num_frames for counts in report.counts)
    num_segments = sum(counts.num_true for counts in report.counts)
    lines = [
        f"predictions  {report.predictions}",
        f"ground truth {report.ground_truth}: {format_count(num_segments, 'segment')} of {len(report.labels.classes)} "
        f"classes, {format_count(num_frames, 'frame')} in {format_count(len(report.counts), 'video')} of "
        f"{format_count(report.num_records, 'record')}",
        *(f"note         {note}" for note in report.labels.notes),
        "",
        format_table(["score", "%"], [[name, format_score(score)] for name, score in report.scores.items()], left={1}),
        "",
        f"evaluated {format_count(len(report.counts), 'video')}",
    ]
    return "\n".join(lines) + "\n"


def _name_scores(scores: SegmentationScores) -> dict[str, float]:
    f1: Sequence[tuple[float, float]] = list(zip(scores.overlaps, scores.f1, strict=True))
    return {
        "frame_accuracy": scores.frame_accuracy,
        "edit": scores.edit,
        **{f"f1@{100 * overlap:g}": value for overlap, value in f1},
    }
