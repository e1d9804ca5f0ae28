"""The cuts of a simulated record as its truth has them, and how many of them were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finegym.simulation.truth import read_truth
from finegym.simulation.write import WIPE_S


@dataclass(frozen=True)
class TrueCut:
    """A change of shot.

    Attributes:
        frame: the first of the new shot; the middle of a wipe.
        tolerance_frames: how far away it counts as found.
    """

    frame: int
    tolerance_frames: int


def find_true_cuts(path: Path) -> list[TrueCut]:
    """The cuts of a truth file: hard ones to one frame, the wipes around replays to half their length."""
    truth = read_truth(path)
    starts, kinds = truth.arrays["shot_start"].tolist(), truth.arrays["shot_kind"].tolist()
    half_wipe = round(WIPE_S * float(truth.fps))
    return [
        TrueCut(start, half_wipe if "replay" in kinds[place - 1 : place + 1] else 1)
        for place, start in enumerate(starts)
        if place
    ]


def count_right_cuts(found: Sequence[int], true_cuts: Sequence[TrueCut]) -> int:
    """How many cuts were found; each frame that was found counts for one cut, the nearest first."""
    pairs = sorted(
        (abs(frame - cut.frame), place, frame)
        for place, cut in enumerate(true_cuts)
        for frame in found
        if abs(frame - cut.frame) <= cut.tolerance_frames
    )
    used: set[int] = set()
    right: set[int] = set()
    for _, place, frame in pairs:
        if frame not in used and place not in right:
            used.add(frame)
            right.add(place)
    return len(right)
