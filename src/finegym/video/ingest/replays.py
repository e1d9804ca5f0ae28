"""Candidates for replays and slow motion, for a person to confirm.

Three things make a stretch suspicious: it lies between two gradual changes that look alike (broadcasters frame a replay
by one and the same graphic); what it shows was shown before, at the same speed or a higher one; its frames are repeated
or blended. None proves anything: candidates carry a score and the reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from finegym.video.ingest.changes import measure_blocks
from finegym.video.ingest.cuts import Cut
from finegym.video.ingest.signals import Signals

_LONGEST_MS = 45_000.0
_SHORTEST_MS = 1_000.0
_ALIKE = 4.0  # grey levels that most of two pictures of one graphic may differ
_BACK_MS = 120_000.0  # how far back the original is looked for
_STEP_MS = 125.0
_SPEEDS = (1.0, 0.75, 0.6, 0.5, 0.4, 1 / 3, 0.25, 0.2)
_MOVEMENT = 1.0  # grey levels by which a stretch must differ from its own mean to be recognised again
_MATCH = 0.6  # correlation with the original
_LEAD = 0.15  # by which it must exceed every other place


class Replay(BaseModel):
    """A stretch that may show again what was shown before.

    Attributes:
        start_frame: its first frame.
        end_frame: the first frame behind it.
        start_ms: on the record's clock.
        end_ms: likewise; half-open.
        score: 0 to 1; the better the reasons, the higher.
        reasons: ``framed`` (between two gradual changes that look alike), ``shown-before``.
        original_start_ms: where what it shows was shown before; ``None`` where it was not found.
        original_end_ms: likewise.
        speed: at which it runs, relative to the original; ``None`` where that was not found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_frame: int
    end_frame: int
    start_ms: float
    end_ms: float
    score: float
    reasons: tuple[str, ...]
    original_start_ms: float | None = None
    original_end_ms: float | None = None
    speed: float | None = None


def find_replays(
    signals: Signals, cuts: Sequence[Cut], end: tuple[int, float], origin_ms: float | None = None
) -> tuple[Replay, ...]:
    """Replay candidates, in order.

    Args:
        signals: of the record, or of a part of it.
        cuts: of the same, in order.
        end: the frame behind the last and when that ends, in milliseconds.
        origin_ms: when the record begins, so that a part is looked at in the same steps as the whole; by default its
            first picture.
    """
    framed = {(a.frame, b.frame): score for a, b, score in _find_framed(signals, cuts)}
    edges = [(0, float(signals.times_ms[0])), *((cut.frame, cut.time_ms) for cut in cuts), end]
    times = dict(edges)
    shots = [((a, b), (start, stop)) for (a, start), (b, stop) in pairwise(edges)]
    pictures = _Pictures(signals, [times for _, times in shots], origin_ms)
    found: dict[tuple[int, int], Replay] = {}
    for (a, b), score in framed.items():
        found[a, b] = Replay(
            start_frame=a, end_frame=b, start_ms=times[a], end_ms=times[b], score=score, reasons=("framed",)
        )
    for place, (start_ms, end_ms) in shots:
        match = pictures.find_original(start_ms, end_ms)
        if match is None:
            continue
        score, original_start, original_end, speed = match
        reasons: tuple[str, ...] = ("shown-before",)
        around = [stretch for stretch in framed if stretch[0] <= place[0] and place[1] <= stretch[1]]
        if around:  # a shot of a framed stretch
            place, reasons = around[0], ("framed", "shown-before")
            score = (1 + max(score, found[place].score)) / 2
        found[place] = Replay(
            start_frame=place[0],
            end_frame=place[1],
            start_ms=times[place[0]],
            end_ms=times[place[1]],
            score=round(score, 3),
            reasons=reasons,
            original_start_ms=round(original_start, 3),
            original_end_ms=round(original_end, 3),
            speed=round(speed, 3),
        )
    return tuple(found[place] for place in sorted(found))


