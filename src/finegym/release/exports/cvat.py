"""CVAT's XML for video (version 1.1), a file a record, and the labels that its tasks need.

CVAT annotates what is in pictures; a segment is a track whose box is the whole picture, from the segment's first frame
on, *outside* from the first frame after it. Labels are ``action``, ``sub-action`` and ``stage``; all else is in
attributes, the exact times too. ``labels.json`` is what a task's *Raw* constructor of labels takes.

Source: CVAT's documentation of its XML annotation format, "CVAT for video 1.1".
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from finegym.annotations.model import Dataset, Video
from finegym.codebook.model import Codebook
from finegym.files import write_text
from finegym.release.exports.exported import (
    Exported,
    ExportSettings,
    get_set_id,
    list_simulated,
    make_exported,
    name_files,
)
from finegym.release.exports.facts import UNUSED, Fact, find_unused_labels
from finegym.release.exports.frames import FrameClock, check_left_out, make_clocks
from finegym.release.exports.xml_text import add, write_xml

LABELS_FILE = "labels.json"
CARRIED: frozenset[Fact] = frozenset(
    {
        "frame counts",
        "picture sizes",
        "records without actions",
        "action names",
        "athletes",
        "unlooked",
        "sub-action names",
        "elements",
        "sets",
        "unlabelled",
        "stages",
        "label names",
    }
)
UNSIZED = "records left out: their picture size or number of frames is not known"
LATE = "actions and sub-actions that begin after the last frame of their record, shown in it"
_TIMES = ("name", "start_ms", "end_ms")
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "action": (*_TIMES, "event_id", "event", "athlete", "sub_actions_sought"),
    "sub-action": (*_TIMES, "action", "set_id", "set", "element_id", "element"),
    "stage": (*_TIMES, "action", "number"),
}
_COLOURS = {"action": "#4477aa", "sub-action": "#ee6677", "stage": "#ccbb44"}

_Segment = tuple[str, int, int, dict[str, str]]  # label, start and end in ms, attributes


def export_cvat(dataset: Dataset, folder: Path, settings: ExportSettings) -> Exported:
    """Write a file for every record.

    Raises:
        AnnotationError: frame rate, number of frames or size of a record is not known, and records may not be left
            out; or a text holds a control character.
        OutputError: a file cannot be written.
    """
    clocks, kept, notes = make_clocks(dataset, settings)
    unsized = [video.id for video in kept.videos if not (video.width and video.height and video.num_frames)]
    check_left_out(kept, unsized, "picture size or number of frames", settings)
    kept = replace(kept, videos=tuple(video for video in kept.videos if video.id not in unsized))
    names = name_files((video.id for video in kept.videos), ".xml")
    write_text(folder / LABELS_FILE, json.dumps(_make_labels(), indent=1) + "\n")
    for video in kept.videos:
        write_xml(_make_document(video, clocks[video.id], kept.codebook), folder / names[video.id])
    written = [folder / LABELS_FILE, *(folder / name for name in names.values())]
    late = [id_ for video in kept.videos for id_ in _find_late(video, clocks[video.id])]
    left_out = {UNSIZED: unsized} | notes | {LATE: late, UNUSED: find_unused_labels(kept)}
    left_out |= list_simulated(kept, settings)
    return make_exported(kept, written, CARRIED, left_out)


def _make_labels() -> list[dict[str, object]]:
    attribute = {"mutable": False, "input_type": "text", "default_value": "", "values": [""]}
    return [
        {
            "name": label,
            "color": _COLOURS[label],
            "type": "rectangle",
            "attributes": [{"name": name} | attribute for name in names],
        }
        for label, names in ATTRIBUTES.items()
    ]


def _make_document(video: Video, clock: FrameClock, codebook: Codebook) -> ET.Element:
    assert video.num_frames and video.width and video.height, "left out before"
    root = ET.Element("annotations")
    add(root, "version", "1.1")
    _add_task(add(root, "meta"), video)
    for number, (label, start_ms, end_ms, attributes) in enumerate(_iterate_segments(video, codebook)):
        start, end = clock.find_frames(start_ms, end_ms)
        track = add(root, "track", id=str(number), label=label, source="manual")
        start = min(start, video.num_frames - 1)
        # What reaches the end of the record has no frame after it.
        frames = [(start, "0")] + ([(end, "1")] if end < video.num_frames else [])
        for frame, is_outside in frames:
            box = add(track, "box", frame=str(frame), outside=is_outside, occluded="0", keyframe="1")
            for name, place in (("xtl", 0), ("ytl", 0), ("xbr", video.width), ("ybr", video.height)):
                box.set(name, f"{place:.2f}")
            box.set("z_order", "0")
            for name, value in attributes.items():
                add(box, "attribute", value, name=name)
    return root


def _find_late(video: Video, clock: FrameClock) -> list[str]:
    """Ids of what begins after the last frame, which CVAT has no place for."""
    assert video.num_frames, "left out before"
    late = []
    for action in video.actions:
        id_ = f"{video.id}_{action.name}"
        times = {id_: action.start_ms} | {f"{id_}_{sub.name}": sub.stages[-1][0] for sub in action.sub_actions or ()}
        late += [id_ for id_, start_ms in times.items() if clock.find_frame(start_ms) >= video.num_frames]
    return late


def _add_task(meta: ET.Element, video: Video) -> None:
    task = add(meta, "task")
    facts = {"name": video.id, "size": str(video.num_frames), "mode": "interpolation", "overlap": "0"}
    facts |= {"start_frame": "0", "stop_frame": str((video.num_frames or 1) - 1), "frame_filter": ""}
    for name, value in facts.items():
        add(task, name, value)
    labels = add(task, "labels")
    for label, names in ATTRIBUTES.items():
        one = add(labels, "label")
        add(one, "name", label)
        add(one, "color", _COLOURS[label])
        add(one, "type", "rectangle")
        attributes = add(one, "attributes")
        for name in names:
            attribute = add(attributes, "attribute")
            for key, value in (("name", name), ("mutable", "False"), ("input_type", "text"), ("default_value", "")):
                add(attribute, key, value)
            add(attribute, "values", "")
    size = add(task, "original_size")
    add(size, "width", str(video.width))
    add(size, "height", str(video.height))


def _iterate_segments(video: Video, codebook: Codebook) -> Iterator[_Segment]:
    for action in video.actions:
        yield (
            "action",
            action.start_ms,
            action.end_ms,
            _add_times(
                action.name,
                action.start_ms,
                action.end_ms,
                event_id=action.event_id,
                event=codebook.event_by_id[action.event_id].name,
                athlete=action.athlete or "",
                sub_actions_sought="no" if action.sub_actions is None else "yes",
            ),
        )
        for sub in action.sub_actions or ():
            element, set_id = codebook.element_by_id.get(sub.element_id or ""), get_set_id(sub, codebook)
            yield (
                "sub-action",
                sub.start_ms,
                sub.end_ms,
                _add_times(
                    sub.name,
                    sub.start_ms,
                    sub.end_ms,
                    action=action.name,
                    set_id=set_id or "",
                    set="" if set_id is None else codebook.set_by_id[set_id].name,
                    element_id=element.id if element else "",
                    element=element.name if element else "",
                ),
            )
            for number, (start, end) in enumerate(sub.stages if len(sub.stages) > 1 else (), start=1):
                yield "stage", start, end, _add_times(sub.name, start, end, action=action.name, number=str(number))


def _add_times(name: str, start_ms: int, end_ms: int, **attributes: str) -> dict[str, str]:
    return {"name": name, "start_ms": str(start_ms), "end_ms": str(end_ms)} | attributes
