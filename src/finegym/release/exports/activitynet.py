"""ActivityNet's annotation JSON, which most temporal localizers read: three files, and one of every split by record.

``actions.json`` has events on the clock of records; ``sets.json`` and ``elements.json`` have sub-actions on the clock
of their action, those without such a label as ``ignored``. Of a split that keeps records whole there is one more file,
with its classes and sides. Segments say their ``id`` beside what the format asks for; readers of the format pass over
it. An action that is in ``actions.json`` only is one in which nobody has looked for sub-actions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from finegym.annotations.activitynet import Task, make_activitynet
from finegym.annotations.lists import make_list
from finegym.annotations.model import Dataset
from finegym.annotations.source import Source
from finegym.annotations.splits import SIDES, Split
from finegym.annotations.subsets import Level
from finegym.errors import AnnotationError
from finegym.files import write_text
from finegym.release.exports.exported import Exported, ExportSettings, make_exported
from finegym.release.exports.facts import Fact

CARRIED: frozenset[Fact] = frozenset(
    {
        "records without actions",
        "action names",
        "unlooked",
        "sub-action names",
        "elements",
        "sets",
        "unlabelled",
        "label names",
    }
)
_FILES: dict[str, tuple[Task, Level]] = {
    "actions.json": ("actions", "event"),
    "sets.json": ("sub-actions", "set"),
    "elements.json": ("sub-actions", "element"),
}


def export_activitynet(dataset: Dataset, folder: Path, settings: ExportSettings) -> Exported:
    """Write a dataset for localizers.

    Raises:
        OutputError: a file cannot be written.
    """
    source = Source(folder, "folder", dataset, lists={split.name: _make_lists(split) for split in settings.splits})
    contents = {
        name: make_activitynet(source, task=task, level=level, with_ids=True)[0]
        for name, (task, level) in _FILES.items()
    }
    straddling = []
    for split in settings.splits:
        level = split.subset.level
        task: Task = "actions" if level == "event" else "sub-actions"
        try:
            content, _ = make_activitynet(source, level=level, setting=split.name, task=task, with_ids=True)
        except AnnotationError:  # ActivityNet puts a whole record on one side
            straddling.append(split.name)
            continue
        contents[f"split-{split.name}.json"] = content
    for name, content in contents.items():
        write_text(folder / name, _format(content, settings))
    left_out = {"splits that have a record on both sides, which ActivityNet's files cannot say": straddling}
    return make_exported(dataset, [folder / name for name in contents], CARRIED, left_out)


def _make_lists(split: Split) -> dict[str, Any]:
    return {side: make_list(split.get_side(side)) for side in SIDES}


def _format(content: dict[str, Any], settings: ExportSettings) -> str:
    if settings.is_simulated:
        content = {"version": content["version"], "simulated": True} | content
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
