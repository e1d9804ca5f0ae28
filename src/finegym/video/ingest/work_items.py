"""Work items of one record: its chunks, and what people need to look at them in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finegym.errors import VideoError
from finegym.video.decoding import find_damaged_frames
from finegym.video.index import FrameIndex
from finegym.video.ingest.chunks import Chunk, make_chunks, read_chunks, write_chunks
from finegym.video.ingest.filmstrip import write_filmstrip
from finegym.video.ingest.proxy import write_proxy
from finegym.video.ingest.record import Record, Settings
from finegym.video.ingest.sources import Source
from finegym.video.ingest.waveform import write_waveform
from finegym.workspace import Workspace

# Files of one chunk: (kind, suffix).
CHUNK_FILES = (
    ("proxy", ".mp4"),
    ("proxy", ".npz"),
    ("filmstrip", ".jpg"),
    ("filmstrip", ".vtt"),
    ("waveform", ".json"),
)


def plan_chunks(start_ms: float, end_ms: float, settings: Settings, source: Source) -> tuple[Chunk, ...]:
    """The chunks of a record from its clock, what is asked for, and the routines that are known."""
    return make_chunks(
        round(start_ms, 3),
        round(end_ms, 3),
        length_ms=round(60_000 * settings.chunk_minutes),
        overlap_ms=round(1000 * settings.overlap_s),
        busy=source.routines,
    )


def has_same_chunks(record: Record, source: Source, workspace: Workspace, settings: Settings) -> bool:
    """Whether a finished record is divided as it would be now."""
    try:
        there = read_chunks(workspace.get_chunks_file(record.record_id))
    except VideoError:
        return False
    return there == plan_chunks(record.probe.clock.start_ms, record.probe.clock.end_ms, settings, source)


def write_work_items(source: Source, index: FrameIndex, workspace: Workspace, settings: Settings) -> tuple[Chunk, ...]:
    """Divide a record into chunks and write ``chunks.json``; files of chunks that are no more are removed."""
    chunks = plan_chunks(index.start_ms, index.end_ms, settings, source)
    write_chunks(workspace.get_chunks_file(source.record_id), chunks)
    folder = workspace.get_record_folder(source.record_id)
    for kind, suffix in CHUNK_FILES:
        for path in folder.glob(f"{kind}-[0-9]*{suffix}"):
            if int(path.stem.split("-")[1]) >= len(chunks):
                path.unlink()
    return chunks


def write_views(record_id: str, media: Path, sha256: str, chunks: Sequence[Chunk], workspace: Workspace) -> list[str]:
    """Proxy, filmstrip and waveform of every chunk; those that are there and fit are kept.

    Returns:
        What could not be made, a sentence each: a chunk in which no frame decodes.

    Raises:
        OutputError: a file cannot be written.
    """
    notes = []
    damaged: list[np.ndarray] = []

    def find_damaged(index: FrameIndex) -> np.ndarray:
        """Once for all chunks."""
        if not damaged:
            damaged.append(find_damaged_frames(index))
        return damaged[0]

    for chunk in chunks:
        try:
            out = workspace.get_chunk_file(record_id, "proxy", chunk.number, ".mp4")
            write_proxy(media, chunk, out, record_sha256=sha256, find_damaged=find_damaged)
            write_filmstrip(
                media, chunk, workspace.get_chunk_file(record_id, "filmstrip", chunk.number, ".jpg"), proxy=out
            )
            write_waveform(media, chunk, workspace.get_chunk_file(record_id, "waveform", chunk.number, ".json"))
        except VideoError as error:
            notes.append(f"chunk {chunk.number} cannot be shown: {error}")
    return notes
