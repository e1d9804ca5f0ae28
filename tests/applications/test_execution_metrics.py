"""Execution scores: metrics and regression against SciPy, files of scores."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import spearmanr

from finegym.applications.execution.metrics import (
    bootstrap,
    compute_mean_error,
    compute_relative_l2,
    compute_spearman,
)
from finegym.applications.execution.model import fit, solve
from finegym.applications.execution.scores import read_scores
from finegym.errors import ConfigError


def test_spearman_by_hand_and_against_scipy():
    # Ranks 1 2 3 4 against 1 3 2 4: 1 - 6 * 2 / (4 * 15) = 0.8.
    assert compute_spearman(np.array([1.0, 2, 3, 4]), np.array([5.0, 7, 6, 8])) == pytest.approx(0.8)
    rng = np.random.default_rng(0)
    for _ in range(20):
        true, guess = rng.integers(0, 6, 15) / 10, rng.normal(size=15).round(1)
        assert compute_spearman(true, guess) == pytest.approx(spearmanr(true, guess).statistic)
    assert np.isnan(compute_spearman(np.ones(4), np.arange(4.0)))


def test_relative_l2_by_hand_and_by_a_loop():
    true, guess = np.array([9.0, 8.0, 7.0, 5.0]), np.array([8.0, 8.0, 9.0, 5.4])
    # Range 4: (1/4)^2 = 0.0625, 0, 0.25, 0.01; their mean times 100.
    assert compute_relative_l2(true, guess, 5.0, 9.0) == pytest.approx(100 * 0.3225 / 4)
    total = 0.0
    for left, right in zip(true, guess, strict=True):
        total += (abs(left - right) / (9.0 - 5.0)) ** 2
    assert compute_relative_l2(true, guess, 5.0, 9.0) == pytest.approx(100 * total / len(true))
    assert np.isnan(compute_relative_l2(true, guess, 5.0, 5.0))


def test_bootstrap_draws_whole_records():
    rng = np.random.default_rng(1)
    true = rng.normal(size=60)
    guess = true + 0.5 * rng.normal(size=60)
    records = [str(i // 3) for i in range(60)]
    found = bootstrap(compute_mean_error, true, guess, records)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(np.abs(true - guess).mean())
    # Every row copied within its record is no news: the interval stays, where one over rows would shrink.
    copied = bootstrap(compute_mean_error, np.repeat(true, 4), np.repeat(guess, 4), np.repeat(records, 4).tolist())
    assert (copied.low, copied.high) == pytest.approx((found.low, found.high))
    few = bootstrap(compute_mean_error, true, guess, [str(i % 4) for i in range(60)])
    assert np.isnan(few.low) and str(few) == f"{few.value:.3f}"


def test_weights_are_those_of_a_general_optimiser_and_never_negative():
    rng = np.random.default_rng(2)
    rows = rng.uniform(size=(50, 4))
    target = rows @ np.array([0.3, 0.0, 0.5, -0.4]) + 0.05 * rng.normal(size=50)
    for penalty in (0.1, 3.0):
        weights = solve(rows, target, penalty)

        def loss(w, penalty=penalty):
            return np.sum((rows @ w - target) ** 2) + penalty * np.sum(w**2)

        best = minimize(loss, np.full(4, 0.1), bounds=[(0, None)] * 4, tol=1e-12).x
        np.testing.assert_allclose(weights, best, atol=1e-4)
        assert weights.min() >= 0 and weights[3] == 0


def test_fit_recovers_points_and_keeps_records_whole():
    rng = np.random.default_rng(3)
    rows = rng.integers(0, 3, (80, 3)).astype(float)
    weights, penalty, error = fit(rows, rows @ np.array([0.1, 0.3, 0.5]), [str(i // 8) for i in range(80)])
    np.testing.assert_allclose(weights, [0.1, 0.3, 0.5], atol=2e-3)
    assert penalty == 0.01 and error < 0.01


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("id,score\nA,9\n", "expected the header"),
        ("", "expected the header"),
        ("action_id,score\nA,9\nA,8\n", "line 3: A has a score already"),
        ("action_id,score\nA,11\nB,x\n", "line 2.*line 3"),
        ("action_id,score\nA,nan\n", "line 2"),
    ],
)
def test_bad_score_files_are_named_line_by_line(tmp_path, text, fact):
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=fact):
        read_scores(path)
