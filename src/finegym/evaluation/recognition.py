"""Recognition metrics: accuracies with the counts and intervals that belong to them.

Ties are broken by class index: the target's rank is the number of classes with a greater logit, plus those with an
equal logit and a smaller index. Top-1 then agrees with ``argmax``, and a constant prediction is not right everywhere.

Intervals are percentile bootstraps over *groups* (records by default): clips of one record are not independent, and an
interval over clips would be too narrow. A resample of few groups lacks classes; its mean over classes is then one over
*other* classes than the score's. Where that happens much, the score has no interval and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finegym.evaluation.intervals import Score, draw_weights, find_lacking, make_score

MISSING = -1


@dataclass(frozen=True)
class RecognitionResult:
    """What is known about a prediction file on one list of classes.

    Attributes:
        class_names: K names, by class index.
        num_instances: instances evaluated, missing ones included.
        num_missing: instances without a prediction; they count as wrong.
        num_groups: groups that the intervals resample.
        top1_accuracy: share of instances whose target ranks first.
        top5_accuracy: share whose target is among the first five; ``None`` with fewer than six classes.
        mean_class_accuracy: mean of the accuracies of the classes that have instances.
        macro_f1: mean F1 over the same classes.
        absent_classes: names of classes without instances; they are in no mean.
        class_accuracy: float64 (K,), NaN for absent classes.
        class_interval: float64 (K, 2), 95 % interval of each accuracy; NaN where fewer than two groups hold the class.
        class_count: int64 (K,), instances a class.
        class_groups: int64 (K,), groups that hold the class.
        confusion: int64 (K, K), rows targets, columns predictions; missing instances are in no column.
        confusion_interval: float64 (K, K, 2), 95 % interval of each cell's share of its row; NaN for empty cells, and
            where fewer than two groups hold the row's class.
    """

    class_names: tuple[str, ...]
    num_instances: int
    num_missing: int
    num_groups: int
    top1_accuracy: Score
    top5_accuracy: Score | None
    mean_class_accuracy: Score
    macro_f1: Score
    absent_classes: tuple[str, ...]
    class_accuracy: np.ndarray
    class_interval: np.ndarray
    class_count: np.ndarray
    class_groups: np.ndarray
    confusion: np.ndarray
    confusion_interval: np.ndarray


def compute_ranks(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Rank of the target class in every row, 0 for the first; rows with NaN (missing) rank last.

    Args:
        logits: float (N, K).
        targets: int64 (N,), class indices.

    Returns:
        int64 (N,), 0 to K.

    Example:
        >>> compute_ranks(np.array([[0.1, 0.9, 0.9], [0.5, 0.5, 0.0]]), np.array([2, 0]))
        array([1, 0])
    """
    num_classes = logits.shape[1]
    own = np.take_along_axis(logits, targets[:, None], axis=1)
    earlier = np.arange(num_classes)[None, :] < targets[:, None]
    ranks = (logits > own).sum(axis=1) + ((logits == own) & earlier).sum(axis=1)
    return np.where(np.isnan(logits).any(axis=1), num_classes, ranks)


def compute_predicted(logits: np.ndarray) -> np.ndarray:
    """Predicted class index of every row, ``MISSING`` where the row is NaN. int64 (N,)."""
    missing = np.isnan(logits).any(axis=1)
    return np.where(missing, MISSING, np.argmax(np.where(missing[:, None], 0.0, logits), axis=1))


