"""Performances as arrays and as numbers, and the baselines that are made of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from finegym.applications.generation import coding
from finegym.applications.generation.baselines import copy_nearest, fit_linear
from finegym.applications.generation.motions import ENDS, PELVIS, make_motions, mirror, put_at_origin
from finegym.applications.generation.plausibility import BARS
from finegym.codebook.builtin import read_builtin
from finegym.simulation.motion import GRAVITY
from finegym.simulation.skeleton import BONES, JOINT_INDEX, compute_centre_of_mass

CODEBOOK = read_builtin("artistic-women")
SALTO = "fx-back-salto-tucked"


@pytest.fixture(scope="module")
def motions():
    return make_motions(CODEBOOK, [SALTO, "ub-giant-backward", "bb-dismount-back-piked"], 3, 0, 24)


def test_a_performance_depends_on_its_element_and_number_alone(motions):
    again = make_motions(CODEBOOK, ["ub-giant-backward"], 1, 0, 24)
    np.testing.assert_array_equal(again.joints[0], motions.joints[3])
    assert CODEBOOK.elements[again.element_index[0]].id == "ub-giant-backward"
    assert np.abs(motions.joints[3] - motions.joints[4]).max() > 0.02, "another gymnast"


def test_what_holds_is_where_something_carries_it(motions):
    held = motions.contacts[..., :4]
    on_floor = motions.joints[:3][:, :, ENDS][held[:3]]
    assert len(on_floor) > 30 and np.abs(on_floor[:, 2]).max() < 0.03
    on_bar = motions.joints[3:6][:, :, ENDS][held[3:6]]
    assert held[3:6, :, 2:].mean() > 0.9 and not held[3:6, :, :2].any(), "a giant is hands on the bar"
    x, z = BARS[0]
    assert np.hypot(on_bar[:, 0] - x, on_bar[:, 2] - z).max() < 0.02


def test_what_flies_falls(motions):
    mass = compute_centre_of_mass(motions.joints[:3].astype(np.float64))
    step_s = motions.duration_s[:3, None] / (mass.shape[1] - 1)
    falls = -(mass[:, 2:, 2] - 2 * mass[:, 1:-1, 2] + mass[:, :-2, 2]) / step_s**2
    flies = motions.contacts[:3, :, 4]
    inside = flies[:, 2:] & flies[:, 1:-1] & flies[:, :-2]
    assert inside.sum() > 15
    assert np.median(falls[inside]) == pytest.approx(GRAVITY, abs=0.01)
    np.testing.assert_allclose(falls[inside], GRAVITY, atol=0.3)  # feet are lifted clear of the ground beside it
    assert not (motions.contacts[..., :4].any(axis=-1) & motions.contacts[..., 4]).any()


def test_a_mirrored_motion_is_one_and_the_same_body(motions):
    mirrored = mirror(motions.joints[0])
    np.testing.assert_array_equal(mirror(mirrored), motions.joints[0])
    left, right = JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]
    np.testing.assert_array_equal(mirrored[:, left], motions.joints[0][:, right] * [1, -1, 1])


def test_at_the_origin_she_starts_facing_along_x(motions):
    angle = 2.1
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    moved = motions.joints[0].astype(np.float64) @ turn + [3.0, -2.0, 0.0]
    placed = put_at_origin(moved)
    np.testing.assert_allclose(placed, motions.joints[0], atol=1e-5)  # was there already
    across = placed[0, JOINT_INDEX["left_hip"]] - placed[0, JOINT_INDEX["right_hip"]]
    assert across[1] > 0 and abs(across[0]) < 1e-6
    np.testing.assert_allclose(placed[0, PELVIS, :2], 0, atol=1e-9)


def test_coded_motions_come_back(motions):
    scaling = coding.compute_scaling(motions)
    values = coding.encode(motions, scaling)
    assert values.shape == (9, 24, coding.NUM_VALUES)
    back = coding.decode(values, scaling, motions.element_index)
    np.testing.assert_allclose(back.joints, motions.joints, atol=1e-5)
    np.testing.assert_allclose(back.duration_s, motions.duration_s, rtol=1e-5)
    np.testing.assert_array_equal(back.contacts, motions.contacts)


def test_a_pose_is_the_same_numbers_whichever_way_she_turns(motions):
    scaling = coding.Scaling(np.zeros(coding.NUM_VALUES, np.float32), np.ones(coding.NUM_VALUES, np.float32))
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    turn = (turn * np.sign(np.linalg.det(turn))).astype(np.float32)
    turned = replace(motions, joints=motions.joints @ turn + np.float32(2))
    before, after = coding.encode(motions, scaling), coding.encode(turned, scaling)
    np.testing.assert_allclose(after[..., 9:], before[..., 9:], atol=1e-5)
    np.testing.assert_allclose(after[..., 3:9].reshape(-1, 2, 3), before[..., 3:9].reshape(-1, 2, 3) @ turn, atol=1e-5)
    np.testing.assert_allclose(before[..., :3], compute_centre_of_mass(motions.joints), atol=1e-5)


def test_joints_move_as_their_derivative_says(motions):
    scaling = coding.Scaling(np.zeros(coding.NUM_VALUES, np.float32), np.ones(coding.NUM_VALUES, np.float32))
    values = torch.from_numpy(coding.encode(motions, scaling)[:, ::6].astype(np.float64))
    change = torch.randn(values.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # To first order only what keeps the two directions perpendicular and of length one is a change of theirs.
    across, up = values[..., 3:6], values[..., 6:9]
    turn = torch.randn(*values.shape[:-1], 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    change[..., 3:6], change[..., 6:9] = torch.linalg.cross(turn, across), torch.linalg.cross(turn, up)
    after, before = (coding.place_joints(values + side * 1e-5 * change) for side in (1, -1))
    torch.testing.assert_close(coding.move_joints(values, change), (after - before) / 2e-5, atol=1e-6, rtol=0)


def test_bones_get_one_length_and_keep_their_direction(motions):
    rng = np.random.default_rng(0)
    noisy = (motions.joints + rng.normal(0, 0.01, motions.joints.shape)).astype(np.float32)
    kept = coding.keep_bones(noisy)
    for parent, child in BONES:
        before, after = (j[:, :, JOINT_INDEX[child]] - j[:, :, JOINT_INDEX[parent]] for j in (noisy, kept))
        lengths = np.linalg.norm(after, axis=-1)
        np.testing.assert_allclose(
            lengths, np.median(np.linalg.norm(before, axis=-1), axis=1)[:, None] + 0 * lengths, rtol=1e-4
        )
        np.testing.assert_allclose(
            after / lengths[..., None], before / np.linalg.norm(before, axis=-1, keepdims=True), atol=1e-4
        )
    np.testing.assert_array_equal(kept[:, :, PELVIS], noisy[:, :, PELVIS])


def test_a_motion_linear_in_the_attributes_is_found_where_motion_is(motions):
    scaling = coding.compute_scaling(motions)
    vectors = np.eye(3, dtype=np.float32)
    three = replace(motions, element_index=np.repeat(np.arange(3), 3))
    linear = fit_linear(three, vectors, scaling, np.array([0, 2]))
    # One-hot vectors: the mean of an element's motions, drawn a little to the mean of all by the ridge.
    values = coding.encode(three, scaling)
    own, of_all = values[:3].mean(axis=0), values.mean(axis=(0))
    share = ((coding.encode(linear, scaling)[0] - of_all) * (own - of_all)).sum() / ((own - of_all) ** 2).sum()
    assert 0.6 < share < 1


def test_the_nearest_element_is_copied(motions):
    three = replace(motions, element_index=np.repeat([0, 2, 3], 3))
    vectors = np.array([[0, 0], [0, 1], [0, 3], [5, 1.0]])
    copied, of = copy_nearest(three, vectors, np.array([1]))
    assert copied.element_index.tolist() == [0, 0, 0] and of.tolist() == [1, 1, 1]
