"""Every element of the built-in codebook, measured in its joints: rotations, flights, contacts."""

from functools import cache

import numpy as np
import pytest

from finegym.codebook.builtin import read_builtin
from finegym.codebook.model import Codebook, Element, Event, Set
from finegym.errors import SimulationError
from finegym.simulation.apparatus import BEAM_TOP, HIGH_BAR_X, HIGH_BAR_Z, LOW_BAR_X, LOW_BAR_Z
from finegym.simulation.athlete import Athlete
from finegym.simulation.kinematics import LIMITS, compute_joints
from finegym.simulation.motion import GRAVITY
from finegym.simulation.routine import write_routine
from finegym.simulation.skeleton import JOINT_INDEX, compute_centre_of_mass

CODEBOOK = read_builtin("artistic-women")
ATHLETE = Athlete("A")
ELEMENTS = [element.id for element in CODEBOOK.elements]


def attributes_of(element_id: str):
    return CODEBOOK.attributes_by_element_id[element_id]


@cache
def perform(element_id: str, seed: int = 0):
    """The motion, the element, and joints every 5 ms over the element and what follows."""
    event = CODEBOOK.get_event_of_element(element_id).id
    performer, (element,) = write_routine(CODEBOOK, event, [element_id], ATHLETE, np.random.default_rng(seed))
    times = np.arange(element.start, min(element.end + 0.6, performer.motion.time), 0.005)
    return performer.motion, element, times, performer.motion.solve(times)


def find_flights(motion, start, end):
    for phase, following in zip(motion.phases[:-1], motion.phases[1:], strict=True):
        if phase.is_flight and phase.start >= start - 1e-9 and following.start <= end + 1e-9:
            yield phase.start, following.start


def measure_rotation(motion, start, end, heading):
    """Degrees turned about the transverse axis of the line of travel and about the body's long axis."""
    times = np.linspace(start, end, int((end - start) * 2000))
    frames = motion._compute_orientations(times)
    spin = np.einsum("tij,tkj->tik", frames[1:], frames[:-1])
    omega = (
        np.stack([spin[:, 2, 1] - spin[:, 1, 2], spin[:, 0, 2] - spin[:, 2, 0], spin[:, 1, 0] - spin[:, 0, 1]], 1) / 2
    )
    across = np.array([-np.sin(np.radians(heading)), np.cos(np.radians(heading)), 0.0])
    long_axis = frames[:-1, :, 2]
    return np.degrees((omega @ across).sum()), np.degrees(np.sum(omega * long_axis))


@pytest.mark.parametrize("element_id", ELEMENTS)
def test_element_can_be_performed_as_a_body_moves(element_id):
    motion, element, times, joints = perform(element_id)
    assert np.isfinite(joints).all()
    assert 0.8 < element.end - element.start < 9.0
    speed = np.linalg.norm(np.diff(compute_centre_of_mass(joints), axis=0), axis=-1) / 0.005
    assert speed.max() < 10.0, "the centre of mass of a gymnast does not exceed a sprint"
    assert joints[..., 2].min() > -0.06, "nothing sinks into the floor"
    channels = motion.compute_channels(times)
    low, high = np.array(list(LIMITS.values())).T
    assert np.all(channels >= low - 1e-9) and np.all(channels <= high + 1e-9)


@pytest.mark.parametrize("element_id", ELEMENTS[::9])
def test_joint_angles_have_no_kinks(element_id):
    motion, element, _, _ = perform(element_id)
    jumps = []
    for step in (4e-4, 2e-4):
        channels = motion.compute_channels(np.arange(element.start, element.end, step))
        jumps.append(np.abs(np.diff(channels, 2, axis=0)).max() / step)
    assert jumps[1] < 0.7 * jumps[0], "jumps of the angular speed vanish with the step"


@pytest.mark.parametrize("element_id", ELEMENTS[::4])
def test_centre_of_mass_falls_freely_in_every_flight(element_id):
    motion, element, _, _ = perform(element_id)
    for start, end in find_flights(motion, element.start, element.end):
        times = np.linspace(start, end, 40)
        local = compute_joints(motion.body, motion.compute_channels(times), motion._compute_orientations(times))
        joints = motion.solve(times)
        # Without the last touch that keeps free limbs off the ground: the body as it was placed.
        placed = local + (joints[:, JOINT_INDEX["pelvis"]] - local[:, JOINT_INDEX["pelvis"]])[:, None]
        mass = compute_centre_of_mass(placed)
        fall = np.polynomial.Polynomial.fit(times - start, mass[:, 2], 2).convert().coef
        assert fall[2] == pytest.approx(-GRAVITY / 2, rel=1e-3)
        for axis in (0, 1):
            line = np.polynomial.Polynomial.fit(times, mass[:, axis], 1)
            assert np.abs(line(times) - mass[:, axis]).max() < 1e-6


