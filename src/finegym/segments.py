"""Intervals in time: overlap, containment, matching.

Every interval in finegym is half-open, ``[start, end)``, and every frame index starts at 0; this is the one place that
says so. Functions take plain arrays of rows ``[start, end)`` in any one unit (milliseconds in records, seconds in
official files), as long as both sides use the same one.
"""

from __future__ import annotations

import numpy as np

from finegym.errors import SegmentError


def check_segments(segments: np.ndarray) -> np.ndarray:
    """Return ``segments`` as float64 (N, 2), or raise.

    Raises:
        SegmentError: the shape is not (N, 2) or a row has ``end <= start``; the message names the row.
    """
    rows = np.asarray(segments, dtype=np.float64)
    if rows.size == 0:
        return rows.reshape(0, 2)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise SegmentError(f"segments must have shape (N, 2), got {rows.shape}")
    bad = np.flatnonzero(~(rows[:, 1] > rows[:, 0]))
    if bad.size:
        row = int(bad[0])
        raise SegmentError(
            f"segment {row} is [{rows[row, 0]:g}, {rows[row, 1]:g}): end must exceed start ({bad.size} such rows)"
        )
    return rows


def compute_tiou(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Temporal IoU of every left segment with every right segment.

    Args:
        left: float64 (N, 2), rows ``[start, end)``.
        right: float64 (M, 2), same timeline and unit as ``left``.

    Returns:
        float64 (N, M) in [0, 1]; segments that only touch score 0.

    Raises:
        SegmentError: a row has ``end <= start``; the message names the row.

    Example:
        >>> compute_tiou(np.array([[0.0, 2.0]]), np.array([[1.0, 3.0]])).round(3)
        array([[0.333]])
    """
    left, right = check_segments(left), check_segments(right)
    start = np.maximum(left[:, None, 0], right[None, :, 0])
    end = np.minimum(left[:, None, 1], right[None, :, 1])
    intersection = np.clip(end - start, 0.0, None)
    lengths_left, lengths_right = left[:, 1] - left[:, 0], right[:, 1] - right[:, 0]
    return intersection / (lengths_left[:, None] + lengths_right[None, :] - intersection)


def compute_overlaps(segments: np.ndarray) -> list[tuple[int, int]]:
    """Index pairs ``(i, j)``, ``i < j``, of segments that share time; touching is not sharing.

    Example:
        >>> compute_overlaps(np.array([[0, 5], [5, 7], [6, 8]]))
        [(1, 2)]
    """
    rows = check_segments(segments)
    order = np.argsort(rows[:, 0], kind="stable")
    pairs: list[tuple[int, int]] = []
    active: list[int] = []
    for index in order.tolist():
        active = [other for other in active if rows[other, 1] > rows[index, 0]]
        pairs += [(min(index, other), max(index, other)) for other in active]
        active.append(index)
    return sorted(pairs)


def find_runs(numbers: np.ndarray) -> np.ndarray:
    """Runs of consecutive numbers.

    Args:
        numbers: int64 (N,), increasing.

    Returns:
        int64 (R, 2), rows ``[first, stop)``.

    Example:
        >>> find_runs(np.array([3, 4, 5, 9])).tolist()
        [[3, 6], [9, 10]]
    """
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    runs = [(run[0], run[-1] + 1) for run in np.split(numbers, breaks) if len(run)]
    return np.array(runs, np.int64).reshape(-1, 2)
