"""VGG Image Annotator 3 (VIA), one project of all records.

A temporal segment (``z``, seconds to the millisecond) is an action, a sub-action or a stage; attributes say of what.
Facts of a record stand in a segment of the whole file (empty ``z``). Every record is a view.

Source: VIA 3's documentation of its project file, data format 3.1.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finegym.annotations.model import Dataset, Video
from finegym.codebook.model import Codebook
from finegym.files import write_text
from finegym.release.exports.exported import Exported, ExportSettings, get_set_id, make_exported
from finegym.release.exports.facts import EVERYTHING, Fact

FILE = "project.json"
CARRIED: frozenset[Fact] = EVERYTHING - {"trees"}
_SEGMENT, _WHOLE_FILE = "FILE1_Z2_XY0", "FILE1_Z0_XY0"
_TEXT, _SELECT = 1, 4
_VIDEO, _LOCAL, _RELATIVE = 4, 1, 3
# The order of the attributes is their number in the file, from 1. The first groups the timeline.
SEGMENT_ATTRIBUTES = ("event", "set", "element", "stage", "action", "sub-action", "athlete", "sub-actions sought")
FILE_ATTRIBUTES = ("path", "competition", "fps", "num_frames", "width", "height")
_NUMBER_OF = {name: str(number) for number, name in enumerate((*SEGMENT_ATTRIBUTES, *FILE_ATTRIBUTES), start=1)}


def export_via(dataset: Dataset, folder: Path, settings: ExportSettings) -> Exported:
    """Write the project.

    Records are files that VIA asks for when it opens the project; those with a path are looked for relative to it.

    Raises:
        OutputError: the file cannot be written.
    """
    ids = [str(number) for number in range(1, len(dataset.videos) + 1)]
    name = f"{dataset.codebook.name} {dataset.codebook.version}"
    metadata = {
        f"{id_}_{number:07d}": {"vid": id_, "flg": 0, "z": z, "xy": [], "av": _number(values)}
        for id_, video in zip(ids, dataset.videos, strict=True)
        for number, (z, values) in enumerate(_iterate_metadata(video, dataset.codebook), start=1)
    }
    project = {
        "project": _make_project(name + (" (simulated)" if settings.is_simulated else ""), ids),
        "config": _CONFIG,
        "attribute": _make_attributes(dataset.codebook),
        "file": {id_: _make_file(id_, video) for id_, video in zip(ids, dataset.videos, strict=True)},
        "metadata": metadata,
        "view": {id_: {"fid_list": [id_]} for id_ in ids},
    }
    write_text(folder / FILE, json.dumps(project, indent=1, ensure_ascii=False) + "\n")
    return make_exported(dataset, [folder / FILE], CARRIED, {})


_CONFIG = {
    "file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}},
    "ui": {
        "file_content_align": "center",
        "file_metadata_editor_visible": True,
        "spatial_metadata_editor_visible": False,
        "temporal_segment_metadata_editor_visible": True,
        "spatial_region_label_attribute_id": "",
        "gtimeline_visible_row_count": "4",
    },
}


def _make_project(name: str, ids: list[str]) -> dict[str, Any]:
    return {
        "pid": "__VIA_PROJECT_ID__",  # these three are what VIA itself writes into a project that is not shared
        "rev": "__VIA_PROJECT_REV_ID__",
        "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__",
        "pname": name,
        "creator": "finegym",
        "created": 0,  # no date: the same annotations give the same file
        "data_format_version": "3.1.1",
        "vid_list": ids,
    }


def _make_attributes(codebook: Codebook) -> dict[str, Any]:
    options = {
        "event": {event.id: event.name for event in codebook.events},
        "set": {set_.id: set_.name for set_ in codebook.sets},
        "element": {element.id: element.name for element in codebook.elements},
    }
    return {
        number: {
            "aname": name,
            "anchor_id": _SEGMENT if name in SEGMENT_ATTRIBUTES else _WHOLE_FILE,
            "type": _SELECT if name in options else _TEXT,
            "desc": "",
            "options": options.get(name, {}),
            "default_option_id": "",
        }
        for name, number in _NUMBER_OF.items()
    }


def _make_file(id_: str, video: Video) -> dict[str, Any]:
    location = _LOCAL if video.path is None else _RELATIVE
    return {"fid": id_, "fname": video.id, "type": _VIDEO, "loc": location, "src": video.path or ""}


def _iterate_metadata(video: Video, codebook: Codebook) -> Iterator[tuple[list[float], dict[str, str]]]:
    facts = (video.path, video.competition, video.fps, video.num_frames, video.width, video.height)
    known = {name: str(fact) for name, fact in zip(FILE_ATTRIBUTES, facts, strict=True) if fact is not None}
    if known:
        yield [], known
    for action in video.actions:
        values = {"event": action.event_id, "action": action.name}
        values |= {} if action.athlete is None else {"athlete": action.athlete}
        values |= {"sub-actions sought": "no"} if action.sub_actions is None else {}
        yield [action.start_ms / 1000, action.end_ms / 1000], values
        for sub in action.sub_actions or ():
            names = {"action": action.name, "sub-action": sub.name}
            label = {"set": get_set_id(sub, codebook), "element": sub.element_id}
            known = {name: id_ for name, id_ in label.items() if id_ is not None}
            yield [sub.start_ms / 1000, sub.end_ms / 1000], known | names
            for number, (start, end) in enumerate(sub.stages if len(sub.stages) > 1 else (), start=1):
                yield [start / 1000, end / 1000], names | {"stage": str(number)}


def _number(values: dict[str, str]) -> dict[str, str]:
    return {_NUMBER_OF[name]: value for name, value in values.items()}