SALTOS = [
    id_
    for id_ in ELEMENTS
    if attributes_of(id_)["kind"] == "salto" and attributes_of(id_)["direction"] in {"forward", "backward"}
]


@pytest.mark.parametrize("element_id", SALTOS)
def test_saltos_turn_over_and_twist_exactly_as_often_as_prescribed(element_id):
    motion, element, _, _ = perform(element_id)
    attributes = attributes_of(element_id)
    heading = motion.compute_turns(np.array([element.start]))[0, 0]
    end = find_stand(motion, element)
    over, twist = measure_rotation(motion, element.start, end, heading)
    lean = motion.compute_turns(np.array([element.start]))[0, 1]
    sense = -1 if attributes["direction"] == "backward" else 1
    assert over + lean == pytest.approx(360 * sense * attributes["somersaults"], abs=0.5)
    assert abs(twist) == pytest.approx(360 * attributes["twist"], abs=3.0)


def find_stand(motion, element):
    """When she stands after the landing: the pelvis is upright again."""
    times = np.arange(element.end - 0.2, motion.time, 0.002)
    turns = motion.compute_turns(times)
    upright = np.isclose(turns[:, 1] % 360.0, 0.0, atol=1e-6) & np.isclose(turns[:, 2], 0.0, atol=1e-6)
    return times[np.flatnonzero(upright)[0]]


@pytest.mark.parametrize("element_id", [id_ for id_ in ELEMENTS if attributes_of(id_)["kind"] == "turn"])
def test_turns_turn_exactly_as_often_as_prescribed(element_id):
    motion, element, _, _ = perform(element_id)
    turns = motion.compute_turns(np.array([element.start, element.end]))
    assert abs(turns[1, 0] - turns[0, 0]) == pytest.approx(360.0 * attributes_of(element_id)["turns"], abs=1e-6)


@pytest.mark.parametrize("element_id", [id_ for id_ in ELEMENTS if attributes_of(id_)["kind"] == "vault"])
def test_vaults_have_three_contiguous_stages_and_touch_the_table(element_id):
    motion, element, _, _ = perform(element_id)
    (a, b), (c, d), (e, f) = element.stages
    assert b == c and d == e
    assert 3.0 < b - a < 4.3 and 0.95 < d - c < 1.4 and 1.8 < f - e < 2.7
    hands = motion.solve(np.array([b + 0.01]))[0, [JOINT_INDEX["left_hand"], JOINT_INDEX["right_hand"]]].mean(axis=0)
    assert hands == pytest.approx([0.28, 0.0, 1.27], abs=0.03)
    feet = motion.solve(np.array([e + 0.01]))[0, [JOINT_INDEX["left_toe"], JOINT_INDEX["right_toe"]]]
    assert np.all(np.abs(feet[:, 2] - 0.22) < 0.03) and np.all(feet[:, 0] > 1.8)


@pytest.mark.parametrize("element_id", [id_ for id_ in ELEMENTS if id_.startswith("ub-")])
def test_hands_stay_on_the_bar_as_long_as_both_hold_it(element_id):
    motion, element, times, joints = perform(element_id)
    starts = np.array([phase.start for phase in motion.phases])
    which = np.searchsorted(starts, times, side="right") - 1
    hands = joints[:, [JOINT_INDEX["left_hand"], JOINT_INDEX["right_hand"]]][:, :, [0, 2]]
    bars = np.array([[HIGH_BAR_X, HIGH_BAR_Z], [LOW_BAR_X, LOW_BAR_Z]])
    distance = np.linalg.norm(hands[:, :, None] - bars, axis=-1).min(axis=-1).max(axis=1)
    holds = np.array([motion.phases[k].anchor == ("left_hand", "right_hand") for k in which])
    settled = times - starts[which] > 0.21
    held = holds & settled & (times < element.end)
    assert held.sum() * 0.005 > 0.3
    # A turn that has just ended may still have the hands a little askew.
    assert np.quantile(distance[held], 0.95) < 0.05 and distance[held].max() < 0.12


@pytest.mark.parametrize("element_id", [id_ for id_ in ELEMENTS if id_.startswith("bb-") and "dismount" not in id_])
def test_feet_stand_on_the_beam(element_id):
    motion, _element, times, joints = perform(element_id)
    starts = np.array([phase.start for phase in motion.phases])
    which = np.searchsorted(starts, times, side="right") - 1
    for foot in ("left_toe", "right_toe"):
        stands = np.array([motion.phases[k].anchor == (foot,) for k in which])
        toes = joints[stands, JOINT_INDEX[foot]]
        if len(toes):
            assert np.abs(toes[:, 2] - BEAM_TOP).max() < 0.05
            assert np.abs(toes[:, 1]).max() < 0.05 and np.abs(toes[:, 0]).max() < 2.55


