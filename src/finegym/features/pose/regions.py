"""Regions of interest: squares and rectangles that turn with the gymnast, and the way into them and back.

A region is ``(centre x, centre y, width, height, angle)``. Centre and sides are in pixels of the frame, the centre of
whose first pixel is (0, 0). The angle says by how many radians the person is turned clockwise on the screen; the crop
shows her upright. The crop of a region is ``width x height`` pixels of its own, and its corners are the region's
corners: pixel *centres* of a crop of n pixels lie at (i + 0.5) / n of the side.
"""

from __future__ import annotations

import cv2
import numpy as np

from finegym.features.pose.model import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER


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
