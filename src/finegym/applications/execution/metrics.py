"""How near estimated scores are to given ones: Spearman's rank correlation, relative L2, mean absolute error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from finegym.evaluation.intervals import draw_weights

Metric = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval by a bootstrap over records; NaN where it cannot be computed."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.low):
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def compute_spearman(true: np.ndarray, estimated: np.ndarray) -> float:
    """Spearman's rank correlation; equal scores share their mean rank. NaN where one side is all the same.

    Example:
        >>> compute_spearman(np.array([9.0, 8.0, 7.0]), np.array([8.9, 8.7, 8.8])).round(3)
        np.float64(0.5)
    """
    left, right = (rankdata(values) - 0.5 * (len(values) + 1) for values in (true, estimated))
    norm = np.sqrt(np.sum(left**2) * np.sum(right**2))
    return np.sum(left * right) / norm if norm > 0 else np.float64(np.nan)


def compute_relative_l2(true: np.ndarray, estimated: np.ndarray, low: float, high: float) -> float:
    """Relative L2 distance, times 100: the mean square of errors in units of the range of scores.

    Args:
        true: (N,) given scores.
        estimated: (N,) estimated scores.
        low: lowest score of the kind of performance.
        high: highest.

    Source:
        X. Yu, Y. Rao, W. Zhao, J. Lu, J. Zhou, "Group-aware Contrastive Regression for Action Quality Assessment",
        ICCV 2021 (CoRe), section 4.1: ``R-l2 = 1/K sum_k (|s_k - s^_k| / (s_max - s_min))^2``, given there times 100.

    Example:
        >>> compute_relative_l2(np.array([9.0, 7.0]), np.array([8.8, 7.2]), 7.0, 9.0).round(6)
        np.float64(1.0)
    """
    if not high > low:
        return np.float64(np.nan)
    return 100.0 * np.mean((np.abs(true - estimated) / (high - low)) ** 2)


def compute_mean_error(true: np.ndarray, estimated: np.ndarray) -> float:
    """Mean absolute error in points."""
    return np.mean(np.abs(true - estimated))


def bootstrap(
    metric: Metric, true: np.ndarray, estimated: np.ndarray, groups: Sequence[str], num_resamples: int = 1000
) -> Estimate:
    """A metric with the interval of its values over resampled records; none with fewer than five records."""
    names = sorted(set(groups))
    value = float(metric(true, estimated))
    if len(names) < 5:
        return Estimate(value, float("nan"), float("nan"))
    rows = [np.flatnonzero(np.array(groups) == name) for name in names]
    samples = []
    for weights in draw_weights(len(names), num_resamples, seed=0).astype(int):
        picked = np.concatenate([np.tile(rows[i], count) for i, count in enumerate(weights) if count])
        samples.append(float(metric(true[picked], estimated[picked])))
    finite = np.array(samples)[np.isfinite(samples)]
    if len(finite) < 0.9 * num_resamples:
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.percentile(finite, [2.5, 97.5])
    return Estimate(value, float(low), float(high))
