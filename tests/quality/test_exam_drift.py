"""Drift: sums by hand, and alarms as often as they should come."""

import math

import numpy as np
import pytest

from finegym.errors import ConfigError
from finegym.quality.drift import DriftRules, watch_drift
from finegym.quality.grading import UnitGrade
from finegym.quality.units import Unit

UNIT = Unit("a", "i", 0, 1000, None, "u")


def seen(is_right=True, start_off=0, end_off=0):
    verdict = "right" if is_right else "wrong label"
    return UnitGrade(UNIT, UNIT, verdict, start_off, end_off, 200, {}, (), "general", "")


MISSED = UnitGrade(UNIT, None, "missed", 0, 0, 200, {}, (), "general", "")


def test_sums_by_hand():
    rules = DriftRules(good_share=0.8, bad_share=0.6, noise_ms=50, bad_bias_ms=100)
    drift = watch_drift([seen(False), seen(True), MISSED, seen(True), seen(True)], rules)
    worse, better = math.log(0.4 / 0.2), math.log(0.6 / 0.8)
    expected = [worse, worse + better, 2 * worse + better, 2 * worse + 2 * better, 2 * worse + 3 * better]
    assert drift.sums["right"] == pytest.approx(expected)
    # Log likelihood ratio of N(100, 50) against N(0, 50) at 80 is 100 * (80 - 50) / 2500; 1000 counts as 150.
    late = watch_drift([seen(start_off=80), seen(start_off=20), seen(start_off=1000)], rules)
    assert late.sums["start late"] == pytest.approx([1.2, 0.0, 4.0])
    assert late.sums["start early"] == (0.0, 0.0, 0.0)
    assert late.height == math.log(500)


def test_an_alarm_names_when_it_began():
    rules = DriftRules()
    grades = [seen(True)] * 30 + [seen(False)] * 12
    (alarm,) = watch_drift(grades, rules).alarms
    assert alarm.kind == "right" and alarm.since == 30
    needed = math.ceil(math.log(500) / math.log(0.35 / 0.15))
    assert alarm.at == 30 + needed - 1
    assert alarm.text == f"0 of the last {needed} gold segments are right."


def test_a_bias_raises_its_own_alarm():
    rng = np.random.default_rng(0)
    grades = [seen(start_off=int(x)) for x in rng.normal(0, 60, 40)] + [
        seen(start_off=int(x)) for x in rng.normal(120, 60, 25)
    ]
    alarms = watch_drift(grades, DriftRules()).alarms
    assert [alarm.kind for alarm in alarms] == ["start late"]
    assert 40 <= alarms[0].at <= 55 and "late (median)" in alarms[0].text


def test_chance_raises_alarms_no_oftener_than_promised():
    """500 people who are exactly as good as they should be: false alarms are as rare as was asked for."""
    rules = DriftRules(false_alarm_every=50)
    rng = np.random.default_rng(1)
    runs = []
    for _ in range(300):
        grades = [
            seen(bool(right), int(a)) for right, a in zip(rng.random(400) < 0.85, rng.normal(0, 80, 400), strict=True)
        ]
        drift = watch_drift(grades, rules)
        runs.append([next((a.at + 1 for a in drift.alarms if a.kind == kind), 400) for kind in ("right", "start late")])
    # Runs are cut off at 400, which makes the means smaller, not larger.
    assert (np.mean(runs, axis=0) > 50).all(), np.mean(runs, axis=0)


def test_rules_that_mean_nothing_are_refused():
    with pytest.raises(ConfigError, match=r"got 0\.9 and 0\.8"):
        DriftRules(good_share=0.8, bad_share=0.9)
    with pytest.raises(ConfigError, match="0 ms"):
        DriftRules(noise_ms=0)
