"""What the outputs of top-down pose networks mean: SimCC, heatmaps, or keypoints outright."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from finegym.features.pose.poses import NUM_JOINTS

Head = Literal["simcc", "heatmaps", "keypoints"]
COCO_FIRST = (17, 26, 133)  # COCO, Halpe26 and COCO-WholeBody: the first 17 joints are COCO's in all three


def find_head(shapes: Sequence[tuple[int, ...]], size: tuple[int, int]) -> tuple[Head, tuple[int, ...]] | None:
    """Which outputs of a network hold its poses.

    Args:
        shapes: of the outputs for one picture.
        size: width and height of the input in pixels.

    Returns:
        The form and the indices of its outputs (SimCC: x, then y), or None where it is none that is known.
    """
    width, height = size
    joints = [index for index, shape in enumerate(shapes) if len(shape) >= 3 and shape[:1] == (1,)]
    bins = [i for i in joints if len(shapes[i]) == 3 and shapes[i][1] in COCO_FIRST and shapes[i][2] > 3]
    for x in bins:
        for y in bins:
            # The same number of bins a pixel along both axes; in a square the first output is x.
            if x != y and shapes[x][2] * height == shapes[y][2] * width:
                return "simcc", (x, y)
    for index in joints:
        shape = shapes[index]
        if len(shape) == 4 and shape[1] in COCO_FIRST and shape[2] * width == shape[3] * height:
            return "heatmaps", (index,)
        if len(shape) == 3 and shape[1] in COCO_FIRST and shape[2] == 3:
            return "keypoints", (index,)
    return None


def decode_simcc(x: np.ndarray, y: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints of one-dimensional classification along each axis: the best bin of either.

    Args:
        x: float32 (K, bins of the width).
        y: float32 (K, bins of the height).
        size: width and height of the input in pixels.

    Returns:
        float64 (17, 2) in pixels of the input; float64 (17,), the lower of both peaks, in [0, 1].

    Source:
        Li et al. 2022, "SimCC"; the score as in Jiang et al. 2023, "RTMPose".
    """
    x, y = x[:NUM_JOINTS], y[:NUM_JOINTS]
    points = np.column_stack([x.argmax(axis=1) * size[0] / x.shape[1], y.argmax(axis=1) * size[1] / y.shape[1]])
    return points, np.clip(np.minimum(x.max(axis=1), y.max(axis=1)).astype(np.float64), 0, 1)


def decode_heatmaps(
    heatmaps: np.ndarray, size: tuple[int, int], *, align_corners: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints of heatmaps: the highest cell, moved by a quarter of a cell towards the higher neighbour.

    Args:
        heatmaps: float32 (K, h, w).
        size: width and height of the input in pixels.
        align_corners: whether the first and last cells lie on the first and last pixels (networks trained with "UDP",
            as ViTPose); otherwise cell 0 lies on pixel 0 and cells are a whole stride apart (HRNet, SimpleBaseline).

    Returns:
        float64 (17, 2) in pixels of the input; float64 (17,), the peaks, in [0, 1].

    Source:
        Newell et al. 2016, "Stacked hourglass networks" (the quarter); Huang et al. 2020, "UDP".
    """
    heatmaps = heatmaps[:NUM_JOINTS].astype(np.float64)
    K, height, width = heatmaps.shape
    rows, columns = np.divmod(heatmaps.reshape(K, -1).argmax(axis=1), width)
    padded = np.pad(heatmaps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    joints = np.arange(K)
    slope_x = padded[joints, rows + 1, columns + 2] - padded[joints, rows + 1, columns]
    slope_y = padded[joints, rows + 2, columns + 1] - padded[joints, rows, columns + 1]
    # At an edge one neighbour is the peak itself: what is moved towards does not exist.
    is_inner = [(columns > 0) & (columns < width - 1), (rows > 0) & (rows < height - 1)]
    cells = np.column_stack(
        [columns + 0.25 * np.sign(slope_x) * is_inner[0], rows + 0.25 * np.sign(slope_y) * is_inner[1]]
    )
    stride = np.array(size) / (width, height)
    if align_corners:
        stride = (np.array(size) - 1) / (max(width - 1, 1), max(height - 1, 1))
    return cells * stride, np.clip(heatmaps.max(axis=(1, 2)), 0, 1)


def decode_keypoints(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints as they are given: (K, 3), x and y in pixels of the input, and a score."""
    values = values[:NUM_JOINTS].astype(np.float64)
    return values[:, :2], np.clip(values[:, 2], 0, 1)
