"""The joints of the simulated gymnast, how bones connect them, and where her mass is.

The first 17 joints are those of COCO in COCO's order, so that pose estimators and skeleton models read simulated
joints without a table; the rest give the spine, hands and feet that gymnastics is about.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

COCO_JOINTS: tuple[str, ...] = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)

JOINTS: tuple[str, ...] = (
    *COCO_JOINTS,
    "pelvis",
    "spine",
    "thorax",
    "neck",
    "head_top",
    "left_hand",
    "right_hand",
    "left_toe",
    "right_toe",
)
"""26 joints: COCO's 17, then trunk, head, hands and toes. Hands are mid-palm, toes the tip of the foot."""

JOINT_INDEX = MappingProxyType({name: index for index, name in enumerate(JOINTS)})

BONES: tuple[tuple[str, str], ...] = (
    ("pelvis", "spine"),
    ("spine", "thorax"),
    ("thorax", "neck"),
    ("neck", "head_top"),
    ("neck", "nose"),
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    ("left_eye", "left_ear"),
    ("right_eye", "right_ear"),
    ("thorax", "left_shoulder"),
    ("thorax", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_wrist", "left_hand"),
    ("right_wrist", "right_hand"),
    ("pelvis", "left_hip"),
    ("pelvis", "right_hip"),
    ("left_hip", "left_knee"),
    ("right_hip", "right_knee"),
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
    ("left_ankle", "left_toe"),
    ("right_ankle", "right_toe"),
)
"""Pairs of joints (parent, child) that a bone connects; the tree is rooted at the pelvis."""

# Segment masses and centres of mass of young women, as shares of body mass and of the way from the first joint to the
# second. Source: P. de Leva, "Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters", J. Biomechanics 29
# (1996), table 4; the trunk is split evenly over pelvis, waist and chest, hand and foot end at our hand and toe joints.
_SEGMENTS: tuple[tuple[str, str, float, float], ...] = (
    ("neck", "head_top", 0.0668, 0.55),
    ("pelvis", "spine", 0.1419, 0.35),
    ("spine", "thorax", 0.1419, 0.5),
    ("thorax", "neck", 0.1419, 0.5),
    ("shoulder", "elbow", 0.0255, 0.5754),
    ("elbow", "wrist", 0.0138, 0.4559),
    ("wrist", "hand", 0.0056, 0.7474),
    ("hip", "knee", 0.1478, 0.3612),
    ("knee", "ankle", 0.0481, 0.4416),
    ("ankle", "toe", 0.0129, 0.4014),
)


def compute_mass_weights() -> np.ndarray:
    """Weights of the joints whose weighted mean is the centre of mass.

    Returns:
        float64 (26,), sums to 1.

    Example:
        >>> weights = compute_mass_weights()
        >>> weights.shape, round(float(weights.sum()), 6)
        ((26,), 1.0)
    """
    weights = np.zeros(len(JOINTS))
    for first, second, mass, along in _SEGMENTS:
        sides = ("",) if first in JOINT_INDEX else ("left_", "right_")
        for side in sides:
            weights[JOINT_INDEX[side + first]] += mass * (1 - along)
            weights[JOINT_INDEX[side + second]] += mass * along
    return weights / weights.sum()


def compute_centre_of_mass(joints: np.ndarray) -> np.ndarray:
    """Centre of mass of a body.

    Args:
        joints: (..., 26, 3) metres.

    Returns:
        (..., 3) metres, dtype of ``joints``.
    """
    return np.tensordot(compute_mass_weights().astype(joints.dtype), joints, axes=(0, -2))
