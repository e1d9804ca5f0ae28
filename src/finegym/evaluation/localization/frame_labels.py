"""A label for every frame: from folders of text files in MS-TCN's layout, or from segments in ActivityNet's.

MS-TCN's truth is a file a video, a label a line. Its program writes predictions as a heading and one line of labels;
both forms are read on both sides. A file's name without ``.txt`` is the video's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from finegym.errors import AnnotationError, ConfigError, FineGymError, PredictionError, join_problems
from finegym.evaluation.localization.detections import Detections, Truth, get_record
from finegym.evaluation.localization.matching import group_rows
from finegym.evaluation.localization.segmentation import BACKGROUND, find_label_segments


@dataclass(frozen=True)
class LabelledVideo:
    """The labels of one video, one a frame: int64 (F,), ``BACKGROUND`` or an index into the classes."""

    video_id: str
    record_id: str
    truth: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class FrameLabels:
    """The labels of many videos.

    Attributes:
        classes: what class indices mean.
        videos: in order of their names, or of the file.
        notes: what a reader of the scores should know.
    """

    classes: tuple[str, ...]
    videos: tuple[LabelledVideo, ...]
    notes: tuple[str, ...]


def read_label_folders(
    predictions: Path,
    ground_truth: Path,
    *,
    background: Collection[str] = ("background",),
    unknown_videos: Literal["error", "ignore"] = "error",
    missing_videos: Literal["error", "ignore"] = "error",
) -> FrameLabels:
    """Read two folders of a file a video.

    Args:
        predictions: folder.
        ground_truth: folder.
        background: labels that are no segment.
        unknown_videos: predictions without a truth.
        missing_videos: videos without a prediction.

    Raises:
        AnnotationError: the truth cannot be read.
        PredictionError: a prediction cannot be read, has another number of frames or a label that the truth does not
            have; or videos are missing or unknown, and may not be.
    """
    true = _read_folder(ground_truth, AnnotationError)
    found = _read_folder(predictions, PredictionError)
    unknown, missing = sorted(found.keys() - true.keys()), sorted(true.keys() - found.keys())
    known = {label for labels in true.values() for label in labels} | set(background)
    problems = [
        f"{name} has {len(found[name])} frames, not {len(true[name])}"
        for name in true
        if name in found and len(found[name]) != len(true[name])
    ]
    strange = sorted({label for name in true for label in found.get(name, ())} - known)
    problems += [f"labels that the truth does not have: {', '.join(strange)}"] if strange else []
    if unknown and unknown_videos == "error":
        problems.append(f"{len(unknown)} unknown videos ({', '.join(unknown[:3])}): --unknown-videos")
    if missing and missing_videos == "error":
        problems.append(f"{len(missing)} videos without a file ({', '.join(missing[:3])}): --missing-videos")
    if problems:
        raise PredictionError(f"{predictions}: does not fit {ground_truth}: {join_problems(problems)}")
    classes = tuple(sorted(known - set(background)))
    index_of = dict.fromkeys(background, BACKGROUND) | {label: index for index, label in enumerate(classes)}
    videos = [
        LabelledVideo(
            name,
            get_record(name),
            np.array([index_of[label] for label in true[name]], np.int64),
            np.array([index_of[label] for label in found[name]], np.int64),
        )
        for name in sorted(true)
        if name in found
    ]
    notes = [f"{len(unknown)} predictions of unknown videos left out"] if unknown else []
    notes += [f"{len(missing)} videos without a prediction left out"] if missing else []
    return FrameLabels(classes, tuple(videos), tuple(notes))


def make_frame_labels(truth: Truth, detections: Detections, fps: float, min_score: float) -> FrameLabels:
    """Labels of frames from segments: of those over a frame's middle, the surest prediction; the last true one.

    Args:
        truth: segments; videos of unknown duration end with their last true segment.
        detections: predictions.
        fps: frames a second.
        min_score: predictions below are left out: every frame would have one otherwise.

    Raises:
        ConfigError: ``fps`` is not greater than 0.
    """
    if not fps > 0:
        raise ConfigError(f"frames a second must be more than 0, got {fps:g}")
    order = np.argsort(detections.scores, kind="stable")  # the surest is painted last
    order = order[detections.scores[order] >= min_score]
    num_videos = len(truth.video_ids)
    true_rows = group_rows(truth.video_index, num_videos)
    found_rows = group_rows(detections.video_index[order], num_videos)
    videos, num_over = [], 0
    for video, name in enumerate(truth.video_ids):
        rows = true_rows[video]
        rows = rows[np.argsort(truth.segments_s[rows, 0], kind="stable")]
        duration = truth.durations_s[video]
        if np.isnan(duration):
            duration = truth.segments_s[rows, 1].max(initial=0.0)
        num_frames = max(round(float(duration) * fps), 1)
        labels, over = _paint(truth.segments_s[rows], truth.class_index[rows], num_frames, fps)
        mine = order[found_rows[video]]
        predicted, _ = _paint(detections.segments_s[mine], detections.class_index[mine], num_frames, fps)
        videos.append(LabelledVideo(name, truth.record_ids[video], labels, predicted))
        num_over += over
    notes = [f"{len(order):,} of {len(detections.scores):,} predictions have a score of at least {min_score:g}"]
    num_shown = sum(len(find_label_segments(video.truth)[0]) for video in videos)
    if num_shown != len(truth.class_index):
        notes.append(
            f"{len(truth.class_index):,} true segments are {num_shown:,} at {fps:g} frames a second: some lie between "
            "frames, or touch one of their class"
        )
    notes += (
        [f"{num_over} frames of the truth have two labels: the segment that starts later counts"] if num_over else []
    )
    return FrameLabels(truth.classes, tuple(videos), tuple(notes))


def _paint(segments: np.ndarray, classes: np.ndarray, num_frames: int, fps: float) -> tuple[np.ndarray, int]:
    """Labels of frames, later segments over earlier ones, and how many frames were painted over."""
    labels, num_over = np.full(num_frames, BACKGROUND), 0
    # Frame f lasts from f / fps to (f + 1) / fps; its middle decides.
    edges = np.ceil(segments * fps - 0.5).clip(0, num_frames).astype(np.int64)
    for (start, end), label in zip(edges.tolist(), classes.tolist(), strict=True):
        num_over += int((labels[start:end] != BACKGROUND).sum())
        labels[start:end] = label
    return labels, num_over


def _read_folder(folder: Path, error: type[FineGymError]) -> dict[str, list[str]]:
    if not folder.is_dir():
        raise error(f"{folder}: is no folder of files with a label a frame. Check the path.")
    labels = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as cause:
                raise error(f"{path}: cannot be read as labels: {cause}") from cause
            is_written_by_program = bool(lines) and lines[0].startswith("#")
            labels[path.name.removesuffix(".txt")] = (
                lines[1].split() if is_written_by_program and len(lines) > 1 else [line for line in lines if line]
            )
    if not labels:
        raise error(f"{folder}: is empty. Give a folder of files with a label a frame.")
    return labels
