"""What the tables of a release look like: columns, types, keys. Croissant metadata and JSON Schemas are made from this.

All times are whole milliseconds on the record's own clock, half-open. Empty cells are unknown. Keys: ``video_id``,
``action_id``, ``instance_id``, ``element_id`` …; each other column of such a name points at the table of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    def csv_path(self) -> str:
        """Inside of the release."""
        return f"tables/{self.name}.csv"

    @property
    def parquet_path(self) -> str:
        """Likewise."""
        return f"tables/{self.name}.parquet"


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
        TableShape(
            "votes",
            "What one annotator found in one place a row, kept whatever was decided in the end.",
            ("vote",),
            (
                Column("vote", "integer", "0, 1, …"),
                Column("stage", "text", "of the work: routines, sub-actions or elements"),
                Column("annotator", "text", "a pseudonym"),
                _VIDEO,
                _START,
                _END,
                Column("action_id", "text", "the action that came of it, or that it is in", "actions.action_id", True),
                Column("instance_id", "text", "the sub-action that came of it", "sub_actions.instance_id", True),
                Column("event_id", "text", "chosen", "events.event_id", may_be_empty=True),
                Column("set_id", "text", "chosen", "sets.set_id", may_be_empty=True),
                Column("element_id", "text", "chosen", "elements.element_id", may_be_empty=True),
            ),
        ),
        TableShape(
            "vote_answers",
            "One annotator's answer to one query of a decision tree a row.",
            ("vote", "step"),
            (
                Column("vote", "integer", "whose answer it is", "votes.vote"),
                Column("step", "integer", "0, 1, …: in the order in which they were given"),
                Column("query_id", "text", "of the codebook"),
                Column("answer", "text", "yes, no or unsure"),
            ),
        ),
        TableShape(
            "decisions",
            "What was decided about something that several annotators voted on a row.",
            ("decision",),
            (
                Column("decision", "integer", "0, 1, …"),
                Column("stage", "text", "of the work: routines, sub-actions or elements"),
                _VIDEO,
                _START,
                _END,
                Column("num_found", "integer", "annotators who found it"),
                Column("num_asked", "integer", "annotators who looked"),
                Column("confidence", "number", "0 to 1, how sure the votes are"),
                Column("doubts", "text", "why it was not clear; empty where all agreed"),
                Column("choice", "text", "agreed, open, or what an adjudicator chose: consensus, own, none, annotator"),
                Column("annotator", "text", "whose work was chosen", may_be_empty=True),
                Column("reason", "text", "in the adjudicator's words"),
                Column("action_id", "text", "the action that came of it, or that it is in", "actions.action_id", True),
                Column("instance_id", "text", "the sub-action that came of it", "sub_actions.instance_id", True),
            ),
        ),
    )
}

OPTIONAL = ("votes", "vote_answers", "decisions")
"""Tables that are not written where they would be empty."""
