"""Review, and routines that were met twice."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlalchemy import select

from finegym.labelling.access import REVIEWS, get_names, get_project, require_role
from finegym.labelling.api.dependencies import CallerNow, IdPath, SeenVersion, ServerNow
from finegym.labelling.loading import make_state
from finegym.labelling.overlaps import answer_overlap, get_overlap
from finegym.labelling.pages import show_pass
from finegym.labelling.pass_detail import PassDetail
from finegym.labelling.review import ReviewRequest, list_for_review, review_pass
from finegym.labelling.settings import Stage
from finegym.labelling.shapes import ItemShape, RecordRef, SegmentShape
from finegym.labelling.tables.records import Record
from finegym.labelling.tables.review import Overlap
from finegym.labelling.tables.work import Segment
from finegym.labelling.values import Strict
from finegym.labelling.views import refer, show_items, show_segment

router = APIRouter(tags=["review"])


class ReviewsShape(BaseModel):
    """Items that wait for review, those that wait longest first."""

    items: list[ItemShape]


class OverlapShape(BaseModel):
    """Two routines that may be one."""

    id: str
    record: RecordRef
    left: SegmentShape
    right: SegmentShape
    left_chunk: int
    right_chunk: int
    tiou: float
    state: Literal["open", "same", "different", "gone"]
    kept_id: str | None


class OverlapsShape(BaseModel):
    """Routines met in both halves of an overlap of chunks."""

    overlaps: list[OverlapShape]


class OverlapAnswer(Strict):
    """Whether they are the same; if so, which one stays."""

    answer: Literal["same", "different"]
    keep: Literal["left", "right"] | None = None


@router.get("/projects/{project_id}/reviews")
def get_reviews(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    stage: Stage | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ReviewsShape:
    """What waits for review, for reviewers and leads."""
    with server.database.read() as session:
        role = require_role(session, caller, project_id, REVIEWS)
        items = list_for_review(session, project_id, stage, limit)
        return ReviewsShape(items=show_items(session, caller, role, get_project(session, project_id), items))


@router.post("/passes/{pass_id}/review")
def post_review(
    pass_id: IdPath,
    body: ReviewRequest,
    seen: SeenVersion,
    caller: CallerNow,
    server: ServerNow,
    response: Response,
) -> PassDetail:
    """Accept a pass, or return it with a remark; for reviewers and leads."""
    with server.database.write() as session:
        review_pass(session, server.workspace, caller, pass_id, seen, body)
    with server.database.read() as session:
        detail = show_pass(session, server.links, caller, pass_id)
    response.headers["ETag"] = f'"{detail.version}"'
    return detail


@router.get("/projects/{project_id}/overlaps")
def get_overlaps(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    state: Literal["open", "same", "different", "gone"] = "open",
) -> OverlapsShape:
    """Routines that may be one, for reviewers and leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, REVIEWS)
        rows = session.scalars(
            select(Overlap)
            .where(Overlap.project_id == project_id, Overlap.state == state)
            .order_by(Overlap.created_at_ms, Overlap.id)
        ).all()
        ids = {id_ for row in rows for id_ in (row.left_id, row.right_id)}
        segments = {one.id: one for one in session.scalars(select(Segment).where(Segment.id.in_(ids)))}
        names = get_names(session, (one.author_id for one in segments.values()))
        shown = {
            id_: show_segment(make_state(one), refer(names, one.author_id), one.at_ms) for id_, one in segments.items()
        }
        records = {
            one.id: RecordRef(id=one.id, name=one.name, fps_average=one.fps_average)
            for one in session.scalars(select(Record).where(Record.id.in_({row.record_id for row in rows})))
        }
        overlaps = [
            OverlapShape(
                id=row.id,
                record=records[row.record_id],
                left=shown[row.left_id],
                right=shown[row.right_id],
                left_chunk=row.left_chunk,
                right_chunk=row.right_chunk,
                tiou=row.tiou,
                state=row.state,
                kept_id=row.kept_id,
            )
            for row in rows
        ]
    return OverlapsShape(overlaps=overlaps)


@router.post("/overlaps/{overlap_id}", status_code=204)
def post_overlap(overlap_id: IdPath, body: OverlapAnswer, caller: CallerNow, server: ServerNow) -> None:
    """Say whether two routines are one; for reviewers and leads."""
    with server.database.write() as session:
        row = get_overlap(session, overlap_id)
        require_role(session, caller, row.project_id, REVIEWS)
        answer_overlap(session, caller, row, body.answer, body.keep)
