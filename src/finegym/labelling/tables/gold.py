"""Work whose answer is known: gold items, the exams made of them, what people answered, and alarms about drift.

``gold_grades`` and ``exam_versions`` only grow. ``gold_answers`` holds each answer's newest grade, for reading.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from finegym.labelling.tables.base import Base, Id, ItemRef, PassRef, PersonRef, ProjectRef, RecordMs, RecordRef, TimeMs


class GoldItem(Base):
    """Accepted work that was frozen as an answer. ``start`` is what a pass begins with, ``truth`` what is right.

    Both are lists of segments as revisions hold them.
    """

    __tablename__ = "gold_items"

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    item_id: Mapped[ItemRef]
    pass_id: Mapped[PassRef]
    pass_version: Mapped[int]
    record_id: Mapped[RecordRef]
    stage: Mapped[str] = mapped_column(String(20))
    chunk_number: Mapped[int | None]
    action_id: Mapped[str | None] = mapped_column(String(36))
    action_label: Mapped[str | None] = mapped_column(String(200))
    start_frame: Mapped[int]
    end_frame: Mapped[int]
    start_ms: Mapped[RecordMs]
    end_ms: Mapped[RecordMs]
    start: Mapped[list[Any]] = mapped_column(default=list)
    truth: Mapped[list[Any]] = mapped_column(default=list)
    codebook_number: Mapped[int]
    guidelines: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_silent: Mapped[bool]
    note: Mapped[str] = mapped_column(Text, default="")
    guideline_key: Mapped[str | None] = mapped_column(String(300))
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]
    withdrawn_at_ms: Mapped[TimeMs | None]
    withdrawn_by: Mapped[PersonRef | None]


class Exam(Base):
    """A training set or a pretest of one stage. What it asks is in its versions."""

    __tablename__ = "exams"

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    kind: Mapped[str] = mapped_column(String(20))  # training, pretest
    stage: Mapped[str] = mapped_column(String(20))
    version: Mapped[int]
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]
    retired_at_ms: Mapped[TimeMs | None]
    retired_by: Mapped[PersonRef | None]


class ExamVersion(Base):
    """An exam as it was from one change to the next, with the codebook and the guidelines that it goes by."""

    __tablename__ = "exam_versions"

    exam_id: Mapped[str] = mapped_column(String(36), ForeignKey("exams.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    rules: Mapped[dict[str, Any]] = mapped_column(default=dict)
    gold_ids: Mapped[list[Any]] = mapped_column(default=list)
    codebook_number: Mapped[int]
    guidelines: Mapped[dict[str, Any]] = mapped_column(default=dict)
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]


class ExamAttempt(Base):
    """One person's try at a version of an exam."""

    __tablename__ = "exam_attempts"
    __table_args__ = (UniqueConstraint("exam_id", "person_id", "number"),)

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    exam_id: Mapped[str] = mapped_column(String(36), ForeignKey("exams.id"), index=True)
    version: Mapped[int]
    person_id: Mapped[PersonRef]
    number: Mapped[int]
    codebook_number: Mapped[int]
    guidelines_number: Mapped[int]  # how many versions of pages there were
    state: Mapped[str] = mapped_column(String(20), default="open")  # open, passed, failed, left
    result: Mapped[dict[str, Any] | None]
    started_at_ms: Mapped[TimeMs]
    finished_at_ms: Mapped[TimeMs | None]


class ExamTry(Base):
    """One more try that a lead gave somebody."""

    __tablename__ = "exam_tries"

    id: Mapped[Id]
    exam_id: Mapped[str] = mapped_column(String(36), ForeignKey("exams.id"), index=True)
    person_id: Mapped[PersonRef]
    reason: Mapped[str] = mapped_column(Text)
    author_id: Mapped[PersonRef]
    at_ms: Mapped[TimeMs]


class GoldAnswer(Base):
    """A gold item that was put before somebody, in an exam or silently; the answer is an ordinary pass."""

    __tablename__ = "gold_answers"
    __table_args__ = (Index("ix_gold_answers_person_stage", "project_id", "person_id", "stage"),)

    pass_id: Mapped[str] = mapped_column(
        String(36), ForeignKey("passes.id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    project_id: Mapped[ProjectRef]
    gold_id: Mapped[str] = mapped_column(String(36), ForeignKey("gold_items.id"), index=True)
    item_id: Mapped[ItemRef]
    person_id: Mapped[PersonRef]
    stage: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(20))  # training, pretest, silent
    attempt_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("exam_attempts.id"), index=True)
    number: Mapped[int]
    asked_at_ms: Mapped[TimeMs]
    score: Mapped[float | None]
    is_right: Mapped[bool | None]
    grade: Mapped[dict[str, Any] | None]
    graded_version: Mapped[int | None]
    graded_at_ms: Mapped[TimeMs | None]


class GoldGrade(Base):
    """An answer as it was graded at one version of its pass."""

    __tablename__ = "gold_grades"

    pass_id: Mapped[PassRef] = mapped_column(String(36), primary_key=True)
    pass_version: Mapped[int] = mapped_column(primary_key=True)
    score: Mapped[float | None]
    is_right: Mapped[bool | None]
    grade: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at_ms: Mapped[TimeMs]


class DriftAlarm(Base):
    """Somebody's silent answers have become worse: for the lead to look at."""

    __tablename__ = "drift_alarms"

    id: Mapped[Id]
    project_id: Mapped[ProjectRef]
    person_id: Mapped[PersonRef]
    stage: Mapped[str] = mapped_column(String(20))
    measure: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    pass_ids: Mapped[list[Any]] = mapped_column(default=list)
    state: Mapped[str] = mapped_column(String(20), default="open")  # open, closed
    at_ms: Mapped[TimeMs]
    answered_by: Mapped[PersonRef | None]
    answered_at_ms: Mapped[TimeMs | None]
    remark: Mapped[str | None] = mapped_column(Text)
