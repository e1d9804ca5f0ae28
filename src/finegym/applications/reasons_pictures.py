"""Reasons as pictures: the frames that moved a decision, when they are in the clip, where in the picture it lies."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from finegym.applications.reasons_model import AskedFacts, Voice
from finegym.datasets.clips import ClipSource
from finegym.report.images import draw_sheet, encode_jpeg

SHORT_SIDE, TILE_WIDTH, COLUMNS = 180, 260, 4
MAX_FRAMES = 12  # that a picture shows
FOR, AGAINST, NEITHER = (11, 122, 117), (179, 38, 30), (91, 103, 112)
STRIP_WIDTH, STRIP_HEIGHT = 300, 28  # units of the drawing, which is scaled


def name_frames(row: Sequence[int]) -> str:
    """One frame, or consecutive ones that are looked at together."""
    if row[0] < 0:
        return "no frame"
    return f"frame {row[0]}" if len(row) == 1 else f"frames {row[0]}-{row[-1]}"


def describe_frames(voice: Voice, facts: AskedFacts, limit: int = 3) -> str:
    """The frames that moved a decision most, in words: which, and by how much."""
    order = sorted(range(len(voice.saliency)), key=lambda place: -abs(voice.saliency[place]))[:limit]
    return ", ".join(f"{name_frames(facts.frames[place])} {voice.saliency[place]:+.2f}" for place in order)


def describe_places(voice: Voice, facts: AskedFacts, limit: int = 3) -> str:
    """The joints, or parts of the picture, that moved a decision most, in words."""
    order = sorted(range(len(voice.places)), key=lambda place: -abs(voice.places[place]))[:limit]
    return ", ".join(f"{name_place(place, len(voice.places), facts)} {voice.places[place]:+.2f}" for place in order)


def name_place(place: int, num_places: int, facts: AskedFacts) -> str:
    """A joint by its name; a cell by where it lies, rows and columns from 1."""
    if facts.places:
        return facts.places[place]
    row, column = divmod(place, round(num_places**0.5))
    return f"row {row + 1} column {column + 1}"


def draw_saliency(
    voice: Voice,
    facts: AskedFacts,
    instance_id: str,
    pictures: ClipSource | None,
    *,
    columns: int = COLUMNS,
    tile_width: int = TILE_WIDTH,
    max_frames: int = MAX_FRAMES,
) -> bytes | None:
    """The frames that moved a decision most, in order, in colours of what they speak for; ``None`` without pictures.

    Returns:
        A JPEG of ``max_frames`` frames at most. Where the parts of the picture were weighed too, they are tinted.

    Raises:
        VideoError: a frame cannot be read.
    """
    middles = [row[len(row) // 2] for row in facts.frames]
    there = [place for place, frame in enumerate(middles) if frame >= 0]
    shown = sorted(sorted(there, key=lambda place: -abs(voice.saliency[place]))[:max_frames])
    if pictures is None or not shown:
        return None
    wanted = np.unique([middles[place] for place in shown])
    frames = pictures.read_frames(instance_id, wanted, SHORT_SIDE)
    read = dict(zip(wanted.tolist(), frames, strict=True))
    is_tinted = bool(voice.places) and not facts.places
    sheet = draw_sheet(
        [_tint(read[middles[place]], voice.places) if is_tinted else read[middles[place]] for place in shown],
        [f"{name_frames(facts.frames[place])}: {voice.saliency[place]:+.2f}" for place in shown],
        columns=columns,
        tile_width=tile_width,
        colours=[_choose_colour(voice.saliency[place], voice.saliency) for place in shown],
    )
    return encode_jpeg(sheet)


def draw_strip(voice: Voice, facts: AskedFacts, num_frames: int) -> bytes:
    """When the frames that matter are in the clip: a bar a look, up for the answer, down against it, as SVG.

    Args:
        voice: says how much.
        facts: say which frames.
        num_frames: of the clip, so that strips of several recognisers lie under each other.
    """
    most = max((abs(value) for value in voice.saliency), default=0.0) or 1.0
    middle, bars = STRIP_HEIGHT / 2, []
    for row, value in zip(facts.frames, voice.saliency, strict=True):
        if row[0] < 0:
            continue
        left = STRIP_WIDTH * row[0] / num_frames
        width = max(2.5, STRIP_WIDTH * (row[-1] + 1 - row[0]) / num_frames)
        height = max(0.6, middle * abs(value) / most)
        top = middle - height if value > 0 else middle
        colour = "#{:02x}{:02x}{:02x}".format(*(FOR if value > 0 else AGAINST))
        bars.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {STRIP_WIDTH} {STRIP_HEIGHT}" '
        f'preserveAspectRatio="none" width="{3 * STRIP_WIDTH}" height="{2 * STRIP_HEIGHT}">'
        f'<rect width="{STRIP_WIDTH}" height="{STRIP_HEIGHT}" fill="#8a939b" fill-opacity=".12"/>'
        f'<path d="M0 {middle}H{STRIP_WIDTH}" stroke="#8a939b" stroke-width=".6"/>{"".join(bars)}</svg>'
    ).encode()


def count_frames(recognisers: Sequence[AskedFacts]) -> int:
    """Frames of the clip, as far as anybody has looked."""
    return 1 + max((frame for facts in recognisers for row in facts.frames for frame in row), default=0)


def _tint(frame: np.ndarray, places: Sequence[float]) -> np.ndarray:
    """A frame whose centre square, which the model looks at, is green where it speaks for the answer, red against."""
    grid = round(len(places) ** 0.5)
    values = np.array(places, np.float32).reshape(grid, grid)
    values /= np.abs(values).max() or 1.0
    side = min(frame.shape[:2])
    top, left = (frame.shape[0] - side) // 2, (frame.shape[1] - side) // 2
    strength = cv2.resize(np.abs(values), (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)[..., None] * 0.65
    is_for = cv2.resize(values, (side, side), interpolation=cv2.INTER_CUBIC)[..., None] > 0
    colour = np.where(is_for, np.array(FOR, np.float32), np.array(AGAINST, np.float32))
    tinted = frame.copy()
    square = tinted[top : top + side, left : left + side].astype(np.float32)
    mixed = (1 - strength) * square + strength * colour
    tinted[top : top + side, left : left + side] = mixed.round().astype(np.uint8)
    return tinted


def _choose_colour(value: float, values: Sequence[float]) -> tuple[int, int, int]:
    """Grey for what matters little beside the frame that matters most."""
    if abs(value) < 0.25 * max(abs(other) for other in values):
        return NEITHER
    return FOR if value > 0 else AGAINST
