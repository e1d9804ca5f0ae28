"""The last touch on a motion: limbs that would sink into the ground are bent until they rest on it."""

from __future__ import annotations

import numpy as np

from finegym.simulation.skeleton import JOINT_INDEX

CLEARANCE = 0.02
"""Toes, palms, ankles and wrists stay this far above the ground, metres."""

_SOFT = 0.012
_CHAINS = (("hip", "knee", "ankle", "toe"), ("shoulder", "elbow", "wrist", "hand"))


def lift_limbs(joints: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Bend legs and arms so that neither feet nor hands are below the ground.

    The knee (elbow) bends in the plane it already bends in; bones keep their length, foot and hand their direction. A
    limb that is deeper than its bones can fold keeps what is left.

    Args:
        joints: float64 (T, 26, 3), metres.
        ground: float64 (T,), height of the ground under her, metres.

    Returns:
        float64 (T, 26, 3); the same array if nothing had to move.
    """
    forward = _compute_forward(joints)
    lifted = joints
    for first, middle, last, tip in _CHAINS:
        for side in ("left", "right"):
            a, b, c, d = (JOINT_INDEX[f"{side}_{name}"] for name in (first, middle, last, tip))
            lowest = np.minimum(lifted[:, c, 2], lifted[:, d, 2])
            depth = ground + CLEARANCE - lowest
            # A parabola between "clear" and "touching", so that the correction sets in smoothly.
            rise = np.where(depth > _SOFT, depth, (depth + _SOFT) ** 2 / (4 * _SOFT))
            rows = np.flatnonzero(depth > -_SOFT)
            if rows.size:
                lifted = lifted.copy() if lifted is joints else lifted
                pole = forward[rows] if first == "hip" else -forward[rows]
                _raise_end(lifted, rows, (a, b, c, d), rise[rows], pole)
    return lifted


def _compute_forward(joints: np.ndarray) -> np.ndarray:
    """Where the pelvis faces, float64 (T, 3)."""
    across = joints[:, JOINT_INDEX["left_hip"]] - joints[:, JOINT_INDEX["right_hip"]]
    up = joints[:, JOINT_INDEX["spine"]] - joints[:, JOINT_INDEX["pelvis"]]
    forward = np.cross(across, up)
    return forward / np.linalg.norm(forward, axis=1, keepdims=True)


def _raise_end(
    joints: np.ndarray, rows: np.ndarray, chain: tuple[int, int, int, int], rise: np.ndarray, pole: np.ndarray
) -> None:
    """Move the third joint of a chain up and put the second where both bones keep their length."""
    a, b, c, d = chain
    start, middle, end = joints[rows, a], joints[rows, b], joints[rows, c]
    upper, lower = np.linalg.norm(middle - start, axis=1), np.linalg.norm(end - middle, axis=1)
    target = end + rise[:, None] * np.array([0.0, 0.0, 1.0])
    line = target - start
    distance = np.linalg.norm(line, axis=1)
    reach = np.clip(distance, np.abs(upper - lower) + 1e-3, upper + lower - 1e-6)
    direction = line / np.maximum(distance, 1e-9)[:, None]
    target = start + direction * reach[:, None]
    # A straight limb has no plane of its own: it bends the way knees and elbows do.
    bend = (middle - start) + 0.02 * pole
    bend -= np.sum(bend * direction, axis=1, keepdims=True) * direction
    bend /= np.maximum(np.linalg.norm(bend, axis=1, keepdims=True), 1e-9)
    along = (upper**2 - lower**2 + reach**2) / (2 * reach)
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    joints[rows, b] = start + along[:, None] * direction + aside[:, None] * bend
    joints[rows, d] += target - end
    joints[rows, c] = target
