"""From planes to RGB with the matrix that a file names.

swscale's own last step rounds down (pictures get darker by 1 of 255), interpolates no chroma where sizes are equal, and
takes three times as long.
"""

from __future__ import annotations

from functools import cache

import av
import cv2
import numpy as np

# Weights of red and blue in luma by ITU-T H.273 (MatrixCoefficients); files that name none are taken as BT.601.
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601
    6: (0.299, 0.114),
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),
}
FULL_RANGE = 2  # AVColorRange


@cache
def build_matrix(colour_matrix: int, is_full_range: bool) -> np.ndarray:
    """float64 (3, 4): RGB, 0 to 255, from (Y, U, V, 1) as coded.

    Args:
        colour_matrix: as numbered by ITU-T H.273.
        is_full_range: whether planes use 0 to 255 rather than 16 to 235 (chroma: 240).

    Example:
        >>> build_matrix(1, False)[:, :3].round(3)
        array([[ 1.164,  0.   ,  1.793],
               [ 1.164, -0.213, -0.533],
               [ 1.164,  2.112,  0.   ]])
    """
    red, blue = LUMA_WEIGHTS.get(colour_matrix, LUMA_WEIGHTS[5])
    green = 1 - red - blue
    matrix = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
            [1, 2 * (1 - blue), 0],
        ]
    )
    if not is_full_range:
        matrix = matrix * [255 / 219, 255 / 224, 255 / 224]
    shift = -matrix @ [0 if is_full_range else 16, 128, 128]
    return np.column_stack([matrix, shift])


def write_rgb(frame: av.VideoFrame, out: np.ndarray, between: np.ndarray) -> None:
    """RGB of a frame with full chroma.

    Args:
        frame: ``yuv444p`` or ``yuvj444p``; it says its matrix and range.
        out: uint8 (H, W, 3), contiguous; takes the result.
        between: uint8 (H, W, 3), contiguous; room to work in, so that no memory is asked for.
    """
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        planes.append(rows[:, : plane.width])
    matrix = build_matrix(int(frame.colorspace), frame.color_range == FULL_RANGE)
    cv2.transform(cv2.merge(planes, dst=between), matrix, dst=out)
