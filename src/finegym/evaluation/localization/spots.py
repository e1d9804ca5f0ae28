"""Moments with labels: what is true, and what a spotter says; and the JSON that both come from.

The layout is that of precise event spotting, and of ``spot_finegym_val.json``: a list of videos, ``{"video",
"num_frames", "fps", "events": [{"frame", "label"}]}``; in predictions every event also has a ``score``. Frames count
from 0; an end at the end of a video stands in frame ``num_frames``. The video of FineGym's file is a routine with some
seconds around it; its name is the action's id.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finegym.errors import AnnotationError, FineGymError, PredictionError, join_problems
from finegym.evaluation.localization.detections import get_record, to_float
from finegym.evaluation.localization.json_stream import open_text
from finegym.evaluation.localization.problems import NUM_EXAMPLES, Problem, ProblemCounter, SpotRules

NAMES = {
    "unknown_videos": "predictions for unknown videos",
    "unknown_labels": "predictions with unknown labels",
    "bad_frames": "frames that are no whole numbers",
    "bad_scores": "scores that are no finite numbers",
    "outside": "frames before the first or after the end of their video",
    "missing_videos": "videos without a line in the file",
}
UNKNOWN, OTHER = -2, -1


@dataclass(frozen=True)
class SpotTruth:
    """Moments to be found.

    Attributes:
        video_ids: V, in the order of the file.
        record_ids: V, the record that each was cut from.
        num_frames: int64 (V,), -1 where not known.
        fps: float64 (V,), NaN where not known.
        classes: K labels, sorted.
        video_index: int64 (N,), into ``video_ids``.
        frames: int64 (N,).
        class_index: int64 (N,), into ``classes``.
        num_repeated: events that stand there twice. The published program counts both, and finds one.
        other_labels: known labels without an event; they are in no mean.
    """

    video_ids: tuple[str, ...]
    record_ids: tuple[str, ...]
    num_frames: np.ndarray
    fps: np.ndarray
    classes: tuple[str, ...]
    video_index: np.ndarray
    frames: np.ndarray
    class_index: np.ndarray
    num_repeated: int = 0
    other_labels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Spots:
    """Moments that a model says, in the order of the file.

    Attributes:
        video_index: int64 (N,), into ``SpotTruth.video_ids``; -1, -2, … for videos of which nothing is true.
        frames: int64 (N,).
        class_index: int64 (N,).
        scores: float64 (N,), greater is surer.
        num_read: events of the file.
        num_other_labels: with a known label that has no event here, left out.
        num_missing_videos: videos of the truth that the file does not name.
        problems: what did not fit, and what became of it.
    """

    video_index: np.ndarray
    frames: np.ndarray
    class_index: np.ndarray
    scores: np.ndarray
    num_read: int = 0
    num_other_labels: int = 0
    num_missing_videos: int = 0
    problems: tuple[Problem, ...] = ()


def read_spot_truth(path: Path, labels: Collection[str] = ()) -> SpotTruth:
    """Read what is true (``.gz`` is unpacked).

    Args:
        path: the file.
        labels: that are known besides those of the events, such as the lines of ``spot_finegym_class.txt``.

    Raises:
        AnnotationError: it is no file of the layout, or events have no label or no frame of their video.
    """
    videos = _read_videos(path, AnnotationError)
    rows: list[tuple[int, int, str]] = []
    problems = []
    num_frames = np.array([_to_frame(video.get("num_frames"), -1) for video in videos], np.int64)
    for index, video in enumerate(videos):
        for event in video.get("events", ()):
            frame, label = _to_frame(event.get("frame"), -1), event.get("label")
            if frame < 0 or not isinstance(label, str) or 0 <= num_frames[index] < frame:
                problems.append(f"{video['video']}: {event}")
            else:
                rows.append((index, frame, label))
    if problems:
        raise AnnotationError(
            f"{path}: {len(problems)} events have no label or no frame of their video: {join_problems(problems)}. "
            "Correct the file."
        )
    classes = tuple(sorted({label for _, _, label in rows}))
    index_of = {label: index for index, label in enumerate(classes)}
    names = [str(video["video"]) for video in videos]
    return SpotTruth(
        video_ids=tuple(names),
        record_ids=tuple(map(get_record, names)),
        num_frames=num_frames,
        fps=np.array([to_float(video.get("fps")) for video in videos], np.float64),
        classes=classes,
        video_index=np.array([index for index, _, _ in rows], np.int64),
        frames=np.array([frame for _, frame, _ in rows], np.int64),
        class_index=np.array([index_of[label] for _, _, label in rows], np.int64),
        num_repeated=len(rows) - len(set(rows)),
        other_labels=frozenset(set(labels) - set(classes)),
    )


def read_spots(path: Path, truth: SpotTruth, rules: SpotRules | None = None) -> Spots:
    """Read predictions (``.gz`` is unpacked).

    Args:
        path: the file.
        truth: what its videos and labels mean.
        rules: what becomes of what does not fit; by default it is an error.

    Raises:
        PredictionError: no file of the layout, or it holds what ``rules`` refuse; everything is counted in one message.
    """
    rules = rules or SpotRules()
    counter = ProblemCounter(rules, NAMES)
    videos = _read_videos(path, PredictionError)
    index_of_video = {video_id: index for index, video_id in enumerate(truth.video_ids)}
    index_of_class = dict.fromkeys(truth.other_labels, OTHER) | {n: index for index, n in enumerate(truth.classes)}
    rows: list[tuple[int, int, int, float]] = []
    num_unknown = 0
    for video in videos:
        name, events = str(video["video"]), video.get("events", ())
        index = index_of_video.get(name, -1 - num_unknown)
        num_unknown += index < 0
        if index < 0 and events and counter.add("unknown_videos", len(events), [name]) != "count":
            rows += [(-1, -1, UNKNOWN, 0.0)] * len(events)
            events = ()
        last = int(truth.num_frames[index]) if index >= 0 else -1
        rows += [_read_event(event, name, index, last, index_of_class, counter) for event in events]
    missing = [name for name in truth.video_ids if name not in {str(video["video"]) for video in videos}]
    if missing:
        counter.add("missing_videos", len(missing), missing)
    problems = counter.finish(path, "the videos and labels of the ground truth")
    kept = [row for row in rows if row[2] >= 0]
    return Spots(
        video_index=np.array([row[0] for row in kept], np.int64),
        frames=np.array([row[1] for row in kept], np.int64),
        class_index=np.array([row[2] for row in kept], np.int64),
        scores=np.array([row[3] for row in kept], np.float64),
        num_read=len(rows),
        num_other_labels=sum(row[2] == OTHER for row in rows),
        num_missing_videos=len(missing),
        problems=problems,
    )


def _read_event(
    event: Mapping[str, Any],
    name: str,
    video: int,
    num_frames: int,
    index_of_class: Mapping[str, int],
    counter: ProblemCounter,
) -> tuple[int, int, int, float]:
    """Video, frame, class and score; the class is below 0 where the event does not count."""
    label, frame, score = event.get("label"), _to_frame(event.get("frame"), None), event.get("score")
    index = index_of_class.get(label, UNKNOWN) if isinstance(label, str) else UNKNOWN
    is_score = isinstance(score, int | float) and math.isfinite(score)
    outside = frame is not None and (frame < 0 or 0 <= num_frames < frame)
    is_used = True
    for rule, key, is_bad in (
        ("unknown_labels", "label", index == UNKNOWN),
        ("bad_frames", "frame", frame is None),
        ("bad_scores", "score", not is_score),
        ("outside", "frame", outside),
    ):
        if is_bad and counter.add(rule, 1, [f"{event.get(key)} in {name}"][:NUM_EXAMPLES]) != "keep":
            is_used = False
    if not is_used:
        return video, -1, UNKNOWN, 0.0
    return video, int(frame or 0), index, float(score or 0)


def _read_videos(path: Path, error: type[FineGymError]) -> list[dict[str, Any]]:
    try:
        with open_text(path) as file:
            videos = json.load(file)
    except (OSError, ValueError, EOFError, RecursionError) as cause:
        raise error(f"{path}: cannot be read as a list of videos with events: {cause}") from cause
    is_one = isinstance(videos, list) and all(
        isinstance(video, dict)
        and "video" in video
        and isinstance(video.get("events", []), list)
        and all(isinstance(event, dict) for event in video.get("events", []))
        for video in videos
    )
    if not is_one:
        raise error(
            f"{path}: is no list of videos with 'video' and 'events'. Give the layout of spot_finegym_val.json."
        )
    names = [str(video["video"]) for video in videos]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise error(f"{path}: videos stand there twice: {join_problems(twice)}. Write the file again.")
    return videos


def _to_frame(value: Any, default: Any) -> Any:
    """A whole number, or the default."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 2**53 or value != value // 1:
        return default
    return int(value)
