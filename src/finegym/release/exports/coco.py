"""One JSON in COCO's shape for video, as YouTube-VIS and TAO have it: ``videos``, ``categories`` and ``annotations``.

An annotation is an action or a sub-action; in place of a box it has a ``segment`` in seconds, beside the same in whole
milliseconds. Categories are events, sets and elements, each naming the one above it; a sub-action of which only the set
is known has the set's category, one of which nothing is known has none. Ids of videos, categories and annotations are
numbers, as COCO's readers expect; the dataset's own ids are ``name`` of videos and annotations, ``key`` of categories.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finegym.annotations.model import Dataset, SubAction, Video
from finegym.annotations.splits import SIDES
from finegym.codebook.model import Codebook
from finegym.files import replace_file
from finegym.release.exports.exported import Exported, ExportSettings, make_exported
from finegym.release.exports.facts import EVERYTHING, Fact

FILE = "annotations.json"
CARRIED: frozenset[Fact] = EVERYTHING - {"trees"}


def export_coco(dataset: Dataset, folder: Path, settings: ExportSettings) -> Exported:
    """Write a dataset as one JSON in COCO's shape for video.

    Raises:
        OutputError: the file cannot be written.
    """
    categories = _make_categories(dataset.codebook)
    number_of = {(category["level"], category["key"]): category["id"] for category in categories}
    sides = {id_: _find_sides(id_, settings) for id_ in dataset.instances} if settings.splits else {}
    info = {
        "description": f"{dataset.codebook.name} {dataset.codebook.version}",
        "version": dataset.codebook.version,
        "simulated": settings.is_simulated,
        "splits": [split.name for split in settings.splits],
    }
    path = folder / FILE
    with replace_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"info": ' + _format(info) + ',\n"licenses": [],\n')
        _write_list(file, "videos", (_make_video(*pair) for pair in enumerate(dataset.videos, start=1)))
        _write_list(file, "categories", categories)
        _write_list(file, "annotations", _make_annotations(dataset, number_of, sides), "\n}\n")
    return make_exported(dataset, [path], CARRIED, {})


def _write_list(file: Any, key: str, items: Any, end: str = ",\n") -> None:
    file.write(f'"{key}": [\n' + ",\n".join(map(_format, items)) + "\n]" + end)


def _format(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _make_video(number: int, video: Video) -> dict[str, Any]:
    return {
        "id": number,
        "name": video.id,
        "file_name": video.path,
        "width": video.width,
        "height": video.height,
        "length": video.num_frames,
        "fps": video.fps,
        "competition": video.competition,
    }


def _make_categories(codebook: Codebook) -> list[dict[str, Any]]:
    rows: list[tuple[str, str, str, str | None]] = [("event", event.id, event.name, None) for event in codebook.events]
    rows += [("set", set_.id, set_.name, set_.event_id) for set_ in codebook.sets]
    rows += [("element", element.id, element.name, element.set_id) for element in codebook.elements]
    return [
        {"id": number, "name": name, "supercategory": parent or "", "level": level, "key": key}
        for number, (level, key, name, parent) in enumerate(rows, start=1)
    ]


def _find_sides(instance_id: str, settings: ExportSettings) -> dict[str, str]:
    return {split.name: side for split in settings.splits for side in SIDES if instance_id in split.get_side(side)}


def _make_annotations(
    dataset: Dataset, number_of: dict[tuple[str, str], int], sides: dict[str, dict[str, str]]
) -> Iterator[dict[str, Any]]:
    number = 0
    for video_number, video in enumerate(dataset.videos, start=1):
        for action in video.actions:
            number += 1
            action_number, action_id = number, f"{video.id}_{action.name}"
            yield {
                **_begin(number, video_number, action_id, "action", (action.start_ms, action.end_ms)),
                "category_id": number_of["event", action.event_id],
                "athlete": action.athlete,
                "sub_actions_sought": action.sub_actions is not None,
            }
            for sub in action.sub_actions or ():
                number += 1
                id_ = f"{action_id}_{sub.name}"
                yield {
                    **_begin(number, video_number, id_, "sub-action", (sub.start_ms, sub.end_ms)),
                    "category_id": _find_category(sub, number_of),
                    "action_annotation_id": action_number,
                    "stages_ms": [list(stage) for stage in sub.stages],
                    **({"splits": sides[id_]} if sides else {}),
                }


def _begin(number: int, video_number: int, name: str, level: str, times_ms: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": number,
        "video_id": video_number,
        "name": name,
        "level": level,
        "segment": [time / 1000 for time in times_ms],
        "segment_ms": list(times_ms),
    }


def _find_category(sub: SubAction, number_of: dict[tuple[str, str], int]) -> int | None:
    if sub.element_id is not None:
        return number_of["element", sub.element_id]
    return None if sub.set_id is None else number_of["set", sub.set_id]
