"""Joint angles to joints, and smooth curves through keys."""

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from finegym.errors import SimulationError
from finegym.simulation.athlete import Athlete, sample_athlete
from finegym.simulation.contacts import lift_limbs
from finegym.simulation.kinematics import (
    CHANNELS,
    LIMITS,
    compute_joints,
    compute_orientation,
    interpolate,
    make_body,
    make_vector,
    solve_leg,
)
from finegym.simulation.poses import HANDSTAND, make_pike, make_tuck, mirror
from finegym.simulation.skeleton import BONES, JOINT_INDEX, JOINTS

BODY = make_body(Athlete("A", height_m=1.55))
UPRIGHT = np.eye(3)[None]


def pose_joints(pose, orientation=UPRIGHT) -> dict[str, np.ndarray]:
    return dict(zip(JOINTS, compute_joints(BODY, make_vector(pose)[None], orientation)[0], strict=True))


def random_channels(count: int) -> np.ndarray:
    low, high = np.array(list(LIMITS.values())).T
    return np.random.default_rng(0).uniform(low, high, size=(count, len(low)))


def bone_lengths(joints: np.ndarray) -> np.ndarray:
    a, b = np.array([[JOINT_INDEX[x], JOINT_INDEX[y]] for x, y in BONES]).T
    return np.linalg.norm(joints[:, a] - joints[:, b], axis=-1)


def test_bones_keep_their_length_in_any_pose():
    turn = Rotation.random(200, random_state=1).as_matrix()
    lengths = bone_lengths(compute_joints(BODY, random_channels(200), turn))
    # The shoulder blade lifts with the arm; every other bone is rigid.
    rigid = [not child.endswith("shoulder") for _, child in BONES]
    assert np.ptp(lengths[:, rigid], axis=0).max() < 1e-9


def test_joints_turn_with_the_pelvis():
    channels = random_channels(20)
    turn = Rotation.random(20, random_state=2).as_matrix()
    unplanted = channels.copy()
    unplanted[:, [CHANNELS.index("left_plant"), CHANNELS.index("right_plant")]] = 0.0
    upright = compute_joints(BODY, unplanted, np.broadcast_to(np.eye(3), (20, 3, 3)))
    turned = compute_joints(BODY, unplanted, turn)
    np.testing.assert_allclose(turned, np.einsum("tij,tnj->tni", turn, upright), atol=1e-12)


def test_leg_agrees_with_rotations_done_one_by_one():
    pose = {"left_hip_flex": 40.0, "left_hip_abd": 25.0, "left_hip_rot": 10.0, "left_knee": 55.0}
    joints = pose_joints(pose)
    thigh = (
        Rotation.from_euler("Y", -40, True) * Rotation.from_euler("X", 25, True) * Rotation.from_euler("Z", 10, True)
    )
    shank = thigh * Rotation.from_euler("Y", 55, True)
    knee = joints["left_hip"] + thigh.apply([0, 0, -BODY.thigh])
    np.testing.assert_allclose(joints["left_knee"], knee, atol=1e-12)
    np.testing.assert_allclose(joints["left_ankle"], knee + shank.apply([0, 0, -BODY.shank]), atol=1e-12)


@pytest.mark.parametrize(
    ("channel", "joint", "axis", "sign"),
    [
        ("left_hip_flex", "left_knee", 0, 1),
        ("left_hip_abd", "left_knee", 1, 1),
        ("right_hip_abd", "right_knee", 1, -1),
        ("left_knee", "left_ankle", 0, -1),
        ("left_ankle", "left_toe", 2, -1),
        ("right_sh_flex", "right_hand", 0, 1),
        ("left_sh_abd", "left_hand", 1, 1),
        ("left_elbow", "left_hand", 0, 1),
        ("spine_flex", "head_top", 0, 1),
    ],
)
def test_positive_angles_move_limbs_the_way_their_names_say(channel, joint, axis, sign):
    moved, rest = pose_joints({channel: 30.0})[joint], pose_joints({})[joint]
    assert sign * (moved - rest)[axis] > 0.02


def test_mirrored_pose_is_mirrored_in_space():
    pose = {"left_knee": 40.0, "right_hip_flex": 70.0, "spine_side": 20.0, "left_sh_abd": 60.0, "head_turn": 30.0}
    joints, mirrored = pose_joints(pose), pose_joints(mirror(pose))
    for name in JOINTS:
        twin = name.replace("left", "?").replace("right", "left").replace("?", "right")
        np.testing.assert_allclose(mirrored[twin], joints[name] * [1, -1, 1], atol=1e-9)


def test_handstand_is_a_line_over_the_hands():
    down = compute_orientation(*(np.array([value]) for value in (0.0, 180.0, 0.0, 0.0)))
    joints = pose_joints(HANDSTAND, down)
    hands = (joints["left_hand"] + joints["right_hand"]) / 2
    toes = (joints["left_toe"] + joints["right_toe"]) / 2
    assert toes[2] - hands[2] > 1.2 * BODY.height
    assert abs((toes - hands)[0]) < 0.25 and abs((toes - hands)[1]) < 0.01


