"""Windows: the frames of a film that a spotter sees at once, every ``stride``-th of them from a first one on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def draw_window(num_frames: int, length: int, stride: int, rng: np.random.Generator) -> int:
    """The first frame of a random window.

    Drawn from a range that reaches a quarter of a window past both ends and then moved inside, so that the first and
    last frames of a film, which few windows would hold, are seen about as often as the others.

    Args:
        num_frames: of the film.
        length: frames of the window.
        stride: from one of them to the next.
        rng: what is drawn from.
    """
    span = (length - 1) * stride + 1
    latest = max(0, num_frames - span)
    return int(rng.integers(-(span // 4), latest + span // 4 + 1).clip(0, latest))


def list_windows(num_frames: int, length: int, stride: int, step: int) -> list[np.ndarray]:
    """Windows that together hold every frame of a film, for looking through it.

    For each of the ``stride`` ways to begin there is a row of windows that overlap: each begins ``step`` of its frames
    after the one before, and the last is moved back to end where the film does.

    Args:
        num_frames: of the film.
        length: frames of a window; where the film has fewer of a kind, the window is shorter.
        stride: from one of them to the next.
        step: from one window to the next, in frames of a window.

    Returns:
        int64 (≤ ``length``,) each: frame numbers.

    Example:
        >>> [window.tolist() for window in list_windows(7, length=2, stride=2, step=1)]
        [[0, 2], [2, 4], [4, 6], [1, 3], [3, 5]]
    """
    windows = []
    for phase in range(min(stride, num_frames)):
        frames = np.arange(phase, num_frames, stride)
        latest = max(0, len(frames) - length)
        windows += [frames[first : first + length] for first in [*range(0, latest, step), latest]]
    return windows


def average_windows(
    windows: Sequence[np.ndarray], scores: Sequence[np.ndarray], num_frames: int, *, fades: bool = False
) -> np.ndarray:
    """The mean over all windows that hold a frame.

    Args:
        windows: frame numbers of each, as from ``list_windows``.
        scores: float (length, K) of each.
        num_frames: of the film; every one is in some window.
        fades: whether a frame counts the less the nearer it is to an end of its window, where the network sees little
            of what came before or comes after: 1, 2, 3, … from both ends. Otherwise all count alike.

    Returns:
        float64 (T, K).
    """
    total = np.zeros((num_frames, scores[0].shape[1]))
    sum_of_weights = np.zeros((num_frames, 1))
    for frames, rows in zip(windows, scores, strict=True):
        places = np.arange(len(frames))
        weights = np.minimum(places + 1, len(frames) - places)[:, None] if fades else 1
        total[frames] += weights * rows
        sum_of_weights[frames] += weights
    return total / sum_of_weights


def smooth_scores(scores: np.ndarray, reach: int) -> np.ndarray:
    """The mean over a frame and ``reach`` frames on each side of it, as far as there are any.

    Args:
        scores: float (T, K).
        reach: 0 changes nothing.

    Returns:
        float64 (T, K).

    Example:
        >>> smooth_scores(np.array([[0.0], [3.0], [0.0], [0.0]]), 1).ravel()
        array([1.5, 1. , 1. , 0. ])
    """
    sums = np.concatenate([np.zeros((1, scores.shape[1])), np.cumsum(scores, axis=0, dtype=np.float64)])
    frames = np.arange(len(scores))
    first, stop = (frames - reach).clip(min=0), (frames + reach + 1).clip(max=len(scores))
    return (sums[stop] - sums[first]) / (stop - first)[:, None]
