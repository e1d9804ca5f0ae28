"""The poses of a clip as plain arrays: what every estimator gives, every store keeps and every dataset reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.simulation.skeleton import COCO_JOINTS

NUM_JOINTS = len(COCO_JOINTS)
MISSING, FOUND, INTERPOLATED = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Poses:
    """2-D poses of M persons in T frames, V = 17 joints in COCO's order.

    Pixels are those of the upright frame as the record has it; the centre of the first pixel is (0, 0).

    Attributes:
        keypoints: float32 (M, T, V, 2), x and y in pixels; 0 where a person is missing.
        scores: float32 (M, T, V) in [0, 1]; 0 where a person is missing.
        boxes: float32 (M, T, 4), x0, y0, x1, y1 of the person, half-open; 0 where missing.
        status: uint8 (M, T): ``MISSING``, ``FOUND`` or ``INTERPOLATED`` (between two found frames of a short gap).
        width: of the frame in pixels.
        height: of the frame in pixels.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    status: np.ndarray
    width: int
    height: int

    def __post_init__(self) -> None:
        M, T = self.status.shape
        assert self.keypoints.shape == (M, T, NUM_JOINTS, 2), self.keypoints.shape
        assert self.scores.shape == (M, T, NUM_JOINTS), self.scores.shape
        assert self.boxes.shape == (M, T, 4), self.boxes.shape

    @property
    def num_frames(self) -> int:
        """T."""
        return int(self.status.shape[1])
