"""What a pose pickle (``{split, annotations}``, as pyskl and mmaction2 read it) says of a dataset, and what not.

The pickle itself is written by ``features.pose.exchange``, from a store of poses: a dataset holds none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from finegym.annotations.model import Dataset
from finegym.annotations.splits import SIDES, Split
from finegym.release.exports.exported import Exported, make_exported
from finegym.release.exports.facts import Fact

# frame_dir is the whole id; label is a class index of the split, whose class list stands beside the pickle.
CARRIED: frozenset[Fact] = frozenset({"action names", "sub-action names", "elements"})
TIMES = "times of clips"
OUTSIDE = "sub-actions left out: in no list of the split"
UNPOSED = "sub-actions left out: without poses"


def describe_poses(dataset: Dataset, split: Split, posed: Collection[str], path: Path) -> Exported:
    """Count what a pose pickle of a split holds of a dataset.

    Args:
        dataset: what is annotated.
        split: whose clips and class indices the pickle has.
        posed: instance ids that have poses.
        path: of the pickle.
    """
    side_of = {id_: side for side in SIDES for id_ in split.get_side(side)}
    there = set(posed)
    kept = [id_ for id_ in dataset.instances if id_ in side_of and id_ in there]
    losses = {
        OUTSIDE: [id_ for id_ in dataset.instances if id_ not in side_of],
        UNPOSED: [id_ for id_ in dataset.instances if id_ in side_of and id_ not in there],
        TIMES: kept,
    }
    exported = make_exported(dataset, [path], CARRIED, losses)
    sides = Counter(side_of[id_] for id_ in kept)
    return replace(exported, counts={"clips": len(kept), **{side: sides[side] for side in SIDES}})
