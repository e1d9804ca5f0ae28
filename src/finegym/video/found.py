"""What a pass over a file found, and where it must stop believing it: truncated files.

Behind a gap every frame number would be too low, so the frames kept are those that no missing packet can precede. How a
cut is noticed depends on what the container promises.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

# A Matroska file that ends this much before its header says has lost its tail (where its size does not tell).
TAIL_TOLERANCE_S = 0.5
# MPEG-TS promises nothing; but its packets have one of these sizes, and H.264 reorders at most sixteen frames.
TRANSPORT_PACKET_BYTES, TAIL_FRAMES = (188, 192, 204), 16


@dataclass
class FoundFrames:
    """What a pass found out."""

    time_base: Fraction
    pts: np.ndarray
    is_key: np.ndarray
    seek_frames: np.ndarray
    seek_stamps: np.ndarray
    end_pts: int
    num_packets: int
    stamps: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    is_disposable: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    position: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    packet_bytes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    hidden_pts: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    damage: str = ""
    end_s: float = 0.0
    safe_until: int = 0
    num_flushed: int = 0

    def lose_tail(self, damage: str) -> None:
        """Keep only the frames before which nothing can be missing."""
        self.damage = damage
        if len(self.stamps):
            # What the decoder held back came out when it was told that the file ends: frames may be missing between.
            keep = max(0, len(self.pts) - self.num_flushed)
        else:
            keep = int(np.searchsorted(self.pts, self.safe_until, side="right"))
        if keep < len(self.pts):
            self.end_pts = int(self.pts[keep])
        for name in ("pts", "is_key", "stamps", "is_disposable", "position", "packet_bytes"):
            setattr(self, name, getattr(self, name)[:keep])
        kept = self.seek_frames < keep
        self.seek_frames, self.seek_stamps = self.seek_frames[kept], self.seek_stamps[kept]


def find_safe_end(pts: list[int], dts: list[int | None]) -> int:
    """The PTS up to which no frame can be missing, if packets are missing only after the last one there.

    Two bounds, the lower one counts. A missing packet has a later DTS than those there, and no PTS is before its DTS;
    but Matroska has no DTS, FFmpeg makes them up. And a missing packet is shown before at most as many of those there
    as any packet so far was shown before packets that preceded it.
    """
    held: list[int] = []
    depth = 0
    for time in pts:
        place = bisect_left(held, time)
        depth = max(depth, len(held) - place)
        held.insert(place, time)
    known = [time for time in dts if time is not None]
    if len(held) <= depth or not known:
        return min(held, default=0) - 1
    return min(held[len(held) - depth - 1], max(known))


def compute_end(pts: np.ndarray, durations: np.ndarray) -> int:
    """When the last frame stops being shown; where the file does not say, it lasts as long as frames usually do."""
    if len(pts) == 0:
        return 0
    last = int(durations[-1])
    if last <= 0:
        last = max(1, int(np.median(np.diff(pts)))) if len(pts) > 1 else 1
    return int(pts[-1]) + last


def compute_promise(
    path: Path, container: av.container.InputContainer, stream: av.video.stream.VideoStream, frames: FoundFrames
) -> int | None:
    """How many frames the container promises; a broken promise is noted as damage."""
    # In MP4 the entries are what is left of the sample table once edit lists are applied; Matroska promises a duration.
    if container.format.name.startswith("mov"):
        promised = len(stream.index_entries) - len(frames.hidden_pts)
        if promised > len(frames.pts) and not frames.damage:
            frames.lose_tail("the file ends early")
        return promised
    if container.format.name == "gif":
        if not _has_gif_trailer(path):
            frames.safe_until = int(frames.pts[-1]) - 1  # the last picture may be cut short
            frames.lose_tail("the file ends early")
        return None
    if container.format.name == "mpegts":
        if all(path.stat().st_size % size for size in TRANSPORT_PACKET_BYTES):
            frames.lose_tail("the file ends inside a packet")
        elif _has_holes_at_end(frames.pts):
            frames.lose_tail("frames are missing at its end")
        return None
    if stream.frames:
        if stream.frames > frames.num_packets and not frames.damage:
            frames.lose_tail("the file ends early")
        return stream.frames
    if container.duration is None or stream.average_rate is None:
        return None
    # Matroska writers disagree whether the duration counts from 0 or from the first frame: the earlier end is promised.
    is_short = container.duration / av.time_base - frames.end_s > TAIL_TOLERANCE_S
    if not frames.damage and (is_short or path.stat().st_size < _read_matroska_end(path)):
        frames.lose_tail("the file ends early")
    return round(container.duration / av.time_base * stream.average_rate) if frames.damage else None


def _has_holes_at_end(pts: np.ndarray) -> bool:
    """Whether among the last frames some are shown much longer than usual: a cut takes B-frames before what follows."""
    steps = np.diff(pts)
    return bool(len(steps) and steps[-TAIL_FRAMES:].max() > 1.5 * np.median(steps))


def _has_gif_trailer(path: Path) -> bool:
    """Whether a GIF ends as it should; some programs write zeros after the trailer."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        return file.read().rstrip(b"\0\r\n").endswith(b";")


def _read_matroska_end(path: Path) -> int:
    """Where a Matroska or WebM file promises to end, in bytes; 0 where it does not (or is none).

    The first element is the EBML header, the second the segment, which holds everything else (RFC 8794, RFC 9559).
    """
    with path.open("rb") as file:
        head = file.read(4096)
    position = 0
    for name in (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"):
        if not head.startswith(name, position) or len(head) < position + 12:
            return 0
        position += 4
        length = 9 - head[position].bit_length()
        size = int.from_bytes(head[position : position + length]) & (1 << 7 * length) - 1
        if size == (1 << 7 * length) - 1:
            return 0  # "unknown": a live recording
        position += length + size
    return position


def is_cut_short(path: Path, container: str, promised: int | None, num_packets: int) -> bool:
    """Whether a file whose frames are counted ends before it should.

    An AVI says how long its chunks are; how many frames its header promises is no help, because FFmpeg counts empty
    ones when it copies field-coded streams. Where those lengths were never filled in, and in other containers, the
    promise counts.
    """
    if container == "avi":
        end = _read_riff_end(path)
        if end:
            return path.stat().st_size < end
    return promised is not None and num_packets < promised


def _read_riff_end(path: Path) -> int:
    """Where an AVI promises to end, in bytes: behind its last RIFF chunk; 0 where it does not say.

    Large files have several such chunks in a row (OpenDML).
    """
    size = path.stat().st_size
    end = 0
    with path.open("rb") as file:
        while end < size:
            file.seek(end)
            head = file.read(12)
            if len(head) < 12 or head[:4] != b"RIFF" or head[8:12] not in (b"AVI ", b"AVIX"):
                break
            length = int.from_bytes(head[4:8], "little")
            if length == 0:
                return 0
            end += 8 + length + length % 2
    return end
