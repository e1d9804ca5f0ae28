"""Chunks: stretches of ten minutes as work items on the record's own clock. Nothing is cut.

Without knowledge of routines, chunks overlap, so that what happens at an edge is whole in one of them. Where routines
are known or expected, edges move between them, and chunks need no overlap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from finegym.errors import SegmentError, VideoError
from finegym.files import write_text
from finegym.video.index import FrameIndex

_SHORT_TAIL = 0.1  # of a chunk's length: a rest shorter than this goes to the chunk before
_REACH = 0.5  # of a chunk's length: so far edges move to avoid routines
_MARGIN_MS = 1000.0  # that an edge keeps from routines, where there is room


class Chunk(BaseModel):
    """One work item.

    Attributes:
        number: from 0.
        start_ms: on the record's clock.
        end_ms: likewise; half-open.
        split: routines ``(start_ms, end_ms)`` that the end of this chunk cuts, because they are longer than a chunk can
            be; empty for nearly all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    start_ms: int
    end_ms: int
    split: tuple[tuple[float, float], ...] = ()


class _ChunkFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["finegym-chunks/1"] = "finegym-chunks/1"
    chunks: tuple[Chunk, ...]


def make_chunks(
    start_ms: float,
    end_ms: float,
    *,
    length_ms: int = 600_000,
    overlap_ms: int = 60_000,
    busy: Sequence[tuple[float, float]] = (),
) -> tuple[Chunk, ...]:
    """Divide a record into work items that cover all of it.

    A rest of less than a tenth of a chunk goes to the chunk before. With ``busy``, each edge is the allowed place
    nearest to the end of a full chunk: up to half a chunk away, in no routine, a second from any where there is room.
    Where overlapping routines leave no such place, the chunk ends on time, the next begins ``overlap_ms`` earlier, and
    ``Chunk.split`` names the routines.

    Args:
        start_ms: when the record begins, on its own clock; rounded down.
        end_ms: when it ends; rounded up.
        length_ms: of a chunk.
        overlap_ms: of two chunks in a row, where routines are not known.
        busy: annotated or expected routines, ``(start_ms, end_ms)``, in any order; empty: not known.

    Returns:
        Chunks in order; the first begins with the record, the last ends with it.

    Raises:
        SegmentError: an interval ends before it starts, or the overlap is as long as a chunk.

    Example:
        >>> [(chunk.start_ms, chunk.end_ms) for chunk in make_chunks(0, 1_200_000)]
        [(0, 600000), (540000, 1200000)]
        >>> [chunk.end_ms for chunk in make_chunks(0, 1_200_000, busy=[(590_000, 640_000)])]
        [589000, 1200000]
    """
    start, end = math.floor(start_ms), math.ceil(end_ms)
    if not end > start:
        raise SegmentError(f"the record must end after it starts, got [{start_ms:g}, {end_ms:g}) ms")
    if not 0 <= overlap_ms < length_ms:
        raise SegmentError(f"chunks of {length_ms} ms cannot overlap by {overlap_ms} ms. Choose a shorter overlap.")
    wrong = [interval for interval in busy if not interval[1] > interval[0]]
    if wrong:
        raise SegmentError(
            f"routine [{wrong[0][0]:g}, {wrong[0][1]:g}) ms: end must exceed start ({len(wrong)} such routines)"
        )
    blocks = _merge(busy)
    chunks: list[Chunk] = []
    while True:
        longest = math.floor(length_ms * (1 + _SHORT_TAIL))
        if end - start <= longest:
            edge = end
        elif not busy:
            edge = start + length_ms
        else:
            edge = _find_edge(start, end, length_ms, blocks)
        split = tuple(sorted((a, b) for a, b in busy if a < edge < b)) if edge < end else ()
        chunks.append(Chunk(number=len(chunks), start_ms=start, end_ms=edge, split=split))
        if edge == end:
            return tuple(chunks)
        start = edge if busy and not split else edge - overlap_ms


def write_chunks(path: Path, chunks: Sequence[Chunk]) -> None:
    """Write ``chunks.json``, whole or not at all."""
    write_text(path, _ChunkFile(chunks=tuple(chunks)).model_dump_json(indent=1) + "\n")


def read_chunks(path: Path) -> tuple[Chunk, ...]:
    """Read ``chunks.json``.

    Raises:
        VideoError: it is missing, damaged, or of another format.
    """
    try:
        return _ChunkFile.model_validate_json(Path(path).read_bytes()).chunks
    except OSError as error:
        raise VideoError(f"{path}: cannot be read: {error.strerror}. Ingest the record first.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise VideoError(f"{path}: {where}: {first['msg']}. Delete it and ingest the record again.") from error


def find_chunk_frames(index: FrameIndex, chunk: Chunk) -> tuple[range, float]:
    """The record's frames that begin in a chunk, and when the last of them stops being shown or the chunk ends.

    Raises:
        VideoError: the chunk lies outside the record.
    """
    end_ms = min(float(chunk.end_ms), index.end_ms)
    if end_ms <= chunk.start_ms:
        end_ms = float(chunk.end_ms)  # the index says what is wrong
    return index.find_frames_between(chunk.start_ms, end_ms), end_ms


def _merge(busy: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Overlapping intervals as one; those that only touch stay two, with an edge allowed between them."""
    blocks: list[tuple[float, float]] = []
    for start, end in sorted(busy):
        if blocks and start < blocks[-1][1]:
            blocks[-1] = blocks[-1][0], max(end, blocks[-1][1])
        else:
            blocks.append((start, end))
    return blocks


def _find_edge(start: int, end: int, length_ms: int, blocks: Sequence[tuple[float, float]]) -> int:
    """Where a chunk that begins at ``start`` should end: whole milliseconds, in no block if that can be."""
    target = start + length_ms
    earliest = start + math.ceil(length_ms * (1 - _REACH))
    latest = min(start + math.floor(length_ms * (1 + _REACH)), end)
    bounds = [-math.inf, *(time for block in blocks for time in block), math.inf]
    edges = []
    for left, right in zip(bounds[::2], bounds[1::2], strict=True):
        margin = min(_MARGIN_MS, max(0.0, (right - left) / 2))
        for keep in (margin, 0.0):  # nearer to a routine only if the edge could not be in this gap otherwise
            lowest = max(earliest, left + keep)
            highest = min(latest, right - keep)
            edge = min(max(target, math.ceil(lowest)), math.floor(highest))
            if lowest <= edge <= highest:
                edges.append(edge)
                break
    if not edges:
        return end if latest == end else target
    edge = min(edges, key=lambda time: abs(time - target))
    return end if end - edge < length_ms * _SHORT_TAIL else edge
