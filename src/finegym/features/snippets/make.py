"""Making the snippets of one record or action: a portion of frames at a time, so that memory does not grow with it."""

from __future__ import annotations

import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from finegym.errors import FeatureError
from finegym.features.cuts import look_for_cuts
from finegym.features.snippets.store import ItemFacts, SnippetSettings, format_facts, get_paths
from finegym.files import replace_file, write_text
from finegym.video.index import FrameIndex
from finegym.video.ingest.cuts import Cut
from finegym.video.reader import VideoReader
from finegym.video.store.cut import check_unchanged, look_into

PORTION_FRAMES, PORTION_SNIPPETS = 96, 32
"""In memory at a time: frames (of 128 x 228 pixels: 8 MB), and snippets that a model sees at once."""


@dataclass(frozen=True)
class Item:
    """What snippets are wanted of.

    Attributes:
        item_id: the record's id, or the action's.
        record_id: of the record.
        path: of the record's file, relative to the folder.
        start_ms: on the record's clock.
        end_ms: on the record's clock; ``None``: until the record ends.
    """

    item_id: str
    record_id: str
    path: str
    start_ms: int = 0
    end_ms: int | None = None


class SnippetMaker(Protocol):
    """Makes features of windows of frames. Can be sent to other processes; loads its model when it is first used."""

    @property
    def needs_cuts(self) -> bool:
        """Whether ``make`` wants to know where the record is cut (flow does)."""
        ...

    def make_settings(self, unit: Any, stride: int) -> SnippetSettings:
        """What a store of such snippets says of itself."""
        ...

    def describe_origin(self) -> dict[str, Any]:
        """Where the model lies and how it is opened, in plain values."""
        ...

    def make(
        self, item_id: str, reader: VideoReader, windows: np.ndarray, cuts: Sequence[Cut]
    ) -> tuple[np.ndarray, dict[str, int]]:
        """Features of some windows.

        Args:
            item_id: of the item that they are in.
            reader: of the record.
            windows: int64 (N, W): frames of the record, consecutive along a row.
            cuts: of the record; empty unless ``needs_cuts``.

        Returns:
            float (N, D), and counts of what the user should know.

        Raises:
            FineGymError: they cannot be made.
        """
        ...


def place_snippets(frames: range, stride: int, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Where snippets stand in an item.

    A snippet is of the frames around its centre; near an end of the item its window is moved inside. An item of fewer
    frames than a window is seen whole.

    Args:
        frames: of the item, in the record; at least one.
        stride: from one centre to the next.
        window: frames of a snippet.

    Returns:
        Centres int64 (T,) and first frames of the windows int64 (T,), T at least 1.

    Example:
        >>> centres, starts = place_snippets(range(100, 110), 4, 5)
        >>> centres.tolist(), starts.tolist()
        ([102, 106], [100, 104])
    """
    centres = np.arange(frames.start + stride // 2, frames.stop, stride, dtype=np.int64)
    if not len(centres):
        centres = np.array([(frames.start + frames.stop - 1) // 2], np.int64)
    starts = centres - window // 2
    return centres, starts.clip(frames.start, max(frames.start, frames.stop - window))


def make_item(
    item: Item,
    *,
    folder: Path,
    out: Path,
    settings: SnippetSettings,
    maker: SnippetMaker,
    advance: Callable[[int, int], None] | None = None,
) -> ItemFacts:
    """Make the snippets of an item: its three files, the one that says it is there last.

    Args:
        item: what is wanted.
        folder: the dataset's folder.
        out: folder of the store.
        settings: of the store.
        maker: makes the features.
        advance: told how many snippets are done, and of how many.

    Raises:
        VideoError: the record cannot be read, or is changed while it is read.
        FeatureError: the maker gave something else than features.
        OutputError: a file cannot be written.
    """
    cv2.setNumThreads(1)  # one process a core; several times as many threads would get in each other's way
    record = look_into(item.path, folder=folder)
    cuts = look_for_cuts((item.record_id, record), folder=folder, out=out).cuts if maker.needs_cuts else ()
    features_path, times_path, facts_path = get_paths(out, item.item_id)
    with VideoReader(folder / item.path) as reader:
        index = reader.index
        frames = find_item_frames(index, item)
        centres, starts = place_snippets(frames, settings.stride, settings.window)
        windows_of = _iterate_windows(starts, min(settings.window, len(frames)))
        counts: Counter[str] = Counter()
        with replace_file(features_path) as temporary, temporary.open("wb") as file:
            header = _format_header((len(centres), settings.feature_size))
            file.write(header)
            crc32, done = zlib.crc32(header), 0
            for windows in windows_of:
                features, more = maker.make(item.item_id, reader, windows, cuts)
                rows = _check_features(features, (len(windows), settings.feature_size), item).tobytes()
                file.write(rows)
                crc32, done = zlib.crc32(rows, crc32), done + len(windows)
                counts.update(more)
                if advance is not None:
                    advance(done, len(centres))
            size_bytes = file.tell()
        with replace_file(times_path) as temporary, temporary.open("wb") as file:
            np.save(file, np.stack([centres, np.rint(index.pts_ms[centres]).astype(np.int64)], axis=1))
    check_unchanged(record, folder)
    facts = ItemFacts(
        item_id=item.item_id,
        record_id=item.record_id,
        record=record.path,
        record_bytes=record.size_bytes,
        record_fingerprint=record.fingerprint,
        start_ms=item.start_ms,
        end_ms=find_end_ms(index, item),
        first_frame=frames.start,
        num_frames=len(frames),
        num_snippets=len(centres),
        size_bytes=size_bytes,
        crc32=crc32,
        counts=dict(counts),
        settings=settings,
    )
    write_text(facts_path, format_facts(facts))
    return facts


def find_item_frames(index: FrameIndex, item: Item) -> range:
    """The frames of an item; see ``FrameIndex.find_frames_between``."""
    if item.end_ms is None:
        return range(index.num_frames)
    return index.find_frames_between(item.start_ms, item.end_ms)


def find_end_ms(index: FrameIndex, item: Item) -> int:
    """When an item ends: what is asked for, or when the record's last frame stops being shown, rounded up."""
    return int(np.ceil(index.end_ms)) if item.end_ms is None else item.end_ms


def _iterate_windows(starts: np.ndarray, window: int) -> Iterator[np.ndarray]:
    """Windows int64 (N, W) in order, so many that neither their frames nor their number exceeds a portion."""
    # Frames that are in this window and were in none before, added up.
    num_frames = np.cumsum(np.minimum(np.diff(starts, prepend=starts[0] - window), window))
    first = 0
    while first < len(starts):
        before = num_frames[first] - window
        last = int(np.searchsorted(num_frames, before + PORTION_FRAMES, side="right"))
        last = min(max(last, first + 1), first + PORTION_SNIPPETS)
        yield starts[first:last, None] + np.arange(window)
        first = last


def _format_header(shape: tuple[int, int]) -> bytes:
    """The beginning of a ``.npy`` file of float16 of this shape."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f2", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def _check_features(features: np.ndarray, shape: tuple[int, int], item: Item) -> np.ndarray:
    """Features as little-endian float16."""
    if features.shape != shape:
        raise FeatureError(f"{item.item_id}: expected features {shape}, got {features.shape}")
    rows = np.asarray(features, np.float64).astype("<f2")
    if not np.isfinite(rows).all():
        raise FeatureError(
            f"{item.item_id}: features are not finite in float16 (at most 65504). Is the model's checkpoint sound?"
        )
    return rows
