"""Cuts, to the exact frame: found in the thumbnails of the quick pass, placed by decoding the frames between two.

A cut is a picture that the one before cannot explain (see ``changes``), far beyond what is usual around it, with a
picture behind it that nothing before explains either: after a flash the old picture comes back, after a cut it does
not. Where several pictures in a row are unexplained (a wipe, a fast fade) the change is gradual, and the cut counts at
its middle.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from pydantic import BaseModel, ConfigDict

from finegym.video.ingest.changes import compute_difference, measure_change
from finegym.video.ingest.signals import LUMA_SIZE, Signals
from finegym.video.reader import VideoReader

# Chosen on simulated records and on edited real clips that no test and no reported number uses.
_LIMIT = 2.2  # times what is usual around
_WEAK_LIMIT = 1.3  # beside a picture that exceeds the limit
_USUAL = 4.0  # grey levels of change that are never remarkable
_NEIGHBOURS = 12  # pictures on either side by which "usual" is measured
_NEAR = 6  # pictures on either side of a remarkable one that may be part of the same change
_FLASH_MS = 400.0  # by then a flash, or somebody before the lens, is gone
_FLASH_REST = 0.25  # of a flash's change may be left by motion when it is over
_SHARE_OF_HARD = 0.5  # of all change, in one step


class Cut(BaseModel):
    """A change from one shot to the next.

    Attributes:
        frame: the first frame of the new shot; of a gradual change, its middle.
        time_ms: when that frame is shown, on the record's clock.
        begin_frame: the first frame that is no longer the old shot alone; ``frame`` for a hard cut.
        end_frame: the first frame that is the new shot alone; ``frame`` for a hard cut.
        is_gradual: a wipe or a fast fade.
        score: 0.5 at the limit, towards 1 the more the change stands out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: int
    time_ms: float
    begin_frame: int
    end_frame: int
    is_gradual: bool
    score: float


def find_cuts(reader: VideoReader, signals: Signals) -> tuple[Cut, ...]:
    """All cuts of a record, in order.

    Args:
        reader: of the record; decodes a few frames a cut, and none where the frames beside the cut were looked at.
        signals: of the same record.

    Raises:
        VideoError: a frame beside a cut does not decode.
    """
    changes = _Changes(signals)
    cuts = []
    for first, last in changes.find_events():
        for run in changes.drop_flashes(first, last):
            cuts.append(_place_cut(reader, signals, *run, changes.scores))
    return tuple(cuts)


