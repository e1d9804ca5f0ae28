"""The sound of a stretch of a record, on the record's clock, in blocks: as many samples as its time holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np

from finegym.video.media import open_media

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_USUAL_RATE = 48000
_LEAD_MS = 500.0  # decoders need a little before the first sample that is right
_JITTER_S = 0.03  # of audio time stamps; what is further off is a gap
_BLOCK_S = 1


@dataclass(frozen=True, eq=False)
class Sound:
    """A block of sound.

    Attributes:
        samples: float32 (2, n), left and right, -1 to 1.
        is_missing: the record has no sound here; the samples are silence that was put in for it.
    """

    samples: np.ndarray
    is_missing: bool


def read_audio_rate(path: Path) -> int | None:
    """Samples a second in which ``iterate_audio`` gives a record's sound; ``None`` where it has none."""
    with open_media(path) as container:
        if not container.streams.audio:
            return None
        rate = container.streams.audio[0].rate
        return rate if rate in RATES else _USUAL_RATE


def iterate_audio(path: Path, start_ms: float, end_ms: float, rate: int) -> Iterator[Sound]:
    """The first sound track between two times, without a gap: silence where the record has no sound.

    Args:
        path: of the record.
        start_ms: of the first sample, on the record's clock.
        end_ms: behind the last one.
        rate: as ``read_audio_rate`` says.

    Yields:
        Blocks of about a second or less; ``round((end_ms - start_ms) / 1000 * rate)`` samples in all.

    Raises:
        VideoError: the file cannot be opened.
    """
    total = round((end_ms - start_ms) / 1000 * rate)
    given = 0
    for begin, samples in _decode(path, start_ms, rate):
        if begin >= total:
            break
        if begin > given + _JITTER_S * rate:
            yield from _make_silence(begin - given, rate)
            given = begin
        elif given == 0:
            samples = samples[:, max(0, -begin) :]
        elif begin < given - _JITTER_S * rate:
            samples = samples[:, given - begin :]
        samples = samples[:, : total - given]
        if samples.shape[1]:
            yield Sound(samples, False)
            given += samples.shape[1]
    yield from _make_silence(total - given, rate)


def _make_silence(length: int, rate: int) -> Iterator[Sound]:
    while length > 0:
        part = min(length, rate * _BLOCK_S)
        yield Sound(np.zeros((2, part), np.float32), True)
        length -= part


def _decode(path: Path, start_ms: float, rate: int) -> Iterator[tuple[int, np.ndarray]]:
    """Blocks as they are decoded: number of the first sample, counted from ``start_ms``, and samples (2, n)."""
    with open_media(path) as container:
        stream = container.streams.audio[0]
        # One channel is doubled here: FFmpeg would make it quieter.
        layout = "mono" if stream.channels == 1 else "stereo"
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
        target = (start_ms - _LEAD_MS) / 1000
        if target > 0 and stream.time_base:
            with suppress(av.error.FFmpegError):  # what cannot seek is read from its start
                container.seek(int(target / stream.time_base), stream=stream, backward=True)
        for packet in container.demux(stream):
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                continue  # the time stamps behind it tell that sound is missing
            for frame in [*decoded, *([None] if packet.size == 0 else [])]:
                for part in resampler.resample(frame):
                    if part.pts is not None and part.time_base:
                        begin = round((float(part.pts * part.time_base) - start_ms / 1000) * rate)
                        if begin + part.samples > 0:
                            samples = part.to_ndarray()
                            yield begin, np.repeat(samples, 2, axis=0) if len(samples) == 1 else samples
