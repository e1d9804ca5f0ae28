"""What moves against the background while the camera pans, tilts and zooms: where a gymnast is looked for.

Frames are small and grey. Between neighbours the camera's motion is a similarity of the plane, from corners followed by
Lucas-Kanade (Bouguet 2000) and RANSAC. A pixel's residual motion is its difference from frames before *and* after,
brought into its place: the smaller of the two, so that neither ghost (where somebody was, where she will be) remains,
less what a misfit of a pixel would make of the picture's own edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

MAX_CORNERS = 150
MIN_CORNERS = 12  # below, the camera is taken to stand still: better than a wild guess from a few points
CORNER_QUALITY = 0.01  # of the best corner; OpenCV's usual choice
RANSAC_PIXELS = 1.0
NOISE_LEVELS = 6.0  # grey levels that compression and noise change
MISFIT_PIXELS = 0.8  # by which a background may be out of place
MAX_ENERGY = 40.0  # grey levels; a white leotard is no more of a gymnast than a grey one


def estimate_camera(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How the background moves from one small frame to the next.

    Args:
        first: uint8 (H, W), grey.
        second: uint8 (H, W), grey.

    Returns:
        float64 (3, 3): pixels of ``first`` to pixels of ``second``: rotation, uniform scale and shift. The identity
        where too few corners are found (a blank picture, a cut).
    """
    corners = cv2.goodFeaturesToTrack(first, MAX_CORNERS, CORNER_QUALITY, 7, blockSize=5)
    if corners is None or len(corners) < MIN_CORNERS:
        return np.eye(3)
    moved, is_found, _ = cv2.calcOpticalFlowPyrLK(first, second, corners, np.empty_like(corners), winSize=(15, 15))
    kept = is_found[:, 0] == 1
    if kept.sum() < MIN_CORNERS:
        return np.eye(3)
    matrix, inliers = cv2.estimateAffinePartial2D(
        corners[kept], moved[kept], method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PIXELS, maxIters=200
    )
    if matrix is None or inliers.sum() < MIN_CORNERS or not 0.5 < np.hypot(matrix[0, 0], matrix[1, 0]) < 2.0:
        return np.eye(3)
    return np.vstack([matrix, [0.0, 0.0, 1.0]])


def estimate_cameras(frames: np.ndarray) -> np.ndarray:
    """The camera's motion to every frame from the one before.

    Args:
        frames: uint8 (T, H, W), grey, of one shot.

    Returns:
        float64 (T, 3, 3) as from ``estimate_camera``; the first is the identity.
    """
    steps = [np.eye(3)] + [estimate_camera(a, b) for a, b in pairwise(frames)]
    return np.stack(steps)


def compute_motion_energy(frames: np.ndarray, cameras: np.ndarray, lags: Sequence[int] = (2, 4)) -> np.ndarray:
    """Residual motion of every pixel: what the camera's motion does not explain.

    Args:
        frames: uint8 (T, H, W), grey, of one shot.
        cameras: float64 (T, 3, 3) from ``estimate_cameras``.
        lags: frames between those that are compared: short ones for a fast body, long ones for a slow one; the larger
            energy counts.

    Returns:
        uint8 (T, H, W), grey levels from 0 to ``MAX_ENERGY``; zero for a still clip or a single frame.
    """
    T, H, W = frames.shape
    chain = [np.eye(3)]
    for step in cameras[1:]:
        chain.append(step @ chain[-1])
    smooth = [cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in frames]
    energy = np.zeros((T, H, W), np.uint8)
    for t in range(T):
        most = np.zeros((H, W), np.float32)
        for lag in lags:
            others = [other for other in (max(0, t - lag), min(T - 1, t + lag)) if other != t]
            changes = [_compare(smooth[t], smooth[other], chain[t] @ np.linalg.inv(chain[other])) for other in others]
            if changes:
                most = np.maximum(most, np.minimum.reduce(changes))
        energy[t] = np.clip(most - NOISE_LEVELS - MISFIT_PIXELS * _measure_slope(smooth[t]), 0.0, MAX_ENERGY)
    return energy


def _compare(frame: np.ndarray, other: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """float32 (H, W): absolute difference from another frame brought into place; 0 outside that frame."""
    size = frame.shape[::-1]
    placed = cv2.warpAffine(other, matrix[:2], size)
    inside = cv2.warpAffine(np.full_like(other, 255), matrix[:2], size, flags=cv2.INTER_NEAREST)
    return cv2.bitwise_and(cv2.absdiff(frame, placed), inside).astype(np.float32)


def _measure_slope(frame: np.ndarray) -> np.ndarray:
    """float32 (H, W): grey levels that a pixel's edge is steep, the steepest within a pixel."""
    across = cv2.Sobel(frame, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(frame, cv2.CV_32F, 0, 1, scale=1 / 8)
    return cv2.dilate(cv2.magnitude(across, down), np.ones((3, 3), np.uint8))
