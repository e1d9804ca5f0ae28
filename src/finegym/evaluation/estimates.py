"""How sure a number is that depends on chance twice: on the seed of training, and on which records were there to test.

An interval over seeds alone would say what another training run gives on the same few records; one over records alone
what the same weights give on others. Each source has an interval of its own, Student's t with as many degrees of
freedom as there are records or seeds less one (the records' variance is that of a bootstrap of whole records, the
seeds' that of their mean), and the half-widths are added in quadrature. Few seeds make a wide interval, as they should.

Source: Zou and Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 2008, on
intervals of sums; Bouthillier et al., "Accounting for variance in machine learning benchmarks", MLSys 2021, on why both
sources belong in. (One t of pooled degrees of freedom, after Satterthwaite, held the truth in 91 % only, with three
seeds.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student

from finegym.evaluation.intervals import draw_weights

LEVEL = 0.95
SHARE, DIFFERENCE = (0.0, 1.0), (-1.0, 1.0)
"""Bounds of a share, and of the difference of two."""
Verdict = Literal["confirmed", "not confirmed", "not decided"]


@dataclass(frozen=True)
class Estimate:
    """A number, such as a difference of accuracies, and its 95 % interval.

    Attributes:
        value: the mean over seeds.
        low: lower bound; ``None`` where there is no interval.
        high: upper bound, likewise.
        num_seeds: that were averaged.
        num_groups: records that were resampled.
        no_interval: why there is none; empty where there is one.
    """

    value: float
    low: float | None
    high: float | None
    num_seeds: int
    num_groups: int
    no_interval: str = ""


@dataclass(frozen=True)
class GroupWeights:
    """Resamples of groups, drawn once for everything that is compared.

    Attributes:
        group_of: int64 (N,), the group of every instance.
        weights: float64 (R, G), how often each resample draws each group.
    """

    group_of: np.ndarray
    weights: np.ndarray

    @property
    def num_groups(self) -> int:
        """G."""
        return self.weights.shape[1]

    def sum_by_group(self, values: np.ndarray) -> np.ndarray:
        """Values (…, N) added up in every group: float64 (…, G)."""
        values = np.asarray(values, np.float64)
        flat = values.reshape(-1, values.shape[-1])
        sums = [np.bincount(self.group_of, row, minlength=self.num_groups) for row in flat]
        return np.array(sums).reshape(*values.shape[:-1], self.num_groups)


def resample_groups(groups: Sequence[str], *, num_resamples: int = 1000, seed: int = 0) -> GroupWeights:
    """Draw resamples of the groups of N instances, such as their records."""
    names, group_of = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    return GroupWeights(group_of, draw_weights(len(names), num_resamples, seed))


def estimate(
    by_seed: np.ndarray, resampled: np.ndarray, num_groups: int, bounds: tuple[float, float] = SHARE
) -> Estimate:
    """A mean over seeds with its interval.

    Args:
        by_seed: float (S,), the number with every seed.
        resampled: float (S, R), the same in R resamples of the groups, which all seeds share.
        num_groups: G, that were resampled.
        bounds: between which the number lies by its nature; so does its interval.

    Returns:
        Without an interval where there is neither a second seed nor a second group, where a number is not known, or
        where it is the same with every seed in every record: a width of zero would be a lie.

    Example:
        >>> one = estimate(np.array([0.48, 0.5, 0.52]), np.full((3, 10), 0.5), 1)
        >>> round(one.low, 3), round(one.high, 3)
        (0.45, 0.55)
    """
    by_seed, resampled = np.asarray(by_seed, np.float64), np.asarray(resampled, np.float64)
    num_seeds = len(by_seed)
    value = float(by_seed.mean()) if num_seeds else float("nan")
    reason = _find_reason(by_seed, resampled, num_groups)
    if reason:
        return Estimate(value, None, None, num_seeds, num_groups, reason)
    square = 0.0  # of half the interval's width
    if num_groups > 1:
        # A bootstrap of G groups has (G - 1) / G of the variance.
        variance = float(np.nanvar(resampled.mean(axis=0))) * num_groups / (num_groups - 1)
        square += variance * _quantile(num_groups - 1) ** 2
    if num_seeds > 1:
        square += float(by_seed.var(ddof=1)) / num_seeds * _quantile(num_seeds - 1) ** 2
    half = square**0.5
    if half == 0:
        return Estimate(value, None, None, num_seeds, num_groups, "the same with every seed in every record")
    low, high = max(bounds[0], value - half), min(bounds[1], value + half)
    return Estimate(value, low, high, num_seeds, num_groups)


def estimate_share(right: np.ndarray, groups: GroupWeights, bounds: tuple[float, float] = SHARE) -> Estimate:
    """The share of instances that are right, or the difference of two such shares.

    Args:
        right: float (S, N), 1 for right, 0 for wrong, or the difference of two of these, paired by instance.
        groups: of the instances.
        bounds: ``SHARE``, or ``DIFFERENCE``.
    """
    sums = groups.sum_by_group(right)  # (S, G)
    sizes = np.bincount(groups.group_of, minlength=groups.num_groups)
    resampled = (sums @ groups.weights.T) / np.maximum(groups.weights @ sizes, 1)
    return estimate(np.asarray(right, np.float64).mean(axis=1), resampled, groups.num_groups, bounds)


def estimate_mean_over_classes(
    right: np.ndarray, targets: np.ndarray, groups: GroupWeights, bounds: tuple[float, float] = SHARE
) -> Estimate:
    """The mean over the classes present of the share right in each, or the difference of two such means.

    A resample that lacks a class is a mean over the others, as the score of any split would be.

    Args:
        right: float (S, N), as for ``estimate_share``.
        targets: int64 (N,), classes.
        groups: of the instances.
        bounds: ``SHARE``, or ``DIFFERENCE``.
    """
    classes = np.unique(targets)
    member = targets[None, :] == classes[:, None]  # (K, N)
    counts = groups.sum_by_group(member) @ groups.weights.T  # (K, R)
    right = np.asarray(right, np.float64)
    by_seed = np.mean([[row[inside].mean() for inside in member] for row in right], axis=1)
    shares = [
        np.divide(groups.sum_by_group(row * member) @ groups.weights.T, counts, out=_nan(counts), where=counts > 0)
        for row in right
    ]
    resampled = np.array([np.nanmean(share, axis=0) for share in shares])
    return estimate(by_seed, resampled, groups.num_groups, bounds)


def estimate_contrast(
    values: np.ndarray, is_first: np.ndarray, is_second: np.ndarray, groups: GroupWeights
) -> Estimate:
    """The mean over some instances less the mean over others: of fast frames, say, less of slow ones.

    Args:
        values: float (S, N).
        is_first: bool (N,).
        is_second: bool (N,).
        groups: of the instances; a resample that lacks either kind is left out.
    """
    values = np.asarray(values, np.float64)
    by_seed = values[:, is_first].mean(axis=1) - values[:, is_second].mean(axis=1)
    means = []
    for chosen in (is_first, is_second):
        counts = groups.sum_by_group(chosen) @ groups.weights.T  # (R,)
        sums = groups.sum_by_group(values * chosen) @ groups.weights.T  # (S, R)
        means.append(np.divide(sums, counts, out=_nan(sums), where=counts > 0))
    return estimate(by_seed, means[0] - means[1], groups.num_groups, DIFFERENCE)


def judge(found: Estimate, low: float, high: float) -> Verdict:
    """Whether a claim holds that says: the number lies between ``low`` and ``high``.

    Confirmed where the whole interval lies there, not confirmed where none of it does, and not decided otherwise: then
    more seeds or records are needed, and nothing else would be honest.

    Example:
        >>> judge(Estimate(0.1, 0.02, 0.2, 3, 9), 0.0, float("inf"))
        'confirmed'
    """
    if found.low is None or found.high is None:
        return "not decided"
    if low <= found.low and found.high <= high:
        return "confirmed"
    return "not confirmed" if found.high < low or found.low > high else "not decided"


def _find_reason(by_seed: np.ndarray, resampled: np.ndarray, num_groups: int) -> str:
    if not len(by_seed):
        return "not run"
    if not np.isfinite(by_seed).all():
        return "not known with every seed"
    if len(by_seed) < 2 and num_groups < 2:
        return "one seed and fewer than two records"
    if num_groups > 1 and np.isnan(resampled.mean(axis=0)).all():
        return "known in no resample of the records"
    return ""


def _quantile(freedom: int) -> float:
    return float(student.ppf((1 + LEVEL) / 2, freedom))


def _nan(like: np.ndarray) -> np.ndarray:
    return np.full(like.shape, np.nan)
