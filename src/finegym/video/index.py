"""Which frames a file has, and when each is shown.

A frame is identified by its number in display order and its presentation time stamp (PTS) in the file's own time base;
never by ``number / fps``. Frames count from 0. Times are milliseconds on the record's own clock, which is the PTS clock
of the file: what the container says, start offset included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from finegym.errors import VideoError

UNKNOWN_MATRIX = 2


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """Every frame of one video file, in display order. Made by ``read_index``.

    Attributes:
        path: the file.
        pts: int64 (T,), strictly increasing; when each frame is shown, in units of ``time_base``.
        end_pts: when the last frame stops being shown.
        time_base: seconds in one unit of ``pts``.
        is_key: bool (T,), frames at which decoding can start.
        seek_frames: int64 (K,), increasing: the first frame that is right when decoding starts at seek point k.
        seek_stamps: int64 (K,), the time stamp by which the container finds seek point k.
        stamps: int64 (T,) what the decoder writes on each frame where the file has no PTS of its own (AVI); empty where
            it has, and frames are told apart by PTS.
        is_disposable: bool (T,), frames that no other frame is decoded from; empty where frames are counted.
        position: int64 (T,), byte position of each frame's packet in the file, -1 where the container does not tell;
            empty where frames are counted.
        packet_bytes: int64 (T,), size of each frame's packet; empty where frames are counted.
        hidden_pts: int64 (H,), of the stored frames that are not to be shown (before the start of an edit list).
        width: of the frame as shown, in pixels (after rotation).
        height: of the frame as shown, in pixels.
        rotation: clockwise degrees by which the coded picture is turned to be shown: 0, 90, 180 or 270.
        is_mirrored: whether the coded picture is mirrored left to right, before it is turned.
        codec: FFmpeg's name of the codec (``"h264"``).
        container: FFmpeg's name of the container (``"mov"``, ``"avi"``, ``"matroska"``).
        pixel_format: FFmpeg's name of the coded pixel format (``"yuv420p"``).
        colour_matrix: how colours are coded, as numbered by ITU-T H.273 (1: BT.709, 5 and 6: BT.601, 2: not said).
        is_full_range: whether the planes use 0 to 255 rather than 16 to 235.
        num_frames_header: the number of frames that the container promises; ``None`` where it makes no promise.
        has_audio: whether there is a sound track.
        size_bytes: of the file.
        file_id: device and inode of the file, so that one put in its place is noticed.
        damage: what is wrong with the file, in words; empty for a sound one. Frames before the damage can be read.
    """

    path: Path
    pts: np.ndarray
    end_pts: int
    time_base: Fraction
    is_key: np.ndarray
    seek_frames: np.ndarray
    seek_stamps: np.ndarray
    stamps: np.ndarray
    width: int
    height: int
    rotation: int
    is_mirrored: bool
    codec: str
    container: str
    pixel_format: str
    num_frames_header: int | None
    has_audio: bool
    size_bytes: int
    colour_matrix: int = UNKNOWN_MATRIX
    is_full_range: bool = False
    file_id: tuple[int, int] | None = None
    damage: str = ""
    is_disposable: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    position: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    packet_bytes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    hidden_pts: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def num_frames(self) -> int:
        """Frames that can be shown."""
        return len(self.pts)

    @property
    def num_discarded(self) -> int:
        """Frames that are stored but not to be shown."""
        return len(self.hidden_pts)

    @property
    def is_counted(self) -> bool:
        """Whether frames are told apart by counting them, because the file has no PTS (AVI)."""
        return self.stamps.size > 0

    @cached_property
    def pts_ms(self) -> np.ndarray:
        """float64 (T,): when each frame is shown, in milliseconds."""
        return self.pts * self.time_base.numerator * 1000 / self.time_base.denominator

    @property
    def start_ms(self) -> float:
        """When the first frame is shown."""
        return float(self.pts_ms[0])

    @property
    def end_ms(self) -> float:
        """When the last frame stops being shown."""
        return float(self.end_pts * self.time_base * 1000)

    @property
    def fps_average(self) -> float:
        """Frames a second, on average. For people to read; frames are found by PTS."""
        return float(self.num_frames / ((self.end_pts - int(self.pts[0])) * self.time_base))

    @cached_property
    def is_constant_rate(self) -> bool:
        """Whether all frames are shown equally long, give or take the rounding of the time base and of milliseconds."""
        steps = np.diff(self.pts_ms)
        return bool(len(steps) == 0 or steps.max() - steps.min() <= 2.0)

    def find_seek_point(self, frame: int) -> int:
        """The last seek point from which a frame can be decoded; -1 where that is the start of the file."""
        return int(np.searchsorted(self.seek_frames, frame, side="right")) - 1

    def find_frame_at(self, time_ms: float) -> int:
        """The frame *shown* at a time: the last one whose PTS is not later.

        A time before the first frame gives frame 0, which players show while they wait for it.

        Raises:
            VideoError: the time is negative, or the video is over by then.
        """
        if not 0 <= time_ms < self.end_ms:  # not a number is no time either
            raise VideoError(
                f"{self.path}: nothing is shown at {time_ms:g} ms: the video runs from {self.start_ms:g} to "
                f"{self.end_ms:g} ms{self._describe_loss()}"
            )
        # Exact: p * time_base * 1000 <= t, in integers.
        latest = int(Fraction(time_ms) / (1000 * self.time_base) // 1)
        return max(0, int(np.searchsorted(self.pts, latest, side="right")) - 1)

    def find_frames_between(self, start_ms: float, end_ms: float) -> range:
        """The frames that begin in ``[start_ms, end_ms)``; at least one.

        PTS are rounded to whole milliseconds first, because annotated times are: a time that was written down from a
        frame's PTS finds that frame again, and intervals that touch share no frame. Where no frame begins inside (the
        interval is shorter than a frame), it is the one shown at ``start_ms``. An interval that reaches past the last
        frame ends with it.

        Raises:
            VideoError: ``end_ms`` does not exceed ``start_ms``; the interval lies wholly outside the video; or it
                reaches into a part of the file that is damaged or missing.
        """
        if not end_ms > start_ms:
            raise VideoError(f"{self.path}: end must exceed start, got [{start_ms:g}, {end_ms:g}) ms")
        if self.damage and end_ms > self.end_ms:
            raise VideoError(
                f"{self.path}: [{start_ms:g}, {end_ms:g}) ms is not all there: {self.describe_missing(self.num_frames)}"
            )
        times = np.rint(self.pts_ms)
        if end_ms <= times[0] or start_ms >= self.end_ms:
            raise VideoError(
                f"{self.path}: [{start_ms:g}, {end_ms:g}) ms lies outside the video, which runs from "
                f"{self.start_ms:g} to {self.end_ms:g} ms"
            )
        first, stop = np.searchsorted(times, [start_ms, end_ms], side="left").tolist()
        if first == stop:
            first, stop = stop - 1, stop
        return range(first, stop)

    def describe_missing(self, frame: int) -> str:
        """Why a frame cannot be had, for error messages."""
        if frame < 0 or (not self.damage and frame >= self.num_frames):
            return f"there is no frame {frame}: it has {self.num_frames}, counted from 0"
        return self.describe_undecodable(min(frame, self.num_frames))

    def describe_undecodable(self, frame: int) -> str:
        """That a frame is promised but does not decode, for error messages."""
        promised = self.num_frames if self.num_frames_header is None and not self.damage else self.num_frames_header
        facts = [] if promised is None else [f"header promises {promised}"]
        facts += [self.damage] if self.damage else []
        return f"frame {frame} does not decode ({'; '.join(facts)})"

    def _describe_loss(self) -> str:
        return f"; {self.describe_missing(self.num_frames)}" if self.damage else ""
