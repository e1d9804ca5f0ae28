"""A few records in the size of a broadcast, and the poses that a pose model finds in them.

The pictures of the other studies are too small for a pose model to find anybody in them, and their skeletons are nearly
true ones. Given data has records and a store of found poses of its own.
"""

from __future__ import annotations

from pathlib import Path

from finegym.annotations.folder import read_dataset
from finegym.errors import FeatureError, join_problems
from finegym.features.build import build_features
from finegym.features.pose.extract import PoseMaker
from finegym.features.store import STORE_FILE
from finegym.features.weights import FETCHES, look_at_weights
from finegym.studies.run_store import FEATURES_FOLDER
from finegym.studies.simulated import simulate
from finegym.studies.sizes import Competition

FOLDER, MODEL = "broadcast", "blazepose-full"
FETCH = "blazepose"  # of ``finegym weights fetch``


def find_broadcast(dataset: Path, is_simulated: bool) -> Path:
    """The dataset folder whose records are of a broadcast's size: the second simulation, or the given data itself."""
    return dataset.parent / FOLDER if is_simulated else dataset


def find_pose_store(folder: Path) -> Path:
    """Where found poses are, of a dataset folder."""
    return folder / FEATURES_FOLDER / f"pose-{MODEL}"


def describe_lack(folder: Path) -> str:
    """Why there are no found poses; empty where there are."""
    if (find_pose_store(folder) / STORE_FILE).is_file():
        return ""
    absent = [name for name in FETCHES[FETCH] if look_at_weights(name).state != "ok"]
    if absent:
        return f"not run: the weights {', '.join(absent)} are not there; get them with `finegym weights fetch {FETCH}`"
    return f"not run: {folder} has no poses; `finegym features pose {folder}` finds them"


def make_broadcast(competition: Competition, folder: Path, *, workers: int) -> None:
    """Simulate the records, and find poses in them where the model's weights are there.

    Without weights nothing fails: the cells that need poses say so (``describe_lack``).

    Raises:
        SimulationError: records failed.
        FeatureError: poses of a clip could not be made.
    """
    simulate(competition, folder, workers=workers)
    if any(look_at_weights(name).state != "ok" for name in FETCHES[FETCH]):
        return
    maker, out = PoseMaker(MODEL), find_pose_store(folder)
    build = build_features(read_dataset(folder), folder, out, maker.make_settings(), maker, workers=workers)
    if build.tally.failed:
        reasons = join_problems(list(build.tally.failed.values()), limit=3)
        raise FeatureError(f"{out}: poses of {len(build.tally.failed)} clips could not be made: {reasons}")
