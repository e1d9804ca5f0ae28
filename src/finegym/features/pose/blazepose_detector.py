"""BlazePose's person detector as arrays: its anchors, what its numbers mean, and which of them are one person.

The network sees the whole picture at 224 pixels and gives, for each of 2254 anchors, a score, a box around the head and
four points, of which two matter here: the middle of the hips, and a point on the circle around the whole body, in the
direction of the head. They say where she is, how large and how she is turned.

Source: Bazarevsky et al. 2020, "BlazePose: On-device real-time body pose tracking", section 2.1; the constants are
those with which MediaPipe runs the file.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from finegym.features.pose.regions import compute_box_iou

INPUT_SIDE = 224
NUM_ANCHORS = 2254
NUM_VALUES = 12  # box (4), then x and y of four points
STRIDES = (8, 16, 32, 32, 32)
ANCHORS_PER_LAYER = 2
MAX_LOGIT = 100.0
SAME_PERSON_IOU = 0.3
HIPS, CIRCLE = 0, 1


@cache
def compute_anchors() -> np.ndarray:
    """Centres of the anchors, float32 (2254, 2), x and y in [0, 1] of the input.

    Every layer puts two anchors on each cell of its grid; layers of one stride follow each other cell by cell. Anchors
    have no size: the network gives boxes in pixels of its input.
    """
    parts = []
    for stride in dict.fromkeys(STRIDES):
        side = INPUT_SIDE // stride
        centres = (np.arange(side) + 0.5) / side
        grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
        parts.append(np.repeat(grid, ANCHORS_PER_LAYER * STRIDES.count(stride), axis=0))
    anchors = np.concatenate(parts).astype(np.float32)
    anchors.flags.writeable = False
    return anchors


def decode_detections(raw: np.ndarray, logits: np.ndarray, min_score: float) -> tuple[np.ndarray, np.ndarray]:
    """Points and scores of the anchors that reach ``min_score``.

    Args:
        raw: float32 (2254, 12), in pixels of the input from the anchor: centre x, y, width and height of the head's
            box, then four points.
        logits: float32 (2254,).
        min_score: in [0, 1].

    Returns:
        float64 (N, 12) in [0, 1] of the input: x0, y0, x1, y1 of the head, then x, y of four points; float64 (N,).
    """
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -MAX_LOGIT, MAX_LOGIT)))
    rows = np.flatnonzero(scores >= min_score)
    values = raw[rows].astype(np.float64) / INPUT_SIDE
    anchors = compute_anchors()[rows]
    centres, sides = values[:, :2] + anchors, values[:, 2:4]
    points = values[:, 4:].reshape(-1, 4, 2) + anchors[:, None]
    boxes = np.column_stack([centres - sides / 2, centres + sides / 2])
    return np.column_stack([boxes, points.reshape(-1, 8)]), scores[rows]


def merge_detections(values: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted non-maximum suppression: what overlaps the best box is averaged with it, each by its score.

    Args:
        values: float64 (N, 12), boxes first, as ``decode_detections`` gives them.
        scores: float64 (N,).

    Returns:
        The same of the persons, the best score first; a person has the score of her best box.
    """
    left = np.argsort(-scores, kind="stable")
    persons, best = [], []
    while left.size:
        overlap = compute_box_iou(values[left[:1], :4], values[left, :4])[0]
        same = overlap > SAME_PERSON_IOU
        same[0] = True  # a box without area overlaps nothing, not even itself
        group = left[same]
        persons.append(np.average(values[group], axis=0, weights=scores[group]))
        best.append(scores[group[0]])
        left = left[~same]
    return np.array(persons).reshape(-1, NUM_VALUES), np.array(best)


def compute_circle_roi(hips: np.ndarray, circle: np.ndarray, margin: float) -> np.ndarray:
    """The square around a person's circle, turned as she is.

    Args:
        hips: (2,), the middle of the hips in pixels.
        circle: (2,), the point of the circle on her head's side.
        margin: factor of the circle's diameter.

    Returns:
        float64 (5,), as in ``regions``.
    """
    x, y = circle - hips
    side = max(2 * float(np.hypot(x, y)) * margin, 1.0)
    return np.array([hips[0], hips[1], side, side, np.arctan2(x, -y)])
