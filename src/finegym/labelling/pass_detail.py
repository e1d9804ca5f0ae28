"""What the API answers about one pass: everything that its page needs."""

from __future__ import annotations

from typing import Literal

from finegym.labelling.adjudication_shapes import AdjudicationShape
from finegym.labelling.exam_shapes import QuestionContext
from finegym.labelling.settings import Stage
from finegym.labelling.shapes import (
    CommentShape,
    ItemShape,
    LeaseShape,
    MediaShape,
    PersonRef,
    SegmentShape,
    Shape,
    SuggestionShape,
)


class PassDetail(Shape):
    """A pass with everything that its page needs."""

    id: str
    version: int
    state: Literal["open", "submitted", "returned", "accepted", "superseded"]
    stage: Stage
    is_blind: bool
    is_mine: bool
    can_write: bool
    can_review: bool
    lease: LeaseShape
    person: PersonRef
    item: ItemShape
    signed_off_at: str | None
    reviewed_at: str | None
    reviewed_by: PersonRef | None
    segments: list[SegmentShape]
    context: list[SegmentShape]
    comments: list[CommentShape]
    suggestions: list[SuggestionShape]
    media: MediaShape
    guideline_keys: list[str]
    kind: Literal["annotation", "adjudication"]
    exam: QuestionContext | None
    adjudication: AdjudicationShape | None
