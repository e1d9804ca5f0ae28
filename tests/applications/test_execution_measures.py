"""Execution measures on made-up bodies: free falls, knees, steps, mixed up legs, frames nobody was seen in."""

import itertools

import numpy as np
import pytest

from finegym.applications.execution.cleaning import clean, fill_gaps, measure_trunk, untangle_legs
from finegym.applications.execution.features import (
    FEATURES,
    UsualFlights,
    collect_evidence,
    compute_usual_features,
    fill_unjudged,
    find_usual_flights,
)
from finegym.applications.execution.free_fall import find_free_fall, fit_parabolas
from finegym.applications.execution.measures import (
    BODY_M,
    MASSES,
    Measures,
    find_steps,
    measure,
    measure_body,
    measure_knees,
    measure_shake,
)
from finegym.applications.execution.takes import Take, add_noise, count_straight
from finegym.codebook.builtin import read_builtin
from finegym.simulation.faults import HEIGHT, KNEES, STEPS
from finegym.simulation.skeleton import JOINT_INDEX

CODEBOOK = read_builtin("artistic-women")
LEGS = [JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("hip", "knee", "ankle")]
CROSSED = LEGS[3:] + LEGS[:3]


def make_path(leave_s, land_s, fps, num_frames):
    time = np.arange(num_frames) / fps
    return np.where((time > leave_s) & (time < land_s), 0.5 * 9.81 * (time - leave_s) * (land_s - time), 0.0)


@pytest.mark.parametrize("fps", [25.0, 30000 / 1001, 50.0])
@pytest.mark.parametrize("flight_s", [0.5, 0.8, 1.1])
def test_free_fall_ends_where_the_parabola_does(fps, flight_s):
    path = make_path(0.63, 0.63 + flight_s, fps, int(3 * fps))
    found = find_free_fall(path, fps)
    assert found is not None
    assert found[0] / fps == pytest.approx(0.63, abs=1.2 / fps)
    assert found[1] / fps == pytest.approx(0.63 + flight_s, abs=1.2 / fps)
    # A camera that pans evenly adds a line, which is no acceleration.
    panned = find_free_fall(path + 0.4 * np.arange(len(path)) / fps, fps)
    assert panned == pytest.approx(found)
    noisy = find_free_fall(path + 0.01 * np.random.default_rng(0).normal(size=len(path)), fps)
    assert noisy is not None and (noisy[1] - noisy[0]) / fps == pytest.approx(flight_s, abs=0.13)


def test_what_does_not_fall_freely_has_no_flight():
    time = np.arange(80) / 25
    assert find_free_fall(np.zeros(80), 25.0) is None
    assert find_free_fall(0.1 * np.sin(2 * time), 25.0) is None
    assert find_free_fall(np.zeros(3), 25.0) is None


def make_body(num_frames, knee_degrees=0.0, ankles_apart=0.0):
    """A body of 100 px trunk and 100 px legs, seen from the side."""
    joints = np.zeros((num_frames, 17, 2))
    joints[:, :5] = (0.0, -140.0)
    for side in ("left", "right"):
        bend = np.radians(knee_degrees)
        shift = 0.5 * ankles_apart * (1 if side == "left" else -1)
        joints[:, JOINT_INDEX[f"{side}_shoulder"]] = (0.0, -100.0)
        joints[:, JOINT_INDEX[f"{side}_elbow"]] = (0.0, -60.0)
        joints[:, JOINT_INDEX[f"{side}_wrist"]] = (0.0, -20.0)
        joints[:, JOINT_INDEX[f"{side}_knee"]] = (0.0, 50.0)
        joints[:, JOINT_INDEX[f"{side}_ankle"], 0] = -50.0 * np.sin(bend) + shift
        joints[:, JOINT_INDEX[f"{side}_ankle"], 1] = 50.0 + 50.0 * np.cos(bend)
    return joints


