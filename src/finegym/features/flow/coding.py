"""The file of a clip's flow: quantised as H.264, or float16 as it is. Any pair of either is read without the others.

Quantised, a pair of frames is one picture: dx above dy in luma, chroma constant, planes written as they are, because
pixel formats without chroma make libraries stretch the range (0.7 px of error). Every ``GOP_PAIRS`` pictures decoding
can begin anew, and no picture waits for a later one. Adaptive quantisation is off: it spends half of the bits where
flow is smooth, which pleases the eye and does not lessen the error.
"""

from __future__ import annotations

import io
import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from finegym.errors import OutputError
from finegym.features.carried import METADATA_KEY
from finegym.features.flow.quantise import ZERO_CODE

GOP_PAIRS = 8
CRF = 12
_FULL_RANGE = 2  # AVColorRange
# Without CABAC decoding takes two thirds of the time, at 18 % more bytes. mbtree=0: with it the same input gives other
# bytes every time (see ``video.store.encode``).
_OPTIONS = {
    "preset": "veryfast",
    "crf": str(CRF),
    "x264-params": (
        f"keyint={GOP_PAIRS}:min-keyint={GOP_PAIRS}:scenecut=0:bframes=0:mbtree=0:aq-mode=0:psy=0:cabac=0:fullrange=on"
    ),
}
_SPOOL_BYTES = 64_000_000


