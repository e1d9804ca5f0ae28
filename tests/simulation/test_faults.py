"""Faults change what they say, by as much as they say, and nothing else."""

from fractions import Fraction

import numpy as np
import pytest

from finegym.errors import ConfigError, OutputError
from finegym.simulation import routine
from finegym.simulation.athlete import Athlete
from finegym.simulation.competition import CompetitionSettings, read_truth, simulate_competition
from finegym.simulation.faults import (
    HEIGHT,
    KNEES,
    STEPS,
    Fault,
    FaultDraw,
    FaultSettings,
    compute_deduction,
    compute_execution,
    draw_faults,
    find_flight,
)
from finegym.simulation.routine import perform_routine, write_routine
from finegym.simulation.skeleton import BONES, JOINT_INDEX, compute_centre_of_mass
from finegym.simulation.undrawn import iterate_undrawn_truths, make_undrawn_competition
from finegym.simulation.write import get_truth_path

FPS = 100.0
STRETCHED = ("FX", "fx-back-salto-stretched-2")


@pytest.fixture
def perform_with(codebook, monkeypatch):
    """Performs one element with a draw of faults, or with none."""

    def perform(event_id, element_id, draw=None):
        monkeypatch.setattr(routine, "draw_faults", lambda settings, count, rng: [draw] * count)
        faults = None if draw is None else FaultSettings()
        performer, elements = write_routine(
            codebook, event_id, [element_id], Athlete("A"), np.random.default_rng(3), connection=0.0, faults=faults
        )
        times = np.arange(int(performer.motion.time * FPS)) / FPS
        joints = performer.motion.solve(times)
        element = elements[0]
        return joints, element, find_flight(performer.motion, element.start, element.end)

    return perform


