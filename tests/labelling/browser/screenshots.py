"""The README's pictures of the app, made by the end-to-end test: small files, from what really happened.

``FINEGYM_README_IMAGES=FOLDER`` says where they go; without it nothing is made.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

IMAGES = Path(os.environ["FINEGYM_README_IMAGES"]) if "FINEGYM_README_IMAGES" in os.environ else None
SIZE = (1200, 750)
VIDEO = (0, 36, 890, 640)  # where the work bench shows the video, its stills and the filmstrip
NUM_COLOURS = 96  # each for the video and the page around it


def keep_image(page: Any, name: str) -> None:
    """What the page shows now, as ``name.png`` with few colours."""
    if IMAGES is None:
        return
    from PIL import Image

    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
    # The page's colours mean something and cover little: with the video's in one palette they would be lost.
    around = picture.copy()
    around.paste((255, 255, 255), VIDEO)
    colours = _choose_colours(around, Image.Quantize.MAXCOVERAGE)
    colours += _choose_colours(picture.crop(VIDEO), Image.Quantize.MEDIANCUT)
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours)
    few = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    few.save(IMAGES / f"{name}.png", optimize=True)


def _choose_colours(picture: Any, method: Any) -> list[int]:
    return picture.quantize(NUM_COLOURS, method=method).getpalette()[: 3 * NUM_COLOURS]
