"""The joints, the bones and where the mass is."""

import numpy as np

from finegym.simulation.athlete import Athlete
from finegym.simulation.kinematics import CHANNELS, compute_joints, make_body
from finegym.simulation.skeleton import (
    BONES,
    COCO_JOINTS,
    JOINTS,
    compute_centre_of_mass,
    compute_mass_weights,
)


def stand(athlete: Athlete) -> np.ndarray:
    return compute_joints(make_body(athlete), np.zeros((1, len(CHANNELS))), np.eye(3)[None])[0]


def test_first_17_joints_are_coco_in_coco_order():
    assert JOINTS[:17] == COCO_JOINTS
    assert COCO_JOINTS[0] == "nose" and COCO_JOINTS[5] == "left_shoulder" and COCO_JOINTS[16] == "right_ankle"
    assert len(JOINTS) == len(set(JOINTS)) == 26


def test_bones_are_a_tree_over_all_joints():
    children = [child for _, child in BONES]
    assert len(children) == len(set(children)) == 25
    reached = {"pelvis"}
    for parent, child in BONES:
        assert parent in reached, f"bone {parent}-{child} comes before its parent's"
        reached.add(child)
    assert reached == set(JOINTS)


def test_mass_weights_are_symmetric_and_sum_to_one():
    weights = dict(zip(JOINTS, compute_mass_weights(), strict=True))
    assert np.isclose(sum(weights.values()), 1.0)
    for name in JOINTS:
        if name.startswith("left_"):
            assert weights[name] == weights[name.replace("left_", "right_")]


def test_centre_of_mass_of_a_standing_woman_is_at_about_55_percent_of_height():
    joints = stand(Athlete("A", height_m=1.6))
    ground = joints[:, 2].min()
    share = (compute_centre_of_mass(joints)[2] - ground) / 1.6
    assert 0.54 < share < 0.60
