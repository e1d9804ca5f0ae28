"""Two ways from frame numbers to decoded frames: only what they need, or everything.

Half of the pictures in an ordinary H.264 file are B-frames that no other picture is made from. ``NeededDecoder`` feeds
the decoder those only if they are asked for, and stops behind the last packet that is needed: the decoder is emptied
rather than fed on. ``PlainDecoder`` feeds everything and can be asked for the next frame at no further cost; it is what
reading frame by frame wants, and the only way where frames must be counted. Both give the same frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import chain, groupby
from typing import Protocol

import av
import av.error
import numpy as np

from finegym.video.index import FrameIndex
from finegym.video.packets import PacketSource

Numbered = tuple[int, av.VideoFrame]


class Decoder(Protocol):
    """A way from frame numbers to decoded frames."""

    reason: str
    """Why the last frame that is missing is missing; empty where FFmpeg did not say."""

    def find(self, wanted: Sequence[int]) -> Iterator[Numbered]:
        """Those of the wanted frames that decode, in one pass; numbers must be increasing."""
        ...

    def close(self) -> None:
        """Free decoder and file; the next ``find`` opens them again."""
        ...


class NeededDecoder:
    """Decodes, from a key frame on, only the packets that the wanted frames are made from.

    Args:
        index: of a file whose frames are told apart by PTS.
        threads: of the decoder.
    """

    def __init__(self, index: FrameIndex, threads: int) -> None:
        self._index, self.reason = index, ""
        self._source = PacketSource(index, threads)

    @cached_property
    def _disposable(self) -> frozenset[int]:
        return frozenset(self._index.pts[self._index.is_disposable].tolist())

    def close(self) -> None:
        self._source.close()

    def find(self, wanted: Sequence[int]) -> Iterator[Numbered]:
        for point, numbers in groupby(wanted, self._index.find_seek_point):
            yield from self._decode_group(point, list(numbers))

    def _decode_group(self, point: int, numbers: list[int]) -> Iterator[Numbered]:
        """Frames that are decoded from the same seek point."""
        number_by_pts = dict(zip(self._index.pts[numbers].tolist(), numbers, strict=True))
        to_feed = set(number_by_pts)
        _, packets = self._source.seek(point)
        for packet in packets:
            if packet.pts in to_feed:
                to_feed.discard(packet.pts)
            elif packet.pts in self._disposable:
                continue
            if packet.size == 0:
                break
            try:
                yield from _select(self._feed(packet), number_by_pts)
            except av.error.FFmpegError as error:
                self.reason = error.strerror or ""
                # With several threads the error may be of another packet.
                if packet.pts not in self._disposable or self._source.num_threads > 1:
                    break
                del number_by_pts[packet.pts]  # nothing is made from it: the others are right
            if not to_feed:
                break
        with suppress(av.error.FFmpegError):
            yield from _select(self._source.decoder.decode(None), number_by_pts)
        self._source.decoder.flush_buffers()

    def _feed(self, packet: av.Packet) -> list[av.VideoFrame]:
        if packet.is_corrupt:
            raise av.error.InvalidDataError(0, "a packet is cut short")
        return self._source.decoder.decode(packet)


def _select(frames: Iterable[av.VideoFrame], number_by_pts: dict[int, int]) -> Iterator[Numbered]:
    for frame in frames:
        if frame.pts in number_by_pts and not frame.is_corrupt:
            yield number_by_pts[frame.pts], frame


class PlainDecoder:
    """Decodes everything from a key frame on, and goes on from there as long as it is asked for later frames.

    Args:
        index: of the file.
        threads: of the decoder; the frames are the same.
    """

    def __init__(self, index: FrameIndex, threads: int) -> None:
        self._index, self.reason = index, ""
        self._source = PacketSource(index, threads)
        self._decoded: Iterator[Numbered] = iter(())
        self._next = 0  # the frame that comes next; meaningless while nothing is open
        self._hopeless: set[int] = set()  # seek points behind which a frame does not decode from the start either

    def close(self) -> None:
        self._decoded = iter(())
        self._source.close()

    def find(self, wanted: Sequence[int]) -> Iterator[Numbered]:
        for target in wanted:
            point = self._index.find_seek_point(target)
            is_ahead = self._source.is_open and self._next <= target
            must_seek = not is_ahead or (point >= 0 and self._next < self._index.seek_frames[point])
            frame = self._read_on(target, point if must_seek else None)
            if frame is None and must_seek and point > 0 and point not in self._hopeless:
                # Files with intra refresh have key frames by name only: whole pictures come from the start alone.
                frame = self._read_on(target, -1)
                if frame is None:
                    self._hopeless.add(point)
            if frame is not None:
                yield target, frame

    def _read_on(self, target: int, point: int | None) -> av.VideoFrame | None:
        """The target, from a seek point or from where decoding is; ``None`` where it does not decode."""
        try:
            if point is not None:
                self._seek(point)
            number, frame = self._step()
            while number < target:
                number, frame = self._step()
        except av.error.FFmpegError as error:
            self.reason = error.strerror or ""
            self.close()
            return None
        if number == target and frame is not None and not frame.is_corrupt:
            return frame
        self.close()
        return None

    def _step(self) -> tuple[int, av.VideoFrame | None]:
        """The next frame; past the last one, none and a number that no frame has."""
        number, frame = next(self._decoded, (self._index.num_frames, None))
        self._next = number + 1
        return number, frame

    def _seek(self, point: int) -> None:
        """Make ``_decoded`` begin at a seek point, or before it."""
        landed, packets = self._source.seek(point)
        self._next = 0 if landed < 0 else int(self._index.seek_frames[landed])
        if not self._index.is_counted:
            self._decoded = self._identify(packets)
        elif landed < 0:
            self._decoded = self._count(packets, 0)
        else:
            # Seen at the head: does the decoder give the frame that the first pass counted here?
            counted = self._count(packets, self._next, wait_for_key=True)
            head = next(counted, None)
            if head is not None and head[1].dts == self._index.stamps[self._next]:
                self._decoded = chain([head], counted)
            else:
                self.close()
                self._seek(-1)

    def _identify(self, packets: Iterable[av.Packet]) -> Iterator[Numbered]:
        """Number decoded frames by their PTS; what the index does not know is not to be shown."""
        pts = self._index.pts
        for frame in self._decode(packets):
            number = int(np.searchsorted(pts, frame.pts)) if frame.pts is not None else len(pts)
            if number < len(pts) and pts[number] == frame.pts:
                yield number, frame

    def _count(self, packets: Iterable[av.Packet], number: int, wait_for_key: bool = False) -> Iterator[Numbered]:
        """Number decoded frames in the order in which they come; before the key frame they need earlier ones."""
        for frame in self._decode(packets):
            wait_for_key = wait_for_key and not frame.key_frame
            if not wait_for_key:
                yield number, frame
                number += 1

    def _decode(self, packets: Iterable[av.Packet]) -> Iterator[av.VideoFrame]:
        """Decode up to the first packet that is cut short or does not decode, and give what came before it whole."""
        decode = self._source.decoder.decode
        for packet in packets:
            if packet.is_corrupt:
                break
            try:
                frames = decode(packet)
            except av.error.FFmpegError as error:
                with suppress(av.error.FFmpegError):
                    yield from decode(None)
                raise error
            yield from frames
            if packet.size == 0:
                return
        yield from decode(None)


def find_damaged_frames(index: FrameIndex) -> np.ndarray:
    """Frames of a file that do not decode, or are made from one that does not; decodes everything once.

    Returns:
        int64 (D,), frame numbers, increasing; empty for a sound file. What a truncated file has lost is not among them:
        its index does not hold it (``index.damage`` says so).
    """
    decoder = PlainDecoder(index, 1) if index.is_counted else NeededDecoder(index, 1)
    try:
        found = [number for number, _ in decoder.find(range(index.num_frames))]
    finally:
        decoder.close()
    return np.setdiff1d(np.arange(index.num_frames), found)
