"""Work items: lists for leads and reviewers, assignment, and the next piece of work for an annotator."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from finegym.labelling.access import SEES_ALL_WORK, Caller, get_names, get_project, require_role, write_log
from finegym.labelling.api.dependencies import CallerNow, IdPath, ServerNow
from finegym.labelling.api.server import Server
from finegym.labelling.exams import find_blocks
from finegym.labelling.items import (
    WORKERS,
    count_available,
    find_items,
    list_my_passes,
    load_item,
    load_items,
    refresh_item,
    take_item,
    take_next,
)
from finegym.labelling.media import find_chunks
from finegym.labelling.pages import show_pass
from finegym.labelling.pass_detail import PassDetail
from finegym.labelling.projects import list_people, read_settings
from finegym.labelling.refusals import invalid_field
from finegym.labelling.settings import Stage
from finegym.labelling.shapes import ItemShape, MediaShape
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.values import Strict, Uuid, Word
from finegym.labelling.views import show_items

router = APIRouter(tags=["items"])
Priority = Annotated[int, Field(ge=-1000, le=1000)]
Annotators = Annotated[int, Field(ge=1, le=50)]


class ItemsShape(BaseModel):
    """A page of items; ``after`` is the id to ask the next page with."""

    items: list[ItemShape]
    after: str | None


class ChangeItemRequest(Strict):
    """How an item is handed out. ``assignees``: nobody else gets it; empty: everybody."""

    priority: Priority | None = None
    annotators: Annotators | None = None
    assignees: Annotated[list[Uuid], Field(max_length=200)] | None = None


class AssignRequest(ChangeItemRequest):
    """The same for many items."""

    item_ids: Annotated[list[Uuid], Field(min_length=1, max_length=5000)]


class AssignedShape(BaseModel):
    """How many items were changed."""

    changed: int


class BlockShape(BaseModel):
    """The exam that somebody has to pass before she works in a stage."""

    exam_id: str
    name: str
    why: str


class WorkShape(BaseModel):
    """What waits for an annotator: her unfinished items, how many more there are, and what keeps her from them."""

    open: list[ItemShape]
    available: dict[Stage, int]
    blocked: dict[Stage, BlockShape]


class NextRequest(Strict):
    """Of which stage; ``None``: whatever the project's rules bring first."""

    stage: Stage | None = None


def _page(server: Server, caller: Caller, pass_id: str, response: Response) -> PassDetail:
    with server.database.read() as session:
        detail = show_pass(session, server.links, caller, pass_id)
    response.headers["ETag"] = f'"{detail.version}"'
    return detail


