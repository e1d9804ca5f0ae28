"""The splits of the studies: two settings of elements, and what follows from each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from finegym.annotations.balance import LONG_TAILED, Thresholds, derive_setting
from finegym.annotations.model import Dataset
from finegym.annotations.split_generator import make_split
from finegym.annotations.splits import SIDES, Split, read_split, write_split
from finegym.annotations.subsets import Subset, find_subset, make_subset
from finegym.codebook.model import Codebook
from finegym.errors import ConfigError
from finegym.training.data import SPLITS_FOLDER

OFFICIAL = {"long-tailed": "gym288", "balanced": "gym99"}
LEVELS, PARTS = ("event", "set"), ("VT", "FX", "FX-S1", "UB-S1")


def write_splits(folder: Path, splits: Mapping[str, Split]) -> None:
    """Write the splits of all roles into a dataset folder; one that is there must be the same.

    Raises:
        ConfigError: a split of a role's name is there, and is another.
    """
    for role, split in splits.items():
        path = folder / SPLITS_FOLDER / role
        if not path.is_dir():
            write_split(split, path)
            continue
        there = read_split(path)
        if (there.subset.sha256, there.train, there.val) != (split.subset.sha256, split.train, split.val):
            raise ConfigError(
                f"{path} is there, and is not the split that the studies derive ({split.rule}). Rename it, or give "
                "another dataset folder."
            )


def make_simulated_splits(dataset: Dataset, thresholds: Thresholds, seed: int) -> dict[str, Split]:
    """The splits of a simulated competition: whole records and competitions on one side."""
    everything = make_split(
        dataset,
        find_subset("element", dataset.codebook),
        "element",
        by=("competition", "video"),
        seed=seed,
        allow_empty_classes=True,
    ).split
    long_tailed = derive_setting(everything, LONG_TAILED, "long-tailed")
    splits = derive_splits(long_tailed, derive_setting(everything, thresholds, "balanced"), dataset.codebook)
    return {**splits, "records": replace(long_tailed, name="records")}


def read_official_splits(folder: Path, dataset: Dataset) -> dict[str, Split]:
    """The splits of the official data, from Gym288 and Gym99 in the dataset's folder.

    Those are drawn per clip, so that a localizer would see the other side's records: Gym99 is split anew for it.

    Raises:
        ConfigError: they are not there.
    """
    missing = [name for name in OFFICIAL.values() if not (folder / SPLITS_FOLDER / name).is_dir()]
    if missing:
        raise ConfigError(
            f"{folder} lacks the splits {', '.join(missing)}. `finegym annotations convert OFFICIAL --to folder --out "
            f"{folder}` brings them."
        )
    settings = {role: replace(read_split(folder / SPLITS_FOLDER / name), name=role) for role, name in OFFICIAL.items()}
    splits = derive_splits(settings["long-tailed"], settings["balanced"], dataset.codebook)
    return {**splits, "records": make_split(dataset, settings["balanced"].subset, "records", by=("video",)).split}


def derive_splits(long_tailed: Split, balanced: Split, codebook: Codebook) -> dict[str, Split]:
    """The splits of all roles: the two, events and sets of the first, events and sets of elements of the second."""
    splits = {"long-tailed": long_tailed, "balanced": balanced}
    splits |= {level: raise_level(long_tailed, level, codebook) for level in LEVELS}
    return splits | {part: keep_part(balanced, part, codebook) for part in PARTS}


def raise_level(split: Split, level: str, codebook: Codebook) -> Split:
    """The same instances on the same sides, labelled by set or event."""
    label_of = _find_labels(split, level, codebook)
    subset = find_subset(level, codebook)
    kept = [class_.id for class_ in subset.classes if class_.id in set(label_of.values())]
    return _relabel(split, level, make_subset(level, subset.level, kept, codebook), label_of)


def keep_part(split: Split, scope: str, codebook: Codebook) -> Split:
    """The instances of one event's or set's classes, which are renumbered.

    Raises:
        ConfigError: there are none.
    """
    inside = {class_.id for class_ in find_subset(scope, codebook).classes}
    kept = [class_.id for class_ in split.subset.classes if class_.id in inside]
    if not kept:
        raise ConfigError(f"split {split.name} has no class of {scope}: nothing to study within it")
    return _relabel(split, scope, make_subset(scope, "element", kept, codebook), {id_: id_ for id_ in kept})


def _find_labels(split: Split, level: str, codebook: Codebook) -> dict[str, str]:
    """The set or event of every class."""
    set_of = {class_.id: codebook.element_by_id[class_.id].set_id for class_ in split.subset.classes}
    if level == "set":
        return set_of
    return {id_: codebook.set_by_id[set_id].event_id for id_, set_id in set_of.items()}


def _relabel(split: Split, name: str, subset: Subset, label_of: Mapping[str, str]) -> Split:
    """The instances whose class has a label in the subset."""
    new_index = {
        class_.class_index: subset.class_index_by_id[label_of[class_.id]]
        for class_ in split.subset.classes
        if class_.id in label_of
    }
    sides = {
        side: {id_: new_index[index] for id_, index in split.get_side(side).items() if index in new_index}
        for side in SIDES
    }
    return replace(
        split,
        name=name,
        subset=subset,
        train=sides["train"],
        val=sides["val"],
        rule=f"{split.rule}; {name} of {split.name}",
    )
