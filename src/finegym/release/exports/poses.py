"""What a pose pickle (``{split, annotations}``, as pyskl and mmaction2 read it) says of a dataset, and what not.

The pickle itself is written by ``features.pose.exchange``, from a store of poses: a dataset holds none.
"""

from __future__ import annotations

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
    listed = {id_ for side in SIDES for id_ in split.get_side(side)}
    kept = [id_ for id_ in dataset.instances if id_ in listed and id_ in set(posed)]
    outside = [id_ for id_ in dataset.instances if id_ not in listed]
    unposed = [id_ for id_ in dataset.instances if id_ in listed and id_ not in set(posed)]
    losses = {OUTSIDE: outside, UNPOSED: unposed, TIMES: kept}
    exported = make_exported(dataset, [path], CARRIED, losses)
    return replace(exported, counts={"clips": len(kept), **{side: len(split.get_side(side)) for side in SIDES}})
