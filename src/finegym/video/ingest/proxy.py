"""Proxies: small copies of chunks that browsers play and step through, with a map to the record's frames.

A proxy starts at time zero with the first frame that begins in its chunk, keeps the distances of the record's frames
(variable rates too) and has a key frame every twelve frames and no B-frames: any frame is shown within a few
milliseconds, forward and backward. ``proxy-000.npz`` beside ``proxy-000.mp4`` says which frame of the record each of
its frames is, so that what is annotated on the proxy is annotated on the record.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from finegym.errors import OutputError, VideoError
from finegym.files import replace_file
from finegym.video.decoding import find_damaged_frames
from finegym.video.index import FrameIndex
from finegym.video.ingest.audio import Sound, iterate_audio, read_audio_rate
from finegym.video.ingest.chunks import Chunk, find_chunk_frames
from finegym.video.pictures import compute_size
from finegym.video.reader import VideoReader

FORMAT = "finegym-proxy/1"
GOP = 12
# Baseline: what every browser and every hardware decoder plays. The same bytes from every run (mbtree is not).
_X264 = {
    "preset": "veryfast",
    "profile": "baseline",
    "crf": "26",
    "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:mbtree=0",
}


@dataclass(frozen=True, eq=False)
class ProxyMap:
    """Which frame of the record each frame of a proxy is.

    Attributes:
        frames: int64 (T,): the record's frame numbers.
        pts: int64 (T,): their PTS in the record, in units of ``time_base``.
        time_base: seconds in one unit; the proxy shows frame k at ``(pts[k] - pts[0]) * time_base`` seconds.
        record_sha256: of the record's file.
        start_ms: of the chunk, on the record's clock.
        end_ms: likewise.
        short_side: as asked for.
        width: of the proxy, in pixels.
        height: likewise.
        left_out: int64 (M,): frames of the chunk that do not decode; the frame before is shown longer.
        has_audio: whether the proxy has sound.
        missing_audio_ms: how much silence was put in where the record has pictures and no sound.
        proxy_bytes: size of the proxy's file.
    """

    frames: np.ndarray
    pts: np.ndarray
    time_base: Fraction
    record_sha256: str
    start_ms: int
    end_ms: int
    short_side: int
    width: int
    height: int
    left_out: np.ndarray
    has_audio: bool
    missing_audio_ms: float
    proxy_bytes: int

    @property
    def times_s(self) -> np.ndarray:
        """float64 (T,): when the proxy shows each frame, in seconds; what browsers call ``mediaTime``."""
        return (self.pts - self.pts[0]) * self.time_base.numerator / self.time_base.denominator

    def find_record_frame(self, media_time_s: float) -> int:
        """The record's frame that a browser shows which reports this ``mediaTime``.

        Browsers round time stamps to microseconds or to the container's clock: the nearest one is meant.
        """
        return int(self.frames[np.abs(self.times_s - media_time_s).argmin()])


def write_proxy(
    path: Path,
    chunk: Chunk,
    out: Path,
    *,
    short_side: int = 360,
    record_sha256: str = "",
    find_damaged: Callable[[FrameIndex], np.ndarray] = find_damaged_frames,
) -> ProxyMap:
    """Make the proxy of a chunk and its map, each whole or not at all; what is there and fits is kept.

    Args:
        path: of the record.
        chunk: of the record.
        out: the ``.mp4``; the map gets the same name with ``.npz``.
        short_side: pixels of the proxy's shorter side, even; smaller records keep their size.
        record_sha256: of the record's file; computed where it is not given.
        find_damaged: called once a frame does not decode, for all of the record that do not; it decodes everything, so
            where a record has several chunks, give one that remembers.

    Raises:
        VideoError: the record cannot be read, or no frame of the chunk decodes.
        OutputError: a file cannot be written.
    """
    if out.suffix != ".mp4" or short_side < 2 or short_side % 2:
        raise OutputError(f"{out}: a proxy is an .mp4 with an even short side, got {out.suffix!r} and {short_side}")
    record_sha256 = record_sha256 or _compute_sha256(path)
    made = read_proxy_map(out.with_suffix(".npz"))
    asked = (record_sha256, chunk.start_ms, chunk.end_ms, short_side)
    if made is not None and asked == (made.record_sha256, made.start_ms, made.end_ms, made.short_side):
        with suppress(OSError):
            if out.stat().st_size == made.proxy_bytes:
                return made
    with VideoReader(path) as reader, replace_file(out) as temporary:
        proxy = _Encoder(reader, chunk, short_side, record_sha256, find_damaged)
        proxy.write(temporary)
        made = proxy.describe(temporary.stat().st_size)
    _write_map(out.with_suffix(".npz"), made)
    return made


def read_proxy_map(path: Path) -> ProxyMap | None:
    """The map beside a proxy; ``None`` where there is none, or it is damaged or of another format."""
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["format"]) != FORMAT:
                return None
            facts = {name: stored[name].item() for name in _FACTS}
            arrays = {name: stored[name] for name in _ARRAYS}
            return ProxyMap(**arrays, **facts, time_base=Fraction(str(stored["time_base"])))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


_ARRAYS = ("frames", "pts", "left_out")
_FACTS = (
    "record_sha256", "start_ms", "end_ms", "short_side", "width", "height", "has_audio", "missing_audio_ms",
    "proxy_bytes",
)  # fmt: skip


def _write_map(path: Path, made: ProxyMap) -> None:
    facts: dict[str, Any] = {name: np.array(getattr(made, name)) for name in (*_ARRAYS, *_FACTS)}
    with replace_file(path) as temporary:
        np.savez(temporary, format=np.array(FORMAT), time_base=np.array(str(made.time_base)), **facts)


def _compute_sha256(path: Path) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VideoError(f"{path}: cannot be read: {error.strerror}") from error


class _Encoder:
    """Encodes one chunk and remembers which frames went in."""

    def __init__(
        self,
        reader: VideoReader,
        chunk: Chunk,
        short_side: int,
        record_sha256: str,
        find_damaged: Callable[[FrameIndex], np.ndarray],
    ) -> None:
        self.reader, self.index, self.chunk = reader, reader.index, chunk
        self.short_side, self.record_sha256 = short_side, record_sha256
        self.find_damaged = find_damaged
        self.size = _compute_proxy_size(self.index, short_side)
        self.frames: list[int] = []
        self.left_out: list[int] = []
        self.missing_samples, self.rate = 0, read_audio_rate(reader.path)

    def write(self, path: Path) -> None:
        span, end_ms = find_chunk_frames(self.index, self.chunk)
        pictures = self._read(span)
        first = next(pictures, None)
        if first is None:
            raise VideoError(f"{self.index.path}: not one of the frames {span.start} to {span.stop - 1} decodes")
        zero_ms = float(self.index.pts_ms[first[0]])
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as media:
            video = self._add_video(media)
            sound = iter(()) if self.rate is None else iterate_audio(self.index.path, zero_ms, end_ms, self.rate)
            track = None if self.rate is None else _SoundTrack(media, self.rate, sound)
            picture: tuple[int, np.ndarray] | None = first
            while picture is not None:
                number, planes = picture
                frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                frame.colorspace, frame.color_range = self.index.colour_matrix, 2 if self.index.is_full_range else 1
                frame.pts, frame.time_base = (
                    int(self.index.pts[number] - self.index.pts[first[0]]),
                    self.index.time_base,
                )
                media.mux(video.encode(frame))
                self.frames.append(number)
                if track is not None:
                    track.write_until((float(self.index.pts_ms[number]) - zero_ms) / 1000)
                picture = next(pictures, None)
            media.mux(video.encode(None))
            if track is not None:
                track.write_until(float("inf"))
                self.missing_samples = track.missing

    def describe(self, proxy_bytes: int) -> ProxyMap:
        height, width = self.size
        frames = np.array(self.frames, np.int64)
        return ProxyMap(
            frames=frames,
            pts=self.index.pts[frames],
            time_base=self.index.time_base,
            record_sha256=self.record_sha256,
            start_ms=self.chunk.start_ms,
            end_ms=self.chunk.end_ms,
            short_side=self.short_side,
            width=width,
            height=height,
            left_out=np.array(self.left_out, np.int64),
            has_audio=self.rate is not None,
            missing_audio_ms=round(1000 * self.missing_samples / self.rate, 3) if self.rate else 0.0,
            proxy_bytes=proxy_bytes,
        )

    def _read(self, span: range) -> Iterator[tuple[int, np.ndarray]]:
        """Number and planes of every frame that decodes; the others are noted."""
        runs, number, is_damage_known = [span], span.start, False
        while runs:
            run = runs.pop(0)
            try:
                number = run.start
                for planes in self.reader.iterate_frames(run.start, run.stop, size=self.size, colours="yuv420"):
                    yield number, planes
                    number += 1
            except VideoError:
                self.left_out.append(number)
                if is_damage_known:
                    runs.insert(0, range(number + 1, run.stop))
                    continue
                # Each frame that does not decode costs its whole group: from here on only the others are asked for.
                is_damage_known = True
                rest = np.arange(number + 1, run.stop)
                sound = np.setdiff1d(rest, self.find_damaged(self.index))
                self.left_out += np.setdiff1d(rest, sound).tolist()
                runs = [
                    range(part[0], part[-1] + 1)
                    for part in np.split(sound, np.flatnonzero(np.diff(sound) > 1) + 1)
                    if len(part)
                ]
        self.left_out.sort()

    def _add_video(self, media: av.container.OutputContainer) -> av.video.stream.VideoStream:
        rate = Fraction(self.index.fps_average).limit_denominator(1001)
        stream = media.add_stream("libx264", rate=rate, options=dict(_X264))
        stream.height, stream.width = self.size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = self.index.time_base
        context.thread_count = 1
        context.colorspace, context.color_range = self.index.colour_matrix, 2 if self.index.is_full_range else 1
        return stream


class _SoundTrack:
    """Encodes sound alongside the pictures."""

    def __init__(self, media: av.container.OutputContainer, rate: int, sound: Iterator[Sound]) -> None:
        self.missing = 0
        self._media, self._rate, self._sound = media, rate, sound
        self._stream = media.add_stream("aac", rate=rate, layout="stereo")
        self._written = 0
        self._is_over = False

    def write_until(self, time_s: float) -> None:
        """Encode blocks up to a time; behind the last one, what the encoder holds back."""
        while not self._is_over and self._written <= time_s * self._rate:
            block = next(self._sound, None)
            if block is None:
                self._media.mux(self._stream.encode(None))
                self._is_over = True
                return
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.samples), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._written, Fraction(1, self._rate)
            self._media.mux(self._stream.encode(frame))
            self._written += frame.samples
            self.missing += frame.samples if block.is_missing else 0


def _compute_proxy_size(index: FrameIndex, short_side: int) -> tuple[int, int]:
    """(height, width), both even."""
    height, width = compute_size(index.height, index.width, min(short_side, index.height, index.width))
    return max(2, height // 2 * 2), max(2, width // 2 * 2)
