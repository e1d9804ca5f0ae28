"""What a file is: codec, size, rates, clock, sound."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from finegym.errors import VideoError
from finegym.video.index import FrameIndex
from finegym.video.ingest.packet_pass import Packets
from finegym.video.ingest.record import AudioStream, Clock, FileFacts, Probe
from finegym.video.media import get_video_stream, open_media

# Lines of the short side that a class needs. Broadcasts are often cropped by a few lines (1920x1072 is 1080p).
RESOLUTION_CLASSES = ((2160, "2160p"), (1440, "1440p"), (1080, "1080p"), (720, "720p"), (480, "480p"))
CROPPED = 0.95
MAX_DISTINCT_RATES = 8


def find_resolution_class(width: int, height: int) -> str:
    """The class of a picture by its short side; up to 5 % fewer lines still count.

    Example:
        >>> find_resolution_class(1280, 720), find_resolution_class(640, 360)
        ('720p', 'below 480p')
    """
    for lines, name in RESOLUTION_CLASSES:
        if min(width, height) >= CROPPED * lines:
            return name
    return "below 480p"


def read_file_facts(path: Path, stored_path: str) -> FileFacts:
    """Size, time and SHA-256 of a whole file.

    Raises:
        VideoError: it cannot be read.
    """
    try:
        facts = path.stat()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VideoError(f"{path}: cannot be read: {error.strerror}") from error
    return FileFacts(path=stored_path, size_bytes=facts.st_size, mtime_ns=facts.st_mtime_ns, sha256=digest)


def probe_media(
    source: Path, media: Path, index: FrameIndex, packets: Packets, left_out: tuple[str, ...] = ()
) -> Probe:
    """What a record is.

    Args:
        source: the file that was given; its container and sound tracks are told.
        media: the file that is read from now on; the same, or remuxed from it.
        index: of ``media``.
        packets: of ``media``.
        left_out: what remuxing had to leave behind.

    Raises:
        VideoError: the file cannot be opened.
    """
    with open_media(source) as container:
        name = container.format.name.split(",")[0]
        audio = tuple(_describe_audio(stream) for stream in container.streams.audio)
    with open_media(media) as container:
        profile = get_video_stream(container, media).profile or ""
    duration_ms = round(index.end_ms - index.start_ms)
    return Probe(
        container=name,
        codec=index.codec,
        profile=profile,
        pixel_format=index.pixel_format,
        width=index.width,
        height=index.height,
        resolution_class=find_resolution_class(index.width, index.height),
        rotation=index.rotation,
        is_mirrored=index.is_mirrored,
        num_frames=index.num_frames,
        num_frames_header=index.num_frames_header,
        num_discarded=index.num_discarded,
        num_key_frames=int(index.is_key.sum()),
        duration_ms=duration_ms,
        bit_rate_bps=round(source.stat().st_size * 8000 / max(1, duration_ms)),
        clock=describe_clock(index, packets),
        audio=audio,
        streams_left_out=left_out,
    )


def describe_clock(index: FrameIndex, packets: Packets) -> Clock:
    """How sound the time stamps of a file are."""
    return Clock(
        time_base=str(index.time_base),
        start_ms=round(index.start_ms, 3),
        end_ms=round(index.end_ms, 3),
        fps_average=round(index.fps_average, 4),
        fps_distinct=find_distinct_rates(index),
        is_constant_rate=index.is_constant_rate,
        num_duplicate_pts=len(packets.pts) - len(np.unique(packets.pts)),
        num_missing_pts=packets.num_missing_pts,
        num_backward_dts=int((np.diff(packets.dts) <= 0).sum()),
        has_edit_list=_has_edit_list(index),
    )


def find_distinct_rates(index: FrameIndex) -> tuple[float, ...]:
    """The rates that the distances of frames stand for, most frequent first, at most eight.

    Distances that differ by no more than the rounding of the time base and of milliseconds stand for one rate.
    """
    steps = np.diff(index.pts)
    if not len(steps):
        return (round(index.fps_average, 3),)
    values, counts = np.unique(steps, return_counts=True)
    tolerance = max(Fraction(1), Fraction(1, 1000) / index.time_base)
    groups: list[tuple[int, float]] = []  # (how many steps, their sum)
    last = None
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        if last is not None and value - last <= tolerance:
            total, weight = groups[-1]
            groups[-1] = (total + count, weight + value * count)
        else:
            groups.append((count, value * count))
        last = value
    groups.sort(key=lambda group: -group[0])
    return tuple(round(float(1 / (weight / n * index.time_base)), 3) for n, weight in groups[:MAX_DISTINCT_RATES])


def _has_edit_list(index: FrameIndex) -> bool:
    """Whether an MP4 holds an edit list that does something: hides frames, or starts later than at 0."""
    return index.container == "mov" and (index.num_discarded > 0 or index.start_ms > 0)


def _describe_audio(stream: Any) -> AudioStream:
    context = stream.codec_context
    base = stream.time_base
    start = None if stream.start_time is None else round(stream.start_time * base * 1000)
    length = None if stream.duration is None else round(stream.duration * base * 1000)
    return AudioStream(
        codec=context.name,
        rate_hz=context.sample_rate or 0,
        channels=context.channels or 0,
        start_ms=start,
        end_ms=None if start is None or length is None else start + length,
        language=stream.language or "",
    )
