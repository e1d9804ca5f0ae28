"""Beginning a pass: the row, and what lies in it before anybody has done anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller
from finegym.labelling.loading import load_segments, make_columns
from finegym.labelling.nesting import SegmentState
from finegym.labelling.settings import ProjectSettings
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Pass, Revision, Segment


def start_pass(
    session: Session,
    caller: Caller,
    item: Item,
    settings: ProjectSettings,
    *,
    given: Sequence[SegmentState] | None = None,
    kind: str = "annotation",
) -> Pass:
    """A new pass of the caller on an item.

    Args:
        session: on the database.
        caller: whose.
        item: it.
        settings: of the project.
        given: what it begins with a copy of; ``None``: in stage elements the accepted sub-actions, else nothing.
        kind: ``annotation`` or ``adjudication``.
    """
    row = Pass(
        id=make_id(),
        project_id=item.project_id,
        item_id=item.id,
        person_id=caller.person_id,
        kind=kind,
        round=item.round,
        state="open",
        version=0,
        is_blind=settings.is_blind or item.is_blind or kind == "adjudication",
        lease_until_ms=caller.now_ms + settings.lease_minutes * 60_000,
        active_ms=0,
        created_at_ms=caller.now_ms,
    )
    session.add(row)
    session.flush()
    if given is None and item.stage == "elements":
        given = _load_sub_actions(session, item)
    if given:
        _copy(session, item, row, given)
    return row


def _load_sub_actions(session: Session, item: Item) -> list[SegmentState]:
    """In stage elements everybody labels the same accepted sub-actions, each in a copy of her own."""
    source = session.scalar(
        select(Item).where(
            Item.record_id == item.record_id,
            Item.purpose == "work",
            Item.stage == "sub-actions",
            Item.action_id == item.action_id,
        )
    )
    if source is None or source.accepted_pass_id is None:
        return []
    return [state for state in load_segments(session, source.accepted_pass_id).values() if not state.is_deleted]


def _copy(session: Session, item: Item, row: Pass, states: Sequence[SegmentState]) -> None:
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
