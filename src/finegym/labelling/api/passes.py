"""Passes: reading, saving, the log of operations, history and blame."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from finegym.labelling.access import require_role
from finegym.labelling.api.dependencies import CallerNow, IdPath, SeenVersion, ServerNow
from finegym.labelling.history import show_blame, show_history
from finegym.labelling.items import WORKERS
from finegym.labelling.leases import renew_lease
from finegym.labelling.loading import load_work
from finegym.labelling.operation_kinds import AnyOperation
from finegym.labelling.pages import load_visible, preview_operations, show_pass
from finegym.labelling.pass_detail import PassDetail
from finegym.labelling.passes import save_operations
from finegym.labelling.progress import beat
from finegym.labelling.refusals import conflict, forbidden, not_found
from finegym.labelling.shapes import (
    LeaseShape,
    OperationShape,
    PreviewShape,
    RevisionShape,
    SavedShape,
)
from finegym.labelling.tables.work import Operation, Segment
from finegym.labelling.values import Strict
from finegym.labelling.views import show_operations

router = APIRouter(tags=["passes"])


class OperationsRequest(Strict):
    """Operations that belong together: all of them are stored, or none."""

    operations: Annotated[list[AnyOperation], Field(min_length=1, max_length=500)]


class OperationsShape(BaseModel):
    """Part of the log of a pass."""

    operations: list[OperationShape]


class HistoryShape(BaseModel):
    """Every version of a segment, oldest first."""

    revisions: list[RevisionShape]


class BlameShape(BaseModel):
    """For each field of a segment: its value, who gave it that, when, at which version."""

    fields: dict[str, dict[str, Any]]


class BeatRequest(Strict):
    """How long somebody was at work since the last beat."""

    active_ms: Annotated[int, Field(ge=0, le=600_000)]


class BeatShape(BaseModel):
    """How the pass stands."""

    lease: LeaseShape
    version: int
    state: str


@router.get("/passes/{pass_id}")
def get_pass(pass_id: IdPath, caller: CallerNow, server: ServerNow, response: Response) -> PassDetail:
    """A pass with everything that its page needs."""
    with server.database.read() as session:
        detail = show_pass(session, server.links, caller, pass_id)
    response.headers["ETag"] = f'"{detail.version}"'
    return detail


@router.post("/passes/{pass_id}/operations")
def post_operations(
    pass_id: IdPath,
    body: OperationsRequest,
    seen: SeenVersion,
    caller: CallerNow,
    server: ServerNow,
    response: Response,
) -> SavedShape:
    """Store operations. Sent again, they are answered and not done again."""
    saved = save_operations(server.database, server.workspace, caller, pass_id, seen, body.operations)
    response.headers["ETag"] = f'"{saved.version}"'
    return saved


@router.post("/passes/{pass_id}/preview")
def preview(pass_id: IdPath, body: OperationsRequest, caller: CallerNow, server: ServerNow) -> PreviewShape:
    """What operations would do; nothing is stored."""
    with server.database.read() as session:
        return preview_operations(session, server.links, caller, pass_id, body.operations)


@router.get("/passes/{pass_id}/operations")
def get_operations(
    pass_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    after_version: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=2000)] = 500,
) -> OperationsShape:
    """The log of a pass."""
    with server.database.read() as session:
        load_visible(session, caller, pass_id)
        query = (
            select(Operation)
            .where(Operation.pass_id == pass_id, Operation.pass_version > after_version)
            .order_by(Operation.pass_version)
            .limit(limit)
        )
        return OperationsShape(operations=show_operations(session, session.scalars(query).all()))


@router.post("/passes/{pass_id}/heartbeat")
def post_heartbeat(pass_id: IdPath, body: BeatRequest, caller: CallerNow, server: ServerNow) -> BeatShape:
    """Somebody is at work: her lease is renewed, her time counted."""
    with server.database.write() as session:
        work = load_work(session, pass_id, lock=True)
        role = require_role(session, caller, work.project.id)
        if work.pass_.person_id != caller.person_id or role not in WORKERS:
            raise not_found("pass of yours")
        beat(work, body.active_ms, caller.now_ms)
        lease = renew_lease(session, work, caller.now_ms)
        return BeatShape(lease=lease, version=work.pass_.version, state=work.pass_.state)


@router.post("/passes/{pass_id}/release", status_code=204)
def release_pass(pass_id: IdPath, caller: CallerNow, server: ServerNow) -> None:
    """Give an item back: others may take it. What was done stays, and one may go on with it."""
    with server.database.write() as session:
        work = load_work(session, pass_id, lock=True)
        role = require_role(session, caller, work.project.id)
        if work.pass_.person_id != caller.person_id and role != "lead":
            raise forbidden("Only the annotator or a lead gives an item back.")
        if work.pass_.state != "open":
            raise conflict("not_open", f"This pass is {work.pass_.state}; only open ones are given back.")
        work.pass_.lease_until_ms = min(work.pass_.lease_until_ms, caller.now_ms)


@router.get("/segments/{segment_id}/history")
def get_history(segment_id: IdPath, caller: CallerNow, server: ServerNow) -> HistoryShape:
    """Every version of a segment, and who made it."""
    with server.database.read() as session:
        row = session.get(Segment, segment_id)
        if row is None:
            raise not_found("segment")
        load_visible(session, caller, row.pass_id)
        return HistoryShape(revisions=show_history(session, segment_id))


@router.get("/segments/{segment_id}/blame")
def get_blame(segment_id: IdPath, caller: CallerNow, server: ServerNow) -> BlameShape:
    """Who gave each field of a segment its value."""
    with server.database.read() as session:
        row = session.get(Segment, segment_id)
        if row is None:
            raise not_found("segment")
        load_visible(session, caller, row.pass_id)
        return BlameShape(fields=show_blame(session, segment_id))
