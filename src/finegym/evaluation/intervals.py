"""Intervals of scores: percentile bootstraps over groups, and when there is none.

Groups are resampled, records as a rule: what comes from one record is not independent, and an interval over instances
would be too narrow. A resample of few groups lacks classes, and its mean over classes is one over *other* classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEW_GROUPS = 5
"""An interval over fewer groups is rough: two groups have three different resamples."""
MAX_LACKING = 0.1
"""Share of the classes that resamples may lack on average; beyond it, means over classes have no interval."""


@dataclass(frozen=True)
class Score:
    """A number in [0, 1] and its 95 % interval.

    Attributes:
        value: the number.
        low: lower bound; ``None`` where there is no interval.
        high: upper bound, likewise. A score lies within its interval.
        no_interval: why there is none; empty where there is one.
    """

    value: float
    low: float | None
    high: float | None
    no_interval: str = ""


def draw_weights(num_groups: int, num_resamples: int, seed: int) -> np.ndarray:
    """How often each resample draws each group: float64 (R, G), so that sums over groups are matrix products."""
    if num_groups == 0:
        return np.zeros((num_resamples, 0))
    rng = np.random.default_rng(seed)
    return rng.multinomial(num_groups, np.full(num_groups, 1 / num_groups), size=num_resamples).astype(np.float64)


def find_lacking(resampled_count: np.ndarray, present: np.ndarray) -> str:
    """Why means over classes have no interval; empty where resamples hold nearly all classes.

    Args:
        resampled_count: (R, K), instances a class and resample.
        present: bool (K,), classes that have instances.
    """
    share = 1 - float((resampled_count[:, present] > 0).mean()) if present.any() else 1.0
    return f"resamples lack more than {MAX_LACKING:.0%} of the classes" if share > MAX_LACKING else ""


def make_score(value: float, samples: np.ndarray, no_interval: str) -> Score:
    """A score with the percentiles of its resamples (R,), or with the reason why it has none."""
    if no_interval:
        return Score(float(value), None, None, no_interval)
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    # Sums in another order differ in the last digits; more than that is bias, and such an interval means nothing.
    if not low - 1e-9 <= value <= high + 1e-9:
        return Score(float(value), None, None, "its resamples do not surround it")
    return Score(float(value), min(float(low), float(value)), max(float(high), float(value)))
