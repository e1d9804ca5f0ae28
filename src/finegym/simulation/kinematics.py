"""From joint angles to joints: channels of a pose, their limits, smooth curves through them, and forward kinematics.

A pose is a vector of channels in degrees, all zero when standing upright with the arms down. Body axes: x to the front,
y to the left, z to the head. Limb directions are polar coordinates around the left-right axis: flexion swings the limb
forward and up, abduction takes it outward from the plane it swings in. That has no trouble where gymnasts live: arms
overhead, legs split and legs straddled.

Everything is vectorised over frames; there is no loop over frames here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from finegym.errors import SimulationError
from finegym.simulation.athlete import Athlete
from finegym.simulation.skeleton import JOINT_INDEX, JOINTS

_TRUNK_LIMITS = {
    "spine_flex": (-75.0, 90.0),
    "spine_side": (-45.0, 45.0),
    "spine_twist": (-60.0, 60.0),
    "neck_flex": (-65.0, 60.0),
    "head_turn": (-80.0, 80.0),
}
_LEG_LIMITS = {
    "hip_flex": (-95.0, 165.0),
    "hip_abd": (-30.0, 95.0),
    "hip_rot": (-90.0, 90.0),
    "knee": (0.0, 155.0),
    "ankle": (-40.0, 75.0),
    "plant": (0.0, 1.0),
}
_ARM_LIMITS = {
    "sh_flex": (-75.0, 205.0),
    "sh_abd": (-45.0, 185.0),
    "sh_rot": (-120.0, 120.0),
    "elbow": (0.0, 150.0),
    "wrist": (-90.0, 90.0),
}
SIDES = ("left", "right")

LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    _TRUNK_LIMITS | {f"{side}_{name}": limits for side in SIDES for name, limits in (_LEG_LIMITS | _ARM_LIMITS).items()}
)
"""Joint limits in degrees of every channel; ``plant`` (0 to 1) is not an angle but how much a foot is on the ground:
planted, its ankle angle counts from a sole flat on the ground instead of from the shank."""

CHANNELS: tuple[str, ...] = tuple(LIMITS)
CHANNEL_INDEX = MappingProxyType({name: index for index, name in enumerate(CHANNELS)})
_LOW, _HIGH = np.array(list(LIMITS.values())).T

Pose = Mapping[str, float]
"""Channels in degrees; those not named are zero."""


@dataclass(frozen=True)
class Body:
    """Lengths of an athlete's segments in metres."""

    height: float
    ankle_height: float
    foot: float
    shank: float
    thigh: float
    hip_half: float
    lumbar: float
    chest: float
    neck: float
    shoulder_half: float
    shoulder_up: float
    upper_arm: float
    forearm: float
    palm: float

    @property
    def leg(self) -> float:
        """Hip to ankle, straight."""
        return self.thigh + self.shank

    @property
    def foot_drop(self) -> float:
        """Angle in degrees by which the line from ankle to toe falls when the foot is flat."""
        return float(np.degrees(np.arcsin(self.ankle_height / self.foot)))

    @property
    def arm(self) -> float:
        """Shoulder to palm, straight."""
        return self.upper_arm + self.forearm + self.palm


def make_body(athlete: Athlete) -> Body:
    """Segment lengths of an athlete; the scaled segments are fitted so that she is ``height_m`` tall.

    Source: shares of standing height after Drillis and Contini, "Body Segment Parameters" (1966), with the narrower
    hips of gymnasts.
    """
    leg, trunk, arm = athlete.leg_scale, athlete.trunk_scale, athlete.arm_scale
    height = athlete.height_m
    unit = height / ((0.246 + 0.245) * leg + 0.295 * trunk + 0.039 + 0.175)
    return Body(
        height=height,
        ankle_height=0.039 * unit,
        foot=0.118 * unit,
        shank=0.246 * leg * unit,
        thigh=0.245 * leg * unit,
        hip_half=0.052 * athlete.hip_scale * unit,
        lumbar=0.085 * trunk * unit,
        chest=0.125 * trunk * unit,
        neck=0.175 * unit,
        shoulder_half=0.104 * athlete.shoulder_scale * unit,
        shoulder_up=0.098 * trunk * unit,
        upper_arm=0.172 * arm * unit,
        forearm=0.148 * arm * unit,
        palm=0.055 * arm * unit,
    )


