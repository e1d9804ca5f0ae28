"""What proposals find, whatever they are called: recall at N of them, and ActivityNet's curve of average recall.

*AR@N* takes the N best proposals of every video. *AR-AN* is what ActivityNet's proposal task scores: the same share of
every video's proposals, so that long videos have more, over the average number that this gives.

Source: Caba Heilbron et al., "Fast Temporal Activity Proposals", CVPR 2016, and the proposal evaluation of
ActivityNet's challenges (2016 to 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from finegym.evaluation.localization.detection_map import TIOUS, compute_pair_tiou
from finegym.evaluation.localization.detections import Detections, Truth
from finegym.evaluation.localization.matching import iterate_pairs

NUM_PROPOSALS = (1, 5, 10, 50, 100)
MAX_AVERAGE = 100


@dataclass(frozen=True)
class ProposalRecall:
    """Recall of segments by class-agnostic proposals.

    Attributes:
        tious: T thresholds.
        num_proposals: A numbers of proposals a video.
        recall: float64 (T, A), at these; NaN where there is nothing to be found.
        average_number: float64 (100,), proposals a video on average.
        average_recall: float64 (100,), mean over thresholds at that number.
        num_videos: with a segment: the others are in no average, as in the official program.
    """

    tious: tuple[float, ...]
    num_proposals: tuple[int, ...]
    recall: np.ndarray
    average_number: np.ndarray
    average_recall: np.ndarray
    num_videos: int

    @cached_property
    def mean(self) -> np.ndarray:
        """AR@N: float64 (A,)."""
        return self.recall.mean(axis=0)

    @cached_property
    def area(self) -> float:
        """Area under AR-AN as a share of the whole, in [0, 1]."""
        if not len(self.average_number):
            return float("nan")
        return float(np.trapezoid(self.average_recall, self.average_number) / self.average_number[-1])


def compute_proposal_recall(
    truth: Truth,
    detections: Detections,
    *,
    num_proposals: Sequence[int] = NUM_PROPOSALS,
    tious: Sequence[float] = TIOUS,
    max_average: float = MAX_AVERAGE,
) -> ProposalRecall:
    """Recall at numbers of proposals; labels play no part.

    Args:
        truth: what there is to find.
        detections: of equal scores the earlier one in the file comes first.
        num_proposals: numbers a video.
        tious: thresholds.
        max_average: where AR-AN ends.
    """
    first = _find_first(truth, detections, tious)
    num_segments = len(truth.class_index)
    wanted = np.array(num_proposals)
    recall = (first[:, :, None] < wanted).sum(axis=1) / (num_segments or np.nan)
    number, average = _compute_curve(truth, detections, first, max_average)
    return ProposalRecall(
        tuple(tious), tuple(num_proposals), recall, number, average, len(np.unique(truth.video_index))
    )


def _find_first(truth: Truth, detections: Detections, tious: Sequence[float]) -> np.ndarray:
    """The rank (0 for the best) of the first proposal in its video that reaches each segment: int64 (T, N)."""
    order = np.lexsort((-detections.scores, detections.video_index))
    videos = detections.video_index[order]
    starts = np.searchsorted(videos, videos)
    rank = np.arange(len(order)) - starts
    first = np.full((len(tious), len(truth.class_index)), np.iinfo(np.int64).max)
    segments = detections.segments_s[order]
    for left, right in iterate_pairs(videos, truth.video_index):
        tiou = compute_pair_tiou(segments, truth.segments_s, left, right)
        for level, threshold in enumerate(tious):
            near = tiou >= threshold
            np.minimum.at(first[level], right[near], rank[left[near]])
    return first


def _compute_curve(
    truth: Truth, detections: Detections, first: np.ndarray, max_average: float
) -> tuple[np.ndarray, np.ndarray]:
    """Average number of proposals and average recall, a hundred points; none where there are no proposals.

    As in the official program: whole numbers are cut, not rounded; the same share of every video's proposals.
    """
    videos, num_segments = np.unique(truth.video_index, return_counts=True)
    num_there = np.bincount(detections.video_index[detections.video_index >= 0], minlength=len(truth.video_ids))[videos]
    if not num_there.sum():
        return np.zeros(0), np.zeros(0)
    ratio = max_average * len(videos) / len(detections.scores)
    kept = np.minimum((num_there * ratio).astype(np.int64), num_there)
    shares = np.arange(1, 101) / 100 * (max_average * len(videos) / max(kept.sum(), 1))
    used = np.minimum((kept[:, None] * shares).astype(np.int64), kept[:, None])  # (V, 100)
    allowed = used[np.searchsorted(videos, truth.video_index)]  # (N, 100)
    recall = np.stack([(ranks[:, None] < allowed).sum(axis=0) for ranks in first]) / num_segments.sum()
    return shares * kept.sum() / len(videos), recall.mean(axis=0)
