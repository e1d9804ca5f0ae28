"""Which proposals SSN learns from, and as what.

*Foreground*: nearly the whole of a segment and little else. *Incomplete*: mostly inside a segment, but far from all of
it. *Background*: nothing of any. Everything in between is left out, and so is what lies over ignore regions. A group of
one timeline's proposals has fixed counts of the three; where a timeline has none of a kind, others lend theirs.

Source: Zhao et al., "Temporal Action Detection with Structured Segment Networks", ICCV 2017, section 4, and the
authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from finegym.errors import ConfigError
from finegym.localization.proposals import compute_offsets, find_stages
from finegym.localization.snippets import Snippets
from finegym.localization.timelines import Timeline
from finegym.segments import compute_tiou

FOREGROUND, INCOMPLETE, BACKGROUND = range(3)
KINDS = ("foreground", "incomplete", "background")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What makes a proposal which kind.

    Attributes:
        foreground_tiou: foreground has more with its best segment.
        incomplete_tiou: incomplete has less.
        incomplete_inside: and more than this share of it is inside the segment.
        background_tiou: background has less with every segment and ignore region.
        background_length: and is longer than this share of the timeline.
    """

    foreground_tiou: float = 0.7
    incomplete_tiou: float = 0.3
    incomplete_inside: float = 0.01
    background_tiou: float = 0.01
    background_length: float = 0.02


@dataclass(frozen=True, eq=False)
class Pool:
    """Proposals to learn from, of all timelines.

    Attributes:
        timeline: int64 (N,), place of each one's timeline.
        segments_ms: float64 (N, 2).
        kind: int64 (N,), 0 foreground, 1 incomplete, 2 background.
        class_index: int64 (N,), of the segment with the largest tIoU; 0 for background, where it means nothing.
        offsets: float64 (N, 2), from the proposal to that segment; 0 but for foreground.
        stats: float32 (2, 2), mean and standard deviation of the offsets of foreground proposals, true segments aside.
    """

    timeline: np.ndarray
    segments_ms: np.ndarray
    kind: np.ndarray
    class_index: np.ndarray
    offsets: np.ndarray
    stats: np.ndarray

    def find(self, kind: int, timeline: int | None = None) -> np.ndarray:
        """Places of all proposals of a kind, or of those of a timeline."""
        if timeline is None:
            return np.flatnonzero(self.kind == kind)
        return self._places.get((kind, timeline), np.empty(0, np.int64))

    @cached_property
    def _places(self) -> dict[tuple[int, int], np.ndarray]:
        order = np.lexsort((self.timeline, self.kind))
        keys = np.column_stack([self.kind, self.timeline])[order]
        is_first = np.append(np.ones(min(1, len(keys)), bool), (np.diff(keys, axis=0) != 0).any(axis=1))
        firsts = np.flatnonzero(is_first)
        return {
            (int(keys[first, 0]), int(keys[first, 1])): part
            for first, part in zip(firsts, np.split(order, firsts[1:]), strict=True)
        }


