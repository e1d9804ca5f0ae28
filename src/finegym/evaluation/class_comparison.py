"""Two methods class by class: whose accuracy is higher where, and whether that is more than chance.

Instances are paired: both methods are asked about the same ones, and of each record that a bootstrap draws both answers
come along. What records have in common (a hard one is hard for both) cancels in the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finegym.evaluation.estimates import (
    DIFFERENCE,
    SHARE,
    Estimate,
    estimate_mean_over_classes,
    estimate_share,
    resample_groups,
)


@dataclass(frozen=True)
class ClassDifference:
    """One class.

    Attributes:
        class_index: of the subset.
        count: instances.
        left: accuracy of the first method.
        right: accuracy of the second one.
        difference: second less first.
    """

    class_index: int
    count: int
    left: Estimate
    right: Estimate
    difference: Estimate


@dataclass(frozen=True)
class ClassComparison:
    """Two methods on the same instances.

    Attributes:
        classes: that have instances, by class index.
        mean_class_accuracy: of the first, of the second, and second less first.
        top1_accuracy: likewise.
    """

    classes: tuple[ClassDifference, ...]
    mean_class_accuracy: tuple[Estimate, Estimate, Estimate]
    top1_accuracy: tuple[Estimate, Estimate, Estimate]


def compare_classes(
    left: np.ndarray, right: np.ndarray, targets: np.ndarray, groups: Sequence[str], *, seed: int = 0
) -> ClassComparison:
    """Compare what two methods got right.

    Args:
        left: bool (S, N), the first method's, a row a seed.
        right: bool (S, N), the second's. Seeds are paired in order; with unequal numbers the rest is left out.
        targets: int64 (N,), class indices.
        groups: N names, such as records; they are resampled.
        seed: of the bootstrap.
    """
    num_seeds = min(len(left), len(right))
    values = [np.asarray(each[:num_seeds], np.float64) for each in (left, right)]
    values.append(values[1] - values[0])
    bounds = (SHARE, SHARE, DIFFERENCE)
    weights = resample_groups(groups, seed=seed)
    classes = []
    for class_index in np.unique(targets).tolist():
        rows = np.flatnonzero(targets == class_index)
        own = resample_groups([groups[row] for row in rows.tolist()], seed=seed)
        found = [estimate_share(each[:, rows], own, edges) for each, edges in zip(values, bounds, strict=True)]
        classes.append(ClassDifference(class_index, len(rows), *found))
    means = [
        estimate_mean_over_classes(each, targets, weights, edges) for each, edges in zip(values, bounds, strict=True)
    ]
    shares = [estimate_share(each, weights, edges) for each, edges in zip(values, bounds, strict=True)]
    return ClassComparison(tuple(classes), (means[0], means[1], means[2]), (shares[0], shares[1], shares[2]))
