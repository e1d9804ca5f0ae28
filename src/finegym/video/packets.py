"""Packets of one file from a seek point on, wherever its container really lands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

import av
import av.error
import numpy as np

from finegym.errors import VideoError
from finegym.video.index import FrameIndex
from finegym.video.media import get_video_stream, identify_file, open_media

# In these, a slice that does not decode is an error. Elsewhere decoders complain about files that are sound (XviD).
STRICT_CODECS = {"h264", "hevc"}


class PacketSource:
    """An open file that packets come from; opened when first asked, again after ``close``.

    Args:
        index: of the file.
        threads: of its decoder.

    Attributes:
        decoder: decodes the packets; of the file that is open now.
        num_threads: that it uses.
    """

    decoder: av.VideoCodecContext

    def __init__(self, index: FrameIndex, threads: int) -> None:
        self._index = index
        # Where frames are counted, the stamps that are compared depend on the number of threads.
        self.num_threads = 1 if index.is_counted else threads
        self._opened = ExitStack()
        self._container: av.container.InputContainer | None = None

    @property
    def is_open(self) -> bool:
        return self._container is not None

    def close(self) -> None:
        """Free decoder and file."""
        self._container = None
        self._opened.close()

    def seek(self, point: int) -> tuple[int, Iterator[av.Packet]]:
        """Go to a seek point, or before it where the container cannot do better.

        Args:
            point: number of a seek point of the index; -1 for the start of the file.

        Returns:
            The seek point that the packets begin at, not after the one asked for; -1 for the start of the file. And the
            packets from there to the end of the file, without leading pictures: those that come behind the key frame
            but are shown before it are made from frames before it too.
        """
        is_at_start = not self.is_open and point == 0 and self._index.seek_frames[0] == 0
        if not is_at_start:
            # Containers seek by DTS or PTS, exactly or nearly: look where it landed, and step back further and further.
            for step in (0, 1, 3, 7):
                landed = self._try(point - step, point) if step <= point else None
                if landed is not None:
                    return landed
        self.close()
        packets = self._demux()
        return -1, packets if point < 0 or self._index.is_counted else self._leave_out_leading(packets, 0)

    def _demux(self) -> Iterator[av.Packet]:
        if self._container is None:
            if self._index.file_id not in (None, identify_file(self._index.path)):
                raise VideoError(f"{self._index.path}: is another file than the one that was indexed. Open it anew.")
            self._container = self._opened.enter_context(open_media(self._index.path))
            self._stream = get_video_stream(self._container, self._index.path)
            for stream in self._container.streams:
                if stream.index != self._stream.index:
                    stream.discard = av.stream.Discard.all  # sound is not even read
            self.decoder = self._stream.codec_context
            self.decoder.thread_count = self.num_threads
            self.decoder.thread_type = "SLICE" if self.num_threads == 1 else "AUTO"
            if self._index.codec in STRICT_CODECS:
                self.decoder.options = {"err_detect": "explode"}
        return self._container.demux(self._stream)

    def _try(self, point: int, latest: int) -> tuple[int, Iterator[av.Packet]] | None:
        """Seek to a point; ``None`` unless that leads to a key frame that is known and not after ``latest``."""
        self._demux()
        assert self._container is not None
        stamps = self._index.seek_stamps
        try:
            self._container.seek(int(stamps[point]), stream=self._stream, backward=True, any_frame=False)
            packets = self._container.demux(self._stream)
            for packet in packets:
                stamp = packet.dts if self._index.is_counted else packet.pts
                if packet.is_keyframe and stamp is not None:
                    landed = int(np.searchsorted(stamps, stamp))
                    if landed > latest or stamps[landed] != stamp:
                        return None
                    packets = chain([packet], packets)
                    return landed, packets if self._index.is_counted else self._leave_out_leading(packets, landed)
        except av.error.FFmpegError:
            pass
        return None

    def _leave_out_leading(self, packets: Iterator[av.Packet], point: int) -> Iterator[av.Packet]:
        first_pts = int(self._index.seek_stamps[point])
        return (packet for packet in packets if packet.pts is None or packet.pts >= first_pts)