def make_vector(pose: Pose) -> np.ndarray:
    """A pose as float64 (C,) in the order of CHANNELS, clipped to the joint limits.

    Raises:
        SimulationError: a channel is unknown.
    """
    unknown = sorted(set(pose) - set(CHANNELS))
    if unknown:
        raise SimulationError(f"a pose names channels {unknown} that the body does not have. Use one of {CHANNELS}.")
    vector = np.zeros(len(CHANNELS))
    for name, value in pose.items():
        vector[CHANNEL_INDEX[name]] = value
    return np.clip(vector, _LOW, _HIGH)


def interpolate(
    times: np.ndarray,
    key_times: Sequence[float],
    key_values: Sequence[float],
    end_tangents: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """A smooth (C1) curve through keys that never leaves the range of the two keys around it.

    Monotone cubic Hermite interpolation, so that angles inside the joint limits at the keys stay inside between them.
    Constant before the first key and after the last. ``end_tangents`` are the speeds at the first and the last key.

    Source: F. N. Fritsch and J. Butland, "A method for constructing local monotone piecewise cubic interpolants",
    SIAM J. Sci. Stat. Comput. 5 (1984).

    Example:
        >>> interpolate(np.array([-1.0, 0.5, 3.0]), [0.0, 1.0, 2.0], [0.0, 10.0, 0.0])
        array([0., 5., 0.])
    """
    x, y = np.asarray(key_times, dtype=np.float64), np.asarray(key_values, dtype=np.float64)
    if len(x) == 1:
        return np.full(len(times), y[0])
    step = np.diff(x)
    slope = np.diff(y) / step
    tangent = np.zeros_like(y)
    tangent[0], tangent[-1] = end_tangents
    tangent[1:-1] = blend_slopes(slope[:-1], slope[1:], step[:-1], step[1:])
    segment = np.clip(np.searchsorted(x, times, side="right") - 1, 0, len(x) - 2)
    s = np.clip((times - x[segment]) / step[segment], 0.0, 1.0)
    width = step[segment]
    s2, s3 = s * s, s * s * s
    return (
        (2 * s3 - 3 * s2 + 1) * y[segment]
        + (s3 - 2 * s2 + s) * width * tangent[segment]
        + (3 * s2 - 2 * s3) * y[segment + 1]
        + (s3 - s2) * width * tangent[segment + 1]
    )


def blend_slopes(left: np.ndarray, right: np.ndarray, step_left: np.ndarray, step_right: np.ndarray) -> np.ndarray:
    """The tangent between two intervals that keeps a cubic monotone in both: a weighted harmonic mean, 0 at a turn.

    Args:
        left: slope of the interval before.
        right: slope of the interval after.
        step_left: length of the interval before.
        step_right: length of the interval after.
    """
    weight_left, weight_right = 2 * step_right + step_left, step_right + 2 * step_left
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weight_left + weight_right) / (weight_left / left + weight_right / right)
    return np.where(left * right > 0, mean, 0.0)


def rotate_x(degrees: np.ndarray) -> np.ndarray:
    """Rotations about x, float64 (..., 3, 3), from angles (...) in degrees."""
    return _rotate(degrees, 1, 2)


def rotate_y(degrees: np.ndarray) -> np.ndarray:
    """Rotations about y, float64 (..., 3, 3), from angles (...) in degrees."""
    return _rotate(degrees, 2, 0)


def rotate_z(degrees: np.ndarray) -> np.ndarray:
    """Rotations about z, float64 (..., 3, 3), from angles (...) in degrees."""
    return _rotate(degrees, 0, 1)


def _rotate(degrees: np.ndarray, first: int, second: int) -> np.ndarray:
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.zeros((*cos.shape, 3, 3))
    axis = 3 - first - second
    matrix[..., axis, axis] = 1.0
    matrix[..., first, first] = cos
    matrix[..., second, second] = cos
    matrix[..., first, second] = -sin
    matrix[..., second, first] = sin
    return matrix


