"""Krippendorff's alpha: nominal, with a distance between categories, and one category against the rest.

::

    alpha = 1 - D_o / D_e,    D_o = 1/n  sum_u 1/(m_u - 1) sum_{pairs of u} d(c, k),
                              D_e = 1/(n (n - 1)) sum_{c, k} n_c n_k d(c, k)

A thing of which m_u annotators said something counts with m_u values where m_u is at least 2; n is the number of all
values, n_c that of category c. All of it is sums over things, hence over records, so that a bootstrap over records is a
matrix product.

Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", University of Pennsylvania, 2011.
"""

from __future__ import annotations

import numpy as np

from finegym.quality.ratings import Ratings
from finegym.quality.values import Bootstrap, Value, divide, make_value, make_values

NO_PAIRS = "nothing has two values"
ALL_ALIKE = "all values are the same category: disagreement by chance cannot be told"
NEVER_SAID = "nobody said it of anything that two annotators judged"
ALWAYS_SAID = "everybody said it of everything: disagreement by chance cannot be told"


def compute_alpha(ratings: Ratings, boot: Bootstrap, distance: np.ndarray | None = None) -> Value:
    """Krippendorff's alpha of a table of ratings.

    Args:
        ratings: of any number of annotators, with gaps.
        boot: resamples of the records that ``ratings.group`` numbers.
        distance: float64 (K, K), symmetric, 0 on the diagonal; ``None``: nominal, 1 beside it.

    Returns:
        1 for full agreement, 0 for that of chance, less for less; undefined where all values are alike.
    """
    pairable = ratings.pairable
    counts = sum_categories(pairable, boot)
    disagreement = np.zeros(len(pairable.values))
    for rows, one, other in pairable.iterate_pairs():
        disagreement[rows] += (one != other) if distance is None else distance[one, other]
    disagreement *= 2 * pairable.weights / np.maximum(pairable.num_values - 1, 1)
    observed = boot.sum_rows(pairable.group, 1, amount=disagreement)[:, 0]
    total = counts.sum(axis=1)
    if distance is None:
        expected = total**2 - (counts**2).sum(axis=1)
    else:
        expected = ((counts @ distance) * counts).sum(axis=1)
    # What is 0 but for rounding is 0: all values alike.
    expected = np.where(expected > 1e-9 * np.maximum(total, 1) ** 2, expected, 0.0)
    alpha = 1 - divide((total - 1) * observed, expected)
    num_units = round(float(pairable.weights.sum()))
    return make_value(alpha, num_units, ALL_ALIKE if num_units else NO_PAIRS, boot)


def compute_alpha_of_each(ratings: Ratings, boot: Bootstrap) -> list[Value]:
    """Nominal alpha of every category against all others: K values, each with the number of times it was said."""
    pairable = ratings.pairable
    counts = sum_categories(pairable, boot)
    share = pairable.weights / np.maximum(pairable.num_values - 1, 1)
    groups, categories, amounts = [], [], []
    for rows, one, other in pairable.iterate_pairs():
        rows, one, other = (part[one != other] for part in (rows, one, other))
        groups += [pairable.group[rows]] * 2
        categories += [one, other]
        amounts += [share[rows]] * 2
    disagreement = _sum_pieces(groups, categories, amounts, ratings.num_categories, boot)
    total = counts.sum(axis=1, keepdims=True)
    return make_alpha_against_rest(disagreement, counts, total, boot)


def make_alpha_against_rest(
    disagreement: np.ndarray, counts: np.ndarray, total: np.ndarray, boot: Bootstrap
) -> list[Value]:
    """Alpha of two values, this one and all others, from sums.

    Args:
        disagreement: float64 (1 + R, K), sum over things of ``n_uc (m_u - n_uc) / (m_u - 1)``.
        counts: float64 (1 + R, K), how often it was said.
        total: float64 (1 + R, K) or (1 + R, 1), how often anything was said.
        boot: that made the resamples.
    """
    alpha = 1 - divide((total - 1) * disagreement, counts * (total - counts))
    total = np.broadcast_to(total, counts.shape)
    reasons = [
        NO_PAIRS if total_ == 0 else NEVER_SAID if count == 0 else ALWAYS_SAID
        for count, total_ in zip(counts[0].tolist(), total[0].tolist(), strict=True)
    ]
    return make_values(alpha, counts[0].round().astype(int), reasons, boot)


def sum_categories(ratings: Ratings, boot: Bootstrap) -> np.ndarray:
    """How often each category was said: float64 (1 + R, K)."""
    groups, categories, amounts = [], [], []
    for rows, values in ratings.iterate_values():
        groups.append(ratings.group[rows])
        categories.append(values)
        amounts.append(ratings.weights[rows])
    return _sum_pieces(groups, categories, amounts, ratings.num_categories, boot)


def _sum_pieces(
    groups: list[np.ndarray], columns: list[np.ndarray], amounts: list[np.ndarray], num_columns: int, boot: Bootstrap
) -> np.ndarray:
    if not groups:
        return np.zeros((len(boot.weights), num_columns))
    return boot.sum_rows(np.concatenate(groups), num_columns, np.concatenate(columns), np.concatenate(amounts))
