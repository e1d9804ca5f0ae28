"""Items on which the passes agree: their consensus becomes the result, without anybody deciding unit by unit."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller
from finegym.labelling.adjudications import accept_adjudication, start_adjudication
from finegym.labelling.completeness import find_gaps
from finegym.labelling.loading import load_rules, load_segments, load_work
from finegym.labelling.refusals import not_found
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Operation, Pass
from finegym.workspace import Workspace


def accept_agreed(
    session: Session, workspace: Workspace, caller: Caller, project_id: str, comparison_ids: Sequence[str]
) -> tuple[int, dict[str, list[str]]]:
    """Accept the consensus of comparisons.

    Returns:
        How many, and what was left out: reason → ids of comparisons.

    Raises:
        Refusal: 404 a comparison is none of the project's.
    """
    rows = {row.id: row for row in session.scalars(select(Comparison).where(Comparison.id.in_(comparison_ids)))}
    accepted, left_out = 0, dict[str, list[str]]()
    for id_ in dict.fromkeys(comparison_ids):
        row = rows.get(id_)
        if row is None or row.project_id != project_id:
            raise not_found("comparison in this project")
        why = _find_obstacle(session, caller, row) or _accept(session, workspace, caller, row)
        if why:
            left_out.setdefault(why, []).append(id_)
        else:
            accepted += 1
    return accepted, left_out


def _find_obstacle(session: Session, caller: Caller, row: Comparison) -> str:
    if row.state != "agreed":
        return f"comparisons that are {row.state}, not agreed"
    item = session.get_one(Item, row.item_id)
    if item.state != "submitted" or item.round != row.round:
        return "items whose passes are not all signed off any more"
    mine = select(Pass.id).where(Pass.item_id == item.id, Pass.round == item.round, Pass.person_id == caller.person_id)
    return "items that you annotated yourself" if session.scalar(mine.limit(1)) else ""


def _accept(session: Session, workspace: Workspace, caller: Caller, row: Comparison) -> str:
    """Why it cannot be accepted as it is; nothing where it was."""
    begun = session.begin_nested()
    made = start_adjudication(session, workspace, caller, row.item_id)
    session.flush()
    work = load_work(session, made.id)
    if list(find_gaps(load_segments(session, made.id), load_rules(session, workspace, work))):
        begun.rollback()
        return "items whose consensus is not complete: adjudicate them"
    made.version += 1
    made.state, made.signed_off_at_ms = "submitted", caller.now_ms
    session.add(
        Operation(
            uuid=make_id(),
            pass_id=made.id,
            pass_version=made.version,
            kind="sign_off",
            payload={"consensus": row.id},
            content_hash="",
            reason="The passes agree.",
            author_id=caller.person_id,
            at_ms=caller.now_ms,
        )
    )
    accept_adjudication(session, caller, work)
    begun.commit()
    return ""