def sort_proposals(
    segments_ms: np.ndarray, timeline: Timeline, bounds: Bounds
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kinds of one timeline's proposals.

    Args:
        segments_ms: float64 (N, 2), proposals.
        timeline: with what there is.
        bounds: of the kinds.

    Returns:
        int64 (N,) each: the kind, -1 for none; the class; the place of the segment with the largest tIoU (-1: there is
        no segment).
    """
    truth = timeline.segments_ms.astype(np.float64)
    regions = np.concatenate([truth, timeline.ignored_ms.astype(np.float64)])
    kind = np.full(len(segments_ms), -1)
    if not len(regions):
        length = segments_ms[:, 1] - segments_ms[:, 0]
        kind[length > bounds.background_length * timeline.duration_ms] = BACKGROUND
        return kind, np.zeros(len(kind), np.int64), kind * 0 - 1
    tiou = compute_tiou(segments_ms, regions)  # (N, R)
    nearest = tiou.argmax(axis=1)
    best = tiou[np.arange(len(tiou)), nearest]
    length = segments_ms[:, 1] - segments_ms[:, 0]
    matched = regions[nearest]
    shared = np.minimum(segments_ms[:, 1], matched[:, 1]) - np.maximum(segments_ms[:, 0], matched[:, 0])
    is_true = nearest < len(truth)  # what lies mostly over an ignore region is neither of a class nor background
    is_inside = shared / length > bounds.incomplete_inside
    is_long = length > bounds.background_length * timeline.duration_ms
    kind[(best < bounds.background_tiou) & is_long] = BACKGROUND
    kind[is_true & (best < bounds.incomplete_tiou) & is_inside] = INCOMPLETE
    kind[is_true & (best > bounds.foreground_tiou)] = FOREGROUND
    own = np.where(is_true & (kind != BACKGROUND), nearest, -1)
    class_index = np.where(own >= 0, np.append(timeline.class_index, 0)[own], 0)
    return kind, class_index, own


def make_pool(timelines: Sequence[Timeline], proposals: Sequence[np.ndarray], bounds: Bounds) -> Pool:
    """Everything that may be learnt from the proposals float64 (N, 2) of timelines; true segments are foreground too.

    Raises:
        ConfigError: there is no proposal of some kind in any timeline.
    """
    parts, deviations = [], []
    for place, (timeline, segments_ms) in enumerate(zip(timelines, proposals, strict=True)):
        kind, class_index, own = sort_proposals(segments_ms, timeline, bounds)
        truth = timeline.segments_ms.astype(np.float64)
        offsets = np.zeros((len(segments_ms), 2))
        is_foreground = kind == FOREGROUND
        offsets[is_foreground] = compute_offsets(segments_ms[is_foreground], truth[own[is_foreground]])
        deviations.append(offsets[is_foreground])
        used = kind >= 0
        parts.append((place, segments_ms[used], kind[used], class_index[used], offsets[used]))
        as_is = np.zeros((len(truth), 2))
        parts.append((place, truth, np.full(len(truth), FOREGROUND), timeline.class_index, as_is))
    return Pool(
        timeline=np.concatenate([np.full(len(part[1]), part[0]) for part in parts]),
        segments_ms=np.concatenate([part[1] for part in parts]),
        kind=np.concatenate([part[2] for part in parts]),
        class_index=np.concatenate([part[3] for part in parts]),
        offsets=np.concatenate([part[4] for part in parts]),
        stats=_compute_stats(np.concatenate(deviations)),
    )


def check_pool(pool: Pool, counts: tuple[int, int, int]) -> None:
    """Raise if a kind that groups need does not exist.

    Raises:
        ConfigError: it does not.
    """
    missing = [KINDS[kind] for kind, count in enumerate(counts) if count and not len(pool.find(kind))]
    if missing:
        raise ConfigError(
            f"none of the proposals is {' or '.join(missing)}, but ssn.counts asks for {list(counts)} of foreground, "
            "incomplete and background: change the bounds of the kinds, the proposals, or the counts"
        )


def draw_group(pool: Pool, timeline: int, counts: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Places int64 (sum of counts,) in the pool: foreground, then incomplete, then background of a timeline.

    A timeline with too few of a kind shows some twice; one with none borrows from all timelines.
    """
    chosen = []
    for kind, count in enumerate(counts):
        own = pool.find(kind, timeline)
        own = own if len(own) else pool.find(kind)
        chosen.append(rng.choice(own, count, replace=len(own) < count) if count else np.empty(0, np.int64))
    return np.concatenate(chosen)


def draw_snippets(
    segments_ms: np.ndarray,
    snippets: Snippets,
    num_snippets: tuple[int, int, int],
    rng: np.random.Generator,
) -> np.ndarray:
    """Snippets of each stage of proposals, at a random place in equal parts of the stage.

    Args:
        segments_ms: float64 (N, 2).
        snippets: of the timeline.
        num_snippets: of starting, course and ending.
        rng: of the places.

    Returns:
        int64 (N, S), indices of snippets in order.
    """
    stages, _ = find_stages(segments_ms, snippets.duration_ms)
    times = []
    for stage, count in enumerate(num_snippets):
        start, end = stages[:, stage, None], stages[:, stage + 1, None]
        share = (np.arange(count) + rng.random((len(segments_ms), count))) / count
        times.append(start + share * (end - start))
    positions = np.rint(snippets.to_positions(np.concatenate(times, axis=1)))
    return positions.clip(0, len(snippets) - 1).astype(np.int64)


def _compute_stats(offsets: np.ndarray) -> np.ndarray:
    """Mean and standard deviation (2, 2) of offsets (N, 2); 0 and 1 where they say nothing."""
    if len(offsets) < 2:
        return np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)
    std = offsets.std(axis=0)
    return np.stack([offsets.mean(axis=0), np.where(std > 1e-6, std, 1.0)]).astype(np.float32)
