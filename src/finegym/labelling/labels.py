"""Operations on what segments say: labels, tree walks, discard codes, sign-off, remarks, answers to ghosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from finegym.labelling import operation_kinds as kinds
from finegym.labelling.drafts import Draft, OperationProblem, PassRules, check_label
from finegym.labelling.nesting import SegmentState
from finegym.labelling.walks import Answered, follow_walk, make_walk_to


def label_segment(segment: SegmentState, label: str | None, rules: PassRules) -> SegmentState:
    """The segment with a label; an element brings its whole path with it."""
    if segment.level == "sub-action" and label in rules.codebook.element_by_id:
        path = tuple(step.to_json() for step in make_walk_to(rules.codebook, str(label)))
        number: int | None = rules.codebook_number
    else:
        path, number = (), None
    return replace(segment, label=label, path=path, is_no_element=False, codebook_number=number)


def _set_label(draft: Draft, payload: kinds.SetLabelPayload, rules: PassRules) -> None:
    segment = draft.get(payload.segment_id)
    check_label(payload.label, segment.level, rules)
    draft.put(label_segment(segment, payload.label, rules))


def _set_path(draft: Draft, payload: kinds.SetPathPayload, rules: PassRules) -> None:
    segment = draft.get(payload.segment_id)
    if segment.level != "sub-action":
        raise OperationProblem("segment_id", f"only sub-actions walk trees, this is a {segment.level}", segment.id)
    check_label(payload.set_id, segment.level, rules)
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
            # said outright ("I see it, and the tree has no place for it"), or where the answers end
            is_no_element=state.is_dead_end or (payload.by_name and payload.label is None),
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
    time_ms = None if payload.frame is None else rules.get_ms(payload.frame)
    draft.new_comments.append((payload, time_ms))


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


LABELS: dict[str, Callable[[Draft, Any, PassRules], None]] = {
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
