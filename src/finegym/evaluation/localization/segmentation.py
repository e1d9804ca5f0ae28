"""Segmentation metrics: a label for every frame, scored by frame, by order, and by segment.

*Frame accuracy* is the share of all frames, background included, over all videos together. *Edit* compares the order of
segments, whatever their times, as a mean over videos. *F1@k* counts a predicted segment as right if the segment of its
label that it overlaps most does so by at least k percent and no earlier one has taken it; over all videos together.
Background is no segment.

Source: Lea et al., "Temporal Convolutional Networks for Action Segmentation and Detection", CVPR 2017 (edit, F1@k), as
in the evaluation of Abu Farha and Gall, "MS-TCN", CVPR 2019. Copies of its program
differ: some end a video's last segment one frame early where that is no background; here it ends with the video. Of two
videos without a segment the edit score is 1 here, and not defined there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

OVERLAPS = (0.1, 0.25, 0.5)
BACKGROUND = -1


@dataclass(frozen=True)
class VideoCounts:
    """What one video adds to the scores.

    Attributes:
        num_frames: of the truth.
        num_correct: with the right label.
        edit: in [0, 1].
        right: predicted segments that are right, one number an overlap.
        num_predicted: segments.
        num_true: segments.
    """

    num_frames: int
    num_correct: int
    edit: float
    right: tuple[int, ...]
    num_predicted: int
    num_true: int


@dataclass(frozen=True)
class SegmentationScores:
    """Scores of many videos, in [0, 1]; NaN where there are none.

    Attributes:
        frame_accuracy: over all frames.
        edit: mean over videos.
        f1: over all segments, one number an overlap.
        overlaps: of ``f1``.
    """

    frame_accuracy: float
    edit: float
    f1: tuple[float, ...]
    overlaps: tuple[float, ...]


def find_label_segments(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs of equal labels that are no background.

    Args:
        labels: int64 (F,), ``BACKGROUND`` or a class.

    Returns:
        int64 (S, 2) frames ``[start, end)``, and int64 (S,) their classes.

    Example:
        >>> find_label_segments(np.array([-1, 2, 2, 0]))
        (array([[1, 3],
               [3, 4]]), array([2, 0]))
    """
    edges = (
        np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1, [len(labels)]]) if len(labels) else np.zeros(1, int)
    )
    segments = np.stack([edges[:-1], edges[1:]], axis=1).astype(np.int64)
    classes = labels[segments[:, 0]]
    return segments[classes != BACKGROUND], classes[classes != BACKGROUND]


def count_video(truth: np.ndarray, predicted: np.ndarray, overlaps: Sequence[float] = OVERLAPS) -> VideoCounts:
    """Compare the labels of one video.

    Args:
        truth: int64 (F,), ``BACKGROUND`` or a class.
        predicted: int64 (F,), likewise.
        overlaps: of ``right``.
    """
    assert truth.shape == predicted.shape, f"{truth.shape} and {predicted.shape} frames"
    true_segments, true_classes = find_label_segments(truth)
    found_segments, found_classes = find_label_segments(predicted)
    return VideoCounts(
        num_frames=len(truth),
        num_correct=int((truth == predicted).sum()),
        edit=compute_edit_score(found_classes.tolist(), true_classes.tolist()),
        right=tuple(count_right(found_segments, found_classes, true_segments, true_classes, k) for k in overlaps),
        num_predicted=len(found_classes),
        num_true=len(true_classes),
    )


def compute_edit_score(predicted: Sequence[int], truth: Sequence[int]) -> float:
    """One minus the Levenshtein distance over the longer length, in [0, 1].

    Example:
        >>> compute_edit_score([1, 2, 3], [1, 3])
        0.6666666666666667
    """
    if not predicted and not truth:
        return 1.0
    above = list(range(len(truth) + 1))
    for row, label in enumerate(predicted, 1):
        current = [row]
        for column, other in enumerate(truth, 1):
            current.append(min(above[column] + 1, current[-1] + 1, above[column - 1] + (label != other)))
        above = current
    return 1 - above[-1] / max(len(predicted), len(truth))


def count_right(
    segments: np.ndarray, classes: np.ndarray, true_segments: np.ndarray, true_classes: np.ndarray, overlap: float
) -> int:
    """Predicted segments, in order of time, whose best segment of their label is near enough and not taken."""
    if not len(true_classes):
        return 0
    taken = np.zeros(len(true_classes), bool)
    for (start, end), label in zip(segments.tolist(), classes.tolist(), strict=True):
        intersection = np.minimum(end, true_segments[:, 1]) - np.maximum(start, true_segments[:, 0])
        union = np.maximum(end, true_segments[:, 1]) - np.minimum(start, true_segments[:, 0])
        iou = np.where(true_classes == label, intersection / union, 0.0)
        best = int(iou.argmax())
        if iou[best] >= overlap and not taken[best]:
            taken[best] = True
    return int(taken.sum())


def compute_scores(videos: Sequence[VideoCounts], overlaps: Sequence[float] = OVERLAPS) -> SegmentationScores:
    """The scores of many videos."""
    return _score(*make_columns(videos, len(overlaps)), np.ones((1, len(videos))), overlaps)[0]


def resample_scores(
    videos: Sequence[VideoCounts], weights: np.ndarray, overlaps: Sequence[float] = OVERLAPS
) -> list[SegmentationScores]:
    """The scores of resamples: ``weights`` (R, V) say how often each has each video."""
    return _score(*make_columns(videos, len(overlaps)), weights, overlaps)


def make_columns(videos: Sequence[VideoCounts], num_overlaps: int) -> tuple[np.ndarray, np.ndarray]:
    """What scores are sums of: float64 (V, 5) plain counts, and (V, k) right segments."""
    counts = [(v.num_frames, v.num_correct, v.edit, v.num_predicted, v.num_true) for v in videos]
    right = [v.right for v in videos]
    return np.array(counts, np.float64).reshape(-1, 5), np.array(right, np.float64).reshape(len(videos), num_overlaps)


def _score(
    counts: np.ndarray, right: np.ndarray, weights: np.ndarray, overlaps: Sequence[float]
) -> list[SegmentationScores]:
    num_videos = weights.sum(axis=1)
    frames, correct, edit, predicted, true = (weights @ counts).T
    right = weights @ right
    with np.errstate(invalid="ignore"):
        accuracy, edit, f1 = correct / frames, edit / num_videos, 2 * right / (predicted + true)[:, None]
    # No segment predicted and none true: nothing is right, as in published code.
    f1 = np.where((predicted + true)[:, None] > 0, f1, 0.0)
    return [
        SegmentationScores(float(accuracy[row]), float(edit[row]), tuple(f1[row].tolist()), tuple(overlaps))
        for row in range(len(weights))
    ]
