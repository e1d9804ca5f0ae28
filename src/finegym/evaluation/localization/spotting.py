"""Precise spotting: mAP of moments, right to the frame or to a few.

A prediction, the surest first, takes the moment of its class and video that is nearest and not taken yet, if that is no
more than ``tolerance`` frames away; otherwise it is a false positive. AP is the area under the enveloped precision,
divided by all moments, taken or not. Of equal scores the earlier one in the file comes first; of two moments as near,
likewise.

Source: Hong et al., "Spotting Temporally Precise, Fine-Grained Events in Video", ECCV 2022 (E2E-Spot): mAP at
tolerances, and non-maximum suppression within a window of frames.
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
    """Which spots are left when each, the surest first, removes those of its class and video near it: bool (N,).

    Args:
        spots: of equal scores the earlier one in the file comes first.
        window: frames; those at most so far away go. 0 leaves one a frame.
    """
    order = np.lexsort((-spots.scores, spots.frames, spots.class_index, spots.video_index))
    key = np.stack([spots.video_index[order], spots.class_index[order]])
    new = np.append(True, (np.diff(key) != 0).any(axis=0)) if len(order) else np.zeros(0, bool)
    starts = np.append(np.flatnonzero(new), len(order))
    kept = np.zeros(len(order), bool)
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        rows = order[start:stop]
        frames = spots.frames[rows]
        is_free = np.ones(len(rows), bool)
        for place in np.lexsort((rows, -spots.scores[rows])).tolist():
            if is_free[place]:
                kept[rows[place]] = True
                first, last = np.searchsorted(frames, [frames[place] - window, frames[place] + window + 1])
                is_free[first:last] = False
    return kept


def select_spots(spots: Spots, where: np.ndarray) -> Spots:
    """The spots where ``where`` is true; counts of the file stay."""
    return Spots(
        spots.video_index[where],
        spots.frames[where],
        spots.class_index[where],
        spots.scores[where],
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
