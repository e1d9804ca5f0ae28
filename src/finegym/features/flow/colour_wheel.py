"""Flow as a picture: direction is hue, speed is saturation, nothing that moves is white.

Source:
    Baker, Scharstein, Lewis, Roth, Black and Szeliski, A Database and Evaluation Methodology for Optical Flow (IJCV
    2011), the coding of their figures: 55 hues, unevenly spread because the eye tells reds and greens apart better.
"""

from __future__ import annotations

import numpy as np

# Hues between two corners of the colour cube, in the order of the wheel: red, yellow, green, cyan, blue, magenta, red.
_STEPS = (15, 6, 4, 11, 13, 6)
_CORNERS = ((255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255), (255, 0, 0))
_DIMMED = 0.75  # brightness of what is faster than ``max_px``
_LEAST_PX = 1e-3


def make_colour_wheel() -> np.ndarray:
    """The hues, from red (motion to the right) by yellow (down), cyan (left) and blue (up) back to red.

    Returns:
        float64 (55, 3), RGB of 0 to 255.
    """
    parts = []
    for steps, start, stop in zip(_STEPS, np.array(_CORNERS[:-1]), np.array(_CORNERS[1:]), strict=True):
        way = np.floor(255 * np.arange(steps) / steps)[:, None]
        parts.append(start + np.sign(stop - start) * way)
    return np.concatenate(parts).astype(np.float64)


def draw_flow(field: np.ndarray, max_px: float | None = None) -> np.ndarray:
    """A picture of a flow field.

    Args:
        field: float (H, W, 2), (dx, dy) in pixels per frame.
        max_px: the speed that is drawn in full colour; faster motion is drawn darker. ``None``: the fastest of the
            field.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    field = np.asarray(field, np.float32)
    speed = np.hypot(field[..., 0], field[..., 1])
    if max_px is None:
        max_px = float(speed.max(initial=0.0))
    radius = speed / max(max_px, _LEAST_PX)
    wheel = make_colour_wheel()
    # The published wheel begins at the negated vector's -180 degrees: red is motion to the right, yellow down.
    place = (np.arctan2(-field[..., 1], -field[..., 0]) / np.pi + 1) / 2 * (len(wheel) - 1)
    lower = place.astype(np.int64)
    share = (place - lower)[..., None]
    hue = (1 - share) * wheel[lower] + share * wheel[(lower + 1) % len(wheel)]
    inside = (radius <= 1)[..., None]
    colour = np.where(inside, 255 - radius[..., None] * (255 - hue), _DIMMED * hue)
    return np.floor(colour).astype(np.uint8)


def draw_legend(height: int = 120, width: int | None = None) -> np.ndarray:
    """The wheel itself: the colour of every motion up to the full one, which is at the rim.

    Args:
        height: of the picture in pixels.
        width: of the picture in pixels; as its height by default. The wheel is as large as fits, in the middle.

    Returns:
        uint8 (height, width, 3), RGB, white outside of the wheel.
    """
    width = width or height
    y, x = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    field = np.stack([x, y], -1) * (2 / max(1, min(height, width) - 1))
    picture = draw_flow(field, 1.0)
    picture[np.hypot(field[..., 0], field[..., 1]) > 1] = 255
    return picture
