"""From rows to what the API answers about gold items and exams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import REVIEWS, Caller, get_names
from finegym.labelling.attempts import list_answers
from finegym.labelling.clock import format_time
from finegym.labelling.exam_rules import ExamRulesShape
from finegym.labelling.exam_shapes import (
    AlarmShape,
    AttemptRef,
    AttemptShape,
    ExamRef,
    ExamShape,
    ExamTotals,
    GoldAnswerShape,
    GoldShape,
    PersonResults,
    QuestionShape,
    StandingShape,
)
from finegym.labelling.exams import PersonStanding, find_standings
from finegym.labelling.gold import Ground, find_broken, find_staleness, list_labels, load_ground, read_states
from finegym.labelling.projects import read_settings
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


def show_exams(session: Session, caller: Caller, role: str, project: Project, exams: Sequence[Exam]) -> list[ExamShape]:
    """Exams as the caller may see them, with her own standing."""
    if not exams:
        return []
    ground, settings = load_ground(session, project), read_settings(project)
    versions = _load_versions(session, exams)
    standings = find_standings(session, project, exams, caller.person_id, caller.now_ms)
    totals = _count_attempts(session, exams) if role in REVIEWS else {}
    gold = _load_gold(session, versions.values())
    told = _find_told(session, project.id) if role in REVIEWS else set()
    names = get_names(session, (exam.author_id for exam in exams))
    return [
        ExamShape(
            id=exam.id,
            version=exam.version,
            name=versions[exam.id].name,
            text=versions[exam.id].text,
            kind=cast(Any, exam.kind),
            stage=cast(Any, exam.stage),
            rules=ExamRulesShape.model_validate(versions[exam.id].rules),
            num_gold=len(versions[exam.id].gold_ids),
            gold_ids=list(versions[exam.id].gold_ids) if role in REVIEWS else None,
            num_told=_count_told(exam, versions[exam.id], told) if role in REVIEWS else None,
            codebook_number=versions[exam.id].codebook_number,
            guidelines=versions[exam.id].guidelines,
            stale=_find_staleness(versions[exam.id], gold, ground) if role in REVIEWS else [],
            is_demanded=exam.kind == "pretest" and exam.stage in settings.quality.pretested_stages,
            retired_at=format_time(exam.retired_at_ms),
            author=refer(names, exam.author_id),
            at=str(format_time(versions[exam.id].at_ms)),
            mine=show_standing(standings[exam.id]),
            totals=totals.get(exam.id, ExamTotals(people=0, attempts=0, passed=0, failed=0))
            if role in REVIEWS
            else None,
        )
        for exam in exams
    ]


def show_standing(found: PersonStanding) -> StandingShape:
    """Where somebody stands."""
    standing = found.standing
    passed = [one.finished_at_ms for one in found.attempts if one.state == "passed"]
    return StandingShape(
        state=cast(Any, standing.state.replace(" ", "_")),
        may_try=standing.may_try,
        tries_left=standing.tries_left,
        next_try_at=format_time(standing.next_try_at_ms),
        passed_at=format_time(passed[-1]) if passed else None,
        text=standing.text,
        attempts=[AttemptRef(**_show_attempt(one)) for one in found.attempts],
    )


def show_attempts(session: Session, role: str, attempts: Sequence[ExamAttempt]) -> list[AttemptShape]:
    """Attempts with their questions; scores of single questions of a pretest are for those who see all work."""
    ids = [one.id for one in attempts]
    answers = list_answers(session, ids)
    exams = {row.id: row for row in session.scalars(select(Exam).where(Exam.id.in_({one.exam_id for one in attempts})))}
    versions = _load_versions(session, exams.values())
    names = get_names(session, (one.person_id for one in attempts))
    return [
        AttemptShape(
            **_show_attempt(one),
            exam=_refer_exam(exams[one.exam_id], versions[one.exam_id]),
            person=refer(names, one.person_id),
            parts=(one.result or {}).get("parts", []),
            reason=(one.result or {}).get("reason", ""),
            questions=[
                QuestionShape(
                    number=answer.number,
                    pass_id=answer.pass_id,
                    item_id=answer.item_id,
                    is_answered=answer.graded_at_ms is not None,
                    score=answer.score if role in REVIEWS or answer.kind == "training" else None,
                )
                for answer in answers
                if answer.attempt_id == one.id
            ],
        )
        for one in attempts
    ]


def show_results(session: Session, role: str, project: Project, exam: Exam, now_ms: int) -> list[PersonResults]:
    """How everybody did who tried an exam."""
    rows = session.scalars(
        select(ExamAttempt).where(ExamAttempt.exam_id == exam.id).order_by(ExamAttempt.person_id, ExamAttempt.number)
    ).all()
    shown = show_attempts(session, role, rows)
    found = []
    for person_id in dict.fromkeys(row.person_id for row in rows):
        attempts = [one for one in shown if one.person.id == person_id]
        standing = find_standings(session, project, [exam], person_id, now_ms)[exam.id]
        found.append(PersonResults(person=attempts[0].person, standing=show_standing(standing), attempts=attempts))
    return sorted(found, key=lambda one: (one.person.name, one.person.id))


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


def _show_attempt(row: ExamAttempt) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "version": row.version,
        "state": row.state,
        "started_at": format_time(row.started_at_ms),
        "finished_at": format_time(row.finished_at_ms),
        "score": (row.result or {}).get("score"),
    }


def _refer_exam(exam: Exam, version: ExamVersion) -> ExamRef:
    return ExamRef(id=exam.id, name=version.name, kind=cast(Any, exam.kind), stage=cast(Any, exam.stage))


def _load_versions(session: Session, exams: Iterable[Exam]) -> dict[str, ExamVersion]:
    rows = session.scalars(
        select(ExamVersion)
        .join(Exam, (Exam.id == ExamVersion.exam_id) & (Exam.version == ExamVersion.version))
        .where(Exam.id.in_([exam.id for exam in exams]))
    )
    return {row.exam_id: row for row in rows}


def _load_gold(session: Session, versions: Iterable[ExamVersion]) -> dict[str, GoldItem]:
    ids = {id_ for version in versions for id_ in version.gold_ids}
    return {row.id: row for row in session.scalars(select(GoldItem).where(GoldItem.id.in_(ids)))}


def _find_staleness(version: ExamVersion, gold: Mapping[str, GoldItem], ground: Ground) -> list[str]:
    """What has changed since a version was written, as sentences."""
    found = []
    if version.codebook_number != ground.codebook_number:
        found.append(f"the codebook was number {version.codebook_number}, is {ground.codebook_number}")
    changed = [key for key, number in ground.pages.items() if version.guidelines.get(key, 0) != number]
    if changed:
        found.append(f"{len(changed)} pages of the guidelines were changed ({', '.join(sorted(changed)[:3])})")
    rows = [gold[id_] for id_ in version.gold_ids]
    withdrawn = sum(row.withdrawn_at_ms is not None for row in rows)
    broken = sum(bool(find_broken(row, ground)) for row in rows)
    found += [f"{withdrawn} gold items of the bank are withdrawn"] if withdrawn else []
    found += [f"{broken} gold items of the bank do not hold in the codebook any more"] if broken else []
    return found


def _find_told(session: Session, project_id: str) -> set[str]:
    """Gold items whose answers a training tells."""
    rows = session.scalars(
        select(ExamVersion.gold_ids)
        .join(Exam, (Exam.id == ExamVersion.exam_id) & (Exam.version == ExamVersion.version))
        .where(Exam.project_id == project_id, Exam.kind == "training", Exam.retired_at_ms.is_(None))
    )
    return {gold_id for gold_ids in rows for gold_id in gold_ids}


def _count_told(exam: Exam, version: ExamVersion, told: set[str]) -> int:
    return len(told & set(version.gold_ids)) if exam.kind == "pretest" else 0


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


def _count_attempts(session: Session, exams: Iterable[Exam]) -> dict[str, ExamTotals]:
    rows = session.execute(
        select(ExamAttempt.exam_id, ExamAttempt.person_id, ExamAttempt.state).where(
            ExamAttempt.exam_id.in_([exam.id for exam in exams])
        )
    ).all()
    found = {}
    for exam_id in {row.exam_id for row in rows}:
        mine = [row for row in rows if row.exam_id == exam_id]
        found[exam_id] = ExamTotals(
            people=len({row.person_id for row in mine}),
            attempts=len(mine),
            passed=sum(row.state == "passed" for row in mine),
            failed=sum(row.state in ("failed", "left") for row in mine),
        )
    return found