def test_lengths_and_knees_of_a_made_up_body():
    assert measure_body(make_body(5)) == pytest.approx(200.0)
    assert MASSES.sum() == pytest.approx(1.0) and MASSES.min() >= 0
    for degrees in (0.0, 30.0, 90.0):
        assert measure_knees(make_body(5, degrees), 2) == pytest.approx(degrees)
    one_leg = make_body(5, 90.0)
    one_leg[:, JOINT_INDEX["left_ankle"]] = (0.0, 100.0)
    assert measure_knees(one_leg, 2) == pytest.approx(45.0)
    assert measure_knees(one_leg, 1) == pytest.approx(0.0)


def test_steps_are_where_the_feet_part():
    apart = np.zeros(60)
    apart[23:35] = np.hanning(14)[1:13] * 80.0
    apart[38:50] = -np.hanning(14)[1:13] * 40.0
    smooth = np.convolve(apart, np.full(5, 0.2))  # five frames, 0.2 s
    joints = make_body(60)
    joints[:, JOINT_INDEX["left_ankle"], 0] += apart
    steps = find_steps(joints, 0.01, 25.0, 5)
    assert len(steps) == 2
    (first, first_frames), (second, second_frames) = steps
    assert first == pytest.approx(0.01 * smooth.max()) and second == pytest.approx(-0.01 * smooth.min())
    assert 0.65 < first < 0.80
    assert first_frames[0] < 29 < first_frames[1] and second_frames[0] < 44 < second_frames[1]
    assert find_steps(make_body(60), 0.01, 25.0, 5) == ()
    assert find_steps(make_body(60, ankles_apart=30.0), 0.01, 25.0, 5) == ()  # apart all the time: a stance
    assert find_steps(make_body(8), 0.01, 25.0, 6) == ()


def test_gaps_are_bridged_and_noise_is_as_large_as_it_says():
    joints = make_body(200)
    holes = joints.copy()
    holes[10:13] = np.nan
    np.testing.assert_allclose(fill_gaps(holes), joints)
    noisy = add_noise(joints, 0.05, np.random.default_rng(0))
    assert 0 < np.isnan(noisy).all(axis=(1, 2)).sum() < 15
    assert np.nanstd(noisy - joints) == pytest.approx(5.0, rel=0.1)  # 5 % of 100 px


def test_what_is_expected_of_the_legs_follows_from_the_element():
    attributes = CODEBOOK.attributes_by_element_id
    assert count_straight(attributes["fx-back-salto-stretched-2"]) == 2
    assert count_straight(attributes["fx-double-back-salto-tucked"]) == 0
    assert count_straight(attributes["fx-turn-2"]) == 0


def test_body_is_as_long_as_that_of_the_simulation():
    from finegym.simulation.athlete import Athlete
    from finegym.simulation.kinematics import compute_joints, make_body, make_vector

    body = make_body(Athlete("A"))
    joints = compute_joints(body, make_vector({})[None], np.eye(3)[None])[0]
    shoulder, hip, ankle = (joints[JOINT_INDEX[f"left_{name}"]] for name in ("shoulder", "hip", "ankle"))
    trunk_and_leg = abs(shoulder[2] - hip[2]) + np.linalg.norm(hip - ankle)
    assert trunk_and_leg * 1.55 / body.height == pytest.approx(BODY_M, abs=0.06)


@pytest.mark.parametrize("seed", range(4))
def test_a_fall_with_gaps_is_the_fall(seed):
    rng = np.random.default_rng(seed)
    path = make_path(0.63, 1.43, 25.0, 75) + 0.005 * rng.normal(size=75)
    seen = rng.uniform(size=75) > 0.25
    broken = np.interp(np.arange(75), np.flatnonzero(seen), path[seen])
    found = find_free_fall(broken, 25.0, seen)
    assert found is not None
    assert (found[1] - found[0]) / 25 == pytest.approx(0.8, abs=0.1)
    assert find_free_fall(broken, 25.0, np.zeros(75, bool)) is None


