"""What every pose model gives, as plain arrays, so that tracking does not know which model it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from finegym.errors import FeatureError
from finegym.features.pose.poses import NUM_JOINTS

LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 5, 6, 11, 12


@dataclass(frozen=True, eq=False)
class Detections:
    """N persons of a frame, the best score first.

    Attributes:
        boxes: float32 (N, 4), x0, y0, x1, y1 in pixels of the frame, half-open; may reach past its edges.
        scores: float32 (N,) in [0, 1].
        rois: float32 (N, 5), where to look for the pose: centre x and y, width, height, and the angle in radians by
            which the person is turned clockwise on the screen (0 upright, pi upside down); see ``regions``.
    """

    boxes: np.ndarray
    scores: np.ndarray
    rois: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: np.ndarray) -> Detections:
        """The detections of some rows, in their order."""
        return Detections(self.boxes[rows], self.scores[rows], self.rois[rows])


@dataclass(frozen=True, eq=False)
class Estimates:
    """One pose a region of interest, V = 17 joints in COCO's order.

    Attributes:
        keypoints: float32 (N, V, 2), x and y in pixels of the frame.
        scores: float32 (N, V) in [0, 1].
        presence: float32 (N,) in [0, 1], how sure the model is that a person is there at all. BlazePose says it
            (published threshold 0.5); for other models it is the mean of the scores.
        rois: float32 (N, 5), where to look in the next frame, as in ``Detections``.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    presence: np.ndarray
    rois: np.ndarray

    def __len__(self) -> int:
        return len(self.presence)

    def take(self, rows: np.ndarray) -> Estimates:
        """The poses of some rows, in their order."""
        return Estimates(self.keypoints[rows], self.scores[rows], self.presence[rows], self.rois[rows])


class PoseModel(Protocol):
    """A pose model. It is picklable and opens its files when it is first used, once in each process.

    Attributes:
        name: goes into the settings of a store.
        can_detect: whether ``detect`` works; a model that cannot find persons by itself raises a ``ConfigError``.
    """

    @property
    def name(self) -> str: ...

    @property
    def can_detect(self) -> bool: ...

    def detect(self, frame: np.ndarray, *, min_score: float = 0.5) -> Detections:
        """Persons in a frame.

        Args:
            frame: uint8 (H, W, 3), RGB.
            min_score: persons below it are left out.
        """
        ...

    def estimate(self, frame: np.ndarray, rois: np.ndarray) -> Estimates:
        """The pose in every region of interest.

        Args:
            frame: uint8 (H, W, 3), RGB.
            rois: float (N, 5) as in ``Detections``; may reach past the frame's edges.
        """
        ...


def make_no_detections() -> Detections:
    """Nobody."""
    return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5), np.float32))


def join_estimates(parts: list[tuple[np.ndarray, np.ndarray, float, np.ndarray]]) -> Estimates:
    """Estimates of (keypoints (V, 2), scores (V,), presence, next roi (5,)) each; none is fine."""
    return Estimates(
        np.array([part[0] for part in parts], np.float32).reshape(-1, NUM_JOINTS, 2),
        np.array([part[1] for part in parts], np.float32).reshape(-1, NUM_JOINTS),
        np.array([part[2] for part in parts], np.float32),
        np.array([part[3] for part in parts], np.float32).reshape(-1, 5),
    )


def check_frame(frame: np.ndarray) -> None:
    """Refuse what is no RGB frame.

    Raises:
        FeatureError: not uint8 (H, W, 3), or empty; the message says what was given.
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        raise FeatureError(
            f"a frame for a pose model is uint8 (H, W, 3) in RGB, got {frame.dtype} {frame.shape}; "
            "repeat a grey frame three times: np.repeat(grey[..., None], 3, axis=2)"
        )


def check_rois(rois: np.ndarray) -> np.ndarray:
    """Regions as float64 (N, 5).

    Raises:
        FeatureError: another shape, a number that is not finite, or a side that is not positive; names the row.
    """
    rois = np.asarray(rois, np.float64)
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise FeatureError(f"regions are (N, 5): centre x, centre y, width, height, angle; got {rois.shape}")
    bad = np.flatnonzero(~np.isfinite(rois).all(axis=1) | (rois[:, 2:4] <= 0).any(axis=1))
    if bad.size:
        raise FeatureError(f"region {bad[0]} is {rois[bad[0]].tolist()}: numbers are finite, width and height positive")
    return rois
