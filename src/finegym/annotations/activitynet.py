"""ActivityNet's annotation JSON: what localizers train on and are evaluated against.

Labels are ids (names of elements repeat); ``taxonomy`` gives their names and parents. Two keys of ours stand in a video
beside the official ones, and readers of the format pass over them: ``record``, what an action was cut from, and
``ignored``, segments that are there but have no label among the classes. ``simulated`` stands in the file of a
competition that nobody filmed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from finegym.annotations.convert import Conversion, check_loss, require_new
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.source import Source
from finegym.annotations.subsets import Level
from finegym.errors import AnnotationError
from finegym.files import write_text

Task = Literal["actions", "sub-actions"]
_SUBSETS = {"train": "training", "val": "validation"}
_Row = tuple[int, int, str, str]  # start and end in ms, label, id


def convert_to_activitynet(
    source: Source,
    path: Path,
    *,
    level: Level | None = None,
    setting: str | None = None,
    task: Task | None = None,
    allow_loss: bool = False,
) -> Conversion:
    """Write a dataset in ActivityNet's layout, in seconds.

    Args:
        source: what to write.
        path: where to.
        level: as for ``make_activitynet``; so are the next two.
        setting: likewise.
        task: likewise.
        allow_loss: leave out what the layout cannot hold, and count it: sub-actions without a label of the level. Not
            needed where they are ignored.

    Raises:
        AnnotationError: something would be left out; or as ``make_activitynet``.
        OutputError: the file is there already, or cannot be written.
    """
    require_new(path)
    content, lost = make_activitynet(source, level=level, setting=setting, task=task)
    check_loss(lost, allow_loss, f"{path}: ActivityNet files cannot hold")
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return Conversion((path,), _count(content["database"], task), lost)


def make_activitynet(
    source: Source,
    *,
    level: Level | None = None,
    setting: str | None = None,
    task: Task | None = None,
    with_ids: bool = False,
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """A dataset in ActivityNet's layout, as plain values.

    Args:
        source: the dataset.
        level: what a label is: ``"event"`` (of actions, unless the task is sub-actions), ``"set"`` or ``"element"``. By
            default events for the task ``actions``, elements otherwise.
        setting: only records of this split, with ``subset`` ``training`` or ``validation``, and only its classes;
            without it, ``all``.
        task: ``"sub-actions"`` makes every action a video with a clock of its own, and sub-actions without a label
            among the classes ``ignored``. ``"actions"``, or none, makes every record a video.
        with_ids: every segment also has the ``id`` of its action or sub-action, and every action that is a video its
            ``record_segment``. Readers of the format pass over both.

    Returns:
        The content of the file, and the ids of what it cannot hold, by reason.

    Raises:
        AnnotationError: a setting that there is not, or with records on both sides; a level that actions do not have.
    """
    level = level or ("event" if task == "actions" else "element")
    if task == "actions" and level != "event":
        raise AnnotationError(f"actions have an event and no {level}. Take level event, or task sub-actions.")
    side_of_video = _find_sides(source, setting) if setting is not None else None
    videos = [v for v in source.dataset.videos if side_of_video is None or v.id in side_of_video]
    subset_of = {v.id: side_of_video[v.id] if side_of_video is not None else "all" for v in videos}
    lost: dict[str, tuple[str, ...]] = {}
    if task == "sub-actions":
        classes = None if setting is None else _find_classes(source, setting, level)
        database = _make_actions(videos, subset_of, source.dataset, level, classes, with_ids)
        unseen = tuple(f"{v.id}_{a.name}" for v in videos for a in v.actions if a.sub_actions is None)
        lost = {"actions in which nobody has looked for sub-actions": unseen} if unseen else {}
    else:
        database, unlabelled = _make_records(videos, subset_of, source.dataset, level, with_ids)
        lost = {f"sub-actions without a label of the {level} level": unlabelled} if unlabelled else {}
    codebook = source.dataset.codebook
    content: dict[str, Any] = {"version": f"{codebook.name} {codebook.version}"}
    if (source.path / "truth").is_dir():  # only simulated competitions have one
        content["simulated"] = True
    return content | {"taxonomy": _make_taxonomy(source, level), "database": database}, lost


def _make_records(
    videos: list[Video], subset_of: Mapping[str, str], dataset: Dataset, level: Level, with_ids: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Records on their own clock, and the ids of sub-actions without a label."""
    unlabelled: list[str] = []
    database: dict[str, Any] = {}
    for video in videos:
        rows: list[_Row] = []
        for action in video.actions:
            id_ = f"{video.id}_{action.name}"
            if level == "event":
                rows.append((action.start_ms, action.end_ms, action.event_id, id_))
                continue
            for sub in action.sub_actions or ():
                label = _get_label(sub, action, dataset, level)
                if label is None:
                    unlabelled.append(f"{id_}_{sub.name}")
                else:
                    rows.append((sub.start_ms, sub.end_ms, label, f"{id_}_{sub.name}"))
        seconds = round(video.num_frames / video.fps, 3) if video.num_frames and video.fps else None
        database[video.id] = {
            "duration": seconds,
            "subset": subset_of[video.id],
            "annotations": _format(rows, with_ids),
        }
    return database, tuple(unlabelled)


