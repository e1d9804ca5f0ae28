"""What a gymnast does when she does not perform: walk on, stand, salute, breathe.

Built from the lengths of the bones that the performance shows, so that it is the same person; none of it is annotated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.simulation.camera import sample_tremor, smooth
from finegym.simulation.skeleton import JOINT_INDEX, JOINTS


@dataclass(frozen=True)
class Bones:
    """Lengths of one body in metres."""

    thigh: float
    shank: float
    foot: float
    hip_half: float
    shoulder_half: float
    shoulder_up: float
    trunk: tuple[float, float, float]
    neck_to_top: float
    upper_arm: float
    forearm: float
    hand: float
    head: np.ndarray
    """(5, 3): nose, eyes and ears from the neck along the head's left, front and up."""


def measure_bones(joints: np.ndarray) -> Bones:
    """Bone lengths of a body: medians over the instants of float (T, 26, 3) joints, metres."""
    points = {name: np.asarray(joints[:, index], dtype=np.float64) for name, index in JOINT_INDEX.items()}

    def length(first: str, second: str) -> float:
        return float(np.median(np.linalg.norm(points[first] - points[second], axis=1)))

    up = _normalise(points["head_top"] - points["neck"])
    left = points["left_ear"] - points["right_ear"]
    left = _normalise(left - np.sum(left * up, axis=1, keepdims=True) * up)
    front = np.cross(left, up)
    axes = np.stack([left, front, up], axis=1)
    head = np.stack([axes @ (points[name] - points["neck"])[:, :, None] for name in JOINTS[:5]], axis=1)[..., 0]
    # Shoulders lift with the arms: they hang where they are low.
    girdle = 0.5 * (points["left_shoulder"] + points["right_shoulder"]) - points["thorax"]
    rise = np.sum(girdle * _normalise(points["neck"] - points["thorax"]), axis=1)
    return Bones(
        thigh=length("left_hip", "left_knee"),
        shank=length("left_knee", "left_ankle"),
        foot=length("left_ankle", "left_toe"),
        hip_half=length("left_hip", "right_hip") / 2,
        shoulder_half=length("left_shoulder", "right_shoulder") / 2,
        shoulder_up=float(np.quantile(rise, 0.2)),
        trunk=(length("pelvis", "spine"), length("spine", "thorax"), length("thorax", "neck")),
        neck_to_top=length("neck", "head_top"),
        upper_arm=length("left_shoulder", "left_elbow"),
        forearm=length("left_elbow", "left_wrist"),
        hand=length("left_wrist", "left_hand"),
        head=np.median(head, axis=0),
    )


def walk(
    bones: Bones, start: np.ndarray, end: np.ndarray, num_frames: int, fps: float, ground: float = 0.0
) -> np.ndarray:
    """Walk in a straight line.

    Args:
        bones: the body.
        start: float (2,), metres on the floor.
        end: float (2,), metres on the floor.
        num_frames: how long it takes.
        fps: frames a second.
        ground: height of what she walks on, metres.

    Returns:
        float64 (T, 26, 3), metres.
    """
    seconds = np.arange(num_frames) / fps
    share = np.linspace(0.0, 1.0, num_frames)
    place = start + (end - start) * share[:, None]
    travel = end - start
    distance = float(np.linalg.norm(travel))
    speed = distance / max(seconds[-1] if num_frames > 1 else 1.0, 1e-6)
    steps_per_s = np.clip(speed / (1.55 * (bones.thigh + bones.shank)), 0.0, 1.4)
    phase = 2 * np.pi * steps_per_s * seconds
    yaw = np.full(num_frames, np.arctan2(-travel[0], travel[1]) if distance > 0 else 0.0)
    reach = 0.42 * min(speed / 1.2, 1.2)
    legs = {}
    arms = {}
    for side, shift in (("left", 0.0), ("right", np.pi)):
        swing = reach * np.sin(phase + shift)
        knee = 0.08 + 0.75 * reach * (1 + np.sin(phase + shift + 1.15)) / 2 * 1.6
        legs[side] = swing, knee
        arms[side] = -0.8 * swing, 0.10 + 0.0 * swing, 0.25 + 0.15 * np.sin(phase - shift)
    return _pose(bones, place, yaw, legs, arms, np.zeros(num_frames), np.zeros(num_frames), ground)


