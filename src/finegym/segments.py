"""Intervals in time: overlap, containment, suppression of doubles.

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


def nms(segments: np.ndarray, scores: np.ndarray, max_tiou: float, class_index: np.ndarray | None = None) -> np.ndarray:
    """Greedy non-maximum suppression: the best segment stays, and what overlaps it too much goes.

    Args:
        segments: float64 (N, 2), rows ``[start, end)``.
        scores: float64 (N,); among equal ones the earlier row wins.
        max_tiou: a segment goes if its tIoU with a kept one of its class exceeds it.
        class_index: int64 (N,): segments of different classes do not meet; ``None``: all are of one class.

    Returns:
        int64 (M,), rows that stay, best first.

    Raises:
        SegmentError: a row has ``end <= start``, a score is not a number, or ``max_tiou`` is not in [0, 1].

    Example:
        >>> nms(np.array([[0, 10], [1, 10], [8, 20]]), np.array([0.5, 0.9, 0.4]), 0.5)
        array([1, 2])
    """
    rows, scores = _check_scored(segments, scores, max_tiou)
    kept = [
        members[_suppress(rows[members], scores[members], max_tiou)]
        for members in _split_by_class(len(rows), class_index)
    ]
    chosen = np.concatenate(kept) if kept else np.empty(0, np.int64)
    return chosen[np.lexsort((chosen, -scores[chosen]))]


def soft_nms(
    segments: np.ndarray,
    scores: np.ndarray,
    sigma: float = 0.5,
    class_index: np.ndarray | None = None,
    *,
    min_score: float = 0.001,
    max_segments: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian soft-NMS: what overlaps a better segment loses score instead of going.

    The best segment that is left stays with the score it has; every other of its class is multiplied with
    ``exp(-tIoU^2 / sigma)``; and so on.

    Args:
        segments: float64 (N, 2), rows ``[start, end)``.
        scores: float64 (N,), not negative; among equal ones the earlier row wins.
        sigma: the smaller, the harder.
        class_index: int64 (N,): segments of different classes do not meet; ``None``: all are of one class.
        min_score: a segment whose score has sunk below it goes.
        max_segments: of a class; the rest goes. ``None``: no limit.

    Returns:
        int64 (M,), rows that stay, and their scores float64 (M,), best first.

    Raises:
        SegmentError: a row has ``end <= start``, a score is negative or not a number, or sigma is not positive.

    Source:
        Bodla et al., "Soft-NMS -- Improving Object Detection With One Line of Code", ICCV 2017, equation 5.

    Example:
        >>> rows, scores = soft_nms(np.array([[0, 10], [0, 10], [20, 30]]), np.array([0.9, 0.8, 0.4]), sigma=0.5)
        >>> rows, scores.round(3)
        (array([0, 2, 1]), array([0.9  , 0.4  , 0.108]))
    """
    rows, scores = _check_scored(segments, scores)
    if sigma <= 0 or (len(scores) and scores.min() < 0):
        raise SegmentError(
            f"soft-NMS wants a positive sigma and scores of at least 0, got {sigma:g} and {scores.min(initial=0):g}"
        )
    kept, sunk = [np.empty(0, np.int64)], [np.empty(0)]
    for members in _split_by_class(len(rows), class_index):
        order, values = _sink(rows[members], scores[members], sigma, min_score, max_segments)
        kept.append(members[order])
        sunk.append(values)
    chosen, values = np.concatenate(kept), np.concatenate(sunk)
    order = np.lexsort((chosen, -values))
    return chosen[order], values[order]


def _check_scored(segments: np.ndarray, scores: np.ndarray, max_tiou: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rows, scores = check_segments(segments), np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(rows),) or not np.isfinite(scores).all():
        raise SegmentError(f"{len(rows)} segments need as many finite scores, got {scores.shape}")
    if not 0 <= max_tiou <= 1:
        raise SegmentError(f"max_tiou must be 0 to 1, got {max_tiou:g}")
    return rows, scores


def _split_by_class(count: int, class_index: np.ndarray | None) -> list[np.ndarray]:
    """Rows of each class, increasing."""
    if class_index is None:
        return [np.arange(count)] if count else []
    classes = np.asarray(class_index)
    if classes.shape != (count,):
        raise SegmentError(f"{count} segments need as many classes, got {classes.shape}")
    order = np.argsort(classes, kind="stable")
    return [part for part in np.split(order, np.flatnonzero(np.diff(classes[order])) + 1) if len(part)]


def _compute_tiou_with(row: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Overlap (N,) of one segment with many, all checked already."""
    shared = np.minimum(row[1], rows[:, 1]) - np.maximum(row[0], rows[:, 0])
    shared = np.maximum(shared, 0.0)
    return shared / ((row[1] - row[0]) + (rows[:, 1] - rows[:, 0]) - shared)


def _suppress(rows: np.ndarray, scores: np.ndarray, max_tiou: float) -> np.ndarray:
    # A segment is compared only with those that begin near enough for their tIoU to exceed the bound: where it is high,
    # as for proposals, these are few of many.
    by_start = np.argsort(rows[:, 0], kind="stable")
    ordered = rows[by_start]
    starts, lengths = ordered[:, 0], ordered[:, 1] - ordered[:, 0]
    before = lengths * (1 - max_tiou) / max_tiou if max_tiou > 0 else np.full(len(rows), np.inf)
    slack = 1e-9 * (np.abs(starts) + lengths)
    first = np.searchsorted(starts, starts - before - slack, side="left")
    stop = np.searchsorted(starts, starts + lengths * (1 - max_tiou) + slack, side="right")
    is_left = np.ones(len(rows), bool)
    kept = []
    for place in np.lexsort((by_start, -scores[by_start])).tolist():
        if is_left[place]:
            kept.append(place)
            near = slice(first[place], stop[place])
            is_left[near] &= _compute_tiou_with(ordered[place], ordered[near]) <= max_tiou
    return by_start[np.array(kept, np.int64)]


def _sink(
    rows: np.ndarray, scores: np.ndarray, sigma: float, min_score: float, max_segments: int | None
) -> tuple[np.ndarray, np.ndarray]:
    scores = scores.copy()
    left = np.flatnonzero(scores >= min_score)
    kept: list[int] = []
    while len(left) and (max_segments is None or len(kept) < max_segments):
        best = left[np.argmax(scores[left])]
        kept.append(int(best))
        left = left[left != best]
        scores[left] *= np.exp(-(_compute_tiou_with(rows[best], rows[left]) ** 2) / sigma)
        left = left[scores[left] >= min_score]
    order = np.array(kept, np.int64)
    return order, scores[order]
