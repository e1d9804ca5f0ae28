"""Poses from arrays that know no boxes and no status, as files of other tools hold them."""

from __future__ import annotations

import numpy as np

from finegym.features.pose.poses import FOUND, MISSING, Poses


def make_poses(keypoints: np.ndarray, scores: np.ndarray, width: int, height: int) -> Poses:
    """Poses whose boxes and status follow from the joints.

    A person is there in a frame where at least one joint has a score above 0; its box spans these joints.

    Args:
        keypoints: (M, T, V, 2), x and y in pixels, any float.
        scores: (M, T, V); 0 where a joint was not seen.
        width: of the frame in pixels.
        height: of the frame in pixels.

    Returns:
        Poses with status ``FOUND`` or ``MISSING``; joints of missing persons are 0.
    """
    scores = scores.astype(np.float32)
    seen = np.asarray(scores > 0)  # (M, T, V)
    there = np.asarray(seen.any(axis=-1))  # (M, T)
    keypoints = np.where(there[..., None, None], keypoints, 0).astype(np.float32)
    scores = np.where(there[..., None], scores, 0)
    status = np.where(there, FOUND, MISSING).astype(np.uint8)
    return Poses(keypoints, scores, find_boxes(keypoints, scores), status, width, height)


def find_boxes(keypoints: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The boxes that the seen joints span.

    Args:
        keypoints: (M, T, V, 2), pixels.
        scores: (M, T, V), above 0 where a joint was seen.

    Returns:
        float32 (M, T, 4), x0, y0, x1, y1, half-open (one pixel past the last joint); 0 where no joint was seen.
    """
    seen = (scores > 0)[..., None]
    low = np.where(seen, keypoints, np.inf).min(axis=2)  # (M, T, 2)
    high = np.where(seen, keypoints, -np.inf).max(axis=2) + 1
    there = seen.any(axis=2)  # (M, T, 1)
    return np.where(there, np.concatenate([low, high], axis=-1), 0).astype(np.float32)
