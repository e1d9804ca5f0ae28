"""What needs another look: routines met in both halves of an overlap, labels on paths that have changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from finegym.labelling.tables.base import Base, Id, PassRef, PersonRef, ProjectRef, RecordRef, TimeMs


class Overlap(Base):
    """Two accepted routines of neighbouring chunks that may be one."""

    __tablename__ = "overlaps"
    __table_args__ = (UniqueConstraint("left_id", "right_id"),)

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    record_id: Mapped[RecordRef]
    left_id: Mapped[str] = mapped_column(String(36))
    right_id: Mapped[str] = mapped_column(String(36))
    left_chunk: Mapped[int]
    right_chunk: Mapped[int]
    tiou: Mapped[float]
    state: Mapped[str] = mapped_column(String(20), default="open")  # open, same, different, gone
    kept_id: Mapped[str | None] = mapped_column(String(36))
    answered_by: Mapped[PersonRef | None]
    answered_at_ms: Mapped[TimeMs | None]
    created_at_ms: Mapped[TimeMs]


class Recheck(Base):
    """A label whose path leads elsewhere, or nowhere, in a newer codebook."""

    __tablename__ = "rechecks"
    __table_args__ = (UniqueConstraint("segment_id", "new_codebook"),)

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    pass_id: Mapped[PassRef]
    segment_id: Mapped[str] = mapped_column(String(36))
    reason: Mapped[str] = mapped_column(Text)
    old_path: Mapped[list[Any]] = mapped_column(default=list)
    new_path: Mapped[list[Any] | None]
    old_codebook: Mapped[int]
    new_codebook: Mapped[int]
    state: Mapped[str] = mapped_column(String(20), default="open")  # open, kept, redo
    answered_by: Mapped[PersonRef | None]
    answered_at_ms: Mapped[TimeMs | None]
    created_at_ms: Mapped[TimeMs]
