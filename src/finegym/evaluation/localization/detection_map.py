"""Detection mAP, exact to ActivityNet's official evaluator, in a hundredth of its time.

What the official program does, and this one too:

- Predictions of a class are sorted by score over the whole subset. Each in turn takes the segment of its class and
  video, not taken yet, that it overlaps most, if tIoU reaches the threshold; otherwise it is a false positive.
- The classes are those with a segment in the subset. One without predictions has AP 0 and stays in the mean; labels
  without a segment are in no mean.
- Videos without predictions have all their segments missed; every prediction in a video without segments of its class
  is a false positive.
- AP is the whole area under precision over recall (no sampling of recall), raised to its envelope.
- Thresholds are ``numpy.linspace(0.5, 0.95, 10)``, reached when tIoU is equal in float64.

Equal scores are in no order by definition; the official program has the one that NumPy's default sort, reversed, leaves
them in, which depends on the processor. ``ties="numpy"`` is that; ``ties="first"`` is the order of the file everywhere.

Source: Caba Heilbron et al., "ActivityNet: A Large-Scale Video Benchmark for Human Activity Understanding", CVPR 2015,
and the evaluation code of its challenges (2016 to 2021). *Ignored* segments are not in it: they are COCO's crowd
regions (Lin et al., "Microsoft COCO", ECCV 2014), where a prediction that is not right counts neither way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from finegym.errors import SegmentError
from finegym.evaluation.localization.detections import Detections, Truth
from finegym.evaluation.localization.matching import Pairs, compute_average_precision, iterate_pairs, match_pairs

TIOUS = tuple(np.linspace(0.5, 0.95, 10).tolist())
Ties = Literal["numpy", "first"]
MIN_IGNORED = 0.5
"""Share of a prediction that must lie in ignored segments for it to be ignored."""


@dataclass(frozen=True)
class DetectionMap:
    """The mAP of segments or, with tolerances for thresholds, of moments; and what it was made of.

    Attributes:
        thresholds: T, of tIoU.
        classes: K labels, all of which have something to be found.
        average_precision: float64 (T, K), in [0, 1].
        num_true: int64 (K,), to be found.
        num_detections: int64 (K,).
        ranked: int64 (N,), detections by class, and by score in each.
        class_bounds: int64 (K + 1,), where each class starts in ``ranked``.
        hits: T arrays int64, ascending: the places in ``ranked`` that are right.
        hit_truth: T arrays int64: what of the truth each took.
        is_ignored: bool (N,), by place in ``ranked``: counts only where it is right.
        num_tied: detections with the score of another one of their class.
    """

    thresholds: tuple[float, ...]
    classes: tuple[str, ...]
    average_precision: np.ndarray
    num_true: np.ndarray
    num_detections: np.ndarray
    ranked: np.ndarray
    class_bounds: np.ndarray
    hits: tuple[np.ndarray, ...]
    hit_truth: tuple[np.ndarray, ...]
    is_ignored: np.ndarray
    num_tied: int

    @cached_property
    def mean(self) -> np.ndarray:
        """The mAP at every threshold: float64 (T,); NaN where there is nothing to be found."""
        return self.average_precision.mean(axis=1) if self.classes else np.full(len(self.thresholds), np.nan)

    @cached_property
    def average(self) -> float:
        """The mean of ``mean``: ActivityNet's average mAP."""
        return float(self.mean.mean())


def compute_detection_map(
    truth: Truth,
    detections: Detections,
    tious: Sequence[float] = TIOUS,
    *,
    ties: Ties = "numpy",
    use_ignored: bool = False,
) -> DetectionMap:
    """Detection mAP at every threshold.

    Args:
        truth: what there is to find.
        detections: in the order of their file, which decides between equal scores.
        tious: thresholds in (0, 1].
        ties: the order of equal scores.
        use_ignored: predictions that lie by half in the truth's ignored segments count only where they are right.

    Raises:
        SegmentError: a threshold is not in (0, 1].
    """
    if not tious or not all(0 < tiou <= 1 for tiou in tious):
        raise SegmentError(f"thresholds of tIoU must be in (0, 1], got {list(tious)}")
    num_classes = len(truth.classes)
    ranked, bounds, num_tied = rank_detections(detections.class_index, detections.scores, num_classes, ties)
    is_ignored = find_ignored(truth, detections)[ranked] if use_ignored else np.zeros(len(ranked), bool)
    pairs = make_pairs(truth, detections, ranked, min(tious), ties)
    num_true = np.bincount(truth.class_index, minlength=num_classes)
    found = [match_pairs(pairs.select(pairs.value >= tiou), len(ranked), len(truth.class_index)) for tiou in tious]
    return make_map(tious, truth.classes, num_true, ranked, bounds, found, is_ignored=is_ignored, num_tied=num_tied)


def make_map(
    thresholds: Sequence[float],
    classes: tuple[str, ...],
    num_true: np.ndarray,
    ranked: np.ndarray,
    bounds: np.ndarray,
    found: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    is_ignored: np.ndarray,
    num_tied: int,
) -> DetectionMap:
    """AP from who is right: ``found`` is what ``match_pairs`` gives at every threshold, the rest as in the result."""
    average_precision = [_compute_classes(places, bounds, is_ignored, num_true) for places, _ in found]
    return DetectionMap(
        thresholds=tuple(thresholds),
        classes=classes,
        average_precision=np.array(average_precision, np.float64).reshape(len(thresholds), len(classes)),
        num_true=num_true,
        num_detections=np.diff(bounds),
        ranked=ranked,
        class_bounds=bounds,
        hits=tuple(places for places, _ in found),
        hit_truth=tuple(taken for _, taken in found),
        is_ignored=is_ignored,
        num_tied=num_tied,
    )


