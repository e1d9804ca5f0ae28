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
MAX_JUMP = 0.4  # lengths, however long the time between two frames: beyond, anything agrees with anything
CLOSE_SHARE = 0.7  # of a pose's longer side
DETECTED_PRESENCE = 0.98  # of a pose that the detector proposed: as often right as those that go on smoothly
LONE_PRESENCE = 0.95  # enough where a clip has one frame only


@dataclass(frozen=True, eq=False)
class Sight:
    """A pose that the model found where the gymnast is.

    Attributes:
        keypoints: float32 (V, 2), pixels of the frame.
        scores: float32 (V,).
        presence: in [0, 1].
        roi: float32 (5,), where to look next.
        is_detected: whether the detector proposed it in this very frame, no neighbour and no guess.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    presence: float
    roi: np.ndarray
    is_detected: bool = False


def measure_jump(first: Sight, second: Sight, where: Whereabouts, first_number: int, second_number: int) -> float:
    """Mean way of a joint from one frame to another, less the way of the body, in the gymnast's lengths.

    Where the camera is much closer than in the rest of the shot, her length is that of the pose.
    """
    body = where.centres[second_number] - where.centres[first_number]
    ways = second.keypoints - first.keypoints - body
    length = max(float(where.lengths[second_number]), CLOSE_SHARE * float(np.ptp(second.keypoints, axis=0).max()))
    return float(np.hypot(ways[:, 0], ways[:, 1]).mean() / length)


def measure_support(seen: Sequence[Sight | None], where: Whereabouts, first: int, fps: float) -> np.ndarray:
    """How far the frames around each pose agree with it.

    Args:
        seen: what was found in every frame of a clip.
        where: of the action.
        first: number of the clip's first frame within the action.
        fps: frames a second.

    Returns:
        float64 (T,): the presence of the poses within ``REACH_MS`` that agree, as a share of the frames there are, in
        [0, 1]; 0 where there is no pose. 1 for a pose that the detector proposed and the model is very sure of; in a
        clip of one frame, for any that it is very sure of.
    """
    support = np.zeros(len(seen))
    reach = max(1, round(REACH_MS * fps / 1000))
    for index, sight in enumerate(seen):
        if sight is None:
            continue
        if sight.is_detected and sight.presence >= DETECTED_PRESENCE:
            support[index] = 1.0
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
