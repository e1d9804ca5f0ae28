"""Splits: which instances of a subset are for training and which for validation, as values and as folders.

A split folder holds four files, and the hashes in the last one notice when the others were changed afterwards::

    categories.txt    class_index <TAB> id <TAB> name, a class a line
    train.txt         instance_id class_index, an instance a line
    val.txt           the same
    split.json        name, subset, rule, groups, seed, counts, hashes (``SplitFile``)

FineGym's own lists are splits too (``read_official_split``). How a new one is made is in
``annotations.split_generator``, what leaks in one in ``annotations.audit``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from finegym.annotations.lists import InstanceList, format_list, make_list, read_instance_list
from finegym.annotations.model import Dataset
from finegym.annotations.subsets import (
    OFFICIAL_LISTS,
    Level,
    Subset,
    assign_classes,
    find_subset,
    format_categories,
    map_glabels,
    read_categories,
)
from finegym.codebook.official import SUBSET_FILES, OfficialFiles
from finegym.errors import AnnotationError, OutputError, join_problems
from finegym.files import write_text

FORMAT = "finegym-split/1"
OFFICIAL_VERSIONS = ("1.1", "1.0")
SIDES = ("train", "val")


@dataclass(frozen=True)
class Split:
    """Class indices of the instances for training and of those for validation.

    Attributes:
        name: of the split, the folder's name too.
        subset: what the class indices mean.
        train: instance id → class index.
        val: instance id → class index.
        rule: one line on how it was made.
        groups: the kinds of groups kept whole on one side; empty where none were.
        seed: of the generator, where there was one.
        outside: reason → instances of the dataset that take no part.
    """

    name: str
    subset: Subset
    train: Mapping[str, int]
    val: Mapping[str, int]
    rule: str = ""
    groups: tuple[str, ...] = ()
    seed: int | None = None
    outside: Mapping[str, int] = field(default_factory=dict)

    def get_side(self, side: str) -> Mapping[str, int]:
        """``train`` or ``val`` by name."""
        return {"train": self.train, "val": self.val}[side]

    def count_classes(self, side: str) -> list[int]:
        """Instances of every class on one side."""
        counts = Counter(self.get_side(side).values())
        return [counts[index] for index in range(len(self.subset))]

    @property
    def val_share(self) -> float:
        """Share of the instances that is for validation; 0 where there are none."""
        total = len(self.train) + len(self.val)
        return len(self.val) / total if total else 0.0


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitFileSubset(_Strict):
    """What ``split.json`` says about the subset."""

    name: str
    level: Level
    num_classes: int
    sha256: str


class SplitFile(_Strict):
    """``split.json``. ``hashes`` are the SHA-256 of the other three files; without them the files are not compared."""

    format: Literal["finegym-split/1"]
    name: str
    subset: SplitFileSubset
    rule: str
    groups: tuple[str, ...]
    seed: int | None
    counts: dict[str, int]
    outside: dict[str, int]
    hashes: dict[str, str] = {}


def format_split(split: Split) -> dict[str, str]:
    """The text of every file of a split folder, by file name."""
    texts = {
        "categories.txt": format_categories(split.subset),
        "train.txt": format_list(make_list(split.train)),
        "val.txt": format_list(make_list(split.val)),
    }
    subset = split.subset
    about = SplitFile(
        format=FORMAT,
        name=split.name,
        subset=SplitFileSubset(name=subset.name, level=subset.level, num_classes=len(subset), sha256=subset.sha256),
        rule=split.rule,
        groups=split.groups,
        seed=split.seed,
        counts={side: len(split.get_side(side)) for side in SIDES},
        outside=dict(split.outside),
        hashes={name: _hash(text.encode()) for name, text in texts.items()},
    )
    return {**texts, "split.json": json.dumps(about.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"}


def write_split(split: Split, folder: Path, *, overwrite: bool = False) -> None:
    """Write a split folder, whole or not at all.

    Raises:
        OutputError: the folder is there already and ``overwrite`` is not set, or it cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and not overwrite:
        raise OutputError(f"{folder}: is there already. Choose another name, or replace it with --overwrite.")
    texts = format_split(split)
    if folder.exists():
        strangers = sorted({path.name for path in folder.iterdir()} - set(texts)) if folder.is_dir() else [folder.name]
        if strangers:
            raise OutputError(
                f"{folder}: holds more than a split ({', '.join(strangers[:3])}), so it is not replaced. "
                "Choose another name."
            )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}. Choose another folder.") from error
    try:
        for name, text in texts.items():
            write_text(temporary / "new" / name, text)
        if folder.exists():
            folder.replace(temporary / "old")
        (temporary / "new").replace(folder)
    except OSError as error:
        if (temporary / "old").exists() and not folder.exists():
            (temporary / "old").replace(folder)
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{folder}: cannot be written: {error.strerror}. Nothing was changed.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_split(folder: Path) -> Split:
    """Read a split folder.

    Raises:
        AnnotationError: a file is missing, damaged or was changed since; a class index is not in ``categories.txt``; an
            instance is on both sides. All lines are named.
    """
    folder = Path(folder)
    about = _read_about(folder / "split.json")
    problems = []
    for name, expected in about.hashes.items():
        if (folder / name).is_file() and _hash((folder / name).read_bytes()) != expected:
            problems.append(
                f"{folder / name} is not the file that was written (its SHA-256 differs from split.json). Restore it; "
                "if the change is meant, take its line out of the hashes in split.json"
            )
    if problems:
        raise AnnotationError(join_problems(problems))
    subset = read_categories(folder / "categories.txt", about.subset.name, about.subset.level)
    lists = {side: read_instance_list(folder / f"{side}.txt") for side in SIDES}
    sources = {side: folder / f"{side}.txt" for side in SIDES}
    _check_lists(lists, sources, subset)
    return Split(
        about.name,
        subset,
        dict(lists["train"].label_by_id),
        dict(lists["val"].label_by_id),
        about.rule,
        about.groups,
        about.seed,
        about.outside,
    )


