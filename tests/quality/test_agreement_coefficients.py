"""Coefficients of agreement against published examples, other programs, and the formula written out."""

import itertools

import krippendorff
import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import cohen_kappa_score

from finegym.codebook.source import open_codebook
from finegym.quality.alpha import ALL_ALIKE, ALWAYS_SAID, NEVER_SAID, NO_PAIRS, compute_alpha, compute_alpha_of_each
from finegym.quality.kappa import ONE_CATEGORY, SURE, compute_ac1, compute_cohen, compute_fleiss
from finegym.quality.ratings import Ratings
from finegym.quality.tree_distance import compute_tree_distance
from finegym.quality.units import name_no_element
from finegym.quality.values import make_bootstrap

NOTHING = -1

# Krippendorff 2011, section C: four observers, twelve units, gaps. Categories from 1.
OBSERVERS = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""

# Fleiss 1971 as Wikipedia works it: fourteen raters, ten subjects, five categories; kappa 0.210.
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def make_ratings(values, num_categories=None, weight=None, group=None):
    values = np.array(values, np.int32)
    number = int(values.max(initial=0)) + 1 if num_categories is None else num_categories
    group = np.arange(len(values), dtype=np.int32) if group is None else np.asarray(group, np.int32)
    return Ratings(values, group, number, None if weight is None else np.array(weight, np.float64))


def read_observers():
    rows = [line.split() for line in OBSERVERS.strip().splitlines()]
    return make_ratings(np.array([[NOTHING if cell == "." else int(cell) - 1 for cell in row] for row in rows]).T)


def read_fleiss():
    return make_ratings([np.repeat(np.arange(5), row) for row in FLEISS])


def draw_ratings(rng, *, num_units=40, num_annotators=4, num_categories=5, share_missing=0.2):
    truth = rng.integers(num_categories, size=(num_units, 1))
    noise = rng.integers(num_categories, size=(num_units, num_annotators))
    values = np.where(rng.random(noise.shape) < 0.6, truth, noise)
    return make_ratings(np.where(rng.random(noise.shape) < share_missing, NOTHING, values), num_categories)


def no_bootstrap(ratings):
    return make_bootstrap(int(ratings.group.max(initial=0)) + 1, 0, 0)


def get(compute, ratings, *arguments):
    return compute(ratings, no_bootstrap(ratings), *arguments).value


def compute_alpha_slowly(values, distance):
    """The formula, value by value."""
    units = [[value for value in row if value != NOTHING] for row in values.tolist()]
    units = [row for row in units if len(row) > 1]
    everything = [value for row in units for value in row]
    observed = sum(
        sum(distance[a][b] for a, b in itertools.permutations(row, 2)) / (len(row) - 1) for row in units
    ) / len(everything)
    pairs = len(everything) * (len(everything) - 1)
    expected = sum(distance[a][b] for a, b in itertools.permutations(everything, 2)) / pairs
    return 1 - observed / expected


def test_alpha_of_the_published_example_is_the_published_one():
    assert get(compute_alpha, read_observers()) == pytest.approx(0.743, abs=5e-4)


def test_ac1_and_fleiss_of_that_example_are_those_of_gwets_program():
    # irrCAC, data set cac.raw4raters: AC1 0.77544, Fleiss 0.76117.
    assert get(compute_ac1, read_observers()) == pytest.approx(0.77544, abs=5e-6)
    assert get(compute_fleiss, read_observers()) == pytest.approx(0.76117, abs=5e-6)


def test_fleiss_of_the_published_example_is_the_published_one():
    assert get(compute_fleiss, read_fleiss()) == pytest.approx(0.210, abs=5e-4)


def test_cohen_of_a_hand_worked_table():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: agreement 0.7, chance 0.5, kappa 0.4.
    values = [[0, 0]] * 20 + [[0, 1]] * 5 + [[1, 0]] * 10 + [[1, 1]] * 15
    assert compute_cohen(make_ratings(values), 0, 1, no_bootstrap(make_ratings(values))).value == pytest.approx(0.4)


