"""From one shape of a dataset to another: dataset folder, official files, CSV; ``annotations.activitynet`` has its own.

Whatever a target cannot hold is an error that counts it, unless the caller allows leaving it out; then every id that
was left out is in the result.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from finegym.annotations.annotation_json import JsonLayout, format_annotation_json, read_json_layout
from finegym.annotations.folder import write_dataset
from finegym.annotations.lists import InstanceList, format_list
from finegym.annotations.model import Dataset
from finegym.annotations.source import Source
from finegym.annotations.splits import Split, format_split, read_split
from finegym.annotations.subsets import make_subset
from finegym.codebook.official import OfficialFiles, format_official_files
from finegym.errors import AnnotationError, CodebookError, OutputError
from finegym.files import new_folder, write_text

ANNOTATION_FILE = "finegym_annotation_info_v1.1.json"
_OFFICIAL_SETTING = re.compile(r"gym[0-9]+")

INSTANCE_COLUMNS = (
    "video_id",
    "action_id",
    "instance_id",
    "event_id",
    "set_id",
    "element_id",
    "element_name",
    "action_start_ms",
    "action_end_ms",
    "start_ms",
    "end_ms",
    "stages_ms",
    "athlete",
    "competition",
)


@dataclass(frozen=True)
class Conversion:
    """What was written, and what was not.

    Attributes:
        written: the files.
        counts: how much of what they hold.
        left_out: reason → ids; empty unless the caller allowed it.
    """

    written: tuple[Path, ...]
    counts: Mapping[str, int]
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def convert_to_folder(source: Source, folder: Path, *, allow_loss: bool = False) -> Conversion:
    """Write a dataset folder, official lists as splits in it; paths of media are made relative to it.

    Raises:
        AnnotationError: lists name instances without annotations (FineGym's Gym288 does) and ``allow_loss`` is not set.
        OutputError: the folder is not empty, or cannot be written.
    """
    require_new(folder)
    left_out: dict[str, tuple[str, ...]] = {}
    if source.kind == "folder":
        splits = [read_split(path.parent) for path in sorted(source.path.glob("splits/*/split.json"))]
    else:
        splits = []
        known = source.dataset.instances.keys()
        for setting, parts in source.lists.items():
            missing = tuple(id_ for listed in parts.values() for id_ in listed.label_by_id if id_ not in known)
            if missing:
                left_out[f"instances of {setting} without annotations"] = missing
            splits.append(_make_split(setting, parts, source, set(missing)))
    check_loss(left_out, allow_loss, f"{folder}: a dataset folder cannot hold")
    with new_folder(folder) as new:
        for split in splits:
            for name, text in format_split(split).items():
                write_text(new / "splits" / split.name / name, text)
        write_dataset(move_paths(source.dataset, source.path, folder), new)
    written = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
    return Conversion(written, _count(source.dataset), left_out)


def convert_to_official(source: Source, folder: Path, *, allow_loss: bool = False) -> Conversion:
    """Write official files: annotations, categories, trees and lists, in one folder.

    From official files the same bytes come out again.

    Raises:
        AnnotationError: the codebook does not fit official files; or elements, splits or facts about records do not,
            and ``allow_loss`` is not set.
        OutputError: the folder is not empty, or cannot be written.
    """
    require_new(folder)
    files = source.official.files if source.official else _make_official_files(source, folder)
    left_out = {} if source.official else _find_unofficial(source)
    check_loss(left_out, allow_loss, f"{folder}: official files cannot hold")
    texts = format_official_files(files)
    paths = source.official.paths if source.official else {}
    layout = read_json_layout(paths["annotations"]) if paths else JsonLayout()
    json_name = paths["annotations"].name.removesuffix(".gz") if paths else ANNOTATION_FILE
    texts[json_name] = format_annotation_json(source.dataset.videos, source.dataset.codebook, layout)
    for setting, parts in source.lists.items():
        for part, listed in parts.items():
            version = "_v1.1" if part == "train" else ""
            name = paths[f"{setting}/{part}"].name if paths else f"{setting}_{part}_element{version}.txt"
            if _OFFICIAL_SETTING.fullmatch(setting):
                texts[name] = format_list(listed)
    with new_folder(folder) as new:
        for name, text in texts.items():
            write_text(new / name, text)
    return Conversion(tuple(folder / name for name in sorted(texts)), _count(source.dataset), left_out)


def convert_to_csv(source: Source, path: Path) -> Conversion:
    """Write one row a sub-action, with its action, record, label and class index in every list.

    An action without sub-actions has one row with those columns empty, a record without actions too: nothing is left
    out. Times are whole milliseconds on the record's clock; ``stages_ms`` is ``start-end`` of every stage, separated by
    blanks.

    Raises:
        OutputError: the file is there already, or cannot be written.
    """
    require_new(path)
    dataset, lists = source.dataset, source.lists
    names = {element.id: element.name.strip() for element in dataset.codebook.elements}
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    settings = [f"{setting}_{part}" for setting, parts in lists.items() for part in parts]
    labels = [listed.label_by_id for parts in lists.values() for listed in parts.values()]
    writer.writerow([*INSTANCE_COLUMNS, *settings])
    for video in dataset.videos:
        if not video.actions:
            writer.writerow([video.id, *[""] * 12, video.competition])
        for action in video.actions:
            action_id = f"{video.id}_{action.name}"
            around = (action.start_ms, action.end_ms)
            tail = (action.athlete, video.competition)
            if not action.sub_actions:
                writer.writerow([video.id, action_id, "", action.event_id, "", "", "", *around, "", "", "", *tail])
            for sub in action.sub_actions or ():
                id_ = f"{action_id}_{sub.name}"
                label = (sub.set_id, sub.element_id, names.get(sub.element_id or ""))
                stages = " ".join(f"{start}-{end}" for start, end in sub.stages)
                times = (*around, sub.start_ms, sub.end_ms, stages)
                classes = [listed.get(id_, "") for listed in labels]
                writer.writerow([video.id, action_id, id_, action.event_id, *label, *times, *tail, *classes])
    write_text(path, buffer.getvalue())
    return Conversion((path,), _count(dataset))


def require_new(path: Path) -> None:
    """Nothing is overwritten.

    Raises:
        OutputError: a file, or a folder that is not empty, is there.
    """
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise OutputError(f"{path}: is there already. Choose another place, or move it away first.")


def check_loss(left_out: Mapping[str, tuple[str, ...]], allow_loss: bool, where: str) -> None:
    """What is left out must be allowed.

    Raises:
        AnnotationError: it is not; every reason is named with its count.
    """
    if left_out and not allow_loss:
        facts = "; ".join(f"{len(ids)} {reason}, such as {ids[0]}" for reason, ids in left_out.items())
        raise AnnotationError(f"{where} {facts}. Pass --allow-loss to leave them out, counted.")


def _count(dataset: Dataset) -> dict[str, int]:
    return {
        "records": len(dataset.videos),
        "actions": sum(len(video.actions) for video in dataset.videos),
        "sub-actions": len(dataset.instances),
    }


def _make_split(setting: str, parts: Mapping[str, InstanceList], source: Source, missing: set[str]) -> Split:
    if setting not in source.class_elements or parts.keys() != {"train", "val"}:
        raise AnnotationError(
            f"{source.path}: setting {setting} has lists of {', '.join(parts)}; expected train and val, and a category "
            "file of elements. Add the files, or take the lists away."
        )
    train, val = (
        {id_: index for id_, index in parts[part].label_by_id.items() if id_ not in missing}
        for part in ("train", "val")
    )
    subset = make_subset(setting, "element", source.class_elements[setting], source.dataset.codebook)
    rule = f"FineGym's published lists, version {source.official.version}" if source.official else ""
    outside = {"in the lists, not in the annotations": len(missing)} if missing else {}
    return Split(setting, subset, train, val, rule, outside=outside)


def move_paths(dataset: Dataset, old: Path, new: Path) -> Dataset:
    """Paths of media relative to ``new``; absolute ones stay."""
    videos = tuple(
        replace(video, path=Path(os.path.relpath(old / video.path, new)).as_posix())
        if video.path is not None and not Path(video.path).is_absolute()
        else video
        for video in dataset.videos
    )
    return Dataset(dataset.codebook, videos)


def _make_official_files(source: Source, folder: Path) -> OfficialFiles:
    codebook = source.dataset.codebook
    glabel_of = {element.id: element.glabel for element in codebook.elements}
    if [element.glabel for element in codebook.elements] != list(range(len(codebook.elements))):
        raise AnnotationError(
            f"{folder}: codebook {codebook.name} does not fit official category files: its elements are not FineGym's, "
            "Glabel 0, 1, 2 … in order. annotations.json of a dataset folder already has the official shape; or use "
            "--to csv or --to activitynet."
        )
    class_glabels = {
        setting: tuple(glabel for id_ in ids if (glabel := glabel_of[id_]) is not None)
        for setting, ids in source.class_elements.items()
        if setting in ("gym99", "gym288")
    }
    files = OfficialFiles(codebook, class_glabels, layouts={})
    try:
        format_official_files(files)
    except (CodebookError, KeyError, TypeError) as error:
        raise AnnotationError(f"{folder}: codebook {codebook.name} does not fit official files: {error}") from error
    return files


def _find_unofficial(source: Source) -> dict[str, tuple[str, ...]]:
    """What official files have no place for."""
    listed = {
        id_
        for setting, parts in source.lists.items()
        if _OFFICIAL_SETTING.fullmatch(setting)
        for part in parts.values()
        for id_ in part.label_by_id
    }
    left_out: dict[str, list[str]] = defaultdict(list)
    for setting in source.lists:
        if not _OFFICIAL_SETTING.fullmatch(setting):
            left_out["splits that are none of gym99, gym288 …"].append(setting)
    for id_, instance in source.dataset.instances.items():
        if instance.sub_action.element_id is not None and id_ not in listed:
            left_out["elements of sub-actions that are in no list"].append(id_)
        elif instance.sub_action.set_id is not None and instance.sub_action.element_id is None:
            left_out["sets of sub-actions without an element"].append(id_)
    for video in source.dataset.videos:
        if any(fact is not None for fact in (video.path, video.competition, video.fps, video.num_frames, video.width)):
            left_out["records with a file, a competition or a size"].append(video.id)
        left_out_athletes = [f"{video.id}_{action.name}" for action in video.actions if action.athlete is not None]
        if left_out_athletes:
            left_out["athletes of actions"] += left_out_athletes
    return {reason: tuple(ids) for reason, ids in left_out.items()}
