"""Whether a pose is true: a body goes on from frame to frame, a mistaken pose stands alone.

The model's own certainty does not tell: of the poses that it was sure of in one frame alone, every second one is wrong
(measured on simulated routines, ``docs/pose.md``). So a pose is believed when the poses of the frames around it agree
with it: joints that moved with the body and not much further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finegym.features.pose.gymnast import Whereabouts

REACH_MS = 160.0  # four frames at 25 a second, on either side
STILL_JUMP = 0.1  # lengths by which joints of two true poses may differ, whatever the time between them
JUMP_PER_SECOND = 2.5  # lengths, beyond that: two saltos a second
MAX_JUMP = 0.3  # lengths, however long the time between two frames: beyond, anything agrees with anything
LONE_PRESENCE = 0.95  # enough where a clip has one frame only


@dataclass(frozen=True, eq=False)
class Sight:
    """A pose that the model found where the gymnast is.

    Attributes:
        keypoints: float32 (V, 2), pixels of the frame.
        scores: float32 (V,).
        presence: in [0, 1].
        roi: float32 (5,), where to look next.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    presence: float
    roi: np.ndarray


def measure_jump(first: Sight, second: Sight, where: Whereabouts, first_number: int, second_number: int) -> float:
    """Mean way of a joint from one frame to another, less the way of the body, in the gymnast's lengths."""
    body = where.centres[second_number] - where.centres[first_number]
    ways = second.keypoints - first.keypoints - body
    return float(np.hypot(ways[:, 0], ways[:, 1]).mean() / where.lengths[second_number])


def measure_support(seen: Sequence[Sight | None], where: Whereabouts, first: int, fps: float) -> np.ndarray:
    """How far the frames around each pose agree with it.

    Args:
        seen: what was found in every frame of a clip.
        where: of the action.
        first: number of the clip's first frame within the action.
        fps: frames a second.

    Returns:
        float64 (T,): the presence of the poses within ``REACH_MS`` that agree, as a share of the frames there are, in
        [0, 1]; 0 where there is no pose. In a clip of one frame: 1 if the model is very sure, else 0.
    """
    support = np.zeros(len(seen))
    reach = max(1, round(REACH_MS * fps / 1000))
    for index, sight in enumerate(seen):
        if sight is None:
            continue
        if len(seen) == 1:
            support[index] = float(sight.presence >= LONE_PRESENCE)
            continue
        number = first + index
        others = [o for o in range(max(0, index - reach), min(len(seen), index + reach + 1)) if o != index]
        for other in others:
            near = seen[other]
            if near is None or where.shot[first + other] != where.shot[number]:
                continue
            limit = min(MAX_JUMP, STILL_JUMP + JUMP_PER_SECOND * abs(other - index) / fps)
            if measure_jump(near, sight, where, first + other, number) < limit:
                support[index] += near.presence
        support[index] /= len(others)
    return support


def wrap_angle(angle: float) -> float:
    """An angle in [-pi, pi)."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
