"""Single frames as image files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from finegym.errors import OutputError
from finegym.files import replace_file


def write_still(path: Path, frame: np.ndarray) -> None:
    """Write a frame as an image; the suffix chooses the format.

    Args:
        path: ``.png``, ``.jpg``, ``.webp`` …
        frame: uint8 (H, W, 3), RGB.

    Raises:
        OutputError: the suffix names no image format, or the file cannot be written.
    """
    path = Path(path)
    try:
        encoded = cv2.imencode(path.suffix, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1] if path.suffix else None
    except cv2.error:
        encoded = None
    if encoded is None:
        raise OutputError(
            f"{path}: expected a name that ends in .png, .jpg or .webp (where films are drawn, .mp4), got "
            f"{path.suffix or 'no suffix'!r}"
        )
    with replace_file(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
