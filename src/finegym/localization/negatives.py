"""What a routine finder fires on that is no routine: replays, cutaways, routines that break off.

Nothing in a real dataset says where they are; the truth files of a simulated competition do. ``benchmarks/
routine_finder.py`` prints the table that docs/actionformer.md shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finegym.segments import compute_tiou
from finegym.simulation.truth import Truth

ROUTINE = "routine"  # the kind of shot that is annotated
MIN_COVER = 0.5
MIN_TIOU = 0.5


@dataclass(frozen=True, eq=False)
class Shots:
    """The shots of a record.

    Attributes:
        kinds: what each shows: ``routine``, ``interrupted``, ``replay``, ``close-up`` and so on.
        spans_ms: float64 (S, 2), ``[start, end)``.
    """

    kinds: tuple[str, ...]
    spans_ms: np.ndarray


@dataclass(frozen=True)
class Fired:
    """What detections above a score do to shots of one kind.

    Attributes:
        num_shots: there are.
        num_fired_on: of which some detection covers at least half.
        mean_share: of a shot's time that lies in any detection, the mean over shots.
    """

    num_shots: int
    num_fired_on: int
    mean_share: float


def read_shots(truth: Truth) -> Shots:
    """The shots of a simulated record, with the frames' times on its clock."""
    arrays = truth.arrays
    frames = np.stack([arrays["shot_start"], arrays["shot_end"]], axis=1)
    ms_per_frame = float(1000 / truth.fps)
    return Shots(tuple(arrays["shot_kind"].tolist()), frames * ms_per_frame)


def count_fired(records: Sequence[tuple[Shots, np.ndarray, np.ndarray]], min_score: float) -> dict[str, Fired]:
    """How many shots of every kind a finder fires on.

    Args:
        records: of each its shots, the segments of its detections float64 (N, 2) in ms, and their scores float64 (N,).
        min_score: detections below are not looked at.

    Returns:
        By kind, ``routine`` among them: there, firing is right.
    """
    shares: dict[str, list[float]] = {}
    fired: dict[str, int] = {}
    for shots, segments, scores in records:
        sure = segments[scores >= min_score]
        for kind, span in zip(shots.kinds, shots.spans_ms, strict=True):
            cut = sure.clip(*span)
            covers = (cut[:, 1] - cut[:, 0]) / (span[1] - span[0])
            shares.setdefault(kind, []).append(_measure_union(cut) / (span[1] - span[0]))
            fired[kind] = fired.get(kind, 0) + bool((covers >= MIN_COVER).any())
    return {kind: Fired(len(each), fired[kind], float(np.mean(each))) for kind, each in shares.items()}


def choose_score(records: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """The score from which on detections are best taken as routines, whatever their events.

    Args:
        records: of each the true segments float64 (M, 2), the segments of its detections float64 (N, 2), and their
            scores float64 (N,).

    Returns:
        The score with the highest F1 at a tIoU of 0.5, and that F1. Every truth is found by one detection at most, the
        best ones first. Choose it on training records.
    """
    scores, is_right = [np.empty(0)], [np.empty(0, bool)]
    for truth, segments, values in records:
        order = np.argsort(-values, kind="stable")
        free = np.ones(len(truth), bool)
        right = np.zeros(len(order), bool)
        overlap = compute_tiou(segments[order], truth)
        for place in range(len(order)):
            candidates = np.where(free, overlap[place], 0.0)
            if len(candidates) and candidates.max() >= MIN_TIOU:
                free[candidates.argmax()] = False
                right[place] = True
        scores.append(values[order])
        is_right.append(right)
    all_scores = np.concatenate(scores)
    order = np.argsort(-all_scores, kind="stable")
    sorted_scores, num_right = all_scores[order], np.cumsum(np.concatenate(is_right)[order])
    num_truths = sum(len(truth) for truth, _, _ in records)
    f1 = 2 * num_right / (np.arange(1, len(order) + 1) + num_truths)
    # Of equal scores all or none are above a threshold.
    f1[:-1][sorted_scores[:-1] == sorted_scores[1:]] = -1.0
    best = int(np.argmax(f1))
    return float(sorted_scores[best]), float(f1[best])


def _measure_union(segments: np.ndarray) -> float:
    """How long segments are together, what they share counted once."""
    total, reached = 0.0, -np.inf
    for start, end in segments[np.argsort(segments[:, 0])].tolist():
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
