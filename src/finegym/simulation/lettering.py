"""Letters for boards and broadcast graphics: outlines of a real typeface, filled with smooth edges.

OpenCV's own letters are strokes; matplotlib, which finegym needs anyway, carries DejaVu Sans as outlines.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

_OVERSAMPLE = 4


@lru_cache(maxsize=512)
def draw_text(text: str, height_px: int, bold: bool = True) -> np.ndarray:
    """Coverage of a line of text.

    Args:
        text: what to write; letters that the typeface lacks become boxes.
        height_px: height of a capital letter, pixels.
        bold: weight.

    Returns:
        float32 (h, w) in 0..1, read-only, with room for descenders; the baseline is ``round(1.1 * height_px)`` below
        the top.

    Example:
        >>> draw_text("I", 10).shape[0]
        14
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    properties = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    capital = 0.729  # of the em, in DejaVu Sans
    size = height_px / capital
    path = TextPath((0, 0), text or " ", size=size, prop=properties)
    polygons = [np.asarray(polygon, np.float64) for polygon in path.to_polygons(closed_only=True)]
    width = max((float(p[:, 0].max()) for p in polygons), default=size / 3)
    baseline = round(1.1 * height_px)
    shape = (baseline + max(2, round(0.3 * height_px)), int(np.ceil(width)) + 2)
    canvas = np.zeros((shape[0] * _OVERSAMPLE, shape[1] * _OVERSAMPLE), np.uint8)
    outlines = [np.round((polygon * [1, -1] + [1, baseline]) * _OVERSAMPLE).astype(np.int32) for polygon in polygons]
    if outlines:
        cv2.fillPoly(canvas, outlines, 255)  # even-odd: the eye of an "o" stays open
    small = cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    small.flags.writeable = False
    return small


def measure_text(text: str, height_px: int, bold: bool = True) -> int:
    """Width of a line of text in pixels."""
    return draw_text(text, height_px, bold).shape[1]


def write_text(
    image: np.ndarray,
    text: str,
    x: float,
    baseline_y: float,
    height_px: int,
    colour: tuple[float, float, float],
    align: str = "left",
    bold: bool = True,
    opacity: float = 1.0,
) -> None:
    """Write a line of text into a uint8 RGB or RGBA image; what does not fit is cut off.

    Args:
        image: uint8 (H, W, 3 or 4), drawn into; an alpha channel is left alone.
        text: what to write.
        x: left end, middle or right end, by ``align``.
        baseline_y: row of the baseline.
        height_px: height of a capital letter.
        colour: RGB in 0..1.
        align: ``left``, ``middle`` or ``right``.
        bold: weight.
        opacity: 0..1.
    """
    coverage = draw_text(text, height_px, bold)
    left = round(x - {"left": 0.0, "middle": 0.5, "right": 1.0}[align] * coverage.shape[1])
    top = round(baseline_y - round(1.1 * height_px))
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + coverage.shape[0], image.shape[0]), min(left + coverage.shape[1], image.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    weight = coverage[y0 - top : y1 - top, x0 - left : x1 - left, None] * opacity
    patch = image[y0:y1, x0:x1, :3]
    patch[:] = np.rint(patch * (1 - weight) + 255 * np.asarray(colour, np.float32) * weight).astype(np.uint8)
