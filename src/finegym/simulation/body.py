"""A body of volume around 26 joints: the tapered capsules that the renderer casts rays at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

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
        self._sew_head()
        return np.stack(self.rows, axis=1)

    # Neighbours have the same girth where they meet: a step would shine as a ring.

    def _sew_leg(self, side: str) -> None:
        skin, girth = self.looks.skin, self.looks.build
        hip, knee, ankle, toe = (self.points[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "toe"))
        hip = hip + 0.12 * (self.points["pelvis"] - hip)
        thigh = hip + 0.40 * (knee - hip)
        calf = knee + 0.30 * (ankle - knee)
        self._add(hip, thigh, 0.076 * girth, 0.070 * girth, skin)
        self._add(thigh, knee, 0.070 * girth, 0.046 * girth, skin)
        self._add(knee, calf, 0.046 * girth, 0.049 * girth, skin)
        self._add(calf, ankle, 0.049 * girth, 0.030, skin)
        self._add(ankle, toe, 0.030, 0.017, skin)

    def _sew_arm(self, side: str) -> None:
        girth = self.looks.build
        cloth = self.looks.sleeves or self.looks.skin
        shoulder, elbow, wrist, hand = (
            self.points[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "hand")
        )
        gloss = self.looks.gloss if self.looks.sleeves else 0.12
        self._add(shoulder, elbow, 0.045 * girth, 0.034 * girth, cloth, gloss=gloss)
        self._add(elbow, wrist, 0.034 * girth, 0.024, cloth, gloss=gloss)
        self._add(wrist, hand, 0.024, 0.024, self.looks.skin)

    def _sew_torso(self, hips: _Frame, chest: _Frame) -> None:
        pelvis, spine, thorax, neck = (self.points[name] for name in ("pelvis", "spine", "thorax", "neck"))
        girth, scale = self.looks.build, self.scale
        flat = (1.45, 1.0, 1.0)
        add = partial(
            self._add, colour=self.looks.leotard, other=self.looks.accent, material=raycast.TORSO,
            gloss=self.looks.gloss, split=self.looks.pattern, anchor=pelvis, face=hips,
        )  # fmt: skip
        low, belly = pelvis - 0.020 * scale * hips.up, pelvis + 0.45 * (spine - pelvis)
        collar = thorax + 0.55 * (neck - thorax)
        add(low, belly, 0.094 * girth, 0.084 * girth, squash=flat, frame=hips)
        add(belly, spine, 0.084 * girth, 0.076 * girth, squash=flat, frame=hips)
        add(spine, thorax, 0.076 * girth, 0.085 * girth, squash=flat, frame=chest)
        add(thorax, collar, 0.085 * girth, 0.062 * girth, squash=flat, frame=chest)
        for side in ("left", "right"):
            seat = 0.62 * self.points[f"{side}_hip"] + 0.38 * pelvis - scale * (0.026 * hips.front + 0.004 * hips.up)
            add(seat, seat, 0.080 * girth, 0.080 * girth, squash=(1.0, 0.95, 1.1), frame=hips)
            shoulder = self.points[f"{side}_shoulder"]
            add(shoulder, collar, 0.043 * girth, 0.060 * girth)
            add(shoulder, thorax + 0.25 * (shoulder - collar), 0.042 * girth, 0.078 * girth)
        self._add(0.5 * (collar + neck), neck, 0.050, 0.041, self.looks.skin)

    def _sew_head(self) -> None:
        looks, scale = self.looks, self.scale
        ears = 0.5 * (self.points["left_ear"] + self.points["right_ear"])
        head = self._make_frame(self.points["left_ear"] - self.points["right_ear"], self._between("head_top", "neck"))
        # Which way the face looks is the nose's to say.
        towards_nose = np.sum((self.points["nose"] - ears) * head.front, axis=1, keepdims=True)
        head.front = np.where(towards_nose < 0, -head.front, head.front)
        middle = ears + 0.020 * scale * head.up
        self._add(self.points["neck"], ears - 0.03 * scale * head.up, 0.041, 0.041, looks.skin)
        self._add(
            middle, middle, 0.098, 0.098, looks.skin, other=looks.hair, material=raycast.HEAD, gloss=0.15,
            squash=(0.78, 0.94, 1.0), frame=head, face=head,
        )  # fmt: skip
        brain, chin = middle + 0.010 * scale * head.front, ears + scale * (0.034 * head.front - 0.052 * head.up)
        self._add(brain, chin, 0.084, 0.048, looks.skin, squash=(0.90, 0.98, 1.0), frame=head)
        tip = middle + scale * (0.096 * head.front - 0.036 * head.up)
        self._add(tip - scale * (0.014 * head.front - 0.020 * head.up), tip, 0.008, 0.011, looks.skin)
        mouth = middle + scale * (0.076 * head.front - 0.076 * head.up)
        lips = (0.75 * looks.skin[0] + 0.10, 0.62 * looks.skin[1], 0.62 * looks.skin[2])
        self._add(mouth, mouth, 0.009, 0.009, lips, squash=(2.1, 0.9, 0.6), frame=head)
        for sign in (-1.0, 1.0):
            eye = middle + scale * (0.083 * head.front + sign * 0.029 * head.left - 0.012 * head.up)
            self._add(eye, eye, 0.008, 0.008, WHITE, squash=(1.5, 0.8, 0.75), frame=head)
            pupil = eye + 0.004 * scale * head.front
            self._add(pupil, pupil, 0.006, 0.006, DARK, gloss=0.5, squash=(1.0, 0.8, 1.0), frame=head)
            brow = eye + scale * (0.004 * head.front + 0.020 * head.up)
            self._add(brow - 0.011 * scale * head.left, brow + 0.011 * scale * head.left, 0.0035, 0.0035, looks.hair)
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
