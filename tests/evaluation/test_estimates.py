"""Intervals over seeds and records together: hand-worked cases, and coverage where the truth is known."""

import numpy as np
import pytest
from scipy import stats

from finegym.evaluation.estimates import (
    DIFFERENCE,
    Estimate,
    estimate,
    estimate_contrast,
    estimate_mean_over_classes,
    estimate_share,
    judge,
    resample_groups,
)


def test_what_never_varies_is_no_certainty_and_bounds_are_kept():
    groups = resample_groups(list("uvw"))
    everything = estimate_share(np.ones((2, 3)), groups)
    assert everything.value == 1 and everything.low is None
    assert everything.no_interval == "the same with every seed in every record"
    assert estimate_share(np.zeros((2, 3)), groups, DIFFERENCE).low is None
    few = estimate_share(np.array([[1, 0, 0]]), groups)
    assert (few.low, few.high) == (0, 1), "a share lies between 0 and 1"


def test_seeds_alone_give_students_interval():
    found = estimate(np.array([0.48, 0.5, 0.55]), np.zeros((3, 5)), 1)
    low, high = stats.t.interval(0.95, 2, loc=np.mean([0.48, 0.5, 0.55]), scale=stats.sem([0.48, 0.5, 0.55]))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_groups_alone_give_students_interval_of_their_means():
    rng = np.random.default_rng(0)
    means = rng.random(12)
    groups = resample_groups([f"r{place // 7}" for place in range(84)], num_resamples=40_000)
    found = estimate_share(np.repeat(means, 7)[None], groups)
    low, high = stats.t.interval(0.95, 11, loc=means.mean(), scale=stats.sem(means))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.005)
    assert (found.num_seeds, found.num_groups) == (1, 12)


@pytest.mark.parametrize(("seed_spread", "record_spread"), [(0.1, 0.02), (0.02, 0.1), (0.06, 0.2)])
def test_intervals_hold_the_truth_nineteen_times_of_twenty(seed_spread, record_spread):
    rng = np.random.default_rng(1)
    names = [f"r{place // 10}" for place in range(120)]
    hits, trials = 0, 400
    for trial in range(trials):
        shift = rng.normal(0, seed_spread, (3, 1))
        records = np.repeat(rng.normal(0, record_spread, 12), 10)
        values = 0.3 + shift + records + rng.normal(0, 0.1, (3, 120))
        found = estimate_share(values, resample_groups(names, num_resamples=200, seed=trial))
        hits += found.low <= 0.3 <= found.high
    assert hits >= 0.93 * trials


def test_mean_over_classes_is_that_of_a_loop():
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 5, 90)
    names = [f"r{place % 9}" for place in range(90)]
    right = rng.random((2, 90)) < 0.6
    groups = resample_groups(names, num_resamples=50, seed=3)
    found = estimate_mean_over_classes(right, targets, groups, (-9, 9))
    expected = np.mean([[row[targets == k].mean() for k in range(5)] for row in right])
    assert found.value == pytest.approx(expected)
    slow = []
    for weights in groups.weights:
        drawn = np.concatenate([np.flatnonzero(groups.group_of == g).repeat(int(n)) for g, n in enumerate(weights)])
        present = np.unique(targets[drawn])
        slow.append(np.mean([[row[drawn][targets[drawn] == k].mean() for k in present] for row in right]))
    by_seed = np.array([np.mean([row[targets == k].mean() for k in range(5)]) for row in right])
    of_records = stats.t.ppf(0.975, 8) * np.sqrt(np.var(slow) * 9 / 8)
    of_seeds = stats.t.ppf(0.975, 1) * stats.sem(by_seed)
    assert found.high - found.value == pytest.approx(np.hypot(of_records, of_seeds))


def test_a_contrast_is_the_difference_of_two_means_in_every_resample():
    rng = np.random.default_rng(4)
    values, kind = rng.random((1, 80)), rng.integers(0, 3, 80)
    groups = resample_groups([f"r{place // 8}" for place in range(80)], num_resamples=60)
    found = estimate_contrast(values, kind == 0, kind == 1, groups)
    assert found.value == pytest.approx(values[0, kind == 0].mean() - values[0, kind == 1].mean())
    slow = []
    for weights in groups.weights:
        drawn = np.concatenate([np.flatnonzero(groups.group_of == g).repeat(int(n)) for g, n in enumerate(weights)])
        first, second = (values[0, drawn][kind[drawn] == k].mean() for k in (0, 1))
        slow.append(first - second)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 9) * np.sqrt(np.var(slow) * 10 / 9))


def test_where_there_is_no_interval_it_is_said_why():
    assert estimate(np.array([]), np.zeros((0, 3)), 4).no_interval == "not run"
    one = estimate(np.array([0.5]), np.full((1, 3), 0.5), 1)
    assert one.value == 0.5 and one.low is None and one.no_interval == "one seed and fewer than two records"
    assert estimate(np.array([0.5, np.nan]), np.zeros((2, 3)), 4).no_interval == "not known with every seed"


@pytest.mark.parametrize(
    ("interval", "claim", "verdict"),
    [
        ((0.01, 0.2), (0, np.inf), "confirmed"),
        ((-0.2, -0.01), (0, np.inf), "not confirmed"),
        ((-0.01, 0.2), (0, np.inf), "not decided"),
        ((0.0, 0.0), (-0.01, 0.01), "confirmed"),
        ((0.02, 0.05), (-0.01, 0.01), "not confirmed"),
        ((0.0, 0.05), (-0.01, 0.01), "not decided"),
        ((None, None), (0, np.inf), "not decided"),
    ],
)
def test_a_claim_is_judged_by_the_whole_interval(interval, claim, verdict):
    assert judge(Estimate(0.0, *interval, 3, 9), *claim) == verdict
