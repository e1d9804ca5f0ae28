"""Encoding one clip, frame by frame: H.264 made for decoding, or JPEGs."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
import numpy as np

from finegym.video.nal import ReferenceScan
from finegym.video.store.format import DISPOSABLE, KEY, REFERENCE

# Nearly every sub-action is one group of pictures; a frame late in a whole action is still found quickly.
GOP_FRAMES = 96
# B-frames in a fixed pattern, never referred to: three of four frames can be left out. No deblocking, no CABAC.
# What counts is the distance to the record's RGB, not the eye: finer chroma, less of what x264 moves from edges to flat
# areas (+0.7 dB at equal size on real clips).
# No mbtree: with AVX-512 x264 reads memory there that it never wrote, and the same frames give other bytes every time.
X264_OPTIONS = {
    "preset": "faster",
    "tune": "fastdecode",
    "x264-params": (
        f"keyint={GOP_FRAMES}:min-keyint={GOP_FRAMES}:scenecut=0:bframes=3:b-adapt=0:b-pyramid=none:mbtree=0"
        ":chroma-qp-offset=-4:aq-strength=0.5"
    ),
}
FULL_RANGE, LIMITED_RANGE = 2, 1  # AVColorRange


@dataclass(frozen=True)
class EncodedClip:
    """A clip as bytes; the fields are those of ``ClipFacts``."""

    files: Sequence[bytes]
    extradata: str
    packet_start: int
    packet_sizes: tuple[int, ...]
    packet_frames: tuple[int, ...]
    packet_roles: tuple[int, ...]
    packet_crc32: tuple[int, ...]


class Encoder(Protocol):
    """Takes frames in order, then gives the clip."""

    def add(self, picture: np.ndarray) -> None:
        """The next frame."""
        ...

    def finish(self) -> EncodedClip:
        """The clip; the encoder is used up."""
        ...


class Mp4Encoder:
    """H.264 in an mp4 in memory.

    Args:
        size: (height, width), even.
        pts: int64 (T,), of every frame that will come; distances are kept.
        time_base: of ``pts``.
        rate: frames a second, for players.
        crf: constant rate factor.
        colour_matrix: how the planes are coded, as ``FrameIndex.colour_matrix``.
        is_full_range: whether they use 0 to 255.
    """

    def __init__(
        self,
        size: tuple[int, int],
        pts: np.ndarray,
        *,
        time_base: Fraction,
        rate: Fraction,
        crf: int,
        colour_matrix: int,
        is_full_range: bool,
    ) -> None:
        self._times = iter((pts - pts[0]).tolist())
        self._num_frames = len(pts)
        self._time_base = time_base
        self._buffer = io.BytesIO()
        self._container = av.open(self._buffer, "w", format="mp4", container_options={"fflags": "+bitexact"})
        stream = self._container.add_stream("libx264", rate=rate, options={"crf": str(crf), **X264_OPTIONS})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = time_base
        context.thread_count = 1  # the same bytes on every machine, and one process a core
        # Planes are stored as they are coded; whoever makes RGB of them must know how.
        self._colours = colour_matrix, FULL_RANGE if is_full_range else LIMITED_RANGE
        context.colorspace, context.color_range = self._colours
        self._stream = stream

    def add(self, picture: np.ndarray) -> None:
        """The next frame.

        Args:
            picture: uint8 (H * 3 // 2, W), I420 planes.
        """
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.colorspace, frame.color_range = self._colours
        frame.pts, frame.time_base = next(self._times), self._time_base
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> EncodedClip:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return _list_packets(self._buffer.getvalue(), self._num_frames)


def _list_packets(data: bytes, num_frames: int) -> EncodedClip:
    """Where the packets of an mp4 lie and what each is for."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        extradata = bytes(stream.codec_context.extradata or b"")
        packets = [packet for packet in container.demux(stream) if packet.size]
        starts, sizes = [packet.pos or 0 for packet in packets], [packet.size for packet in packets]
        times, is_key = [packet.pts or 0 for packet in packets], [packet.is_keyframe for packet in packets]
        payloads = [bytes(packet) for packet in packets]
    ends = [start + size for start, size in zip(starts, sizes, strict=True)]
    assert len(packets) == num_frames and starts[1:] == ends[:-1], "one packet a frame, without gaps"
    references = ReferenceScan("h264", extradata)
    for payload in payloads:
        references.add(payload)
    is_disposable = references.find_disposable().tolist()
    roles = [
        KEY if key else DISPOSABLE if spare else REFERENCE for key, spare in zip(is_key, is_disposable, strict=True)
    ]
    frames = {time: number for number, time in enumerate(sorted(times))}
    return EncodedClip(
        files=[data],
        extradata=extradata.hex(),
        packet_start=starts[0],
        packet_sizes=tuple(sizes),
        packet_frames=tuple(frames[time] for time in times),
        packet_roles=tuple(roles),
        packet_crc32=tuple(map(zlib.crc32, payloads)),
    )


class JpegEncoder:
    """A JPEG a frame.

    Args:
        quality: 1 to 100.
    """

    def __init__(self, quality: int) -> None:
        self._quality = quality
        self._files: list[bytes] = []

    def add(self, picture: np.ndarray) -> None:
        """The next frame.

        Args:
            picture: uint8 (H, W, 3), RGB.
        """
        import simplejpeg

        picture = np.ascontiguousarray(picture)
        self._files.append(simplejpeg.encode_jpeg(picture, self._quality, colorspace="RGB", colorsubsampling="420"))

    def finish(self) -> EncodedClip:
        count = len(self._files)
        return EncodedClip(
            files=self._files,
            extradata="",
            packet_start=0,
            packet_sizes=tuple(map(len, self._files)),
            packet_frames=tuple(range(count)),
            packet_roles=(KEY,) * count,
            packet_crc32=tuple(map(zlib.crc32, self._files)),
        )
