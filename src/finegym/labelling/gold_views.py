"""From rows to what the API answers about gold items, answers to them, and drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import get_names
from finegym.labelling.clock import format_time
from finegym.labelling.exam_shapes import AlarmShape, GoldAnswerShape, GoldShape
from finegym.labelling.gold import find_staleness, list_labels, load_ground, read_states
from finegym.labelling.shapes import ActionShape, RecordRef
from finegym.labelling.tables.gold import DriftAlarm, Exam, ExamAttempt, ExamVersion, GoldAnswer, GoldItem
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Pass
from finegym.labelling.views import refer


def show_gold(session: Session, project: Project, rows: Sequence[GoldItem]) -> list[GoldShape]:
    """Gold items with what has changed since, and how they were answered."""
    ground, ids = load_ground(session, project), [row.id for row in rows]
    records = {row.id: row for row in session.scalars(select(Record).where(Record.project_id == project.id))}
    sources = {
        item.id: (item, version)
        for item, version in session.execute(
            select(Item, Pass.version)
            .outerjoin(Pass, Pass.id == Item.accepted_pass_id)
            .where(Item.id.in_({row.item_id for row in rows}))
        )
    }
    answers = {
        gold_id: (number, mean)
        for gold_id, number, mean in session.execute(
            select(GoldAnswer.gold_id, func.count(GoldAnswer.graded_at_ms), func.avg(GoldAnswer.score))
            .where(GoldAnswer.gold_id.in_(ids))
            .group_by(GoldAnswer.gold_id)
        )
    }
    exams = _find_exams_of(session, project.id)
    names = get_names(session, (row.author_id for row in rows))
    return [
        _show_gold(row, records[row.record_id], find_staleness(row, *sources[row.item_id], ground),
                   exams.get(row.id, []), answers.get(row.id, (0, None)), names)
        for row in rows
    ]  # fmt: skip


def list_gold(session: Session, project_id: str, stage: str | None, *, is_withdrawn: bool = False) -> list[GoldItem]:
    """Gold items of a project, those that may be asked or those that are withdrawn."""
    query = select(GoldItem).where(GoldItem.project_id == project_id)
    query = query.where(GoldItem.withdrawn_at_ms.is_not(None) if is_withdrawn else GoldItem.withdrawn_at_ms.is_(None))
    query = query.where(GoldItem.stage == stage) if stage else query
    return list(session.scalars(query.order_by(GoldItem.at_ms, GoldItem.id)))


def show_answers(session: Session, rows: Sequence[GoldAnswer]) -> list[GoldAnswerShape]:
    """Answers to gold items."""
    names = get_names(session, (row.person_id for row in rows))
    exams = dict(
        session.execute(
            select(ExamAttempt.id, ExamAttempt.exam_id).where(ExamAttempt.id.in_({row.attempt_id for row in rows}))
        ).all()
    )
    return [
        GoldAnswerShape(
            pass_id=row.pass_id,
            item_id=row.item_id,
            gold_id=row.gold_id,
            person=refer(names, row.person_id),
            stage=cast(Any, row.stage),
            kind=cast(Any, row.kind),
            score=row.score,
            is_right=row.is_right,
            at=format_time(row.graded_at_ms),
            exam_id=exams.get(row.attempt_id or ""),
            attempt_id=row.attempt_id,
        )
        for row in rows
    ]


def show_alarms(session: Session, rows: Sequence[DriftAlarm]) -> list[AlarmShape]:
    """Alarms with the items behind them."""
    names = get_names(session, [id_ for row in rows for id_ in (row.person_id, row.answered_by)])
    passes = {id_ for row in rows for id_ in row.pass_ids}
    items = dict(session.execute(select(Pass.id, Pass.item_id).where(Pass.id.in_(passes))).all())
    return [
        AlarmShape(
            id=row.id,
            person=refer(names, row.person_id),
            stage=cast(Any, row.stage),
            measure=row.measure,
            text=row.text,
            value=row.facts["value"],
            limit=row.facts["limit"],
            pass_ids=list(row.pass_ids),
            item_ids=[items[id_] for id_ in row.pass_ids],
            at=str(format_time(row.at_ms)),
            state=cast(Any, row.state),
            answered_by=refer(names, row.answered_by) if row.answered_by else None,
            answered_at=format_time(row.answered_at_ms),
            remark=row.remark,
        )
        for row in rows
    ]


def _show_gold(
    row: GoldItem,
    record: Record,
    stale: list[str],
    exam_ids: list[str],
    answers: tuple[int, float | None],
    names: Mapping[str, str],
) -> GoldShape:
    frames = {name: getattr(row, name) for name in ("start_frame", "end_frame", "start_ms", "end_ms")}
    action = ActionShape(segment_id=row.action_id, label=row.action_label, **frames) if row.action_id else None
    return GoldShape(
        id=row.id,
        stage=cast(Any, row.stage),
        item_id=row.item_id,
        record=RecordRef(id=record.id, name=record.name, fps_average=record.fps_average),
        chunk=row.chunk_number,
        action=action,
        **frames,
        num_segments=sum(one.level != "stage" and one.discard is None for one in read_states(row.truth)),
        labels=list_labels(row),
        note=row.note,
        guideline_key=row.guideline_key,
        is_silent=row.is_silent,
        codebook_number=row.codebook_number,
        guidelines=row.guidelines,
        stale=stale,
        exam_ids=exam_ids,
        num_answers=answers[0],
        mean_score=None if answers[1] is None else float(answers[1]),
        author=refer(names, row.author_id),
        at=str(format_time(row.at_ms)),
        withdrawn_at=format_time(row.withdrawn_at_ms),
    )


def _find_exams_of(session: Session, project_id: str) -> dict[str, list[str]]:
    """Gold item → the exams that it is in now."""
    rows = session.execute(
        select(Exam.id, ExamVersion.gold_ids)
        .join(ExamVersion, (Exam.id == ExamVersion.exam_id) & (Exam.version == ExamVersion.version))
        .where(Exam.project_id == project_id, Exam.retired_at_ms.is_(None))
    )
    found: dict[str, list[str]] = {}
    for exam_id, gold_ids in rows:
        for gold_id in gold_ids:
            found.setdefault(gold_id, []).append(exam_id)
    return found
