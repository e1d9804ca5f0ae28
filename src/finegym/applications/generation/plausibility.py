"""Whether a motion could have happened: bones, feet that slide or sink, and flights that follow gravity. NumPy only.

Nothing here knows how the simulation works, or what a generator says: contacts are read off the joints, for performed
and generated motion alike. ``cleanup`` makes true, among other things, what sliding, depth and flights measure.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from finegym.applications.generation.motions import ENDS
from finegym.simulation import apparatus
from finegym.simulation.motion import GRAVITY
from finegym.simulation.skeleton import BONES, JOINT_INDEX, compute_centre_of_mass

REACH_M = 0.05
"""A toe or hand this near to a surface touches it."""
MIN_FLIGHT_FRAMES = 6
"""Shorter flights say nothing about a parabola."""
LEVELS = {
    "VT": (0.0, apparatus.BOARD_TOP, apparatus.MAT_TOP, apparatus.TABLE_TOP),
    "FX": (apparatus.FLOOR_TOP,),
    "BB": (apparatus.MAT_TOP, apparatus.BEAM_TOP),
    "UB": (apparatus.MAT_TOP,),
}
"""Heights that toes and hands stand on, and the lowest of all, which nothing may be below; metres."""
BARS = (
    (apparatus.HIGH_BAR_X, apparatus.HIGH_BAR_Z),
    (apparatus.LOW_BAR_X, apparatus.LOW_BAR_Z),
)
"""Where the bars are, x and z in metres."""


@dataclass(frozen=True)
class Plausibility:
    """How plausible one motion is.

    Attributes:
        bone_spread: standard deviation of a bone's length over the frames by its mean, the mean over bones.
        sliding_m_s: mean horizontal speed of what stands stillest while toes or hands touch something; NaN if none do.
        depth_m: how deep the lowest joint is below the lowest ground, the mean over frames.
        flight_error_m: distance of the centre of mass from the best parabola under gravity, root mean square over the
            longest flight; NaN without one.
        gravity_m_s2: downward acceleration of the centre of mass in that flight, 9.81 in truth; NaN likewise.
        touching: share of the frames in which a toe or hand touches something: what never touches cannot slide.
        tremble_m: how far a joint is from halfway between where it was and where it will be, the mean over joints and
            frames; what turns fast has some.
    """

    bone_spread: float
    sliding_m_s: float
    depth_m: float
    flight_error_m: float
    gravity_m_s2: float
    touching: float
    tremble_m: float


def make_facts(plausibility: Plausibility) -> dict[str, float | None]:
    """The numbers by name for JSON, which has no NaN: what could not be measured is none."""
    return {name: value if np.isfinite(value) else None for name, value in asdict(plausibility).items()}


def measure(joints: np.ndarray, duration_s: float, event_id: str) -> Plausibility:
    """Measure one motion.

    Args:
        joints: float (T, 26, 3), metres, z up from the floor of the hall.
        duration_s: from the first frame to the last.
        event_id: ``VT``, ``FX``, ``BB`` or ``UB``.
    """
    joints = np.asarray(joints, np.float64)
    step_s = duration_s / (len(joints) - 1)
    touching = find_contacts(joints, event_id)
    error, gravity = measure_flight(compute_centre_of_mass(joints), np.asarray(touching.any(axis=1)), step_s)
    return Plausibility(
        bone_spread=measure_bone_spread(joints),
        sliding_m_s=measure_sliding(joints, touching, step_s),
        depth_m=float(np.clip(min(LEVELS[event_id]) - joints[..., 2].min(axis=1), 0, None).mean()),
        flight_error_m=error,
        gravity_m_s2=gravity,
        touching=float(touching.any(axis=1).mean()),
        tremble_m=float(np.linalg.norm(joints[1:-1] - (joints[2:] + joints[:-2]) / 2, axis=-1).mean()),
    )


def find_contacts(joints: np.ndarray, event_id: str) -> np.ndarray:
    """Which toes and hands touch something: bool (T, 4), left and right toe, left and right hand.

    On bars hands touch a bar and toes a mat or a bar; elsewhere both touch any level. Levels have no edges: a toe that
    passes the height of the beam beside it counts.
    """
    ends = joints[:, ENDS]
    levels = np.array(LEVELS[event_id])
    near = (np.abs(ends[..., 2, None] - levels) < REACH_M).any(axis=-1)
    near |= ends[..., 2] < levels.min()
    if event_id == "UB":
        near[:, 2:] = False
        for x, z in BARS:
            near |= np.hypot(ends[..., 0] - x, ends[..., 2] - z) < REACH_M + apparatus.BAR_RADIUS
    return near


def measure_bone_spread(joints: np.ndarray) -> float:
    """Relative standard deviation of the bones' lengths over the frames of (T, 26, 3), the mean over bones."""
    parents, children = ([JOINT_INDEX[pair[side]] for pair in BONES] for side in (0, 1))
    lengths = np.linalg.norm(joints[:, children] - joints[:, parents], axis=-1)
    return float((lengths.std(axis=0) / np.maximum(lengths.mean(axis=0), 1e-9)).mean())


def measure_sliding(joints: np.ndarray, touching: np.ndarray, step_s: float) -> float:
    """How she slides: mean horizontal speed, m/s, of whatever stands stillest; NaN if nothing touches.

    In every step between two frames, of the ends that touch in both the slowest counts: a foot that swings past near
    the ground does not slide while the other stands.
    """
    speed = np.linalg.norm(np.diff(joints[:, ENDS, :2], axis=0), axis=-1) / step_s
    both = touching[1:] & touching[:-1]
    slowest = np.where(both, speed, np.inf).min(axis=1)[both.any(axis=1)]
    return float(slowest.mean()) if len(slowest) else float("nan")


def measure_flight(mass: np.ndarray, touching: np.ndarray, step_s: float) -> tuple[float, float]:
    """How the centre of mass moves in the longest stretch without contact.

    Args:
        mass: float64 (T, 3), metres.
        touching: bool (T,).
        step_s: seconds a frame.

    Returns:
        Root mean square distance in metres from the best parabola under gravity (start and velocity are free), and the
        acceleration in m/s² downward of the best parabola of any. NaN both where no flight has enough frames.
    """
    first, last = max(find_stretches(~touching), key=lambda stretch: stretch[1] - stretch[0], default=(0, 0))
    # The frames beside a contact may still belong to it: contacts are read from heights.
    first, last = first + 1, last - 1
    if last - first < MIN_FLIGHT_FRAMES:
        return float("nan"), float("nan")
    path = mass[first:last]
    time = np.arange(len(path)) * step_s
    fallen = path + np.outer(0.5 * GRAVITY * time**2, [0.0, 0.0, 1.0])
    line = np.stack([np.ones_like(time), time], axis=1)
    left = fallen - line @ np.linalg.lstsq(line, fallen, rcond=None)[0]
    curve = np.column_stack([line, 0.5 * time**2])
    gravity = -np.linalg.lstsq(curve, path[:, 2], rcond=None)[0][2]
    return float(np.sqrt((left**2).sum(axis=1).mean())), float(gravity)


def find_stretches(is_in: np.ndarray) -> list[tuple[int, int]]:
    """Stretches of true frames, half-open.

    Example:
        >>> find_stretches(np.array([True, True, False, True]))
        [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_in.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
