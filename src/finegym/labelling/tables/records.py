"""What the work is on: the records of a project, their chunks, and the work items made of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from finegym.labelling.tables.base import Base, Id, ProjectRef, RecordMs, RecordRef, TimeMs


class Record(Base):
    """A record of the workspace that a project works on. ``name`` is the record id of ingest."""

    __tablename__ = "records"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    name: Mapped[str] = mapped_column(String(300))
    sha256: Mapped[str] = mapped_column(String(64))
    num_frames: Mapped[int]
    start_ms: Mapped[RecordMs]
    end_ms: Mapped[RecordMs]
    fps_average: Mapped[float]
    width: Mapped[int]
    height: Mapped[int]
    competition: Mapped[str] = mapped_column(String(300), default="")
    media_path: Mapped[str] = mapped_column(Text)
    verdict: Mapped[str] = mapped_column(String(20))
    has_proxies: Mapped[bool]
    num_chunks: Mapped[int]
    position: Mapped[int]
    added_at_ms: Mapped[TimeMs]


class Chunk(Base):
    """A stretch of a record that has a proxy: frames of the record, half-open, and times on its clock."""

    __tablename__ = "chunks"
    __table_args__ = (UniqueConstraint("record_id", "number"),)

    id: Mapped[Id]
    record_id: Mapped[RecordRef]
    number: Mapped[int]
    start_frame: Mapped[int]
    end_frame: Mapped[int]
    start_ms: Mapped[RecordMs]
    end_ms: Mapped[RecordMs]


class Item(Base):
    """A piece of work: a chunk in which routines are to be found, or an action with what is to be found in it.

    ``purpose`` tells real work from gold items that are put before one person: questions of an exam, and silent ones.
    ``round`` counts how often the item was begun anew because what it stands on had changed.
    """

    __tablename__ = "items"
    __table_args__ = (
        Index("ix_items_project_stage_state", "project_id", "stage", "state"),
        UniqueConstraint("record_id", "key"),
    )

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    record_id: Mapped[RecordRef]
    key: Mapped[str] = mapped_column(String(80))  # stage and chunk or action: each item is there once
    stage: Mapped[str] = mapped_column(String(20))  # routines, sub-actions, elements
    purpose: Mapped[str] = mapped_column(String(20), default="work")  # work, exam, silent
    chunk_number: Mapped[int | None]
    action_id: Mapped[str | None] = mapped_column(String(36), index=True)
    action_label: Mapped[str | None] = mapped_column(String(200))
    start_frame: Mapped[int]
    end_frame: Mapped[int]
    start_ms: Mapped[RecordMs]
    end_ms: Mapped[RecordMs]
    state: Mapped[str] = mapped_column(String(20), default="open")  # open, submitted, accepted, void
    priority: Mapped[int] = mapped_column(default=0)
    position: Mapped[RecordMs] = mapped_column(default=0)
    annotators: Mapped[int | None]
    assignees: Mapped[list[Any]] = mapped_column(default=list)
    recheck: Mapped[str | None] = mapped_column(Text)
    is_blind: Mapped[bool] = mapped_column(default=False)  # whatever the project says: a third annotator is asked
    round: Mapped[int] = mapped_column(default=1)
    accepted_pass_id: Mapped[str | None] = mapped_column(String(36))
    created_at_ms: Mapped[TimeMs]
