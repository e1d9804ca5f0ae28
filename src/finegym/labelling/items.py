"""Handing out work: which item comes next for whom, and what state items are in."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import Row, case, func, insert, or_, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, get_project, require_role
from finegym.labelling.leases import count_places_taken, takes_place
from finegym.labelling.loading import count_annotators, load_segments, make_columns
from finegym.labelling.nesting import SegmentState
from finegym.labelling.projects import read_settings
from finegym.labelling.refusals import conflict, not_found
from finegym.labelling.settings import STAGES, ProjectSettings, Stage
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.projects import Project
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.work import Pass, Revision, Segment

WORKERS = ("annotator", "lead", "reviewer")


def refresh_item(session: Session, item: Item) -> None:
    """Bring the state of an item up to date with its passes."""
    if item.state == "void":
        return
    session.flush()
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
    require_role(session, caller, project_id, WORKERS)
    settings = read_settings(project)
    free = _list_free(session, caller, project, settings, stage)
    if not free:
        return None
    first = min(free, key=lambda row: _rank(row, settings))
    return start_pass(session, caller, session.get_one(Item, first.id), settings)


def take_item(session: Session, caller: Caller, item_id: str) -> Pass:
    """Give the caller an item that she names, or the pass on it that she has.

    Raises:
        Refusal: it is somebody else's, or all its places are taken.
    """
    item = session.get(Item, item_id)
    if item is None:
        raise not_found("item")
    project = get_project(session, item.project_id, lock=True)
    require_role(session, caller, project.id, WORKERS)
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
    if count_places_taken(session, item.id, item.round, caller.now_ms) >= count_annotators(item, settings):
        raise conflict("item_taken", "Others are working on this item, and it needs no more.")
    return start_pass(session, caller, item, settings)


def count_available(session: Session, caller: Caller, project: Project) -> dict[Stage, int]:
    """How many items wait for the caller, by stage."""
    counts = Counter(row.stage for row in _list_free(session, caller, project, read_settings(project), None))
    return {stage: counts[stage] for stage in STAGES}


def list_my_passes(session: Session, caller: Caller, project_id: str) -> list[Pass]:
    """The caller's unfinished work, returned passes first."""
    rows = session.scalars(
        select(Pass)
        .where(
            Pass.project_id == project_id,
            Pass.person_id == caller.person_id,
            Pass.state.in_(("open", "returned")),
        )
        .order_by(Pass.state.desc(), Pass.created_at_ms)
    )
    return list(rows)


def start_pass(session: Session, caller: Caller, item: Item, settings: ProjectSettings) -> Pass:
    """A new pass of the caller on an item."""
    row = Pass(
        id=make_id(),
        project_id=item.project_id,
        item_id=item.id,
        person_id=caller.person_id,
        round=item.round,
        state="open",
        version=0,
        is_blind=settings.is_blind,
        lease_until_ms=caller.now_ms + settings.lease_minutes * 60_000,
        active_ms=0,
        created_at_ms=caller.now_ms,
    )
    session.add(row)
    session.flush()
    if item.stage == "elements":
        _copy_sub_actions(session, item, row)
    return row


def _list_free(
    session: Session, caller: Caller, project: Project, settings: ProjectSettings, stage: Stage | None
) -> list[Row[Any]]:
    """Items that the caller may take now: open, with a place left, hers or everybody's, not done by her already."""
    of_item = (Pass.item_id == Item.id, Pass.round == Item.round)
    has_mine = select(Pass.id).where(*of_item, Pass.person_id == caller.person_id).exists()
    taken = select(func.count(Pass.id)).where(*of_item, takes_place(caller.now_ms)).scalar_subquery()
    usual = case({name: settings.get_annotators(name) for name in STAGES}, value=Item.stage, else_=1)
    query = select(Item.id, Item.stage, Item.priority, Item.position, Item.assignees).where(
        Item.project_id == project.id, Item.state == "open", ~has_mine, taken < func.coalesce(Item.annotators, usual)
    )
    rows = session.execute(query.where(Item.stage == stage) if stage else query)
    return [row for row in rows if not row.assignees or caller.person_id in row.assignees]


def _rank(row: Row[Any], settings: ProjectSettings) -> tuple[int, int, str, int]:
    """High priority first; later stages before earlier ones, so that what was begun is finished; then the order."""
    mixed = hashlib.sha256(row.id.encode()).hexdigest() if settings.order == "random" else ""
    return -row.priority, -STAGES.index(row.stage), mixed, row.position


def _copy_sub_actions(session: Session, item: Item, row: Pass) -> None:
    """In stage elements everybody labels the same accepted sub-actions, each in a copy of her own."""
    source = session.scalar(
        select(Item).where(
            Item.record_id == item.record_id, Item.stage == "sub-actions", Item.action_id == item.action_id
        )
    )
    if source is None or source.accepted_pass_id is None:
        return
    states = [state for state in load_segments(session, source.accepted_pass_id).values() if not state.is_deleted]
    earlier = _find_earlier_labels(session, item, row)
    ids = {state.id: str(uuid5(NAMESPACE_OID, f"{row.id}:{state.id}")) for state in states}
    values = []
    for state in states:
        copy = replace(
            state,
            id=ids[state.id],
            parent_id=ids.get(state.parent_id or "", state.parent_id),
            origin={"kind": "copy", "id": state.id},
            version=1,
        )
        values.append(_keep_label(copy, earlier.get(state.id)))
    if values:
        stamp = {"pass_id": row.id, "author_id": row.person_id, "at_ms": row.created_at_ms}
        session.execute(insert(Segment), [{**make_columns(state), **stamp} for state in values])
        session.execute(
            insert(Revision),
            [
                {"segment_id": one.id, "version": 1, "pass_version": 0, "fields": make_columns(one), **stamp}
                for one in values
            ],
        )


def _find_earlier_labels(session: Session, item: Item, row: Pass) -> dict[str, SegmentState]:
    """What the same person said in an earlier round, by the sub-action it was about."""
    earlier = session.scalar(
        select(Pass)
        .where(Pass.item_id == item.id, Pass.person_id == row.person_id, Pass.round < row.round)
        .order_by(Pass.round.desc())
        .limit(1)
    )
    if earlier is None:
        return {}
    states = load_segments(session, earlier.id).values()
    return {str(state.origin["id"]): state for state in states if state.origin and state.origin["kind"] == "copy"}


def _keep_label(copy: SegmentState, before: SegmentState | None) -> SegmentState:
    """The label of an earlier round, where the sub-action is still the same frames."""
    if before is None or (before.start_frame, before.end_frame) != (copy.start_frame, copy.end_frame):
        return copy
    return replace(
        copy,
        label=before.label,
        path=before.path,
        is_no_element=before.is_no_element,
        codebook_number=before.codebook_number,
        discard=before.discard,
    )


def find_items(
    session: Session,
    project_id: str,
    *,
    stage: str | None = None,
    state: str | None = None,
    record: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[Item]:
    """Items of a project in their order, page by page: ``after`` is the id of the last one of the page before."""
    query = select(Item).where(Item.project_id == project_id).order_by(Item.position, Item.stage, Item.id)
    query = query.where(Item.stage == stage) if stage else query
    query = query.where(Item.state == state) if state else query.where(Item.state != "void")
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
