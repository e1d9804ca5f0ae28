"""What a sign-off sets going, beside the item's new state: grading, comparing, and accepting what was adjudicated."""

from __future__ import annotations

from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller
from finegym.labelling.adjudications import accept_adjudication
from finegym.labelling.comparisons import compare_items, find_current
from finegym.labelling.gold_grading import grade_answer
from finegym.labelling.loading import Work
from finegym.labelling.refusals import conflict
from finegym.labelling.settings import Stage
from finegym.labelling.tables.work import Pass


def follow_sign_off(session: Session, caller: Caller, work: Work) -> None:
    """After a pass was signed off."""
    if work.item.purpose != "work":
        grade_answer(session, caller, work)
    elif work.pass_.kind == "adjudication":
        accept_adjudication(session, caller, work)
    elif work.item.state == "submitted" and work.settings.quality.compare_at_sign_off:
        several = session.scalar(
            select(func.count()).where(
                Pass.item_id == work.item.id, Pass.round == work.item.round, Pass.signed_off_at_ms.is_not(None)
            )
        )
        if (several or 0) > 1:
            stage = cast(Stage, work.item.stage)
            compare_items(session, caller, work.project, stage, [work.item.id])


def check_withdrawal(session: Session, work: Work) -> None:
    """Whether a sign-off can be taken back.

    Raises:
        Refusal: 409 it answered a question of an exam, or somebody adjudicates the item.
    """
    if work.item.purpose == "exam":
        raise conflict("exam_answered", "This question is answered; its sign-off cannot be withdrawn.")
    comparison = find_current(session, work.item.id)
    if comparison is not None and comparison.pass_id is not None and comparison.round == work.item.round:
        raise conflict("in_adjudication", "This item is being adjudicated; a reviewer can return the pass.")