def test_ac1_stays_where_kappa_falls():
    # Gwet 2008, table 1: 118 yes-yes, 5 yes-no, 2 no-yes, 0 no-no. Kappa -0.0234, AC1 0.9408.
    ratings = make_ratings([[0, 0]] * 118 + [[0, 1]] * 5 + [[1, 0]] * 2)
    assert compute_cohen(ratings, 0, 1, no_bootstrap(ratings)).value == pytest.approx(-0.0234, abs=5e-5)
    assert get(compute_ac1, ratings) == pytest.approx(0.9408, abs=5e-5)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_that_of_the_krippendorff_package(seed):
    ratings = draw_ratings(np.random.default_rng(seed))
    data = np.where(ratings.values == NOTHING, np.nan, ratings.values).T
    expected = krippendorff.alpha(reliability_data=data, level_of_measurement="nominal")
    assert get(compute_alpha, ratings) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_with_a_distance_is_that_of_the_package_and_of_the_formula(seed):
    rng = np.random.default_rng(seed)
    ratings = draw_ratings(rng)
    distance = rng.random((5, 5))
    distance = (distance + distance.T) * (1 - np.eye(5))
    assert get(compute_alpha, ratings, distance) == pytest.approx(
        compute_alpha_slowly(ratings.values, distance), abs=1e-12
    )
    interval = (np.arange(5)[:, None] - np.arange(5)) ** 2.0
    data = np.where(ratings.values == NOTHING, np.nan, ratings.values).T
    expected = krippendorff.alpha(reliability_data=data, level_of_measurement="interval")
    assert get(compute_alpha, ratings, interval) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_alpha_of_each_category_is_alpha_of_it_and_the_rest(seed):
    ratings = draw_ratings(np.random.default_rng(seed))
    each = compute_alpha_of_each(ratings, no_bootstrap(ratings))
    for category, value in enumerate(each):
        two = np.where(ratings.values == NOTHING, NOTHING, ratings.values == category)
        assert value.value == pytest.approx(get(compute_alpha, make_ratings(two, 2)), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_cohen_is_that_of_scikit_learn_over_what_both_judged(seed):
    ratings = draw_ratings(np.random.default_rng(seed))
    one, other = ratings.values[:, 1], ratings.values[:, 3]
    both = (one >= 0) & (other >= 0)
    value = compute_cohen(ratings, 1, 3, no_bootstrap(ratings))
    assert value.value == pytest.approx(cohen_kappa_score(one[both], other[both]))
    assert value.count == both.sum()


def test_weights_are_rows_that_are_there_several_times():
    rng = np.random.default_rng(3)
    ratings = draw_ratings(rng, num_units=20)
    weight = rng.integers(1, 5, 20)
    weighted = make_ratings(ratings.values, 5, weight)
    repeated = make_ratings(np.repeat(ratings.values, weight, axis=0), 5)
    for compute in (compute_alpha, compute_fleiss, compute_ac1):
        assert get(compute, weighted) == pytest.approx(get(compute, repeated), abs=1e-12)
    cohen = [compute_cohen(one, 0, 1, no_bootstrap(one)) for one in (weighted, repeated)]
    assert cohen[0].value == pytest.approx(cohen[1].value, abs=1e-12)


def test_every_resample_is_what_one_computes_from_the_records_that_it_drew():
    rng = np.random.default_rng(4)
    ratings = draw_ratings(rng, num_units=30)
    ratings = make_ratings(ratings.values, 5, group=rng.integers(6, size=30))
    boot = make_bootstrap(6, 40, seed=1)
    drawn = np.concatenate([np.flatnonzero(ratings.group == g).repeat(int(boot.weights[7, g])) for g in range(6)])
    one = make_ratings(ratings.values[drawn], 5)
    alone = type(boot)(boot.weights[7:8])
    for compute in (compute_alpha, compute_fleiss, compute_ac1):
        assert compute(ratings, alone).value == pytest.approx(get(compute, one), abs=1e-12)


def test_interval_of_alpha_holds_what_a_bootstrap_in_a_loop_finds():
    rng = np.random.default_rng(5)
    ratings = make_ratings(draw_ratings(rng, num_units=200).values, 5, group=np.repeat(np.arange(20), 10))
    boot = make_bootstrap(20, 300, seed=2)
    value = compute_alpha(ratings, boot)
    loop = []
    for weights in boot.weights[1:]:
        rows = np.concatenate([np.flatnonzero(ratings.group == g).repeat(int(weights[g])) for g in range(20)])
        loop.append(compute_alpha_slowly(ratings.values[rows], 1 - np.eye(5)))
    tail = 100 * norm.cdf(-boot.reach)
    assert 1.3 < tail < 2.5  # a little wider than plain percentiles
    assert [value.low, value.high] == pytest.approx(np.percentile(loop, [tail, 100 - tail]), abs=1e-9)
    assert value.low < value.value < value.high


@pytest.mark.parametrize(
    ("values", "compute", "reason"),
    [
        ([[0, 0], [0, 0]], compute_alpha, ALL_ALIKE),
        ([[0, NOTHING], [NOTHING, 1]], compute_alpha, NO_PAIRS),
        ([[0, NOTHING]], compute_fleiss, NO_PAIRS),
        ([[0, 0], [0, 0]], compute_fleiss, ONE_CATEGORY),
        ([[0, 0], [0, 0]], compute_ac1, ONE_CATEGORY),
        ([[0, NOTHING], [NOTHING, 0]], compute_ac1, NO_PAIRS),
        ([[0, 0], [0, 0]], lambda ratings, boot: compute_cohen(ratings, 0, 1, boot), SURE),
        ([[0, NOTHING]], lambda ratings, boot: compute_cohen(ratings, 0, 1, boot), NO_PAIRS),
    ],
)
def test_what_is_undefined_says_why(values, compute, reason):
    ratings = make_ratings(values)
    value = compute(ratings, make_bootstrap(len(values), 10, 0))
    assert value.value is None
    assert value.undefined == reason


def test_categories_that_nobody_or_everybody_said_have_no_alpha():
    ratings = make_ratings([[0, 0], [0, 0]], 2)
    assert [value.undefined for value in compute_alpha_of_each(ratings, no_bootstrap(ratings))] == [
        ALWAYS_SAID, NEVER_SAID,
    ]  # fmt: skip
    empty = make_ratings(np.zeros((0, 2), np.int32), 2)
    assert [value.undefined for value in compute_alpha_of_each(empty, make_bootstrap(1, 0, 0))] == [NO_PAIRS] * 2


def test_full_agreement_is_one_and_has_no_interval():
    value = compute_alpha(make_ratings([[0, 0], [1, 1], [2, 2], [1, 1], [0, 0], [2, 2]]), make_bootstrap(6, 100, 0))
    assert value.value == 1
    assert value.low is None
    assert "same in every resample" in value.no_interval


def test_one_record_gives_no_interval():
    value = compute_alpha(make_ratings([[0, 0], [1, 0]], group=[0, 0]), make_bootstrap(1, 100, 0))
    assert value.no_interval == "1 record, an interval needs two"


def test_distance_of_the_tree_is_what_the_ways_have_not_in_common():
    codebook, _ = open_codebook("artistic-women")
    first, second = codebook.sets[0], next(s for s in codebook.sets if s.event_id != codebook.sets[0].event_id)
    mine = codebook.get_elements_of_set(first.id)
    labels = [mine[0].id, mine[1].id, first.id, first.event_id, name_no_element(first.id), second.id]
    distance = compute_tree_distance(codebook, labels)
    assert np.array_equal(distance, distance.T)
    assert (np.diag(distance) == 0).all()
    assert 0 < distance[0, 1] < distance[0, 4] < 1
    assert distance[2, 3] == pytest.approx(1 / 3)  # event and set against event: one of two in common, twice
    assert distance[2, 4] == pytest.approx(1 - 4 / 5)
    assert (distance[:5, 5] == 1).all()


def test_reach_grows_where_records_are_few():
    reaches = [make_bootstrap(number, 0, 0).reach for number in (2, 5, 30, 10_000)]
    assert reaches == sorted(reaches, reverse=True)
    assert reaches[2] == pytest.approx((30 / 29) ** 0.5 * 2.04523, abs=1e-5)  # t of 29 degrees, from a printed table
    assert reaches[3] == pytest.approx(1.96, abs=1e-3)
