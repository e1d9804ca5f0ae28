"""Prediction files in ActivityNet's layout, checked against what is true: everything that does not fit is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finegym.errors import PredictionError, join_problems
from finegym.evaluation.localization.detections import SLACK_S, Detections, Truth
from finegym.evaluation.localization.json_stream import iterate_members
from finegym.evaluation.localization.problems import NUM_EXAMPLES, ProblemCounter, Rules

NAMES = {
    "unknown_videos": "predictions for unknown videos",
    "unknown_labels": "predictions with unknown labels",
    "bad_segments": "segments that are reversed, empty or no two numbers",
    "bad_scores": "scores that are no finite numbers",
    "outside": "segments that start before 0 or end after their video",
    "missing_videos": "videos without a line in the file",
}
UNKNOWN, OTHER = -2, -1
"""In place of a class index: a label that the truth file does not have; one that only its other subsets have."""


def read_detections(path: Path, truth: Truth, rules: Rules | None = None) -> Detections:
    """Read an ActivityNet prediction file (``.gz`` is unpacked), a video at a time.

    Predictions for videos and labels of the truth's other subsets: the videos count as unknown, the labels are left out
    and counted (a class without a segment has no AP).

    Args:
        path: the file.
        truth: what its ids mean.
        rules: what becomes of what does not fit; by default most of it is an error.

    Raises:
        PredictionError: the file is none of its kind, names a video twice, or holds what ``rules`` refuse; everything
            is counted in one message.
    """
    rules = rules or Rules()
    reader = _Reader(truth, rules, ProblemCounter(rules, NAMES))
    seen: set[str] = set()
    malformed: list[str] = []
    for video_id, rows in iterate_members(path, "results", PredictionError):
        if video_id in seen:
            malformed.append(f"video {video_id} stands there twice")
        elif not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            malformed.append(f"video {video_id} has no list of predictions")
        else:
            reader.add_video(video_id, rows)
        seen.add(video_id)
    if malformed:
        raise PredictionError(f"{path}: {join_problems(malformed)}. Write the file again.")
    missing = [video_id for video_id in truth.video_ids if video_id not in seen]
    if missing:
        reader.problems.add("missing_videos", len(missing), missing)
    problems = reader.problems.finish(path, f"the videos and labels of subset {truth.subset}")
    video_index, class_index, scores, segments = reader.finish()
    return Detections(
        video_index=video_index,
        segments_s=segments,
        class_index=class_index,
        scores=scores,
        num_read=reader.num_read,
        num_other_labels=reader.num_other_labels,
        num_missing_videos=len(missing),
        problems=problems,
    )


@dataclass
class _Reader:
    """Columns, as they grow."""

    truth: Truth
    rules: Rules
    problems: ProblemCounter
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    num_read: int = 0
    num_other_labels: int = 0

    def __post_init__(self) -> None:
        self.index_of_video = {video_id: index for index, video_id in enumerate(self.truth.video_ids)}
        self.index_of_class = dict.fromkeys(self.truth.other_labels, OTHER)
        self.index_of_class |= {label: index for index, label in enumerate(self.truth.classes)}
        self.index_of_class |= {label: self.index_of_class[upper] for label, upper in self.truth.aliases.items()}

    def add_video(self, video_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Check the predictions of one video, and keep those that count."""
        self.num_read += len(rows)
        if not rows:
            return
        video = self.index_of_video.get(video_id, -1)
        keep = np.ones(len(rows), bool)
        if video < 0:
            action = self.problems.add("unknown_videos", len(rows), [video_id])
            keep &= action == "count"
        classes = self._find_classes([row.get("label") for row in rows])
        segments = _to_numbers([row.get("segment") for row in rows], 2)
        scores = _to_numbers([row.get("score") for row in rows], 1)[:, 0]
        with np.errstate(invalid="ignore"):
            is_segment = np.isfinite(segments).all(axis=1) & (segments[:, 1] > segments[:, 0])
        outside, segments = self._clip(video, segments, is_segment)
        for rule, key, is_bad in (
            ("unknown_labels", "label", classes == UNKNOWN),
            ("bad_segments", "segment", ~is_segment),
            ("bad_scores", "score", ~np.isfinite(scores)),
            ("outside", "segment", outside),
        ):
            found = np.flatnonzero(is_bad)
            if found.size:
                examples = [f"{rows[row].get(key)} in {video_id}" for row in found[:NUM_EXAMPLES].tolist()]
                if self.problems.add(rule, found.size, examples) not in ("clip", "keep"):
                    keep &= ~is_bad
        is_other = keep & (classes == OTHER)
        self.num_other_labels += int(is_other.sum())
        keep &= ~is_other
        self.parts.append((np.full(int(keep.sum()), video), classes[keep], scores[keep], segments[keep]))

    def finish(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Video index, class index, score and segment of every prediction that counts."""
        empty = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 2)))
        video, classes, scores, segments = zip(empty, *self.parts, strict=True)
        return np.concatenate(video), np.concatenate(classes), np.concatenate(scores), np.concatenate(segments)

    def _find_classes(self, labels: Sequence[object]) -> np.ndarray:
        find = self.index_of_class.get
        return np.array([find(label, UNKNOWN) if isinstance(label, str) else UNKNOWN for label in labels], np.int64)

    def _clip(self, video: int, segments: np.ndarray, is_segment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which segments leave their video, and all of them, clipped if that is the rule."""
        duration = self.truth.durations_s[video] if video >= 0 else np.nan
        limit = np.inf if np.isnan(duration) else duration
        outside = is_segment & ((segments[:, 0] < 0) | (segments[:, 1] > limit + SLACK_S))
        if self.rules.outside == "clip":
            # One that lies outside as a whole becomes empty, at 0 or at the end, and finds nothing.
            segments = np.where(outside[:, None], segments.clip(0, limit), segments)
        return outside, segments


def _to_numbers(values: Sequence[object], width: int) -> np.ndarray:
    """float64 (N, width); a row that is no ``width`` numbers is NaN."""
    try:
        numbers = np.array(values, np.float64)
        if numbers.size == len(values) * width:
            return numbers.reshape(-1, width)
    except (TypeError, ValueError, OverflowError):
        pass
    if len(values) == 1:
        return np.full((1, width), np.nan)
    return np.concatenate([_to_numbers([value], width) for value in values])
