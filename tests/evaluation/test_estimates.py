"""Intervals over seeds and records together: hand-worked cases, and coverage where the truth is known."""

import numpy as np
import pytest
from scipy import optimize, stats

from finegym.evaluation.estimates import (
    DIFFERENCE,
    Estimate,
    count_draws,
    estimate,
    estimate_contrast,
    estimate_mean_over_classes,
    estimate_share,
    judge,
    resample_groups,
    sample_share,
)


def find_bounds(value, half, bounds=(0.0, 1.0), least_half=0.0):
    """Wilson's interval by its definition: the values that see ``value`` within the half-width that they would have."""
    width = bounds[1] - bounds[0]
    share, half = (value - bounds[0]) / width, max(half, least_half) / width
    per_draw = half / (share * (1 - share)) ** 0.5

    def exceed(other):
        return abs(other - share) - per_draw * (other * (1 - other)) ** 0.5

    found = optimize.brentq(exceed, 0, share), optimize.brentq(exceed, share, 1)
    return tuple(bounds[0] + width * each for each in found)


def test_the_interval_is_that_of_the_definition_and_keeps_the_bounds():
    rng = np.random.default_rng(6)
    for value in (0.02, 0.3, 0.5, 0.97):
        resampled = np.clip(value + rng.normal(0, 0.02, (1, 50)), 0, 1)
        half = stats.t.ppf(0.975, 11) * resampled.std() * (12 / 11) ** 0.5
        found = estimate(np.array([value]), resampled, 12)
        assert (found.low, found.high) == pytest.approx(find_bounds(value, half), abs=1e-9)
        assert 0 < found.low < value < found.high < 1
        change = estimate(np.array([value]), resampled, 12, DIFFERENCE)
        assert (change.low, change.high) == pytest.approx(find_bounds(value, half, (-1, 1)), abs=1e-9)


def test_a_difference_near_nothing_has_students_interval():
    """Far from the bounds Wilson's and Student's are the same."""
    rng = np.random.default_rng(7)
    resampled = rng.normal(0.001, 0.01, (1, 400))
    found = estimate(np.array([0.001]), resampled, 30, DIFFERENCE)
    half = stats.t.ppf(0.975, 29) * resampled.std() * (30 / 29) ** 0.5
    assert (found.low, found.high) == pytest.approx((0.001 - half, 0.001 + half), abs=1e-4)


def test_all_right_is_no_certainty():
    """As sure as 40 independent answers, all of them right, can be: for them Wilson's lower bound is n / (n + t²)."""
    groups = resample_groups([f"r{place // 4}" for place in range(40)])
    found = estimate_share(np.ones((2, 40)), groups)
    quantile = stats.t.ppf(0.975, 9)
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(40 / (40 + quantile**2))
    # Two classes, one of them with two instances only: fewer draws.
    targets = np.repeat([0, 1], [38, 2])
    mean = estimate_mean_over_classes(np.ones((2, 40)), targets, groups)
    draws = 2 * stats.hmean([38, 2])
    assert (count_draws(targets), mean.low) == pytest.approx((draws, draws / (draws + quantile**2)))
    # Four answers about each of ten instances are no surer than ten answers.
    asked = estimate_mean_over_classes(np.ones((2, 40)), np.repeat([0, 1], 20), groups, num_instances=10)
    assert asked.low == pytest.approx(10 / (10 + quantile**2))
    assert all(estimate_share(np.ones((1, 8 * n)), resample_groups([*"abcdefgh"] * n)).high == 1 for n in range(1, 30))
    nothing = estimate_share(np.zeros((2, 40)), groups, DIFFERENCE)
    assert nothing.low is None and nothing.no_interval == "the same with every seed in every record"


def test_over_few_records_there_is_no_interval():
    right = np.array([[1, 0, 0, 1, 1, 1, 0, 1]], float)
    for number in (1, 2, 4):
        found = estimate_share(np.repeat(right, 3, axis=0), resample_groups([f"r{i % number}" for i in range(8)]))
        assert found.low is None and found.no_interval == "fewer than 5 records"
    assert estimate_share(right, resample_groups([f"r{i % 5}" for i in range(8)])).low is not None


def test_groups_alone_give_the_interval_of_their_means():
    rng = np.random.default_rng(0)
    means = rng.random(12)
    groups = resample_groups([f"r{place // 7}" for place in range(84)], num_resamples=40_000)
    found = estimate_share(np.repeat(means, 7)[None], groups)
    half = stats.t.ppf(0.975, 11) * stats.sem(means)
    least = stats.t.ppf(0.975, 11) * (means.mean() * (1 - means.mean()) / 84) ** 0.5
    assert (found.low, found.high) == pytest.approx(find_bounds(means.mean(), half, least_half=least), abs=0.005)
    assert (found.num_seeds, found.num_groups, found.by_seed) == (1, 12, (pytest.approx(means.mean()),))


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


@pytest.mark.parametrize(("truth", "num_records"), [(0.3, 5), (0.95, 5), (0.95, 12), (0.99, 8)])
def test_near_the_bounds_and_over_few_records_it_holds_the_truth_where_percentiles_do_not(truth, num_records):
    """Answers of a record alike (correlation 0.1), one seed: the percentile bootstrap holds it in 35 to 85 %."""
    rng = np.random.default_rng(8)
    hits, hits_of_percentiles, trials = 0, 0, 300
    names = [f"r{place % num_records}" for place in range(12 * num_records)]
    for trial in range(trials):
        groups = resample_groups(names, num_resamples=200, seed=trial)
        of_record = rng.beta(9 * truth, 9 * (1 - truth), num_records)
        right = (rng.random(len(names)) < of_record[groups.group_of])[None].astype(float)
        found = estimate_share(right, groups)
        hits += found.low <= truth <= found.high
        low, high = np.percentile(sample_share(right, groups).resampled, [2.5, 97.5])
        hits_of_percentiles += low <= truth <= high
    assert hits >= 0.92 * trials and hits_of_percentiles < 0.9 * trials


def test_a_mean_over_rare_classes_holds_the_truth():
    """Classes from 1 to 30 instances, most resamples lack some: the truth is the mean of each class's chance."""
    rng = np.random.default_rng(9)
    sizes = np.array([1, 1, 2, 2, 3, 4, 6, 9, 16, 30])
    targets, hits, trials = np.repeat(np.arange(10), sizes), 0, 300
    for trial in range(trials):
        chance = rng.beta(2, 2, 10)
        groups = resample_groups(rng.integers(0, 12, len(targets)).astype(str), num_resamples=200, seed=trial)
        right = (rng.random(len(targets)) < chance[targets])[None]
        found = estimate_mean_over_classes(right, targets, groups)
        hits += found.low <= chance.mean() <= found.high
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
    assert (found.low, found.high) == pytest.approx(find_bounds(found.value, np.hypot(of_records, of_seeds), (-9, 9)))


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
    half = stats.t.ppf(0.975, 9) * np.sqrt(np.var(slow) * 10 / 9)
    assert (found.low, found.high) == pytest.approx(find_bounds(found.value, half, (-1, 1)))


def test_where_there_is_no_interval_it_is_said_why():
    assert estimate(np.array([]), np.zeros((0, 3)), 4).no_interval == "not run"
    one = estimate(np.array([0.5]), np.full((1, 3), 0.5), 1)
    assert one.value == 0.5 and one.low is None and one.no_interval == "fewer than 5 records"
    assert estimate(np.array([0.5, np.nan]), np.zeros((2, 3)), 9).no_interval == "not known with every seed"


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