def bend_of(joints, side):
    hip, knee, ankle = (joints[:, JOINT_INDEX[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
    thigh, shank = knee - hip, ankle - knee
    cosine = (thigh * shank).sum(1) / np.linalg.norm(thigh, axis=1) / np.linalg.norm(shank, axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def frames_of(flight):
    return slice(int(np.ceil(flight[0] * FPS)), int(flight[1] * FPS))


def rise_of(joints, flight):
    """Height of the centre of mass over the line from take-off to landing, metres."""
    height = compute_centre_of_mass(joints[frames_of(flight)])[:, 2]
    return (height - np.linspace(height[0], height[-1], len(height))).max()


def feet_of(joints, frame):
    return joints[frame, [JOINT_INDEX["left_toe"], JOINT_INDEX["right_toe"]]].mean(axis=0)


def test_knees_bend_as_far_as_they_should_and_only_in_flight(perform_with):
    clean, _, flight = perform_with(*STRETCHED)
    joints, element, same_flight = perform_with(*STRETCHED, FaultDraw(knees=60.0))
    assert flight == same_flight
    air = frames_of(flight)
    for side in ("left", "right"):
        assert bend_of(clean[air], side)[20:-20].max() < 15
        assert bend_of(joints[air], side).max() == pytest.approx(60.0, abs=0.1)
    np.testing.assert_allclose(joints[: air.start], clean[: air.start], atol=1e-9)
    np.testing.assert_allclose(joints[air.stop + 1 :], clean[air.stop + 1 :], atol=1e-9)
    for a, b in BONES:
        length = np.linalg.norm(joints[air, JOINT_INDEX[a]] - joints[air, JOINT_INDEX[b]], axis=1)
        before = np.linalg.norm(clean[air, JOINT_INDEX[a]] - clean[air, JOINT_INDEX[b]], axis=1)
        np.testing.assert_allclose(length, before, atol=1e-9)
    fall = np.diff(compute_centre_of_mass(joints[air])[:, 2], 2) * FPS**2
    np.testing.assert_allclose(fall, -9.81, atol=1e-4)
    assert [(fault.kind, fault.amount, fault.deduction) for fault in element.faults] == [(KNEES, 60.0, 0.5)]
    assert (element.faults[0].start, element.faults[0].end) == flight


@pytest.mark.parametrize(("event_id", "element_id"), [STRETCHED, ("VT", "vt-yurchenko-stretched-1")])
def test_height_is_missing_by_its_share(perform_with, event_id, element_id):
    clean, _, flight = perform_with(event_id, element_id)
    joints, element, shorter = perform_with(event_id, element_id, FaultDraw(height=0.3))
    assert (shorter[1] - shorter[0]) ** 2 == pytest.approx(0.7 * (flight[1] - flight[0]) ** 2)
    assert rise_of(joints, shorter) == pytest.approx(0.7 * rise_of(clean, flight), rel=0.04)
    assert [(fault.kind, fault.amount) for fault in element.faults] == [(HEIGHT, 0.3)]


@pytest.mark.parametrize(
    ("event_id", "element_id", "steps"),
    [
        (*STRETCHED, (0.6, 0.3)),
        ("VT", "vt-yurchenko-stretched-1", (-0.5,)),
        ("UB", "ub-dismount-double-back-tucked", (0.2, 0.3, 0.2)),
        ("BB", "bb-dismount-double-back-tucked", (-0.4,)),
    ],
)
def test_steps_move_the_feet_by_their_lengths_one_foot_at_a_time(perform_with, event_id, element_id, steps):
    joints, element, flight = perform_with(event_id, element_id, FaultDraw(steps=steps))
    clean, without, _ = perform_with(event_id, element_id)
    faults = element.faults
    assert [(fault.kind, fault.amount) for fault in faults] == [(STEPS, length) for length in steps]
    assert faults[0].start > flight[1] and element.end >= faults[-1].end > without.end - 2.0
    for fault in faults:
        first, last = int(fault.start * FPS) + 1, int(fault.end * FPS)
        toes = joints[:, [JOINT_INDEX["left_toe"], JOINT_INDEX["right_toe"]]]
        moved = np.linalg.norm((toes[last] - toes[first])[:, :2], axis=1)
        assert moved.min() < 0.02  # the other foot stands
        assert moved.max() > 0.5 * abs(fault.amount)
    before, after = int(faults[0].start * FPS), int(faults[-1].end * FPS) + 26
    moved = feet_of(joints, min(after, len(joints) - 1)) - feet_of(joints, before)
    assert np.linalg.norm(moved[:2]) == pytest.approx(abs(sum(steps)), abs=0.05)
    ground = joints[int(flight[1] * FPS) + 1 :, :, 2].min()
    assert ground > clean[int(flight[1] * FPS) + 1 :, :, 2].min() - 0.01


@pytest.mark.parametrize(
    ("event_id", "element_id", "draw"),
    [
        ("FX", "fx-double-back-salto-tucked", FaultDraw(knees=60.0)),  # bent anyway
        ("BB", "bb-back-salto-tucked", FaultDraw(steps=(0.4,))),  # on the beam
        ("BB", "bb-turn-1", FaultDraw(knees=60.0, height=0.3, steps=(0.4,))),  # no flight
        ("UB", "ub-giant-forward", FaultDraw(height=0.3, steps=(0.4,))),
    ],
)
def test_what_does_not_fit_an_element_leaves_it_alone(perform_with, event_id, element_id, draw):
    clean, _, _ = perform_with(event_id, element_id)
    joints, element, _ = perform_with(event_id, element_id, draw)
    assert element.faults == ()
    np.testing.assert_array_equal(joints, clean)


def test_without_faults_nothing_differs(codebook):
    ids = ("fx-switch-leap", "fx-turn-2", "fx-back-salto-stretched-2")

    def perform(**options):
        return perform_routine(codebook, "FX", ids, Athlete("A"), 25.0, np.random.default_rng(1), **options)

    plain, faultless, faulty = perform(), perform(faults=FaultSettings(0.0)), perform(faults=FaultSettings(2.0))
    np.testing.assert_array_equal(plain.joints, faultless.joints)
    assert plain.elements == faultless.elements
    assert not np.array_equal(plain.joints[: len(faulty.joints)], faulty.joints[: len(plain.joints)])
    first = CompetitionSettings(num_videos=1, minutes=1)
    assert make_undrawn_competition(first, codebook).videos[0].actions
    truth = next(iterate_undrawn_truths(first, codebook))
    assert not [name for name in truth.arrays if name.startswith("fault") or name == "action_execution"]


def test_deductions_by_hand():
    assert [compute_deduction(KNEES, value) for value in (14.9, 15, 34.9, 35, 60)] == [0.0, 0.1, 0.1, 0.3, 0.5]
    assert [compute_deduction(HEIGHT, value) for value in (0.05, 0.1, 0.3)] == [0.0, 0.1, 0.3]
    assert [compute_deduction(STEPS, value) for value in (0.05, -0.2, 0.54, -0.6)] == [0.0, 0.1, 0.1, 0.3]
    faults = [Fault(KNEES, 40.0, 1.0, 2.0), Fault(STEPS, 0.2, 2.0, 2.2), Fault(STEPS, 0.7, 2.2, 2.4)]
    assert compute_execution(faults) == 9.3
    assert compute_execution([]) == 10.0
    assert compute_execution([Fault(KNEES, 70.0, 1.0, 2.0)] * 30) == 0.0


def test_draws_follow_seed_and_severity():
    def draw(severity, seed):
        return draw_faults(FaultSettings(severity), 200, np.random.default_rng(seed))

    assert draw(1.0, 3) == draw(1.0, 3) != draw(1.0, 4)
    assert set(draw(0.0, 3)) == {FaultDraw()}

    def share(severity):
        draws = [one for seed in range(12) for one in draw(severity, seed)]
        return np.mean([bool(one.knees) for one in draws])

    assert share(0.3) < share(1.0) < share(2.0)
    amounts = [one for seed in range(12) for one in draw(2.0, seed)]
    assert all(one.knees == 0 or 15 < one.knees <= 80 for one in amounts)
    assert all(0.1 < abs(step) <= 0.8 for one in amounts for step in one.steps)


@pytest.mark.parametrize("severity", [-0.1, 2.1, float("nan")])
def test_severity_out_of_range_is_named(severity):
    with pytest.raises(ConfigError, match="between 0 and 2"):
        FaultSettings(severity)


def test_truth_says_which_sub_action_suffered_when_and_what_it_cost(codebook, tmp_path):
    settings = CompetitionSettings(
        num_videos=1,
        minutes=0.5,
        seed=5,
        size=(64, 64),
        events=("VT", "FX"),
        faults=FaultSettings(2.0),
        fps=Fraction(25),
    )
    simulate_competition(settings, codebook, tmp_path, show_progress=False)
    undrawn = next(iterate_undrawn_truths(settings, codebook))
    video_id = undrawn.video.id
    truth = read_truth(tmp_path / get_truth_path(video_id))
    arrays = truth.arrays
    for name in (
        "fault_sub_action",
        "fault_kind",
        "fault_amount",
        "fault_deduction",
        "fault_frames",
        "action_execution",
    ):
        np.testing.assert_array_equal(arrays[name], undrawn.arrays[name])
    assert len(arrays["fault_kind"]) > 0
    for kind, amount, points in zip(
        arrays["fault_kind"], arrays["fault_amount"], arrays["fault_deduction"], strict=True
    ):
        assert points == compute_deduction(str(kind), amount) > 0
    bounds = [arrays["stage_frames"][arrays["stage_sub_action"] == sub] for sub in arrays["fault_sub_action"]]
    for (start, end), stages in zip(arrays["fault_frames"], bounds, strict=True):
        assert stages[0, 0] <= start < end <= stages[-1, 1] + 1
    for action, score in enumerate(arrays["action_execution"]):
        subs = np.flatnonzero(arrays["sub_action_action"] == action)
        lost = arrays["fault_deduction"][np.isin(arrays["fault_sub_action"], subs)].sum()
        assert score == pytest.approx(10 - lost, abs=1e-9)
    rows = (tmp_path / "execution.csv").read_text().splitlines()
    assert rows[0] == "action_id,score" and len(rows) == 1 + len(truth.video.actions)
    joints, drawn = undrawn.arrays["joints_2d"], arrays["joints_2d"]
    live = np.isfinite(joints).all(axis=(1, 2))
    assert live.any()
    np.testing.assert_allclose(joints[live], drawn[live], atol=0.011)
    # The folder belongs to a competition with faults: one without is another.
    clean = CompetitionSettings(num_videos=1, minutes=0.5, seed=5, size=(64, 64), events=("VT", "FX"))
    with pytest.raises(OutputError, match=r"faults is 2\.0 there"):
        simulate_competition(clean, codebook, tmp_path, show_progress=False)
