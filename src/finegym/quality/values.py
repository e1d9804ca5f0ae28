"""A number and how sure it is, or why there is none; and the bootstrap that says so.

Records are drawn, not units: what comes from one record is not independent. Everything that is measured here is a
function of sums over records, so a resample is a row of weights and all resamples are one matrix product. The first row
is the data as it is; a statistic is written once and gives the value and its resamples together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtrit

FEW_GROUPS = 5
"""An interval over fewer records is rough: two records have three different resamples."""
MAX_UNDEFINED = 0.1
"""Share of resamples that may be without a value; beyond it there is no interval."""
SAME = "the same in every resample"


@dataclass(frozen=True)
class Value:
    """A number with its 95 % interval, or the reason why there is none.

    Attributes:
        value: the number; ``None`` where it is undefined, and then ``undefined`` says why.
        low: lower bound; ``None`` where there is no interval, and then ``no_interval`` says why.
        high: upper bound, likewise.
        count: of what it is computed from: units, pairs, answers.
        undefined: empty where there is a value.
        no_interval: empty where there is an interval, or no value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
    undefined: str = ""
    no_interval: str = ""


@dataclass(frozen=True)
class Bootstrap:
    """Resamples of records.

    Attributes:
        weights: float64 (1 + R, G): how often each record counts; the first row is all ones, the data itself.
    """

    weights: np.ndarray

    @property
    def num_groups(self) -> int:
        return self.weights.shape[1]

    @property
    def num_resamples(self) -> int:
        return len(self.weights) - 1

    @property
    def reach(self) -> float:
        """How many standard errors a 95 % interval reaches to either side: 1.96 for many records, more for few.

        Source:
            Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69, 2015, section 5.3
            (expanded percentiles): resamples of n records vary too little by (n - 1) / n, and their spread is itself
            uncertain, which Student's t knows and the plain percentiles do not.
        """
        num = max(self.num_groups, 2)
        return float(np.sqrt(num / (num - 1)) * stdtrit(num - 1, 0.975))

    @property
    def no_interval(self) -> str:
        """Why nothing has an interval; empty where that depends."""
        if self.num_resamples == 0:
            return "no resamples were asked for"
        return f"{self.num_groups} record, an interval needs two" if self.num_groups < 2 else ""

    def sum(self, per_group: np.ndarray) -> np.ndarray:
        """Weighted sums over records: (G, …) → float64 (1 + R, …)."""
        flat = np.asarray(per_group, np.float64).reshape(self.num_groups, -1)
        return (self.weights @ flat).reshape(len(self.weights), *per_group.shape[1:])

    def sum_rows(self, group: np.ndarray, num_columns: int, column: np.ndarray | int = 0,
                 amount: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
        """Weighted sums of rows by column: float64 (1 + R, K), of rows with a record, a column and an amount each."""
        return self.sum(sum_by(group, column, self.num_groups, num_columns, amount))


def make_bootstrap(num_groups: int, num_resamples: int, seed: int) -> Bootstrap:
    """Draw so many resamples of so many records."""
    weights = np.ones((1 + num_resamples, num_groups))
    if num_groups:
        rng = np.random.default_rng(seed)
        weights[1:] = rng.multinomial(num_groups, np.full(num_groups, 1 / num_groups), size=num_resamples)
    return Bootstrap(weights)


def sum_by(group: np.ndarray, column: np.ndarray | int, num_groups: int, num_columns: int,
           amount: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """Sums of rows by record and column: float64 (G, K).

    Example:
        >>> sum_by(np.array([0, 1, 1]), np.array([1, 0, 1]), 2, 2).tolist()
        [[0.0, 1.0], [1.0, 1.0]]
    """
    flat = group.astype(np.int64) * num_columns + column
    return np.bincount(flat, amount, num_groups * num_columns).astype(np.float64).reshape(num_groups, num_columns)


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """A quotient that is NaN where the denominator is 0; ``make_values`` turns that into a reason."""
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    return np.divide(numerator, denominator, out=np.full(shape, np.nan), where=np.asarray(denominator) != 0)


def make_values(
    samples: np.ndarray, counts: Sequence[int] | np.ndarray, undefined: str | Sequence[str], boot: Bootstrap
) -> list[Value]:
    """Values of K statistics, from the data and its resamples.

    Args:
        samples: float64 (1 + R, K); NaN where a statistic is not defined.
        counts: K, what each is computed from.
        undefined: why one has no value where it has none; the same for all, or one each.
        boot: that made the resamples.
    """
    samples = np.asarray(samples, np.float64)
    num_columns = samples.shape[1]
    reasons = [undefined] * num_columns if isinstance(undefined, str) else list(undefined)
    assert all(reasons[k] for k in np.flatnonzero(np.isnan(samples[0]))), "an undefined value without a reason"
    low, high, why = _find_intervals(samples, boot)
    return [
        Value(None, count=count, undefined=reasons[k])
        if np.isnan(value)
        else Value(value, None, None, count, no_interval=why[k])
        if why[k]
        else Value(value, min(low[k], value), max(high[k], value), count)
        for k, (value, count) in enumerate(zip(samples[0].tolist(), np.asarray(counts).tolist(), strict=True))
    ]


def make_value(samples: np.ndarray, count: int, undefined: str, boot: Bootstrap) -> Value:
    """The value of one statistic, of samples float64 (1 + R,)."""
    return make_values(samples[:, None], [count], undefined, boot)[0]


def _find_intervals(samples: np.ndarray, boot: Bootstrap) -> tuple[list[float], list[float], list[str]]:
    """The percentiles of the resamples that ``Bootstrap.reach`` stands for, and why there are none."""
    num_columns = samples.shape[1]
    if boot.no_interval:
        return [0.0] * num_columns, [0.0] * num_columns, [boot.no_interval] * num_columns
    resamples = np.sort(samples[1:], axis=0)  # NaN comes last
    num_defined = len(resamples) - np.isnan(resamples).sum(axis=0)
    columns = np.arange(num_columns)
    tail = float(ndtr(-boot.reach))
    low, high = (_interpolate(resamples, columns, share * np.maximum(num_defined - 1, 0)) for share in (tail, 1 - tail))
    is_equal = np.isclose(resamples[0], resamples[np.maximum(num_defined - 1, 0), columns], rtol=0, atol=1e-12)
    undefined = (1 - num_defined / len(resamples)).tolist()
    why = [
        _describe_undefined(share) or (SAME if flat else "") for share, flat in zip(undefined, is_equal, strict=True)
    ]
    return low.tolist(), high.tolist(), why


def _describe_undefined(share: float) -> str:
    return f"more than {MAX_UNDEFINED:.0%} of the resamples have no value" if share > MAX_UNDEFINED else ""


def _interpolate(rows: np.ndarray, columns: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Values between sorted rows, as ``numpy.percentile`` does it."""
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, len(rows) - 1)
    share = place - below
    mixed = rows[below, columns] * (1 - share) + np.where(share > 0, rows[above, columns], 0.0) * share
    return np.nan_to_num(mixed)


def compute_quantile(values: np.ndarray, group: np.ndarray, share: float, boot: Bootstrap, undefined: str) -> Value:
    """A quantile and its interval, without sorting a resample.

    The share of values at most as large as the quantile is a ratio of sums over records; the spread of that share over
    the resamples, carried back through the distribution, is the interval of the quantile.

    Args:
        values: float64 (N,).
        group: int32 (N,), records.
        share: 0.5 for the median.
        boot: resamples of records.
        undefined: why there is none, where there are no values.

    Source:
        Woodruff, "Confidence Intervals for Medians and Other Position Measures", JASA 47, 1952; the variance of the
        share is that of the bootstrap rather than of a formula.
    """
    if not len(values):
        return Value(None, count=0, undefined=undefined)
    quantile = float(np.quantile(values, share)) + 0.0  # no minus before 0
    if boot.no_interval:
        return Value(quantile, count=len(values), no_interval=boot.no_interval)
    counts = boot.sum_rows(group, 1)[1:, 0]
    below = boot.sum_rows(group[values <= quantile], 1)[1:, 0]
    shares = divide(below, counts)
    half = boot.reach * float(np.nanstd(shares)) if not np.isnan(shares).all() else 0.0
    why = _describe_undefined(float(np.isnan(shares).mean())) or (SAME if half == 0 else "")
    if why:
        return Value(quantile, count=len(values), no_interval=why)
    low, high = np.quantile(values, np.clip([share - half, share + half], 0, 1)).tolist()
    return Value(quantile, min(low, quantile), max(high, quantile), len(values))
