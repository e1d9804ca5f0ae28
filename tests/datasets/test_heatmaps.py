"""Heatmap volumes against a loop over every cell, and against what a mirror must do."""

import math

import numpy as np
import pytest
import torch

from finegym.datasets.heatmaps import (
    LIMBS,
    WHOLE,
    draw_joints,
    draw_limbs,
    find_square,
    make_heatmaps,
    mirror_joints,
    place_joints,
    sample_crop,
)
from finegym.features.pose.poses import NUM_JOINTS
from finegym.features.pose.presence import make_poses
from finegym.simulation.skeleton import COCO_JOINTS

SIGMA = 0.6


def draw_poses(num_persons=2, num_frames=3, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.1, 1, (num_persons, num_frames, NUM_JOINTS))
    scores[rng.random(scores.shape) < 0.3] = 0
    return make_poses(rng.random((*scores.shape, 2)) * (200, 120) + 40, scores, 320, 240)


def find_joint(joints, size, v, t, row, column):
    value = 0.0
    for x, y, weight in joints[:, t, v]:
        value = max(value, weight * math.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * SIGMA**2)))
    return value


def find_limb(joints, size, limb, t, row, column):
    value = 0.0
    for (ax, ay, a_weight), (bx, by, b_weight) in zip(*(joints[:, t, v] for v in LIMBS[limb]), strict=True):
        # The nearest point of the limb by trying many.
        along = np.linspace(0, 1, 4001)
        distance = ((ax + along * (bx - ax) - column) ** 2 + (ay + along * (by - ay) - row) ** 2).min()
        value = max(value, min(a_weight, b_weight) * math.exp(-distance / (2 * SIGMA**2)))
    return value


@pytest.mark.parametrize(("draw", "find", "number"), [(draw_joints, find_joint, 17), (draw_limbs, find_limb, 17)])
def test_every_cell_is_what_the_formula_says(draw, find, number):
    size = 9
    joints = place_joints(draw_poses(), np.array([0, 2]), size=size)
    volume = draw(torch.from_numpy(joints), size, SIGMA).numpy()
    assert volume.shape == (number, 2, size, size) and volume.dtype == np.float32
    for v in range(0, number, 4):
        for t in range(2):
            expected = [[find(joints, size, v, t, row, column) for column in range(size)] for row in range(size)]
            np.testing.assert_allclose(volume[v, t], expected, atol=2e-4)


def test_a_joint_by_hand():
    joints = torch.zeros(1, 1, NUM_JOINTS, 3)
    joints[0, 0, 9] = torch.tensor([2.0, 3.0, 0.8])
    volume = draw_joints(joints, 6, 1.0)
    assert volume[9, 0, 3, 2].item() == pytest.approx(0.8)
    assert volume[9, 0, 3, 4].item() == pytest.approx(0.8 * math.exp(-2))  # two cells to the right
    assert volume[9, 0, 2, 1].item() == pytest.approx(0.8 * math.exp(-1))
    assert not volume[:9].any() and not volume[10:].any()


def test_a_limb_by_hand():
    joints = torch.zeros(1, 1, NUM_JOINTS, 3)
    joints[0, 0, 7], joints[0, 0, 9] = torch.tensor([1.0, 2.0, 0.9]), torch.tensor([5.0, 2.0, 0.4])
    volume = draw_limbs(joints, 7, 1.0)[LIMBS.index((7, 9)), 0]
    assert volume[2, 1:6].tolist() == pytest.approx([0.4] * 5)  # all along it, with the weaker joint's weight
    assert volume[4, 3].item() == pytest.approx(0.4 * math.exp(-2))
    assert volume[2, 6].item() == pytest.approx(0.4 * math.exp(-0.5))  # past its end


def test_limbs_are_of_one_body():
    assert len(LIMBS) == 17 and {v for limb in LIMBS for v in limb} == set(range(NUM_JOINTS))
    named = {(COCO_JOINTS[a], COCO_JOINTS[b]) for a, b in LIMBS}
    assert {("left_elbow", "left_wrist"), ("right_hip", "right_knee"), ("left_hip", "right_hip")} <= named


def test_a_clip_without_poses_is_blank():
    poses = make_poses(np.zeros((1, 4, 17, 2)), np.zeros((1, 4, 17)), 320, 240)
    for limbs in (False, True):
        volume = make_heatmaps(poses, np.arange(4), size=8, limbs=limbs)
        assert volume.shape == (17, 4, 8, 8) and not volume.any()