def rank_detections(
    class_index: np.ndarray, scores: np.ndarray, num_classes: int, ties: Ties
) -> tuple[np.ndarray, np.ndarray, int]:
    """Detections by class and descending score, where each class starts, and how many have an equal in their class."""
    # int16 is sorted by radix.
    order = np.argsort(class_index.astype(np.int16) if num_classes < 2**15 else class_index, kind="stable")
    bounds = np.searchsorted(class_index[order], np.arange(num_classes + 1))
    ranked = np.empty_like(order)
    num_tied = 0
    for start, stop in pairwise(bounds.tolist()):
        rows = order[start:stop]
        some = scores[rows]
        sorting = some.argsort()[::-1] if ties == "numpy" else np.argsort(-some, kind="stable")
        ranked[start:stop] = rows[sorting]
        is_equal = np.diff(some[sorting]) == 0
        num_tied += int((np.append(is_equal, False) | np.insert(is_equal, 0, False)).sum()) if len(rows) else 0
    return ranked, bounds, num_tied


def make_pairs(truth: Truth, detections: Detections, ranked: np.ndarray, min_tiou: float, ties: Ties) -> Pairs:
    """Detections (by place in ``ranked``) and segments of their class and video that overlap enough, best first."""
    num_classes = max(len(truth.classes), 1)
    # A video of which nothing is true is -1, and so are all its groups: no segment has one of those.
    left_group = detections.video_index[ranked] * num_classes + detections.class_index[ranked]
    right_group = truth.video_index * num_classes + truth.class_index
    left_group[detections.video_index[ranked] < 0] = -1
    segments = detections.segments_s[ranked]
    blocks = []
    for left, right in iterate_pairs(left_group, right_group):
        tiou = compute_pair_tiou(segments, truth.segments_s, left, right)
        near = tiou >= min_tiou
        blocks.append(_sort_pairs(Pairs(left, right, tiou), near, ties))
    empty = np.zeros(0, np.int64)
    columns = zip((empty, empty, np.zeros(0)), *((b.left, b.right, b.value) for b in blocks), strict=True)
    return Pairs(*map(np.concatenate, columns))


def compute_pair_tiou(left: np.ndarray, right: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How much rows of ``left`` and ``right`` overlap, in the official program's order of operations: float64 (P,)."""
    start, end = left[rows, 0], left[rows, 1]
    other_start, other_end = right[others, 0], right[others, 1]
    intersection = (np.minimum(end, other_end) - np.maximum(start, other_start)).clip(0)
    return intersection / ((other_end - other_start) + (end - start) - intersection)


def find_ignored(truth: Truth, detections: Detections) -> np.ndarray:
    """Which detections lie by half or more in ignored segments of their video: bool (N,)."""
    covered = np.zeros(len(detections.scores))
    videos, segments = _merge_segments(truth.ignored_video_index, truth.ignored_segments_s)
    for left, right in iterate_pairs(detections.video_index, videos):
        start = np.maximum(detections.segments_s[left, 0], segments[right, 0])
        end = np.minimum(detections.segments_s[left, 1], segments[right, 1])
        np.add.at(covered, left, (end - start).clip(0))
    length = detections.segments_s[:, 1] - detections.segments_s[:, 0]
    return (covered > 0) & (covered >= MIN_IGNORED * length)


def _merge_segments(videos: np.ndarray, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same time as segments that do not overlap."""
    merged: list[tuple[int, float, float]] = []
    order = np.lexsort((segments[:, 0], videos))
    for video, (start, end) in zip(videos[order].tolist(), segments[order].tolist(), strict=True):
        if merged and merged[-1][0] == video and start <= merged[-1][2]:
            merged[-1] = (video, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((video, start, end))
    return np.array([row[0] for row in merged], np.int64), np.array([row[1:] for row in merged]).reshape(-1, 2)


def _sort_pairs(pairs: Pairs, near: np.ndarray, ties: Ties) -> Pairs:
    """The near ones, those of each detection by descending tIoU."""
    some = pairs.select(near)
    some = some.select(np.lexsort((-some.value, some.left)))
    if ties == "first":
        return some
    is_tied = (np.diff(some.left) == 0) & (np.diff(some.value) == 0)
    for left in np.unique(some.left[1:][is_tied]).tolist():
        # As the official program: its sort sees also what is not near, and may order equals by that.
        row = slice(*np.searchsorted(pairs.left, [left, left + 1]))
        order = pairs.value[row].argsort()[::-1]
        kept = order[near[row][order]]
        some.right[slice(*np.searchsorted(some.left, [left, left + 1]))] = pairs.right[row][kept]
    return some


def _compute_classes(
    places: np.ndarray, bounds: np.ndarray, is_ignored: np.ndarray, num_true: np.ndarray
) -> list[float]:
    """AP of every class from the places that are right."""
    return [
        compute_average_precision(ranks, int(num_true[index]))
        for index, ranks in enumerate(iterate_ranks(places, bounds, is_ignored))
    ]


def iterate_ranks(places: np.ndarray, bounds: np.ndarray, is_ignored: np.ndarray) -> Iterator[np.ndarray]:
    """For every class, the ranks (1 for the first) of the detections that are right, ignored ones not counted."""
    first = np.searchsorted(places, bounds)
    if is_ignored.any():
        is_counted = ~is_ignored
        is_counted[places] = True
        counted = np.concatenate([[0], np.cumsum(is_counted)])
    else:
        counted = np.arange(len(is_ignored) + 1)
    for index, (start, stop) in enumerate(pairwise(first.tolist())):
        yield counted[places[start:stop] + 1] - counted[bounds[index]]
