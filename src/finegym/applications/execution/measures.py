"""What can be measured of a performance on 2-D poses: a free fall, knees in it, feet after it.

Everything is in seconds, degrees and metres of a gymnast whose legs and trunk are ``BODY_M`` long, so that neither the
size of the picture nor the zoom matters. Where the camera moves evenly, it takes no part either: a parabola keeps its
curvature, and feet are measured against each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from finegym.applications.execution.takes import Take
from finegym.simulation.motion import GRAVITY
from finegym.simulation.skeleton import COCO_JOINTS, JOINT_INDEX

BODY_M = 1.18
"""Trunk (shoulders to hips) and straight leg (hip to ankle) together of a gymnast of 1.55 m; see ``make_body``."""

_SHORTEST_S, _LONGEST_S = 0.28, 1.40
_ROUGHNESS_M = 0.014  # of a path that still counts as a free fall: root mean square, metres
_LEAVES_M = 0.030  # off the parabola: no longer in the air
_CURVES = (0.60, 1.45)  # of gravity: legs and trunk look shorter from some sides
_GROUNDED = frozenset({"circle", "turn"})  # what swings on a bar falls too, but not freely
_SETTLED_S = 0.10
_STEP_SEEN_M = 0.09

Frames = tuple[int, int]
"""Half-open, of the record."""


@dataclass(frozen=True)
class Measures:
    """What one take shows.

    Attributes:
        flight_s: the longest free fall in seconds; None where none was seen.
        flight: its frames.
        knee_degrees: bend of the legs that should be straight; 0 where none should be, or nothing could be measured.
        knees: frames in which that was measured.
        steps_m: how far apart the feet were in each step after the landing, metres.
        steps: frames of each step.
    """

    flight_s: float | None
    flight: Frames | None
    knee_degrees: float
    knees: Frames | None
    steps_m: tuple[float, ...]
    steps: tuple[Frames, ...]


def measure(take: Take) -> Measures:
    """Measure a take."""
    joints = fill_gaps(take.joints)
    scale = BODY_M / max(measure_body(joints), 1e-6)
    height = -(joints @ np.array([0.0, 1.0])) @ MASSES * scale
    fall = None if take.kind in _GROUNDED else find_free_fall(height, take.fps)
    flight_s = None if fall is None else (fall[1] - fall[0]) / take.fps
    found = None if fall is None else (int(np.ceil(fall[0])), int(fall[1]) + 1)
    window = _find_knee_window(take, found)
    degrees = 0.0 if window is None else measure_knees(joints[slice(*window)], take.num_straight)
    steps = find_steps(joints, scale, take.fps, found[1]) if take.lands and found is not None else ()

    def place(frames: Frames | None) -> Frames | None:
        return None if frames is None else (take.first_frame + frames[0], take.first_frame + frames[1])

    return Measures(
        flight_s, place(found), degrees, place(window),
        tuple(length for length, _ in steps),
        tuple((take.first_frame + frames[0], take.first_frame + frames[1]) for _, frames in steps),
    )  # fmt: skip


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


def fill_gaps(joints: np.ndarray) -> np.ndarray:
    """Joints (T, 17, 2) with missing values interpolated over time; at least one frame is whole."""
    filled = joints.copy()
    times = np.arange(len(joints))
    flat = filled.reshape(len(joints), -1)
    for column in range(flat.shape[1]):
        known = np.isfinite(flat[:, column])
        if known.any() and not known.all():
            flat[:, column] = np.interp(times, times[known], flat[known, column])
    return filled


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


def find_free_fall(height: np.ndarray, fps: float) -> tuple[float, float] | None:
    """When a path falls freely: the longest stretch that is a parabola as narrow as gravity makes it.

    The stretch that fits is too long, by the frames at its ends that are not far off yet. So the parabola of its middle
    is prolonged, and what counts is where the path leaves it.

    Args:
        height: float64 (T,), of the centre of mass, metres, up.
        fps: frames a second.

    Returns:
        Start and end in frames, between frames too; None where there is none of at least 0.28 s.

    Example:
        >>> t = np.arange(40) / 25
        >>> path = np.where((t > 0.4) & (t < 1.2), 4.9 * (t - 0.4) * (1.2 - t), 0.0)
        >>> np.round(find_free_fall(path, 25.0))
        array([10., 30.])
    """
    if len(height) < 4:
        return None
    jitter = float(np.median(np.abs(np.diff(height, 3)))) / (0.6745 * np.sqrt(20.0))
    rough_limit = float(np.hypot(_ROUGHNESS_M, 1.3 * jitter))
    shortest, longest = int(np.ceil(_SHORTEST_S * fps)), min(len(height), round(_LONGEST_S * fps))
    for length in range(longest, shortest - 1, -1):
        fit, basis = _fit_parabolas(height, length, fps)
        windows = np.lib.stride_tricks.sliding_window_view(height, length)
        rough = np.sqrt(np.mean((windows - fit @ basis.T) ** 2, axis=1))
        curve = -2.0 * fit[:, 2] / GRAVITY
        fits = (rough < rough_limit) & (curve > _CURVES[0]) & (curve < _CURVES[1])
        if fits.any():
            start = int(np.argmin(np.where(fits, rough, np.inf)))
            found = _trim(height, start, start + length, fps, float(np.hypot(_LEAVES_M, 2.5 * jitter)))
            return found if found[1] - found[0] >= _SHORTEST_S * fps else None
    return None


def _fit_parabolas(height: np.ndarray, length: int, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Parabolas through all windows of a length: coefficients (N, 3), and the basis (length, 3) they belong to."""
    time = (np.arange(length) - 0.5 * (length - 1)) / fps
    basis = np.stack([np.ones(length), time, time * time], axis=1)
    return np.lib.stride_tricks.sliding_window_view(height, length) @ np.linalg.pinv(basis).T, basis


def _trim(height: np.ndarray, start: int, end: int, fps: float, leaves_m: float) -> tuple[float, float]:
    """Where the path leaves the parabola of a stretch's middle, in frames."""
    margin = max(1, round(0.18 * (end - start)))
    middle = np.arange(start + margin, end - margin)
    parabola = np.polynomial.Polynomial.fit(middle / fps, height[middle], 2)
    off = np.abs(height - parabola(np.arange(len(height)) / fps))
    return _walk(off, middle[0], -1, leaves_m), _walk(off, middle[-1], 1, leaves_m)


def _walk(off: np.ndarray, frame: int, step: int, limit: float) -> float:
    """From a frame on, the place between two frames where a distance passes a limit for good (two frames long)."""
    while 0 <= frame + step < len(off):
        after = frame + 2 * step
        if off[frame + step] > limit and (not 0 <= after < len(off) or off[after] > limit):
            below = min(off[frame], limit)
            return frame + step * float((limit - below) / (off[frame + step] - below))
        frame += step
    return float(frame)


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
    peaks, facts = find_peaks(
        np.concatenate([[0.0], distance, [0.0]]), height=_STEP_SEEN_M, prominence=0.7 * _STEP_SEEN_M
    )
    return tuple(
        (float(height), (start + max(int(left) - 1, 0), start + min(int(right), len(distance))))
        for height, left, right in zip(facts["peak_heights"], facts["left_bases"], facts["right_bases"], strict=True)
        if peaks.size
    )
