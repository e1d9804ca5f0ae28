"""Drift: somebody's silent answers are followed, and the lead is told when they have become worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, get_names, write_log
from finegym.labelling.refusals import conflict
from finegym.labelling.settings import ProjectSettings
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.gold import DriftAlarm, GoldAnswer
from finegym.labelling.tables.projects import Project
from finegym.quality.drift import Alarm, Drift, DriftRules, watch_drift
from finegym.quality.grading import UnitGrade, Verdict
from finegym.quality.units import Unit

_SOMETHING = Unit("", "", 0, 1, None, "")  # drift asks whether a segment was there and was marked, not which it was


def watch_person(
    session: Session, project: Project, settings: ProjectSettings, answer: GoldAnswer, now_ms: int
) -> None:
    """Raise the alarms that somebody's silent answers now give, each once until the lead has answered it."""
    drift, pass_ids, alarms = follow_person(session, project, settings, answer.person_id, answer.stage)
    is_open = {one.measure for one in alarms if one.state == "open"}
    name = get_names(session, [answer.person_id])[answer.person_id]
    for alarm in drift.alarms:
        if alarm.kind not in is_open:
            row = _make_alarm(answer, alarm, drift, pass_ids, now_ms)
            session.add(row)
            write_log(session, now_ms, "drift", f"{name}, stage {answer.stage}: {alarm.text}",
                      project_id=project.id, person_id=answer.person_id, alarm_id=row.id)  # fmt: skip


def follow_person(
    session: Session, project: Project, settings: ProjectSettings, person_id: str, stage: str
) -> tuple[Drift, list[str], Sequence[DriftAlarm]]:
    """How somebody's sums stand since the lead last answered an alarm of hers; passes of the segments; her alarms."""
    alarms = session.scalars(
        select(DriftAlarm)
        .where(DriftAlarm.project_id == project.id, DriftAlarm.person_id == person_id, DriftAlarm.stage == stage)
        .order_by(DriftAlarm.at_ms)
    ).all()
    answered_ms = max((one.answered_at_ms or 0 for one in alarms), default=0)
    answers = [
        one
        for one in list_silent_answers(session, project.id, person_id, stage)
        if (one.graded_at_ms or 0) > answered_ms
    ]
    drift, pass_ids = follow(answers, DriftRules(**settings.quality.drift.model_dump()))
    return drift, pass_ids, alarms


def follow(answers: Sequence[GoldAnswer], rules: DriftRules) -> tuple[Drift, list[str]]:
    """How the sums of answers stand, and the pass that every segment in them belongs to."""
    grades, pass_ids = [], []
    for answer in answers:
        for unit in (answer.grade or {})["units"]:
            grades.append(_read_unit(unit))
            pass_ids.append(answer.pass_id)
    return watch_drift(grades, rules), pass_ids


def answer_alarm(session: Session, caller: Caller, row: DriftAlarm, remark: str) -> None:
    """The lead has dealt with it: the sums begin anew.

    Raises:
        Refusal: 409 it is closed already.
    """
    if row.state != "open":
        raise conflict("answered", "This alarm is closed already.")
    row.state, row.remark = "closed", remark
    row.answered_by, row.answered_at_ms = caller.person_id, caller.now_ms


def list_silent_answers(session: Session, project_id: str, person_id: str, stage: str) -> Sequence[GoldAnswer]:
    """Somebody's graded silent answers in one stage, in the order in which they were signed off."""
    return session.scalars(
        select(GoldAnswer)
        .where(
            GoldAnswer.project_id == project_id,
            GoldAnswer.person_id == person_id,
            GoldAnswer.stage == stage,
            GoldAnswer.kind == "silent",
            GoldAnswer.graded_at_ms.is_not(None),
        )
        .order_by(GoldAnswer.graded_at_ms, GoldAnswer.pass_id)
    ).all()


def _make_alarm(answer: GoldAnswer, alarm: Alarm, drift: Drift, pass_ids: Sequence[str], now_ms: int) -> DriftAlarm:
    return DriftAlarm(
        id=make_id(),
        project_id=answer.project_id,
        person_id=answer.person_id,
        stage=answer.stage,
        measure=alarm.kind,
        text=alarm.text,
        facts={"value": drift.sums[alarm.kind][alarm.at], "limit": drift.height, "segments": drift.num_segments},
        pass_ids=list(dict.fromkeys(pass_ids[alarm.since : alarm.at + 1])),
        state="open",
        at_ms=now_ms,
    )


def _read_unit(stored: dict[str, Any]) -> UnitGrade:
    """A stored grade of a segment, as far as drift looks at it."""
    return UnitGrade(
        reference=_SOMETHING if stored["verdict"] != "extra" else None,
        given=_SOMETHING if stored["verdict"] != "missed" else None,
        verdict=cast(Verdict, stored["verdict"].replace("_", " ")),
        start_off_ms=stored["start_off_ms"] or 0,
        end_off_ms=stored["end_off_ms"] or 0,
        tolerance_ms=stored["tolerance_ms"],
        levels={},
        queries=(),
        guideline_key=stored["guideline_key"],
        text=stored["text"],
    )
