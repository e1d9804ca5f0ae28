"""Reading exact frames.

Frames are found by number or by time, never by ``number / fps``: the reader seeks to the last key frame before the one
that is wanted, decodes forward, and tells frames apart by their PTS (or, in files that have none, by counting from the
key frame). Frames that are wanted later in the same stretch are decoded once: ask for many in one call, or call in
increasing order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from types import TracebackType

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from finegym.errors import VideoError
from finegym.video.index import FrameIndex
from finegym.video.index_cache import read_index
from finegym.video.scan import get_video_stream, open_media


def compute_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """``(height, width)`` with the short side as asked and the long one in proportion, rounded to even numbers.

    Example:
        >>> compute_size(720, 1280, 256)
        (256, 456)
    """
    scale = short_side / min(height, width)

    def fit(length: int) -> int:
        return short_side if length == min(height, width) else max(2, 2 * round(length * scale / 2))

    return fit(height), fit(width)


class VideoReader:
    """Exact frames of one video file. A context manager; not for several threads at a time.

    Args:
        path: AVI, MP4, MKV, WebM, GIF, or whatever else FFmpeg reads.
        threads: decoder threads; 1 is best where many processes read at once.
        use_cache: whether the frame index may be read from and kept in the cache (see ``index_cache``).

    Attributes:
        index: which frames there are.

    Raises:
        VideoError: the file is missing, empty, no video, or not one frame of it decodes.

    Example::

        with VideoReader(Path("routine.mp4")) as reader:
            still = reader.read_frames([reader.find_frame_at(1500)])[0]          # uint8 (H, W, 3)
            clip = reader.read_clip(1500, 2700, short_side=256)                  # uint8 (T, 256, W, 3)
    """

    def __init__(self, path: Path, *, threads: int = 1, use_cache: bool = True) -> None:
        self.path = Path(path)
        self.index: FrameIndex = read_index(self.path, use_cache=use_cache)
        self._threads = threads
        self._opened = ExitStack()
        self._container: av.container.InputContainer | None = None
        self._decoded: Iterator[tuple[int, av.VideoFrame]] = iter(())
        self._next = 0  # the frame that the decoder gives next; meaningless while nothing is open
        self._reformatter = VideoReformatter()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free decoder and file; the next read opens them again."""
        self._decoded = iter(())
        self._container = None
        self._opened.close()

    def find_frame_at(self, time_ms: float) -> int:
        """The frame shown at a time; see ``FrameIndex.find_frame_at``."""
        return self.index.find_frame_at(time_ms)

    def read_frames(
        self, indices: Sequence[int] | np.ndarray, *, short_side: int | None = None, size: tuple[int, int] | None = None
    ) -> np.ndarray:
        """Frames by number, in any order, repeats allowed.

        Args:
            indices: frame numbers, from 0.
            short_side: resize so that the shorter side has this many pixels, keeping proportions.
            size: ``(height, width)`` to resize to; exclusive with ``short_side``. Resizing is bilinear with a filter as
                wide as the reduction (swscale), in the same step as the conversion to RGB.

        Returns:
            uint8 (T, H, W, 3), RGB, upright, in the order asked for.

        Raises:
            VideoError: a frame does not exist or does not decode; the message names the first.
        """
        wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
        outside = wanted[(wanted < 0) | (wanted >= self.index.num_frames)]
        if outside.size:
            raise VideoError(f"{self.path}: {self.index.describe_missing(int(outside.min()))}")
        height, width = self._compute_output_size(short_side, size)
        frames = np.empty((len(wanted), height, width, 3), np.uint8)
        unique, places = np.unique(wanted, return_inverse=True)
        order = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[order], np.arange(len(unique)), side="right")
        for rank, (_, frame) in enumerate(self._find_frames(unique.tolist())):
            slots = order[ends[rank - 1] if rank else 0 : ends[rank]]
            frames[slots] = self._convert(frame, height, width)
        return frames

    def read_clip(
        self, start_ms: float, end_ms: float, *, short_side: int | None = None, size: tuple[int, int] | None = None
    ) -> np.ndarray:
        """The frames of ``[start_ms, end_ms)``, at least one; see ``FrameIndex.find_frames_between``.

        Returns:
            uint8 (T, H, W, 3), RGB.
        """
        return self.read_frames(self.index.find_frames_between(start_ms, end_ms), short_side=short_side, size=size)

    def iterate_frames(
        self,
        first: int = 0,
        stop: int | None = None,
        *,
        short_side: int | None = None,
        size: tuple[int, int] | None = None,
    ) -> Iterator[np.ndarray]:
        """One frame after the other, without holding them all; arguments as in ``read_frames``.

        Yields:
            uint8 (H, W, 3), RGB.
        """
        height, width = self._compute_output_size(short_side, size)
        for _, frame in self._find_frames(range(first, self.index.num_frames if stop is None else stop)):
            yield self._convert(frame, height, width)

    # How frames are found.

    def _find_frames(self, wanted: Sequence[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        """The wanted frames; numbers must be increasing."""
        describe = self.index.describe_undecodable
        for target in wanted:
            seek_point = max(0, int(np.searchsorted(self.index.seek_frames, target, side="right")) - 1)
            is_ahead = self._container is not None and self._next <= target
            if not is_ahead or self._next < self.index.seek_frames[seek_point]:
                self._seek(seek_point)
            try:
                number, frame = self._step()
                while number < target:
                    number, frame = self._step()
            except av.error.FFmpegError as error:
                self.close()
                raise VideoError(
                    f"{self.path}: {describe(target)}: {error.strerror}. Fetch or ingest the file again."
                ) from error
            if number != target or frame is None or frame.is_corrupt:
                self.close()
                raise VideoError(f"{self.path}: {describe(target)}. Fetch or ingest the file again.")
            yield number, frame

    def _step(self) -> tuple[int, av.VideoFrame | None]:
        """The next frame; past the last one, none and a number that no frame has."""
        number, frame = next(self._decoded, (self.index.num_frames, None))
        self._next = number + 1
        return number, frame

    def _open(self) -> None:
        self.close()
        self._container = self._opened.enter_context(open_media(self.path))
        self._stream = get_video_stream(self._container, self.path)
        # Where frames are counted, the stamps that are compared depend on the number of threads.
        self._stream.codec_context.thread_count = 1 if self._is_counted else self._threads
        self._stream.codec_context.thread_type = "SLICE" if self._is_counted or self._threads == 1 else "AUTO"

    @property
    def _is_counted(self) -> bool:
        return self.index.stamps.size > 0

    def _seek(self, seek_point: int) -> None:
        """Make ``_decoded`` begin at a seek point, or before it where the container cannot do better."""
        is_fresh = self._container is None
        if is_fresh:
            self._open()
        if not is_fresh or seek_point > 0:
            for point in range(seek_point, max(-1, seek_point - 2), -1):
                if self._try_seek(point, seek_point):
                    return
            self._open()
        assert self._container is not None
        packets = self._container.demux(self._stream)
        self._decoded = self._count(packets, 0) if self._is_counted else self._identify(packets)
        self._next = 0

    def _try_seek(self, point: int, latest: int) -> bool:
        """Seek to a point; whether it landed on a key frame that is known and not after ``latest``."""
        assert self._container is not None
        stamps = self.index.seek_stamps
        try:
            self._container.seek(int(stamps[point]), stream=self._stream, backward=True, any_frame=False)
            packets = self._container.demux(self._stream)
            first = next(packets, None)
            # Containers seek by DTS or PTS, exactly or nearly: look where it landed.
            stamp = None if first is None else first.dts if self._is_counted else first.pts
            if first is None or stamp is None or not first.is_keyframe or stamp > stamps[latest]:
                return False
            landed = int(np.searchsorted(stamps, stamp))
            packets = chain([first], packets)
            if not self._is_counted:
                self._decoded = self._identify(packets)
            elif stamps[landed] == stamp:
                number = int(self.index.seek_frames[landed])
                counted = self._count(packets, number, wait_for_key=True)
                head = next(counted, None)
                if head is None or head[1].dts != self.index.stamps[number]:
                    return False
                self._decoded = chain([head], counted)
            else:
                return False
        except av.error.FFmpegError:
            return False
        self._next = int(self.index.seek_frames[landed])
        return True

    def _identify(self, packets: Iterable[av.Packet]) -> Iterator[tuple[int, av.VideoFrame]]:
        """Number decoded frames by their PTS; what the index does not know is not to be shown."""
        pts = self.index.pts
        for frame in self._decode(packets):
            number = int(np.searchsorted(pts, frame.pts)) if frame.pts is not None else len(pts)
            if number < len(pts) and pts[number] == frame.pts:
                yield number, frame

    def _count(
        self, packets: Iterable[av.Packet], number: int, wait_for_key: bool = False
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Number decoded frames in the order in which they come; before the key frame they need earlier ones."""
        for frame in self._decode(packets):
            wait_for_key = wait_for_key and not frame.key_frame
            if not wait_for_key:
                yield number, frame
                number += 1

    def _decode(self, packets: Iterable[av.Packet]) -> Iterator[av.VideoFrame]:
        """Decode up to the first packet that is cut short or does not decode, and give what came before it whole."""
        for packet in packets:
            if packet.is_corrupt:
                break
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                with suppress(av.error.FFmpegError):
                    yield from self._stream.codec_context.decode(None)
                raise error
            yield from frames
        else:
            return
        yield from self._stream.codec_context.decode(None)

    # How frames become arrays.

    def _compute_output_size(self, short_side: int | None, size: tuple[int, int] | None) -> tuple[int, int]:
        if short_side is not None and size is not None:
            raise VideoError(f"{self.path}: give short_side or size, not both (got {short_side} and {size})")
        if short_side is not None:
            size = compute_size(self.index.height, self.index.width, short_side)
        height, width = size or (self.index.height, self.index.width)
        if min(height, width) < 1:
            raise VideoError(f"{self.path}: frames must have at least one pixel, got {height} x {width} asked for")
        return height, width

    def _convert(self, frame: av.VideoFrame, height: int, width: int) -> np.ndarray:
        """Decoded frame to upright RGB."""
        turned = self.index.rotation in (90, 270)
        expected = (self.index.width, self.index.height) if turned else (self.index.height, self.index.width)
        if (frame.height, frame.width) != expected:
            raise VideoError(
                f"{self.path}: the picture size changes from {expected[1]}x{expected[0]} to "
                f"{frame.width}x{frame.height} on the way. Re-encode the file to one size."
            )
        if turned:
            height, width = width, height
        picture = self._reformatter.reformat(
            frame, width=width, height=height, format="rgb24", interpolation="BILINEAR", threads=1
        ).to_ndarray()
        if self.index.is_mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, -self.index.rotation // 90) if self.index.rotation else picture
