"""What the runs of a size read: made where it is simulated, looked for where it is given."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from finegym.annotations.folder import is_dataset_folder, read_dataset
from finegym.annotations.model import Dataset
from finegym.errors import ConfigError, FeatureError, VideoError, join_problems
from finegym.features.build import build_features
from finegym.features.flow.extract import FlowMaker
from finegym.features.store import STORE_FILE
from finegym.studies.broadcast import find_broadcast, make_broadcast
from finegym.studies.simulated import simulate, store_skeletons
from finegym.studies.sizes import Competition, Size
from finegym.studies.snippet_data import store_snippets
from finegym.studies.splits import make_simulated_splits, read_official_splits, write_splits
from finegym.studies.study import Need
from finegym.training.data import CLIPS_FOLDER, FEATURES_FOLDER
from finegym.video.store.build import build_store, make_settings

FLOW_METHOD = "tvl1-fast"


@dataclass(frozen=True)
class Making:
    """What a maker of data needs to know.

    Attributes:
        dataset: the annotations.
        folder: of the dataset.
        size: of the studies.
        workers: processes.
    """

    dataset: Dataset
    folder: Path
    size: Size
    workers: int

    @property
    def competition(self) -> Competition:
        """What is simulated; only such data is made."""
        assert self.size.competition is not None
        return self.size.competition


def prepare_data(
    size: Size, folder: Path, needs: Collection[Need], *, workers: int, say: Callable[[str], None]
) -> Dataset:
    """Make what of the data is needed and not there.

    Args:
        size: of the studies.
        folder: the dataset folder: to be made of a simulated size, given of another.
        needs: what of it.
        workers: processes.
        say: told what is done.

    Raises:
        FineGymError: something could not be made, or given data lacks something: all of it is named.
    """
    if size.competition is None:
        return _check_given(size, folder, needs)
    say(f"simulated competition: {folder}")
    simulate(size.competition, folder, workers=workers)
    dataset = read_dataset(folder)
    write_splits(folder, make_simulated_splits(dataset, size.thresholds, size.competition.seed))
    for need in MAKERS:
        if need in needs:
            say(f"{need} of {len(dataset.instances)} sub-actions in {len(dataset.videos)} records")
            MAKERS[need](Making(dataset, folder, size, workers))
    return dataset


def _check_given(size: Size, folder: Path, needs: Collection[Need]) -> Dataset:
    """Given data is not touched but for the splits that follow from its own."""
    if not is_dataset_folder(folder):
        raise ConfigError(
            f"{folder} is no dataset folder. Size {size.name} studies given data: --dataset DIR, made of the official "
            "files by `finegym annotations convert`."
        )
    dataset = read_dataset(folder)
    write_splits(folder, read_official_splits(folder, dataset))
    places = {
        "clips": (f"{CLIPS_FOLDER}", "finegym clips build"),
        "flow": (f"{FEATURES_FOLDER}/{size.flow_store}", "finegym features flow --method tvl1"),
        "poses": (f"{FEATURES_FOLDER}/{size.pose_store}", "finegym features import-poses gym_hrnet.pkl"),
        "snippets": (f"{FEATURES_FOLDER}/snippets-rgb", "finegym features snippets --run RUN --out …/snippets-rgb"),
    }
    missing = [
        f"{place} (`{remedy}`)"
        for need, (place, remedy) in places.items()
        if need in needs and not (folder / place / STORE_FILE).is_file()
    ]
    if missing:
        raise ConfigError(f"{folder} lacks what the studies read: {join_problems(missing)}")
    return dataset


def _make_clips(making: Making) -> None:
    settings = make_settings(short_side=min(making.competition.picture_size))
    folder = making.folder
    build = build_store(making.dataset, folder, folder / CLIPS_FOLDER, settings, workers=making.workers)
    if build.tally.failed:
        reasons = join_problems(list(build.tally.failed.values()), limit=3)
        raise VideoError(f"{len(build.tally.failed)} clips could not be cut: {reasons}")


def _make_flow(making: Making) -> None:
    maker = FlowMaker(FLOW_METHOD, making.competition.short_side)
    out = making.folder / FEATURES_FOLDER / making.size.flow_store
    build = build_features(making.dataset, making.folder, out, maker.make_settings(), maker, workers=making.workers)
    if build.tally.failed:
        reasons = join_problems(list(build.tally.failed.values()), limit=3)
        raise FeatureError(f"{out}: flow of {len(build.tally.failed)} clips could not be made: {reasons}")


def _make_poses(making: Making) -> None:
    out = making.folder / FEATURES_FOLDER / making.size.pose_store
    if not (out / STORE_FILE).is_file():
        store_skeletons(making.dataset, making.folder, out, making.competition.joint_noise)


def _make_snippets(making: Making) -> None:
    store_snippets(making.dataset, making.folder, making.competition.short_side, workers=making.workers)


def _make_found_poses(making: Making) -> None:
    if making.size.broadcast is not None:
        make_broadcast(making.size.broadcast, find_broadcast(making.folder, True), workers=making.workers)


MAKERS: dict[Need, Callable[[Making], None]] = {
    "clips": _make_clips,
    "flow": _make_flow,
    "poses": _make_poses,
    "snippets": _make_snippets,
    "found-poses": _make_found_poses,
}
"""In the order in which they are made."""
