"""Routines met in both halves of an overlap of two chunks: proposed as one, decided by a person."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller
from finegym.labelling.derive import derive_action, find_segment_items, void_items
from finegym.labelling.loading import load_segments, make_state
from finegym.labelling.nesting import SegmentState
from finegym.labelling.refusals import conflict, invalid_field, not_found
from finegym.labelling.tables.records import Item, Record
from finegym.labelling.tables.review import Overlap
from finegym.labelling.tables.work import Segment

LEAST_TIOU = 0.3


def propose_overlaps(session: Session, item: Item, now_ms: int) -> None:
    """After a chunk's routines were accepted: compare them with those of its neighbours."""
    assert item.chunk_number is not None
    _forget_gone(session, item)
    for number in (item.chunk_number - 1, item.chunk_number + 1):
        other = session.scalar(select(Item).where(Item.record_id == item.record_id, Item.key == f"routines:{number}"))
        if other is not None and other.accepted_pass_id is not None:
            left, right = (other, item) if number < item.chunk_number else (item, other)
            _compare(session, left, right, now_ms)


def compute_frame_tiou(left: SegmentState, right: SegmentState) -> float:
    """Shared frames over all frames of two segments.

    Example:
        >>> one = SegmentState("a", "action", None, 0, 100, 0, 4000)
        >>> compute_frame_tiou(one, SegmentState("b", "action", None, 50, 150, 2000, 6000))
        0.3333333333333333
    """
    shared = min(left.end_frame, right.end_frame) - max(left.start_frame, right.start_frame)
    if shared <= 0:
        return 0.0
    return shared / (max(left.end_frame, right.end_frame) - min(left.start_frame, right.start_frame))


def answer_overlap(session: Session, caller: Caller, row: Overlap, answer: str, keep: str | None) -> None:
    """Say whether two routines are one, and which of them stays.

    Raises:
        Refusal: it was answered already, or it is not said which one stays.
    """
    if row.state == "gone":
        raise conflict("overlap_gone", "One of the two routines was changed or taken away since.")
    if answer == "same" and keep not in ("left", "right"):
        raise invalid_field("keep", "say which of the two stays: left or right", keep)
    if row.state == "same" and row.kept_id is not None:
        _put_back(session, row, caller.now_ms)
    row.state = answer
    row.answered_by, row.answered_at_ms = caller.person_id, caller.now_ms
    row.kept_id = None
    if answer == "same":
        row.kept_id = row.left_id if keep == "left" else row.right_id
        gone = row.right_id if keep == "left" else row.left_id
        items = find_segment_items(session, gone).values()
        void_items(session, items, f"its action is the same as {row.kept_id}, which is kept")


def _put_back(session: Session, row: Overlap, now_ms: int) -> None:
    """The one that had been left out is a routine again."""
    gone = row.right_id if row.kept_id == row.left_id else row.left_id
    chunk = row.right_chunk if gone == row.right_id else row.left_chunk
    item = session.scalar(select(Item).where(Item.record_id == row.record_id, Item.key == f"routines:{chunk}"))
    segment = session.get_one(Segment, gone)
    if item is not None and not segment.is_deleted and segment.discard is None:
        derive_action(session, item, make_state(segment), session.get_one(Record, row.record_id), now_ms)


def _forget_gone(session: Session, item: Item) -> None:
    """Proposals about routines that the newly accepted pass does not have are no more."""
    assert item.accepted_pass_id is not None
    there = {
        state.id
        for state in load_segments(session, item.accepted_pass_id).values()
        if not state.is_deleted and state.discard is None
    }
    rows = session.scalars(
        select(Overlap).where(
            Overlap.record_id == item.record_id,
            or_(Overlap.left_chunk == item.chunk_number, Overlap.right_chunk == item.chunk_number),
        )
    )
    for row in rows:
        mine = row.left_id if row.left_chunk == item.chunk_number else row.right_id
        if mine not in there and row.state != "gone":
            row.state = "gone"


def _compare(session: Session, left: Item, right: Item, now_ms: int) -> None:
    shared = (right.start_frame, left.end_frame)
    for one in _load_near(session, left, shared):
        for other in _load_near(session, right, shared):
            tiou = compute_frame_tiou(one, other)
            if tiou < LEAST_TIOU and not _is_cut(one, other, left, right):
                continue
            known = session.scalar(select(Overlap).where(Overlap.left_id == one.id, Overlap.right_id == other.id))
            if known is None:
                session.add(
                    Overlap(
                        project_id=left.project_id,
                        record_id=left.record_id,
                        left_id=one.id,
                        right_id=other.id,
                        left_chunk=left.chunk_number or 0,
                        right_chunk=right.chunk_number or 0,
                        tiou=round(tiou, 4),
                        state="open",
                        created_at_ms=now_ms,
                    )
                )
            elif known.state == "gone":
                known.state, known.tiou = "open", round(tiou, 4)


def _is_cut(one: SegmentState, other: SegmentState, left: Item, right: Item) -> bool:
    """Two halves of a routine: each ends where its chunk does, and they share frames."""
    meets = one.start_frame < other.end_frame and other.start_frame < one.end_frame
    return meets and (one.end_frame == left.end_frame or other.start_frame == right.start_frame)


def _load_near(session: Session, item: Item, shared: tuple[int, int]) -> list[SegmentState]:
    states = load_segments(session, str(item.accepted_pass_id)).values()
    return [
        state
        for state in states
        if not state.is_deleted
        and state.discard is None
        and state.start_frame < shared[1]
        and state.end_frame > shared[0]
    ]


def get_overlap(session: Session, overlap_id: str) -> Overlap:
    """A proposal by id."""
    row = session.get(Overlap, overlap_id)
    if row is None:
        raise not_found("overlap")
    return row
