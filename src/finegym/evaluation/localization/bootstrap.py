"""How sure detection mAP is: a bootstrap over records that never sorts or matches anew.

A record drawn twice is there twice, with its segments and its predictions: matching stays inside of it, so what is
right stays right, and only how often each prediction counts changes. Cumulated counts at the right predictions, a
matrix product of counts by record with the weights of the resamples, are all that AP needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from finegym.evaluation.intervals import Score, draw_weights, find_lacking, make_score
from finegym.evaluation.localization.detection_map import DetectionMap

BLOCK = 1 << 21
"""Numbers computed at once: right predictions of a class, times resamples."""


class Found(Protocol):
    """What of the truth a bootstrap needs: ``Truth`` and ``SpotTruth`` have it."""

    @property
    def record_ids(self) -> tuple[str, ...]: ...

    @property
    def video_index(self) -> np.ndarray: ...

    @property
    def class_index(self) -> np.ndarray: ...


class Placed(Protocol):
    """What of predictions it needs."""

    @property
    def video_index(self) -> np.ndarray: ...


@dataclass(frozen=True)
class MapIntervals:
    """95 % intervals of detection mAP.

    Attributes:
        mean: T scores, mAP at every threshold.
        average: their mean.
        num_records: that were resampled.
    """

    mean: tuple[Score, ...]
    average: Score
    num_records: int


def compute_map_intervals(
    truth: Found, detections: Placed, result: DetectionMap, *, num_resamples: int = 1000, seed: int = 0
) -> MapIntervals:
    """Intervals over records; a class that a resample has nothing of is in no mean there, as in any subset.

    Args:
        truth: what ``result`` is about: segments, or moments.
        detections: likewise. Those of unknown videos belong to no record, and are in every resample.
        result: of both.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    names, record_of = _find_records(truth)
    weights = draw_weights(len(names), num_resamples, seed)
    samples = resample_map(truth, detections, result, weights)
    reason = f"only {len(names)} record, not 2" if len(names) < 2 else ""
    counts = _count_resampled(truth, record_of, len(result.classes), weights)
    reason = reason or find_lacking(counts, np.ones(len(result.classes), bool))
    return MapIntervals(
        mean=tuple(make_score(value, samples[:, level], reason) for level, value in enumerate(result.mean)),
        average=make_score(result.average, samples.mean(axis=1), reason),
        num_records=len(names),
    )


def resample_map(truth: Found, detections: Placed, result: DetectionMap, weights: np.ndarray) -> np.ndarray:
    """The mAP in given resamples of the records, so that several results can be compared in the same ones.

    Args:
        truth: what ``result`` is about.
        detections: likewise.
        result: of both.
        weights: float64 (R, G), how often each resample draws each record, in the order of their sorted ids.

    Returns:
        float64 (R, T), by threshold; NaN where a resample has nothing to be found.
    """
    names, record_of = _find_records(truth)
    num_resamples, num_classes = len(weights), len(result.classes)
    counts = _count_resampled(truth, record_of, num_classes, weights)
    weights = np.concatenate([weights, np.ones((num_resamples, 1))], axis=1)  # the last: unknown videos
    videos = detections.video_index[result.ranked]
    record_of_place = np.where(videos < 0, len(names), np.append(record_of, len(names))[videos.clip(-1)])
    samples = np.zeros((num_resamples, len(result.thresholds)))
    for index in range(num_classes):
        samples += _resample_class(result, index, record_of_place, weights) / np.maximum(counts[:, index, None], 1)
    num_present = (counts > 0).sum(axis=1)
    return np.where(num_present[:, None] > 0, samples / np.maximum(num_present, 1)[:, None], np.nan)


def _find_records(truth: Found) -> tuple[np.ndarray, np.ndarray]:
    """Sorted ids, and the place of every video's."""
    return np.unique(np.array(truth.record_ids, dtype=object).astype(str), return_inverse=True)


def _count_resampled(truth: Found, record_of: np.ndarray, num_classes: int, weights: np.ndarray) -> np.ndarray:
    """What there is to be found of every class in every resample: float64 (R, K)."""
    flat = record_of[truth.video_index] * num_classes + truth.class_index
    counts = np.bincount(flat, minlength=weights.shape[1] * num_classes).reshape(weights.shape[1], num_classes)
    resampled: np.ndarray = weights @ counts
    return resampled


def _resample_class(result: DetectionMap, index: int, record_of_place: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Summed envelope of precision of one class in every resample and threshold: float64 (R, T)."""
    num_resamples, num_records = weights.shape
    start, stop = result.class_bounds[index : index + 2].tolist()
    hits = [places[slice(*np.searchsorted(places, [start, stop]))] for places in result.hits]
    some = np.unique(np.concatenate(hits))
    sums = np.zeros((num_resamples, len(hits)))
    if not some.size:
        return sums
    counted = np.arange(start, stop)[~result.is_ignored[start:stop]]
    step = np.searchsorted(some, counted)  # counted up to and including the right one
    flat = (step * num_records + record_of_place[counted])[step < len(some)]
    by_record = np.bincount(flat, minlength=len(some) * num_records).reshape(len(some), num_records).astype(np.float64)
    block = max(1, BLOCK // len(some))
    for first in range(0, num_resamples, block):
        drawn = weights[first : first + block]
        cumulated = np.cumsum(by_record @ drawn.T, axis=0)  # (P, R)
        for level, places in enumerate(hits):
            own = drawn[:, record_of_place[places]].T  # (M, R)
            ranks, right = cumulated[np.searchsorted(some, places)], np.cumsum(own, axis=0)
            if result.is_ignored[places].any():  # those count where they are right
                ranks += np.cumsum(own * result.is_ignored[places][:, None], axis=0)
            precision = np.divide(right, ranks, out=np.zeros_like(right), where=ranks > 0)
            envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
            sums[first : first + block, level] = (own * envelope).sum(axis=0)
    return sums
