"""Late fusion: the scores of several models of the same instances become one; two streams, or an ensemble.

Source: Simonyan and Zisserman, "Two-Stream Convolutional Networks for Action Recognition in Videos", NIPS 2014,
section 2: the streams' softmax scores are averaged. Scores before the softmax, and a weight of 1.5 for flow: Wang et
al., "Temporal Segment Networks", ECCV 2016, section 3.3.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from finegym.errors import PredictionError
from finegym.evaluation.recognition import compute_ranks

Scores = Literal["probabilities", "logits"]
_ABOVE_ONE = (1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)
WEIGHTS = (*(1 / weight for weight in reversed(_ABOVE_ONE)), 1.0, *_ABOVE_ONE)
"""Weights that are tried: with every one its reciprocal, so that neither file is favoured for standing first."""


@dataclass(frozen=True)
class ChosenWeights:
    """Weights, and what they were chosen by.

    Attributes:
        weights: one a part, the first 1.
        top1_accuracy: of the fused scores, in [0, 1].
        top1_alone: of each part.
        num_as_good: how many of the weights of ``WEIGHTS`` are as good for the last part, those of the others fixed.
        num_tried: how many there are.
    """

    weights: tuple[float, ...]
    top1_accuracy: float
    top1_alone: tuple[float, ...]
    num_as_good: int
    num_tried: int = len(WEIGHTS)


def fuse_logits(parts: Sequence[np.ndarray], weights: Sequence[float], scores: Scores = "probabilities") -> np.ndarray:
    """Weighted mean of the scores of several models.

    Args:
        parts: P arrays, float (N, K), of the same instances and classes; a row of NaN stays one.
        weights: P, greater than 0; only their ratios matter.
        scores: what the mean is over: softmax ``probabilities``, or ``logits`` as they are.

    Returns:
        float64 (N, K). Of probabilities, it is the logarithm of their mean: their softmax is the mean itself, so that
        they serve as logits everywhere.

    Raises:
        PredictionError: a weight is not finite, or not greater than 0.

    Example:
        >>> np.exp(fuse_logits([np.log([[0.5, 0.5]]), np.log([[0.9, 0.1]])], [1, 3])).round(3)
        array([[0.8, 0.2]])
    """
    assert len(parts) == len(weights)
    for number, weight in enumerate(weights, 1):
        if not (np.isfinite(weight) and weight > 0):
            raise PredictionError(
                f"weights must be finite and greater than 0, that of file {number} is {weight:g}. Leave a file out to "
                "give it no weight."
            )
    return _mix([_prepare(part, scores) for part in parts], weights, scores)


def choose_weights(parts: Sequence[np.ndarray], targets: np.ndarray, scores: Scores = "probabilities") -> ChosenWeights:
    """Weights by top-1 accuracy on instances that are not those to be evaluated.

    The first part has weight 1. Every other one takes, in turn, the best of ``WEIGHTS`` until none changes: for two
    parts that is a search of the whole grid. Of equally good ones the nearest to 1 is taken (by ratio), of two as near
    the smaller.

    Args:
        parts: P arrays, float (N, K); rows of NaN are missing and count as wrong.
        targets: int64 (N,).
        scores: as for ``fuse_logits``.
    """
    prepared = [_prepare(part, scores) for part in parts]

    @functools.cache
    def count_correct(weights: tuple[float, ...]) -> int:
        return int((compute_ranks(_mix(prepared, weights, scores), targets) < 1).sum())

    def try_all(weights: tuple[float, ...], place: int) -> list[tuple[int, int, tuple[float, ...]]]:
        """Correct instances, nearness to 1 and weights, for every weight of one part."""
        candidates = [(*weights[:place], weight, *weights[place + 1 :]) for weight in WEIGHTS]
        return [(count_correct(found), -abs(step - len(_ABOVE_ONE)), found) for step, found in enumerate(candidates)]

    weights, before = (1.0,) * len(parts), None
    while weights != before:
        before = weights
        for place in range(1, len(parts)):
            # The first of equals: the grid goes up, so it is the smaller one.
            weights = max(try_all(weights, place), key=lambda trial: trial[:2])[2]
    best = count_correct(weights)
    num_instances = max(len(targets), 1)
    return ChosenWeights(
        weights,
        best / num_instances,
        tuple(int((compute_ranks(part, targets) < 1).sum()) / num_instances for part in parts),
        sum(correct == best for correct, _, _ in try_all(weights, len(parts) - 1)),
    )


def _prepare(part: np.ndarray, scores: Scores) -> np.ndarray:
    """Float64 logits, or the logarithms of their softmax."""
    logits = np.asarray(part, dtype=np.float64)
    if scores == "logits" or not logits.size:
        return logits
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _mix(prepared: Sequence[np.ndarray], weights: Sequence[float], scores: Scores) -> np.ndarray:
    shares = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    if scores == "logits":
        return sum((share * part for share, part in zip(shares, prepared, strict=True)), np.zeros_like(prepared[0]))
    # In logarithms: a product of small probabilities would be 0, and its logarithm no number.
    with np.errstate(invalid="ignore"):  # rows of NaN are missing, and stay so
        return np.logaddexp.reduce([np.log(share) + part for share, part in zip(shares, prepared, strict=True)])
