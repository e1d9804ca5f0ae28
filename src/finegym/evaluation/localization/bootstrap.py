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

BLOCK = 250
"""Resamples computed at once."""


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
    names, record_of = np.unique(np.array(truth.record_ids, dtype=object).astype(str), return_inverse=True)
    weights = draw_weights(len(names), num_resamples, seed)
    weights = np.concatenate([weights, np.ones((num_resamples, 1))], axis=1)  # the last: unknown videos
    num_classes = len(result.classes)
    flat = record_of[truth.video_index] * num_classes + truth.class_index
    counts = np.bincount(flat, minlength=len(names) * num_classes).reshape(len(names), num_classes)
    resampled_counts = weights[:, :-1] @ counts  # (R, K)
    videos = detections.video_index[result.ranked]
    record_of_place = np.where(videos < 0, len(names), np.append(record_of, len(names))[videos.clip(-1)])

    samples = np.concatenate(
        [
            _resample(result, record_of_place, weights[start : start + BLOCK], resampled_counts[start : start + BLOCK])
            for start in range(0, num_resamples, BLOCK)
        ]
    )
    reason = f"only {len(names)} record, not 2" if len(names) < 2 else ""
    reason = reason or find_lacking(resampled_counts, np.ones(num_classes, bool))
    return MapIntervals(
        mean=tuple(make_score(value, samples[:, level], reason) for level, value in enumerate(result.mean)),
        average=make_score(result.average, samples.mean(axis=1), reason),
        num_records=len(names),
    )


def _resample(
    result: DetectionMap, record_of_place: np.ndarray, weights: np.ndarray, resampled_counts: np.ndarray
) -> np.ndarray:
    """The mAP of every resample and threshold: float64 (R, T); NaN where a resample has no segment."""
    num_resamples, num_records = weights.shape
    sums = np.zeros((num_resamples, len(result.thresholds)))
    for index in range(len(result.classes)):
        start, stop = result.class_bounds[index : index + 2].tolist()
        hits = [_cut(places, start, stop) for places in result.hits]
        some = np.unique(np.concatenate(hits))
        if not some.size:
            continue
        counted = np.arange(start, stop)[~result.is_ignored[start:stop]]
        step = np.searchsorted(some, counted)  # counted up to and including the right one
        flat = (step * num_records + record_of_place[counted])[step < len(some)]
        by_record = np.bincount(flat, minlength=len(some) * num_records).reshape(len(some), num_records)
        cumulated = np.cumsum(by_record, axis=0) @ weights.T  # (P, R)
        for level, places in enumerate(hits):
            own = weights[:, record_of_place[places]].T  # (M, R)
            ranks = cumulated[np.searchsorted(some, places)]
            # Ignored predictions count where they are right.
            ranks = ranks + np.cumsum(own * result.is_ignored[places][:, None], axis=0)
            right = np.cumsum(own, axis=0)
            precision = np.divide(right, ranks, out=np.zeros_like(right), where=ranks > 0)
            envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
            sums[:, level] += (own * envelope).sum(axis=0) / np.maximum(resampled_counts[:, index], 1)
    num_present = (resampled_counts > 0).sum(axis=1)
    return np.where(num_present[:, None] > 0, sums / np.maximum(num_present, 1)[:, None], np.nan)


def _cut(places: np.ndarray, start: int, stop: int) -> np.ndarray:
    first, last = np.searchsorted(places, [start, stop])
    return places[first:last]
