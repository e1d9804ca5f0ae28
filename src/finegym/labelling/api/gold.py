"""Gold items, how they were answered, and alarms about drift."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import select

from finegym.labelling.access import REVIEWS, get_names, get_project, require_role
from finegym.labelling.api.dependencies import CallerNow, IdPath, ServerNow
from finegym.labelling.api.items import ItemsShape
from finegym.labelling.drift_alarms import answer_alarm, follow_person
from finegym.labelling.exam_shapes import (
    AddedGoldShape,
    AlarmsShape,
    AnswerKind,
    DriftShape,
    GoldAnswersShape,
    GoldListShape,
    GoldShape,
    LeftOutShape,
)
from finegym.labelling.gold import add_gold, change_gold, get_gold, withdraw_gold
from finegym.labelling.gold_views import list_gold, show_alarms, show_answers, show_gold
from finegym.labelling.projects import read_settings
from finegym.labelling.refusals import not_found
from finegym.labelling.settings import Stage
from finegym.labelling.tables.gold import DriftAlarm, GoldAnswer, GoldItem
from finegym.labelling.tables.records import Item
from finegym.labelling.values import Prose, Remark, Strict, Uuid, Word
from finegym.labelling.views import refer, show_items

router = APIRouter(tags=["gold"])


class AddGoldRequest(Strict):
    """Accepted items to freeze as answers. ``note`` is added to the feedback."""

    item_ids: Annotated[list[Uuid], Field(min_length=1, max_length=1000)]
    is_silent: bool = True
    note: Prose = ""
    guideline_key: Word | None = None


class ChangeGoldRequest(Strict):
    """What is to change."""

    is_silent: bool | None = None
    note: Prose | None = None
    guideline_key: Word | None = None


class AnswerAlarmRequest(Strict):
    """What was done about it."""

    remark: Remark


@router.get("/projects/{project_id}/gold")
def get_gold_items(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    stage: Stage | None = None,
    state: Literal["current", "stale", "withdrawn"] | None = None,
) -> GoldListShape:
    """Gold items, for leads and reviewers: without a state those that are not withdrawn."""
    with server.database.read() as session:
        require_role(session, caller, project_id, REVIEWS)
        project = get_project(session, project_id)
        rows = list_gold(session, project_id, stage, is_withdrawn=state == "withdrawn")
        shown = show_gold(session, project, rows)
    if state in ("current", "stale"):
        shown = [one for one in shown if bool(one.stale) == (state == "stale")]
    return GoldListShape(gold=shown)


@router.get("/projects/{project_id}/gold/candidates")
def get_gold_candidates(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    stage: Stage | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> ItemsShape:
    """Accepted items that are not gold, for leads."""
    with server.database.read() as session:
        role = require_role(session, caller, project_id, ["lead"])
        gold = select(GoldItem.item_id).where(GoldItem.project_id == project_id, GoldItem.withdrawn_at_ms.is_(None))
        query = select(Item).where(
            Item.project_id == project_id,
            Item.purpose == "work",
            Item.state == "accepted",
            Item.id.not_in(gold),
        )
        query = query.where(Item.stage == stage) if stage else query
        rows = session.scalars(query.order_by(Item.position, Item.stage, Item.id).limit(limit)).all()
        return ItemsShape(items=show_items(session, caller, role, get_project(session, project_id), rows), after=None)


@router.post("/projects/{project_id}/gold", status_code=201)
def post_gold(project_id: IdPath, body: AddGoldRequest, caller: CallerNow, server: ServerNow) -> AddedGoldShape:
    """Freeze what accepted items say as answers, for leads."""
    with server.database.write() as session:
        require_role(session, caller, project_id, ["lead"])
        project = get_project(session, project_id, lock=True)
        added = add_gold(
            session,
            caller,
            project,
            body.item_ids,
            is_silent=body.is_silent,
            note=body.note,
            guideline_key=body.guideline_key,
        )
        left_out = [LeftOutShape(why=why, count=len(ids), first=ids[0]) for why, ids in added.left_out.items()]
        return AddedGoldShape(added=show_gold(session, project, added.rows), left_out=left_out)


@router.patch("/gold/{gold_id}")
def patch_gold(gold_id: IdPath, body: ChangeGoldRequest, caller: CallerNow, server: ServerNow) -> GoldShape:
    """Say whether a gold item appears silently, what its feedback adds, which page explains it; for leads."""
    with server.database.write() as session:
        row = get_gold(session, gold_id)
        require_role(session, caller, row.project_id, ["lead"])
        changes = body.model_dump(exclude_unset=True)
        change_gold(session, caller, row, {name: value for name, value in changes.items() if value is not None or
                                           name == "guideline_key"})  # fmt: skip
        session.flush()
        return show_gold(session, get_project(session, row.project_id), [row])[0]


@router.delete("/gold/{gold_id}", status_code=204)
def delete_gold(gold_id: IdPath, caller: CallerNow, server: ServerNow) -> None:
    """Ask a gold item no more; what was answered stays. For leads."""
    with server.database.write() as session:
        row = get_gold(session, gold_id)
        require_role(session, caller, row.project_id, ["lead"])
        withdraw_gold(session, caller, row)


@router.get("/projects/{project_id}/gold/answers")
def get_gold_answers(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    person: Uuid | None = None,
    stage: Stage | None = None,
    kind: AnswerKind | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> GoldAnswersShape:
    """How gold items were answered, newest first; for leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
        query = select(GoldAnswer).where(GoldAnswer.project_id == project_id, GoldAnswer.graded_at_ms.is_not(None))
        query = query.where(GoldAnswer.person_id == person) if person else query
        query = query.where(GoldAnswer.stage == stage) if stage else query
        query = query.where(GoldAnswer.kind == kind) if kind else query
        rows = session.scalars(query.order_by(GoldAnswer.graded_at_ms.desc(), GoldAnswer.pass_id).limit(limit)).all()
        return GoldAnswersShape(answers=show_answers(session, rows))


