"""Label Studio: one JSON of tasks to import, and the labelling interface that goes with it.

A task is a record; a region of its timeline is an action, a sub-action or a stage. Label Studio counts frames from 1
and a region holds its last one. A region's id is that of what it shows; its notes (``meta.text``) say the exact times,
the athlete, and where nobody has looked for sub-actions. Labels are ids; the interface shows names when the mouse is
over them.

Source: Label Studio's documentation of the tags Video and TimelineLabels, and of importing annotated tasks.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from finegym.annotations.model import Dataset, Video
from finegym.codebook.model import Codebook
from finegym.files import write_text
from finegym.release.exports.exported import Exported, ExportSettings, make_exported
from finegym.release.exports.facts import EVERYTHING, Fact
from finegym.release.exports.frames import FrameClock, make_clocks
from finegym.release.exports.xml_text import add, write_xml

TASKS_FILE, INTERFACE_FILE = "tasks.json", "labelling_interface.xml"
CARRIED: frozenset[Fact] = EVERYTHING - {"trees"}
NOT_SOUGHT = "nobody has looked for sub-actions"
UNLABELLED = "unlabelled"
MAX_STAGES = 9


class _Label(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


def export_label_studio(dataset: Dataset, folder: Path, settings: ExportSettings) -> Exported:
    """Write the tasks of all records, and the interface.

    ``data.video`` of a task is the record's path in the dataset, or its id where there is none: set it to where Label
    Studio finds the file.

    Raises:
        AnnotationError: the frame rate of a record is not known, and records may not be left out.
        OutputError: a file cannot be written.
    """
    clocks, kept, notes = make_clocks(dataset, settings)
    tasks = [_make_task(number, video, clocks[video.id]) for number, video in enumerate(kept.videos, start=1)]
    if settings.is_simulated:
        for task in tasks:
            task["data"]["simulated"] = True
    # A text for a form, not a document: Label Studio's own parser refuses a declaration in it.
    write_xml(_make_interface(kept.codebook), folder / INTERFACE_FILE, with_declaration=False)
    write_text(folder / TASKS_FILE, json.dumps(tasks, indent=1, ensure_ascii=False) + "\n")
    return make_exported(kept, [folder / TASKS_FILE, folder / INTERFACE_FILE], CARRIED, notes)


def _make_task(number: int, video: Video, clock: FrameClock) -> dict[str, Any]:
    facts = {
        "video": video.path or video.id,
        "record": video.id,
        "path": video.path,
        "competition": video.competition,
        "fps": video.fps,
        "num_frames": video.num_frames,
        "width": video.width,
        "height": video.height,
    }
    regions = list(_iterate_regions(video, clock))
    return {"id": number, "data": facts, "annotations": [{"id": number, "result": regions, "was_cancelled": False}]}


def _iterate_regions(video: Video, clock: FrameClock) -> Iterator[dict[str, Any]]:
    for action in video.actions:
        id_ = f"{video.id}_{action.name}"
        notes = [] if action.athlete is None else [f"athlete {action.athlete}"]
        notes += [NOT_SOUGHT] if action.sub_actions is None else []
        times = (action.start_ms, action.end_ms)
        yield _make_region(id_, "actions", action.event_id, times, clock, [f"action {action.name}", *notes])
        for sub in action.sub_actions or ():
            control = "elements" if sub.element_id is not None else "sets" if sub.set_id is not None else UNLABELLED
            notes = [f"action {action.name}", f"sub-action {sub.name}"]
            times = (sub.start_ms, sub.end_ms)
            label = sub.element_id or sub.set_id or UNLABELLED
            yield _make_region(f"{id_}_{sub.name}", control, label, times, clock, notes)
            for number, stage in enumerate(sub.stages if len(sub.stages) > 1 else (), start=1):
                stage_id = f"{id_}_{sub.name}_stage_{number}"
                yield _make_region(stage_id, "stages", f"stage {number}", stage, clock, notes)


def _make_region(
    id_: str, control: str, label: str, times_ms: tuple[int, int], clock: FrameClock, notes: list[str]
) -> dict[str, Any]:
    start, end = clock.find_frames(*times_ms)
    return {
        "id": id_,
        "from_name": control,
        "to_name": "video",
        "type": "timelinelabels",
        "origin": "manual",
        "value": {"ranges": [{"start": start + 1, "end": end}], "timelinelabels": [label]},
        "meta": {"text": [*notes, f"start_ms {times_ms[0]}", f"end_ms {times_ms[1]}"]},
    }


def _make_interface(codebook: Codebook) -> ET.Element:
    view = ET.Element("View")
    add(view, "Video", name="video", value="$video", timelineHeight="240")
    groups: dict[str, Iterable[_Label]] = {
        "actions": codebook.events,
        "sets": codebook.sets,
        "elements": codebook.elements,
    }
    for control, labels in groups.items():
        timeline = add(view, "TimelineLabels", name=control, toName="video")
        for label in labels:
            add(timeline, "Label", value=label.id, hint=label.name)
    timeline = add(view, "TimelineLabels", name=UNLABELLED, toName="video")
    add(timeline, "Label", value=UNLABELLED)
    timeline = add(view, "TimelineLabels", name="stages", toName="video")
    for number in range(1, MAX_STAGES + 1):
        add(timeline, "Label", value=f"stage {number}")
    return view
