"""From the recipe's data section to instances, classes and frames."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finegym.annotations.folder import ANNOTATIONS_FILE, CODEBOOK_FILE, is_dataset_folder, read_dataset
from finegym.annotations.splits import SIDES, read_split
from finegym.datasets.clips import ClipSource, RecordClips, StoreClips
from finegym.datasets.recognition import EvaluationClips, Selection, TrainingClips, select_instances
from finegym.errors import AnnotationError, ConfigError, join_problems
from finegym.training.recipe import DataSection

SPLITS_FOLDER, CLIPS_FOLDER = "splits", "clips"
NAMES_A_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)


@dataclass(frozen=True)
class RecognitionData:
    """What a run learns from and is looked at on.

    Attributes:
        split: name of the split.
        subset: name of its subset.
        class_ids: K ids (elements, sets or events), by class index.
        class_names: K names.
        labels: ``train`` and ``val``: class index of every instance.
        source: where frames come from.
        facts: hashes that identify codebook and split.
    """

    split: str
    subset: str
    class_ids: tuple[str, ...]
    class_names: tuple[str, ...]
    labels: Mapping[str, Mapping[str, int]]
    source: ClipSource
    facts: Mapping[str, Any] = field(default_factory=dict)

    def select(self, side: str, section: DataSection) -> Selection:
        """The instances of ``train`` or ``val`` whose clips are there.

        Raises:
            AnnotationError: there are none, clips are missing, or (in ``train``) a class has no instance.
        """
        where = f"split {self.split}, {side}"
        selection = select_instances(self.labels[side], self.source, where=where, missing=section.missing)
        counts = np.bincount(selection.class_indices, minlength=len(self.class_ids))
        empty = [f"{self.class_ids[i]} ({self.class_names[i]})" for i in np.flatnonzero(counts == 0)]
        if side == "train" and empty and not section.allow_empty_classes:
            raise AnnotationError(
                f"{where}: {len(empty)} of {len(counts)} classes have no instance: {join_problems(empty, limit=3)}. "
                "Make a split in which every class has some, or set data.allow_empty_classes = true."
            )
        return selection


def open_data(section: DataSection) -> RecognitionData:
    """Open the dataset folder, the split and the clips that a recipe names.

    Raises:
        AnnotationError: the folder or the split is missing or damaged.
        VideoError: there is no clip store.
    """
    folder = Path(section.dataset)
    split_folder = folder / SPLITS_FOLDER / section.split
    if not is_dataset_folder(folder):
        raise AnnotationError(
            f"data.dataset: {folder.absolute()} is no dataset folder: it lacks {CODEBOOK_FILE} or {ANNOTATIONS_FILE}. "
            "Give its path with --set data.dataset=DIR."
        )
    if not split_folder.is_dir():
        splits = folder / SPLITS_FOLDER
        there = sorted(path.name for path in splits.iterdir() if path.is_dir()) if splits.is_dir() else []
        raise AnnotationError(
            f"data.split: {folder} has no split {section.split!r}; there are: {', '.join(there) or 'none'}. "
            "`finegym annotations split` makes one."
        )
    split = read_split(split_folder)
    source: ClipSource
    if section.source == "clips":
        source = StoreClips(folder / CLIPS_FOLDER)
    else:
        source = RecordClips(read_dataset(folder), folder)
    return RecognitionData(
        split=split.name,
        subset=split.subset.name,
        class_ids=tuple(class_.id for class_ in split.subset.classes),
        class_names=split.subset.class_names,
        labels={side: split.get_side(side) for side in SIDES},
        source=source,
        facts={
            "codebook": {"sha256": _hash_file(folder / CODEBOOK_FILE)},
            "split": {
                "name": split.name,
                "subset": split.subset.name,
                "subset_sha256": split.subset.sha256,
                **{f"{side}_sha256": _hash_file(split_folder / f"{side}.txt") for side in SIDES},
            },
        },
    )


def _hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_flip_class_map(
    section: DataSection, class_ids: Sequence[str], class_names: Sequence[str]
) -> np.ndarray | None:
    """The class that each class is in the mirror; ``None`` where clips are not to be mirrored.

    Args:
        section: says whether to flip, and which classes change places.
        class_ids: K ids.
        class_names: K names; one that says left or right must stand in ``flip_swaps``.

    Returns:
        int64 (K,), or ``None``.

    Raises:
        ConfigError: a pair names an unknown class, or a class that names a side is in no pair.
    """
    if not section.flip:
        return None
    class_map = np.arange(len(class_ids))
    index_by_id = {class_id: index for index, class_id in enumerate(class_ids)}
    swapped = {class_id for pair in section.flip_swaps for class_id in pair}
    problems = [
        f"data.flip_swaps names class {name!r}, which is not in the subset" for name in sorted(swapped - set(class_ids))
    ]
    problems += [
        f"class {class_id!r} ({name}) names a side, and data.flip does not say what it is in the mirror"
        for class_id, name in zip(class_ids, class_names, strict=True)
        if NAMES_A_SIDE.search(name) and class_id not in swapped
    ]
    if problems:
        raise ConfigError(
            f"{join_problems(problems, limit=5)}. Set data.flip = false, or give pairs of class ids in data.flip_swaps "
            "(an id with itself where the mirror changes nothing)."
        )
    for first, second in section.flip_swaps:
        class_map[index_by_id[first]], class_map[index_by_id[second]] = index_by_id[second], index_by_id[first]
    return class_map


def build_training_clips(
    selection: Selection, source: ClipSource, section: DataSection, flip_class_map: np.ndarray | None, seed: int
) -> TrainingClips:
    """The training clips of a recipe."""
    return TrainingClips(
        selection,
        source,
        num_segments=section.num_segments,
        short_side=section.short_side,
        crop_size=section.crop_size,
        crop_scales=section.crop_scales,
        flip_class_map=flip_class_map,
        seed=seed,
    )


def build_evaluation_clips(
    selection: Selection, source: ClipSource, section: DataSection, crops: str
) -> EvaluationClips:
    """The evaluation clips of a recipe; ``crops`` apart, because validation while training looks at the centre only."""
    return EvaluationClips(
        selection,
        source,
        num_segments=section.num_segments_test,
        short_side=section.short_side,
        crop_size=section.crop_size,
        crops=crops,
    )
