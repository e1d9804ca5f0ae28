"""Taking an exam: which gold items are asked, and how their answers add up.

A question is an ordinary item with an ordinary pass, made for one person; so it is answered with everything that work
is done with, on video. Signing off answers it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, get_project, write_log
from finegym.labelling.clock import format_time
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.derive import make_position
from finegym.labelling.exam_rules import ExamRulesShape
from finegym.labelling.exams import find_standings, get_version, read_versions
from finegym.labelling.gold import find_broken, list_sets, load_ground, read_states
from finegym.labelling.nesting import SegmentState
from finegym.labelling.projects import read_settings
from finegym.labelling.refusals import conflict, not_found
from finegym.labelling.settings import ProjectSettings
from finegym.labelling.starting import start_pass
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.gold import Exam, ExamAttempt, GoldAnswer, GoldItem
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Pass
from finegym.quality.exams import ExamResult, draw_items


def start_attempt(session: Session, caller: Caller, exam: Exam) -> tuple[ExamAttempt, bool]:
    """A new attempt with its questions, and that it is new; or the one that is open.

    Raises:
        Refusal: 409 retired, passed, waiting, no tries left, or not enough to ask.
    """
    project = get_project(session, exam.project_id, lock=True)  # one at a time: nobody has two attempts open
    if exam.retired_at_ms is not None:
        raise conflict("retired", "This exam is retired.")
    mine = find_standings(session, project, [exam], caller.person_id, caller.now_ms)[exam.id]
    going_on = next((one for one in mine.attempts if one.state == "open"), None)
    if going_on is not None:
        return going_on, False
    standing = mine.standing
    is_repeat = exam.kind == "training" and standing.state == "passed"
    if not standing.may_try and not is_repeat:
        next_try_at = format_time(standing.next_try_at_ms)
        raise conflict(standing.state.replace(" ", "_"), standing.text, next_try_at=next_try_at)
    versions = read_versions(session, project)
    attempt = ExamAttempt(
        id=make_id(),
        project_id=project.id,
        exam_id=exam.id,
        version=exam.version,
        person_id=caller.person_id,
        number=len(mine.attempts) + 1,
        codebook_number=versions.codebook,
        guidelines_number=versions.guidelines,
        state="open",
        started_at_ms=caller.now_ms,
    )
    session.add(attempt)
    session.flush()
    for number, gold in enumerate(_draw(session, project, exam, attempt), start=1):
        ask(session, caller, project, gold, exam.kind, number=number, attempt=attempt)
    return attempt, True


def ask(
    session: Session,
    caller: Caller,
    project: Project,
    gold: GoldItem,
    kind: str,
    *,
    number: int,
    attempt: ExamAttempt | None = None,
    priority: int = 0,
) -> Pass:
    """Put a gold item before somebody: an item of its own, as the gold item was before it was labelled."""
    settings = read_settings(project)
    item = _make_item(gold, session.get_one(Record, gold.record_id), caller, kind)
    item.priority = priority
    session.add(item)
    session.flush()
    row = start_pass(session, caller, item, _hide(settings, kind), given=_hide_answers(gold, project, session))
    session.add(
        GoldAnswer(
            pass_id=row.id,
            project_id=project.id,
            gold_id=gold.id,
            item_id=item.id,
            person_id=caller.person_id,
            stage=gold.stage,
            kind=kind,
            attempt_id=attempt.id if attempt else None,
            number=number,
            asked_at_ms=caller.now_ms,
        )
    )
    return row


def get_attempt(session: Session, attempt_id: str, *, lock: bool = False) -> ExamAttempt:
    """An attempt by id."""
    query = select(ExamAttempt).where(ExamAttempt.id == attempt_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise not_found("attempt")
    return row


def list_answers(session: Session, attempt_ids: list[str]) -> list[GoldAnswer]:
    """The questions of attempts, in order."""
    query = select(GoldAnswer).where(GoldAnswer.attempt_id.in_(attempt_ids))
    return list(session.scalars(query.order_by(GoldAnswer.attempt_id, GoldAnswer.number)))


def leave_attempt(session: Session, caller: Caller, attempt: ExamAttempt) -> None:
    """Give an attempt up: a failed one."""
    if attempt.state != "open":
        raise conflict("finished", f"This attempt is {attempt.state}.", state=attempt.state)
    finish_attempt(session, caller, attempt, "left", None)


def finish_attempt(
    session: Session, caller: Caller, attempt: ExamAttempt, state: str, result: ExamResult | None
) -> None:
    """Write down how an attempt ended, and close what was not answered."""
    attempt.state, attempt.finished_at_ms = state, caller.now_ms
    attempt.result = show_result(result) if result else None
    for answer in list_answers(session, [attempt.id]):
        row = session.get_one(Pass, answer.pass_id)
        row.state = "superseded" if row.signed_off_at_ms is None else row.state
    write_log(session, caller.now_ms, "exam_attempt", f"{caller.name} {state} an exam.", project_id=attempt.project_id,
              person_id=caller.person_id, attempt_id=attempt.id)  # fmt: skip


def show_result(result: ExamResult) -> dict[str, Any]:
    """A result as it is stored and answered."""
    return {
        "score": result.score.value,
        "is_passed": result.is_passed,
        "reason": result.reason,
        "parts": [
            {
                "part": part.part,
                "right": part.share.right,
                "total": part.share.total,
                "value": part.share.value,
                "pass_mark": part.pass_mark,
                "is_passed": part.is_passed,
            }
            for part in result.parts
        ],
    }


def find_askable(session: Session, project: Project, rows: list[GoldItem], person_id: str) -> list[GoldItem]:
    """Gold items that can be put before somebody: not withdrawn, true in today's codebook, and not of her own work."""
    ground = load_ground(session, project)
    item_ids = {row.item_id for row in rows}
    known = set(session.scalars(select(Pass.item_id).where(Pass.item_id.in_(item_ids), Pass.person_id == person_id)))
    return [
        row for row in rows if row.withdrawn_at_ms is None and row.item_id not in known and not find_broken(row, ground)
    ]