def _make_actions(
    videos: list[Video],
    subset_of: Mapping[str, str],
    dataset: Dataset,
    level: Level,
    classes: set[str] | None,
    with_ids: bool,
) -> dict[str, Any]:
    """Actions, each on a clock that starts with it."""
    database: dict[str, Any] = {}
    for video in videos:
        for action in video.actions:
            if action.sub_actions is None:
                continue
            id_ = f"{video.id}_{action.name}"
            rows: list[_Row] = []
            ignored: list[_Row] = []
            for sub in action.sub_actions:
                label = _get_label(sub, action, dataset, level)
                is_class = label is not None and (classes is None or label in classes)
                times = (sub.start_ms - action.start_ms, sub.end_ms - action.start_ms)
                (rows if is_class else ignored).append((*times, label or "", f"{id_}_{sub.name}"))
            database[id_] = {
                "duration": (action.end_ms - action.start_ms) / 1000,
                "subset": subset_of[video.id],
                "record": video.id,
                "annotations": _format(rows, with_ids),
                "ignored": [_drop_label(row) for row in _format(ignored, with_ids)],
            }
            if with_ids:
                database[id_]["record_segment"] = [action.start_ms / 1000, action.end_ms / 1000]
    return database


def _format(rows: list[_Row], with_ids: bool) -> list[dict[str, Any]]:
    return [
        {"segment": [start / 1000, end / 1000], "label": label} | ({"id": id_} if with_ids else {})
        for start, end, label, id_ in sorted(rows)
    ]


def _drop_label(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "label"}


def _count(database: Mapping[str, Any], task: Task | None) -> dict[str, int]:
    counts = {"records": len({entry.get("record", id_) for id_, entry in database.items()})}
    if task == "sub-actions":
        counts["actions"] = len(database)
    counts["segments"] = sum(len(entry["annotations"]) for entry in database.values())
    if task == "sub-actions":
        counts["ignored segments"] = sum(len(entry["ignored"]) for entry in database.values())
    else:
        counts["records of unknown duration"] = sum(entry["duration"] is None for entry in database.values())
    return counts


def _get_label(sub: SubAction, action: Action, dataset: Dataset, level: Level) -> str | None:
    if level == "event":
        return action.event_id
    if level == "element":
        return sub.element_id
    element = dataset.codebook.element_by_id.get(sub.element_id or "")
    return element.set_id if element else sub.set_id


def _find_classes(source: Source, setting: str, level: Level) -> set[str]:
    """The labels that the instances of a split have."""
    dataset = source.dataset
    listed = {id_ for part in source.lists[setting].values() for id_ in part.label_by_id}
    instances = [dataset.instances[id_] for id_ in listed if id_ in dataset.instances]
    labels = {_get_label(instance.sub_action, instance.action, dataset, level) for instance in instances}
    return {label for label in labels if label is not None}


def _find_sides(source: Source, setting: str) -> dict[str, str]:
    """``training`` or ``validation`` for every record that has instances in a setting."""
    if setting not in source.lists:
        known = ", ".join(source.lists) or "none"
        raise AnnotationError(f"{source.path}: there is no split {setting}; there are {known}. Choose one of them.")
    side_of_video: dict[str, str] = {}
    both: set[str] = set()
    instances = source.dataset.instances
    for part, listed in source.lists[setting].items():
        side = _SUBSETS.get(part, part)
        for id_ in listed.label_by_id:
            if id_ in instances and side_of_video.setdefault(instances[id_].video.id, side) != side:
                both.add(instances[id_].video.id)
    if both:
        raise AnnotationError(
            f"{source.path}: split {setting} has {len(both)} records on both sides, such as {min(both)}; ActivityNet "
            "files put a whole record on one. Make a split by video: finegym annotations split."
        )
    return side_of_video


def _make_taxonomy(source: Source, level: Level) -> list[dict[str, str | None]]:
    codebook = source.dataset.codebook
    nodes: list[dict[str, str | None]] = [
        {"nodeId": event.id, "nodeName": event.name, "parentId": None} for event in codebook.events
    ]
    if level in ("set", "element"):
        nodes += [{"nodeId": set_.id, "nodeName": set_.name, "parentId": set_.event_id} for set_ in codebook.sets]
    if level == "element":
        nodes += [
            {"nodeId": element.id, "nodeName": element.name.strip(), "parentId": element.set_id}
            for element in codebook.elements
        ]
    return nodes