@router.get("/projects/{project_id}/items")
def get_items(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    stage: Stage | None = None,
    state: Annotated[str | None, Query(pattern="^(open|submitted|accepted|void)$")] = None,
    record: Word | None = None,
    ids: Annotated[str | None, Query(max_length=8000, pattern=r"^[0-9A-Za-z,-]*$")] = None,
    after: Uuid | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ItemsShape:
    """The items of a project, for those who see all work. ``ids``: only those, separated by commas."""
    wanted = None if ids is None else [one for one in ids.split(",") if one]
    with server.database.read() as session:
        role = require_role(session, caller, project_id, ["lead", "reviewer", "viewer"])
        rows = find_items(
            session, project_id, stage=stage, state=state, record=record, ids=wanted, after=after, limit=limit + 1
        )
        shown = show_items(session, caller, role, get_project(session, project_id), rows[:limit])
    return ItemsShape(items=shown, after=rows[limit - 1].id if len(rows) > limit else None)


@router.get("/items/{item_id}")
def get_item(item_id: IdPath, caller: CallerNow, server: ServerNow) -> ItemShape:
    """An item."""
    with server.database.read() as session:
        item = load_item(session, item_id)
        role = require_role(session, caller, item.project_id)
        return show_items(session, caller, role, get_project(session, item.project_id), [item])[0]


@router.get("/items/{item_id}/media")
def get_item_media(item_id: IdPath, caller: CallerNow, server: ServerNow) -> MediaShape:
    """The clips of an item, for those who see all work."""
    with server.database.read() as session:
        item = load_item(session, item_id)
        require_role(session, caller, item.project_id, SEES_ALL_WORK)
        chunks = find_chunks(session, item.record_id, item.start_frame, item.end_frame)
        return server.links.show_media(caller, session.get_one(Record, item.record_id), chunks)


@router.patch("/items/{item_id}")
def change_item(item_id: IdPath, body: ChangeItemRequest, caller: CallerNow, server: ServerNow) -> ItemShape:
    """Say who gets an item, when, and how many people work on it; for leads."""
    with server.database.write() as session:
        item = load_item(session, item_id)
        role = require_role(session, caller, item.project_id, ["lead"])
        _change(session, caller, item.project_id, [item], body)
        return show_items(session, caller, role, get_project(session, item.project_id), [item])[0]


@router.post("/projects/{project_id}/items/assign")
def assign_items(project_id: IdPath, body: AssignRequest, caller: CallerNow, server: ServerNow) -> AssignedShape:
    """The same for many items at once."""
    with server.database.write() as session:
        require_role(session, caller, project_id, ["lead"])
        items = load_items(session, project_id, body.item_ids)
        _change(session, caller, project_id, items, body)
    return AssignedShape(changed=len(items))


def _change(session: Session, caller: Caller, project_id: str, items: list[Item], body: ChangeItemRequest) -> None:
    if body.assignees:
        workers = {one["person"]["id"] for one in list_people(session, project_id) if one["role"] in WORKERS}
        others = set(body.assignees) - workers
        if others:
            names = get_names(session, others)
            error = "must be annotators, reviewers or leads of this project"
            raise invalid_field("assignees", error, ", ".join(names.get(one, one) for one in sorted(others)))
    for item in items:
        item.priority = item.priority if body.priority is None else body.priority
        item.annotators = item.annotators if body.annotators is None else body.annotators
        item.assignees = item.assignees if body.assignees is None else list(body.assignees)
        refresh_item(session, item)
    facts = body.model_dump(exclude_none=True, exclude={"item_ids"})
    text = f"{caller.name} changed who gets {len(items)} items."
    write_log(session, caller.now_ms, "assign", text, project_id=project_id, person_id=caller.person_id, **facts)


@router.get("/projects/{project_id}/work")
def get_work(project_id: IdPath, caller: CallerNow, server: ServerNow) -> WorkShape:
    """What waits for the caller."""
    with server.database.read() as session:
        role = require_role(session, caller, project_id)
        project = get_project(session, project_id)
        mine = list_my_passes(session, caller, project_id)
        items = {item.id: item for item in load_items(session, project_id, [row.item_id for row in mine])}
        shown = show_items(session, caller, role, project, [items[row.item_id] for row in mine])
        available = count_available(session, caller, project, role) if role in WORKERS else {}
        blocks = find_blocks(session, project, read_settings(project), caller.person_id, role, caller.now_ms)
    blocked = {stage: BlockShape(exam_id=one.exam_id, name=one.name, why=one.why) for stage, one in blocks.items()}
    return WorkShape(open=shown, available=available, blocked=blocked)


@router.post("/projects/{project_id}/work/next", responses={204: {"description": "Nothing is left to do"}})
def take_next_item(
    project_id: IdPath, body: NextRequest, caller: CallerNow, server: ServerNow, response: Response
) -> PassDetail:
    """Take the next item by the project's rules; 204 where there is nothing for the caller."""
    with server.database.write() as session:
        row = take_next(session, caller, project_id, body.stage)
    if row is None:
        return Response(status_code=204)  # type: ignore[return-value]
    return _page(server, caller, row.id, response)


@router.post("/items/{item_id}/passes")
def take_one_item(item_id: IdPath, caller: CallerNow, server: ServerNow, response: Response) -> PassDetail:
    """Take an item, or go back to one's own pass on it."""
    with server.database.write() as session:
        row = take_item(session, caller, item_id)
    return _page(server, caller, row.id, response)