def _find_framed(signals: Signals, cuts: Sequence[Cut]) -> list[tuple[Cut, Cut, float]]:
    """Pairs of gradual changes in a row that look alike, with a score.

    Where three or more in a row are alike, the way into one replay must not be taken for the way out of another: as
    many pairs as can be, and of those the shortest in all.
    """
    gradual = [cut for cut in cuts if cut.is_gradual]
    # best[n]: (pairs, -total duration, the pairs) among the first n changes.
    best: list[tuple[int, float, list[tuple[Cut, Cut, float]]]] = [(0, 0.0, [])]
    for place, last in enumerate(gradual):
        choice = best[-1]
        if place:
            first = gradual[place - 1]
            duration = last.time_ms - first.time_ms
            if _SHORTEST_MS <= duration <= _LONGEST_MS:
                difference = _compare_graphics(signals, first, last)
                if difference < _ALIKE:
                    pairs, total, chosen = best[-2]
                    score = round(0.9 - 0.4 * difference / _ALIKE, 3)
                    choice = max(choice, (pairs + 1, total - duration, [*chosen, (first, last, score)]), key=_rank)
        best.append(choice)
    return best[-1][2]


def _rank(choice: tuple[int, float, list[tuple[Cut, Cut, float]]]) -> tuple[int, float]:
    return choice[:2]


def _compare_graphics(signals: Signals, first: Cut, last: Cut) -> float:
    """How much the pictures within two gradual changes differ where they are most alike, in grey levels.

    The median over blocks: behind the graphic, different shots may be seen.
    """
    inside = []
    for cut in (first, last):
        places = np.flatnonzero((signals.frames >= cut.begin_frame) & (signals.frames < cut.end_frame))
        middle = np.argsort(np.abs(signals.frames[places] - cut.frame), kind="stable")[:5]
        inside.append(places[middle].tolist())
    return min((float(np.median(measure_blocks(signals, a, b))) for a in inside[0] for b in inside[1]), default=np.inf)


class _Pictures:
    """The pictures of a record at even times, each without what is the same all through its shot."""

    def __init__(self, signals: Signals, shots: Sequence[tuple[float, float]], origin_ms: float | None = None) -> None:
        first = float(signals.times_ms[0])
        origin = first if origin_ms is None else origin_ms
        self.start_ms = origin + _STEP_MS * np.ceil((first - origin) / _STEP_MS)
        grid = np.arange(self.start_ms, float(signals.times_ms[-1]) + _STEP_MS, _STEP_MS)
        places = np.searchsorted(signals.times_ms, grid, side="right").clip(1) - 1
        self.pictures = np.stack(
            [cv2.resize(signals.luma[place], (32, 18), interpolation=cv2.INTER_AREA).reshape(-1) for place in places]
        ).astype(np.float32)
        for start_ms, end_ms in shots:
            inside = (grid >= start_ms) & (grid < end_ms)
            if inside.any():
                self.pictures[inside] -= self.pictures[inside].mean(0)
        self.movement = np.abs(self.pictures).mean(1)
        self.pictures /= np.linalg.norm(self.pictures, axis=1, keepdims=True) + 1e-6

    def find_original(self, start_ms: float, end_ms: float) -> tuple[float, float, float, float] | None:
        """Where a stretch was shown before: (score, start, end, speed); ``None`` where it was not."""
        first, stop = (int(np.ceil((time - self.start_ms) / _STEP_MS)) for time in (start_ms, end_ms))
        stop = min(stop, len(self.pictures))
        back = max(0, first - round(_BACK_MS / _STEP_MS))
        length = stop - first
        if not _SHORTEST_MS <= end_ms - start_ms <= _LONGEST_MS or self.movement[first:stop].mean() < _MOVEMENT:
            return None
        likeness = self.pictures[first:stop] @ self.pictures[back:first].T
        best: tuple[float, int, float, float] | None = None
        for speed in _SPEEDS:
            offsets = np.round(speed * np.arange(length)).astype(int)
            starts = np.arange(max(0, first - back - int(offsets[-1])))
            if len(starts) < 2:
                continue
            means = likeness[np.arange(length), starts[:, None] + offsets].mean(1)
            place = int(means.argmax())
            elsewhere = means[np.abs(starts - place) > 1000 / _STEP_MS]
            lead = float(means[place] - (elsewhere.max() if len(elsewhere) else 0.0))
            if best is None or means[place] > best[0]:
                best = float(means[place]), place, speed, lead
        if best is None or best[0] < _MATCH or best[3] < _LEAD:
            return None
        start = self.start_ms + (back + best[1]) * _STEP_MS
        return best[0], start, start + best[2] * (end_ms - start_ms), best[2]
