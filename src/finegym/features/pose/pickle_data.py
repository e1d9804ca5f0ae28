"""A pose pickle as a dataset of its own: sides, classes, poses. Training on published skeletons takes one command."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finegym.annotations.subsets import find_subset, map_glabels
from finegym.codebook.official import read_official_files
from finegym.errors import FeatureError, join_problems
from finegym.features.pose.pickles import BadJoints, PosePickle, read_pose_pickle

SIDES = ("train", "val")


@dataclass(frozen=True)
class PickleData:
    """What a run needs to know of a pose pickle.

    Attributes:
        name: of the file, and of the pair of lists where the file has several.
        labels: ``train`` and ``val``: class index of every clip, by instance id.
        class_ids: K ids: the elements of the codebook where official files were given, else the numbers as text.
        class_names: K names.
        poses: a ``PoseSource``.
        oddities: what was noticed, each with its number; for the user to see.
        sha256: of the file, or of the two files' hashes.
    """

    name: str
    labels: Mapping[str, Mapping[str, int]]
    class_ids: tuple[str, ...]
    class_names: tuple[str, ...]
    poses: PosePickle
    oddities: Mapping[str, int]
    sha256: str


def open_pose_pickle(
    path: str | Path,
    *,
    split: str | None = None,
    official: Path | None = None,
    subset: str = "gym99",
    bad_joints: BadJoints = "error",
    missing: Literal["error", "leave-out"] = "error",
) -> PickleData:
    """Open a pose pickle for training.

    Args:
        path: the file; of the older form, which has no sides, two with a comma: ``gym_train.pkl,gym_val.pkl``.
        split: which pair of lists, where the file has several: ``xsub`` for ``xsub_train`` and ``xsub_val``, ``1`` for
            ``train1`` and ``test1``. ``None``: the only one.
        official: folder of FineGym's category files, for the names of classes.
        subset: what the labels are classes of, ``gym99`` or ``gym288``; only with ``official``.
        bad_joints: as for ``read_pose_pickle``.
        missing: what to do with ids in the lists that have no annotation: refuse, or leave them out (``oddities``
            counts them).

    Raises:
        FeatureError: as ``read_pose_pickle``; or there is no such pair, ids have no annotation and may not be left out,
            are twice in the lists, or labels do not fit the classes.
        CodebookError: official files are not as published.
    """
    # A comma may also be part of a name.
    paths = [Path(path)] if Path(path).exists() else [Path(part) for part in str(path).split(",")]
    files = [read_pose_pickle(part, bad_joints=bad_joints) for part in paths]
    poses, pair, sides = _join_two(files) if len(files) == 2 else _choose_sides(files, split)
    _check_sides(sides, poses, missing)
    labels = {side: {id_: poses.clips[id_].label for id_ in ids if id_ in poses.clips} for side, ids in sides.items()}
    num_classes = 1 + max(label for side in labels.values() for label in side.values())
    class_ids = class_names = tuple(map(str, range(num_classes)))
    if official is not None:
        files_ = read_official_files(official)
        classes = find_subset(subset, files_.codebook, map_glabels(files_.class_glabels, files_.codebook))
        class_ids, class_names = tuple(class_.id for class_ in classes.classes), classes.class_names
        if num_classes > len(class_ids):
            raise FeatureError(f"{path}: label {num_classes - 1}, but {subset} has classes 0 to {len(class_ids) - 1}.")
    name = paths[0].stem + (f"-{pair}" if pair else "")
    return PickleData(name, labels, class_ids, class_names, poses, poses.oddities, _hash(paths))


def find_pairs(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The lists that are a training and a validation side, by what they have in common.

    Example:
        >>> find_pairs(["train", "val"]), find_pairs(["xsub_train", "xsub_val", "train1", "test1"])
        ({'': ('train', 'val')}, {'xsub': ('xsub_train', 'xsub_val'), '1': ('train1', 'test1')})
    """
    pairs = {}
    for name in names:
        for other in ("val", "test"):
            partner = name.replace("train", other)
            if "train" in name and partner in names:
                pairs[re.sub(r"^[_-]|[_-]$", "", name.replace("train", ""))] = (name, partner)
                break
    return pairs