@router.get("/projects/{project_id}/drift")
def get_drift(project_id: IdPath, caller: CallerNow, server: ServerNow, person: Uuid, stage: Stage) -> DriftShape:
    """How one annotator's silent answers have gone, for leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
        project = get_project(session, project_id)
        drift, pass_ids, _ = follow_person(session, project, read_settings(project), person, stage)
        names = get_names(session, [person])
    if person not in names:
        raise not_found("person")
    sums = {str(kind): list(values) for kind, values in drift.sums.items()}
    return DriftShape(person=refer(names, person), stage=stage, limit=drift.height, sums=sums, pass_ids=pass_ids)


@router.get("/projects/{project_id}/alarms")
def get_alarms(
    project_id: IdPath, caller: CallerNow, server: ServerNow, state: Literal["open", "closed"] = "open"
) -> AlarmsShape:
    """Annotators whose silent answers have become worse, newest first; for leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
        rows = session.scalars(
            select(DriftAlarm)
            .where(DriftAlarm.project_id == project_id, DriftAlarm.state == state)
            .order_by(DriftAlarm.at_ms.desc(), DriftAlarm.id)
        ).all()
        return AlarmsShape(alarms=show_alarms(session, rows))


@router.post("/alarms/{alarm_id}", status_code=204)
def post_alarm(alarm_id: IdPath, body: AnswerAlarmRequest, caller: CallerNow, server: ServerNow) -> None:
    """Close an alarm with a remark; somebody's answers are followed anew from here. For leads."""
    with server.database.write() as session:
        row = session.get(DriftAlarm, alarm_id)
        if row is None:
            raise not_found("alarm")
        require_role(session, caller, row.project_id, ["lead"])
        answer_alarm(session, caller, row, body.remark)