def test_parabolas_are_those_of_numpy_through_the_seen_frames():
    rng = np.random.default_rng(0)
    height, seen = rng.normal(size=30), rng.uniform(size=30) > 0.2
    curve, rough = fit_parabolas(height, seen, 12, 25.0)
    for start in range(19):
        frames = np.flatnonzero(seen[start : start + 12])
        if len(frames) < 0.6 * 12:
            assert np.isinf(rough[start])
            continue
        fitted = np.polynomial.Polynomial.fit(frames / 25, height[start + frames], 2).convert()
        assert curve[start] == pytest.approx(-2 * fitted.coef[2] / 9.81, rel=1e-6)
        off = height[start + frames] - fitted(frames / 25)
        assert rough[start] == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-6)


def make_walk(num_frames, seed=0):
    """A body whose feet swing to and fro past each other."""
    joints = make_body(num_frames)
    swing = 25.0 * np.sin(np.arange(num_frames) / 4)
    for side, sign in (("left", 1), ("right", -1)):
        joints[:, JOINT_INDEX[f"{side}_ankle"], 0] += sign * swing
        joints[:, JOINT_INDEX[f"{side}_knee"], 0] += 0.5 * sign * swing
        joints[:, JOINT_INDEX[f"{side}_hip"], 0] += sign * 8.0
    return joints + np.random.default_rng(seed).normal(size=joints.shape)


def test_mixed_up_legs_are_untangled():
    joints = make_walk(40)
    mixed = joints.copy()
    rows = [5, 6, 20, 33]
    mixed[np.ix_(rows, LEGS)] = joints[np.ix_(rows, CROSSED)]
    mixed[10:13] = np.nan
    found, count = untangle_legs(mixed)
    assert count == len(rows)
    expected = joints.copy()
    expected[10:13] = np.nan
    np.testing.assert_array_equal(found, expected)
    untouched, none = untangle_legs(joints)
    assert none == 0 and (untouched == joints).all()


def test_untangled_legs_move_least_of_all_namings():
    """Against all 2^7 namings tried one by one, a change of sides costing what it costs."""
    rng = np.random.default_rng(3)
    joints = make_body(7) + 60.0 * rng.normal(size=(7, 17, 2))

    def cost(naming):
        legs = np.stack([joints[frame][CROSSED if side else LEGS] for frame, side in enumerate(naming)])
        changes = sum(a != b for a, b in itertools.pairwise(naming))
        return np.linalg.norm(np.diff(legs, axis=0), axis=-1).sum() + 1.2 * changes * measure_trunk(joints)

    best = min(cost(naming) for naming in itertools.product((False, True), repeat=7))
    found, _ = untangle_legs(joints)
    naming = [bool((found[i, LEGS] != joints[i, LEGS]).any()) for i in range(7)]
    assert cost(naming) == pytest.approx(best)


def test_frames_without_a_person_are_said():
    joints = make_walk(30)
    joints[4:9] = np.nan
    cleaned = clean(joints)
    assert cleaned.seen.sum() == 25 and np.isfinite(cleaned.joints).all()


def make_take(**facts):
    given = {
        "instance_id": "i", "action_id": "a", "video_id": "v", "event_id": "FX", "set_id": "s", "element_id": "e",
        "kind": "salto", "num_straight": 2, "lands": True, "joints": np.zeros((2, 17, 2)), "first_frame": 0,
        "fps": 25.0,
    }  # fmt: skip
    return Take(**(given | facts))


def make_measures(flight_s=0.9, knee_degrees=40.0, steps_m=(0.3,)):
    flight = None if flight_s is None else (10, 30)
    return Measures(flight_s, flight, knee_degrees, (15, 25), steps_m, ((31, 40),) * len(steps_m or ()), 40)


def test_the_element_s_usual_flight_goes_before_its_set_s():
    takes = [make_take(element_id=id_) for id_ in "eeeefff"]
    flights = [0.8, 0.8, 0.8, 0.8, 1.0, 1.0, 1.0]
    usual = find_usual_flights(takes, [make_measures(flight_s) for flight_s in flights])
    assert usual.find(takes[0]) == pytest.approx(0.8)
    assert usual.find(takes[-1]) == pytest.approx(np.percentile(flights, 60))  # three are too few
    assert usual.find(make_take(set_id="t", element_id="g")) is None


