"""Motions as the numbers that networks see, and back to a body whose bones keep their length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.applications.generation.motions import PELVIS, Motions
from finegym.simulation.skeleton import BONES, JOINT_INDEX, JOINTS

OTHERS = tuple(index for index in range(len(JOINTS)) if index != PELVIS)
NUM_VALUES = 3 + 3 * len(OTHERS) + 1
"""A frame: where the pelvis is, where the 25 other joints are from there (metres), log of the duration in seconds."""
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


def decode(values: np.ndarray, scaling: Scaling, element_index: np.ndarray) -> Motions:
    """Motions of values (N, T, D), as they are: bones may change their length; the duration is the frames' mean."""
    values = values * scaling.spread + scaling.mean
    N, T, _ = values.shape
    root = values[..., None, :3]
    joints = np.empty((N, T, len(JOINTS), 3), np.float32)
    joints[:, :, [PELVIS]] = root
    joints[:, :, OTHERS] = root + values[..., 3:-1].reshape(N, T, len(OTHERS), 3)
    duration_s = np.exp(values[..., -1].mean(axis=1, dtype=np.float64))
    return Motions(joints, duration_s.astype(np.float32), element_index.astype(np.int32))


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
    N, T = motions.joints.shape[:2]
    root = motions.joints[:, :, PELVIS]
    others = (motions.joints[:, :, OTHERS] - root[:, :, None]).reshape(N, T, -1)
    duration = np.broadcast_to(np.log(motions.duration_s)[:, None, None], (N, T, 1))
    return np.concatenate([root, others, duration], axis=-1).astype(np.float32)
