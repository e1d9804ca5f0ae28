"""From accepted work to the items of the next stage: what is new, what has changed, what is gone.

Accepted routines give items of stage sub-actions, accepted sub-actions an item of stage elements. When a stage is
accepted a second time, items stay where nothing changed, are marked for re-check and begun anew where their action
or their sub-actions changed, and become void where nothing is left of them. Nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.loading import load_segments
from finegym.labelling.nesting import SegmentState
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.review import Overlap
from finegym.labelling.tables.work import Pass


def derive_next_stage(session: Session, item: Item, now_ms: int) -> None:
    """Make, mark and void the items that stand on an item which was just accepted."""
    assert item.accepted_pass_id is not None
    states = [state for state in load_segments(session, item.accepted_pass_id).values() if not state.is_deleted]
    if item.stage == "routines":
        _derive_from_routines(session, item, states, now_ms)
    elif item.stage == "sub-actions":
        _derive_from_sub_actions(session, item, states, now_ms)


def find_segment_items(session: Session, action_id: str) -> dict[str, Item]:
    """The items about one action, by stage."""
    query = select(Item).where(Item.action_id == action_id, Item.purpose == "work")
    return {item.stage: item for item in session.scalars(query)}


def find_duplicates(session: Session, record_id: str) -> set[str]:
    """Accepted routines that somebody found to be the same as another one, which is kept."""
    rows = session.scalars(select(Overlap).where(Overlap.record_id == record_id, Overlap.state == "same"))
    return {row.right_id if row.kept_id == row.left_id else row.left_id for row in rows}


def void_items(session: Session, items: Iterable[Item], why: str) -> None:
    """Nothing is left to do on these items; their passes stay as they are."""
    for item in items:
        item.state, item.recheck = "void", why
        _drop_comparison(session, item)


def restore_item(item: Item) -> None:
    """An item that was void has its ground again."""
    if item.state == "void":
        item.state = "accepted" if item.accepted_pass_id else "open"
        item.recheck = None


def begin_anew(session: Session, item: Item, why: str) -> None:
    """What the item stands on has changed: another round, with what is still true carried over."""
    touched = session.scalars(select(Pass).where(Pass.item_id == item.id, Pass.round == item.round)).all()
    item.recheck = why
    if not touched:
        return
    for row in touched:
        row.state = "superseded"
    _drop_comparison(session, item)
    item.round += 1
    item.accepted_pass_id, item.state = None, "open"


def _drop_comparison(session: Session, item: Item) -> None:
    """What its passes were compared for is not asked any more."""
    query = select(Comparison).where(
        Comparison.item_id == item.id, Comparison.state.in_(("agreed", "third", "adjudicate"))
    )
    for row in session.scalars(query):
        row.state = "replaced"
    item.is_blind = False


def _derive_from_routines(session: Session, item: Item, states: list[SegmentState], now_ms: int) -> None:
    record = session.get_one(Record, item.record_id)
    duplicates = find_duplicates(session, record.id)
    wanted = {state.id: state for state in states if state.discard is None and state.id not in duplicates}
    for state in wanted.values():
        derive_action(session, item, state, record, now_ms)
    earlier = session.scalars(
        select(Item).where(
            Item.record_id == record.id,
            Item.purpose == "work",
            Item.stage != "routines",
            Item.chunk_number == item.chunk_number,
        )
    )
    void_items(session, [one for one in earlier if one.action_id not in wanted], "its action is gone")


def derive_action(session: Session, item: Item, state: SegmentState, record: Record, now_ms: int) -> None:
    """The item of stage sub-actions of one accepted routine: made, kept, or marked."""
    existing = find_segment_items(session, state.id)
    if "sub-actions" not in existing:
        session.add(_make_item(item, "sub-actions", state, record, now_ms))
        return
    frames = (state.start_frame, state.end_frame)
    for one in existing.values():
        restore_item(one)
        changes = []
        if (one.start_frame, one.end_frame) != frames:
            changes.append(f"its action was [{one.start_frame}, {one.end_frame}), is [{frames[0]}, {frames[1]})")
        if one.action_label != state.label:
            changes.append(f"its event was {one.action_label}, is {state.label}")
        if changes:
            one.start_frame, one.end_frame, one.start_ms, one.end_ms = *frames, state.start_ms, state.end_ms
            one.action_label = state.label
            _mark_moved(session, one, " and ".join(changes))


def _mark_moved(session: Session, item: Item, why: str) -> None:
    """Accepted work that still fits stays accepted, with a mark; what does not fit any more is returned."""
    item.recheck = why
    if item.accepted_pass_id is None:
        return
    states = load_segments(session, item.accepted_pass_id).values()
    outside = [
        state
        for state in states
        if not state.is_deleted and (state.start_frame < item.start_frame or state.end_frame > item.end_frame)
    ]
    if outside:
        row = session.get_one(Pass, item.accepted_pass_id)
        row.state, row.signed_off_at_ms = "returned", None
        item.accepted_pass_id, item.state = None, "open"


def _derive_from_sub_actions(session: Session, item: Item, states: list[SegmentState], now_ms: int) -> None:
    assert item.action_id is not None
    record = session.get_one(Record, item.record_id)
    wanted = [state for state in states if state.level == "sub-action" and state.discard is None]
    existing = find_segment_items(session, item.action_id).get("elements")
    if existing is None:
        if wanted:
            action = SegmentState(
                item.action_id, "action", None, item.start_frame, item.end_frame, item.start_ms, item.end_ms,
                label=item.action_label,
            )  # fmt: skip
            session.add(_make_item(item, "elements", action, record, now_ms))
        return
    restore_item(existing)
    if not wanted:
        void_items(session, [existing], "its action has no sub-actions")
        return
    passes = session.scalars(select(Pass.id).where(Pass.item_id == existing.id, Pass.round == existing.round)).all()
    if passes:
        copies = load_segments(session, passes[0]).values()
        before = {str(c.origin["id"]): (c.start_frame, c.end_frame) for c in copies if c.origin}
        after = {state.id: (state.start_frame, state.end_frame) for state in states}
        if before != after:
            begin_anew(session, existing, "the sub-actions of its action were changed")


def _make_item(item: Item, stage: str, action: SegmentState, record: Record, now_ms: int) -> Item:
    return Item(
        id=make_id(),
        project_id=item.project_id,
        record_id=item.record_id,
        key=f"{stage}:{action.id}",
        stage=stage,
        chunk_number=item.chunk_number,
        action_id=action.id,
        action_label=action.label,
        start_frame=action.start_frame,
        end_frame=action.end_frame,
        start_ms=action.start_ms,
        end_ms=action.end_ms,
        state="open",
        priority=item.priority,
        position=make_position(record, action.start_ms),
        assignees=[],
        round=1,
        created_at_ms=now_ms,
    )


def make_position(record: Record, start_ms: int) -> int:
    """Where an item stands in the order: record by record, then in time."""
    return record.position * 10_000_000_000 + max(0, start_ms - record.start_ms)
