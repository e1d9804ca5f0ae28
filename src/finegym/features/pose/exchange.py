"""Poses from files of other tools into a store, and from a store into such files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from finegym.annotations.folder import read_dataset
from finegym.annotations.model import INSTANCE_ID, Dataset
from finegym.annotations.splits import SIDES, Split
from finegym.errors import ConfigError, FeatureError, join_problems
from finegym.features.build import FeatureBuild
from finegym.features.imported import ImportedClip, write_features
from finegym.features.make import MadeClip
from finegym.features.pose.coco_json import CocoPoses, read_coco_poses
from finegym.features.pose.coco_writing import write_coco_poses
from finegym.features.pose.pickle_data import Coverage, match_clips
from finegym.features.pose.pickles import BadJoints, PosePickle, read_pose_pickle, write_pose_pickle
from finegym.features.pose.poses import FOUND, INTERPOLATED, Poses
from finegym.features.pose.store import PoseStore, encode_poses
from finegym.features.store import FeatureSettings, sum_counts

Item = TypeVar("Item")
PICKLE_SUFFIXES, COCO_SUFFIX = (".pkl", ".pickle"), ".json"


@dataclass(frozen=True)
class PoseImport:
    """What came of an import.

    Attributes:
        build: the store and its tally.
        oddities: what was noticed in the files, each with its number.
        coverage: against the split or the dataset; ``None`` without either.
    """

    build: FeatureBuild
    oddities: Mapping[str, int]
    coverage: Coverage | None


def import_poses(
    paths: Sequence[Path],
    out: Path,
    *,
    dataset: Path | None = None,
    split: Split | None = None,
    images: Path | None = None,
    first_frame: int = 0,
    bad_joints: BadJoints = "error",
    replace: bool = False,
) -> PoseImport:
    """Make a pose store from pose pickles or COCO keypoint JSON.

    Clips that dataset and split do not know are stored too, and counted; clips of theirs that no file has are listed in
    the store's ``skipped.csv``.

    Args:
        paths: the files, all of one kind; no clip may be in two.
        out: folder of the store.
        dataset: a dataset folder whose clips these are.
        split: only its clips are looked for, and the labels of a pickle are compared with its class indices.
        images: as for ``read_coco_poses``.
        first_frame: as for ``read_coco_poses``.
        bad_joints: as for ``read_pose_pickle``.
        replace: whether a store of other settings may be replaced.

    Raises:
        FeatureError: a file is not as expected, or holds other clips than dataset or split.
        AnnotationError: the dataset is damaged.
        OutputError: the store cannot be written.
    """
    files = [_read(path, images, first_frame, bad_joints) for path in paths]
    home = _find_homes(files)
    opened = None if dataset is None else read_dataset(dataset)
    coverage = None
    if split is not None or opened is not None:
        labels = {id_: c.label for file in files if isinstance(file, PosePickle) for id_, c in file.clips.items()}
        expected = {} if split is None else _get_labels(split)
        wanted = list(expected) if split is not None or opened is None else list(opened.instances)
        where = ", ".join(map(str, paths))
        coverage = match_clips(list(home), wanted, where=where, labels=labels, expected=expected)
    parameters: dict[str, str | int | float | bool] = {"imported": " + ".join(_describe_file(path) for path in paths)}
    build = write_features(
        out,
        FeatureSettings(kind="pose", parameters=parameters),
        _show_progress(_make_clips(home, opened), len(home), "importing poses"),
        failed={} if coverage is None else dict.fromkeys(coverage.missing, f"not in {paths[0].name}"),
        replace=replace,
    )
    oddities: dict[str, int] = {}
    for file in files:
        for what, number in (file.oddities if isinstance(file, PosePickle) else file.counts).items():
            oddities[what] = oddities.get(what, 0) + number
    return PoseImport(build, oddities, coverage)


def _read(path: Path, images: Path | None, first_frame: int, bad_joints: BadJoints) -> PosePickle | CocoPoses:
    suffix = path.suffix.lower()
    if suffix in PICKLE_SUFFIXES:
        return read_pose_pickle(path, bad_joints=bad_joints)
    if suffix == COCO_SUFFIX:
        return read_coco_poses(path, images=images, first_frame=first_frame)
    raise ConfigError(f"{path}: expected a pose pickle (.pkl) or COCO keypoints (.json), got {suffix or 'no suffix'}.")


def _find_homes(files: Sequence[PosePickle | CocoPoses]) -> dict[str, PosePickle | CocoPoses]:
    homes: dict[str, PosePickle | CocoPoses] = {}
    twice = []
    for file in files:
        twice += [id_ for id_ in file.instance_ids if id_ in homes]
        homes |= dict.fromkeys(file.instance_ids, file)
    if twice:
        raise FeatureError(
            f"{len(twice)} clips are in two files: {join_problems(twice, 3)}. Leave one of the files out."
        )
    return homes


def _get_labels(split: Split) -> dict[str, int]:
    return {id_: index for side in SIDES for id_, index in split.get_side(side).items()}


def _describe_file(path: Path) -> str:
    """Name and the beginning of its hash: two files of one name are two settings."""
    with path.open("rb") as file:
        return f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"


def _make_clips(homes: Mapping[str, PosePickle | CocoPoses], dataset: Dataset | None) -> Iterator[ImportedClip]:
    for instance_id, file in homes.items():
        poses = file.read(instance_id)
        instance = None if dataset is None else dataset.instances.get(instance_id)
        named = INSTANCE_ID.match(instance_id)
        yield ImportedClip(
            _make_clip(instance_id, poses),
            instance.video.id if instance else named["video"] if named else "imported",
            poses.num_frames,
            instance.sub_action.start_ms if instance else 0,
            instance.sub_action.end_ms if instance else 0,
        )


def _show_progress(items: Iterable[Item], total: int, title: str) -> Iterable[Item]:
    """The items, with a bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, title, total, console=console, transient=True, disable=not console.is_terminal)


