"""What can be measured of a performance on 2-D poses: a free fall, knees in it, feet after it.

Everything is in seconds, degrees and metres of a gymnast whose legs and trunk are ``BODY_M`` long, so that neither the
size of the picture nor the zoom matters. Where the camera moves evenly, it takes no part either: a parabola keeps its
curvature, and feet are measured against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from finegym.applications.execution.cleaning import clean
from finegym.applications.execution.free_fall import find_free_fall
from finegym.applications.execution.takes import Take
from finegym.simulation.skeleton import COCO_JOINTS, JOINT_INDEX

BODY_M = 1.18
"""Trunk (shoulders to hips) and straight leg (hip to ankle) together of a gymnast of 1.55 m; see ``make_body``."""

_GROUNDED = frozenset({"circle", "turn"})  # what swings on a bar falls too, but not freely
_SETTLED_S = 0.10
_STEP_SEEN_M = 0.09
_STEP_SHAKES = 5.0  # a step parts the feet by at least as many times what the ankles shake
_MIN_SEEN = 0.5  # share of frames in which she has to be seen, for what happens in them to be judged
_MIN_SEEN_FRAMES = 3

Frames = tuple[int, int]
"""Half-open, of the record."""


@dataclass(frozen=True)
class Measures:
    """What one take shows; None where nothing of the kind was seen, or too little of it to tell.

    Attributes:
        flight_s: the longest free fall in seconds.
        flight: its frames.
        knee_degrees: bend of the legs that should be straight; 0 where none should be.
        knees: frames in which that was measured.
        steps_m: how far apart the feet were in each step after the landing, metres; empty where none is asked about.
        steps: frames of each step.
        num_seen: frames of the take in which she was found.
    """

    flight_s: float | None
    flight: Frames | None
    knee_degrees: float | None
    knees: Frames | None
    steps_m: tuple[float, ...] | None
    steps: tuple[Frames, ...]
    num_seen: int


def measure(take: Take) -> Measures:
    """Measure a take."""
    cleaned = clean(take.joints)
    joints, seen = cleaned.joints, cleaned.seen
    scale = BODY_M / max(measure_body(joints[seen] if seen.any() else joints), 1e-6)
    height = -(joints @ np.array([0.0, 1.0])) @ MASSES * scale
    fall = None if take.kind in _GROUNDED else find_free_fall(height, take.fps, seen)
    flight_s = None if fall is None else (fall[1] - fall[0]) / take.fps
    found = None if fall is None else (int(np.ceil(fall[0])), int(fall[1]) + 1)
    window = _find_knee_window(take, found)
    degrees = 0.0 if take.num_straight == 0 else None
    if window is not None and _is_seen(seen[slice(*window)]):
        degrees = measure_knees(joints[slice(*window)][seen[slice(*window)]], take.num_straight)
    steps: tuple[tuple[float, Frames], ...] | None = ()
    if take.lands:
        can_tell = found is not None and _is_seen(seen[found[1] :])
        steps = find_steps(joints, scale, take.fps, found[1]) if found is not None and can_tell else None

    def place(frames: Frames | None) -> Frames | None:
        return None if frames is None else (take.first_frame + frames[0], take.first_frame + frames[1])

    return Measures(
        flight_s, place(found), degrees, None if degrees is None else place(window),
        None if steps is None else tuple(length for length, _ in steps),
        tuple((take.first_frame + frames[0], take.first_frame + frames[1]) for _, frames in steps or ()),
        int(seen.sum()),
    )  # fmt: skip


def _is_seen(seen: np.ndarray) -> bool:
    """Whether she was found in enough of some frames."""
    return len(seen) > 0 and seen.mean() >= _MIN_SEEN and seen.sum() >= min(_MIN_SEEN_FRAMES, len(seen))


def _compute_masses() -> np.ndarray:
    """Weights of COCO's joints whose weighted mean is about the centre of mass, float64 (17,).

    Source: P. de Leva (1996), table 4, as in ``simulation.skeleton``; the trunk is split between shoulders and hips,
    hands count with wrists and feet with ankles, the head is the mean of nose, eyes and ears.
    """
    weights = np.zeros(len(COCO_JOINTS))
    weights[:5] = 0.0668 / 5
    shares = {"shoulder": 0.1064, "elbow": 0.0, "wrist": 0.0056, "hip": 0.1064, "knee": 0.0, "ankle": 0.0129}
    for side in ("left", "right"):
        for name, share in shares.items():
            weights[JOINT_INDEX[f"{side}_{name}"]] += share
        for first, second, mass, along in (
            ("shoulder", "elbow", 0.0255, 0.5754),
            ("elbow", "wrist", 0.0138, 0.4559),
            ("hip", "knee", 0.1478, 0.3612),
            ("knee", "ankle", 0.0481, 0.4416),
        ):
            weights[JOINT_INDEX[f"{side}_{first}"]] += mass * (1 - along)
            weights[JOINT_INDEX[f"{side}_{second}"]] += mass * along
    return weights / weights.sum()


MASSES = _compute_masses()


def _mid(joints: np.ndarray, name: str) -> np.ndarray:
    return 0.5 * (joints[:, JOINT_INDEX[f"left_{name}"]] + joints[:, JOINT_INDEX[f"right_{name}"]])


def measure_body(joints: np.ndarray) -> float:
    """Trunk and leg in pixels as they look when seen across: the 90th percentile over frames of each bone."""

    def length(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.percentile(np.linalg.norm(first - second, axis=-1), 90))

    trunk = length(_mid(joints, "shoulder"), _mid(joints, "hip"))
    legs = [
        length(joints[:, JOINT_INDEX[f"{side}_{a}"]], joints[:, JOINT_INDEX[f"{side}_{b}"]])
        for side in ("left", "right")
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    return trunk + 0.5 * sum(legs)


def _find_knee_window(take: Take, flight: Frames | None) -> Frames | None:
    """Frames of the take in which straight knees can be asked for."""
    if take.num_straight == 0:
        return None
    if take.kind == "circle":
        return _shrink((0, len(take.joints)), 0.25, 0.55)
    return None if flight is None else _shrink(flight, 0.3, 0.7)


def _shrink(frames: Frames, first: float, last: float) -> Frames:
    length = frames[1] - frames[0]
    start = frames[0] + int(first * length)
    return start, max(frames[0] + int(np.ceil(last * length)), start + 1)


def measure_knees(joints: np.ndarray, num_straight: int) -> float:
    """Bend of the knees that should be straight, degrees: the median over frames, of both legs or of the straighter."""
    bends = []
    for side in ("left", "right"):
        hip, knee, ankle = (joints[:, JOINT_INDEX[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
        thigh, shank = knee - hip, ankle - knee
        cross = thigh[:, 0] * shank[:, 1] - thigh[:, 1] * shank[:, 0]
        bends.append(float(np.median(np.abs(np.degrees(np.arctan2(cross, np.sum(thigh * shank, axis=1)))))))
    return float(np.mean(bends)) if num_straight == 2 else min(bends)


def find_steps(joints: np.ndarray, scale: float, fps: float, landed: int) -> tuple[tuple[float, Frames], ...]:
    """Times at which the feet part after a landing: metres apart and frames of the take, each.

    Args:
        joints: float64 (T, 17, 2), pixels.
        scale: metres a pixel.
        fps: frames a second.
        landed: frame in which the free fall ends.
    """
    start = landed + round(_SETTLED_S * fps)
    if len(joints) - start < 4:
        return ()
    apart = joints[start:, JOINT_INDEX["left_ankle"]] - joints[start:, JOINT_INDEX["right_ankle"]]
    width = max(3, 2 * round(0.06 * fps) + 1)
    padded = np.pad(apart, ((width // 2, width // 2), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(padded[:, i], np.full(width, 1 / width), "valid") for i in (0, 1)], axis=1)
    # Landed with the feet beside each other, they are apart in the picture already: that is where steps count from.
    at_rest = smooth[: max(3, round(0.16 * fps))].mean(axis=0)
    distance = np.linalg.norm(smooth - at_rest, axis=1) * scale
    limit = max(_STEP_SEEN_M, _STEP_SHAKES * measure_shake(apart) * scale / np.sqrt(width))
    peaks, facts = find_peaks(np.concatenate([[0.0], distance, [0.0]]), height=limit, prominence=0.7 * limit)
    return tuple(
        (float(height), (start + max(int(left) - 1, 0), start + min(int(right), len(distance))))
        for height, left, right in zip(facts["peak_heights"], facts["left_bases"], facts["right_bases"], strict=True)
        if peaks.size
    )


def measure_shake(path: np.ndarray) -> float:
    """Standard deviation of what shakes from frame to frame in a smooth path (T, 2), in its unit."""
    if len(path) < 4:
        return 0.0
    # A third difference of independent errors has 1 + 9 + 9 + 1 times their variance; of a smooth path it is nearly 0.
    return float(np.median(np.abs(np.diff(path, 3, axis=0)))) / (0.6745 * np.sqrt(20.0))