def _choose_sides(
    files: Sequence[PosePickle], wanted: str | None
) -> tuple[PosePickle, str, dict[str, tuple[str, ...]]]:
    if len(files) != 1:
        raise FeatureError(f"expected one pose pickle, or two (train,val), got {len(files)}.")
    (poses,) = files
    if not poses.split:
        raise FeatureError(
            f"{poses.path}: is a bare list of annotations, which does not say what is for training and what for "
            "validation. Give both files with a comma between them: gym_train.pkl,gym_val.pkl."
        )
    pairs = find_pairs(list(poses.split))
    chosen = next(iter(pairs)) if wanted is None and len(pairs) == 1 else wanted
    if chosen is None or chosen not in pairs:
        known = ", ".join(f"{name or '(no name)'}: {' and '.join(lists)}" for name, lists in pairs.items())
        raise FeatureError(
            f"{poses.path}: expected the name of a pair of lists, got {wanted!r}; there are {known or 'none'} "
            f"(lists: {', '.join(poses.split)}).{' Without a name, the only pair is taken.' if len(pairs) == 1 else ''}"
        )
    train, val = pairs[chosen]
    return poses, chosen, {"train": poses.split[train], "val": poses.split[val]}


def _join_two(files: Sequence[PosePickle]) -> tuple[PosePickle, str, dict[str, tuple[str, ...]]]:
    train, val = files
    for file in files:
        if file.split:
            raise FeatureError(f"{file.path}: has lists of its own ({', '.join(file.split)}). Give this file alone.")
    sides = {"train": train.instance_ids, "val": val.instance_ids}
    oddities = dict(Counter(train.oddities) + Counter(val.oddities))
    return PosePickle(train.path, {**train.clips, **val.clips}, sides, oddities), "", sides


def _check_sides(sides: Mapping[str, Sequence[str]], poses: PosePickle, missing: str) -> None:
    problems = []
    for side, ids in sides.items():
        absent = [id_ for id_ in ids if id_ not in poses.clips]
        if len(absent) == len(ids):
            problems.append(f"no clip of the list for {side} ({len(ids)} ids) has an annotation")
        repeated = [id_ for id_, number in Counter(ids).items() if number > 1]
        if repeated:
            problems.append(f"{len(repeated)} clips are twice in the list for {side}: {join_problems(repeated, 3)}")
        if 0 < len(absent) < len(ids) and missing == "error":
            problems.append(
                f"{len(absent)} of the {len(ids)} clips of {side} have no annotation: {join_problems(absent, 3)} "
                '(data.missing = "leave-out" goes on without them)'
            )
    both = sorted(set(sides["train"]) & set(sides["val"]))
    if both:
        problems.append(f"{len(both)} clips are in both lists: {join_problems(both, 3)}")
    if problems:
        raise FeatureError(f"{poses.path}: {join_problems(problems)}. Correct the lists.")


def _hash(paths: Sequence[Path]) -> str:
    digests = []
    for path in paths:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


@dataclass(frozen=True)
class Coverage:
    """How a file of poses and a list of clips fit each other.

    Attributes:
        covered: clips of the list that the file has.
        missing: clips of the list that it lacks.
        foreign: clips of the file that are in no list.
        relabelled: covered clips whose label in the file differs from the list's.
    """

    covered: tuple[str, ...]
    missing: tuple[str, ...]
    foreign: tuple[str, ...]
    relabelled: tuple[str, ...] = ()


def match_clips(
    found: Sequence[str],
    wanted: Sequence[str],
    *,
    where: str,
    labels: Mapping[str, int] | None = None,
    expected: Mapping[str, int] | None = None,
) -> Coverage:
    """Compare the clips of a file with those of a dataset or split.

    Args:
        found: ids in the file.
        wanted: ids of the dataset.
        where: for messages, the file.
        labels: the file's class indices.
        expected: the class indices of the split that is meant.

    Raises:
        FeatureError: not one clip is in both: the file is of other clips.
    """
    there, asked = set(found), set(wanted)
    covered = tuple(id_ for id_ in wanted if id_ in there)
    if not covered:
        raise FeatureError(
            f"{where}: holds poses of other clips: not one of its {len(there)} (such as {next(iter(found), 'none')}) "
            f"is among the {len(asked)} wanted (such as {next(iter(wanted), 'none')})."
        )
    relabelled = [id_ for id_ in covered if labels and expected and labels.get(id_) != expected.get(id_, labels[id_])]
    return Coverage(
        covered,
        tuple(id_ for id_ in wanted if id_ not in there),
        tuple(id_ for id_ in found if id_ not in asked),
        tuple(relabelled),
    )
