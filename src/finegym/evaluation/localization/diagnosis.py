"""What kind of mistakes a localizer makes, and what each kind costs.

Every prediction that is not right at a threshold is wrong for one reason. It is judged by the segment of its video that
it overlaps most, of whatever class (of equal ones, its own class):

====================  =========================  ==============================
overlap               that segment's class: own  that segment's class: another
====================  =========================  ==============================
at least the tIoU     *double*                   *wrong label*
at least 0.1          *localization*             *confusion*
less                  *background*               *background*
====================  =========================  ==============================

What a kind costs is how much average mAP would rise if its predictions were not there; for *missed* segments, if there
were nothing to be found in their place.

Source: Alwassel et al., "Diagnosing Error in Temporal Action Detectors", ECCV 2018 (DETAD): kinds, the ten times G
first predictions of a class with G segments, removal as the measure of cost, which is of plain mAP over
all predictions here (there normalised by the size of classes, over the first 10 G). Missed segments as in TIDE (Bolya
et al., ECCV 2020). Their lengths are grouped by quartiles here, since DETAD's bounds are ActivityNet's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finegym.evaluation.localization.detection_map import DetectionMap, compute_pair_tiou, iterate_ranks
from finegym.evaluation.localization.detections import Detections, Truth
from finegym.evaluation.localization.matching import compute_envelope, iterate_pairs

KINDS = ("right", "double", "wrong label", "localization", "confusion", "background")
ERRORS = (*KINDS[1:], "missed")
MIN_TIOU = 0.1
NUM_MULTIPLES = 10


@dataclass(frozen=True)
class LengthGroup:
    """Segments of a quartile of length.

    Attributes:
        low_s: shortest of them.
        high_s: longest.
        num_segments: in it.
        num_missed: of these, at the threshold.
    """

    low_s: float
    high_s: float
    num_segments: int
    num_missed: int


@dataclass(frozen=True)
class Diagnosis:
    """Kinds of mistakes.

    Attributes:
        tiou: threshold of ``counts`` and of what is missed.
        counts: int64 (10, 6), predictions of every kind of ``KINDS`` among the first G, 2 G, … 10 G of each class,
            where G is the number of its segments. Ignored ones are of none.
        gains: by kind of ``ERRORS``, what average mAP over all thresholds would gain.
        num_missed: segments that no prediction is right about, at ``tiou``.
        lengths: of segments and missed ones.
    """

    tiou: float
    counts: np.ndarray
    gains: dict[str, float]
    num_missed: int
    lengths: tuple[LengthGroup, ...]


def diagnose(truth: Truth, detections: Detections, result: DetectionMap, level: int = 0) -> Diagnosis:
    """Sort predictions by what is wrong with them.

    Args:
        truth: as for ``compute_detection_map``.
        detections: likewise.
        result: what that gave.
        level: the threshold of ``result`` that is looked at.
    """
    own, other = _find_best(truth, detections, result)
    kinds = [
        _find_kinds(own, other, threshold, places)
        for threshold, places in zip(result.thresholds, result.hits, strict=True)
    ]
    missed = np.ones(len(truth.class_index), bool)
    missed[result.hit_truth[level]] = False
    return Diagnosis(
        tiou=result.thresholds[level],
        counts=_count_kinds(kinds[level], result),
        gains=_compute_gains(truth, result, kinds),
        num_missed=int(missed.sum()),
        lengths=_group_lengths(truth.segments_s[:, 1] - truth.segments_s[:, 0], missed),
    )


def _find_best(truth: Truth, detections: Detections, result: DetectionMap) -> tuple[np.ndarray, np.ndarray]:
    """Greatest tIoU with a segment of the own class, and of others: float64 (N,) each, by place in ``ranked``."""
    videos, classes = detections.video_index[result.ranked], detections.class_index[result.ranked]
    segments = detections.segments_s[result.ranked]
    own, other = np.zeros(len(videos)), np.zeros(len(videos))
    for left, right in iterate_pairs(videos, truth.video_index):
        tiou = compute_pair_tiou(segments, truth.segments_s, left, right)
        is_own = classes[left] == truth.class_index[right]
        np.maximum.at(own, left[is_own], tiou[is_own])
        np.maximum.at(other, left[~is_own], tiou[~is_own])
    return own, other


def _find_kinds(own: np.ndarray, other: np.ndarray, threshold: float, hits: np.ndarray) -> np.ndarray:
    """The index into ``KINDS`` of every prediction, by place: int8 (N,)."""
    is_own, best = own >= other, np.maximum(own, other)
    near, overlapping = best >= threshold, best >= MIN_TIOU
    kinds = np.select([near & is_own, near, overlapping & is_own, overlapping], [1, 2, 3, 4], default=5).astype(np.int8)
    kinds[hits] = 0
    return kinds


def _count_kinds(kinds: np.ndarray, result: DetectionMap) -> np.ndarray:
    counts = np.zeros((NUM_MULTIPLES, len(KINDS)), np.int64)
    for index, num_segments in enumerate(result.num_true.tolist()):
        start, stop = result.class_bounds[index : index + 2].tolist()
        some = kinds[start:stop][~(result.is_ignored[start:stop] & (kinds[start:stop] > 0))]
        for multiple in range(1, NUM_MULTIPLES + 1):
            counts[multiple - 1] += np.bincount(some[: multiple * num_segments], minlength=len(KINDS))
    return counts


def _compute_gains(truth: Truth, result: DetectionMap, kinds: Sequence[np.ndarray]) -> dict[str, float]:
    """How average mAP would rise without predictions of a kind, or without the segments that are missed."""
    gains = {}
    for kind, name in enumerate(KINDS[1:], 1):
        found = [
            _compute_mean(places, result, result.is_ignored | (kinds[level] == kind), result.num_true)
            for level, places in enumerate(result.hits)
        ]
        gains[name] = float(np.mean(found)) - result.average if found else 0.0
    found = []
    for places, segments in zip(result.hits, result.hit_truth, strict=True):
        num_found = np.bincount(truth.class_index[segments], minlength=len(truth.classes))
        found.append(_compute_mean(places, result, result.is_ignored, num_found))
    gains["missed"] = float(np.mean(found)) - result.average
    return gains


def _compute_mean(places: np.ndarray, result: DetectionMap, is_ignored: np.ndarray, num_segments: np.ndarray) -> float:
    """The mAP with other numbers of segments; a class that has none left has AP 0 as before."""
    ranks = iterate_ranks(places, result.class_bounds, is_ignored)
    areas = [compute_envelope(some).sum() / max(number, 1) for some, number in zip(ranks, num_segments, strict=True)]
    return float(np.mean(areas)) if areas else float("nan")


def _group_lengths(lengths: np.ndarray, missed: np.ndarray) -> tuple[LengthGroup, ...]:
    if not lengths.size:
        return ()
    order = np.argsort(lengths, kind="stable")
    return tuple(
        LengthGroup(float(lengths[some[0]]), float(lengths[some[-1]]), len(some), int(missed[some].sum()))
        for some in np.array_split(order, 4)
        if some.size
    )