def read_official_split(folder: Path, name: str, files: OfficialFiles, version: str = "1.1") -> Split:
    """One of FineGym's published splits.

    Args:
        folder: the official folder with ``gym99_train_element_v1.1.txt``, ``gym99_val_element.txt`` and so on.
        name: ``gym99`` or ``gym288``.
        files: the official category files (``codebook.official.read_official_files``).
        version: of the training list, ``1.1`` or ``1.0``; both have the same validation list.

    Raises:
        AnnotationError: as for ``read_split``.
    """
    subset = find_subset(name, files.codebook, map_glabels(files.class_glabels, files.codebook))
    sources = {side: Path(folder) / file for side, file in get_official_list_names(name, version).items()}
    lists = {side: read_instance_list(source) for side, source in sources.items()}
    _check_lists(lists, sources, subset)
    rule = f"FineGym's published lists {sources['train'].name} and {sources['val'].name}"
    split_name = name if version == OFFICIAL_VERSIONS[0] else f"{name}-v{version}"
    return Split(split_name, subset, lists["train"].label_by_id, lists["val"].label_by_id, rule)


def get_official_list_names(name: str, version: str = "1.1") -> dict[str, str]:
    """File names of a published split by side.

    Example:
        >>> get_official_list_names("gym288", "1.0")
        {'train': 'gym288_train_element_v1.0.txt', 'val': 'gym288_val_element.txt'}
    """
    if name not in OFFICIAL_LISTS or version not in OFFICIAL_VERSIONS:
        known = ", ".join(f"{list_} {version_}" for list_ in SUBSET_FILES for version_ in OFFICIAL_VERSIONS)
        raise AnnotationError(f"FineGym published no split {name} {version}; there are {known}")
    return {"train": f"{name}_train_element_v{version}.txt", "val": f"{name}_val_element.txt"}


