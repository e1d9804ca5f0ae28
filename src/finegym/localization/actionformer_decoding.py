"""From what ActionFormer says at its points to segments of a timeline.

Sources: Zhang, Wu, Li, ECCV 2022, section 3.3; soft-NMS of Bodla et al., ICCV 2017; voting as of boxes in Gidaris,
Komodakis, "Object detection via a multi-region and semantic segmentation-aware CNN model", ICCV 2015, section 4, as the
authors' release does it.
"""

from __future__ import annotations

import numpy as np
import torch

from finegym.segments import compute_tiou, soft_nms

MIN_LENGTH = 0.05  # snippets; the release's


def decode_points(
    points: torch.Tensor, scores: torch.Tensor, offsets: torch.Tensor, *, min_score: float, max_points: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidate segments of one timeline, with doubles.

    Args:
        points: float32 (P, 2), position in snippets and stride.
        scores: float32 (P, K).
        offsets: float32 (P, 2), in strides.
        min_score: answers below are left out.
        max_points: so many answers of a level are kept, the best.

    Returns:
        Segments float64 (N, 2) as positions in snippets, class indices int64 (N,), scores float64 (N,).
    """
    position, stride = points[:, 0], points[:, 1]
    segments = torch.stack([position - offsets[:, 0] * stride, position + offsets[:, 1] * stride], dim=1)
    scores = scores.masked_fill((segments[:, 1] - segments[:, 0] <= MIN_LENGTH)[:, None], 0.0)
    found = []
    for level_stride in stride.unique():
        row, class_index = ((stride == level_stride)[:, None] & (scores >= min_score)).nonzero(as_tuple=True)
        best = scores[row, class_index].argsort(descending=True, stable=True)[:max_points]
        found.append((segments[row[best]], class_index[best], scores[row[best], class_index[best]]))
    rows, classes, values = (torch.cat(parts) for parts in zip(*found, strict=True))
    return rows.double().cpu().numpy(), classes.cpu().numpy(), values.double().cpu().numpy()


def suppress_doubles(
    segments: np.ndarray,
    class_index: np.ndarray,
    scores: np.ndarray,
    *,
    sigma: float,
    min_score: float,
    max_segments: int,
    vote_tiou: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Soft-NMS a class, and ends that neighbours have a vote in.

    Args:
        segments: float64 (N, 2).
        class_index: int64 (N,).
        scores: float64 (N,).
        sigma: of soft-NMS.
        min_score: what has sunk below it goes.
        max_segments: so many stay, of all classes together, the best.
        vote_tiou: candidates of a class that overlap a kept one at least so much move its ends; 0: none do.

    Returns:
        Segments, class indices and scores, the best first.
    """
    kept, sunk = soft_nms(segments, scores, sigma, class_index, min_score=min_score, max_segments=max_segments)
    kept, sunk = kept[:max_segments], sunk[:max_segments]
    chosen = segments[kept]
    if vote_tiou > 0:
        chosen = chosen.copy()
        for number in np.unique(class_index[kept]):
            mine, voters = class_index[kept] == number, class_index == number
            chosen[mine] = vote(chosen[mine], segments[voters], scores[voters], vote_tiou)
    return chosen, class_index[kept], sunk


def vote(kept: np.ndarray, candidates: np.ndarray, scores: np.ndarray, vote_tiou: float) -> np.ndarray:
    """Ends as means over the candidates that overlap enough, each weighted with its score times its overlap.

    Args:
        kept: float64 (N, 2), each also a candidate.
        candidates: float64 (M, 2).
        scores: float64 (M,), before NMS.
        vote_tiou: in (0, 1].

    Returns:
        float64 (N, 2).
    """
    overlap = compute_tiou(kept, candidates)  # (N, M)
    weights = np.where(overlap >= vote_tiou, overlap * scores, 0.0)
    mean: np.ndarray = weights @ candidates / weights.sum(axis=1, keepdims=True)
    return mean