def test_frames_past_the_end_are_blank():
    volume = make_heatmaps(draw_poses(), np.array([0, -1]), size=8)
    assert volume[:, 0].any() and not volume[:, 1].any()


def test_the_square_by_hand():
    skeleton = np.zeros((1, 2, NUM_JOINTS, 3), np.float32)
    skeleton[0, 0, 0], skeleton[0, 1, 5] = (100, 50, 0.5), (140, 70, 0.5)  # 40 x 20 around (120, 60)
    assert find_square(skeleton, 320, 240, padding=0.25) == (95, 35, 50)
    assert find_square(skeleton, 320, 240, padding=0) == (100, 40, 40)
    skeleton[0, 1, 5] = 104, 52, 0.5  # too small to zoom into: the frame, centred
    assert find_square(skeleton, 320, 240) == (-0.5, 119.5 - 160, 320)
    assert find_square(np.zeros_like(skeleton), 320, 240) == (-0.5, 119.5 - 160, 320)


def test_joints_lie_where_the_square_says():
    scores = np.zeros((1, 1, NUM_JOINTS))
    keypoints = np.zeros((1, 1, NUM_JOINTS, 2))
    scores[0, 0, :2] = 0.5
    keypoints[0, 0, 0], keypoints[0, 0, 1] = (100, 50), (180, 130)
    poses = make_poses(keypoints, scores, 320, 240)
    joints = place_joints(poses, np.array([0]), size=50, padding=0.25)  # 100 px onto 50 cells, from (90, 40)
    np.testing.assert_allclose(joints[0, 0, 0], [4.5, 4.5, 0.5])
    np.testing.assert_allclose(joints[0, 0, 1], [44.5, 44.5, 0.5])
    assert not joints[0, 0, 2:].any()
    half = place_joints(poses, np.array([0]), size=50, crop=(0.0, 0.0, 0.5, 1.0), use_score=False)
    np.testing.assert_allclose(half[0, 0, 0], [9.5, 4.5, 1])


def test_persons_may_be_fewer():
    poses = draw_poses(num_persons=3)
    assert place_joints(poses, np.array([0])).shape == (3, 1, 17, 3)
    assert place_joints(poses, np.array([0]), num_persons=1).shape == (1, 1, 17, 3)


def test_a_mirrored_volume_is_the_volume_of_mirrored_joints():
    size = 11
    joints = place_joints(draw_poses(), np.arange(3), size=size)
    mirrored = torch.from_numpy(mirror_joints(joints, size))
    swapped = [
        COCO_JOINTS.index(n.replace("left", "L").replace("right", "left").replace("L", "right")) for n in COCO_JOINTS
    ]
    volume = draw_joints(torch.from_numpy(joints), size).flip(-1)[swapped]
    torch.testing.assert_close(draw_joints(mirrored, size), volume, atol=1e-5, rtol=0)
    torch.testing.assert_close(mirror_joints(torch.from_numpy(joints), size), mirrored)
    limbs = {frozenset(limb): number for number, limb in enumerate(LIMBS)}
    partners = [limbs[frozenset(swapped[v] for v in limb)] for limb in LIMBS]
    volume = draw_limbs(torch.from_numpy(joints), size).flip(-1)[partners]
    torch.testing.assert_close(draw_limbs(mirrored, size), volume, atol=1e-5, rtol=0)


def test_a_batch_is_its_clips():
    joints = torch.from_numpy(np.stack([place_joints(draw_poses(seed=s), np.arange(3), size=8) for s in range(2)]))
    for draw in (draw_joints, draw_limbs):
        together = draw(joints, 8)
        assert together.shape == (2, 17, 3, 8, 8)
        for alone, clip in zip(joints, together, strict=True):
            torch.testing.assert_close(draw(alone, 8), clip)


def test_crops_keep_to_their_bounds():
    rng = np.random.default_rng(0)
    for _ in range(300):
        left, top, right, bottom = sample_crop(rng)
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
        width, height = right - left, bottom - top
        assert 0.53 <= width * height <= 1.0 + 1e-9 and 0.7 < width / height < 1.42
    assert WHOLE == (0, 0, 1, 1)
