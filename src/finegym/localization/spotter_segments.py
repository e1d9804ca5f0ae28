"""From scores a frame to events, and from events to segments.

The rule by which segments are formed, in words:

1. The *peaks* of an event are the frames in which no frame of the window around it scores higher.
2. A segment of a class is a chain of one peak of each of its moments, in order, each later than the one before, the
   last at most so long after the first. Every pair of a first and a last moment makes one segment; of the moments in
   between those are taken that score highest together.
3. Its score is the geometric mean of its moments' scores; times the probability that its class neither starts nor ends
   in between, every peak there counting as an event with its score; times the mean probability of its frames to lie
   inside of its class, where the network says that.
4. Of segments of one class that overlap too much, the one with the highest score stays (the localizer does that).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finegym.localization.spotter_events import EventClasses


@dataclass(frozen=True, eq=False)
class Peaks:
    """Frames in which an event may happen, in order of time.

    Attributes:
        frames: int64 (P,).
        scores: float64 (P,), in (0, 1].
    """

    frames: np.ndarray
    scores: np.ndarray


def find_peaks(scores: np.ndarray, window: int, min_score: float) -> Peaks:
    """The frames whose score no frame at most ``window`` away exceeds.

    Frames that are equally high near each other all stay.

    Args:
        scores: float (T,), of one event.
        window: 0 keeps every frame.
        min_score: frames below it are left out.

    Source:
        ``non_maximum_supression`` of Hong et al. (github.com/jhong93/spot): frames that are suppressed themselves
        suppress others too.

    Example:
        >>> find_peaks(np.array([0.1, 0.5, 0.4, 0.3]), window=1, min_score=0.05).frames.tolist()
        [1]
        >>> find_peaks(np.array([0.1, 0.5, 0.2, 0.3]), window=1, min_score=0.05).frames.tolist()
        [1, 3]
    """
    padded = np.pad(scores.astype(np.float64), window, constant_values=-np.inf)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * window + 1).max(axis=1)
    frames = np.flatnonzero((scores >= min_score) & (scores == highest) & (scores > 0))
    return Peaks(frames, scores[frames].astype(np.float64))


@dataclass(frozen=True, eq=False)
class FormedSegments:
    """Segments in frames, ``[start, end)``.

    Attributes:
        frames: int64 (N, 2).
        class_index: int64 (N,).
        scores: float64 (N,).
    """

    frames: np.ndarray
    class_index: np.ndarray
    scores: np.ndarray


def form_segments(
    peaks: Sequence[Peaks],
    classes: EventClasses,
    times_ms: np.ndarray,
    *,
    max_length_ms: int,
    min_score: float,
    inside: np.ndarray | None = None,
) -> FormedSegments:
    """All segments that peaks form, by the rule at the top of this file, before any of them is suppressed.

    Args:
        peaks: of every event.
        classes: of the events.
        times_ms: int64 (T + 1,): when each frame begins; last, when the last one ends.
        max_length_ms: of a segment.
        min_score: segments below it are left out.
        inside: float (T, C + 1), the probability of each frame to lie inside of each class, column 0: of none;
            ``None``: not known.
    """
    found = []
    for index, first_event in enumerate(classes.first_events):
        moments = [peaks[first_event + m] for m in range(classes.num_moments[index])]
        frames, scores = _join_moments(moments, times_ms, max_length_ms)
        if inside is not None and len(frames):
            sums = np.concatenate([[0.0], np.cumsum(inside[:, index + 1], dtype=np.float64)])
            scores = scores * (sums[frames[:, 1]] - sums[frames[:, 0]]) / (frames[:, 1] - frames[:, 0])
        is_kept = scores >= min_score
        found.append((frames[is_kept], np.full(is_kept.sum(), index, np.int64), scores[is_kept]))
    frames, class_index, scores = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return FormedSegments(frames, class_index, scores)


def _join_moments(moments: Sequence[Peaks], times_ms: np.ndarray, max_length_ms: int) -> tuple[np.ndarray, np.ndarray]:
    """Chains of one class: first and last frames int64 (N, 2), and scores (N,)."""
    first, last = moments[0], moments[-1]
    # Logarithm of "no other start until here", before each start; the same of ends.
    no_start = np.concatenate([[0.0], np.cumsum(_log_not(first.scores))])
    no_end = np.concatenate([[0.0], np.cumsum(_log_not(last.scores))])
    pairs, scores = [], []
    for place, (start, score) in enumerate(zip(first.frames.tolist(), first.scores.tolist(), strict=True)):
        best = _reach(moments[1:], start, np.log(score))  # (P of the last moment,)
        is_near = times_ms[last.frames] - times_ms[start] <= max_length_ms
        ends = np.flatnonzero(np.isfinite(best) & is_near)
        starts_before = np.searchsorted(first.frames, last.frames[ends], side="left")
        ends_before = np.searchsorted(last.frames, start, side="right")
        others = no_start[starts_before] - no_start[place + 1] + no_end[ends] - no_end[ends_before]
        pairs += [(start, end) for end in last.frames[ends].tolist()]
        scores += np.exp(best[ends] / len(moments) + others).tolist()
    return np.array(pairs, np.int64).reshape(-1, 2), np.array(scores, np.float64)


def _reach(moments: Sequence[Peaks], start: int, log_score: float) -> np.ndarray:
    """The highest sum of logarithms of a chain from a first moment to each peak of the last; -inf: there is none."""
    frames, best = np.array([start]), np.array([log_score])
    for peaks in moments:
        highest = np.concatenate([[-np.inf], np.maximum.accumulate(best)]) if len(best) else np.array([-np.inf])
        before = np.searchsorted(frames, peaks.frames, side="left")  # peaks of the moment before that are earlier
        frames, best = peaks.frames, highest[before] + np.log(peaks.scores)
    return best


def _log_not(scores: np.ndarray) -> np.ndarray:
    return np.log1p(-np.minimum(scores, 1 - 1e-6))