def _draw(session: Session, project: Project, exam: Exam, attempt: ExamAttempt) -> list[GoldItem]:
    version = get_version(session, exam)
    rules = ExamRulesShape.model_validate(version.rules).to_rules()
    rows = list(session.scalars(select(GoldItem).where(GoldItem.id.in_(version.gold_ids))))
    bank = {row.id: row for row in find_askable(session, project, rows, attempt.person_id)}
    if len(bank) < (rules.num_items or 1):
        text = (
            f"The exam asks {rules.num_items or 1} items, and there are {len(bank)} that you have not worked on and "
            "that the codebook still has. Ask the lead for more."
        )
        raise conflict("bank_too_small", text, num_items=len(bank))
    codebook, _ = get_codebook(session, project)
    seen = session.scalars(
        select(GoldAnswer.gold_id).where(GoldAnswer.person_id == attempt.person_id, GoldAnswer.gold_id.in_(bank))
    ).all()
    key = f"{exam.id}/{attempt.person_id}/{attempt.number}"
    return [bank[id_] for id_ in draw_items({id_: list_sets(row, codebook) for id_, row in bank.items()},
                                            rules.num_items, seen, key)]  # fmt: skip


def _make_item(gold: GoldItem, record: Record, caller: Caller, kind: str) -> Item:
    id_ = make_id()
    purpose = "silent" if kind == "silent" else "exam"
    return Item(
        id=id_,
        project_id=gold.project_id,
        record_id=gold.record_id,
        key=f"{purpose}:{id_}",
        stage=gold.stage,
        purpose=purpose,
        chunk_number=gold.chunk_number,
        action_id=gold.action_id,
        action_label=gold.action_label,
        start_frame=gold.start_frame,
        end_frame=gold.end_frame,
        start_ms=gold.start_ms,
        end_ms=gold.end_ms,
        state="open",
        priority=0,
        position=make_position(record, gold.start_ms),
        annotators=1,
        assignees=[caller.person_id],
        round=1,
        created_at_ms=caller.now_ms,
    )


def _hide(settings: ProjectSettings, kind: str) -> ProjectSettings:
    """Exams are always blind; a silent item is as blind as work is."""
    return settings if kind == "silent" else settings.model_copy(update={"is_blind": True})


def _hide_answers(gold: GoldItem, project: Project, session: Session) -> list[SegmentState] | None:
    """What a pass begins with in stage elements: sub-actions with their sets, whatever was said of them since."""
    if gold.stage != "elements":
        return None
    elements = get_codebook(session, project)[0].element_by_id
    return [
        replace(
            state,
            label=elements[label].set_id if (label := state.label or "") in elements else state.label,
            path=(),
            is_no_element=False,
        )
        for state in read_states(gold.start)
    ]
