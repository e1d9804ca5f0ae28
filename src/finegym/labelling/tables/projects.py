"""Projects: their rules, their people, their codebooks, their guidelines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from finegym.labelling.tables.base import Base, Id, PersonRef, ProjectRef, RecordRef, TimeMs


class Project(Base):
    """One body of work: records, a codebook, people, rules."""

    __tablename__ = "projects"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    version: Mapped[int] = mapped_column(default=1)
    codebook_id: Mapped[str] = mapped_column(String(36))
    created_by: Mapped[PersonRef]
    created_at_ms: Mapped[TimeMs]


class Membership(Base):
    """A role that somebody has or had in a project; a change of role ends one row and adds another."""

    __tablename__ = "memberships"
    __table_args__ = (Index("ix_memberships_person_project", "person_id", "project_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    project_id: Mapped[ProjectRef]
    person_id: Mapped[PersonRef]
    role: Mapped[str] = mapped_column(String(20))
    since_ms: Mapped[TimeMs]
    until_ms: Mapped[TimeMs | None]
    given_by: Mapped[PersonRef | None]


class CodebookVersion(Base):
    """A codebook that the project works or worked with, as its YAML text."""

    __tablename__ = "codebooks"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    version: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64))
    yaml: Mapped[str] = mapped_column(Text)
    created_by: Mapped[PersonRef]
    created_at_ms: Mapped[TimeMs]


class Guideline(Base):
    """A page of the guidelines in one of its versions; the newest version of a key is what people read."""

    __tablename__ = "guidelines"
    __table_args__ = (UniqueConstraint("project_id", "key", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    project_id: Mapped[ProjectRef]
    key: Mapped[str] = mapped_column(String(300))
    version: Mapped[int]
    title: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text)
    media: Mapped[list[Any]] = mapped_column(default=list)
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]


class Attachment(Base):
    """A still or a clip that a lead attached to guidelines; the file is named by its SHA-256."""

    __tablename__ = "attachments"

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    name: Mapped[str] = mapped_column(String(300))
    media_type: Mapped[str] = mapped_column(String(100))
    file_name: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[TimeMs]
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]


class Job(Base):
    """Long work in the background: an ingest, or the parsing of records."""

    __tablename__ = "jobs"

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))  # queued, running, done, failed, cancelled
    asked: Mapped[dict[str, Any]] = mapped_column(default=dict)
    progress: Mapped[dict[str, Any]] = mapped_column(default=dict)
    report: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[PersonRef]
    created_at_ms: Mapped[TimeMs]
    started_at_ms: Mapped[TimeMs | None]
    finished_at_ms: Mapped[TimeMs | None]


class SuggestionBatch(Base):
    """Where suggestions come from: a predictions file that was loaded, or the parse of a record."""

    __tablename__ = "suggestion_batches"

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    name: Mapped[str] = mapped_column(String(300))
    model: Mapped[str] = mapped_column(String(300))
    stage: Mapped[str] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64))
    provenance: Mapped[dict[str, Any]] = mapped_column(default=dict)
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]
    withdrawn_at_ms: Mapped[TimeMs | None]


class Suggestion(Base):
    """One ghost: a stretch that a model takes for something; without a label where it is too unsure what it is.

    ``doubts`` says why one should not rely on it, a sentence each.
    """

    __tablename__ = "suggestions"
    __table_args__ = (Index("ix_suggestions_record_frames", "record_id", "start_frame", "end_frame"),)

    id: Mapped[Id]
    batch_id: Mapped[str] = mapped_column(ForeignKey("suggestion_batches.id"), index=True)
    record_id: Mapped[RecordRef]
    level: Mapped[str] = mapped_column(String(20))
    start_frame: Mapped[int]
    end_frame: Mapped[int]
    start_ms: Mapped[TimeMs]
    end_ms: Mapped[TimeMs]
    label: Mapped[str | None] = mapped_column(String(200))
    score: Mapped[float]
    doubts: Mapped[list[Any]] = mapped_column(default=list)
    is_kept: Mapped[bool] = mapped_column(Boolean, default=True)
