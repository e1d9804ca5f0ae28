"""Motions as the numbers that networks see, and back.

A frame says where the centre of mass is, which way the pelvis faces, and where the joints are as the pelvis sees them.
So a tuck is the same numbers at every moment of every salto, whichever way it turns and twists, and a flight is a
parabola in three of the numbers, whatever the limbs do. The orientation is two directions, which are made perpendicular
afterwards.

Source: two directions for a rotation are those of Zhou et al., "On the Continuity of Rotation Representations in
Neural Networks", CVPR 2019, section 4.2. Rejected: fewer numbers in time. Of performed motion, 24 cubic B-splines for
48 frames lose 1 cm of a joint on average and 41 at most (24 cosines: 33): landings and snaps are that sharp.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from finegym.applications.generation.motions import CONTACTS, Motions
from finegym.simulation.skeleton import BONES, JOINT_INDEX, JOINTS, compute_mass_weights

_MASS, _ACROSS, _UP = slice(0, 3), slice(3, 6), slice(6, 9)
_LOCAL = slice(9, 9 + 3 * len(JOINTS))
NUM_BODY_VALUES = _LOCAL.stop + 1
"""A frame of a body: centre of mass (metres), two directions, 26 joints (metres), log of the duration in seconds."""
NUM_VALUES = NUM_BODY_VALUES + len(CONTACTS)
"""With what is held and whether she flies, 1 or 0: what a generator makes, and nobody else sees."""
_SMALLEST = 0.02  # what hardly varies is not blown up


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and spread of every value over the motions that a generator was trained on; float32 (D,) each."""

    mean: np.ndarray
    spread: np.ndarray


def compute_scaling(motions: Motions) -> Scaling:
    """Mean and standard deviation of every value over motions and frames."""
    values = _pack(motions)
    return Scaling(values.mean(axis=(0, 1)), np.maximum(values.std(axis=(0, 1)), np.float32(_SMALLEST)))


def encode(motions: Motions, scaling: Scaling) -> np.ndarray:
    """Float32 (N, T, D), of about zero mean and unit variance."""
    return (_pack(motions) - scaling.mean) / scaling.spread


def encode_body(motions: Motions, scaling: Scaling) -> np.ndarray:
    """What can be seen of them: ``encode`` without contacts, float32 (N, T, ``NUM_BODY_VALUES``)."""
    return encode(motions, scaling)[..., :NUM_BODY_VALUES]


def decode(values: np.ndarray, scaling: Scaling, element_index: np.ndarray) -> Motions:
    """Motions of values (N, T, D), as they are: bones may change their length; the duration is the frames' mean."""
    values = values * scaling.spread + scaling.mean
    duration_s = np.exp(values[..., NUM_BODY_VALUES - 1].mean(axis=1, dtype=np.float64))
    return Motions(
        place_joints(torch.from_numpy(values)).numpy(),
        duration_s.astype(np.float32),
        element_index.astype(np.int32),
        values[..., NUM_BODY_VALUES:] > 0.5,
    )


def place_joints(values: torch.Tensor) -> torch.Tensor:
    """Joints in the world, float32 (..., 26, 3), metres, of values (..., D) that are not scaled."""
    rotation = _make_rotation(values[..., _ACROSS], values[..., _UP])
    joints = values[..., _LOCAL].unflatten(-1, (len(JOINTS), 3)) @ rotation.transpose(-1, -2)
    return joints + (values[..., _MASS] - _compute_centre(joints))[..., None, :]


def move_joints(values: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
    """How joints in the world move, to first order, where values (..., D) of a body change; both are not scaled.

    Returns:
        float32 (..., 26, 3), metres.
    """
    rotation = _make_rotation(values[..., _ACROSS], values[..., _UP])
    across, up = rotation[..., 1], rotation[..., 2]
    forward = torch.linalg.cross(change[..., _ACROSS], up) + torch.linalg.cross(across, change[..., _UP])
    turned = torch.stack([forward, change[..., _ACROSS], change[..., _UP]], dim=-1)
    local, moved = (side[..., _LOCAL].unflatten(-1, (len(JOINTS), 3)) for side in (values, change))
    joints = moved @ rotation.transpose(-1, -2) + local @ turned.transpose(-1, -2)
    return joints + (change[..., _MASS] - _compute_centre(joints))[..., None, :]


def keep_bones(joints: np.ndarray) -> np.ndarray:
    """The same directions of all bones, each with its median length over the frames; the pelvis stays.

    Args:
        joints: float32 (N, T, 26, 3), metres.

    Returns:
        float32 (N, T, 26, 3).
    """
    result = joints.copy()
    for parent, child in BONES:  # from the pelvis outward
        a, b = JOINT_INDEX[parent], JOINT_INDEX[child]
        bone = joints[:, :, b] - joints[:, :, a]
        length = np.linalg.norm(bone, axis=-1, keepdims=True)
        usual = np.median(length, axis=1, keepdims=True)
        result[:, :, b] = result[:, :, a] + bone / np.maximum(length, 1e-6) * usual
    return result


def _pack(motions: Motions) -> np.ndarray:
    joints = torch.from_numpy(motions.joints)
    N, T = joints.shape[:2]
    left, right, up, pelvis = (joints[:, :, JOINT_INDEX[k]] for k in ("left_hip", "right_hip", "spine", "pelvis"))
    rotation = _make_rotation(left - right, up - pelvis)
    centre = _compute_centre(joints)
    local = (joints - centre[:, :, None]) @ rotation
    duration = torch.from_numpy(np.log(motions.duration_s)).expand(1, T, N).permute(2, 1, 0)
    contacts = torch.from_numpy(motions.contacts).to(joints)
    values = torch.cat([centre, rotation[..., 1], rotation[..., 2], local.flatten(-2), duration, contacts], dim=-1)
    return values.numpy()


def _compute_centre(joints: torch.Tensor) -> torch.Tensor:
    """Centre of mass (..., 3) of (..., 26, 3)."""
    return torch.from_numpy(compute_mass_weights()).to(joints) @ joints


def _make_rotation(across: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """Columns forward, left and up, (..., 3, 3): ``up`` as it is, ``across`` made perpendicular to it."""
    up = F.normalize(up, dim=-1)
    across = F.normalize(across - (across * up).sum(dim=-1, keepdim=True) * up, dim=-1)
    return torch.stack([torch.linalg.cross(across, up), across, up], dim=-1)
