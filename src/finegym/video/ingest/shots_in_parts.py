"""Cuts, replays and slow motion of a record of any length in the memory of ten minutes: part after part.

Everything that finding them looks at lies near: a cut among its neighbours, the original of a replay at most two
minutes before it. So a part is looked at together with what lies around it, and what begins in the part itself is kept.
One pass decodes the record once; what two parts share stays in memory.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finegym.errors import VideoError
from finegym.files import hash_samples
from finegym.video.index_cache import read_index
from finegym.video.ingest.cuts import Cut, find_cuts
from finegym.video.ingest.replays import Replay, find_replays
from finegym.video.ingest.shots import Shots
from finegym.video.ingest.signals import Signals, iterate_looks
from finegym.video.ingest.slow_motion import SlowMotion, find_slow_motion, read_packet_sizes
from finegym.video.reader import VideoReader

PART_MS = 360_000.0
BEFORE_MS = 130_000.0
"""Originals of replays are looked for two minutes back."""
AFTER_MS = 110_000.0
"""Of a shot that begins in a part; a longer one seems to end here."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a record, and what lies around it.

    Attributes:
        start_ms: where the part begins, on the record's clock; ``-inf`` for the first.
        end_ms: where the next begins; ``inf`` for the last.
        frames: of the part and around it.
        signals: of these frames.
    """

    start_ms: float
    end_ms: float
    frames: range
    signals: Signals


def iterate_parts(
    path: Path, *, part_ms: float = PART_MS, before_ms: float = BEFORE_MS, after_ms: float = AFTER_MS
) -> Iterator[Part]:
    """Look at a record once, from its first frame to its last, a part at a time; empty parts are left out.

    Args:
        path: of the record.
        part_ms: length of a part.
        before_ms: what of the time before a part is seen with it.
        after_ms: and of the time after it.

    Raises:
        VideoError: the file is missing, empty, no video, or not one frame of it decodes.
    """
    index = read_index(path)
    damaged: set[int] = set()
    looks = iterate_looks(path, index, damaged)
    held: deque[tuple[int, np.ndarray, np.ndarray]] = deque()
    number_of_parts = max(1, math.ceil((index.end_ms - index.start_ms) / part_ms))
    for place in range(number_of_parts):
        start_ms = index.start_ms + place * part_ms
        is_last = place == number_of_parts - 1
        until_ms = math.inf if is_last else start_ms + part_ms + after_ms
        while held and index.pts_ms[held[0][0]] < start_ms - before_ms:
            held.popleft()
        for number, luma, colours in looks:
            held.append((number, luma, np.stack(colours)))
            if index.pts_ms[number] >= until_ms:
                break
        if held:
            yield Part(
                -math.inf if place == 0 else start_ms,
                math.inf if is_last else start_ms + part_ms,
                range(0 if place == 0 else held[0][0], index.num_frames if is_last else held[-1][0] + 1),
                _make_signals(held, index.pts_ms, damaged),
            )


def find_cuts_in_parts(path: Path, **lengths: float) -> tuple[Cut, ...]:
    """As ``find_cuts`` of the whole record; ``lengths`` are those of ``iterate_parts``."""
    cuts: list[Cut] = []
    with VideoReader(path) as reader:
        for part in iterate_parts(path, **lengths):
            cuts += [cut for cut in find_cuts(reader, part.signals) if part.start_ms <= cut.time_ms < part.end_ms]
    return tuple(cuts)


def find_shots_in_parts(path: Path, **lengths: float) -> Shots:
    """As ``find_shots`` of the whole record; ``lengths`` are those of ``iterate_parts``.

    Raises:
        VideoError: the record cannot be read, or a frame beside a cut does not decode.
    """
    path = Path(path)
    cuts: list[Cut] = []
    replays: list[Replay] = []
    slow_motion: list[SlowMotion] = []
    last_ms, usual_ms = -math.inf, 0.0
    with VideoReader(path) as reader:
        index = reader.index
        sizes = read_packet_sizes(index)
        for part in iterate_parts(path, **lengths):
            near = find_cuts(reader, part.signals)
            stop = part.frames.stop
            end = (stop, float(index.pts_ms[stop]) if stop < index.num_frames else index.end_ms)
            again = find_replays(part.signals, near, end, index.start_ms)
            slow = find_slow_motion(reader, part.signals, near, again, frames=part.frames, sizes=sizes)
            cuts += [one for one in near if part.start_ms <= one.time_ms < part.end_ms]
            replays += [one for one in again if part.start_ms <= one.start_ms < part.end_ms]
            slow_motion += [one for one in slow if part.start_ms <= one.start_ms < part.end_ms]
            usual_ms = max(usual_ms, float(np.diff(part.signals.times_ms).max(initial=0.0)))
            last_ms = float(part.signals.times_ms[-1])
        if not math.isfinite(last_ms):
            raise VideoError(f"{path}: the quick pass saw no frame (of {index.num_frames}). Fetch the file again.")
        behind = index.end_ms - last_ms
        return Shots(
            num_frames=index.num_frames,
            start_ms=index.start_ms,
            end_ms=index.end_ms,
            cuts=tuple(cuts),
            replays=tuple(replays),
            slow_motion=tuple(slow_motion),
            unsearched_ms=round(behind, 3) if behind > 2 * usual_ms + 1000 else 0.0,
            record_fingerprint=hash_samples(path),
        )


def _make_signals(held: deque[tuple[int, np.ndarray, np.ndarray]], pts_ms: np.ndarray, damaged: set[int]) -> Signals:
    # A damaged stream may break the order in display, and may give a frame twice.
    frames, order = np.unique(np.array([number for number, _, _ in held], np.int64), return_index=True)
    rows = list(held)
    return Signals(
        frames=frames,
        times_ms=pts_ms[frames],
        luma=np.stack([rows[place][1] for place in order]),
        chroma=np.stack([rows[place][2] for place in order]),
        damaged=np.array(sorted(number for number in damaged if frames[0] <= number <= frames[-1]), np.int64),
    )
