"""Flow as one byte a component, as published flow is: bounded, and spread over 0 to 255.

Two-stream networks are trained on such images, and what was trained on them must be fed with them. The code of no
motion is 128, which stands for +0.078 px: 0 lies half-way between 127 and 128, and published tools round up.

Source:
    Wang et al., Temporal Segment Networks (ECCV 2016), released extraction code (dense_flow): bound 20, and
    ``round(255 * (v + 20) / 40)`` between the bounds, 0 and 255 outside.
"""

from __future__ import annotations

import numpy as np

BOUND_PX = 20.0
STEP_PX = 2 * BOUND_PX / 255  # 0.157: what is inside of the bound is off by half of it at most
ZERO_CODE = 128


def quantise(fields: np.ndarray) -> np.ndarray:
    """Flow as bytes.

    Args:
        fields: float (..., 2), pixels per frame, all finite.

    Returns:
        uint8, the same shape; what lies beyond ±20 px becomes 0 or 255.

    Example:
        >>> quantise(np.array([-25.0, -20.0, 0.0, 0.1, 20.0]))
        array([  0,   0, 128, 128, 255], dtype=uint8)
    """
    scaled = (np.asarray(fields, np.float32) + np.float32(BOUND_PX)) * np.float32(1 / STEP_PX)
    return np.rint(scaled, out=scaled).clip(0, 255).astype(np.uint8)


def dequantise(codes: np.ndarray) -> np.ndarray:
    """The flow that bytes stand for.

    Args:
        codes: uint8 (..., 2).

    Returns:
        float32, the same shape, pixels per frame in [-20, 20].

    Example:
        >>> dequantise(np.array([0, 127, 128, 255], np.uint8)).round(2)
        array([-20.  ,  -0.08,   0.08,  20.  ], dtype=float32)
    """
    return _VALUES[codes]


def count_clipped(fields: np.ndarray) -> int:
    """How many components lie beyond the bound, and lose what exceeds it.

    Args:
        fields: float (..., 2), pixels per frame.
    """
    return int(np.count_nonzero(np.abs(fields) > BOUND_PX))


_VALUES = (np.arange(256) * STEP_PX - BOUND_PX).astype(np.float32)