class _Changes:
    """Changes of a record's pictures, each measured when it is first asked for."""

    def __init__(self, signals: Signals) -> None:
        self.times_ms = signals.times_ms
        self.measure = cache(lambda before, after: measure_change(signals, before, after))
        self.bound = compute_difference(signals)
        self.scores = self._score_pairs()

    def _score_pairs(self) -> np.ndarray:
        """float64 (N - 1,): change of each picture from the one before, in multiples of what is usual around it.

        0 for pairs that are neither beyond the limit nor near one that is.
        """
        scores = np.zeros(len(self.bound))
        # The difference across a cut exceeds that of the pairs beside it; where theirs is larger, they are the seeds.
        beside = np.pad(self.bound, 1, constant_values=-np.inf)
        is_peak = (self.bound >= beside[:-2]) & (self.bound >= beside[2:])
        for pair in np.flatnonzero(is_peak & (self.bound >= _LIMIT * _USUAL)).tolist():
            score = self._score(pair, _LIMIT)
            if score >= _LIMIT:
                scores[pair] = score
        for seed in np.flatnonzero(scores).tolist():
            for pair in range(max(0, seed - _NEAR), min(len(scores), seed + 1 + _NEAR)):
                if not scores[pair]:
                    scores[pair] = self._score(pair, _WEAK_LIMIT)
        return scores

    def _score(self, pair: int, limit: float) -> float:
        """The score of a pair; 0 where it cannot reach a limit."""
        if self.bound[pair] < limit * _USUAL:
            return 0.0
        change = self.measure(pair, pair + 1)
        if change < limit * _USUAL:
            return 0.0
        usual = self._measure_usual(pair, most=change / limit - _USUAL)
        return 0.0 if usual is None else change / (_USUAL + usual)

    def _measure_usual(self, pair: int, most: float = np.inf) -> float | None:
        """What change is usual around a pair of pictures; ``None``, without measuring all, where it exceeds ``most``.

        The median of every second pair on either side, without the pair and its neighbours.
        """
        stop = min(len(self.bound), pair + 1 + _NEIGHBOURS)
        around = [*range(pair - 2, max(-1, pair - 1 - _NEIGHBOURS), -2), *range(pair + 2, stop, 2)]
        usual: list[float] = []
        num_beyond = 0
        for near in around:
            usual.append(self.bound[near] if self.bound[near] < 2.0 else self.measure(near, near + 1))
            num_beyond += usual[-1] > most
            if 2 * num_beyond > len(around):
                return None
        return float(np.median(usual)) if usual else 0.0

    def find_events(self) -> list[tuple[int, int]]:
        """First and last pair of every stretch of remarkable changes that follow each other within a flash's time."""
        events: list[tuple[int, int]] = []
        for pair in np.flatnonzero(self.scores >= _WEAK_LIMIT).tolist():
            if events and self.times_ms[pair] - self.times_ms[events[-1][1] + 1] <= _FLASH_MS:
                events[-1] = events[-1][0], pair
            else:
                events.append((pair, pair))
        return [(first, last) for first, last in events if self.scores[first : last + 1].max() >= _LIMIT]

    def drop_flashes(self, first: int, last: int) -> list[tuple[int, int]]:
        """The runs of remarkable pairs in an event behind which the old picture does not come back."""
        runs = []
        pair = first
        while pair <= last:
            if self.scores[pair] < _WEAK_LIMIT:
                pair += 1
                continue
            stop = pair
            while stop < last and self.scores[stop + 1 : stop + 3].max() >= _WEAK_LIMIT:
                stop += 1
            largest = pair + int(self.scores[pair : stop + 1].argmax())
            limit = _LIMIT * (_USUAL + (self._measure_usual(largest) or 0.0))
            # A flash changes far more than motion does while it lasts.
            enough = max(limit, _FLASH_REST * self.measure(pair, pair + 1))
            back = [later for later in self._list_later(pair, last) if self.measure(pair, later) < enough]
            if back:
                pair = max(back)  # whatever happened, the old picture is there again
                continue
            # The new picture may be there before the run ends, with a flash behind it.
            there = [later for later in range(pair + 1, stop + 2) if self.measure(later, stop + 1) < limit]
            if self.scores[pair : there[0]].max() >= _LIMIT:
                runs.append((pair, there[0] - 1))
            pair = stop + 1
        return runs

    def _list_later(self, pair: int, last: int) -> list[int]:
        """Pictures of an event behind a pair, and three soon behind the event: a flash may fade."""
        until = int(np.searchsorted(self.times_ms, self.times_ms[last + 1] + _FLASH_MS, side="right"))
        soon = np.linspace(last + 1, max(last + 1, until - 1), 3).astype(int).tolist()
        return [later for later in [*range(pair + 1, last + 1), *soon] if later > pair]


def _place_cut(reader: VideoReader, signals: Signals, first: int, last: int, scores: np.ndarray) -> Cut:
    """The cut of a run of pairs: hard at one frame, or gradual between two."""
    run = scores[first : last + 1]
    score = float(run.max())
    if np.count_nonzero(run >= score / 2) == 1:
        first = last = first + int(run.argmax())
    old, new = int(signals.frames[first]), int(signals.frames[last + 1])
    begin = end = new
    if last > first:
        begin, end = _measure_extent(reader, signals, first, last)
    elif new - old > 1:
        begin = end = old + 1 + int(_measure_steps(reader, old, new).argmax())
    frame = (begin + end) // 2
    return Cut(
        frame=frame,
        time_ms=float(reader.index.pts_ms[frame]),
        begin_frame=begin,
        end_frame=end,
        is_gradual=end > begin,
        score=round(score / (score + _LIMIT), 3),
    )


def _measure_extent(reader: VideoReader, signals: Signals, first: int, last: int) -> tuple[int, int]:
    """Begin and end of a change over several pictures: where its first and last step is that matters."""
    margin = last - first + 1  # its faint beginning and end may not have been remarkable
    old = int(signals.frames[max(0, first - margin)])
    new = int(signals.frames[min(len(signals.frames) - 1, last + 1 + margin)])
    steps = _measure_steps(reader, old, new)
    core = slice(int(signals.frames[first]) - old, int(signals.frames[last + 1]) - old)
    largest = core.start + int(steps[core].argmax())
    if steps[largest] >= _SHARE_OF_HARD * steps[core].sum():
        return old + 1 + largest, old + 1 + largest
    matters = steps >= steps[largest] / 4
    begin = end = largest
    while begin > 0 and matters[max(0, begin - 2) : begin].any():  # one calm step is bridged
        begin -= 1
    while end < len(steps) - 1 and matters[end + 1 : end + 3].any():
        end += 1
    return old + 1 + begin, old + 1 + end


def _measure_steps(reader: VideoReader, first: int, last: int) -> np.ndarray:
    """float64 (last - first,): mean absolute difference of each frame from the one before, in grey levels."""
    pictures = reader.read_frames(range(first, last + 1), size=LUMA_SIZE).astype(np.int16)
    return np.abs(np.diff(pictures, axis=0)).mean((1, 2, 3))
