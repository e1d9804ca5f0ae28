"""What operations do to a pass: pure functions on plain values, all of a request or nothing.

A ``Draft`` begins with a pass as it is and collects what changes. The rules of nesting are looked at when the request
is complete, so that a shared edge can be dragged by moving both neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from finegym.codebook.model import Codebook
from finegym.errors import CodebookError
from finegym.labelling import operation_kinds as kinds
from finegym.labelling.nesting import (
    LEVEL_OF_STAGE,
    SegmentState,
    check_nesting,
    compute_child_effect,
    get_children,
    move,
)
from finegym.labelling.walks import Answered, follow_walk, make_walk_to


@dataclass(frozen=True)
class PassRules:
    """What a pass has to keep to.

    Attributes:
        stage: of its item.
        bounds: frames of the item.
        outer_id: the action that it is about; ``None`` for routines.
        event_id: of that action.
        codebook: what labels there are.
        codebook_number: which version that is.
        stages_of_event: how many stages sub-actions have.
        get_ms: when a frame of the record begins.
        is_shown: whether a frame of the record is in a proxy.
        suggestions: ghosts that may be answered: id → (label, start_frame, end_frame); none in blind work.
    """

    stage: str
    bounds: tuple[int, int]
    outer_id: str | None
    event_id: str | None
    codebook: Codebook
    codebook_number: int
    stages_of_event: Mapping[str, int]
    get_ms: Callable[[int], int]
    is_shown: Callable[[int], bool]
    suggestions: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)

    @property
    def num_stages(self) -> int:
        """How many stages each sub-action has."""
        return self.stages_of_event.get(self.event_id or "", 1)


class OperationProblem(Exception):
    """An operation breaks a rule; the request it came in is refused as a whole."""

    def __init__(self, field: str, error: str, got: Any = None) -> None:
        super().__init__(error)
        self.field, self.error, self.got = field, error, got


class StaleRow(Exception):
    """An operation was made on another version of its segment than there is."""

    def __init__(self, segment_id: str) -> None:
        super().__init__(segment_id)
        self.segment_id = segment_id


@dataclass
class Draft:
    """A pass while operations are applied to it.

    Attributes:
        segments: by id, deleted ones included.
        is_signed_off: whether everything has been declared found.
        open_comments: ids of comments that are not resolved.
        answers: suggestion id → what was made of it.
        revisions: every new state of a segment, with the place of its operation in the request.
        new_comments: with the place of their operation.
        resolved: ids of comments resolved now.
        new_answers: (place, suggestion id, answer, segment id).
    """

    segments: dict[str, SegmentState]
    is_signed_off: bool = False
    open_comments: set[str] = field(default_factory=set)
    answers: dict[str, str | None] = field(default_factory=dict)
    revisions: list[tuple[int, SegmentState]] = field(default_factory=list)
    new_comments: list[tuple[int, kinds.CommentPayload]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    new_answers: list[tuple[int, str, str | None, str | None]] = field(default_factory=list)
    place: int = 0

    def get(self, segment_id: str, *, deleted: bool = False, field: str = "segment_id") -> SegmentState:
        """A segment that is there (or that is deleted)."""
        segment = self.segments.get(segment_id)
        if segment is None:
            raise OperationProblem(field, "this pass has no such segment", segment_id)
        if segment.is_deleted != deleted:
            raise OperationProblem(field, "is deleted" if segment.is_deleted else "is not deleted", segment_id)
        return segment

    def put(self, segment: SegmentState, *, is_new: bool = False) -> None:
        """The next version of a segment."""
        if not is_new:
            segment = replace(segment, version=self.segments[segment.id].version + 1)
        self.segments[segment.id] = segment
        self.revisions.append((self.place, segment))

    @property
    def touched(self) -> set[str]:
        """Ids of all segments that changed."""
        return {segment.id for _, segment in self.revisions}


def apply_operations(draft: Draft, operations: Sequence[kinds.AnyOperation], rules: PassRules) -> list[dict[str, Any]]:
    """Apply a request to a draft.

    Returns:
        The problems, ``{operation, field, error, got}``; the draft is good for nothing where there are any.

    Raises:
        StaleRow: an operation was made on another version of its segment.
    """
    for place, operation in enumerate(operations):
        draft.place = place
        _check_row(draft, operation)
        try:
            _APPLY[operation.kind](draft, operation.payload, rules)
        except OperationProblem as problem:
            return [{"operation": place, "field": problem.field, "error": problem.error, "got": problem.got}]
        except CodebookError as error:
            return [{"operation": place, "field": "path", "error": str(error), "got": None}]
    places = {segment.id: place for place, segment in draft.revisions}
    return [
        {
            "operation": places.get(problem.segment_id, len(operations) - 1),
            "field": problem.field,
            "error": problem.error,
            "got": None,
            "segment_id": problem.segment_id,
        }
        for problem in check_nesting(draft.segments, draft.touched, rules.bounds, rules.outer_id)
    ]


def _check_row(draft: Draft, operation: kinds.AnyOperation) -> None:
    segment_id = getattr(operation.payload, "segment_id", None)
    if operation.based_on is None or segment_id not in draft.segments:
        return
    if draft.segments[segment_id].version != operation.based_on:
        raise StaleRow(segment_id)


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


def _check_label(label: str | None, level: str, rules: PassRules) -> None:
    book = rules.codebook
    if label is None or level == "stage":
        return
    if level == "action":
        if label not in book.event_by_id:
            raise OperationProblem("label", f"expected one of {', '.join(book.event_by_id)}, got {label}", label)
        return
    set_id = book.element_by_id[label].set_id if label in book.element_by_id else label
    if set_id not in book.set_by_id:
        raise OperationProblem("label", "is neither a set nor an element of the codebook", label)
    if rules.event_id is not None and book.set_by_id[set_id].event_id != rules.event_id:
        event_id = book.set_by_id[set_id].event_id
        raise OperationProblem("label", f"{label} belongs to {event_id}, the action is {rules.event_id}", label)


def _create(draft: Draft, payload: kinds.CreateSegmentPayload, rules: PassRules) -> None:
    _require_edges(rules)
    if payload.segment_id in draft.segments:
        raise OperationProblem("segment_id", "there is a segment with this id already", payload.segment_id)
    if payload.level not in LEVEL_OF_STAGE[rules.stage]:
        expected = " or ".join(LEVEL_OF_STAGE[rules.stage])
        raise OperationProblem("level", f"stage {rules.stage} has {expected}, got {payload.level}", payload.level)
    _check_frames(payload.start_frame, payload.end_frame, rules)
    _check_label(payload.label, payload.level, rules)
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
    draft.put(_label(segment, payload.label, rules), is_new=True)


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


def _label(segment: SegmentState, label: str | None, rules: PassRules) -> SegmentState:
    """The segment with a label; an element brings its whole path with it."""
    if segment.level == "sub-action" and label in rules.codebook.element_by_id:
        path = tuple(step.to_json() for step in make_walk_to(rules.codebook, str(label)))
        number: int | None = rules.codebook_number
    else:
        path, number = (), None
    return replace(segment, label=label, path=path, is_no_element=False, codebook_number=number)


def _set_label(draft: Draft, payload: kinds.SetLabelPayload, rules: PassRules) -> None:
    segment = draft.get(payload.segment_id)
    _check_label(payload.label, segment.level, rules)
    draft.put(_label(segment, payload.label, rules))


def _set_path(draft: Draft, payload: kinds.SetPathPayload, rules: PassRules) -> None:
    segment = draft.get(payload.segment_id)
    if segment.level != "sub-action":
        raise OperationProblem("segment_id", f"only sub-actions walk trees, this is a {segment.level}", segment.id)
    _check_label(payload.set_id, segment.level, rules)
    if payload.set_id not in rules.codebook.set_by_id:
        raise OperationProblem("set_id", "is no set of the codebook", payload.set_id)
    path = [Answered(step.query, step.answer) for step in payload.path]
    if payload.by_name and payload.label is not None and not path:
        path = list(make_walk_to(rules.codebook, payload.label))
    state = follow_walk(rules.codebook, payload.set_id, path)
    if payload.label != state.element_id:
        leads = state.element_id or ("no such element" if state.is_dead_end else "no element yet")
        raise OperationProblem("label", f"the path leads to {leads}, got {payload.label}", payload.label)
    draft.put(
        replace(
            segment,
            label=state.element_id or payload.set_id,
            path=tuple(step.to_json() for step in path),
            is_no_element=state.is_dead_end,
            codebook_number=rules.codebook_number,
        )
    )


def _set_discard(draft: Draft, payload: kinds.SetDiscardPayload, rules: PassRules) -> None:
    draft.put(replace(draft.get(payload.segment_id), discard=payload.discard))


def _sign_off(draft: Draft, payload: Any, rules: PassRules) -> None:
    if draft.is_signed_off:
        raise OperationProblem("kind", "is signed off already")
    draft.is_signed_off = True


def _withdraw(draft: Draft, payload: Any, rules: PassRules) -> None:
    if not draft.is_signed_off:
        raise OperationProblem("kind", "is not signed off")
    draft.is_signed_off = False


def _comment(draft: Draft, payload: kinds.CommentPayload, rules: PassRules) -> None:
    if payload.segment_id is not None and payload.segment_id not in draft.segments:
        raise OperationProblem("segment_id", "this pass has no such segment", payload.segment_id)
    if payload.comment_id in draft.open_comments:
        raise OperationProblem("comment_id", "there is a comment with this id already", payload.comment_id)
    draft.open_comments.add(payload.comment_id)
    draft.new_comments.append((draft.place, payload))


def _resolve(draft: Draft, payload: kinds.ResolveCommentPayload, rules: PassRules) -> None:
    if payload.comment_id not in draft.open_comments:
        raise OperationProblem("comment_id", "there is no such open comment", payload.comment_id)
    draft.open_comments.remove(payload.comment_id)
    draft.resolved.append(payload.comment_id)


def _reject_suggestion(draft: Draft, payload: kinds.SuggestionPayload, rules: PassRules) -> None:
    if payload.suggestion_id not in rules.suggestions:
        raise OperationProblem("suggestion_id", "no such suggestion is shown here", payload.suggestion_id)
    draft.new_answers.append((draft.place, payload.suggestion_id, "rejected", None))


def _restore_suggestion(draft: Draft, payload: kinds.SuggestionPayload, rules: PassRules) -> None:
    if payload.suggestion_id not in rules.suggestions:
        raise OperationProblem("suggestion_id", "no such suggestion is shown here", payload.suggestion_id)
    draft.new_answers.append((draft.place, payload.suggestion_id, None, None))


_APPLY: dict[str, Callable[[Draft, Any, PassRules], None]] = {
    "create_segment": _create,
    "move_segment": _move,
    "delete_segment": _delete,
    "restore_segment": _restore,
    "split_segment": _split,
    "merge_segments": _merge,
    "set_label": _set_label,
    "set_path": _set_path,
    "set_discard": _set_discard,
    "sign_off": _sign_off,
    "withdraw_sign_off": _withdraw,
    "comment": _comment,
    "resolve_comment": _resolve,
    "reject_suggestion": _reject_suggestion,
    "restore_suggestion": _restore_suggestion,
}
