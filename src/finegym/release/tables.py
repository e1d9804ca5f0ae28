"""The tables of a release (``tables/*.csv``): what Croissant describes, and what spreadsheets open.

All times are whole milliseconds on the record's own clock, half-open. Empty cells are unknown. Keys: ``video_id``,
``action_id``, ``instance_id``, ``element_id`` …; each other column of such a name points at the table of it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from finegym.annotations.splits import SIDES
from finegym.release.contents import Contents

ColumnType = Literal["text", "integer", "number"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: in the header.
        type: of its cells.
        about: what it says.
        references: ``table.column`` whose values it holds.
        may_be_empty: cells may be unknown.
    """

    name: str
    type: ColumnType
    about: str
    references: str | None = None
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table: what a row is, its key, its columns."""

    name: str
    about: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def path(self) -> str:
        """Inside of the release."""
        return f"tables/{self.name}.csv"


_START = Column("start_ms", "integer", "first millisecond, on the record's clock")
_END = Column("end_ms", "integer", "first millisecond after it")
_VIDEO = Column("video_id", "text", "the record it is in", "records.video_id")
_EVENT = Column("event_id", "text", "the event", "events.event_id")
_SET = Column("set_id", "text", "the set", "sets.set_id")

SHAPES = {
    shape.name: shape
    for shape in (
        TableShape(
            "events",
            "What can happen, top level: an event a row.",
            ("event_id",),
            (
                Column("event_id", "text", "short name"),
                Column("name", "text", "full name"),
                Column("num_actions", "integer", "actions of it in this release"),
            ),
        ),
        TableShape(
            "sets",
            "Groups of elements that one decision tree tells apart: a set a row.",
            ("set_id",),
            (
                Column("set_id", "text", "short name"),
                _EVENT,
                Column("name", "text", "full name"),
                Column("num_sub_actions", "integer", "sub-actions of it in this release"),
            ),
        ),
        TableShape(
            "elements",
            "What one names at the finest level: an element a row.",
            ("element_id",),
            (
                Column("element_id", "text", "unique in the codebook"),
                _SET,
                Column("name", "text", "what people call it"),
                Column("difficulty_code", "text", "its entry in the code of points", may_be_empty=True),
                Column("difficulty_value", "number", "its value in points", may_be_empty=True),
                Column("glabel", "integer", "its number in FineGym (Gym530)", may_be_empty=True),
                Column("num_sub_actions", "integer", "sub-actions of it in this release"),
            ),
        ),
        TableShape(
            "records",
            "One official competition video a row.",
            ("video_id",),
            (
                Column("video_id", "text", "as published"),
                Column("path", "text", "where to put the media file, relative to the release", may_be_empty=True),
                Column("competition", "text", "which competition it shows", may_be_empty=True),
                Column("fps", "number", "frames a second", may_be_empty=True),
                Column("num_frames", "integer", "of the media file", may_be_empty=True),
                Column("width", "integer", "pixels", may_be_empty=True),
                Column("height", "integer", "pixels", may_be_empty=True),
                Column("num_actions", "integer", "annotated in it"),
                Column("sha256", "text", "of the media file that was annotated", may_be_empty=True),
                Column("size_bytes", "integer", "of that file", may_be_empty=True),
            ),
        ),
        TableShape(
            "actions",
            "One complete performance of an event (a routine) a row.",
            ("action_id",),
            (
                Column("action_id", "text", "as published"),
                _VIDEO,
                _EVENT,
                _START,
                _END,
                Column("num_sub_actions", "integer", "empty where nobody has looked for any", may_be_empty=True),
                Column("athlete", "text", "who performed", may_be_empty=True),
            ),
        ),
        TableShape(
            "sub_actions",
            "One performance of an element inside of an action a row.",
            ("instance_id",),
            (
                Column("instance_id", "text", "as published"),
                Column("action_id", "text", "the action it is in", "actions.action_id"),
                _VIDEO,
                _EVENT,
                Column("set_id", "text", "the set, where known", "sets.set_id", may_be_empty=True),
                Column("element_id", "text", "the element, where known", "elements.element_id", may_be_empty=True),
                _START,
                _END,
                Column("num_stages", "integer", "parts that follow each other"),
            ),
        ),
        TableShape(
            "stages",
            "One part of a sub-action a row (a vault has three, everything else one).",
            ("instance_id", "stage"),
            (
                Column("instance_id", "text", "the sub-action", "sub_actions.instance_id"),
                Column("stage", "integer", "1, 2, …"),
                _START,
                _END,
            ),
        ),
        TableShape(
            "classes",
            "A class of a split a row.",
            ("split", "class_index"),
            (
                Column("split", "text", "name of the split"),
                Column("class_index", "integer", "0, 1, … inside of the split"),
                Column("id", "text", "the element, set or event that it stands for"),
                Column("name", "text", "what people call it"),
                Column("num_train", "integer", "instances for training"),
                Column("num_val", "integer", "instances for validation"),
            ),
        ),
        TableShape(
            "split_instances",
            "An instance of a split a row; lists may name instances without annotations.",
            ("split", "instance_id"),
            (
                Column("split", "text", "name of the split"),
                Column("part", "text", "train or val"),
                Column("instance_id", "text", "the sub-action"),
                Column("class_index", "integer", "inside of the split"),
            ),
        ),
    )
}


def format_tables(contents: Contents) -> dict[str, str]:
    """The text of every table, by path."""
    rows: dict[str, Iterable[Sequence[object]]] = {
        "events": _list_events(contents),
        "sets": _list_sets(contents),
        "elements": _list_elements(contents),
        "records": _list_records(contents),
        "actions": contents.dataset.actions_frame.rows(),
        "sub_actions": contents.dataset.sub_actions_frame.rows(),
        "stages": _list_stages(contents),
        "classes": _list_classes(contents),
        "split_instances": _list_split_instances(contents),
    }
    return {SHAPES[name].path: format_table(SHAPES[name], of_table) for name, of_table in rows.items()}


def format_table(shape: TableShape, rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV: a header, LF line ends, empty cells for ``None``."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([column.name for column in shape.columns])
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return buffer.getvalue()


def _list_events(contents: Contents) -> Iterable[Sequence[object]]:
    counts = Counter(action.event_id for video in contents.dataset.videos for action in video.actions)
    return [(event.id, event.name, counts[event.id]) for event in contents.dataset.codebook.events]


def _list_sets(contents: Contents) -> Iterable[Sequence[object]]:
    counts = Counter(one.sub_action.set_id for one in contents.dataset.iterate_instances())
    return [(set_.id, set_.event_id, set_.name, counts[set_.id]) for set_ in contents.dataset.codebook.sets]


def _list_elements(contents: Contents) -> Iterable[Sequence[object]]:
    counts = Counter(one.sub_action.element_id for one in contents.dataset.iterate_instances())
    return [
        (e.id, e.set_id, e.name.strip(), e.difficulty_code, e.difficulty_value, e.glabel, counts[e.id])
        for e in contents.dataset.codebook.elements
    ]


def _list_records(contents: Contents) -> Iterable[Sequence[object]]:
    media = contents.source.media
    return [
        (
            *(v.id, v.path, v.competition, v.fps, v.num_frames, v.width, v.height, len(v.actions)),
            *((media[v.id].sha256, media[v.id].size_bytes) if v.id in media else (None, None)),
        )
        for v in contents.dataset.videos
    ]


def _list_stages(contents: Contents) -> Iterable[Sequence[object]]:
    return [
        (one.id, number, start_ms, end_ms)
        for one in contents.dataset.iterate_instances()
        for number, (start_ms, end_ms) in enumerate(one.sub_action.stages, start=1)
    ]


def _list_classes(contents: Contents) -> Iterable[Sequence[object]]:
    for gated in contents.splits:
        split = gated.released.split
        counts = zip(split.subset.classes, *(split.count_classes(side) for side in SIDES), strict=True)
        yield from ((split.name, c.class_index, c.id, c.name, train, val) for c, train, val in counts)


def _list_split_instances(contents: Contents) -> Iterable[Sequence[object]]:
    for gated in contents.splits:
        split = gated.released.split
        for side in SIDES:
            yield from ((split.name, side, id_, index) for id_, index in split.get_side(side).items())
