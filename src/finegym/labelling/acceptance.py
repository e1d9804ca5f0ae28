"""Accepting a pass: the others stay as they are, for agreement, and the next stage stands on it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller
from finegym.labelling.derive import derive_next_stage
from finegym.labelling.loading import Work
from finegym.labelling.overlaps import propose_overlaps
from finegym.labelling.refusals import conflict
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.work import Pass


def accept_pass(session: Session, caller: Caller, work: Work) -> None:
    """Make a signed-off pass the result of its item.

    Raises:
        Refusal: 409 it is not signed off, answers a gold item, or is of an earlier round.
    """
    row, item = work.pass_, work.item
    if item.purpose != "work":
        raise conflict("gold", "This answers a gold item: it is graded, not reviewed.")
    if row.state != "submitted":
        raise conflict("not_submitted", f"Only signed-off passes can be accepted; this one is {row.state}.")
    if row.round != item.round:
        raise conflict("old_round", "The item was begun anew since this pass was made.")
    for other in session.scalars(select(Pass).where(Pass.item_id == item.id, Pass.id != row.id)):
        if other.state != "superseded":
            other.state = "superseded"
    row.state = "accepted"
    item.accepted_pass_id, item.state, item.recheck = row.id, "accepted", None
    _close_comparison(session, caller, work)
    session.flush()
    if item.stage == "routines":
        propose_overlaps(session, item, caller.now_ms)
    derive_next_stage(session, item, caller.now_ms)


def _close_comparison(session: Session, caller: Caller, work: Work) -> None:
    """Whatever the comparison of its passes came to: it is decided now, and by which pass."""
    query = select(Comparison).where(
        Comparison.item_id == work.item.id, Comparison.state.in_(("agreed", "third", "adjudicate"))
    )
    for row in session.scalars(query):
        row.state, row.pass_id = "decided", work.pass_.id
        row.decided_by, row.decided_at_ms = caller.person_id, caller.now_ms
