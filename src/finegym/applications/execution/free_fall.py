"""When a body falls freely: the longest stretch of its path that is a parabola as narrow as gravity makes it.

The path may have gaps and errors. It is looked at three times, each time more leniently, so that a clean path is judged
strictly and one that a pose model found is judged at all.
"""

from __future__ import annotations

import numpy as np

from finegym.simulation.motion import GRAVITY

SHORTEST_S, LONGEST_S = 0.28, 1.40
_ROUGHNESS_M = 0.014  # of a path that still counts as a free fall: root mean square, metres
_LENIENCE = (1.0, 2.0, 3.5)  # times the roughness
_LEAVES_M = 0.050  # off the parabola: no longer in the air
_CURVES = (0.60, 1.45)  # of gravity: legs and trunk look shorter from some sides
_MIN_SEEN = 0.6  # share of the frames of a stretch
_NUM_FITS = 3


def find_free_fall(height: np.ndarray, fps: float, seen: np.ndarray | None = None) -> tuple[float, float] | None:
    """When a path falls freely.

    The stretch that fits is too long, by the frames at its ends that are not far off yet. So the parabola of its middle
    is prolonged, what counts is where the path leaves it, and the parabola is fitted again to all that lies between:
    the longer the piece that it is fitted to, the surer it is at the ends.

    Args:
        height: float64 (T,), of the centre of mass, metres, up.
        fps: frames a second.
        seen: bool (T,), frames whose height was not made up; all, if not given.

    Returns:
        Start and end in frames, between frames too; None where there is none of at least 0.28 s.

    Example:
        >>> t = np.arange(40) / 25
        >>> path = np.where((t > 0.4) & (t < 1.2), 4.9 * (t - 0.4) * (1.2 - t), 0.0)
        >>> np.round(find_free_fall(path, 25.0))
        array([10., 30.])
    """
    known = np.ones(len(height), bool) if seen is None else seen
    if known.sum() < 4:
        return None
    jitter = _measure_jitter(height, known)
    for lenience in _LENIENCE:
        stretch = _find_stretch(height, known, fps, lenience * float(np.hypot(_ROUGHNESS_M, 1.3 * jitter)))
        if stretch is not None:
            found = _trim(height, known, stretch, fps, float(np.hypot(_LEAVES_M, 2.5 * jitter)))
            return found if found[1] - found[0] >= SHORTEST_S * fps else None
    return None


def _measure_jitter(height: np.ndarray, seen: np.ndarray) -> float:
    """Standard deviation of errors from frame to frame, from third differences of frames that were all seen."""
    whole = np.convolve(seen, np.ones(4), "valid") == 4
    differences = np.abs(np.diff(height, 3))[whole]
    return float(np.median(differences)) / (0.6745 * np.sqrt(20.0)) if len(differences) else 0.0


def _find_stretch(height: np.ndarray, seen: np.ndarray, fps: float, limit: float) -> tuple[int, int] | None:
    """The longest stretch that is a parabola of gravity within a limit of roughness; of several the smoothest."""
    shortest, longest = int(np.ceil(SHORTEST_S * fps)), min(len(height), round(LONGEST_S * fps))
    for length in range(longest, shortest - 1, -1):
        curve, rough = fit_parabolas(height, seen, length, fps)
        fits = (rough < limit) & (curve > _CURVES[0]) & (curve < _CURVES[1])
        if fits.any():
            start = int(np.argmin(np.where(fits, rough, np.inf)))
            return start, start + length
    return None


def fit_parabolas(height: np.ndarray, seen: np.ndarray, length: int, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Parabolas through the seen frames of all stretches of a length.

    Returns:
        curve: float64 (N,), downward acceleration in units of gravity.
        rough: float64 (N,), root mean square distance of the seen frames; infinite where too few were seen.
    """
    time = (np.arange(length) - 0.5 * (length - 1)) / fps
    basis = np.stack([np.ones(length), time, time * time], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(height, length)
    weights = np.lib.stride_tricks.sliding_window_view(seen, length).astype(float)
    enough = weights.sum(axis=1) >= max(_MIN_SEEN * length, 4)
    curve, rough = np.zeros(len(windows)), np.full(len(windows), np.inf)
    if not enough.any():
        return curve, rough
    windows, weights = windows[enough], weights[enough]
    normal = (weights @ (basis[:, :, None] * basis[:, None, :]).reshape(length, 9)).reshape(-1, 3, 3)
    fit = np.linalg.solve(normal, ((weights * windows) @ basis)[..., None])[..., 0]
    curve[enough] = -2.0 * fit[:, 2] / GRAVITY
    squares = weights * (windows - fit @ basis.T) ** 2
    rough[enough] = np.sqrt(squares.sum(axis=1) / weights.sum(axis=1))
    return curve, rough


def _trim(
    height: np.ndarray, seen: np.ndarray, stretch: tuple[int, int], fps: float, leaves_m: float
) -> tuple[float, float]:
    """Where the path leaves the parabola of a stretch, in frames."""
    margin = max(1, round(0.18 * (stretch[1] - stretch[0])))
    first, last = stretch[0] + margin, stretch[1] - margin - 1
    ends = (float(first), float(last))
    frames = np.arange(len(height))
    for _ in range(_NUM_FITS):
        inside = frames[first : last + 1][seen[first : last + 1]]
        if len(inside) < 4:
            break
        parabola = np.polynomial.Polynomial.fit(inside / fps, height[inside], 2)
        off = np.interp(frames, frames[seen], np.abs(height - parabola(frames / fps))[seen])
        again = (_walk(off, first, -1, leaves_m), _walk(off, last, 1, leaves_m))
        if again[1] - again[0] < SHORTEST_S * fps:
            break
        ends = again
        first, last = int(np.ceil(ends[0] + 1)), int(np.floor(ends[1] - 1))
    return ends


def _walk(off: np.ndarray, frame: int, step: int, limit: float) -> float:
    """From a frame on, the place between two frames where a distance passes a limit for good (two frames long)."""
    while 0 <= frame + step < len(off):
        after = frame + 2 * step
        if off[frame + step] > limit and (not 0 <= after < len(off) or off[after] > limit):
            below = min(off[frame], limit)
            return frame + step * float((limit - below) / (off[frame + step] - below))
        frame += step
    return float(frame)
