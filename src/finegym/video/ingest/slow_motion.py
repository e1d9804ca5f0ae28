"""Candidates for slow motion: frames repeated or blended, or what was shown before at a higher speed.

To see repeated and blended frames takes every frame of a stretch. So only suspicious shots are decoded, eighteen frames
of each: those of replay candidates, those in which pictures stand still between moving ones, and those with many
packets that hold next to nothing, as an encoder makes of a frame that repeats the one before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from finegym.video.index import FrameIndex
from finegym.video.ingest.changes import compute_difference
from finegym.video.ingest.cuts import Cut
from finegym.video.ingest.replays import Replay
from finegym.video.ingest.signals import Signals
from finegym.video.media import get_video_stream, open_media
from finegym.video.reader import VideoReader

_NUM_FRAMES = 18
_SIZE = (90, 160)
_PERIODS = (2, 3, 4, 5)
_LEAST_MOVEMENT = 0.4  # grey levels; of what moves less, encoders make patterns of their own
_REPEATED = 0.25  # movement in repeated frames, relative to that between them
_BLENDED = 0.3  # distance of blended frames from the mean of their neighbours, relative to that of the others
_STILL = 0.15  # grey levels
_STILL_SHARE = 0.2
_TINY = 0.06  # of the mean packet
_TINY_SHARE = 0.1


class SlowMotion(BaseModel):
    """A shot that may be slowed down.

    Attributes:
        start_frame: its first frame.
        end_frame: the first frame behind it.
        start_ms: on the record's clock.
        end_ms: likewise; half-open.
        score: 0 to 1.
        reasons: ``repeated-frames``, ``blended-frames``, ``slower-than-before`` (than where it was shown before).
        speed: relative to life.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_frame: int
    end_frame: int
    start_ms: float
    end_ms: float
    score: float
    reasons: tuple[str, ...]
    speed: float


def find_slow_motion(
    reader: VideoReader,
    signals: Signals,
    cuts: Sequence[Cut],
    replays: Sequence[Replay],
    *,
    frames: range | None = None,
    sizes: np.ndarray | None = None,
) -> tuple[SlowMotion, ...]:
    """Slow-motion candidates, one a shot at most, in order.

    Args:
        reader: of the record; decodes eighteen frames of every suspicious shot.
        signals: of the record, or of a part of it.
        cuts: of the same, in order.
        replays: candidates of the same.
        frames: the part; the whole record by default.
        sizes: what ``read_packet_sizes`` says; it is read by default.

    Raises:
        VideoError: a frame of a suspicious shot does not decode.
    """
    index = reader.index
    frames = range(index.num_frames) if frames is None else frames
    begins = [frames.start, *(cut.end_frame for cut in cuts)]
    ends = [*(cut.begin_frame for cut in cuts), frames.stop]
    difference = compute_difference(signals)
    sizes = read_packet_sizes(index) if sizes is None else sizes
    found = []
    for begin, end in zip(begins, ends, strict=True):
        if end - begin < _NUM_FRAMES // 2:
            continue
        replay = next((r for r in replays if r.start_frame <= begin and end <= r.end_frame), None)
        reasons: dict[str, tuple[float, float]] = {}  # score and speed
        if replay is not None and replay.speed is not None and replay.speed < 0.9:
            reasons["slower-than-before"] = replay.score, replay.speed
        if replay is not None or _is_suspicious(signals, difference, sizes, begin, end):
            first = range(begin, min(end, begin + _NUM_FRAMES))
            reasons |= _look_at_frames(reader.read_frames(first, size=_SIZE, colours="grey"))
        if reasons:
            found.append(
                SlowMotion(
                    start_frame=begin,
                    end_frame=end,
                    start_ms=float(index.pts_ms[begin]),
                    end_ms=float(index.pts_ms[end]) if end < index.num_frames else index.end_ms,
                    score=round(max(score for score, _ in reasons.values()), 3),
                    reasons=tuple(sorted(reasons)),
                    speed=round(min(speed for _, speed in reasons.values()), 3),
                )
            )
    return tuple(found)


def _is_suspicious(signals: Signals, difference: np.ndarray, sizes: np.ndarray, begin: int, end: int) -> bool:
    first, stop = np.searchsorted(signals.frames, [begin, end])
    inside = difference[first : max(first, stop - 1)]
    is_still = inside < _STILL
    if len(inside) >= 5 and _STILL_SHARE <= is_still.mean() < 1 and np.median(inside[~is_still]) > 2 * _STILL:
        return True
    packets = sizes[begin + 1 : end]  # without the key frame of the cut
    return len(packets) > 0 and float((packets < _TINY * packets.mean()).mean()) >= _TINY_SHARE


def read_packet_sizes(index: FrameIndex) -> np.ndarray:
    """int64 (T,): bytes of each frame's packet; empty where packets do not tell frames apart."""
    if index.is_counted:
        return np.empty(0, np.int64)
    sizes = np.zeros(index.num_frames, np.int64)
    with open_media(index.path) as container:
        for packet in container.demux(get_video_stream(container, index.path)):
            if packet.pts is not None:
                number = int(np.searchsorted(index.pts, packet.pts))
                if number < index.num_frames and index.pts[number] == packet.pts:
                    sizes[number] = packet.size
    return sizes


def _look_at_frames(frames: np.ndarray) -> dict[str, tuple[float, float]]:
    """Whether frames in a row, uint8 (T, H, W), are repeated or blended: score and speed by reason."""
    pictures = frames.astype(np.int16)
    steps = np.abs(np.diff(pictures, axis=0)).mean((1, 2))
    rests = {period: _compare_phases(steps, period) for period in _PERIODS}
    period = next((period for period in _PERIODS if rests[period] < _REPEATED), None)
    if period is not None:
        return {"repeated-frames": (1 - rests[period], 1 / period)}
    # Every second frame is the mean of its neighbours: what lies between two frames of the original.
    # One grey level of that is rounding.
    bends = np.maximum(np.abs(2 * pictures[1:-1] - pictures[:-2] - pictures[2:]) - 1, 0).mean((1, 2))
    halves = sorted((float(np.median(bends[::2])), float(np.median(bends[1::2]))))
    if halves[1] >= _LEAST_MOVEMENT and halves[0] < _BLENDED * halves[1]:
        return {"blended-frames": (1 - halves[0] / halves[1], 0.5)}
    return {}


def _compare_phases(steps: np.ndarray, period: int) -> float:
    """How much the calm phases of a period move, relative to the one that moves most; 1 where none does."""
    # Medians: one fade or flash does not make a phase.
    phases = sorted(float(np.median(steps[phase::period])) for phase in range(period))
    return float(np.mean(phases[:-1])) / phases[-1] if phases[-1] >= _LEAST_MOVEMENT else 1.0
