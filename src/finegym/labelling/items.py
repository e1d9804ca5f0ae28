"""Handing out work: which item comes next for whom, and what state items are in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Row, case, func, or_, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, get_project, require_role
from finegym.labelling.exams import find_blocks
from finegym.labelling.leases import count_places_taken, takes_place
from finegym.labelling.loading import count_annotators
from finegym.labelling.projects import read_settings
from finegym.labelling.refusals import conflict, not_found
from finegym.labelling.settings import STAGES, ProjectSettings, Stage
from finegym.labelling.silent import ask_silently
from finegym.labelling.starting import start_pass
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Pass

WORKERS = ("annotator", "lead", "reviewer")


def load_item(session: Session, item_id: str) -> Item:
    """An item.

    Raises:
        Refusal: 404, there is none.
    """
    item = session.get(Item, item_id)
    if item is None:
        raise not_found("item")
    return item


def load_items(session: Session, project_id: str, ids: Sequence[str]) -> list[Item]:
    """Items of a project.

    Raises:
        Refusal: 404, one is not there, or of another project.
    """
    items = list(session.scalars(select(Item).where(Item.project_id == project_id, Item.id.in_(ids))))
    if len(items) < len(set(ids)):
        raise not_found("item in this project")
    return items


def refresh_item(session: Session, item: Item) -> None:
    """Bring the state of an item up to date with its passes."""
    if item.state == "void":
        return
    session.flush()
    # two who sign off at the same moment count each other, one after the other
    session.execute(select(Item.id).where(Item.id == item.id).with_for_update())
    rows = session.execute(
        select(Pass.state, func.count()).where(Pass.item_id == item.id, Pass.round == item.round).group_by(Pass.state)
    )
    states: dict[str, int] = dict(rows.all())
    if states.get("accepted"):
        item.state = "accepted"
        return
    settings = read_settings(session.get_one(Project, item.project_id))
    item.state = "submitted" if states.get("submitted", 0) >= count_annotators(item, settings) else "open"


def take_next(session: Session, caller: Caller, project_id: str, stage: Stage | None) -> Pass | None:
    """Give the caller the next item by the project's rules; ``None`` where there is nothing for her.

    Her own open work comes first: nobody collects items.
    """
    project = get_project(session, project_id, lock=True)  # one at a time: an item is not given to two for one place
    role = require_role(session, caller, project_id, WORKERS)
    settings = read_settings(project)
    blocks = find_blocks(session, project, settings, caller.person_id, role, caller.now_ms)
    free = [row for row in _list_free(session, caller, project, settings, role, stage) if row.stage not in blocks]
    if not free:
        return None
    first = min(free, key=lambda row: _rank(row, settings))
    if role == "annotator" and settings.quality.gold_every:
        silent = ask_silently(session, caller, project, settings, first.stage, first.priority)
        if silent is not None:
            return silent
    return start_pass(session, caller, session.get_one(Item, first.id), settings)


def take_item(session: Session, caller: Caller, item_id: str) -> Pass:
    """Give the caller an item that she names, or the pass on it that she has.

    Raises:
        Refusal: it is somebody else's, or all its places are taken.
    """
    item = load_item(session, item_id)
    project = get_project(session, item.project_id, lock=True)
    role = require_role(session, caller, project.id, WORKERS)
    mine = session.scalar(
        select(Pass).where(Pass.item_id == item.id, Pass.person_id == caller.person_id, Pass.round == item.round)
    )
    if mine is not None:
        return mine
    settings = read_settings(project)
    if item.state in ("accepted", "void"):
        raise conflict("item_closed", f"This item is {item.state}.", state=item.state)
    if item.assignees and caller.person_id not in item.assignees:
        raise conflict("not_assigned", "This item is assigned to others.")
    if item.purpose != "work":
        raise not_found("item")
    if item.is_blind and role != "annotator":
        raise conflict("third_is_blind", f"A third annotator is asked who has seen nothing; a {role} sees all work.")
    block = find_blocks(session, project, settings, caller.person_id, role, caller.now_ms).get(cast(Stage, item.stage))
    if block is not None:
        raise conflict("exam_needed", f"You work in this stage once you have passed its exam. {block.why}",
                       exam_id=block.exam_id)  # fmt: skip
    if count_places_taken(session, item.id, item.round, caller.now_ms) >= count_annotators(item, settings):
        raise conflict("item_taken", "Others are working on this item, and it needs no more.")
    return start_pass(session, caller, item, settings)


def count_available(session: Session, caller: Caller, project: Project, role: str) -> dict[Stage, int]:
    """How many items wait for the caller, by stage; those of a stage that she may not work in yet, too."""
    counts = Counter(row.stage for row in _list_free(session, caller, project, read_settings(project), role, None))
    return {stage: counts[stage] for stage in STAGES}


def list_my_passes(session: Session, caller: Caller, project_id: str) -> list[Pass]:
    """The caller's unfinished work, returned passes first. The questions of an exam are no work."""
    rows = session.scalars(
        select(Pass)
        .join(Item, Item.id == Pass.item_id)
        .where(
            Item.purpose != "exam",
            Pass.project_id == project_id,
            Pass.person_id == caller.person_id,
            Pass.state.in_(("open", "returned")),
        )
        .order_by(Pass.state.desc(), Pass.created_at_ms)
    )
    return list(rows)


