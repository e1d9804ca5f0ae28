"""Exams: writing them, taking them, how people did, and the feedback on an answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from finegym.labelling.access import REVIEWS, SEES_ALL_WORK, get_project, require_role
from finegym.labelling.api.dependencies import CallerNow, IdPath, SeenVersion, ServerNow
from finegym.labelling.attempts import get_attempt, leave_attempt, start_attempt
from finegym.labelling.exam_rules import ExamRulesShape
from finegym.labelling.exam_shapes import (
    AttemptShape,
    ExamKind,
    ExamResultsShape,
    ExamShape,
    ExamsShape,
    FeedbackShape,
    StandingShape,
)
from finegym.labelling.exam_views import show_attempts, show_exams, show_results, show_standing
from finegym.labelling.exams import (
    ExamContent,
    change_exam,
    find_standings,
    get_exam,
    grant_try,
    list_exams,
    make_exam,
    retire_exam,
)
from finegym.labelling.feedback import show_feedback
from finegym.labelling.items import WORKERS
from finegym.labelling.projects import list_people, read_settings
from finegym.labelling.refusals import invalid_field, not_found
from finegym.labelling.settings import Stage
from finegym.labelling.values import Line, Prose, Remark, Strict, Uuid

router = APIRouter(tags=["exams"])


class ExamRequest(Strict):
    """What an exam asks, and how it is held."""

    name: Line
    text: Prose = ""
    rules: ExamRulesShape
    gold_ids: Annotated[list[Uuid], Field(min_length=1, max_length=5000)]

    def to_content(self) -> ExamContent:
        """As the workflow reads it."""
        return ExamContent(self.name, self.text, self.rules, self.gold_ids)


class NewExamRequest(ExamRequest):
    """A new exam."""

    kind: ExamKind
    stage: Stage


class TryRequest(Strict):
    """One more try."""

    person_id: Uuid
    reason: Remark


@router.get("/projects/{project_id}/exams")
def get_exams(project_id: IdPath, caller: CallerNow, server: ServerNow, with_retired: bool = False) -> ExamsShape:
    """The exams of a project, and where the caller stands with each."""
    with server.database.read() as session:
        role = require_role(session, caller, project_id)
        exams = list_exams(session, project_id, with_retired=with_retired and role in SEES_ALL_WORK)
        return ExamsShape(exams=show_exams(session, caller, role, get_project(session, project_id), exams))


@router.post("/projects/{project_id}/exams", status_code=201)
def post_exam(project_id: IdPath, body: NewExamRequest, caller: CallerNow, server: ServerNow) -> ExamShape:
    """Make an exam, for leads."""
    with server.database.write() as session:
        role = require_role(session, caller, project_id, ["lead"])
        project = get_project(session, project_id, lock=True)
        exam = make_exam(session, caller, project, body.kind, body.stage, body.to_content())
        return show_exams(session, caller, role, project, [exam])[0]


@router.get("/exams/{exam_id}")
def get_one_exam(exam_id: IdPath, caller: CallerNow, server: ServerNow, response: Response) -> ExamShape:
    """An exam in its newest version."""
    with server.database.read() as session:
        exam = get_exam(session, exam_id)
        role = require_role(session, caller, exam.project_id)
        response.headers["ETag"] = f'"{exam.version}"'
        return show_exams(session, caller, role, get_project(session, exam.project_id), [exam])[0]


@router.put("/exams/{exam_id}")
def put_exam(exam_id: IdPath, body: ExamRequest, seen: SeenVersion, caller: CallerNow, server: ServerNow) -> ExamShape:
    """Write the next version of an exam, for leads; earlier ones stay, and attempts go on with theirs."""
    with server.database.write() as session:
        exam = get_exam(session, exam_id)
        role = require_role(session, caller, exam.project_id, ["lead"])
        project = get_project(session, exam.project_id, lock=True)
        change_exam(session, caller, project, exam, seen, body.to_content())
        return show_exams(session, caller, role, project, [exam])[0]


@router.delete("/exams/{exam_id}", status_code=204)
def delete_exam(exam_id: IdPath, caller: CallerNow, server: ServerNow) -> None:
    """Hold an exam no more, for leads."""
    with server.database.write() as session:
        exam = get_exam(session, exam_id)
        require_role(session, caller, exam.project_id, ["lead"])
        retire_exam(session, caller, exam, read_settings(get_project(session, exam.project_id, lock=True)))


@router.post("/exams/{exam_id}/attempts", status_code=201, responses={200: {"description": "The open one"}})
def post_attempt(exam_id: IdPath, caller: CallerNow, server: ServerNow, response: Response) -> AttemptShape:
    """Begin an attempt, or go on with the one that is open."""
    with server.database.write() as session:
        exam = get_exam(session, exam_id)
        role = require_role(session, caller, exam.project_id, WORKERS)
        attempt, is_new = start_attempt(session, caller, exam)
        response.status_code = 201 if is_new else 200
        session.flush()
        return show_attempts(session, role, [attempt])[0]


@router.get("/attempts/{attempt_id}")
def get_one_attempt(attempt_id: IdPath, caller: CallerNow, server: ServerNow) -> AttemptShape:
    """One's own attempt; leads and reviewers see all of them."""
    with server.database.read() as session:
        attempt = get_attempt(session, attempt_id)
        role = require_role(session, caller, attempt.project_id)
        if attempt.person_id != caller.person_id and role not in REVIEWS:
            raise not_found("attempt")
        return show_attempts(session, role, [attempt])[0]


@router.post("/attempts/{attempt_id}/leave")
def post_leave(attempt_id: IdPath, caller: CallerNow, server: ServerNow) -> AttemptShape:
    """Give one's attempt up: it counts as failed."""
    with server.database.write() as session:
        attempt = get_attempt(session, attempt_id, lock=True)
        role = require_role(session, caller, attempt.project_id)
        if attempt.person_id != caller.person_id:
            raise not_found("attempt of yours")
        leave_attempt(session, caller, attempt)
        session.flush()
        return show_attempts(session, role, [attempt])[0]


@router.get("/exams/{exam_id}/results")
def get_results(exam_id: IdPath, caller: CallerNow, server: ServerNow) -> ExamResultsShape:
    """How everybody did, for leads and reviewers."""
    with server.database.read() as session:
        exam = get_exam(session, exam_id)
        role = require_role(session, caller, exam.project_id, REVIEWS)
        project = get_project(session, exam.project_id)
        return ExamResultsShape(people=show_results(session, role, project, exam, caller.now_ms))


@router.post("/exams/{exam_id}/tries", status_code=201)
def post_try(exam_id: IdPath, body: TryRequest, caller: CallerNow, server: ServerNow) -> StandingShape:
    """Give somebody one more try at once, for leads."""
    with server.database.write() as session:
        exam = get_exam(session, exam_id)
        require_role(session, caller, exam.project_id, ["lead"])
        people = {one["person"]["id"] for one in list_people(session, exam.project_id)}
        if body.person_id not in people:
            raise invalid_field("person_id", "is nobody of this project", body.person_id)
        grant_try(session, caller, exam, body.person_id, body.reason)
        project = get_project(session, exam.project_id)
        return show_standing(find_standings(session, project, [exam], body.person_id, caller.now_ms)[exam.id])


@router.get("/passes/{pass_id}/feedback")
def get_feedback(pass_id: IdPath, caller: CallerNow, server: ServerNow) -> FeedbackShape:
    """What is right and wrong in an answer: in a training at any time, else for leads and reviewers."""
    with server.database.read() as session:
        return show_feedback(session, caller, pass_id)
