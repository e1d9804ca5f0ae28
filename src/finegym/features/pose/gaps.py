"""From poses of some frames to poses of all: short gaps are bridged, the rest stays missing, each frame says so."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from finegym.features.pose.poses import FOUND, INTERPOLATED, MISSING, NUM_JOINTS, Poses
from finegym.features.pose.regions import compute_trunk_angle, make_boxes_from_keypoints
from finegym.features.pose.verify import Sight, wrap_angle

BOX_MARGIN = 1.2  # joints lie inside the body: head, hands and feet reach past them
MAX_TURN = np.pi / 2  # between the ends of a gap; straight lines between further turned bodies go through her


def make_poses(
    seen: Sequence[Sight | None], shots: Sequence[int] | np.ndarray, size: tuple[int, int], *, max_gap_frames: int
) -> Poses:
    """The poses of one person.

    A gap of at most ``max_gap_frames`` frames between two found ones of the same shot, whose trunks are turned by less
    than a quarter of a turn from each other, is bridged by straight lines, box and joints; the scores there are the
    smaller ones of both ends. Nothing is added before the first found frame or after the last.

    Args:
        seen: the pose of every frame of a clip, or ``None``.
        shots: number of the shot that each frame belongs to.
        size: height and width of the frame.
        max_gap_frames: 0 bridges nothing.

    Returns:
        M = 1.
    """
    T = len(seen)
    keypoints = np.zeros((T, NUM_JOINTS, 2), np.float32)
    scores = np.zeros((T, NUM_JOINTS), np.float32)
    boxes = np.zeros((T, 4), np.float32)
    status = np.full(T, MISSING, np.uint8)
    for index, sight in enumerate(seen):
        if sight is not None:
            keypoints[index], scores[index], status[index] = sight.keypoints, sight.scores, FOUND
    found = np.flatnonzero(status == FOUND)
    boxes[found] = clip_boxes(make_boxes_from_keypoints(keypoints[found], margin=BOX_MARGIN), size)
    for before, after in pairwise(found.tolist()):
        if not 1 < after - before <= max_gap_frames + 1 or shots[before] != shots[after]:
            continue
        angles = compute_trunk_angle(keypoints[before]), compute_trunk_angle(keypoints[after])
        if abs(wrap_angle(angles[1] - angles[0])) > MAX_TURN:
            continue
        for index in range(before + 1, after):
            part = (index - before) / (after - before)
            for array in (keypoints, boxes):
                array[index] = (1 - part) * array[before] + part * array[after]
            scores[index] = np.minimum(scores[before], scores[after])
            status[index] = INTERPOLATED
    height, width = size
    return Poses(keypoints[None], scores[None], boxes[None], status[None], width, height)


def clip_boxes(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes (N, 4) cut at the edges of the picture."""
    height, width = size
    return np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)


def count_status(poses: Poses) -> dict[str, int]:
    """Frames of each kind, as a feature store counts them."""
    return {
        "frames": poses.num_frames,
        "found": int((poses.status == FOUND).sum()),
        "interpolated": int((poses.status == INTERPOLATED).sum()),
        "missing": int((poses.status == MISSING).sum()),
    }
