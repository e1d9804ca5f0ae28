"""Operations on edges: segments appear, move, part, join, go and come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from finegym.labelling import operation_kinds as kinds
from finegym.labelling.drafts import Draft, OperationProblem, PassRules, check_label
from finegym.labelling.labels import label_segment
from finegym.labelling.nesting import LEVEL_OF_STAGE, SegmentState, compute_child_effect, get_children, move


def _check_frames(start_frame: int, end_frame: int, rules: PassRules) -> None:
    """Edges lie on frames that somebody can have seen; an end lies behind one."""
    if end_frame <= start_frame:
        raise OperationProblem("end_frame", f"must exceed start_frame {start_frame}, got {end_frame}", end_frame)
    if not rules.is_shown(start_frame):
        raise OperationProblem("start_frame", "no proxy shows this frame of the record", start_frame)
    if not rules.is_shown(end_frame - 1):
        raise OperationProblem("end_frame", "no proxy shows the frame before it", end_frame)


def _require_edges(rules: PassRules) -> None:
    if rules.stage == "elements":
        raise OperationProblem("kind", "edges are the work of stage sub-actions; ask the reviewer to return that item")


def _create(draft: Draft, payload: kinds.CreateSegmentPayload, rules: PassRules) -> None:
    _require_edges(rules)
    if payload.segment_id in draft.segments:
        raise OperationProblem("segment_id", "there is a segment with this id already", payload.segment_id)
    if payload.level not in LEVEL_OF_STAGE[rules.stage]:
        expected = " or ".join(LEVEL_OF_STAGE[rules.stage])
        raise OperationProblem("level", f"stage {rules.stage} has {expected}, got {payload.level}", payload.level)
    _check_frames(payload.start_frame, payload.end_frame, rules)
    check_label(payload.label, payload.level, rules)
    segment = SegmentState(
        id=payload.segment_id,
        level=payload.level,
        parent_id=payload.parent_id,
        start_frame=payload.start_frame,
        end_frame=payload.end_frame,
        start_ms=rules.get_ms(payload.start_frame),
        end_ms=rules.get_ms(payload.end_frame),
        discard=payload.discard,
        confirmed=_get_confirmed(payload),
    )
    if payload.suggestion_id is not None:
        segment = replace(segment, origin={"kind": "suggestion", "id": payload.suggestion_id})
        _answer_suggestion(draft, payload, rules)
    draft.put(label_segment(segment, payload.label, rules), is_new=True)


def _answer_suggestion(draft: Draft, payload: kinds.CreateSegmentPayload, rules: PassRules) -> None:
    ghost = rules.suggestions.get(str(payload.suggestion_id))
    if ghost is None:
        raise OperationProblem("suggestion_id", "no such suggestion is shown here", payload.suggestion_id)
    is_same = ghost == (payload.label, payload.start_frame, payload.end_frame)
    draft.new_answers.append(
        (draft.place, str(payload.suggestion_id), "confirmed" if is_same else "changed", payload.segment_id)
    )


def _get_confirmed(payload: Any) -> dict[str, Any] | None:
    edges = {"start": payload.confirmed_start_frame, "end": payload.confirmed_end_frame}
    known = {edge: frame for edge, frame in edges.items() if frame is not None}
    return known or None


def _move(draft: Draft, payload: kinds.MoveSegmentPayload, rules: PassRules) -> None:
    _require_edges(rules)
    segment = draft.get(payload.segment_id)
    _check_frames(payload.start_frame, payload.end_frame, rules)
    old, new = (segment.start_frame, segment.end_frame), (payload.start_frame, payload.end_frame)
    moved = move(segment, *new, rules.get_ms)
    if payload.parent_id is not None:
        moved = replace(moved, parent_id=payload.parent_id)
    confirmed = {**(segment.confirmed or {}), **(_get_confirmed(payload) or {})}
    draft.put(replace(moved, confirmed=confirmed or None))
    for child in get_children(draft.segments, segment.id):
        change = compute_child_effect(child, old, new, payload.children)
        if change.effect == "outside":
            error = f"{child.level} [{child.start_frame}, {child.end_frame}) would lie outside"
            raise OperationProblem("children", f"{error}; move it too, or send children: clip or shift", child.id)
        if change.effect == "deleted":
            draft.put(replace(child, is_deleted=True))
        elif change.new_frames is not None and change.effect != "unchanged":
            draft.put(move(child, *change.new_frames, rules.get_ms))


def _delete(draft: Draft, payload: kinds.DeleteSegmentPayload, rules: PassRules) -> None:
    _require_edges(rules)
    segment = draft.get(payload.segment_id)
    children = get_children(draft.segments, segment.id)
    if children and payload.children == "refuse":
        raise OperationProblem("children", f"{len(children)} segments lie in it; send children: delete", segment.id)
    for child in children:
        draft.put(replace(child, is_deleted=True))
    draft.put(replace(segment, is_deleted=True))


def _restore(draft: Draft, payload: kinds.SegmentPayload, rules: PassRules) -> None:
    _require_edges(rules)
    draft.put(replace(draft.get(payload.segment_id, deleted=True), is_deleted=False))


def _split(draft: Draft, payload: kinds.SplitSegmentPayload, rules: PassRules) -> None:
    _require_edges(rules)
    segment, at = draft.get(payload.segment_id), payload.at_frame
    if payload.new_segment_id in draft.segments:
        raise OperationProblem("new_segment_id", "there is a segment with this id already", payload.new_segment_id)
    if not segment.start_frame < at < segment.end_frame:
        inside = f"[{segment.start_frame + 1}, {segment.end_frame})"
        raise OperationProblem("at_frame", f"must lie inside of the segment, {inside}, got {at}", at)
    if not rules.is_shown(at):
        raise OperationProblem("at_frame", "no proxy shows this frame of the record", at)
    cut = [child for child in get_children(draft.segments, segment.id) if child.start_frame < at < child.end_frame]
    if cut:
        raise OperationProblem("at_frame", f"{cut[0].level} {cut[0].id} would be cut; split or move it first", at)
    right = replace(segment, id=payload.new_segment_id, start_frame=at, start_ms=rules.get_ms(at), version=1)
    draft.put(replace(right, origin={"kind": "split", "id": segment.id}), is_new=True)
    for child in get_children(draft.segments, segment.id):
        if child.start_frame >= at:
            draft.put(replace(child, parent_id=payload.new_segment_id))
    draft.put(move(segment, segment.start_frame, at, rules.get_ms))


def _merge(draft: Draft, payload: kinds.MergeSegmentsPayload, rules: PassRules) -> None:
    _require_edges(rules)
    segment, other = draft.get(payload.segment_id), draft.get(payload.other_id, field="other_id")
    if segment.id == other.id or (segment.level, segment.parent_id) != (other.level, other.parent_id):
        raise OperationProblem("other_id", "must be a neighbour on the same level in the same parent", other.id)
    for child in get_children(draft.segments, other.id):
        draft.put(replace(child, parent_id=segment.id))
    draft.put(replace(other, is_deleted=True))
    first, last = sorted((segment, other), key=lambda one: one.start_frame)
    draft.put(
        replace(
            segment,
            start_frame=first.start_frame,
            start_ms=first.start_ms,
            end_frame=max(first.end_frame, last.end_frame),
            end_ms=max(first.end_ms, last.end_ms),
        )
    )


EDGES: dict[str, Callable[[Draft, Any, PassRules], None]] = {
    "create_segment": _create,
    "move_segment": _move,
    "delete_segment": _delete,
    "restore_segment": _restore,
    "split_segment": _split,
    "merge_segments": _merge,
}
