"""A body of volume around 26 joints: the tapered capsules that the renderer casts rays at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.simulation import raycast
from finegym.simulation.appearance import Appearance, Colour
from finegym.simulation.skeleton import JOINT_INDEX

REFERENCE_STATURE = 1.55
WHITE: Colour = (0.93, 0.93, 0.92)
DARK: Colour = (0.06, 0.05, 0.05)


def build_body(joints: np.ndarray, appearance: Appearance, velocity: np.ndarray | None = None) -> np.ndarray:
    """Primitives of a body in every instant.

    Args:
        joints: float (T, 26, 3), world metres.
        appearance: colours and girth.
        velocity: float (T, 3), metres a second of the head, which a ponytail trails; none: it hangs.

    Returns:
        float64 (T, P, raycast.NUM_COLUMNS); P is the same in all instants.
    """
    return _Tailor(np.asarray(joints, dtype=np.float64), appearance, velocity).sew()


def measure_stature(joints: np.ndarray) -> float:
    """Height of a body from the lengths of its bones, metres (the median over the instants)."""
    chain = ("left_ankle", "left_knee", "left_hip", "pelvis", "spine", "thorax", "neck", "head_top")
    points = np.asarray(joints, dtype=np.float64)[:, [JOINT_INDEX[name] for name in chain]]
    lengths = np.linalg.norm(np.diff(points, axis=1), axis=2)
    lengths[:, 2] = 0.0  # hip to pelvis goes sideways
    return float(np.median(lengths.sum(axis=1))) + 0.06


@dataclass
class _Frame:
    """Right-handed axes of a part of the body, each (T, 3): its own left, front and up."""

    left: np.ndarray
    front: np.ndarray
    up: np.ndarray


class _Tailor:
    """Sews primitives around joints; girths are for a stature of 1.55 m and scale with it."""

    def __init__(self, joints: np.ndarray, looks: Appearance, velocity: np.ndarray | None) -> None:
        self.points = {name: joints[:, index] for name, index in JOINT_INDEX.items()}
        self.looks = looks
        self.num_instants = len(joints)
        self.velocity = np.zeros((self.num_instants, 3)) if velocity is None else velocity
        self.scale = measure_stature(joints) / REFERENCE_STATURE
        self.rows: list[np.ndarray] = []

    def sew(self) -> np.ndarray:
        hips = self._make_frame(self.points["left_hip"] - self.points["right_hip"], self._between("spine", "pelvis"))
        chest = self._make_frame(
            self.points["left_shoulder"] - self.points["right_shoulder"], self._between("thorax", "spine")
        )
        for side in ("left", "right"):
            self._sew_leg(side)
            self._sew_arm(side)
        self._sew_torso(hips, chest)
        self._sew_head(chest)
        return np.stack(self.rows, axis=1)

    def _sew_leg(self, side: str) -> None:
        skin, girth = self.looks.skin, self.looks.build
        hip, knee, ankle, toe = (self.points[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "toe"))
        thigh = hip + 0.45 * (knee - hip)
        calf = knee + 0.30 * (ankle - knee)
        self._add(hip, thigh, 0.079 * girth, 0.069 * girth, skin)
        self._add(thigh, knee, 0.069 * girth, 0.047 * girth, skin)
        self._add(knee, calf, 0.046 * girth, 0.048 * girth, skin)
        self._add(calf, ankle, 0.048 * girth, 0.030, skin)
        self._add(ankle, toe, 0.031, 0.017, skin)

    def _sew_arm(self, side: str) -> None:
        girth = self.looks.build
        cloth = self.looks.sleeves or self.looks.skin
        shoulder, elbow, wrist, hand = (self.points[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "hand"))
        gloss = self.looks.gloss if self.looks.sleeves else 0.12
        self._add(shoulder, elbow, 0.046 * girth, 0.034 * girth, cloth, gloss=gloss)
        self._add(elbow, wrist, 0.035 * girth, 0.024, cloth, gloss=gloss)
        self._add(wrist, hand, 0.025, 0.022, self.looks.skin)

    def _sew_torso(self, hips: _Frame, chest: _Frame) -> None:
        pelvis, spine, thorax, neck = (self.points[name] for name in ("pelvis", "spine", "thorax", "neck"))
        girth = self.looks.build
        cloth = {
            "colour": self.looks.leotard,
            "other": self.looks.accent,
            "material": raycast.TORSO,
            "gloss": self.looks.gloss,
            "split": self.looks.pattern,
            "anchor": pelvis,
            "face": hips,
        }
        low = pelvis - 0.035 * self.scale * hips.up
        self._add(low, pelvis + 0.04 * hips.up, 0.090 * girth, 0.088 * girth, squash=(1.42, 1.02, 1.0), frame=hips, **cloth)
        self._add(pelvis + 0.04 * hips.up, spine, 0.088 * girth, 0.078 * girth, squash=(1.35, 0.95, 1.0), frame=hips, **cloth)
        self._add(spine, thorax, 0.078 * girth, 0.088 * girth, squash=(1.38, 0.98, 1.0), frame=chest, **cloth)
        bust = 0.62 * thorax + 0.38 * spine + 0.032 * self.scale * chest.front
        self._add(bust, bust, 0.074 * girth, 0.074 * girth, squash=(1.45, 0.85, 1.0), frame=chest, **cloth)
        for side in ("left", "right"):
            seat = self.points[f"{side}_hip"] - self.scale * (0.030 * hips.front + 0.015 * hips.up)
            seat = 0.78 * seat + 0.22 * pelvis
            self._add(seat, seat, 0.083 * girth, 0.083 * girth, squash=(0.95, 1.0, 1.05), frame=hips, **cloth)
            shoulder = self.points[f"{side}_shoulder"]
            self._add(shoulder, 0.6 * thorax + 0.4 * neck, 0.049 * girth, 0.058 * girth, **cloth)
        self._add(thorax, neck, 0.060, 0.043, self.looks.skin)

    def _sew_head(self, chest: _Frame) -> None:
        looks, scale = self.looks, self.scale
        ears = 0.5 * (self.points["left_ear"] + self.points["right_ear"])
        head = self._make_frame(self.points["left_ear"] - self.points["right_ear"], self._between("head_top", "neck"))
        # Which way the face looks is the nose's to say.
        towards_nose = np.sum((self.points["nose"] - ears) * head.front, axis=1, keepdims=True)
        head.front = np.where(towards_nose < 0, -head.front, head.front)
        middle = ears + 0.018 * scale * head.up
        self._add(self.points["neck"], ears - 0.02 * scale * head.up, 0.043, 0.046, looks.skin)
        self._add(
            middle, middle, 0.098, 0.098, looks.skin, other=looks.hair, material=raycast.HEAD, gloss=0.15,
            squash=(0.78, 0.92, 1.02), frame=head, face=head,
        )  # fmt: skip
        jaw = ears + scale * (0.028 * head.front - 0.045 * head.up)
        self._add(jaw, jaw, 0.056, 0.056, looks.skin, squash=(0.92, 1.0, 1.0), frame=head)
        tip = middle + scale * (0.097 * head.front - 0.035 * head.up)
        self._add(tip - 0.02 * scale * (head.front - head.up), tip, 0.009, 0.013, looks.skin)
        mouth = middle + scale * (0.079 * head.front - 0.070 * head.up)
        self._add(mouth, mouth, 0.010, 0.010, (0.72, 0.32, 0.32), squash=(2.0, 0.8, 0.6), frame=head)
        for sign in (-1.0, 1.0):
            eye = middle + scale * (0.080 * head.front + sign * 0.030 * head.left - 0.008 * head.up)
            self._add(eye, eye, 0.010, 0.010, WHITE, squash=(1.4, 0.7, 0.9), frame=head)
            pupil = eye + 0.005 * scale * head.front
            self._add(pupil, pupil, 0.006, 0.006, DARK, gloss=0.5)
            brow = eye + scale * (0.002 * head.front + 0.020 * head.up)
            self._add(brow - 0.013 * scale * head.left, brow + 0.013 * scale * head.left, 0.004, 0.004, looks.hair)
        self._sew_hair(middle, head)

    def _sew_hair(self, middle: np.ndarray, head: _Frame) -> None:
        looks, scale = self.looks, self.scale
        height = 0.075 if looks.hair_style == "high bun" else 0.035
        knot = middle - scale * (0.088 * head.front - height * head.up)
        self._add(knot, knot, 0.038, 0.038, looks.hair, gloss=0.2)
        band = knot + 0.012 * scale * head.front
        self._add(band, band, 0.034, 0.034, looks.accent, squash=(1.1, 0.8, 1.1), frame=head)
        if looks.hair_style == "ponytail":
            hang = -0.55 * head.front + np.array([0.0, 0.0, -0.8]) - 0.22 * self.velocity
            tail = knot + 0.20 * scale * _normalise(hang)
            self._add(knot, tail, 0.028, 0.010, looks.hair, gloss=0.2)

    def _between(self, above: str, below: str) -> np.ndarray:
        return self.points[above] - self.points[below]

    def _make_frame(self, left: np.ndarray, up: np.ndarray) -> _Frame:
        up = _normalise(up)
        left = _normalise(left - np.sum(left * up, axis=1, keepdims=True) * up)
        return _Frame(left, np.cross(left, up), up)

    def _add(
        self,
        end_a: np.ndarray,
        end_b: np.ndarray,
        radius_a: float,
        radius_b: float,
        colour: Colour = WHITE,
        other: Colour = WHITE,
        material: int = raycast.PLAIN,
        gloss: float = 0.08,
        split: float = 0.0,
        squash: tuple[float, float, float] = (1.0, 1.0, 1.0),
        frame: _Frame | None = None,
        face: _Frame | None = None,
        anchor: np.ndarray | None = None,
    ) -> None:
        """One primitive in all instants; ``squash`` stretches it along the left, front and up of ``frame``."""
        row = np.zeros((self.num_instants, raycast.NUM_COLUMNS))
        row[:, raycast.END_A : raycast.END_A + 3] = end_a
        row[:, raycast.END_B : raycast.END_B + 3] = end_b
        row[:, raycast.RADIUS_A] = radius_a * self.scale
        row[:, raycast.RADIUS_B] = radius_b * self.scale
        if frame is None:
            linear = np.broadcast_to(np.eye(3), (self.num_instants, 3, 3))
        else:
            axes = np.stack([frame.left, frame.front, frame.up], axis=1)
            linear = axes / np.asarray(squash)[:, None]
        row[:, raycast.LINEAR : raycast.LINEAR + 9] = linear.reshape(self.num_instants, 9)
        row[:, raycast.REACH] = max(squash)
        row[:, raycast.MATERIAL] = material
        row[:, raycast.COLOUR_A : raycast.COLOUR_A + 3] = colour
        row[:, raycast.COLOUR_B : raycast.COLOUR_B + 3] = other
        row[:, raycast.SPLIT] = split
        row[:, raycast.GLOSS] = gloss
        if face is not None:
            row[:, raycast.FRONT : raycast.FRONT + 3] = face.front
            row[:, raycast.UP : raycast.UP + 3] = face.up
        row[:, raycast.ANCHOR : raycast.ANCHOR + 3] = end_a if anchor is None else anchor
        self.rows.append(row)


def _normalise(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