@pytest.mark.parametrize("seed", range(5))
def test_hands_hold_the_legs_in_tuck_and_pike_whatever_the_proportions(seed):
    body = make_body(sample_athlete(np.random.default_rng(seed)))
    for make, limit in ((make_tuck, 0.08), (make_pike, 0.12)):
        joints = compute_joints(body, make_vector(make(body))[None], UPRIGHT)[0]
        for side in ("left", "right"):
            hand, knee, ankle = (joints[JOINT_INDEX[f"{side}_{name}"]] for name in ("hand", "knee", "ankle"))
            along = np.clip((hand - knee) @ (ankle - knee) / body.shank**2, 0, 1)
            assert np.linalg.norm(hand - (knee + along * (ankle - knee))) < limit


@pytest.mark.parametrize("toe_x", [-0.2, 0.1, 0.35])
@pytest.mark.parametrize("pitch", [0.0, 20.0])
def test_solved_leg_puts_the_toe_where_it_was_asked(toe_x, pitch):
    hip, knee = solve_leg(BODY, toe_x, 0.74, 10.0, pitch)
    turn = compute_orientation(*(np.array([value]) for value in (0.0, pitch, 0.0, 0.0)))
    joints = pose_joints({"left_hip_flex": hip, "left_knee": knee, "left_ankle": 10.0, "left_plant": 1.0}, turn)
    offset = joints["left_toe"] - joints["left_hip"]
    np.testing.assert_allclose(offset, [toe_x, 0.0, -0.74], atol=1e-6)


def test_planted_foot_is_level_whatever_the_leg_does():
    for hip, knee in ((20.0, 40.0), (60.0, 90.0), (-10.0, 5.0)):
        joints = pose_joints({"left_hip_flex": hip, "left_knee": knee, "left_plant": 1.0})
        assert joints["left_ankle"][2] - joints["left_toe"][2] == pytest.approx(BODY.ankle_height, abs=1e-9)


def test_angles_beyond_the_limits_are_clipped_and_unknown_channels_are_an_error():
    assert make_vector({"left_knee": 500.0})[CHANNELS.index("left_knee")] == LIMITS["left_knee"][1]
    with pytest.raises(SimulationError, match="left_kneee"):
        make_vector({"left_kneee": 1.0})


def test_interpolation_agrees_with_scipy_between_the_ends():
    rng = np.random.default_rng(3)
    keys, values = np.sort(rng.uniform(0, 10, 12)), rng.normal(size=12)
    times = np.linspace(keys[1], keys[-2], 300)
    np.testing.assert_allclose(interpolate(times, keys, values), PchipInterpolator(keys, values)(times), atol=1e-12)


def test_interpolation_is_smooth_and_stays_between_its_keys():
    rng = np.random.default_rng(4)
    keys, values = np.cumsum(rng.uniform(0.05, 1.0, 15)), rng.uniform(-90, 90, 15)
    times = np.linspace(keys[0] - 0.1, keys[-1] + 0.1, 40_001)
    curve = interpolate(times, keys, values)
    segment = np.clip(np.searchsorted(keys, times, side="right") - 1, 0, 13)
    low, high = np.minimum(values[:-1], values[1:])[segment], np.maximum(values[:-1], values[1:])[segment]
    assert np.all(curve >= low - 1e-9) and np.all(curve <= high + 1e-9)
    speed = np.diff(curve) / np.diff(times)
    fine = interpolate(np.linspace(times[0], times[-1], 80_001), keys, values)
    fine_speed = np.diff(fine) * 80_000 / (times[-1] - times[0])
    # The jump of the speed from sample to sample halves with the step: no kinks.
    assert np.abs(np.diff(fine_speed)).max() < 0.6 * np.abs(np.diff(speed)).max()


def test_sunken_limbs_come_to_rest_on_the_ground_with_their_bones_intact():
    channels = random_channels(300)
    joints = compute_joints(BODY, channels, np.broadcast_to(np.eye(3), (300, 3, 3))) + np.array([0.0, 0.0, 0.6])
    ground = np.zeros(300)
    lifted = lift_limbs(joints, ground)
    np.testing.assert_allclose(bone_lengths(lifted), bone_lengths(joints), atol=1e-6)
    tips = [JOINT_INDEX[name] for name in ("left_toe", "right_toe", "left_hand", "right_hand")]
    assert (joints[:, tips, 2] < 0).sum() > 30
    assert (lifted[:, tips, 2] < -0.001).sum() <= 0.1 * (joints[:, tips, 2] < 0).sum()
    clear = (joints[:, :, 2] > 0.1).all(axis=1)
    np.testing.assert_array_equal(lifted[clear], joints[clear])
