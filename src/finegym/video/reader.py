"""Reading exact frames.

Frames are found by number or by time, never by ``number / fps``: the reader seeks to the last key frame before the one
that is wanted, decodes forward, and tells frames apart by their PTS (or, in files that have none, by counting from the
key frame). One call reads in one pass, whatever it asks for: give it all that is wanted of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np

from finegym.errors import ConfigError, VideoError
from finegym.video.decoding import Decoder, NeededDecoder, Numbered, PlainDecoder
from finegym.video.index import FrameIndex
from finegym.video.index_cache import read_index
from finegym.video.pictures import Colours, PictureMaker

# A call that begins at most this many frames behind the last one goes on with it: decoding on is cheaper than seeking.
STEP_FRAMES = 16


class VideoReader:
    """Exact frames of one video file. A context manager; not for several threads at a time.

    Args:
        path: AVI, MP4, MKV, WebM, GIF, or whatever else FFmpeg reads.
        threads: decoder threads; 1 is best where many processes read at once.
        use_cache: whether the frame index may be read from and kept in the cache (see ``index_cache``).
        backend: what decodes: ``pyav``, or ``torchcodec`` (an extra). Frames and errors are the same.

    Attributes:
        index: which frames there are.

    Raises:
        VideoError: the file is missing, empty, no video, or not one frame of it decodes.
        ConfigError: the backend is unknown or not installed.

    Example::

        with VideoReader(Path("routine.mp4")) as reader:
            still = reader.read_frames([reader.find_frame_at(1500)])[0]          # uint8 (H, W, 3)
            clip = reader.read_clip(1500, 2700, short_side=256)                  # uint8 (T, 256, W, 3)
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int = 1,
        use_cache: bool = True,
        backend: Literal["pyav", "torchcodec"] = "pyav",
    ) -> None:
        self.path = Path(path)
        self.index: FrameIndex = read_index(self.path, use_cache=use_cache)
        # Ways to decode, the first choice first. What one does not give, the next one is asked for.
        self._ways: tuple[Decoder, ...]
        if backend == "torchcodec":
            from finegym.video.torchcodec import TorchcodecDecoder

            self._ways = (TorchcodecDecoder(self.index, threads),)
        elif backend != "pyav":
            raise ConfigError(f"backend must be pyav or torchcodec, got {backend!r}")
        elif self.index.is_counted:
            self._ways = (PlainDecoder(self.index, threads),)
        else:
            self._ways = NeededDecoder(self.index, threads), PlainDecoder(self.index, threads)
        self._last: int | None = None  # the last frame of the call before
        self._turn = 0  # which read the decoders serve; one that another has interrupted begins again where it was

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free decoders and file; the next read opens them again."""
        self._last = None
        self._turn += 1
        for way in self._ways:
            way.close()

    def find_frame_at(self, time_ms: float) -> int:
        """The frame shown at a time; see ``FrameIndex.find_frame_at``."""
        return self.index.find_frame_at(time_ms)

    def read_frames(
        self,
        indices: Sequence[int] | np.ndarray,
        *,
        short_side: int | None = None,
        size: tuple[int, int] | None = None,
        colours: Colours = "rgb",
    ) -> np.ndarray:
        """Frames by number, in any order, repeats allowed.

        Args:
            indices: frame numbers, from 0.
            short_side: resize so that the shorter side has this many pixels, keeping proportions.
            size: ``(height, width)`` to resize to; exclusive with ``short_side``. Resizing is bilinear with a filter as
                wide as the reduction (swscale), in the same step as the conversion of colours.
            colours: ``rgb``; ``grey``: luma, stretched to 0 to 255; ``yuv420``: luma above U and V as OpenCV packs them
                (I420), matrix and range as coded (``index.colour_matrix``, ``index.is_full_range``).

        Returns:
            uint8, upright, in the order asked for: (T, H, W, 3) RGB, (T, H, W) grey, or (T, H * 3 // 2, W) planes.

        Raises:
            VideoError: a frame does not exist or does not decode; the message names the first.
        """
        wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
        pictures = PictureMaker(self.index, short_side, size, colours)
        if not len(wanted):
            return np.empty((0, *pictures.shape), np.uint8)
        return next(self._read_clips([wanted], pictures))[1]

    def read_clip(
        self,
        start_ms: float,
        end_ms: float,
        *,
        short_side: int | None = None,
        size: tuple[int, int] | None = None,
        colours: Colours = "rgb",
    ) -> np.ndarray:
        """The frames of ``[start_ms, end_ms)``, at least one; see ``FrameIndex.find_frames_between``.

        Returns:
            As ``read_frames``.
        """
        frames = self.index.find_frames_between(start_ms, end_ms)
        return self.read_frames(frames, short_side=short_side, size=size, colours=colours)

    def read_clips(
        self,
        clips: Sequence[Sequence[int] | np.ndarray],
        *,
        short_side: int | None = None,
        size: tuple[int, int] | None = None,
        colours: Colours = "rgb",
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Many clips in one pass over the file, from front to back; a frame that several want is decoded once.

        Args:
            clips: frame numbers of each clip, at least one a clip, in any order, overlapping or not.
            short_side: as in ``read_frames``.
            size: as in ``read_frames``.
            colours: as in ``read_frames``.

        Yields:
            ``(place in clips, frames as from read_frames)``, each as soon as its last frame is decoded. Only clips that
            overlap are held in memory at a time.

        Raises:
            VideoError: a clip is empty, or a frame does not exist (both before anything is decoded) or does not decode.
        """
        wanted = [np.asarray(clip, dtype=np.int64).reshape(-1) for clip in clips]
        empty = [place for place, clip in enumerate(wanted) if not len(clip)]
        if empty:
            raise VideoError(f"{self.path}: clip {empty[0]} of {len(wanted)} asks for no frames")
        return self._read_clips(wanted, PictureMaker(self.index, short_side, size, colours))

    def iterate_frames(
        self,
        first: int = 0,
        stop: int | None = None,
        *,
        short_side: int | None = None,
        size: tuple[int, int] | None = None,
        colours: Colours = "rgb",
    ) -> Iterator[np.ndarray]:
        """One frame after the other, without holding them all; arguments as in ``read_frames``.

        Yields:
            uint8, one picture as from ``read_frames``.
        """
        pictures = PictureMaker(self.index, short_side, size, colours)
        stop = self.index.num_frames if stop is None else stop
        self._check_there(np.array([first, stop - 1]) if stop > first else np.empty(0, np.int64))
        for _, frame in self._find(range(first, stop)):
            picture = np.empty(pictures.shape, np.uint8)
            pictures.make(frame, picture)
            yield picture

    def _read_clips(self, clips: list[np.ndarray], pictures: PictureMaker) -> Iterator[tuple[int, np.ndarray]]:
        self._check_there(np.concatenate(clips) if clips else np.empty(0, np.int64))
        slots: dict[int, list[tuple[int, int]]] = {}  # by frame: clips that want it, and where in them
        for place, clip in enumerate(clips):
            for slot, number in enumerate(clip.tolist()):
                slots.setdefault(number, []).append((place, slot))
        found: dict[int, np.ndarray] = {}
        left = [len(clip) for clip in clips]
        for number, frame in self._find(sorted(slots)):
            targets = []
            for place, slot in slots[number]:
                if place not in found:
                    found[place] = np.empty((len(clips[place]), *pictures.shape), np.uint8)
                targets.append(found[place][slot])
                left[place] -= 1
            pictures.make(frame, targets[0])
            for target in targets[1:]:
                target[...] = targets[0]
            for place in dict.fromkeys(place for place, _ in slots[number]):
                if not left[place]:
                    yield place, found.pop(place)

    def _check_there(self, wanted: np.ndarray) -> None:
        outside = wanted[(wanted < 0) | (wanted >= self.index.num_frames)]
        if outside.size:
            raise VideoError(f"{self.path}: {self.index.describe_missing(int(outside.min()))}")

    def _find(self, wanted: Sequence[int]) -> Iterator[Numbered]:
        """Decoded frames; numbers must be increasing.

        What one way of decoding does not give, the other is asked for: a damaged packet that nothing wanted is made
        from stops the plain one, and a file whose references are not as marked stops the other.
        """
        if not len(wanted):
            return
        goes_on = self._last is not None and 0 < wanted[0] - self._last <= STEP_FRAMES
        self._last = wanted[-1]
        ways = self._ways[::-1] if goes_on else self._ways
        came: Iterator[Numbered] = iter(())
        head: Numbered | None = None
        turn = -1
        for place, target in enumerate(wanted):
            if turn != self._turn:
                turn = self._turn = self._turn + 1
                came = ways[0].find(wanted[place:])
                head = next(came, None)
            if head is not None and head[0] == target:
                yield head
                if turn == self._turn:
                    head = next(came, None)
            else:
                found = next(ways[1].find([target]), None) if len(ways) > 1 else None
                if found is None:
                    self.close()
                    reason = next((way.reason for way in reversed(ways) if way.reason), "")
                    raise VideoError(
                        f"{self.path}: {self.index.describe_undecodable(target)}{': ' if reason else ''}{reason}. "
                        "Fetch or ingest the file again."
                    )
                yield found