def test_evidence_by_hand():
    usual = UsualFlights({}, {"s": 1.0})
    one = collect_evidence(make_take(), make_measures(0.9, 35.0, (0.3, 0.7)), usual)
    assert one.amounts == {KNEES: 35.0, HEIGHT: pytest.approx(0.19), STEPS: 0.7}
    # Knees: far over 15, on the limit of 35, far below 60. Height: over 0.10, below 0.25 by 0.06 of 0.16.
    # Steps: both over 0.10; one over 0.55.
    assert one.features == pytest.approx([1, 0.5, 0, 1, 0.5 - 0.06 / 0.16, 2, 1, 1])
    assert (one.possible, one.unjudged) == ({KNEES, HEIGHT, STEPS}, frozenset())


@pytest.mark.parametrize("flight_s", [0.6, 1.5])
def test_a_flight_that_cannot_be_is_not_judged_nor_are_knees_in_it(flight_s):
    usual = UsualFlights({}, {"s": 1.0})
    one = collect_evidence(make_take(), make_measures(flight_s), usual)
    assert one.unjudged == {KNEES, HEIGHT}  # she landed where it ended all the same
    assert one.features == pytest.approx([0, 0, 0, 0, 0, 1, 0, 1])


def test_without_a_flight_nothing_is_judged():
    one = collect_evidence(make_take(), make_measures(None, None, None), UsualFlights({}, {"s": 1.0}))
    assert one.unjudged == {KNEES, HEIGHT, STEPS} and not one.features[:-1].any()


def test_what_is_not_judged_is_taken_to_be_as_usual():
    usual = UsualFlights({}, {"s": 1.0, "short": 0.3})
    judged = [collect_evidence(make_take(), make_measures(1.0, degrees, ()), usual) for degrees in (0.0, 80.0)]
    blind = collect_evidence(make_take(), make_measures(None, None, None), usual)
    other = collect_evidence(make_take(num_straight=0, lands=False), make_measures(1.0, 0.0, ()), usual)
    means = compute_usual_features([*judged, blind, other])
    knees = [fault == KNEES for fault, _ in FEATURES]
    assert means[knees] == pytest.approx([0.5, 0.5, 0.5])  # of the two that could be judged
    np.testing.assert_allclose(fill_unjudged(blind, means)[knees], 0.5)
    np.testing.assert_allclose(fill_unjudged(other, means)[knees], 0.0)  # her knees need not be straight
    flic = collect_evidence(make_take(set_id="short", lands=False), make_measures(0.3, 20.0, ()), usual)
    assert HEIGHT not in flic.possible and KNEES in flic.possible


def test_shaking_ankles_are_hardly_ever_steps(monkeypatch):
    def count(seed):
        joints = make_body(80)
        ankles = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
        joints[:, ankles] += 8.0 * np.random.default_rng(seed).normal(size=(80, 2, 2))
        return len(find_steps(joints, 0.01, 25.0, 5))

    found = sum(count(seed) for seed in range(20))
    monkeypatch.setattr("finegym.applications.execution.measures._STEP_SHAKES", 0.0)
    assert found < 0.1 * sum(count(seed) for seed in range(20))


def test_shaking_is_measured():
    noise = 4.0 * np.random.default_rng(5).normal(size=(4000, 2))
    assert measure_shake(noise + np.arange(4000)[:, None]) == pytest.approx(4.0, rel=0.1)


def test_she_has_to_be_seen_to_be_judged():
    path = -100 * make_path(0.63, 1.43, 25.0, 60)[:, None]
    joints = make_body(60, knee_degrees=30.0)
    joints[..., 1] += path / BODY_M * 2.0  # 200 px are BODY_M metres
    whole = measure(make_take(joints=joints))
    assert whole.knee_degrees == pytest.approx(30.0, abs=1) and whole.steps_m == () and whole.num_seen == 60
    landing = joints.copy()
    landing[40:] = np.nan
    assert measure(make_take(joints=landing)).steps_m is None
    middle = joints.copy()
    middle[24:29] = np.nan
    found = measure(make_take(joints=middle))
    assert found.flight_s == pytest.approx(whole.flight_s, abs=0.04) and found.knee_degrees is None
