"""What could be reached at best: detection mAP of the annotations themselves, a little off.

An oracle knows every segment and its label, and is imprecise in one known way. Its scores are its tIoU, so that nothing
is lost by their order, and its mAP is an upper bound for everything that is as imprecise: boundaries some frames off,
rounded to whole seconds, or taken from a fixed set of sliding windows.

Windows have lengths of 0.3 s times powers of the square root of 2 and steps of 0.4 of their length.

Source: 0.3 s, exponential scales and steps of 0.4 are the sliding windows that Zhao et al., "Temporal Action Detection
with Structured Segment Networks", ICCV 2017, compare TAG with; their base is not named there, and is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finegym.evaluation.localization.detection_map import TIOUS, DetectionMap, compute_detection_map
from finegym.evaluation.localization.detections import Detections, Truth

FRAMES = (1, 2, 5)
FPS = 25.0
"""FineGym's edges of actions are multiples of 0.04 s."""
SHORTEST_S, GROWTH, STEP = 0.3, 2**0.5, 0.4


@dataclass(frozen=True)
class OracleRow:
    """One kind of imprecision.

    Attributes:
        name: in words.
        result: its detection mAP.
        num_lost: segments that it makes empty; they are missed.
        num_windows: that it chooses from, in all videos together; ``None`` where it does not.
    """

    name: str
    result: DetectionMap
    num_lost: int
    num_windows: int | None = None


@dataclass(frozen=True)
class OracleTask:
    """One task.

    Attributes:
        name: in words.
        truth: of it.
        rows: kinds of imprecision.
    """

    name: str
    truth: Truth
    rows: tuple[OracleRow, ...]


def study_oracle(
    truths: Mapping[str, Truth],
    *,
    frames: Sequence[int] = FRAMES,
    fps: float = FPS,
    tious: Sequence[float] = TIOUS,
    seed: int = 0,
) -> tuple[OracleTask, ...]:
    """Upper bounds of mAP for every task.

    Args:
        truths: of the tasks, by name.
        frames: how far boundaries are off.
        fps: frames a second.
        tious: thresholds.
        seed: of the directions in which they are off.
    """
    tasks = []
    for name, truth in truths.items():
        rng = np.random.default_rng(seed)
        kinds = {f"{k} {'frame' if k == 1 else 'frames'} off": jitter(truth, k / fps, rng) for k in frames}
        kinds["rounded to whole seconds"] = truth.segments_s.round()
        kinds["whole seconds around"] = np.stack(
            [np.floor(truth.segments_s[:, 0]), np.ceil(truth.segments_s[:, 1])], axis=1
        )
        rows = [evaluate_segments(kind, truth, segments, tious) for kind, segments in kinds.items()]
        windows = evaluate_segments("sliding windows", truth, choose_windows(truth), tious)
        number = count_windows(truth)
        rows.append(OracleRow(windows.name, windows.result, windows.num_lost, number))
        tasks.append(OracleTask(name, truth, tuple(rows)))
    return tuple(tasks)


def jitter(truth: Truth, offset_s: float, rng: np.random.Generator) -> np.ndarray:
    """Every boundary exactly so far off, earlier or later by the toss of a coin: float64 (N, 2)."""
    return truth.segments_s + offset_s * rng.choice([-1.0, 1.0], truth.segments_s.shape)


def choose_windows(truth: Truth) -> np.ndarray:
    """The window that overlaps each segment most: float64 (N, 2).

    Of windows of one length, tIoU falls with the distance of their middles: only the nearest can be the best.
    """
    best = np.zeros_like(truth.segments_s)
    best_tiou = np.full(len(best), -1.0)
    middles = truth.segments_s.mean(axis=1)
    last_s = _find_ends(truth)[truth.video_index]
    for length in _list_lengths(float(last_s.max(initial=0.0))):
        step = STEP * length
        last_number = np.maximum(np.floor((last_s - length) / step + 1e-9), 0)
        starts = np.minimum(np.maximum(np.round((middles - length / 2) / step), 0), last_number) * step
        windows = np.stack([starts, starts + length], axis=1)
        tiou = compute_own_tiou(windows, truth.segments_s)
        # A window does not reach past the end of its video.
        better = (tiou > best_tiou) & (length <= last_s + 1e-9)
        best[better], best_tiou[better] = windows[better], tiou[better]
    return best


def count_windows(truth: Truth) -> int:
    """Windows of all videos together."""
    ends = _find_ends(truth)
    return sum(
        int((np.floor((ends[ends >= length] - length) / (STEP * length) + 1e-9) + 1).sum())
        for length in _list_lengths(float(ends.max(initial=0.0)))
    )


def compute_own_tiou(segments: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How much row i of one overlaps row i of the other: float64 (N,); 0 for rows that end where they start."""
    intersection = np.minimum(segments[:, 1], truth[:, 1]) - np.maximum(segments[:, 0], truth[:, 0])
    union = np.maximum(segments[:, 1], truth[:, 1]) - np.minimum(segments[:, 0], truth[:, 0])
    return intersection.clip(0) / union


def evaluate_segments(name: str, truth: Truth, segments: np.ndarray, tious: Sequence[float]) -> OracleRow:
    """Detection mAP of segments in place of the true ones, the best first.

    Args:
        name: of the row.
        truth: the true ones.
        segments: float64 (N, 2); those that end where they start, or before, are lost.
        tious: thresholds.
    """
    is_there = segments[:, 1] > segments[:, 0]
    detections = Detections(
        truth.video_index[is_there],
        segments[is_there],
        truth.class_index[is_there],
        compute_own_tiou(segments[is_there], truth.segments_s[is_there]),
    )
    result = compute_detection_map(truth, detections, tious, ties="first")
    return OracleRow(name, result, int((~is_there).sum()))


def _find_ends(truth: Truth) -> np.ndarray:
    """When every video ends; with its last segment where that is not known, or where a segment leaves it."""
    ends = np.nan_to_num(truth.durations_s, nan=0.0)
    np.maximum.at(ends, truth.video_index, truth.segments_s[:, 1])
    return ends


def _list_lengths(longest_s: float) -> list[float]:
    lengths = []
    length = SHORTEST_S
    while length <= longest_s:
        lengths.append(length)
        length *= GROWTH
    return lengths
