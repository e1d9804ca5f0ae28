"""What the API answers about the work: items, passes, segments, changes. The web client's types are made from these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from finegym.labelling.settings import Discard, Level, Stage


class Shape(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True)


class PersonRef(Shape):
    """Somebody, as others see them."""

    id: str
    name: str


class RecordRef(Shape):
    """A record, in short. ``name`` is its id in the workspace."""

    id: str
    name: str
    fps_average: float


class SegmentShape(Shape):
    """A segment as one of its versions. Frames are the record's, times on its clock, both half-open."""

    id: str
    level: Level
    parent_id: str | None
    start_frame: int
    end_frame: int
    start_ms: int
    end_ms: int
    label: str | None
    path: list[dict[str, str]]
    is_no_element: bool
    discard: Discard | None
    is_deleted: bool
    origin: dict[str, Any] | None
    codebook_number: int | None
    version: int
    author: PersonRef
    time: str


class RevisionShape(SegmentShape):
    """A version of a segment, and the operation that made it."""

    operation_uuid: str | None
    kind: str | None
    reason: str | None


class CommentShape(Shape):
    """A remark on a pass."""

    id: str
    text: str
    frame: int | None
    time_ms: int | None
    segment_id: str | None
    author: PersonRef
    time: str
    resolved_at: str | None


class BatchRef(Shape):
    """Where a suggestion comes from."""

    id: str
    name: str
    model: str


class SuggestionShape(Shape):
    """A ghost. Without a label where its model is too unsure what it is; ``doubts`` says why."""

    id: str
    batch: BatchRef
    level: Level
    start_frame: int
    end_frame: int
    start_ms: int
    end_ms: int
    label: str | None
    score: float
    doubts: list[str]
    answer: Literal["confirmed", "changed", "rejected"] | None


class LeaseShape(Shape):
    """How long an item is kept for its annotator. ``lost``: others have taken the place; what is done still counts."""

    state: Literal["held", "expired", "lost"]
    until: str | None


class ActionShape(Shape):
    """The action that an item is about."""

    segment_id: str
    label: str | None
    start_frame: int
    end_frame: int
    start_ms: int
    end_ms: int


class PassSummary(Shape):
    """A pass in a list."""

    id: str
    item_id: str
    person: PersonRef
    kind: Literal["annotation", "adjudication"]
    state: Literal["open", "submitted", "returned", "accepted", "superseded"]
    version: int
    num_segments: int
    signed_off_at: str | None
    lease: LeaseShape


class ItemShape(Shape):
    """A piece of work. ``passes`` holds those that one may know of."""

    id: str
    project_id: str
    stage: Stage
    record: RecordRef
    chunk: int | None
    action: ActionShape | None
    start_frame: int
    end_frame: int
    start_ms: int
    end_ms: int
    state: Literal["open", "submitted", "accepted", "void"]
    priority: int
    annotators: int
    assignees: list[str]
    recheck: str | None
    passes: list[PassSummary]


class ClipShape(Shape):
    """A chunk's proxy, and what belongs to it. Links are signed and end with the session."""

    number: int
    start_ms: int
    end_ms: int
    start_frame: int
    end_frame: int
    url: str
    map_url: str
    filmstrip_url: str | None
    filmstrip_sheets: dict[str, str]
    waveform_url: str | None
    has_audio: bool
    width: int
    height: int
    num_frames: int


class MediaShape(Shape):
    """What there is to look at."""

    clips: list[ClipShape]
    expires_at: str


class SavedShape(Shape):
    """The answer to operations: what is known of now, and what changed."""

    version: int
    accepted: list[str]
    replayed: list[str]
    segments: list[SegmentShape]
    comments: list[CommentShape]
    state: Literal["open", "submitted", "returned", "accepted", "superseded"]
    lease: LeaseShape
    signed_off_at: str | None


class OperationShape(Shape):
    """An operation in the log of a pass."""

    uuid: str
    kind: str
    payload: dict[str, Any]
    author: PersonRef
    time: str
    version: int
    reason: str | None


class EffectShape(Shape):
    """What a change would do to a segment that lies in the changed one."""

    segment_id: str
    level: Level
    label: str | None
    effect: Literal["unchanged", "shifted", "clipped", "deleted", "outside", "recheck"]
    start_frame: int
    end_frame: int
    new_start_frame: int | None
    new_end_frame: int | None
    where: Literal["this pass", "next stage"]


class PreviewShape(Shape):
    """What operations would do."""

    is_allowed: bool
    problems: list[dict[str, Any]]
    effects: list[EffectShape]


class WalkShape(Shape):
    """Where a tree walk has come to."""

    next_query: dict[str, str] | None
    candidates: list[str]
    element_id: str | None
    is_complete: bool
    is_dead_end: bool
