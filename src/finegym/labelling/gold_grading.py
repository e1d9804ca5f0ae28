"""Grading answers to gold items when they are signed off, and the feedback on them. The arithmetic is `quality`'s."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from finegym.codebook.model import Codebook
from finegym.labelling.access import Caller
from finegym.labelling.attempts import finish_attempt, get_attempt, list_answers
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.drift_alarms import watch_person
from finegym.labelling.exam_rules import ExamRulesShape, make_tolerance
from finegym.labelling.exams import get_exam, get_version
from finegym.labelling.gold import get_gold, read_states
from finegym.labelling.loading import Work, load_segments
from finegym.labelling.nesting import SegmentState
from finegym.labelling.quality_source import make_segment_units
from finegym.labelling.tables.gold import GoldAnswer, GoldGrade, GoldItem
from finegym.labelling.tables.projects import Project
from finegym.quality.exams import judge
from finegym.quality.grading import Grade, Grader, Tolerance, UnitGrade, add_grades
from finegym.quality.units import Unit


def grade_answer(session: Session, caller: Caller, work: Work) -> None:
    """Grade an answer that was just signed off; the last one of an attempt ends it, a silent one is watched."""
    answer = session.get_one(GoldAnswer, work.pass_.id)
    attempt = get_attempt(session, answer.attempt_id, lock=True) if answer.attempt_id else None
    gold = get_gold(session, answer.gold_id)
    tolerance = _get_tolerance(session, answer, work)
    grade = compute_grade(session, work.project, gold, work.pass_.id, tolerance, work.record.fps_average)
    _store(session, answer, grade, work.pass_.version, caller.now_ms)
    if attempt is None:
        watch_person(session, work.project, work.settings, answer, caller.now_ms)
        return
    answers = list_answers(session, [attempt.id])
    if attempt.state != "open" or any(one.graded_at_ms is None for one in answers):
        return
    version = get_version(session, get_exam(session, attempt.exam_id), attempt.version)
    rules = ExamRulesShape.model_validate(version.rules).to_rules()
    result = judge(
        add_grades(
            [
                compute_grade(session, work.project, get_gold(session, one.gold_id), one.pass_id, rules.tolerance, None)
                for one in answers
            ]
        ),
        rules,
    )
    finish_attempt(session, caller, attempt, "passed" if result.is_passed else "failed", result)


def compute_grade(
    session: Session, project: Project, gold: GoldItem, pass_id: str, tolerance: Tolerance, fps: float | None
) -> Grade:
    """What a pass comes to beside the gold item that it answers."""
    codebook, _ = get_codebook(session, project)
    given = [state for state in load_segments(session, pass_id).values() if not state.is_deleted]
    grader = Grader(codebook, tolerance)
    return grader.grade(_make_units(read_states(gold.truth), codebook), _make_units(given, codebook), fps)


def load_feedback(session: Session, work: Work) -> dict[str, Any]:
    """What is right and wrong in an answer as it is now; what is missing is told once it is signed off."""
    answer = session.get_one(GoldAnswer, work.pass_.id)
    gold = get_gold(session, answer.gold_id)
    is_graded = answer.graded_at_ms is not None
    if is_graded:
        grade = answer.grade or {}
    else:
        tolerance = _get_tolerance(session, answer, work)
        found = compute_grade(session, work.project, gold, work.pass_.id, tolerance, work.record.fps_average)
        grade = show_grade(found)
    truth = {state.id: state for state in read_states(gold.truth)}
    units = [one for one in grade["units"] if is_graded or one["verdict"] != "missed"]
    return {
        "is_graded": is_graded,
        "score": answer.score,
        "is_right": answer.is_right,
        "note": gold.note,
        "guideline_key": gold.guideline_key,
        "units": [_show_unit(one, truth, work.record.fps_average) for one in units],
    }


def show_grade(grade: Grade) -> dict[str, Any]:
    """A grade as it is stored."""
    return {"units": [_store_unit(unit) for unit in grade.units]}


def _get_tolerance(session: Session, answer: GoldAnswer, work: Work) -> Tolerance:
    """The exam's own, or the project's for silent items."""
    if answer.attempt_id is None:
        return make_tolerance(work.settings.quality.tolerance)
    attempt = get_attempt(session, answer.attempt_id)
    version = get_version(session, get_exam(session, attempt.exam_id), attempt.version)
    return make_tolerance(ExamRulesShape.model_validate(version.rules).tolerance)


def _make_units(states: Iterable[SegmentState], codebook: Codebook) -> list[Unit]:
    """What is graded: actions and sub-actions that are of use."""
    kept = [state for state in states if state.level != "stage" and state.discard is None]
    kept.sort(key=lambda state: (state.start_ms, state.end_ms, state.id))
    return make_segment_units("", "", kept, codebook)


def _store(session: Session, answer: GoldAnswer, grade: Grade, pass_version: int, now_ms: int) -> None:
    """The answer's newest grade; every grade stays."""
    shown, score = show_grade(grade), grade.score
    is_right = score.right == score.total
    session.add(
        GoldGrade(
            pass_id=answer.pass_id,
            pass_version=pass_version,
            score=score.value,
            is_right=is_right,
            grade=shown,
            at_ms=now_ms,
        )
    )
    answer.score, answer.is_right, answer.grade = score.value, is_right, shown
    answer.graded_version, answer.graded_at_ms = pass_version, now_ms
    session.flush()


def _store_unit(unit: UnitGrade) -> dict[str, Any]:
    return {
        "segment_id": unit.given.id if unit.given else None,
        "gold_id": unit.reference.id if unit.reference else None,
        "verdict": unit.verdict.replace(" ", "_"),
        "start_off_ms": unit.start_off_ms if unit.reference and unit.given else None,
        "end_off_ms": unit.end_off_ms if unit.reference and unit.given else None,
        "tolerance_ms": unit.tolerance_ms,
        "label_given": unit.given.label if unit.given else None,
        "label_expected": unit.reference.label if unit.reference else None,
        "queries": [{"query": one.query_id, "given": one.given, "expected": one.expected} for one in unit.queries],
        "guideline_key": unit.guideline_key,
        "text": unit.text,
    }


def _show_unit(stored: dict[str, Any], truth: dict[str, SegmentState], fps: float) -> dict[str, Any]:
    """A stored unit with what is right beside it, and its offsets in frames."""
    state = truth.get(stored["gold_id"] or "")
    names = ("start_frame", "end_frame", "start_ms", "end_ms", "label", "discard")
    gold = {**{name: getattr(state, name) for name in names}, "path": list(state.path)} if state else None
    offs = {
        f"{edge}_off_frames": None if stored[f"{edge}_off_ms"] is None else round(stored[f"{edge}_off_ms"] * fps / 1000)
        for edge in ("start", "end")
    }
    return {**{name: value for name, value in stored.items() if name != "gold_id"}, "gold": gold, **offs}
