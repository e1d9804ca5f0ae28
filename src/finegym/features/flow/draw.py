"""Stored flow to look at: the frames of a clip and the motion between them, as one picture or as a film."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from finegym.errors import FeatureError
from finegym.features.film import find_rate, find_record, write_film
from finegym.features.flow.colour_wheel import draw_flow, draw_legend
from finegym.features.flow.extract import PORTION_PAIRS
from finegym.features.flow.quantise import STEP_PX
from finegym.features.flow.store import FlowStore
from finegym.features.store import FeatureFacts
from finegym.report.images import draw_sheet
from finegym.video.reader import VideoReader

FULL_PERCENTILE = 99.5  # of the speeds of a clip: drawn in full colour
LEAST_FULL_PX = 4.0  # below, the steps of quantised flow would be seen as patches
_COLUMNS = 4
_LEGEND_SHARE = 5  # the wheel takes a fifth of the height


def find_full_px(fields: np.ndarray) -> float:
    """The speed to be drawn in full colour: nearly the fastest, at least ``LEAST_FULL_PX``.

    Args:
        fields: float (..., 2), pixels per frame.
    """
    if not fields.size:
        return LEAST_FULL_PX
    return max(LEAST_FULL_PX, float(np.percentile(np.hypot(fields[..., 0], fields[..., 1]), FULL_PERCENTILE)))


def draw_stored(field: np.ndarray, full_px: float) -> np.ndarray:
    """A stored field as a picture; what is within one step of quantisation of no motion is drawn as none.

    Args:
        field: float32 (H, W, 2), pixels per frame.
        full_px: the speed in full colour.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    is_moving = np.hypot(field[..., :1], field[..., 1:]) > STEP_PX
    return draw_flow(field * is_moving, full_px)


def draw_clip(store: FlowStore, instance_id: str, folder: Path | None, *, num_pairs: int = 8) -> np.ndarray:
    """Evenly spread pairs of a clip: rows of frames, under each the flow to the next frame.

    Args:
        store: holds the clip.
        instance_id: the clip.
        folder: the dataset's folder, for the frames; ``None``: flow alone.
        num_pairs: shown; fewer where the clip has fewer.

    Returns:
        uint8 (H, W, 3), RGB, with the wheel at the end.

    Raises:
        FeatureError: the clip is not in the store, has no pairs, or its record is another one now.
        VideoError: the record cannot be read.
    """
    wanted = np.unique(np.linspace(0, _count(store, instance_id) - 1, num_pairs).round().astype(int))
    fields, valid = store.read_fields(instance_id, wanted), store.read_valid(instance_id)[wanted]
    full_px = find_full_px(fields)
    facts = store.get_facts(instance_id)
    frames = [] if folder is None else list(_read_frames(folder, facts, wanted))
    tiles: list[np.ndarray] = []
    labels: list[str] = []
    for first in range(0, len(wanted), _COLUMNS):
        row = range(first, min(len(wanted), first + _COLUMNS))
        if frames:
            tiles += [frames[k] for k in row]
            labels += [f"frame {facts.first_frame + wanted[k]}" for k in row]
            _fill_row(tiles, labels)
        tiles += [draw_stored(fields[k], full_px) for k in row]
        labels += [f"pair {wanted[k]}{'' if valid[k] else ': across a cut'}" for k in row]
        _fill_row(tiles, labels)
    tiles.append(draw_legend(facts.height, facts.width))
    labels.append(f"full colour: {full_px:.1f} px a frame")
    return draw_sheet(tiles, labels, columns=_COLUMNS, tile_width=226)


def _fill_row(tiles: list[np.ndarray], labels: list[str]) -> None:
    """White tiles up to the end of a row."""
    while len(tiles) % _COLUMNS:
        tiles.append(np.full_like(tiles[0], 255))
        labels.append("")


def _count(store: FlowStore, instance_id: str) -> int:
    num_pairs = store.count_pairs(instance_id)
    if not num_pairs:
        raise FeatureError(f"{store}: clip {instance_id} is of one frame: there is no flow to draw")
    return num_pairs


def _read_frames(folder: Path, facts: FeatureFacts, pairs: Sequence[int] | np.ndarray) -> Iterator[np.ndarray]:
    """The first frame of each pair, in the size of the flow."""
    with VideoReader(find_record(folder, facts)) as reader:
        numbers = facts.first_frame + np.asarray(pairs)
        for first in range(0, len(numbers), PORTION_PAIRS):
            some = numbers[first : first + PORTION_PAIRS]
            yield from reader.read_frames(some, size=(facts.height, facts.width))


def write_flow_film(store: FlowStore, instance_id: str, folder: Path | None, out: Path) -> int:
    """A film of a clip: its frames, and beside them the flow to the next frame with the wheel in the corner.

    Args:
        store: holds the clip.
        instance_id: the clip.
        folder: the dataset's folder, for the frames; ``None``: flow alone.
        out: an ``.mp4``.

    Returns:
        How many pictures it has: one a pair.

    Raises:
        FeatureError, VideoError: as ``draw_clip``.
        OutputError: it cannot be written.
    """
    num_pairs = _count(store, instance_id)
    facts = store.get_facts(instance_id)
    spread = np.linspace(0, num_pairs - 1, min(num_pairs, PORTION_PAIRS)).astype(int)
    full_px = find_full_px(store.read_fields(instance_id, spread))
    return write_film(out, _draw_pictures(store, facts, num_pairs, folder, full_px), find_rate(facts))


def _draw_pictures(
    store: FlowStore, facts: FeatureFacts, num_pairs: int, folder: Path | None, full_px: float
) -> Iterator[np.ndarray]:
    frames = iter(()) if folder is None else _read_frames(folder, facts, range(num_pairs))
    for first in range(0, num_pairs, PORTION_PAIRS):
        part = range(first, min(num_pairs, first + PORTION_PAIRS))
        for field in store.read_fields(facts.instance_id, part):
            picture = _stamp(draw_stored(field, full_px))
            yield picture if folder is None else np.concatenate([next(frames), picture], axis=1)


def _stamp(picture: np.ndarray) -> np.ndarray:
    size = max(24, len(picture) // _LEGEND_SHARE)
    size = min(size, *picture.shape[:2])
    wheel = cv2.resize(draw_legend(120), (size, size), interpolation=cv2.INTER_AREA)
    picture[-size:, -size:] = wheel
    return picture