def find_unknown_instances(split: Split, dataset: Dataset) -> dict[str, list[str]]:
    """The instance ids of each side that the dataset does not have."""
    known = dataset.instances
    return {side: [id_ for id_ in split.get_side(side) if id_ not in known] for side in SIDES}


def check_split(split: Split, dataset: Dataset, folder: Path | None = None, *, allow_unknown: bool = False) -> None:
    """Make sure that a split fits a dataset: every id is known, every class index is what the dataset says.

    Instances that the dataset does not label cannot contradict and pass.

    Args:
        split: to check.
        dataset: that it is about.
        folder: of the split, so that messages name file and line.
        allow_unknown: do not mind ids that the dataset does not have.

    Raises:
        AnnotationError: unknown ids or contradicting classes, each with its line (the first 20 of all).
    """
    problems = []
    assigned = assign_classes(dataset, split.subset).class_index_by_id
    labelled = _find_labelled(dataset, split.subset.level)
    for side in SIDES:
        for line, (instance_id, class_index) in enumerate(split.get_side(side).items(), start=1):
            where = f"{folder / side}.txt, line {line}: " if folder else f"{side}: "
            if instance_id not in dataset.instances:
                problems += [] if allow_unknown else [f"{where}{instance_id} is not in the dataset"]
            elif instance_id in labelled and assigned.get(instance_id) != class_index:
                expected = split.subset.classes[class_index]
                problems.append(
                    f"{where}{instance_id} has class {class_index} ({split.subset.level} {expected.id}), "
                    f"the dataset says {split.subset.level} {labelled[instance_id]}"
                )
    if problems:
        raise AnnotationError(
            f"split {split.name} does not fit the dataset ({len(problems)} instances): {join_problems(problems)}. "
            "Use the dataset that it was made from, or make a new split."
        )


def _find_labelled(dataset: Dataset, level: Level) -> dict[str, str]:
    """The label of every instance that has one on a level."""
    element_by_id = dataset.codebook.element_by_id
    labels: dict[str, str] = {}
    for instance_id, instance in dataset.instances.items():
        element_id, set_id = instance.sub_action.element_id, instance.sub_action.set_id
        if set_id is None and element_id is not None and element_id in element_by_id:
            set_id = element_by_id[element_id].set_id
        label = {"element": element_id, "set": set_id, "event": instance.action.event_id}[level]
        if label is not None:
            labels[instance_id] = label
    return labels


def _check_lists(lists: Mapping[str, InstanceList], sources: Mapping[str, Path], subset: Subset) -> None:
    problems = []
    for side, list_ in lists.items():
        lines = _count_lines(list_)
        problems += [
            f"{sources[side]}, line {lines[index]}: class index {entry.label}, but {subset.name} has classes 0 to "
            f"{len(subset) - 1}"
            for index, entry in enumerate(list_.entries)
            if entry.label >= len(subset)
        ]
    train = lists["train"].label_by_id
    lines = _count_lines(lists["val"])
    problems += [
        f"{sources['val']}, line {lines[index]}: {entry.instance_id} is in {sources['train'].name} too"
        for index, entry in enumerate(lists["val"].entries)
        if entry.instance_id in train
    ]
    if problems:
        raise AnnotationError(f"{join_problems(problems)}. Correct these lines ({len(problems)}).")


def _count_lines(list_: InstanceList) -> Sequence[int]:
    """The line number of every entry, empty lines counted."""
    numbers, line = [], 1 + list_.head.count("\n")
    for entry in list_.entries:
        numbers.append(line)
        line += entry.tail.count("\n")
    return numbers


def _read_about(path: Path) -> SplitFile:
    try:
        return SplitFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise AnnotationError(
            f"{path}: expected a split folder (train.txt, val.txt, categories.txt, split.json), but: {error.strerror}"
        ) from error
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise AnnotationError(
            f"{path}: not a {FORMAT} file: {join_problems(problems)}. Write the split again."
        ) from error


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
