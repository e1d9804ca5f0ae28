"""One pass over the packets of a video stream, without decoding: times, sizes, order."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from finegym.video.media import get_video_stream, open_media


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets of the video stream, in file order.

    Attributes:
        time_base: seconds in one unit of ``pts`` and ``dts``.
        pts: int64 (P,), units of ``time_base``; packets without one are left out.
        dts: int64 (P,), likewise, of those that have one.
        size_bytes: int64 (P,), of the packets in ``pts``.
        is_key: bool (P,), of the packets in ``pts``.
        num_missing_pts: packets without a PTS.
        stop: why reading stopped early; empty where it did not.
    """

    time_base: Fraction
    pts: np.ndarray
    dts: np.ndarray
    size_bytes: np.ndarray
    is_key: np.ndarray
    num_missing_pts: int
    stop: str

    @property
    def pts_ms(self) -> np.ndarray:
        """float64 (P,): PTS in milliseconds."""
        return self.pts * self.time_base.numerator * 1000 / self.time_base.denominator


def read_packets(path: Path) -> Packets:
    """Read all packets of the video stream; other streams are not read.

    Raises:
        VideoError: the file cannot be opened, or holds no video.
    """
    pts: list[int] = []
    dts: list[int] = []
    sizes: list[int] = []
    keys: list[bool] = []
    num_missing = 0
    stop = ""
    with open_media(path) as container:
        stream = get_video_stream(container, path)
        for other in container.streams:
            if other.index != stream.index:
                other.discard = av.stream.Discard.all
        try:
            for packet in container.demux(stream):
                if packet.dts is not None:
                    dts.append(packet.dts)
                if packet.pts is not None:
                    pts.append(packet.pts)
                    sizes.append(packet.size)
                    keys.append(packet.is_keyframe)
                elif packet.size:
                    num_missing += 1
        except av.error.FFmpegError as error:
            stop = f"reading stops: {error.strerror}"
        time_base = Fraction(stream.time_base or 1)
    return Packets(
        time_base=time_base,
        pts=np.array(pts, np.int64),
        dts=np.array(dts, np.int64),
        size_bytes=np.array(sizes, np.int64),
        is_key=np.array(keys, bool),
        num_missing_pts=num_missing,
        stop=stop,
    )
