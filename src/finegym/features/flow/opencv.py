"""The two methods of OpenCV that need no weights: DIS, and Farneback's polynomials."""

from __future__ import annotations

import threading

import cv2
import numpy as np

# OpenCV 5 ends the process on smaller frames, at many sizes with a side below 32.
MIN_DIS_SIDE = 32
# For smaller frames an estimator changes its settings, and would keep them for the next frames.
MIN_REUSED_SIDE = 128
PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}

# An estimator keeps buffers and serves one thread at a time.
_estimators = threading.local()


def compute_dis(first: np.ndarray, second: np.ndarray, preset: str = "medium") -> np.ndarray:
    """Dense inverse search: patches first, then a variational refinement.

    A frame with a side below 32 pixels is continued beyond its right and lower border with the border's values.

    Args:
        first: uint8 (H, W), grey.
        second: like ``first``.
        preset: key of ``PRESETS``.

    Returns:
        float32 (H, W, 2), pixels.

    Source:
        Kroeger, Timofte, Dai, Van Gool: Fast optical flow using dense inverse search, ECCV 2016; OpenCV's.
    """
    height, width = first.shape
    missing = [(0, max(0, MIN_DIS_SIDE - height)), (0, max(0, MIN_DIS_SIDE - width))]
    larger = np.pad(first, missing, "edge"), np.pad(second, missing, "edge")
    # None, because an array would be taken for a flow to begin with.
    flow = _get_estimator(preset, larger[0].shape).calc(*larger, None)  # type: ignore[call-overload]
    return np.ascontiguousarray(flow[:height, :width])


def _get_estimator(preset: str, shape: tuple[int, ...]) -> cv2.DISOpticalFlow:
    if min(shape) < MIN_REUSED_SIDE:
        return cv2.DISOpticalFlow.create(PRESETS[preset])
    estimator: cv2.DISOpticalFlow | None = getattr(_estimators, preset, None)
    if estimator is None:
        estimator = cv2.DISOpticalFlow.create(PRESETS[preset])
        setattr(_estimators, preset, estimator)
    return estimator


def compute_farneback(
    first: np.ndarray,
    second: np.ndarray,
    num_scales: int = 4,
    window_size: int = 15,
    num_iterations: int = 3,
    poly_size: int = 5,
    poly_sigma: float = 1.2,
) -> np.ndarray:
    """Displacement of local quadratic polynomials.

    Args:
        first: uint8 (H, W), grey.
        second: like ``first``.
        num_scales: levels of the pyramid, each half the size of the one before.
        window_size: side of the window that is averaged over, pixels.
        num_iterations: on each level.
        poly_size: side of the neighbourhood of a polynomial, pixels.
        poly_sigma: of the Gaussian that weighs the neighbourhood, pixels.

    Returns:
        float32 (H, W, 2), pixels.

    Source:
        Farneback: Two-frame motion estimation based on polynomial expansion, SCIA 2003; OpenCV's.
    """
    start = np.zeros((*first.shape, 2), np.float32)
    flow = cv2.calcOpticalFlowFarneback(
        first, second, start, 0.5, num_scales, window_size, num_iterations, poly_size, poly_sigma, 0
    )
    return np.asarray(flow)
