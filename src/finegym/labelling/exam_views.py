"""From rows to what the API answers about exams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import REVIEWS, Caller, get_names
from finegym.labelling.attempts import list_answers
from finegym.labelling.clock import format_time
from finegym.labelling.exam_rules import ExamRulesShape
from finegym.labelling.exam_shapes import (
    AttemptRef,
    AttemptShape,
    ExamRef,
    ExamShape,
    ExamTotals,
    PersonResults,
    QuestionShape,
    StandingShape,
)
from finegym.labelling.exams import PersonStanding, find_standings
from finegym.labelling.gold import Ground, find_broken, load_ground
from finegym.labelling.projects import read_settings
from finegym.labelling.tables.gold import Exam, ExamAttempt, ExamVersion, GoldItem
from finegym.labelling.tables.projects import Project
from finegym.labelling.views import refer


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
