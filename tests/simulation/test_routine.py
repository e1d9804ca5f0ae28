"""Whole routines."""

import time

import numpy as np
import pytest

from finegym.codebook.builtin import read_builtin
from finegym.errors import SimulationError
from finegym.simulation.arrangement import arrange_elements
from finegym.simulation.athlete import Athlete, sample_athlete
from finegym.simulation.routine import perform_routine
from finegym.simulation.skeleton import JOINT_INDEX

CODEBOOK = read_builtin("artistic-women")
ATHLETE = Athlete("A")
ROUTINES = {
    "VT": ("vt-yurchenko-stretched-1",),
    "FX": (
        "fx-double-back-salto-tucked", "fx-switch-leap", "fx-turn-2", "fx-front-salto-piked", "fx-straddle-jump-1",
        "fx-back-salto-stretched-2",
    ),
    "BB": (
        "bb-turn-1", "bb-flic-flac-step-out", "bb-back-salto-tucked", "bb-switch-leap", "bb-aerial-cartwheel",
        "bb-split-jump", "bb-dismount-double-back-tucked",
    ),
    "UB": (
        "ub-stalder-backward", "ub-maloney", "ub-giant-forward", "ub-jaeger-straddled", "ub-giant-backward-half",
        "ub-dismount-double-back-tucked",
    ),
}  # fmt: skip


def perform(event_id, seed=0, element_ids=None, fps=25.0, **options):
    rng = np.random.default_rng(seed)
    return perform_routine(CODEBOOK, event_id, element_ids or ROUTINES[event_id], ATHLETE, fps, rng, **options)


@pytest.mark.parametrize("event_id", ROUTINES)
def test_routine_performs_its_elements_in_order_without_overlap(event_id):
    performance = perform(event_id)
    assert performance.event_id == event_id and performance.is_complete
    assert tuple(element.element_id for element in performance.elements) == ROUTINES[event_id]
    assert performance.joints.shape[1:] == (26, 3) and performance.joints.dtype == np.float32
    assert np.isfinite(performance.joints).all()
    ends = [0.0] + [element.end for element in performance.elements]
    assert all(element.start >= end - 1e-9 for element, end in zip(performance.elements, ends, strict=False))
    assert ends[-1] < len(performance.joints) / 25.0


@pytest.mark.parametrize(("event_id", "low", "high"), [("VT", 6.5, 9), ("FX", 22, 45), ("BB", 22, 40), ("UB", 15, 35)])
def test_default_lengths_are_a_compressed_routine(event_id, low, high):
    assert low < len(perform(event_id).joints) / 25 < high


@pytest.mark.parametrize("event_id", ROUTINES)
def test_same_generator_gives_the_same_motion_and_another_gives_another(event_id):
    first, again, other = perform(event_id), perform(event_id), perform(event_id, seed=1)
    np.testing.assert_array_equal(first.joints, again.joints)
    assert first.elements == again.elements
    assert first.elements != other.elements


@pytest.mark.parametrize("fps", [25.0, 30000 / 1001, 50.0])
def test_frame_rate_samples_the_same_motion(fps):
    coarse, fine = perform("BB", fps=fps), perform("BB", fps=2 * fps)
    assert coarse.elements == fine.elements
    np.testing.assert_allclose(coarse.joints, fine.joints[::2][: len(coarse.joints)], atol=1e-5)


def test_changing_one_element_of_a_routine_leaves_the_time_before_it_alone():
    changed = (*ROUTINES["FX"][:2], "fx-turn-3", *ROUTINES["FX"][3:])
    first, second = perform("FX"), perform("FX", element_ids=changed)
    start = first.elements[2].start
    assert second.elements[2].start == start
    before = int(start * 25) - 12
    np.testing.assert_allclose(first.joints[:before], second.joints[:before], atol=1e-6)
    assert [e.end - e.start for e in first.elements] == pytest.approx([e.end - e.start for e in second.elements])


def test_shorter_connections_make_a_shorter_routine():
    assert len(perform("FX", connection=0.0).joints) < len(perform("FX", connection=2.0).joints)


@pytest.mark.parametrize("event_id", ROUTINES)
@pytest.mark.parametrize("seed", range(3))
def test_interrupted_routine_ends_early_on_the_ground(event_id, seed):
    whole, broken = perform(event_id, seed), perform(event_id, seed, interrupted=True)
    assert not broken.is_complete
    assert len(broken.elements) < len(whole.elements)
    assert tuple(e.element_id for e in broken.elements) == ROUTINES[event_id][: len(broken.elements)]
    assert broken.joints[-1, JOINT_INDEX["left_toe"], 2] < 0.3
    assert broken.joints[-1, JOINT_INDEX["head_top"], 2] > 1.2


@pytest.mark.parametrize("seed", range(6))
def test_gymnast_stays_on_the_floor_and_on_the_beam(seed):
    floor = perform("FX", seed).joints
    assert np.abs(floor[..., :2]).max() < 7.0
    beam = perform("BB", seed)
    frames = slice(int(beam.elements[0].start * 25), int(beam.elements[-1].start * 25))
    toes = beam.joints[frames, [[JOINT_INDEX["left_toe"]], [JOINT_INDEX["right_toe"]]]]
    low = toes[np.abs(toes[..., 2] - 1.27) < 0.005]
    assert np.abs(low[:, 0]).max() < 2.6


@pytest.mark.parametrize("event_id", ROUTINES)
def test_motion_is_fast_enough_to_be_forgotten(event_id):
    perform(event_id)
    start = time.process_time()
    perform(event_id)
    # A third of a second on a quiet core; the rest is for loaded machines.
    assert time.process_time() - start < 1.5


def test_any_athlete_can_perform():
    rng = np.random.default_rng(11)
    for event_id, element_ids in ROUTINES.items():
        for _ in range(3):
            performance = perform_routine(CODEBOOK, event_id, element_ids, sample_athlete(rng), 25.0, rng)
            assert np.isfinite(performance.joints).all() and performance.joints[..., 2].min() > -0.05


def test_arranged_bars_routine_changes_bars_less_often():
    rng = np.random.default_rng(0)
    element_ids = ["ub-maloney", "ub-giant-backward", "ub-stalder-backward", "ub-pak", "ub-dismount-back-tucked"]
    arranged = arrange_elements(CODEBOOK, "UB", element_ids)
    assert sorted(arranged) == sorted(element_ids) and arranged[-1] == "ub-dismount-back-tucked"
    mixed = ["ub-giant-backward", "ub-maloney", "ub-pak", "ub-stalder-backward", "ub-dismount-back-tucked"]
    lengths = [len(perform_routine(CODEBOOK, "UB", ids, ATHLETE, 25, rng).joints) for ids in (arranged, mixed)]
    assert lengths[0] < lengths[1]


def test_what_cannot_be_performed_is_named():
    with pytest.raises(SimulationError, match="'SR'"):
        perform("SR", element_ids=("fx-turn-1",))
    with pytest.raises(SimulationError, match="no element 'nothing'"):
        perform("FX", element_ids=("nothing",))
    with pytest.raises(SimulationError, match=r"ub-giant-backward.*'kind'"):
        perform("FX", element_ids=("ub-giant-backward",))
    with pytest.raises(SimulationError, match="one element"):
        perform("VT", element_ids=("vt-handspring", "vt-handspring-1"))
    with pytest.raises(SimulationError, match="dismount last"):
        perform("UB", element_ids=("ub-dismount-back-tucked", "ub-giant-backward"))
