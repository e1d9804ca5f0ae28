"""The kinds of operations: everything that can happen to a pass, as typed values.

A client makes the ids: of the operation, so that sending it again is harmless, and of what it creates, so that it can
go on working without an answer.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finegym.labelling.settings import Discard, Level
from finegym.labelling.values import Frame, Remark, Strict, Uuid, Version, Word


class Answer(Strict):
    """One answer of a tree walk."""

    query: Word
    answer: Literal["yes", "no", "unsure"]


class _Payload(Strict):
    reason: Remark | None = None
    """Why a reviewer changes somebody's work."""


class _Edges(_Payload):
    """Frames of the proxy that the browser confirmed when the edges were set; kept, not interpreted."""

    confirmed_start_frame: Frame | None = None
    confirmed_end_frame: Frame | None = None


class CreateSegmentPayload(_Edges):
    """A new segment."""

    segment_id: Uuid
    level: Level
    parent_id: Uuid | None = None
    start_frame: Frame
    end_frame: Frame
    label: Word | None = None
    discard: Discard | None = None
    suggestion_id: Uuid | None = None


class MoveSegmentPayload(_Edges):
    """Other edges; ``children`` says what becomes of what lies in it, ``parent_id`` puts it into another parent."""

    segment_id: Uuid
    start_frame: Frame
    end_frame: Frame
    children: Literal["refuse", "clip", "shift"] = "refuse"
    parent_id: Uuid | None = None


class DeleteSegmentPayload(_Payload):
    """Take a segment away; it stays in the history."""

    segment_id: Uuid
    children: Literal["refuse", "delete"] = "refuse"


class SegmentPayload(_Payload):
    """Just a segment."""

    segment_id: Uuid


class SplitSegmentPayload(_Payload):
    """Cut a segment in two; the left part keeps the id."""

    segment_id: Uuid
    at_frame: Frame
    new_segment_id: Uuid


class MergeSegmentsPayload(_Payload):
    """Make one of two neighbours; ``other_id`` is taken away."""

    segment_id: Uuid
    other_id: Uuid


class SetLabelPayload(_Payload):
    """What a segment shows: an event, a set or an element; ``None`` takes it off."""

    segment_id: Uuid
    label: Word | None


class SetPathPayload(_Payload):
    """The answers of a tree walk. ``by_name`` with an element: they may be left out; without: "no such element"."""

    segment_id: Uuid
    set_id: Word
    path: Annotated[list[Answer], Field(max_length=100, default_factory=list)]
    label: Word | None = None
    by_name: bool = False


class SetDiscardPayload(_Payload):
    """Why a segment is of no use; ``None`` takes it back."""

    segment_id: Uuid
    discard: Discard | None


class CommentPayload(_Payload):
    """A remark, pinned to a frame or a segment if it is about one."""

    comment_id: Uuid
    text: Remark
    frame: Frame | None = None
    segment_id: Uuid | None = None


class ResolveCommentPayload(_Payload):
    """A remark is dealt with."""

    comment_id: Uuid


class SuggestionPayload(_Payload):
    """A ghost that an annotator rejects, or looks at again."""

    suggestion_id: Uuid


class _Operation(Strict):
    uuid: Uuid
    based_on: Version | None = None
    """Version of the segment that the client saw; ``None``: not checked."""
    client_time: Annotated[str, Field(max_length=40)] | None = None


class CreateSegment(_Operation):
    """See ``CreateSegmentPayload``."""

    kind: Literal["create_segment"]
    payload: CreateSegmentPayload


class MoveSegment(_Operation):
    """See ``MoveSegmentPayload``."""

    kind: Literal["move_segment"]
    payload: MoveSegmentPayload


class DeleteSegment(_Operation):
    """See ``DeleteSegmentPayload``."""

    kind: Literal["delete_segment"]
    payload: DeleteSegmentPayload


class RestoreSegment(_Operation):
    """Undo of a deletion."""

    kind: Literal["restore_segment"]
    payload: SegmentPayload


class SplitSegment(_Operation):
    """See ``SplitSegmentPayload``."""

    kind: Literal["split_segment"]
    payload: SplitSegmentPayload


class MergeSegments(_Operation):
    """See ``MergeSegmentsPayload``."""

    kind: Literal["merge_segments"]
    payload: MergeSegmentsPayload


class SetLabel(_Operation):
    """See ``SetLabelPayload``."""

    kind: Literal["set_label"]
    payload: SetLabelPayload


class SetPath(_Operation):
    """See ``SetPathPayload``."""

    kind: Literal["set_path"]
    payload: SetPathPayload


class SetDiscard(_Operation):
    """See ``SetDiscardPayload``."""

    kind: Literal["set_discard"]
    payload: SetDiscardPayload


class SignOff(_Operation):
    """Everything that is to be found here has been found."""

    kind: Literal["sign_off"]
    payload: _Payload = _Payload()


class WithdrawSignOff(_Operation):
    """Not everything, after all."""

    kind: Literal["withdraw_sign_off"]
    payload: _Payload = _Payload()


class MakeComment(_Operation):
    """See ``CommentPayload``."""

    kind: Literal["comment"]
    payload: CommentPayload


class ResolveComment(_Operation):
    """See ``ResolveCommentPayload``."""

    kind: Literal["resolve_comment"]
    payload: ResolveCommentPayload


class RejectSuggestion(_Operation):
    """See ``SuggestionPayload``."""

    kind: Literal["reject_suggestion"]
    payload: SuggestionPayload


class RestoreSuggestion(_Operation):
    """See ``SuggestionPayload``."""

    kind: Literal["restore_suggestion"]
    payload: SuggestionPayload


AnyOperation = Annotated[
    CreateSegment
    | MoveSegment
    | DeleteSegment
    | RestoreSegment
    | SplitSegment
    | MergeSegments
    | SetLabel
    | SetPath
    | SetDiscard
    | SignOff
    | WithdrawSignOff
    | MakeComment
    | ResolveComment
    | RejectSuggestion
    | RestoreSuggestion,
    Field(discriminator="kind"),
]
