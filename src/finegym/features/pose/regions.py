"""Regions of interest: squares and rectangles that turn with the gymnast, and the way into them and back.

A region is ``(centre x, centre y, width, height, angle)``. Centre and sides are in pixels of the frame, the centre of
whose first pixel is (0, 0). The angle says by how many radians the person is turned clockwise on the screen; the crop
shows her upright. The crop of a region is ``width x height`` pixels of its own, and its corners are the region's
corners: pixel *centres* of a crop of n pixels lie at (i + 0.5) / n of the side.
"""

from __future__ import annotations

import cv2
import numpy as np

from finegym.features.pose.model import (
    LEFT_HIP,
    LEFT_SHOULDER,
    RIGHT_HIP,
    RIGHT_SHOULDER,
    Detections,
    Estimates,
    PoseModel,
    check_frame,
    make_no_detections,
)

MERGE_IOU = 0.5


def compute_crop_matrix(roi: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The affine map from pixels of a crop to pixels of the frame, float64 (2, 3).

    Args:
        roi: (5,).
        size: width and height of the crop in pixels.
    """
    x, y, width, height, angle = np.asarray(roi, np.float64)
    scale = np.diag([width / size[0], height / size[1]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ scale
    middle = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    return np.column_stack([linear, np.array([x, y]) - linear @ middle])


def crop_region(frame: np.ndarray, roi: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut a region out of a frame, turned upright, black outside the frame.

    Shrinking by more than two would skip pixels under bilinear sampling, so that the frame is first averaged down.

    Args:
        frame: uint8 (H, W, 3).
        roi: (5,).
        size: width and height of the crop in pixels.

    Returns:
        uint8 (height, width, 3).
    """
    matrix = compute_crop_matrix(roi, size)
    shrink = int(min(roi[2] / size[0], roi[3] / size[1], *frame.shape[:2]))
    if shrink >= 2:
        height, width = (max(1, side // shrink) for side in frame.shape[:2])
        frame = cv2.resize(frame[: height * shrink, : width * shrink], (width, height), interpolation=cv2.INTER_AREA)
        matrix = matrix / shrink
        matrix[:, 2] += 0.5 / shrink - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(frame, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0))


def map_to_frame(points: np.ndarray, roi: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels of a crop as pixels of the frame; float64 (..., 2)."""
    matrix = compute_crop_matrix(roi, size)
    return points @ matrix[:, :2].T + matrix[:, 2]


def map_to_crop(points: np.ndarray, roi: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels of the frame as pixels of a crop; float64 (..., 2)."""
    matrix = compute_crop_matrix(roi, size)
    return (points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


def make_rois_from_boxes(boxes: np.ndarray, angles: np.ndarray | float = 0.0, *, margin: float = 1.25) -> np.ndarray:
    """Regions around upright boxes of persons.

    A turned person is looked for in a square: how far her box reaches in her own directions is not known.

    Args:
        boxes: (N, 4), x0, y0, x1, y1 in pixels, half-open.
        angles: radians clockwise, one a box or one for all.
        margin: factor of the sides.

    Returns:
        float32 (N, 5).
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    angles = np.broadcast_to(np.asarray(angles, np.float64), len(boxes))
    # A half-open box [x0, x1) covers pixel centres x0 to x1 - 1.
    centres = (boxes[:, :2] + boxes[:, 2:] - 1) / 2
    sides = (boxes[:, 2:] - boxes[:, :2]) * margin
    longest = sides.max(axis=1, keepdims=True)
    sides = np.where(angles[:, None] == 0, sides, longest)
    return np.column_stack([centres, sides, angles]).astype(np.float32)


def compute_trunk_angle(keypoints: np.ndarray) -> float:
    """By how many radians a person is turned clockwise: from the middle of the hips to that of the shoulders.

    Args:
        keypoints: (V, 2), COCO's order.

    Returns:
        In (-pi, pi]; 0 for a trunk without length.
    """
    x, y = (keypoints[[LEFT_SHOULDER, RIGHT_SHOULDER]].mean(0) - keypoints[[LEFT_HIP, RIGHT_HIP]].mean(0)).tolist()
    return float(np.arctan2(x, -y)) if x or y else 0.0


def make_roi_from_keypoints(keypoints: np.ndarray, *, angle: float | None = None, margin: float = 1.25) -> np.ndarray:
    """The region around a pose, in the directions of its trunk.

    Args:
        keypoints: (V, 2), COCO's order.
        angle: radians clockwise; None takes the trunk's.
        margin: factor of the sides.

    Returns:
        float32 (5,); sides are at least one pixel.
    """
    angle = compute_trunk_angle(keypoints) if angle is None else angle
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    upright = keypoints @ turn
    low, high = upright.min(axis=0), upright.max(axis=0)
    sides = np.maximum((high - low) * margin, 1)
    return np.array([*(turn @ ((low + high) / 2)), *sides, angle], np.float32)


def make_boxes_from_keypoints(keypoints: np.ndarray, *, margin: float = 1.0) -> np.ndarray:
    """Upright boxes around poses, half-open.

    Args:
        keypoints: (N, V, 2).
        margin: factor of the sides.

    Returns:
        float32 (N, 4).
    """
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    grow = (high - low) * (margin - 1) / 2
    return np.column_stack([low - grow, high + grow + 1]).astype(np.float32).reshape(-1, 4)


def compute_box_iou(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Intersection over union of every left box with every right one, (N, M); boxes without area score 0."""
    low = np.maximum(left[:, None, :2], right[None, :, :2])
    high = np.minimum(left[:, None, 2:], right[None, :, 2:])
    inter = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1) for boxes in (left, right)]
    union = areas[0][:, None] + areas[1][None] - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def suppress_doubles(found: Detections, max_iou: float = MERGE_IOU) -> Detections:
    """Greedy non-maximum suppression: of boxes that overlap by more than ``max_iou`` the best score stays."""
    order = np.argsort(-found.scores, kind="stable")
    overlaps = compute_box_iou(found.boxes, found.boxes) > max_iou
    kept: list[int] = []
    for row in order:
        if not overlaps[row, kept].any():
            kept.append(int(row))
    return found.take(np.array(kept, np.int64))


def make_tiles(height: int, width: int, rows: int, columns: int, *, overlap: float = 0.25) -> np.ndarray:
    """Tiles that cover a frame, each overlapping its neighbours by a share of its side.

    Returns:
        int64 (rows * columns, 4), x0, y0, x1, y1, half-open.
    """

    def cut(length: int, number: int) -> list[tuple[int, int]]:
        side = length / (number - (number - 1) * overlap)
        starts = [round(index * side * (1 - overlap)) for index in range(number)]
        return [(start, min(length, start + int(np.ceil(side)))) for start in starts]

    return np.array([(x0, y0, x1, y1) for y0, y1 in cut(height, rows) for x0, x1 in cut(width, columns)], np.int64)


def detect_in_tiles(
    model: PoseModel, frame: np.ndarray, tiles: np.ndarray, *, min_score: float = 0.5, max_iou: float = MERGE_IOU
) -> Detections:
    """Detect in parts of a frame, where persons are larger, and merge what several parts have found.

    Args:
        model: detects.
        frame: uint8 (H, W, 3), RGB.
        tiles: (R, 4), x0, y0, x1, y1 in whole pixels, half-open; what lies outside the frame is left out.
        min_score: persons below it are left out.
        max_iou: of boxes that overlap more, the best stays.
    """
    check_frame(frame)
    parts = []
    height, width = frame.shape[:2]
    for x0, y0, x1, y1 in np.asarray(tiles, np.int64):
        left, top = max(0, int(x0)), max(0, int(y0))
        part = frame[top : min(height, int(y1)), left : min(width, int(x1))]
        if part.size:
            found = model.detect(np.ascontiguousarray(part), min_score=min_score)
            shift = np.array([left, top], np.float32)
            rois = np.column_stack([found.rois[:, :2] + shift, found.rois[:, 2:]])
            parts.append(Detections(found.boxes + np.tile(shift, 2), found.scores, rois))
    if not parts:
        return make_no_detections()
    joined = Detections(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("boxes", "scores", "rois")))
    return suppress_doubles(joined, max_iou)


def estimate_whole_frame(
    model: PoseModel, frame: np.ndarray, *, min_score: float = 0.5, min_presence: float = 0.5
) -> Estimates:
    """What MediaPipe does with a still: the pose of the best detection of the whole frame, or none.

    What tracking has to beat: no crop, no memory, whoever is most conspicuous.

    Args:
        model: detects.
        frame: uint8 (H, W, 3), RGB.
        min_score: of the detection.
        min_presence: of the pose.

    Returns:
        One pose or none.
    """
    found = model.detect(frame, min_score=min_score)
    poses = model.estimate(frame, found.rois[:1])
    return poses.take(np.flatnonzero(poses.presence >= min_presence))
