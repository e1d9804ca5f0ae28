"""The README's pictures of the app, made by the end-to-end test: small files, from what really happened.

``FINEGYM_README_IMAGES=FOLDER`` says where they go; without it nothing is made.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

IMAGES = Path(os.environ["FINEGYM_README_IMAGES"]) if "FINEGYM_README_IMAGES" in os.environ else None
COLOURS = 128


def keep_image(page: Any, name: str) -> None:
    """What the page shows now, as ``name.png`` with few colours."""
    if IMAGES is None:
        return
    from PIL import Image

    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture = picture.resize((1200, 750), Image.Resampling.LANCZOS)
    few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(IMAGES / f"{name}.png", optimize=True)
