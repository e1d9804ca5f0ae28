"""Review: a pass is accepted or returned, and what is accepted becomes the ground that the next stage stands on."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.acceptance import accept_pass
from finegym.labelling.access import Caller, require_role, write_log
from finegym.labelling.items import refresh_item
from finegym.labelling.loading import Work, load_work, read_clock_of
from finegym.labelling.passes import ANY_VERSION
from finegym.labelling.refusals import Refusal, conflict, forbidden, invalid_field, not_found
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Comment, Operation, Pass
from finegym.labelling.values import Frame, Remark, Strict, Uuid
from finegym.labelling.views import can_review
from finegym.workspace import Workspace


class ReviewComment(Strict):
    """Why a pass is returned, pinned to a moment or a segment."""

    text: Remark
    frame: Frame | None = None
    segment_id: Uuid | None = None


class ReviewRequest(Strict):
    """A decision. ``uuid`` makes sending it again harmless."""

    uuid: Uuid
    decision: Literal["accept", "return"]
    comment: ReviewComment | None = None


def review_pass(
    session: Session, workspace: Workspace, caller: Caller, pass_id: str, seen_version: int, request: ReviewRequest
) -> Work:
    """Accept or return a pass.

    Raises:
        Refusal: 403 not a reviewer, or one's own work; 409 not submitted; 412 changed since it was looked at; 422 a
            return without a comment.
    """
    work = load_work(session, pass_id, lock=True)
    role = require_role(session, caller, work.project.id)
    if role not in ("lead", "reviewer"):
        if work.pass_.person_id != caller.person_id and role == "annotator" and work.pass_.is_blind:
            raise not_found("pass")
        raise forbidden(f"Only reviewers and leads decide; your role is {role}.")
    known = session.get(Operation, request.uuid)
    if known is not None:
        if known.pass_id != pass_id or known.kind != f"review_{request.decision}":
            raise conflict("uuid_reused", "This id was used for something else.")
        return work
    if not can_review(role, caller, work):
        raise forbidden("Nobody reviews her own work here. A lead can allow it: settings.may_review_own.")
    row = work.pass_
    if seen_version not in (ANY_VERSION, row.version):
        raise Refusal(412, "version_conflict", "The pass was changed since you looked at it.", version=row.version)
    if request.decision == "accept":
        accept_pass(session, caller, work)
    else:
        _return(session, workspace, caller, work, request)
    row.version += 1
    session.add(
        Operation(
            uuid=request.uuid,
            pass_id=row.id,
            pass_version=row.version,
            kind=f"review_{request.decision}",
            payload={"comment": request.comment.model_dump() if request.comment else None},
            content_hash="",
            author_id=caller.person_id,
            at_ms=caller.now_ms,
        )
    )
    row.reviewed_at_ms, row.reviewed_by = caller.now_ms, caller.person_id
    text = f"{caller.name}: {request.decision} a pass of stage {work.item.stage}."
    write_log(
        session,
        caller.now_ms,
        f"review_{request.decision}",
        text,
        project_id=work.project.id,
        person_id=caller.person_id,
        pass_id=row.id,
    )
    return work


def _return(session: Session, workspace: Workspace, caller: Caller, work: Work, request: ReviewRequest) -> None:
    row, item = work.pass_, work.item
    if item.purpose != "work":
        raise conflict("gold", "This answers a gold item: it is graded, not reviewed.")
    if row.state not in ("submitted", "accepted"):
        raise conflict("not_submitted", f"Only signed-off or accepted passes can be returned; this one is {row.state}.")
    if request.comment is None:
        raise invalid_field("comment", "say what is to be done, best pinned to a moment")
    frame = request.comment.frame
    was_accepted = row.state == "accepted"
    row.state, row.signed_off_at_ms = "returned", None
    row.lease_until_ms = caller.now_ms + work.settings.lease_minutes * 60_000
    session.add(
        Comment(
            id=request.uuid,
            pass_id=row.id,
            text=request.comment.text,
            frame=frame,
            time_ms=None if frame is None else read_clock_of(workspace, work.record).get_ms(frame),
            segment_id=request.comment.segment_id,
            author_id=caller.person_id,
            at_ms=caller.now_ms,
        )
    )
    if was_accepted:
        item.accepted_pass_id = None
    refresh_item(session, item)


def list_for_review(session: Session, project_id: str, stage: str | None, limit: int) -> list[Item]:
    """Items with signed-off passes, those that wait longest first."""
    query = (
        select(Item)
        .join(Pass, Pass.item_id == Item.id)
        .where(
            Item.project_id == project_id,
            Item.purpose == "work",
            Item.state != "accepted",
            Pass.state == "submitted",
        )
        .order_by(Pass.signed_off_at_ms)
    )
    query = query.where(Item.stage == stage) if stage else query
    found: dict[str, Item] = {}
    for item in session.scalars(query):
        found.setdefault(item.id, item)
    return list(found.values())[:limit]