def stand(
    bones: Bones,
    place: np.ndarray,
    yaw: float,
    num_frames: int,
    fps: float,
    rng: np.random.Generator,
    ground: float = 0.0,
) -> np.ndarray:
    """Stand at a place, breathing, looking about, sometimes saluting with both arms up.

    Args:
        bones: the body.
        place: float (2,), metres on the floor.
        yaw: radians; 0 faces +y, pi faces the main camera.
        num_frames: for how long.
        fps: frames a second.
        rng: draws what she does.
        ground: height of what she stands on, metres.

    Returns:
        float64 (T, 26, 3), metres.
    """
    seconds = np.arange(num_frames) / fps
    salute = rng.uniform() < 0.5
    begin = rng.uniform(0.3, 0.8)
    rise = smooth(((seconds > begin) & (seconds < begin + 1.6)).astype(float), 0.16 * fps) if salute else 0.0 * seconds
    arms = {}
    for side in ("left", "right"):
        idle = 0.06 * sample_tremor(num_frames, fps, rng)
        arms[side] = 0.05 + idle + 0.15 * rise, 0.14 + 2.65 * rise, 0.28 * (1 - rise) + 0.05
    legs = {side: (0.02 * np.ones(num_frames), 0.04 * np.ones(num_frames)) for side in ("left", "right")}
    look = 0.25 * sample_tremor(num_frames, fps, rng)
    nod = 0.08 * sample_tremor(num_frames, fps, rng)
    sway = np.stack([0.012 * sample_tremor(num_frames, fps, rng) for _ in range(2)], axis=1)
    return _pose(bones, place + sway, np.full(num_frames, yaw), legs, arms, look, nod, ground)


def _pose(
    bones: Bones,
    place: np.ndarray,
    yaw: np.ndarray,
    legs: dict[str, tuple[np.ndarray, np.ndarray]],
    arms: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    look: np.ndarray,
    nod: np.ndarray,
    ground: float,
) -> np.ndarray:
    """Joints from angles: legs (swing forward, knee bend), arms (swing forward, lift sideways, elbow bend)."""
    num_frames = len(yaw)
    zero, one = np.zeros(num_frames), np.ones(num_frames)
    points: dict[str, np.ndarray] = {}

    def vector(left: np.ndarray, front: np.ndarray, up: np.ndarray) -> np.ndarray:
        return np.stack(np.broadcast_arrays(left, front, up), axis=1)

    points["pelvis"] = np.zeros((num_frames, 3))
    points["spine"] = points["pelvis"] + bones.trunk[0] * vector(zero, zero, one)
    points["thorax"] = points["spine"] + bones.trunk[1] * vector(zero, 0.04 * one, one)
    points["neck"] = points["thorax"] + bones.trunk[2] * vector(zero, 0.0 * one, one)
    points["head_top"] = points["neck"] + bones.neck_to_top * vector(zero, np.sin(nod), np.cos(nod))
    for name, (left, front, up) in zip(JOINTS[:5], bones.head, strict=True):
        front_bent = front * np.cos(nod) + up * np.sin(nod)
        up_bent = up * np.cos(nod) - front * np.sin(nod)
        turned = vector(
            left * np.cos(look) + front_bent * np.sin(look), front_bent * np.cos(look) - left * np.sin(look), up_bent
        )
        points[name] = points["neck"] + turned
    for side, sign in (("left", 1.0), ("right", -1.0)):
        swing, knee = legs[side]
        hip = sign * bones.hip_half * vector(one, zero, zero)
        points[f"{side}_hip"] = hip
        points[f"{side}_knee"] = hip + bones.thigh * vector(zero, np.sin(swing), -np.cos(swing))
        points[f"{side}_ankle"] = points[f"{side}_knee"] + bones.shank * vector(
            zero, np.sin(swing - knee), -np.cos(swing - knee)
        )
        tip = swing - knee - 0.25
        points[f"{side}_toe"] = points[f"{side}_ankle"] + bones.foot * vector(
            0.15 * sign * one, np.cos(tip), np.sin(tip)
        )
        forward, lift, elbow = arms[side]
        shoulder = points["thorax"] + vector(
            sign * bones.shoulder_half * one, zero, bones.shoulder_up + 0.03 * np.sin(lift / 2)
        )
        points[f"{side}_shoulder"] = shoulder
        upper = vector(sign * np.sin(lift), np.sin(forward) * np.cos(lift), -np.cos(forward) * np.cos(lift))
        lower = vector(
            sign * np.sin(lift), np.sin(forward + elbow) * np.cos(lift), -np.cos(forward + elbow) * np.cos(lift)
        )
        points[f"{side}_elbow"] = shoulder + bones.upper_arm * _normalise(upper)
        points[f"{side}_wrist"] = points[f"{side}_elbow"] + bones.forearm * _normalise(lower)
        points[f"{side}_hand"] = points[f"{side}_wrist"] + bones.hand * _normalise(lower)
    local = np.stack([points[name] for name in JOINTS], axis=1)
    left_axis = np.stack([-np.cos(yaw), -np.sin(yaw), zero], axis=1)
    front_axis = np.stack([-np.sin(yaw), np.cos(yaw), zero], axis=1)
    up_axis = np.broadcast_to([0.0, 0.0, 1.0], (num_frames, 3))
    world = np.einsum("tjc,tcw->tjw", local, np.stack([left_axis, front_axis, up_axis], axis=1))
    feet = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("ankle", "toe")]
    world[:, :, 2] += (ground + 0.025 - world[:, feet, 2].min(axis=1))[:, None]
    world[:, :, :2] += np.asarray(place).reshape(-1, 1, 2)
    return world


def _normalise(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