def _list_free(
    session: Session, caller: Caller, project: Project, settings: ProjectSettings, role: str, stage: Stage | None
) -> list[Row[Any]]:
    """Items that the caller may take now: open, with a place left, hers or everybody's, not done by her already."""
    of_item = (Pass.item_id == Item.id, Pass.round == Item.round)
    has_mine = select(Pass.id).where(*of_item, Pass.person_id == caller.person_id).exists()
    taken = select(func.count(Pass.id)).where(*of_item, takes_place(caller.now_ms)).scalar_subquery()
    usual = case({name: settings.get_annotators(name) for name in STAGES}, value=Item.stage, else_=1)
    query = select(Item.id, Item.stage, Item.priority, Item.position, Item.assignees).where(
        Item.project_id == project.id,
        Item.purpose == "work",
        Item.state == "open",
        ~has_mine,
        taken < func.coalesce(Item.annotators, usual),
    )
    query = query if role == "annotator" else query.where(Item.is_blind.is_(False))  # others have seen the passes
    rows = session.execute(query.where(Item.stage == stage) if stage else query)
    return [row for row in rows if not row.assignees or caller.person_id in row.assignees]


def _rank(row: Row[Any], settings: ProjectSettings) -> tuple[int, int, str, int]:
    """High priority first; later stages before earlier ones, so that what was begun is finished; then the order."""
    mixed = hashlib.sha256(row.id.encode()).hexdigest() if settings.order == "random" else ""
    return -row.priority, -STAGES.index(row.stage), mixed, row.position


def find_items(
    session: Session,
    project_id: str,
    *,
    stage: str | None = None,
    state: str | None = None,
    record: str | None = None,
    ids: Sequence[str] | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[Item]:
    """Items of a project in their order, page by page: ``after`` is the id of the last one of the page before.

    With ``ids`` those, whatever they are for.
    """
    query = select(Item).where(Item.project_id == project_id).order_by(Item.position, Item.stage, Item.id)
    query = query.where(Item.id.in_(ids)) if ids is not None else query.where(Item.purpose == "work")
    query = query.where(Item.stage == stage) if stage else query
    if state or ids is None:
        query = query.where(Item.state == state if state else Item.state != "void")
    if record:
        query = query.join(Record, Record.id == Item.record_id).where(or_(Record.id == record, Record.name == record))
    if after:
        last = session.get(Item, after)
        if last is None or last.project_id != project_id:
            raise not_found("item")
        place = (last.position, last.stage, last.id)
        query = query.where(
            or_(
                Item.position > place[0],
                (Item.position == place[0]) & (Item.stage > place[1]),
                (Item.position == place[0]) & (Item.stage == place[1]) & (Item.id > place[2]),
            )
        )
    return list(session.scalars(query.limit(limit)))