def compute_confusion(targets: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Confusion matrix int64 (K, K): rows targets, columns predictions; ``MISSING`` is in no column.

    Example:
        >>> compute_confusion(np.array([0, 1, 1]), np.array([0, 0, MISSING]), 2)
        array([[1, 0],
               [1, 0]])
    """
    given = predicted != MISSING
    flat = targets[given] * num_classes + predicted[given]
    return np.bincount(flat, minlength=num_classes**2).reshape(num_classes, num_classes)


def compute_mean_class_accuracy(correct: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mean over the classes present of correct / count.

    Args:
        correct: (…, K), right instances a class.
        count: (…, K), instances a class; classes with 0 are absent and in no mean.

    Returns:
        float64 (…); NaN where no class is present.

    Example:
        >>> float(compute_mean_class_accuracy(np.array([1, 4, 0]), np.array([2, 4, 0])))
        0.75
    """
    present = count > 0
    accuracy = np.divide(correct, count, out=np.zeros(np.shape(count)), where=present)
    return _mean_over(accuracy, present)


def compute_macro_f1(correct: np.ndarray, count: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that have instances.

    Args:
        correct: (…, K), right instances a class.
        count: (…, K), instances a class.
        predicted: (…, K), how often a class was predicted.

    Returns:
        float64 (…); NaN where no class is present.
    """
    total = count + predicted
    f1 = np.divide(2 * correct, total, out=np.zeros(np.shape(count)), where=total > 0)
    return _mean_over(f1, count > 0)


def evaluate_recognition(
    logits: np.ndarray,
    targets: np.ndarray,
    groups: Sequence[str],
    class_names: Sequence[str],
    *,
    num_resamples: int = 1000,
    seed: int = 0,
) -> RecognitionResult:
    """All metrics of recognition on one list of classes.

    Args:
        logits: float (N, K); a row of NaN is a missing prediction and counts as wrong.
        targets: int64 (N,), class indices in [0, K).
        groups: N names; instances of one group are resampled together.
        class_names: K names.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    num_classes = len(class_names)
    assert logits.shape == (len(targets), num_classes) and len(groups) == len(targets)
    ranks, predicted = compute_ranks(logits, targets), compute_predicted(logits)
    names, group_of = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    per_group = _count_by_group(targets, predicted, ranks, group_of, len(names), num_classes)
    confusion = compute_confusion(targets, predicted, num_classes)
    count = np.bincount(targets, minlength=num_classes)
    correct = confusion.diagonal()
    weights = draw_weights(len(names), num_resamples, seed)
    resampled = _Counts(*(weights @ getattr(per_group, name) for name in _Counts.__dataclass_fields__))

    too_few = "" if len(names) > 1 else f"only {len(names)} group, not 2"
    lacking = too_few or find_lacking(resampled.count, count > 0)
    num_instances = len(targets) or np.nan
    sizes = np.maximum(resampled.size, 1)
    return RecognitionResult(
        class_names=tuple(class_names),
        num_instances=len(targets),
        num_missing=int((predicted == MISSING).sum()),
        num_groups=len(names),
        top1_accuracy=make_score((ranks < 1).sum() / num_instances, resampled.top1 / sizes, too_few),
        top5_accuracy=make_score((ranks < 5).sum() / num_instances, resampled.top5 / sizes, too_few)
        if num_classes > 5
        else None,
        mean_class_accuracy=make_score(
            float(compute_mean_class_accuracy(correct, count)),
            compute_mean_class_accuracy(resampled.correct, resampled.count),
            lacking,
        ),
        macro_f1=make_score(
            float(compute_macro_f1(correct, count, confusion.sum(axis=0))),
            compute_macro_f1(resampled.correct, resampled.count, resampled.predicted),
            lacking,
        ),
        absent_classes=tuple(name for name, n in zip(class_names, count, strict=True) if n == 0),
        class_accuracy=np.divide(correct, count, out=np.full(num_classes, np.nan), where=count > 0),
        class_interval=_compute_class_intervals(per_group, resampled),
        class_count=count,
        class_groups=(per_group.count > 0).sum(axis=0),
        confusion=confusion,
        confusion_interval=_compute_confusion_intervals(targets, predicted, group_of, per_group, resampled, weights),
    )


def roll_up(logits: np.ndarray, parents: np.ndarray, num_parents: int) -> np.ndarray:
    """Scores one level up: log of the summed softmax probabilities of the children.

    Args:
        logits: float (N, K); rows of NaN stay NaN.
        parents: int64 (K,), the parent index of every class.
        num_parents: P.

    Returns:
        float64 (N, P); a parent without children scores ``-inf``.

    Example:
        >>> np.exp(roll_up(np.log([[0.2, 0.3, 0.5]]), np.array([0, 0, 1]), 2)).round(3)
        array([[0.5, 0.5]])
    """
    shifted = logits - np.max(logits, axis=1, keepdims=True) if logits.size else logits
    probabilities = np.exp(shifted.astype(np.float64))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    membership = np.equal(parents[:, None], np.arange(num_parents)[None, :]).astype(np.float64)
    with np.errstate(divide="ignore"):
        return np.log(probabilities @ membership)


@dataclass(frozen=True)
class _Counts:
    """Counts by group (first axis groups) or by resample (first axis resamples)."""

    size: np.ndarray
    top1: np.ndarray
    top5: np.ndarray
    count: np.ndarray
    correct: np.ndarray
    predicted: np.ndarray


def _count_by_group(
    targets: np.ndarray,
    predicted: np.ndarray,
    ranks: np.ndarray,
    group_of: np.ndarray,
    num_groups: int,
    num_classes: int,
) -> _Counts:
    shape = (num_groups, num_classes)

    def count_classes(where: np.ndarray, classes: np.ndarray) -> np.ndarray:
        flat = group_of[where] * num_classes + classes[where]
        return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)

    def count_instances(where: np.ndarray) -> np.ndarray:
        return np.bincount(group_of[where], minlength=num_groups)

    everything = np.ones(len(targets), bool)
    return _Counts(
        size=count_instances(everything),
        top1=count_instances(ranks < 1),
        top5=count_instances(ranks < 5),
        count=count_classes(everything, targets),
        correct=count_classes(ranks < 1, targets),
        predicted=count_classes(predicted != MISSING, predicted),
    )


def _compute_class_intervals(per_group: _Counts, resampled: _Counts) -> np.ndarray:
    """Intervals of the accuracy of every class: float64 (K, 2)."""
    shares = np.divide(resampled.correct, resampled.count, out=_make_nan(resampled.count), where=resampled.count > 0)
    return _compute_intervals(shares, (per_group.count > 0).sum(axis=0) >= 2)


def _compute_confusion_intervals(
    targets: np.ndarray,
    predicted: np.ndarray,
    group_of: np.ndarray,
    per_group: _Counts,
    resampled: _Counts,
    weights: np.ndarray,
) -> np.ndarray:
    """Intervals of every cell's share of its row: float64 (K, K, 2). Only cells that are not empty are resampled."""
    num_groups, num_classes = per_group.count.shape
    intervals = np.full((num_classes, num_classes, 2), np.nan)
    given = predicted != MISSING
    codes, cell_of = np.unique(targets[given] * num_classes + predicted[given], return_inverse=True)
    rows, columns = np.divmod(codes, num_classes)
    flat = group_of[given] * len(codes) + cell_of
    counts = np.bincount(flat, minlength=num_groups * len(codes)).reshape(num_groups, len(codes))
    totals = resampled.count[:, rows]
    shares = np.divide(weights @ counts, totals, out=_make_nan(totals), where=totals > 0)
    intervals[rows, columns] = _compute_intervals(shares, ((per_group.count > 0).sum(axis=0) >= 2)[rows])
    return intervals


def _compute_intervals(samples: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    """Percentiles of the columns of samples (R, C) that ``is_known`` (C,) admits, NaN for the others: (C, 2)."""
    intervals = np.full((samples.shape[1], 2), np.nan)
    # A class that is in few groups can be in no resample; then there is no interval either.
    is_known = is_known & ~np.isnan(samples).all(axis=0) if len(samples) else np.zeros_like(is_known)
    if is_known.any():
        intervals[is_known] = np.nanpercentile(samples[:, is_known], [2.5, 97.5], axis=0).T
    return intervals


def _make_nan(like: np.ndarray) -> np.ndarray:
    return np.full(np.shape(like), np.nan)


def _mean_over(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    number = present.sum(axis=-1)
    total = np.where(present, values, 0.0).sum(axis=-1)
    return np.divide(total, number, out=np.full(np.shape(number), np.nan), where=number > 0)
