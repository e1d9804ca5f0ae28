"""How sure a number is that depends on chance twice: on the seed of training, and on which records were there to test.

An interval over seeds alone would say what another training run gives on the same few records; one over records alone
what the same weights give on others. Each source has a half-width of its own, Student's t with as many degrees of
freedom as there are records or seeds less one (the records' variance is that of a bootstrap of whole records, the
seeds' that of their mean), and they are added in quadrature. Few seeds make a wide interval, as they should.

**Bounds.** A share lies between 0 and 1, and near them chance is lopsided: 98 % may well be 92, and never 104. The
half-width is therefore read as that of so many independent draws, and the interval is Wilson's with these: all values
from which the one seen is no further than the half-width *that they would have*. It ends within the bounds by itself.
Nor is a share ever taken for surer than as many independent draws as there are answers, so that 40 of 40 right has an
interval too. Differences lie between -1 and 1 and go the same way, halved.

**Few records.** Over fewer than five there is no interval: two records have three different resamples.

Source: Zou and Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 2008, on
intervals of sums; Bouthillier et al., "Accounting for variance in machine learning benchmarks", MLSys 2021, on why both
sources belong in; Franco, Little, Louis and Slud, "Comparative study of confidence intervals for proportions in complex
sample surveys", Journal of Survey Statistics and Methodology 2019, on Wilson's interval with an effective number of
draws. (One t of pooled degrees of freedom, after Satterthwaite, held the truth in 91 % only, with three seeds.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import stdtrit

from finegym.evaluation.intervals import FEW_GROUPS, draw_weights

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
        by_seed: the number with every seed.
    """

    value: float
    low: float | None
    high: float | None
    num_seeds: int
    num_groups: int
    no_interval: str = ""
    by_seed: tuple[float, ...] = ()


class Sampled(NamedTuple):
    """A number with every seed, and in resamples of the records, which all seeds share.

    Attributes:
        by_seed: float64 (S,).
        resampled: float64 (S, R).
    """

    by_seed: np.ndarray
    resampled: np.ndarray

    def less(self, other: Sampled) -> Sampled:
        """The difference to another number of the same seeds and resamples."""
        return Sampled(self.by_seed - other.by_seed, self.resampled - other.resampled)


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
    by_seed: np.ndarray,
    resampled: np.ndarray,
    num_groups: int,
    bounds: tuple[float, float] = SHARE,
    num_draws: float | None = None,
) -> Estimate:
    """A mean over seeds with its interval.

    Args:
        by_seed: float (S,), the number with every seed.
        resampled: float (S, R), the same in R resamples of the groups, which all seeds share.
        num_groups: G, that were resampled.
        bounds: between which the number lies by its nature; so does its interval.
        num_draws: of a share: it is taken for no surer than so many independent answers; ``None``: not said.

    Returns:
        Without an interval where there are fewer than five groups, where a number is not known, or where it is the same
        with every seed in every record and ``num_draws`` is not said: a width of zero would be a lie.

    Example:
        >>> one = estimate(np.array([0.98]), np.array([[0.96, 1.0]]), 12)
        >>> round(one.low, 3), round(one.high, 3)
        (0.869, 0.997)
    """
    by_seed, resampled = np.asarray(by_seed, np.float64), np.asarray(resampled, np.float64)
    value = float(by_seed.mean()) if len(by_seed) else float("nan")
    reason = _find_reason(by_seed, resampled, num_groups)
    interval = None if reason else _compute_interval(Sampled(by_seed, resampled), num_groups, bounds, num_draws)
    low, high = interval or (None, None)
    if interval is None:
        reason = reason or "the same with every seed in every record"
    return Estimate(value, low, high, len(by_seed), num_groups, reason, tuple(by_seed.tolist()))


