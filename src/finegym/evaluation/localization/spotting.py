"""Precise spotting: mAP of moments, right to the frame or to a few.

A prediction, the surest first, takes the moment of its class and video that is nearest and not taken yet, if that is no
more than ``tolerance`` frames away; otherwise it is a false positive. AP is the area under the enveloped precision,
divided by all moments, taken or not. Of equal scores the earlier one in the file comes first; of two moments as near,
likewise.

Source: Hong et al., "Spotting Temporally Precise, Fine-Grained Events in Video", ECCV 2022 (E2E-Spot): mAP at
tolerances, and suppression within a window of frames, which compares every spot with all others, gone or not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finegym.errors import ConfigError
from finegym.evaluation.localization.detection_map import DetectionMap, make_map, rank_detections
from finegym.evaluation.localization.matching import Pairs, iterate_pairs, match_pairs
from finegym.evaluation.localization.spots import Spots, SpotTruth

TOLERANCES = (0, 1, 2)


def compute_spotting_map(truth: SpotTruth, spots: Spots, tolerances: Sequence[int] = TOLERANCES) -> DetectionMap:
    """The mAP at every tolerance, in frames; ``thresholds`` of the result are these.

    Args:
        truth: moments to be found.
        spots: in the order of their file.
        tolerances: frames, 0 or more.

    Raises:
        ConfigError: a tolerance is below 0, or there is none.
    """
    if not tolerances or min(tolerances) < 0:
        raise ConfigError(f"tolerances are frames, 0 or more, got {list(tolerances)}")
    num_classes = len(truth.classes)
    ranked, bounds, num_tied = rank_detections(spots.class_index, spots.scores, num_classes, "first")
    pairs = _make_pairs(truth, spots, ranked, max(tolerances))
    return make_map(
        tolerances,
        truth.classes,
        np.bincount(truth.class_index, minlength=num_classes),
        ranked,
        bounds,
        [match_pairs(pairs.select(pairs.value <= t), len(ranked), len(truth.class_index)) for t in tolerances],
        is_ignored=np.zeros(len(ranked), bool),
        num_tied=num_tied,
    )


def suppress_spots(spots: Spots, window: int) -> np.ndarray:
    """The spots that no surer one of their class and video is near.

    As in the published program, a spot that goes still takes others away, of equals in different frames both stay, and
    spots of one frame do not touch each other.

    Args:
        spots: in the order of their file, a video at a time.
        window: frames; nearer than this, or as near, is near.

    Returns:
        int64 (M,), by video in the order of the file, then by frame: what is left, in the order that decides between
        equal scores from here on.
    """
    order = np.lexsort((spots.frames, spots.class_index, spots.video_index))
    columns = np.stack([spots.video_index, spots.class_index, spots.frames])[:, order]
    scores = spots.scores[order]
    if not len(order):
        return order
    is_first = np.append(True, (np.diff(columns) != 0).any(axis=0))
    place = np.cumsum(is_first) - 1  # of a spot among the frames that have any
    (videos, classes, frames), best = columns[:, is_first], np.maximum.reduceat(scores, np.flatnonzero(is_first))
    around = np.full(len(best), -np.inf)
    for step in range(1, min(window, len(best) - 1) + 1):
        near = (videos[step:] == videos[:-step]) & (classes[step:] == classes[:-step])
        near &= frames[step:] - frames[:-step] <= window
        around[step:][near] = np.maximum(around[step:], best[:-step])[near]
        around[:-step][near] = np.maximum(around[:-step], best[step:])[near]
    kept = np.sort(order[scores >= around[place]])
    block = np.cumsum(np.append(False, np.diff(spots.video_index) != 0))
    return kept[np.lexsort((kept, spots.frames[kept], block[kept]))]


def select_spots(spots: Spots, rows: np.ndarray) -> Spots:
    """The spots of ``rows``, in that order; counts of the file stay."""
    return Spots(
        spots.video_index[rows],
        spots.frames[rows],
        spots.class_index[rows],
        spots.scores[rows],
        spots.num_read,
        spots.num_other_labels,
        spots.num_missing_videos,
        spots.problems,
    )


def _make_pairs(truth: SpotTruth, spots: Spots, ranked: np.ndarray, max_tolerance: int) -> Pairs:
    """Spots by place in ``ranked`` and moments of their class and video that are near enough, the nearest first."""
    num_classes = max(len(truth.classes), 1)
    # An event that stands there twice is counted twice, and can be found once.
    columns = np.stack([truth.video_index, truth.class_index, truth.frames])
    moments = np.sort(np.unique(columns, axis=1, return_index=True)[1])
    right_group = truth.video_index[moments] * num_classes + truth.class_index[moments]
    left_group = spots.video_index[ranked] * num_classes + spots.class_index[ranked]
    left_group[spots.video_index[ranked] < 0] = -1
    frames = spots.frames[ranked]
    blocks = []
    for left, right in iterate_pairs(left_group, right_group):
        distance = np.abs(frames[left] - truth.frames[moments[right]])
        near = np.flatnonzero(distance <= max_tolerance)
        near = near[np.lexsort((distance[near], left[near]))]
        blocks.append((left[near], moments[right[near]], distance[near]))
    empty = np.zeros(0, np.int64)
    return Pairs(*map(np.concatenate, zip((empty, empty, empty), *blocks, strict=True)))
