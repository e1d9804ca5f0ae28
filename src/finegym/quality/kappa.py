"""Cohen's kappa of two annotators, Fleiss' kappa and Gwet's AC1 of any number of them.

All are ``(p_a - p_e) / (1 - p_e)`` with the share of pairs that agree, p_a; they differ in what chance would give, p_e:
Cohen's annotators keep their own habits, Fleiss' share one, Gwet's guess only where they do not know. Cohen's and
Fleiss' fall steeply where one category is nearly all there is; Gwet's does not.
"""

from __future__ import annotations

import numpy as np

from finegym.quality.alpha import NO_PAIRS
from finegym.quality.ratings import Ratings
from finegym.quality.values import Bootstrap, Value, divide, make_value

SURE = "both said one category of everything: chance alone would agree"
ONE_CATEGORY = "only one category was said"


def compute_cohen(ratings: Ratings, first: int, second: int, boot: Bootstrap) -> Value:
    """Cohen's kappa of two annotators, over what both of them judged.

    Source:
        Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 20, 1960.
    """
    one, other = ratings.values[:, first], ratings.values[:, second]
    both = (one >= 0) & (other >= 0)
    one, other, group, weights = one[both], other[both], ratings.group[both], ratings.weights[both]
    said, numbers = np.unique(np.concatenate([one, other]), return_inverse=True)
    ones, others = numbers[: len(one)], numbers[len(one) :]
    total = boot.sum_rows(group, 1, amount=weights)[:, 0]
    agreed = divide(boot.sum_rows(group, 1, amount=weights * (one == other))[:, 0], total)
    by_one = boot.sum_rows(group, len(said), ones, weights)
    by_other = boot.sum_rows(group, len(said), others, weights)
    chance = divide((by_one * by_other).sum(axis=1), total**2)
    count = round(float(weights.sum()))
    return make_value(_correct(agreed, chance), count, SURE if count else NO_PAIRS, boot)


def compute_fleiss(ratings: Ratings, boot: Bootstrap) -> Value:
    """Fleiss' kappa; where annotators left gaps, every thing counts alike, as Gwet generalises it.

    Source:
        Fleiss, "Measuring Nominal Scale Agreement among Many Raters", Psychological Bulletin 76, 1971; gaps: Gwet,
        "Handbook of Inter-Rater Reliability", 4th edition, 2014, section 2.5.
    """
    agreed, habits, count = _sum_agreement(ratings, boot)
    chance = (habits**2).sum(axis=1)
    return make_value(_correct(agreed, chance), count, ONE_CATEGORY if count else NO_PAIRS, boot)


def compute_ac1(ratings: Ratings, boot: Bootstrap) -> Value:
    """Gwet's AC1 over the categories that somebody used.

    Source:
        Gwet, "Computing Inter-Rater Reliability and its Variance in the Presence of High Agreement", British Journal of
        Mathematical and Statistical Psychology 61, 2008; gaps: as for ``compute_fleiss``.
    """
    agreed, habits, count = _sum_agreement(ratings, boot)
    num_categories = int((habits[0] > 0).sum())
    if num_categories < 2:
        return Value(None, count=count, undefined=ONE_CATEGORY if count else NO_PAIRS)
    chance = (habits * (1 - habits)).sum(axis=1) / (num_categories - 1)
    return make_value(_correct(agreed, chance), count, NO_PAIRS, boot)


def _correct(agreed: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Agreement beyond chance; NaN where chance alone agrees always."""
    room = 1 - chance
    return divide(agreed - chance, np.where(np.abs(room) > 1e-12, room, 0.0))


def _sum_agreement(ratings: Ratings, boot: Bootstrap) -> tuple[np.ndarray, np.ndarray, int]:
    """The mean share of pairs that agree (1 + R,), the mean share of each category (1 + R, K), things with pairs."""
    pairable = ratings.pairable
    num_pairs = pairable.num_values * (pairable.num_values - 1) / 2
    total = boot.sum_rows(pairable.group, 1, amount=pairable.weights)[:, 0]
    shares = pairable.weights * pairable.num_equal_pairs / np.maximum(num_pairs, 1)
    agreed = divide(boot.sum_rows(pairable.group, 1, amount=shares)[:, 0], total)
    habits = np.zeros((len(boot.weights), ratings.num_categories))
    for rows, values in ratings.iterate_values():
        amount = ratings.weights[rows] / ratings.num_values[rows]
        habits += boot.sum_rows(ratings.group[rows], ratings.num_categories, values, amount)
    habits = divide(habits, habits.sum(axis=1, keepdims=True))
    return agreed, habits, round(float(pairable.weights.sum()))