def _make_clip(instance_id: str, poses: Poses) -> MadeClip:
    def encode(facts_json: str) -> list[bytes]:
        return [encode_poses(poses, facts_json)]

    return MadeClip(instance_id, poses.height, poses.width, count_poses(poses), ".safetensors", encode)


def count_poses(poses: Poses) -> dict[str, int]:
    """What a store of poses counts of every clip: persons, and how many of all person-frames have a pose.

    Example:
        >>> import numpy as np
        >>> zeros = np.zeros((1, 3, 17, 2)), np.zeros((1, 3, 17)), np.zeros((1, 3, 4))
        >>> count_poses(Poses(*zeros, np.array([[0, 1, 2]]), 320, 240))
        {'frames': 3, 'frames_with_pose': 2, 'persons': 1, 'found': 1, 'interpolated': 1}
    """
    return {
        "frames": poses.num_frames,
        "frames_with_pose": int((poses.status > 0).any(axis=0).sum()),
        "persons": len(poses.status),
        "found": int((poses.status == FOUND).sum()),
        "interpolated": int((poses.status == INTERPOLATED).sum()),
    }


@dataclass(frozen=True)
class PoseExport:
    """What went into a file.

    Attributes:
        num_clips: clips.
        num_poses: poses of persons in frames.
        interpolated: of these, interpolated ones. In a pickle they are like any other, in COCO they say so.
        missing: clips of the split that the store lacks.
        outside: clips of the store that are not in the split.
    """

    num_clips: int
    num_poses: int
    interpolated: int
    missing: tuple[str, ...]
    outside: int


def export_poses(
    store: PoseStore,
    out: Path,
    to: Literal["pickle", "coco"],
    *,
    split: Split | None = None,
    missing: Literal["error", "leave-out"] = "error",
    half: bool = False,
) -> PoseExport:
    """Write the poses of a store as one file.

    Args:
        store: the poses.
        out: the file.
        to: ``pickle``: as pyskl and mmaction2 read them, which needs a split; ``coco``: COCO keypoint JSON.
        split: only its clips; says sides and labels.
        missing: what to do where the store lacks clips of the split: refuse, or leave them out and count them.
        half: of a pickle, float16 rather than float32.

    Raises:
        ConfigError: a pickle without a split.
        FeatureError: clips of the split are missing and may not be, or a clip is damaged.
        OutputError: the file cannot be written.
    """
    if split is None and to == "pickle":
        raise ConfigError(
            "a pose pickle says the class of every clip and its side. Give a split with --split DATASET/splits/NAME."
        )
    sides = {} if split is None else {side: list(split.get_side(side)) for side in SIDES}
    wanted = [id_ for ids in sides.values() for id_ in ids] if split else list(store.instance_ids)
    absent = store.find_missing(wanted)
    if absent and (missing == "error" or len(absent) == len(wanted)):
        raise FeatureError(
            f"{store}: lacks {len(absent)} of the {len(wanted)} clips of the split: {join_problems(list(absent), 3)}."
            + ("" if len(absent) == len(wanted) else " --missing leave-out goes on without them.")
        )
    kept = [id_ for id_ in wanted if id_ not in absent]
    all_counts: list[dict[str, int]] = []

    def read() -> Iterator[tuple[str, Poses]]:
        for instance_id in kept:
            poses = store.read(instance_id)
            all_counts.append(count_poses(poses))
            yield instance_id, poses

    clips = _show_progress(read(), len(kept), "exporting poses")
    if to == "coco":
        write_coco_poses(out, clips)
    else:
        assert split is not None, "refused above"
        kept_sides = {side: [id_ for id_ in ids if id_ not in absent] for side, ids in sides.items()}
        write_pose_pickle(out, clips, _get_labels(split), kept_sides, half=half)
    counts = sum_counts(all_counts)
    num_poses = counts["found"] + counts["interpolated"]
    return PoseExport(len(kept), num_poses, counts["interpolated"], tuple(absent), len(store) - len(kept))
