"""Frames as pictures for a page: encoding, and sheets of labelled frames."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_LABEL_HEIGHT = 22
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def encode_jpeg(frame: np.ndarray, quality: int = 82) -> bytes:
    """JPEG bytes of a frame.

    Args:
        frame: uint8 (H, W, 3), RGB.
        quality: 0 to 100.
    """
    assert frame.dtype == np.uint8 and frame.ndim == 3, f"a frame is uint8 (H, W, 3), got {frame.dtype} {frame.shape}"
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def draw_sheet(
    frames: Sequence[np.ndarray],
    labels: Sequence[str],
    *,
    columns: int,
    tile_width: int = 240,
    colours: Sequence[tuple[int, int, int]] | None = None,
) -> np.ndarray:
    """Frames side by side, each with a line of text under it.

    Args:
        frames: uint8 (H, W, 3) each, RGB; any sizes, scaled to one width and padded at the bottom to one height.
        labels: one a frame; text wider than a tile is shortened.
        columns: tiles in a row.
        tile_width: pixels.
        colours: RGB of each label's background; dark grey by default.

    Returns:
        uint8 (H, W, 3), RGB, white where there is no tile.
    """
    assert len(frames) == len(labels) > 0
    scaled = [
        cv2.resize(f, (tile_width, max(1, round(f.shape[0] * tile_width / f.shape[1]))), interpolation=cv2.INTER_AREA)
        for f in frames
    ]
    tile_height = max(tile.shape[0] for tile in scaled) + _LABEL_HEIGHT
    rows = -(-len(frames) // columns)
    gap = 4
    sheet = np.full((rows * (tile_height + gap) - gap, columns * (tile_width + gap) - gap, 3), 255, np.uint8)
    for index, (tile, label) in enumerate(zip(scaled, labels, strict=True)):
        top, left = (index // columns) * (tile_height + gap), (index % columns) * (tile_width + gap)
        sheet[top : top + tile.shape[0], left : left + tile_width] = tile
        colour = colours[index] if colours else (45, 50, 56)
        bottom = top + tile_height
        sheet[bottom - _LABEL_HEIGHT : bottom, left : left + tile_width] = colour
        text = _shorten(label, tile_width - 10)
        cv2.putText(sheet, text, (left + 5, bottom - 7), _FONT, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return sheet


def _shorten(text: str, width: int) -> str:
    # Hershey fonts draw ASCII only; the id or name is beside the picture in full.
    text = text.encode("ascii", "replace").decode()
    while text and cv2.getTextSize(text, _FONT, 0.4, 1)[0][0] > width:
        text = text[:-4] + "..." if len(text) > 4 else text[:-1]
    return text
