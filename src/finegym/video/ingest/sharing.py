"""Whether two records really share a part, and from when to when: their thumbnails are laid over each other.

What is compared are changes of the picture again, so a hall that stands behind both is no evidence. But a camera that
pans over the same hall at the same speed makes changes that are much alike: hashes take them for copies. So the offset
is fitted to a fraction of a frame, the cropping to a fraction of a pixel on each side, and then three times as many
cosines each way must agree for six seconds. In a simulated competition, where cameras move like robots, copies that
are cropped unevenly, put into bars, marked with a logo and coded badly correlate by 0.93; two vaults from one camera by
0.8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.video.ingest.fingerprint import (
    CROPS,
    MIN_CHANGE,
    STEP_MS,
    compute_changes,
    cut_box,
    find_steps,
    measure_motion,
    split_steps,
    transform_changes,
)
from finegym.video.ingest.signals import Signals
from finegym.video.ingest.votes import WINDOW, Candidate

Box = tuple[float, float, float, float]
# The mean correlation that six seconds must reach; at least half of them must move.
LONG_WINDOW = 48
MIN_CORRELATION = 0.90
# From there the part goes on while the mean over a second keeps above this, or nothing moves in either record.
MIN_GOING_ON = 0.5
# How far the picture of one record may be smaller than that of the other, on each side.
MAX_BEYOND = 0.25
# What must be left of height and width after cropping.
MIN_PICTURE = 0.5
_SMOOTH = 9
_FINE_COSINES = 24
_OFFSETS_MS = range(-200, 201, 25)
_FINE_OFFSETS_MS = range(-30, 31, 10)
_SHIFTS = (0.03, 0.015, 0.0075)


@dataclass(frozen=True)
class SharedPart:
    """A stretch that two records share.

    Attributes:
        left_start_ms: on the left record's clock.
        left_end_ms: likewise, exclusive.
        right_start_ms: on the right record's clock.
        right_end_ms: likewise, exclusive.
        score: mean correlation of the changes, 1 for the same picture.
    """

    left_start_ms: int
    left_end_ms: int
    right_start_ms: int
    right_end_ms: int
    score: float


def find_shared_parts(
    candidate: Candidate, left: Signals, left_box: Box, right: Signals, right_box: Box
) -> list[SharedPart]:
    """The stretches that two records share at a candidate's offset; empty where they do not.

    Args:
        candidate: says where to look, and at which offset.
        left: of the left record.
        left_box: its picture within its bars.
        right: of the right record.
        right_box: likewise.
    """
    left_box = cut_box(left_box, CROPS[candidate.crop_left])
    right_box = cut_box(right_box, CROPS[candidate.crop_right])
    offset_ms, left_box, right_box = _fit(candidate, left, left_box, right, right_box)
    steps = _intersect(find_steps(left), find_steps(right, offset_ms))
    # First only around the candidate: most of them end here.
    near = range(candidate.first_step - LONG_WINDOW, candidate.first_step + WINDOW + LONG_WINDOW)
    if not _compare(_intersect(steps, near), left, left_box, right, right_box, offset_ms):
        return []
    found = _compare(steps, left, left_box, right, right_box, offset_ms)
    return [_make_part(first, stop, offset_ms, score) for first, stop, score in found]


def _compare(
    steps: range, left: Signals, left_box: Box, right: Signals, right_box: Box, offset_ms: float
) -> list[tuple[int, int, float]]:
    """(first step, stop, score) of the stretches among ``steps`` in which two records agree."""
    if not len(steps):
        return []
    correlations, moving = [], []
    for block in split_steps(steps):
        one, other = compute_changes(left, block), compute_changes(right, block, offset_ms)
        correlations.append(_correlate(one, left_box, other, right_box, _FINE_COSINES))
        motion = np.maximum(measure_motion(one, left_box), measure_motion(other, right_box))
        moving.append(motion >= MIN_CHANGE)
    found = _find_stretches(np.concatenate(correlations), np.concatenate(moving))
    return [(steps.start + first, steps.start + stop, score) for first, stop, score in found]


def _make_part(first: int, stop: int, offset_ms: float, score: float) -> SharedPart:
    start_ms, end_ms = first * STEP_MS, stop * STEP_MS
    return SharedPart(start_ms, end_ms, round(start_ms + offset_ms), round(end_ms + offset_ms), round(score, 3))


def _fit(candidate: Candidate, left: Signals, left_box: Box, right: Signals, right_box: Box) -> tuple[float, Box, Box]:
    """The offset and the cropping at which the changes agree best, around the candidate's place."""
    around = range(candidate.first_step - WINDOW // 2, candidate.first_step + 3 * WINDOW // 2)
    boxes = [left_box, right_box]
    which = 1 if candidate.crop_right else 0
    offset_ms = float(candidate.offset_steps * STEP_MS)
    for shifts_ms, shifts in ((_OFFSETS_MS, _SHIFTS), (_FINE_OFFSETS_MS, _SHIFTS[1:])):
        looks = []
        for shift_ms in shifts_ms:
            steps = _intersect(_intersect(around, find_steps(left)), find_steps(right, offset_ms + shift_ms))
            if len(steps) >= WINDOW // 2:
                one, other = compute_changes(left, steps), compute_changes(right, steps, offset_ms + shift_ms)
                score = float(_correlate(one, boxes[0], other, boxes[1]).mean())
                looks.append((score, -abs(shift_ms), offset_ms + shift_ms, one, other))
        if not looks:
            break
        best, _, offset_ms, one, other = max(looks, key=lambda look: look[:2])
        for shift in shifts:
            for _ in range(3):
                for side in range(4):
                    for step in (-shift, shift):
                        trial = list(boxes)
                        trial[which] = _move(boxes[which], side, step)
                        score = float(_correlate(one, trial[0], other, trial[1]).mean())
                        if score > best:
                            best, boxes = score, trial
    return offset_ms, boxes[0], boxes[1]


def _move(box: Box, side: int, step: float) -> Box:
    moved = list(box)
    # Beyond the picture: the other record has bars there that only this part of it has.
    moved[side] = min(1 + MAX_BEYOND, max(-MAX_BEYOND, moved[side] + step))
    top, bottom, left, right = moved
    is_too_small = min(bottom - top, right - left) < MIN_PICTURE
    return box if is_too_small else (top, bottom, left, right)


def _correlate(one: np.ndarray, one_box: Box, other: np.ndarray, other_box: Box, num_cosines: int = 8) -> np.ndarray:
    """float32 (N,): the correlation of each pair of changes, each within its box."""
    left, right = transform_changes(one, one_box, num_cosines), transform_changes(other, other_box, num_cosines)
    norms = np.sqrt((left * left).sum(axis=1) * (right * right).sum(axis=1))
    return (left * right).sum(axis=1) / np.maximum(norms, 1e-6)


def _find_stretches(correlations: np.ndarray, moving: np.ndarray) -> list[tuple[int, int, float]]:
    """(first, stop, score) of stretches that hold six seconds of agreement and go on as long as they agree."""
    sums = np.concatenate([[0.0], np.cumsum(np.where(moving, correlations, 0.0))])
    counts = np.concatenate([[0], np.cumsum(moving)])
    if len(moving) < LONG_WINDOW:
        return []
    known = counts[LONG_WINDOW:] - counts[:-LONG_WINDOW]
    means = (sums[LONG_WINDOW:] - sums[:-LONG_WINDOW]) / np.maximum(known, 1)
    is_seed = np.zeros(len(moving), bool)
    for first in np.flatnonzero((means >= MIN_CORRELATION) & (known >= LONG_WINDOW // 2)).tolist():
        is_seed[first : first + LONG_WINDOW] = True
    low = np.maximum(np.arange(len(moving)) - _SMOOTH // 2, 0)
    high = np.minimum(np.arange(len(moving)) + _SMOOTH // 2 + 1, len(moving))
    near = counts[high] - counts[low]
    goes_on = is_seed | (near == 0) | ((sums[high] - sums[low]) / np.maximum(near, 1) >= MIN_GOING_ON)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], goes_on.astype(np.int8), [0]])))
    found = []
    for first, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if is_seed[first:stop].any():
            inside = first + np.flatnonzero(moving[first:stop])  # what stands still at the ends is no evidence
            first, stop = int(inside[0]), int(inside[-1]) + 1
            found.append((first, stop, float((sums[stop] - sums[first]) / max(1, counts[stop] - counts[first]))))
    return found


def _intersect(one: range, other: range) -> range:
    start = max(one.start, other.start)
    return range(start, max(start, min(one.stop, other.stop)))
