"""Passes of several people compared, and adjudication where they differ."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from finegym.labelling.access import REVIEWS, get_project, require_role
from finegym.labelling.adjudication_shapes import ComparedShape, ComparisonsShape, ComparisonState
from finegym.labelling.adjudication_views import show_comparisons
from finegym.labelling.adjudications import start_adjudication
from finegym.labelling.agreed import accept_agreed
from finegym.labelling.api.dependencies import CallerNow, IdPath, SeenVersion, ServerNow
from finegym.labelling.comparison_plans import plan_comparisons
from finegym.labelling.comparisons import (
    count_comparisons,
    get_comparison,
    list_comparisons,
    route,
    write_comparisons,
)
from finegym.labelling.decisions import decide
from finegym.labelling.exam_shapes import LeftOutShape
from finegym.labelling.pages import show_pass
from finegym.labelling.pass_detail import PassDetail
from finegym.labelling.settings import STAGES, Stage
from finegym.labelling.values import Remark, Strict, Uuid, Word

router = APIRouter(tags=["comparisons"])
_AT_ONCE = 50


class CompareRequest(Strict):
    """What to compare: everything that is ready, or some items. How votes count: see the guide."""

    stage: Stage | None = None
    item_ids: Annotated[list[Uuid], Field(max_length=5000)] | None = None
    method: Literal["dawid-skene", "majority"] = "dawid-skene"


class RouteRequest(Strict):
    """Where an item is to go, whatever the comparison came to."""

    to: Literal["third", "adjudicate"]
    reason: Remark


class AcceptAgreedRequest(Strict):
    """Comparisons whose passes agree."""

    comparison_ids: Annotated[list[Uuid], Field(min_length=1, max_length=1000)]


class AcceptedShape(BaseModel):
    """How many items were accepted, and what was not."""

    accepted: int
    left_out: list[LeftOutShape]


class DecideRequest(Strict):
    """What stands of a unit: ``consensus``, ``own``, ``none``, or the id of a pass. It is done once per ``uuid``."""

    uuid: Uuid
    unit_id: Word
    choice: Word
    reason: Remark


@router.get("/projects/{project_id}/comparisons")
def get_comparisons(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    state: ComparisonState | None = None,
    stage: Stage | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ComparisonsShape:
    """Compared passes, those that wait longest first; for reviewers and leads."""
    with server.database.read() as session:
        role = require_role(session, caller, project_id, REVIEWS)
        rows = list_comparisons(session, project_id, state=state, stage=stage, limit=limit)
        shown = show_comparisons(session, caller, role, get_project(session, project_id), rows)
        return ComparisonsShape(comparisons=shown, counts=count_comparisons(session, project_id))


@router.post("/projects/{project_id}/comparisons")
def post_comparisons(project_id: IdPath, body: CompareRequest, caller: CallerNow, server: ServerNow) -> ComparedShape:
    """Compare what everybody has signed off and nobody has accepted; for reviewers and leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, REVIEWS)
        project = get_project(session, project_id)
        planned = [
            one
            for stage in ([body.stage] if body.stage else STAGES)
            for one in plan_comparisons(session, project, stage, item_ids=body.item_ids, method=body.method)
        ]
    states: Counter[str] = Counter()
    for start in range(0, len(planned), _AT_ONCE):  # annotators who save wait for one of these, not for all
        with server.database.write() as session:
            project = get_project(session, project_id)
            rows = write_comparisons(session, caller, project, planned[start : start + _AT_ONCE])
            states.update(row.state for row in rows)
    counts = {state: states[state] for state in ("agreed", "third", "adjudicate")}
    return ComparedShape(compared=states.total(), changed_meanwhile=len(planned) - states.total(), **counts)


@router.post("/comparisons/{comparison_id}/route", status_code=204)
def post_route(comparison_id: IdPath, body: RouteRequest, caller: CallerNow, server: ServerNow) -> None:
    """Ask a third annotator, or adjudicate, whatever the comparison came to; for reviewers and leads."""
    with server.database.write() as session:
        row = get_comparison(session, comparison_id)
        require_role(session, caller, row.project_id, REVIEWS)
        route(session, caller, row, body.to, body.reason)


@router.post("/projects/{project_id}/comparisons/accept")
def post_accept_agreed(
    project_id: IdPath, body: AcceptAgreedRequest, caller: CallerNow, server: ServerNow
) -> AcceptedShape:
    """Make the consensus of passes that agree the result of their items; for reviewers and leads."""
    with server.database.write() as session:
        require_role(session, caller, project_id, REVIEWS)
        get_project(session, project_id, lock=True)
        accepted, left_out = accept_agreed(session, server.workspace, caller, project_id, body.comparison_ids)
    reasons = [LeftOutShape(why=why, count=len(ids), first=ids[0]) for why, ids in left_out.items()]
    return AcceptedShape(accepted=accepted, left_out=reasons)


@router.post("/items/{item_id}/adjudication")
def post_adjudication(item_id: IdPath, caller: CallerNow, server: ServerNow, response: Response) -> PassDetail:
    """Adjudicate an item: the adjudicator's pass, begun with the consensus, or the one there is."""
    with server.database.write() as session:
        row = start_adjudication(session, server.workspace, caller, item_id)
    return _page(server, caller, row.id, response)


@router.post("/passes/{pass_id}/decisions")
def post_decision(
    pass_id: IdPath, body: DecideRequest, seen: SeenVersion, caller: CallerNow, server: ServerNow, response: Response
) -> PassDetail:
    """Decide on one unit: the segment becomes what was chosen, and the reason is in the log."""
    with server.database.write() as session:
        decide(
            session,
            server.workspace,
            caller,
            pass_id,
            seen,
            uuid=body.uuid,
            unit_id=body.unit_id,
            choice=body.choice,
            reason=body.reason,
        )
    return _page(server, caller, pass_id, response)


def _page(server: ServerNow, caller: CallerNow, pass_id: str, response: Response) -> PassDetail:
    with server.database.read() as session:
        detail = show_pass(session, server.links, caller, pass_id)
    response.headers["ETag"] = f'"{detail.version}"'
    return detail
