"""Late fusion: hand-worked, against a slow reference, whatever the order of the files."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finegym.errors import PredictionError
from finegym.evaluation.fusion import WEIGHTS, choose_weights, fuse_logits


def softmax(values):
    total = sum(math.exp(value) for value in values)
    return [math.exp(value) / total for value in values]


def fuse_slowly(parts, weights, scores):
    """One instance and class at a time."""
    fused = []
    for rows in zip(*parts, strict=True):
        scored = [softmax(row) if scores == "probabilities" else list(row) for row in rows]
        means = [
            sum(weight * score[k] for weight, score in zip(weights, scored, strict=True)) / sum(weights)
            for k in range(len(rows[0]))
        ]
        fused.append([math.log(mean) for mean in means] if scores == "probabilities" else means)
    return np.array(fused)


def choose_slowly(parts, targets):
    """The best weight of two files by looking at every one; equals by their distance from 1 on a log scale."""
    best = None
    for weight in sorted(WEIGHTS, key=lambda weight: (round(abs(math.log(weight)), 9), weight)):
        fused = fuse_slowly(parts, (1.0, weight), "probabilities")
        correct = sum(int(row.argmax() == target) for row, target in zip(fused, targets, strict=True))
        if best is None or correct > best[0]:
            best = correct, weight
    return best[1], best[0] / len(targets)


def test_a_mean_of_probabilities_worked_by_hand():
    # 0.2 and 0.8 with weights 1 and 3: (0.2 + 3 x 0.8) / 4 = 0.65
    parts = [np.log([[0.2, 0.8]]), np.log([[0.8, 0.2]]) + 7]
    np.testing.assert_allclose(np.exp(fuse_logits(parts, [1, 3])), [[0.65, 0.35]])
    np.testing.assert_allclose(
        fuse_logits([np.array([[1.0, 5.0]]), np.array([[3.0, 1.0]])], [1, 1], "logits"), [[2, 3]]
    )


@pytest.mark.parametrize("scores", ["probabilities", "logits"])
def test_it_is_what_a_loop_gives(scores):
    rng = np.random.default_rng(0)
    parts = [rng.normal(0, 3, (7, 5)).astype(np.float32) for _ in range(3)]
    weights = (1.0, 0.4, 2.5)
    np.testing.assert_allclose(fuse_logits(parts, weights, scores), fuse_slowly(parts, weights, scores), rtol=1e-6)


def test_probabilities_that_are_too_small_for_a_float_stay_finite_and_in_order():
    fused = fuse_logits([np.array([[0.0, -2000.0, -3000.0]]), np.array([[0.0, -2500.0, -2600.0]])], [1, 1])
    assert np.isfinite(fused).all()
    assert fused[0].argsort().tolist() == [2, 1, 0]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_order_of_the_files_does_not_matter(data):
    num_parts = data.draw(st.integers(2, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    parts = [rng.normal(0, 10, (4, 3)) for _ in range(num_parts)]
    weights = data.draw(st.lists(st.floats(0.01, 100), min_size=num_parts, max_size=num_parts))
    order = data.draw(st.permutations(range(num_parts)))
    for scores in ("probabilities", "logits"):
        there = fuse_logits(parts, weights, scores)
        again = fuse_logits([parts[i] for i in order], [weights[i] for i in order], scores)
        np.testing.assert_allclose(there, again, rtol=1e-9, atol=1e-9)


def test_only_ratios_of_weights_matter_and_equal_files_stay_what_they_are():
    part = np.random.default_rng(0).normal(size=(4, 3))
    other = np.random.default_rng(1).normal(size=(4, 3))
    np.testing.assert_allclose(fuse_logits([part, other], [1, 2]), fuse_logits([part, other], [2.5, 5]))
    fused = fuse_logits([part, part], [1, 9])
    np.testing.assert_allclose(np.exp(fused).sum(axis=1), 1)
    np.testing.assert_allclose(fused - fused[:, :1], part - part[:, :1])


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(PredictionError, match=r"greater than 0, that of file 2 is"):
        fuse_logits([np.zeros((1, 2))] * 2, [1.0, weight])


def test_the_weights_tried_have_their_reciprocals():
    assert list(WEIGHTS) == sorted(WEIGHTS)
    np.testing.assert_allclose(np.array(WEIGHTS) * np.array(WEIGHTS)[::-1], 1)


def test_a_weight_worked_by_hand():
    # Right is class 0 in both rows. The mean of (0.08, 0.92) and (0.9, 0.1) needs 0.08 + 0.9 w > 0.92 + 0.1 w,
    # w > 1.05; that of (0.7, 0.3) and (0.41, 0.59) needs 0.7 + 0.41 w > 0.3 + 0.59 w, w < 2.22. Of the five from 1.1
    # to 2, 1.1 is nearest to 1.
    first = np.log([[0.08, 0.92], [0.7, 0.3]])
    second = np.log([[0.9, 0.1], [0.41, 0.59]])
    found = choose_weights([first, second], np.array([0, 0]))
    assert found.weights == (1.0, 1.1)
    assert (found.top1_accuracy, found.top1_alone, found.num_as_good) == (1.0, (0.5, 0.5), 5)


@pytest.mark.parametrize("seed", range(6))
def test_the_weight_is_the_one_that_looking_at_all_finds(seed):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 4, 40)
    signal = np.eye(4)[targets]
    parts = [signal * strength + rng.normal(size=(40, 4)) for strength in (1.0, 0.5 + seed)]
    found = choose_weights(parts, targets)
    assert (found.weights[1], found.top1_accuracy) == choose_slowly(parts, targets)


def test_where_no_weight_is_better_all_are_equal():
    part = np.eye(3)[[0, 1, 2]] * 5
    found = choose_weights([part, part + 1, part * 2], np.array([0, 1, 2]))
    assert found.weights == (1.0, 1.0, 1.0)
    assert found.num_as_good == len(WEIGHTS)


def test_missing_rows_count_as_wrong():
    part = np.array([[2.0, 0.0], [np.nan, np.nan]])
    found = choose_weights([part, part], np.array([0, 0]))
    assert found.top1_accuracy == 0.5
    assert np.isnan(fuse_logits([part, part], [1, 1])[1]).all()


def test_a_third_file_is_searched_too():
    rng = np.random.default_rng(4)
    targets = rng.integers(0, 5, 200)
    signal = np.eye(5)[targets]
    noise = rng.normal(size=(200, 5)) * 6
    parts = [signal * 2 + rng.normal(size=(200, 5)), signal * 2 + rng.normal(size=(200, 5)), noise]
    found = choose_weights(parts, targets)
    equal = fuse_logits(parts, (1, 1, 1)).argmax(axis=1)
    assert found.top1_accuracy > (equal == targets).mean()
    assert found.weights[2] < 1
