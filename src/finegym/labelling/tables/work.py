"""The labels: passes, segments, and every operation that ever changed them.

``operations`` and ``revisions`` only grow. ``segments`` holds each segment's newest revision, for reading.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from finegym.labelling.tables.base import Base, Id, ItemRef, PassRef, PersonRef, ProjectRef, RecordMs, TimeMs


class Pass(Base):
    """One person's work on an item: an annotator's, or the adjudicator's. ``version`` counts the operations on it."""

    __tablename__ = "passes"
    __table_args__ = (UniqueConstraint("item_id", "person_id", "round"),)

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    item_id: Mapped[ItemRef]
    person_id: Mapped[PersonRef]
    kind: Mapped[str] = mapped_column(String(20), default="annotation")  # annotation, adjudication
    round: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(String(20), default="open")  # open, returned, submitted, accepted, superseded
    version: Mapped[int] = mapped_column(default=0)
    is_blind: Mapped[bool]
    lease_until_ms: Mapped[TimeMs]
    signed_off_at_ms: Mapped[TimeMs | None]
    reviewed_at_ms: Mapped[TimeMs | None]
    reviewed_by: Mapped[PersonRef | None]
    active_ms: Mapped[TimeMs] = mapped_column(default=0)
    heartbeat_at_ms: Mapped[TimeMs | None]
    created_at_ms: Mapped[TimeMs]


class Segment(Base):
    """The newest revision of a segment. Frames are the record's, times are on its clock, both half-open."""

    __tablename__ = "segments"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    pass_id: Mapped[PassRef]
    level: Mapped[str] = mapped_column(String(20))  # action, sub-action, stage
    parent_id: Mapped[str | None] = mapped_column(String(36))
    start_frame: Mapped[int]
    end_frame: Mapped[int]
    start_ms: Mapped[RecordMs]
    end_ms: Mapped[RecordMs]
    label: Mapped[str | None] = mapped_column(String(200))
    path: Mapped[list[Any]] = mapped_column(default=list)
    is_no_element: Mapped[bool] = mapped_column(default=False)
    discard: Mapped[str | None] = mapped_column(String(20))
    is_deleted: Mapped[bool] = mapped_column(default=False)
    origin: Mapped[dict[str, Any] | None]
    codebook_number: Mapped[int | None]
    confirmed: Mapped[dict[str, Any] | None]
    version: Mapped[int]
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]


class Operation(Base):
    """One change, as the client asked for it. ``content_hash`` tells a replay from another change under the same id."""

    __tablename__ = "operations"
    __table_args__ = (UniqueConstraint("pass_id", "pass_version"),)

    uuid: Mapped[str] = mapped_column(String(36), primary_key=True)
    pass_id: Mapped[PassRef]
    pass_version: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    based_on: Mapped[int | None]
    content_hash: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(Text)
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]
    client_time: Mapped[str | None] = mapped_column(String(40))


class Revision(Base):
    """A segment as one operation left it."""

    __tablename__ = "revisions"
    __table_args__ = (Index("ix_revisions_pass_version", "pass_id", "pass_version"),)

    segment_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    pass_id: Mapped[PassRef]
    pass_version: Mapped[int]
    operation_uuid: Mapped[str | None] = mapped_column(String(36))
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Comment(Base):
    """A remark on a pass, pinned to a moment or to a segment if it is about one."""

    __tablename__ = "comments"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    pass_id: Mapped[PassRef]
    text: Mapped[str] = mapped_column(Text)
    frame: Mapped[int | None]
    time_ms: Mapped[int | None] = mapped_column(BigInteger)
    segment_id: Mapped[str | None] = mapped_column(String(36))
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]
    resolved_at_ms: Mapped[TimeMs | None]
    resolved_by: Mapped[PersonRef | None]


class SuggestionAnswer(Base):
    """What an annotator made of a ghost."""

    __tablename__ = "suggestion_answers"

    pass_id: Mapped[PassRef] = mapped_column(String(36), primary_key=True)
    suggestion_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    answer: Mapped[str | None] = mapped_column(String(20))  # confirmed, changed, rejected; None: taken back
    segment_id: Mapped[str | None] = mapped_column(String(36))
    operation_uuid: Mapped[str] = mapped_column(String(36))
