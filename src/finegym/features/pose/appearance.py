"""What the gymnast looks like: the colours of what moves, to know her again in another shot."""

from __future__ import annotations

import cv2
import numpy as np

from finegym.features.pose.motion import MAX_ENERGY
from finegym.features.pose.path import Path

HUE_BINS, SATURATION_BINS = 16, 8
NUM_LOOKS = 9  # samples of a shot that are looked at
LIKENESS_ENERGY = 12.0  # grey levels that colours as in a given box add to the motion of a pixel


def measure_colours(frames: np.ndarray, energy: np.ndarray, path: Path) -> np.ndarray:
    """Histogram of hue and saturation of the moving pixels around a way, in the samples where most moves.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
        energy: uint8 (T, H, W).
        path: the way.

    Returns:
        float32 (16, 8), its sum is 1, or 0 where nothing moves.
    """
    histogram = np.zeros((HUE_BINS, SATURATION_BINS), np.float32)
    for t in np.argsort(-path.energy)[:NUM_LOOKS]:
        x, y = path.centres[t]
        half = path.length / 2
        rows = slice(max(0, int(y - half)), int(y + half) + 1)
        columns = slice(max(0, int(x - half)), int(x + half) + 1)
        histogram += _count_colours(frames[t, rows, columns], energy[t, rows, columns])
    total = histogram.sum()
    return histogram / total if total else histogram


def compare_colours(left: np.ndarray, right: np.ndarray) -> float:
    """How alike two histograms are, 0 to 1: the sum of the smaller shares (Swain and Ballard 1991)."""
    return float(np.minimum(left, right).sum())


def add_likeness(energy: np.ndarray, frames: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Residual motion, and more of it where colours are those of a box in the first frame and not of what is around it.

    Args:
        energy: uint8 (T, H, W).
        frames: uint8 (T, H, W, 3), RGB.
        box: (4,), x0, y0, x1, y1 in the first frame.

    Returns:
        uint8 (T, H, W).
    """
    height, width = energy.shape[1:]
    left, top = (int(np.clip(v, 0, side - 1)) for v, side in zip(box[:2], (width, height), strict=True))
    right, bottom = max(left + 1, int(np.ceil(box[2]))), max(top + 1, int(np.ceil(box[3])))
    inside = _count_colours(frames[0, top:bottom, left:right], None)
    everywhere = _count_colours(frames[0], None)
    ratio = np.divide(inside, everywhere, out=np.zeros_like(inside), where=everywhere > 0)
    bonus = ratio * LIKENESS_ENERGY
    result = np.empty_like(energy)
    for t, frame in enumerate(frames):
        hue, saturation = _bin_colours(frame)
        result[t] = np.clip(energy[t] + bonus[hue, saturation], 0, MAX_ENERGY + LIKENESS_ENERGY)
    return result


def _bin_colours(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hsv = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2HSV)
    return hsv[..., 0].astype(np.int64) * HUE_BINS // 180, hsv[..., 1].astype(np.int64) * SATURATION_BINS // 256


def _count_colours(frame: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    if not frame.size:
        return np.zeros((HUE_BINS, SATURATION_BINS), np.float32)
    hue, saturation = _bin_colours(frame)
    counts = np.bincount(
        (hue * SATURATION_BINS + saturation).ravel(),
        None if weights is None else weights.ravel().astype(np.float64),
        HUE_BINS * SATURATION_BINS,
    )
    return counts.reshape(HUE_BINS, SATURATION_BINS).astype(np.float32)
