"""From scores of proposals to what is found: one list of segments, refined, without doubles."""

from __future__ import annotations

import numpy as np
import torch

from finegym.localization.localizer import Found
from finegym.localization.proposals import refine
from finegym.localization.ssn_section import SsnSection
from finegym.models.ssn import ProposalScores
from finegym.segments import nms, soft_nms


def make_detections(
    proposals: np.ndarray, scores: ProposalScores, stats: torch.Tensor, duration_ms: float, section: SsnSection
) -> Found:
    """What is found: every proposal as every class, the best of them refined and without doubles.

    Args:
        proposals: float64 (N, 2), milliseconds.
        scores: of them.
        stats: (2, 2), mean and standard deviation of what regression learnt.
        duration_ms: of the timeline.
        section: settings of detection.

    Source:
        Zhao et al., ICCV 2017, section 3.4, and the authors' code: softmax of activity times exp(completeness).
    """
    if section.background_in_softmax:
        activity = scores.activity.double().softmax(dim=1)[:, 1:]
    else:
        activity = scores.activity[:, 1:].double().softmax(dim=1)
    values = activity
    if section.score == "activity-and-completeness":
        values = activity * scores.completeness.double().exp()
    flat = values.flatten().numpy()  # (N * K,)
    chosen = np.argsort(-flat, kind="stable")[: section.max_scores]
    place, class_index = np.divmod(chosen, values.shape[1])
    segments_ms = proposals[place]
    if section.regression:
        mean, std = stats.double().cpu().numpy()
        offsets = scores.regression.double().numpy()[place, class_index] * std + mean
        segments_ms = refine(segments_ms, offsets, duration_ms)
    is_there = segments_ms[:, 1] > segments_ms[:, 0]
    return suppress(Found(segments_ms[is_there], class_index[is_there], flat[chosen][is_there]), section)


def suppress(found: Found, section: SsnSection) -> Found:
    """Without doubles, class by class, by the recipe's kind of suppression."""
    segments_ms, class_index, scores = found
    if section.suppression == "nms":
        kept = nms(segments_ms, scores, section.max_tiou, class_index)[: section.max_segments]
        return Found(segments_ms[kept], class_index[kept], scores[kept])
    kept, sunk = soft_nms(segments_ms, scores, section.sigma, class_index, min_score=section.min_score)
    kept, sunk = kept[: section.max_segments], sunk[: section.max_segments]
    return Found(segments_ms[kept], class_index[kept], sunk)
