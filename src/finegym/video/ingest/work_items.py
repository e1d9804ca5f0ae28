"""Work items of one record: its chunks, and what people need to look at them in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finegym.errors import VideoError
from finegym.video.index import FrameIndex
from finegym.video.ingest.chunks import Chunk, make_chunks, write_chunks
from finegym.video.ingest.filmstrip import write_filmstrip
from finegym.video.ingest.proxy import write_proxy
from finegym.video.ingest.record import Settings
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


def write_work_items(record_id: str, index: FrameIndex, workspace: Workspace, settings: Settings) -> tuple[Chunk, ...]:
    """Divide a record into chunks and write ``chunks.json``; files of chunks that are no more are removed."""
    chunks = make_chunks(
        index.start_ms,
        index.end_ms,
        length_ms=round(60_000 * settings.chunk_minutes),
        overlap_ms=round(1000 * settings.overlap_s),
    )
    write_chunks(workspace.get_chunks_file(record_id), chunks)
    folder = workspace.get_record_folder(record_id)
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
    for chunk in chunks:
        try:
            out = workspace.get_chunk_file(record_id, "proxy", chunk.number, ".mp4")
            write_proxy(media, chunk, out, record_sha256=sha256)
            write_filmstrip(
                media, chunk, workspace.get_chunk_file(record_id, "filmstrip", chunk.number, ".jpg"), proxy=out
            )
            write_waveform(media, chunk, workspace.get_chunk_file(record_id, "waveform", chunk.number, ".json"))
        except VideoError as error:
            notes.append(f"chunk {chunk.number} cannot be shown: {error}")
    return notes
