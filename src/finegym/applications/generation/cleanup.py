"""Generated motion moved as little as it takes to be possible: what holds stays in place, what flies falls.

The generator says of every frame which toes and hands hold and whether she flies. Here joints that tremble are smoothed
in time, and then moved so that bones have one length each, toes and hands that hold stay where they are (at the height
of what carries them, hands on a bar), nothing is below the ground, and the centre of mass of a flight is on a parabola
under gravity. How far all that moved the joints is counted. It is least squares over the whole motion: near the joints,
changed smoothly in time.

Source: constraints on a finished motion as in Kovar et al., "Footskate Cleanup for Motion Capture Editing", SCA 2002;
all at once by optimisation as in Gleicher, "Retargetting Motion to New Characters", SIGGRAPH 1998; for generated motion
compare Yuan et al., "PhysDiff", ICCV 2023, who project with a physics simulator, in every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional as F

from finegym.applications.generation.coding import keep_bones
from finegym.applications.generation.motions import ENDS, PELVIS, Motions
from finegym.applications.generation.plausibility import BARS, LEVELS, find_stretches
from finegym.simulation.contacts import CLEARANCE
from finegym.simulation.motion import GRAVITY
from finegym.simulation.skeleton import BONES, JOINT_INDEX, JOINTS, compute_mass_weights

_BATCH = 128
_ITERATIONS = 80  # of L-BFGS
_CALM = 0.3  # weight of third differences beside distances
_SMOOTH, _FIRM = 50.0, 300.0  # weights beside that of staying near: of changing smoothly, and of what has to be


@dataclass(frozen=True, eq=False)
class _Conditions:
    """What has to be, for N motions; float32 on one device.

    Attributes:
        hold: (N, 4, T, T), takes toes and hands to their distance from the mean place of the stretch they hold for.
        fixed: (N, T, 4, 3), 1 where a coordinate has to be ``place``.
        place: (N, T, 4, 3), metres.
        fall: (N, T, T), takes a path without gravity to its distance from the straight lines of the flights.
        fallen: (N, T), how far gravity has drawn since the first frame, metres.
        ground: (N,), lowest height of a joint, metres.
    """

    hold: torch.Tensor
    fixed: torch.Tensor
    place: torch.Tensor
    fall: torch.Tensor
    fallen: torch.Tensor
    ground: torch.Tensor


def clean_up(motions: Motions, events: Sequence[str], device: str = "cpu") -> tuple[Motions, np.ndarray]:
    """Make motions possible.

    Args:
        motions: as generated.
        events: of every motion: ``VT``, ``FX``, ``BB`` or ``UB``.
        device: where it computes.

    Returns:
        The motions, and how far a joint was moved, metres, the mean over joints and frames: float64 (N,). Bones that
        only got one length each (``coding.keep_bones``) are where it is measured from.
    """
    drawn, start = keep_bones(motions.joints), keep_bones(smooth(motions.joints))
    joints = np.empty_like(start)
    for first in range(0, len(start), _BATCH):
        rows = slice(first, first + _BATCH)
        conditions = [
            _find_conditions(*one)
            for one in zip(start[rows], motions.contacts[rows], motions.duration_s[rows], events[rows], strict=True)
        ]
        joined = _Conditions(
            *(torch.from_numpy(np.stack(part)).float().to(device) for part in zip(*conditions, strict=True))
        )
        joints[rows] = _solve(torch.from_numpy(start[rows]).to(device), joined).cpu().numpy()
    moved = np.linalg.norm((joints - drawn).astype(np.float64), axis=-1).mean(axis=(1, 2))
    return replace(motions, joints=joints), moved


def smooth(joints: np.ndarray) -> np.ndarray:
    """Joints (N, T, 26, 3) without what changes within two or three frames, and nothing taken off a parabola.

    Source: Whittaker (1923), with third differences; the weight halves what has a period of 5 frames.
    """
    T = joints.shape[1]
    differences = np.diff(np.eye(T), 3, axis=0)
    smoother = np.linalg.inv(np.eye(T) + _CALM * differences.T @ differences)
    return np.einsum("ts,nsjc->ntjc", smoother, joints).astype(joints.dtype)


def _find_conditions(
    joints: np.ndarray, contacts: np.ndarray, duration_s: float, event_id: str
) -> tuple[np.ndarray, ...]:
    """The fields of ``_Conditions`` for one motion."""
    T = len(joints)
    held, flies = contacts[:, : len(ENDS)], contacts[:, len(ENDS)] & ~contacts[:, : len(ENDS)].any(axis=1)
    ends = joints[:, ENDS]
    place, fixed = ends.copy(), np.zeros_like(ends)
    for end in range(len(ENDS)):
        for a, b in find_stretches(held[:, end]):
            is_fixed, where = find_support(ends[a:b, end].mean(axis=0), event_id, is_hand=end >= 2)
            fixed[a:b, end], place[a:b, end] = is_fixed, where
    times = np.linspace(0, duration_s, T)
    return (
        np.stack([build_deviation(held[:, end], 0) for end in range(len(ENDS))]),
        fixed,
        place,
        build_deviation(flies, 1),
        0.5 * GRAVITY * times**2,
        np.array(min(LEVELS[event_id])),
    )


def find_support(point: np.ndarray, event_id: str, *, is_hand: bool) -> tuple[np.ndarray, np.ndarray]:
    """What carries a toe or a hand: which coordinates it fixes, bool (3,), and where, float64 (3,).

    Ground fixes the height; a bar, for hands on bars, the place across it. The nearest one carries.
    """
    if event_id == "UB" and is_hand:
        x, z = min(BARS, key=lambda bar: np.hypot(point[0] - bar[0], point[2] - bar[1]))
        return np.array([True, False, True]), np.array([x, 0.0, z])
    level = min(LEVELS[event_id], key=lambda height: abs(point[2] - height - CLEARANCE))
    return np.array([False, False, True]), np.array([0.0, 0.0, level + CLEARANCE])


def build_deviation(is_in: np.ndarray, degree: int) -> np.ndarray:
    """The matrix that takes values over time to their distance from the best polynomial, stretch by stretch.

    Args:
        is_in: bool (T,); elsewhere the distance is 0.
        degree: of the polynomials.

    Returns:
        float64 (T, T).
    """
    matrix = np.zeros((len(is_in), len(is_in)))
    for a, b in find_stretches(is_in):
        basis, _ = np.linalg.qr(np.vander(np.linspace(-1, 1, b - a), min(degree + 1, b - a)))
        matrix[a:b, a:b] = np.eye(b - a) - basis @ basis.T
    return matrix


def _solve(start: torch.Tensor, conditions: _Conditions) -> torch.Tensor:
    """Joints (N, T, 26, 3) near ``start`` that meet the conditions as well as the bones allow."""
    parents, children = ([JOINT_INDEX[pair[side]] for pair in BONES] for side in (0, 1))
    bones = start[:, :, children] - start[:, :, parents]
    lengths = bones.norm(dim=-1, keepdim=True)
    chain = _build_chain().to(start)
    weights = torch.from_numpy(compute_mass_weights()).to(start)
    root = start[:, :, PELVIS].clone().requires_grad_()
    directions = (bones / lengths.clamp(min=1e-6)).clone().requires_grad_()

    def place() -> torch.Tensor:
        return root[:, :, None] + chain @ (F.normalize(directions, dim=-1) * lengths)

    def compute() -> torch.Tensor:
        optimizer.zero_grad()
        joints = place()
        change = joints - start
        bend = change[:, 2:] - 2 * change[:, 1:-1] + change[:, :-2]
        near = change.square().sum() + _SMOOTH * bend.square().sum()
        loss = near + _FIRM * _measure_violation(joints, weights, conditions)
        loss.backward()
        return loss

    optimizer = torch.optim.LBFGS(
        [root, directions], max_iter=_ITERATIONS, history_size=10, line_search_fn="strong_wolfe"
    )
    optimizer.step(compute)
    return place().detach()


def _measure_violation(joints: torch.Tensor, weights: torch.Tensor, conditions: _Conditions) -> torch.Tensor:
    """Squared metres by which the conditions are not met, a scalar."""
    ends = joints[:, :, ENDS]  # (N, T, 4, 3)
    free = torch.einsum("nets,nsec->ntec", conditions.hold, ends) * (1 - conditions.fixed)
    fixed = (ends - conditions.place) * conditions.fixed
    mass = (weights[:, None] * joints).sum(dim=-2)  # (N, T, 3)
    path = torch.stack([mass[..., 0], mass[..., 1], mass[..., 2] + conditions.fallen], dim=-1)
    off = conditions.fall @ path
    below = F.relu(conditions.ground[:, None, None] - joints[..., 2])
    # The centre of mass stands for all joints: its part counts as theirs do.
    return free.square().sum() + fixed.square().sum() + len(JOINTS) * off.square().sum() + below.square().sum()


def _build_chain() -> torch.Tensor:
    """Which bones lie between the pelvis and a joint, float32 (26, 25)."""
    chain = torch.zeros(len(JOINTS), len(BONES))
    for bone, (parent, child) in enumerate(BONES):  # from the pelvis outward
        chain[JOINT_INDEX[child]] = chain[JOINT_INDEX[parent]]
        chain[JOINT_INDEX[child], bone] = 1
    return chain