@pytest.mark.parametrize("set_", CODEBOOK.sets, ids=lambda set_: set_.id)
def test_length_of_an_element_says_nothing_about_which_it_is(set_):
    lengths = {
        tuple(np.round([b - a for a, b in perform(element.id)[1].stages], 9))
        for element in CODEBOOK.get_elements_of_set(set_.id)
    }
    assert len(lengths) == 1


@pytest.mark.parametrize("set_", CODEBOOK.sets, ids=lambda set_: set_.id)
def test_flights_are_equally_high_for_every_element_that_flies(set_):
    longest = []
    for element in CODEBOOK.get_elements_of_set(set_.id):
        motion, performed, _, _ = perform(element.id)
        if set_.id in {"FX-S3", "FX-S4", "FX-S5", "FX-S1", "BB-S1", "BB-S3", "BB-S5", "UB-S4", "VT-S1"}:
            longest.append(max(end - start for start, end in find_flights(motion, performed.start, performed.end)))
    assert np.ptp(longest or [0.0]) < 1e-9


def test_more_turns_take_the_same_time_and_spin_faster():
    spins = []
    for id_ in ("fx-turn-1", "fx-turn-2", "fx-turn-3"):
        motion, element, _, _ = perform(id_, seed=2)
        heading = motion.compute_turns(np.arange(element.start, element.end, 0.01))[:, 0]
        spins.append(np.abs(np.diff(heading)).max())
    assert spins[0] < 0.6 * spins[1] < 0.5 * spins[2]


def test_split_leap_shows_a_split_and_straddle_a_straddle():
    _, _, _, joints = perform("fx-split-leap")
    thighs = [
        joints[:, JOINT_INDEX[f"{side}_knee"]] - joints[:, JOINT_INDEX[f"{side}_hip"]] for side in ("left", "right")
    ]
    cos = np.sum(thighs[0] * thighs[1], axis=1) / np.prod([np.linalg.norm(t, axis=1) for t in thighs], axis=0)
    assert np.degrees(np.arccos(cos.min())) > 160
    _, _, _, joints = perform("fx-straddle-jump")
    ankles = joints[:, JOINT_INDEX["left_ankle"]] - joints[:, JOINT_INDEX["right_ankle"]]
    assert np.linalg.norm(ankles, axis=1).max() > 0.9


def test_tuck_is_tighter_than_pike_and_pike_than_stretched():
    sizes = []
    for body in ("tucked", "piked", "stretched"):
        _, _, _, joints = perform(f"fx-back-salto-{body}")
        apex = joints[compute_centre_of_mass(joints)[:, 2].argmax()]
        sizes.append(np.linalg.norm(apex - compute_centre_of_mass(apex), axis=1).max())
    assert sizes[0] < sizes[1] < sizes[2]


def make_codebook(set_id: str, **attributes) -> Codebook:
    event = set_id[:2]
    return Codebook(
        name="tiny",
        version="1",
        sport="test",
        events=(Event(event, event),),
        sets=(Set(set_id, event, "set"),),
        elements=(Element("odd", set_id, "odd", given_attributes=attributes),),
        queries=(),
        trees=(),
    )


@pytest.mark.parametrize(
    ("set_id", "attributes", "names"),
    [
        ("FX-S1", {"kind": "leap", "takeoff": "one-foot", "legs": "banana", "twist": 0}, "legs"),
        ("FX-S2", {"kind": "turn", "position": "free"}, "turns"),
        (
            "FX-S5",
            {"kind": "salto", "direction": "backward", "body": "tucked", "somersaults": 1, "twist": 0.3},
            "twist",
        ),
        ("BB-S3", {"kind": "salto", "direction": "up", "body": "tucked", "somersaults": 1, "twist": 0}, "direction"),
        ("BB-S4", {"kind": "handspring", "direction": "forward", "hands": "three", "landing": "one-foot"}, "hands"),
        ("BB-S5", {"kind": "dismount", "entry": "swing", "direction": "forward"}, "entry"),
        ("UB-S1", {"kind": "circle", "circle": "giant", "direction": "forward", "legs": "split", "twist": 0}, "legs"),
        ("UB-S2", {"kind": "release", "counter": "maybe"}, "counter"),
        ("UB-S3", {"kind": "transition", "to_bar": "middle"}, "to_bar"),
        ("VT-S1", {"kind": "vault", "entry": "walk"}, "entry"),
        ("VT-S1", {"kind": "leap"}, "kind"),
    ],
)
def test_value_that_cannot_be_performed_is_an_error_that_names_element_and_attribute(set_id, attributes, names):
    codebook = make_codebook(set_id, **attributes)
    with pytest.raises(SimulationError, match=f"element odd: attribute '{names}'"):
        write_routine(codebook, set_id[:2], ["odd"], ATHLETE, np.random.default_rng(0))
