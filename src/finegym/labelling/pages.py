"""Everything that the page of a pass needs, in one answer; and what a change would do, before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import REVIEWS, Caller, get_names, require_role
from finegym.labelling.adjudication_views import show_adjudication
from finegym.labelling.clock import format_time
from finegym.labelling.derive import find_segment_items
from finegym.labelling.drafts import Draft, StaleRow
from finegym.labelling.feedback import show_question
from finegym.labelling.items import WORKERS
from finegym.labelling.leases import describe_lease
from finegym.labelling.loading import Work, load_rules, load_segments, load_work, make_state
from finegym.labelling.media import Links, find_chunks
from finegym.labelling.nesting import SegmentState, compute_child_effect
from finegym.labelling.operation_kinds import AnyOperation
from finegym.labelling.operations import apply_operations
from finegym.labelling.pass_detail import PassDetail
from finegym.labelling.passes import make_draft
from finegym.labelling.refusals import not_found
from finegym.labelling.shapes import EffectShape, PreviewShape, SegmentShape
from finegym.labelling.tables.work import Segment
from finegym.labelling.views import (
    can_review,
    can_see_pass,
    refer,
    show_comments,
    show_items,
    show_segment,
    show_segments,
    show_suggestions,
)


def load_visible(session: Session, caller: Caller, pass_id: str) -> tuple[Work, str]:
    """A pass that the caller may see, and her role.

    Raises:
        Refusal: 404.
    """
    work = load_work(session, pass_id)
    role = require_role(session, caller, work.project.id)
    if not can_see_pass(role, caller, work.pass_, work.item):
        raise not_found("pass")
    return work, role


def show_pass(session: Session, links: Links, caller: Caller, pass_id: str) -> PassDetail:
    """A pass as its page needs it."""
    work, role = load_visible(session, caller, pass_id)
    row, item = work.pass_, work.item
    names = get_names(session, (row.person_id, row.reviewed_by))
    is_mine = row.person_id == caller.person_id
    is_open = row.state not in ("accepted", "superseded")
    chunks = find_chunks(session, work.record.id, item.start_frame, item.end_frame)
    return PassDetail(
        id=row.id,
        version=row.version,
        state=cast(Any, row.state),
        stage=cast(Any, item.stage),
        is_blind=row.is_blind,
        is_mine=is_mine,
        can_write=is_open and ((is_mine and role in WORKERS) or (role in REVIEWS and item.purpose == "work")),
        can_review=can_review(role, caller, work) and item.purpose == "work",
        lease=describe_lease(session, work, caller.now_ms),
        person=refer(names, row.person_id),
        item=show_items(session, caller, role, work.project, [item])[0],
        signed_off_at=format_time(row.signed_off_at_ms),
        reviewed_at=format_time(row.reviewed_at_ms),
        reviewed_by=refer(names, row.reviewed_by) if row.reviewed_by else None,
        segments=show_segments(session, row.id),
        context=_show_context(session, work),
        comments=show_comments(session, row.id),
        suggestions=show_suggestions(session, work),
        media=links.show_media(caller, work.record, chunks),
        guideline_keys=_list_guideline_keys(session, work),
        kind=cast(Any, row.kind),
        exam=show_question(session, role, work),
        adjudication=show_adjudication(session, links.workspace, role, work),
    )


def _show_context(session: Session, work: Work) -> list[SegmentShape]:
    """The accepted action that the item is about."""
    if work.item.action_id is None:
        return []
    row = session.get(Segment, work.item.action_id)
    if row is None:
        return []
    names = get_names(session, [row.author_id])
    return [show_segment(make_state(row), refer(names, row.author_id), row.at_ms)]


def _list_guideline_keys(session: Session, work: Work) -> list[str]:
    keys = ["general", f"stage:{work.item.stage}"]
    if work.item.action_label:
        keys.append(f"event:{work.item.action_label}")
    labels = session.scalars(
        select(Segment.label).where(
            Segment.pass_id == work.pass_.id, Segment.level == "sub-action", Segment.label.is_not(None)
        )
    )
    return keys + sorted({f"set:{label}" for label in labels})


def preview_operations(
    session: Session, links: Links, caller: Caller, pass_id: str, operations: Sequence[AnyOperation]
) -> PreviewShape:
    """What operations would do to what lies in the segments that they change; nothing is stored."""
    work, _ = load_visible(session, caller, pass_id)
    rules = load_rules(session, links.workspace, work)
    before = load_segments(session, pass_id)
    draft = make_draft(session, work, operations)
    draft.segments = dict(before)
    try:
        problems = apply_operations(draft, operations, rules)
    except StaleRow as stale:
        problems = [
            {"operation": None, "field": "based_on", "error": "the segment was changed", "got": stale.segment_id}
        ]
    effects = _compare(before, draft, operations)
    for segment_id in sorted({state.id for _, state in draft.revisions}):
        old = before.get(segment_id)
        if old is not None and old.level == "action":
            effects += _look_ahead(session, old, draft.segments[segment_id])
    return PreviewShape(is_allowed=not problems, problems=problems, effects=effects)


def _compare(before: dict[str, SegmentState], draft: Draft, operations: Sequence[AnyOperation]) -> list[EffectShape]:
    """Segments that operations change beside the ones that they name, and children that refuse a move."""
    named = {str(getattr(one.payload, "segment_id", "")) for one in operations}
    found = []
    for state in before.values():
        after = draft.segments.get(state.id, state)
        if state.is_deleted or (state.id in named and state.parent_id not in named) or after.version == state.version:
            continue
        kept = after.end_frame - after.start_frame == state.end_frame - state.start_frame
        effect = "deleted" if after.is_deleted else "shifted" if kept else "clipped"
        found.append(_show_effect(state, effect, None if after.is_deleted else after, "this pass"))
    for one in operations:
        if one.kind != "move_segment" or one.payload.segment_id not in before:
            continue
        parent = before[one.payload.segment_id]
        old, new = (parent.start_frame, parent.end_frame), (one.payload.start_frame, one.payload.end_frame)
        seen = {effect.segment_id for effect in found}
        for child in before.values():
            if child.parent_id == parent.id and not child.is_deleted and child.id not in seen | named:
                change = compute_child_effect(child, old, new, one.payload.children)
                frames = None if change.new_frames is None else change.new_frames
                found.append(_show_effect(child, change.effect, frames, "this pass"))
    return found


def _look_ahead(session: Session, old: SegmentState, new: SegmentState) -> list[EffectShape]:
    """What becomes of the accepted sub-actions of an action that is moved or deleted."""
    item = find_segment_items(session, old.id).get("sub-actions")
    if item is None or item.accepted_pass_id is None:
        return []
    effects = []
    for child in load_segments(session, item.accepted_pass_id).values():
        if child.is_deleted or child.level != "sub-action":
            continue
        inside = new.start_frame <= child.start_frame and child.end_frame <= new.end_frame
        effect = "outside" if new.is_deleted or not inside else "unchanged"
        effects.append(_show_effect(child, effect, None if new.is_deleted else child, "next stage"))
    return effects


def _show_effect(
    child: SegmentState, effect: str, after: SegmentState | tuple[int, int] | None, where: str
) -> EffectShape:
    frames = after if after is None or isinstance(after, tuple) else (after.start_frame, after.end_frame)
    return EffectShape(
        segment_id=child.id,
        level=cast(Any, child.level),
        label=child.label,
        effect=cast(Any, effect),
        start_frame=child.start_frame,
        end_frame=child.end_frame,
        new_start_frame=frames[0] if frames else None,
        new_end_frame=frames[1] if frames else None,
        where=cast(Any, where),
    )
