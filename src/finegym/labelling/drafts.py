"""A pass while operations are applied to it: what it has to keep to, what it is, what has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from finegym.codebook.model import Codebook
from finegym.labelling import operation_kinds as kinds
from finegym.labelling.nesting import SegmentState


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
    suggestions: Mapping[str, tuple[str | None, int, int]] = field(default_factory=dict)

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
        new_comments: with their time on the record's clock.
        resolved: ids of comments resolved now.
        new_answers: (place, suggestion id, answer, segment id).
    """

    segments: dict[str, SegmentState]
    is_signed_off: bool = False
    open_comments: set[str] = field(default_factory=set)
    answers: dict[str, str | None] = field(default_factory=dict)
    revisions: list[tuple[int, SegmentState]] = field(default_factory=list)
    new_comments: list[tuple[kinds.CommentPayload, int | None]] = field(default_factory=list)
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


def check_label(label: str | None, level: str, rules: PassRules) -> None:
    """A label is one of the codebook, on its level, and of the action's event."""
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
