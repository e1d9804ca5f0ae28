"""What the page of an answer says beside the work: which question it is, and who may see what is right in it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from finegym.labelling.access import REVIEWS, Caller, require_role
from finegym.labelling.attempts import get_attempt, list_answers
from finegym.labelling.exam_shapes import FeedbackShape, QuestionContext
from finegym.labelling.exams import get_exam, get_version
from finegym.labelling.gold_grading import load_feedback
from finegym.labelling.loading import Work, load_work
from finegym.labelling.refusals import forbidden, not_found
from finegym.labelling.tables.gold import GoldAnswer
from finegym.labelling.views import can_see_pass


def show_question(session: Session, role: str, work: Work) -> QuestionContext | None:
    """The question that a pass answers; ``None`` for work, and for a silent answer to its annotator."""
    if work.item.purpose == "work" or (work.item.purpose == "silent" and role not in REVIEWS):
        return None
    answer = session.get_one(GoldAnswer, work.pass_.id)
    if answer.attempt_id is None:
        return QuestionContext(exam_id=None, attempt_id=None, name="", kind="silent", number=1, count=1,
                               has_feedback=True, next_pass_id=None)  # fmt: skip
    attempt = get_attempt(session, answer.attempt_id)
    exam = get_exam(session, attempt.exam_id)
    answers = list_answers(session, [attempt.id])
    rest = [one for one in answers if one.graded_at_ms is None and one.pass_id != work.pass_.id]
    later = [one for one in rest if one.number > answer.number]
    following = (later or rest)[:1] if attempt.state == "open" else []
    return QuestionContext(
        exam_id=exam.id,
        attempt_id=attempt.id,
        name=get_version(session, exam, attempt.version).name,
        kind="training" if exam.kind == "training" else "pretest",
        number=answer.number,
        count=len(answers),
        has_feedback=exam.kind == "training" or role in REVIEWS,
        next_pass_id=following[0].pass_id if following else None,
    )


def show_feedback(session: Session, caller: Caller, pass_id: str) -> FeedbackShape:
    """What is right and wrong in an answer.

    Raises:
        Refusal: 404 it is no answer, or not one's own, or a silent one; 403 a pretest.
    """
    work = load_work(session, pass_id)
    role = require_role(session, caller, work.project.id)
    is_known = work.item.purpose == "exam" or (work.item.purpose == "silent" and role in REVIEWS)
    if not is_known or not can_see_pass(role, caller, work.pass_, work.item):
        raise not_found("answer")
    answer = session.get_one(GoldAnswer, pass_id)
    if role not in REVIEWS and answer.kind != "training":
        raise forbidden("Pretests do not say what was right: the same questions may come again.")
    return FeedbackShape.model_validate(load_feedback(session, work))