def _compute_interval(
    sampled: Sampled, num_groups: int, bounds: tuple[float, float], num_draws: float | None
) -> tuple[float, float] | None:
    """Lower and upper bound; ``None`` where nothing varies."""
    width, num_seeds = bounds[1] - bounds[0], len(sampled.by_seed)
    # A bootstrap of G groups has (G - 1) / G of the variance.
    variance = float(np.nanvar(sampled.resampled.mean(axis=0))) * num_groups / (num_groups - 1)
    square = variance * _quantile(num_groups - 1) ** 2  # of half the interval's width
    if num_seeds > 1:
        square += float(sampled.by_seed.var(ddof=1)) / num_seeds * _quantile(num_seeds - 1) ** 2
    share = (float(sampled.by_seed.mean()) - bounds[0]) / width
    chance = share * (1 - share)  # variance of one draw
    spread = square / width**2 / chance if chance > 0 else 0.0
    if num_draws is not None:
        spread = max(spread, _quantile(num_groups - 1) ** 2 / num_draws)
    if spread == 0:
        return None
    middle = (share + spread / 2) / (1 + spread)
    half = (spread * chance + spread**2 / 4) ** 0.5 / (1 + spread)
    # Sums of floats end beside 0 and 1, and beside the share itself.
    low, high = max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))
    return bounds[0] + width * low, bounds[0] + width * high


def sample_share(right: np.ndarray, groups: GroupWeights) -> Sampled:
    """The share of instances that are right, with every seed and in every resample; see ``estimate_share``."""
    sums = groups.sum_by_group(right)  # (S, G)
    sizes = np.bincount(groups.group_of, minlength=groups.num_groups)
    resampled = (sums @ groups.weights.T) / np.maximum(groups.weights @ sizes, 1)
    return Sampled(np.asarray(right, np.float64).mean(axis=1), resampled)


def estimate_share(right: np.ndarray, groups: GroupWeights, bounds: tuple[float, float] = SHARE) -> Estimate:
    """The share of instances that are right, or the difference of two such shares.

    Args:
        right: float (S, N), 1 for right, 0 for wrong, or the difference of two of these, paired by instance.
        groups: of the instances.
        bounds: ``SHARE``, or ``DIFFERENCE``.
    """
    num_draws = np.shape(right)[1] if bounds == SHARE else None
    return estimate(*sample_share(right, groups), groups.num_groups, bounds, num_draws)


def sample_mean_over_classes(right: np.ndarray, targets: np.ndarray, groups: GroupWeights) -> Sampled:
    """The mean over classes of the share right, with every seed and in every resample.

    A resample that lacks a class is a mean over the others, as the score of any split would be. See
    ``estimate_mean_over_classes``.
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
    return Sampled(by_seed, np.array([_mean_known(share) for share in shares]))


def count_draws(targets: np.ndarray, num_instances: int | None = None) -> float:
    """As how many independent answers a mean over classes counts: the classes times the harmonic mean of their sizes.

    Args:
        targets: int64 (N,), the class of every answer.
        num_instances: that the answers are about, where several are about the same one: counted as no more than these.

    Example:
        >>> count_draws(np.array([0, 0, 1, 1])), round(count_draws(np.array([0, 0, 0, 1])), 2)
        (4.0, 3.0)
    """
    counts = np.unique(targets, return_counts=True)[1]
    draws = float(len(counts) ** 2 / (1 / counts).sum())
    return draws if num_instances is None else min(draws, num_instances)


def estimate_mean_over_classes(
    right: np.ndarray,
    targets: np.ndarray,
    groups: GroupWeights,
    bounds: tuple[float, float] = SHARE,
    num_instances: int | None = None,
) -> Estimate:
    """The mean over the classes present of the share right in each, or the difference of two such means.

    Args:
        right: float (S, N), as for ``estimate_share``.
        targets: int64 (N,), classes.
        groups: of the instances.
        bounds: ``SHARE``, or ``DIFFERENCE``.
        num_instances: as for ``count_draws``.
    """
    num_draws = count_draws(targets, num_instances) if bounds == SHARE else None
    sampled = sample_mean_over_classes(right, targets, groups)
    return estimate(*sampled, groups.num_groups, bounds, num_draws)


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
    if num_groups < FEW_GROUPS:
        return f"fewer than {FEW_GROUPS} records"
    if np.isnan(resampled.mean(axis=0)).all():
        return "known in no resample of the records"
    return ""


def _quantile(freedom: int) -> float:
    return float(stdtrit(freedom, (1 + LEVEL) / 2))  # scipy.stats takes half a second to import


def _nan(like: np.ndarray) -> np.ndarray:
    return np.full(like.shape, np.nan)


def _mean_known(shares: np.ndarray) -> np.ndarray:
    """The mean over classes (K, R) of those that a resample has; NaN where it has none: float64 (R,)."""
    is_known = ~np.isnan(shares)
    sums, counts = np.where(is_known, shares, 0.0).sum(axis=0), is_known.sum(axis=0)
    return np.divide(sums, counts, out=_nan(sums), where=counts > 0)