def compute_orientation(heading: np.ndarray, pitch: np.ndarray, lean: np.ndarray, twist: np.ndarray) -> np.ndarray:
    """Orientation of the pelvis in the world, float64 (T, 3, 3).

    Args:
        heading: where she faces or moves, about the vertical, 0 is +x, degrees.
        pitch: somersault about the left-right axis, positive forward.
        lean: to the side, positive to her right.
        twist: about the long axis of the body, positive to the left.
    """
    return rotate_z(heading) @ rotate_y(pitch) @ rotate_x(lean) @ rotate_z(twist)


def compute_joints(body: Body, channels: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """Forward kinematics with the pelvis at the origin.

    Args:
        body: segment lengths.
        channels: float64 (T, C), degrees, in the order of CHANNELS.
        orientation: float64 (T, 3, 3), of the pelvis in the world.

    Returns:
        float64 (T, 26, 3), metres.
    """
    angle = dict(zip(CHANNELS, np.clip(channels, _LOW, _HIGH).T, strict=True))
    joints = np.zeros((len(channels), len(JOINTS), 3))

    def place(name: str, parent: str, rotation: np.ndarray, x: float, y: float, z: float) -> None:
        offset = rotation[:, :, 0] * x + rotation[:, :, 1] * y + rotation[:, :, 2] * z
        joints[:, JOINT_INDEX[name]] = joints[:, JOINT_INDEX[parent]] + offset

    half_bend = (
        rotate_y(angle["spine_flex"] / 2) @ rotate_x(angle["spine_side"] / 2) @ rotate_z(angle["spine_twist"] / 2)
    )
    waist = orientation @ half_bend
    chest = waist @ half_bend
    head = chest @ rotate_y(angle["neck_flex"]) @ rotate_z(angle["head_turn"])
    place("spine", "pelvis", orientation, 0.0, 0.0, body.lumbar)
    place("thorax", "spine", waist, 0.0, 0.0, body.lumbar)
    place("neck", "thorax", chest, 0.0, 0.0, body.chest)
    unit = body.neck / 0.175
    place("head_top", "neck", head, 0.01 * unit, 0.0, body.neck)
    place("nose", "neck", head, 0.068 * unit, 0.0, 0.085 * unit)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        place(f"{side}_eye", "neck", head, 0.056 * unit, sign * 0.02 * unit, 0.105 * unit)
        place(f"{side}_ear", "neck", head, 0.004 * unit, sign * 0.046 * unit, 0.092 * unit)
        _place_leg(body, angle, orientation, side, sign, place)
        _place_arm(body, angle, chest, joints, side, sign, place)
    return joints


def _place_leg(
    body: Body,
    angle: Mapping[str, np.ndarray],
    pelvis: np.ndarray,
    side: str,
    sign: float,
    place: Callable[[str, str, np.ndarray, float, float, float], None],
) -> None:
    thigh = (
        pelvis
        @ rotate_y(-angle[f"{side}_hip_flex"])
        @ rotate_x(sign * angle[f"{side}_hip_abd"])
        @ rotate_z(sign * angle[f"{side}_hip_rot"])
    )
    shank = thigh @ rotate_y(angle[f"{side}_knee"])
    # The ankle angle at which the sole is level, counted in as far as the foot is planted.
    level = np.degrees(np.arctan2(shank[:, 2, 0], shank[:, 2, 2]))
    level = np.where(np.abs(level) > 110.0, 0.0, level)
    ankle = np.clip(angle[f"{side}_ankle"] + angle[f"{side}_plant"] * level, *LIMITS["left_ankle"])
    foot = shank @ rotate_y(ankle)
    drop = np.radians(body.foot_drop)
    place(f"{side}_hip", "pelvis", pelvis, 0.0, sign * body.hip_half, 0.0)
    place(f"{side}_knee", f"{side}_hip", thigh, 0.0, 0.0, -body.thigh)
    place(f"{side}_ankle", f"{side}_knee", shank, 0.0, 0.0, -body.shank)
    place(f"{side}_toe", f"{side}_ankle", foot, body.foot * np.cos(drop), 0.0, -body.foot * np.sin(drop))


def _place_arm(
    body: Body,
    angle: Mapping[str, np.ndarray],
    chest: np.ndarray,
    joints: np.ndarray,
    side: str,
    sign: float,
    place: Callable[[str, str, np.ndarray, float, float, float], None],
) -> None:
    local = (
        rotate_y(-angle[f"{side}_sh_flex"])
        @ rotate_x(sign * angle[f"{side}_sh_abd"])
        @ rotate_z(sign * angle[f"{side}_sh_rot"])
    )
    upper = chest @ local
    lower = upper @ rotate_y(-angle[f"{side}_elbow"])
    hand = lower @ rotate_y(-angle[f"{side}_wrist"])
    place(f"{side}_shoulder", "thorax", chest, 0.0, sign * body.shoulder_half, body.shoulder_up)
    # The shoulder blade lifts with the arm: up to 2 % of body height with the arm overhead.
    lift = 0.01 * body.height * (1.0 - local[:, 2, 2])
    joints[:, JOINT_INDEX[f"{side}_shoulder"]] += chest[:, :, 2] * lift[:, None]
    place(f"{side}_elbow", f"{side}_shoulder", upper, 0.0, 0.0, -body.upper_arm)
    place(f"{side}_wrist", f"{side}_elbow", lower, 0.0, 0.0, -body.forearm)
    place(f"{side}_hand", f"{side}_wrist", hand, 0.0, 0.0, -body.palm)


def solve_pose(
    body: Body,
    pose: Pose,
    free: Sequence[Sequence[str]],
    compute_residual: Callable[[np.ndarray], np.ndarray],
    steps: int = 12,
) -> dict[str, float]:
    """Adjust some channels of a pose until its joints meet a condition as well as the joint limits allow.

    Damped Gauss-Newton with numerical derivatives; used once per athlete for poses in which hands meet legs or feet
    meet the bar, because those depend on proportions.

    Args:
        body: segment lengths.
        pose: where to start.
        free: groups of channels that move together (left and right of a symmetric pose).
        compute_residual: joints (B, 26, 3) with the pelvis upright at the origin → residuals (B, R) in metres, to be 0.
        steps: iterations.

    Returns:
        the adjusted pose.
    """
    vector = make_vector(pose)
    groups = [[CHANNEL_INDEX[name] for name in group] for group in free]
    for _ in range(steps):
        trial = np.repeat(vector[None], len(groups) + 1, axis=0)
        for row, group in enumerate(groups, start=1):
            trial[row, group] += 0.5 if vector[group[0]] < _HIGH[group[0]] - 1.0 else -0.5
        change = trial[1:].sum(axis=1) - trial[0].sum()
        lengths = np.array([len(group) for group in groups])
        residual = compute_residual(compute_joints(body, trial, np.broadcast_to(np.eye(3), (len(trial), 3, 3))))
        jacobian = ((residual[1:] - residual[0]) / (change / lengths)[:, None]).T
        normal = jacobian.T @ jacobian + 1e-7 * np.eye(len(groups))
        delta = np.clip(-np.linalg.solve(normal, jacobian.T @ residual[0]), -15.0, 15.0)
        for group, value in zip(groups, delta, strict=True):
            vector[group] += value
        vector = np.clip(vector, _LOW, _HIGH)
    return dict(zip(CHANNELS, vector.tolist(), strict=True))


def solve_leg(
    body: Body, toe_x: float, hip_height: float, heel: float = 0.0, pitch: float = 0.0
) -> tuple[float, float]:
    """Hip flexion and knee angle that put a planted foot on the ground.

    Args:
        body: segment lengths.
        toe_x: toe ahead of the hip in metres, along where she faces.
        hip_height: hip above the toe in metres.
        heel: how far the heel is raised, degrees.
        pitch: forward pitch of the pelvis, degrees.

    Returns:
        (hip flexion, knee) in degrees; a point out of reach gives a straight leg toward it.
    """
    angle = np.radians(body.foot_drop + heel)
    x, z = toe_x - body.foot * np.cos(angle), -hip_height + body.foot * np.sin(angle)
    distance = float(np.clip(np.hypot(x, z), 0.2 * body.leg, 0.9999 * body.leg))
    cos_knee = (body.thigh**2 + body.shank**2 - distance**2) / (2 * body.thigh * body.shank)
    cos_hip = (body.thigh**2 + distance**2 - body.shank**2) / (2 * body.thigh * distance)
    knee = 180.0 - np.degrees(np.arccos(np.clip(cos_knee, -1, 1)))
    hip = np.degrees(np.arctan2(x, -z) + np.arccos(np.clip(cos_hip, -1, 1)))
    return float(hip + pitch), float(knee)
