"""Peaks of a chunk's sound, as audiowaveform's JSON (format version 2), which browser players read.

https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from finegym.files import write_text
from finegym.video.index_cache import read_index
from finegym.video.ingest.audio import iterate_audio, read_audio_rate
from finegym.video.ingest.chunks import Chunk, find_chunk_frames

POINTS_PER_S = 50


def write_waveform(path: Path, chunk: Chunk, out: Path) -> bool:
    """Write the smallest and the largest sample of every fiftieth of a second, both channels averaged.

    Time zero is the first frame that begins in the chunk, as in the proxy; where the record has no sound, the line is
    flat. Memory does not grow with the length.

    Args:
        path: of the record.
        chunk: of the record.
        out: the ``.json``.

    Returns:
        Whether the record has sound; without it, no file is written, and an older one is deleted.

    Raises:
        VideoError: the record cannot be read.
        OutputError: the file cannot be written.
    """
    rate = read_audio_rate(path)
    if rate is None:
        out.unlink(missing_ok=True)
        return False
    index = read_index(path)
    span, end_ms = find_chunk_frames(index, chunk)
    start_ms = float(index.pts_ms[span.start])
    per_point = rate // POINTS_PER_S
    data: list[int] = []
    rest = np.empty(0, np.float32)
    for sound in iterate_audio(path, start_ms, end_ms, rate):
        samples = np.concatenate([rest, sound.samples.mean(0)])
        whole = len(samples) // per_point * per_point
        data += _measure_peaks(samples[:whole].reshape(-1, per_point))
        rest = samples[whole:]
    if len(rest):
        data += _measure_peaks(rest[None])
    facts = {
        "version": 2,
        "channels": 1,
        "sample_rate": rate,
        "samples_per_pixel": per_point,
        "bits": 8,
        "length": len(data) // 2,
        "data": data,
    }
    write_text(out, json.dumps(facts, separators=(",", ":")) + "\n")
    return True


def _measure_peaks(points: np.ndarray) -> list[int]:
    """Smallest and largest sample of each row, -128 to 127, one after the other."""
    extremes = np.stack([points.min(1), points.max(1)], axis=1)
    return np.clip(np.rint(extremes * 128), -128, 127).astype(int).reshape(-1).tolist()