class QuantisedWriter:
    """Takes codes pair by pair, then gives the ``.mp4``.

    Args:
        height: of a field in pixels.
        width: of a field in pixels; odd ones are padded inside of the file by one column.
        rate: pictures a second, for players.
    """

    suffix = ".mp4"

    def __init__(self, height: int, width: int, rate: Fraction) -> None:
        self._height, self._width = height, width
        self._planes = np.full((3 * height, width + width % 2), ZERO_CODE, np.uint8)
        self._buffer = io.BytesIO()
        self._container = av.open(self._buffer, "w", format="mp4", container_options={"fflags": "+bitexact"})
        stream = self._container.add_stream("libx264", rate=rate, options=_OPTIONS)
        stream.height, stream.width, stream.pix_fmt = 2 * height, self._planes.shape[1], "yuv420p"
        stream.codec_context.thread_count = 1  # the same bytes on every machine
        stream.codec_context.color_range = _FULL_RANGE
        self._stream = stream
        self._num_pairs = 0

    def add(self, codes: np.ndarray) -> None:
        """The next pairs.

        Args:
            codes: uint8 (P, H, W, 2).
        """
        for picture in codes:
            self._planes[: self._height, : self._width] = picture[..., 0]
            self._planes[self._height : 2 * self._height, : self._width] = picture[..., 1]
            self._planes[: 2 * self._height, self._width :] = self._planes[
                : 2 * self._height, self._width - 1 : self._width
            ]
            frame = av.VideoFrame.from_ndarray(self._planes, format="yuv420p")
            frame.color_range = _FULL_RANGE
            frame.pts = self._num_pairs
            self._container.mux(self._stream.encode(frame))
            self._num_pairs += 1

    def finish(self) -> dict[str, object]:
        """End the clip; what ``decode_pairs`` needs to know of it."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        with av.open(io.BytesIO(self._buffer.getvalue()), "r") as container:
            stream = container.streams.video[0]
            packets = [packet for packet in container.demux(stream) if packet.size]
            extradata = bytes(stream.codec_context.extradata or b"")
            starts, sizes = [packet.pos or 0 for packet in packets], [packet.size for packet in packets]
            sums = [zlib.crc32(packet) for packet in packets]
        ends = [start + size for start, size in zip(starts, sizes, strict=True)]
        assert len(packets) == self._num_pairs and starts[1:] == ends[:-1], "one packet a pair, without gaps"
        return {"extradata": extradata.hex(), "gop": GOP_PAIRS, "start": starts[0], "sizes": sizes, "crc32": sums}

    def encode(self, facts: str) -> Iterator[bytes]:
        """The file: the same packets at the same places, and the facts as its comment, behind them."""
        out = io.BytesIO()
        with (
            av.open(io.BytesIO(self._buffer.getvalue()), "r") as old,
            av.open(out, "w", format="mp4", container_options={"fflags": "+bitexact"}) as new,
        ):
            new.metadata["comment"] = facts
            stream = new.add_stream_from_template(old.streams.video[0])
            for packet in old.demux(old.streams.video[0]):
                if packet.size:
                    packet.stream = stream
                    new.mux(packet)
        yield out.getvalue()


class Float16Writer:
    """Takes fields pair by pair, then gives the ``.safetensors``: ``flow``, float16 (P, H, W, 2).

    Args:
        height: of a field in pixels.
        width: of a field in pixels.
        spool: folder for what does not fit into memory until the clip is written; the system's by default.
    """

    suffix = ".safetensors"

    def __init__(self, height: int, width: int, spool: Path | None = None) -> None:
        self._height, self._width, self._spool = height, width, spool
        where = None if spool is None else str(spool)
        self._file = tempfile.SpooledTemporaryFile(_SPOOL_BYTES, dir=where)  # noqa: SIM115  (lives with the writer)
        self._sums: list[int] = []

    def add(self, fields: np.ndarray) -> None:
        """The next pairs.

        Args:
            fields: float (P, H, W, 2).

        Raises:
            OutputError: there is no place for them.
        """
        for field in fields:
            data = field.astype("<f2").tobytes()
            self._sums.append(zlib.crc32(data))
            try:
                self._file.write(data)
            except OSError as error:
                with suppress(OSError):
                    self._file.close()
                raise OutputError(
                    f"{self._spool or tempfile.gettempdir()}: flow cannot be kept there while a clip is computed: "
                    f"{error.strerror}. Free space."
                ) from error

    def finish(self) -> dict[str, object]:
        """End the clip; what ``read_rows`` needs to know of it."""
        return {"crc32": self._sums}

    def encode(self, facts: str) -> Iterator[bytes]:
        """The file, in pieces; the writer is used up."""
        shape = len(self._sums), self._height, self._width, 2
        num_bytes = int(np.prod(shape)) * 2
        header = {
            "__metadata__": {METADATA_KEY: facts},
            "flow": {"dtype": "F16", "shape": shape, "data_offsets": [0, num_bytes]},
        }
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        yield len(text).to_bytes(8, "little") + text
        with self._file as file:
            file.seek(0)
            while piece := file.read(1 << 24):
                yield piece


def choose_packets(wanted: Iterable[int], gop: int) -> list[int]:
    """The packets from which the wanted pairs can be decoded, in order.

    Args:
        wanted: pair numbers.
        gop: decoding can begin at every so many pairs.

    Example:
        >>> choose_packets([9, 10, 33], 8)
        [8, 9, 10, 32, 33]
    """
    last = {pair // gop: pair for pair in sorted(wanted)}
    return [packet for group, pair in last.items() for packet in range(group * gop, pair + 1)]


def decode_pairs(
    extradata: bytes, packets: Sequence[bytes], numbers: Sequence[int]
) -> Iterator[tuple[int, np.ndarray]]:
    """Pictures of packets.

    Args:
        extradata: of the clip.
        packets: of ``choose_packets``.
        numbers: the pair of each packet.

    Yields:
        ``(pair, luma)``, luma uint8 (2 * H, W rounded up to even): dx above dy. A view, good until the next.

    Raises:
        av.error.FFmpegError: a packet does not decode.
    """
    context = av.CodecContext.create("h264", "r")
    context.extradata = extradata
    context.thread_count = 1
    for data, number in zip(packets, numbers, strict=True):
        packet = av.Packet(data)
        packet.pts = number
        for frame in context.decode(packet):
            yield frame.pts or 0, _get_luma(frame)
    for frame in context.decode(None):
        yield frame.pts or 0, _get_luma(frame)


def _get_luma(frame: av.VideoFrame) -> np.ndarray:
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:, : frame.width]
