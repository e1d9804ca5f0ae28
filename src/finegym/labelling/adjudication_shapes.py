"""What the API answers about comparisons and adjudications. The web client's types are made from these."""

from __future__ import annotations

from typing import Literal

from finegym.labelling.shapes import ItemShape, PersonRef, SegmentShape, Shape

ComparisonState = Literal["agreed", "third", "adjudicate", "decided"]
GivenAnswer = Literal["yes", "no", "unsure"]


class ComparisonShape(Shape):
    """Passes of one item, compared. ``num_open``: units that need a decision and have none."""

    id: str
    item: ItemShape
    state: ComparisonState
    num_passes: int
    num_units: int
    num_open: int
    reasons: list[str]
    pass_id: str | None
    at: str
    routed_by: PersonRef | None
    routed_reason: str | None
    decided_by: PersonRef | None
    decided_at: str | None


class ComparisonsShape(Shape):
    """Comparisons, those that wait longest first; ``counts`` of all of the project by state."""

    comparisons: list[ComparisonShape]
    counts: dict[str, int]


class LaneShape(Shape):
    """One annotator's pass as it was signed off."""

    pass_id: str
    person: PersonRef
    name: str
    segments: list[SegmentShape]


class MemberShape(Shape):
    """What one pass has of a unit; no segment: it was not found."""

    pass_id: str
    segment_id: str | None


class UnitVoteShape(MemberShape):
    """The same beside the consensus: how late its edges are, negative: early."""

    label: str | None
    start_off_ms: int | None
    end_off_ms: int | None


class QueryVoteShape(Shape):
    """One pass's answer; none where it was not asked."""

    pass_id: str
    answer: GivenAnswer | None


class QueryVotesShape(Shape):
    """What was answered to a query. ``confidence``: how likely the majority's answer is."""

    query: str
    text: str
    votes: list[QueryVoteShape]
    majority: GivenAnswer | None
    confidence: float | None


class DecisionShape(Shape):
    """What an adjudicator chose: ``consensus``, ``own``, ``none``, or the id of a pass."""

    choice: str
    reason: str
    by: PersonRef
    at: str


class UnitShape(Shape):
    """Something that one or more passes found. ``segment_id``: of what stands for it in the adjudicator's pass."""

    id: str
    segment_id: str | None
    members: list[MemberShape]
    start_ms: int
    end_ms: int
    start_frame: int
    end_frame: int
    label: str | None
    is_no_element: bool
    presence: float
    confidence: float
    is_left_out: bool
    reasons: list[str]
    needs_decision: bool
    decision: DecisionShape | None
    votes: list[UnitVoteShape]
    queries: list[QueryVotesShape]


class AdjudicationShape(Shape):
    """What lies side by side on the adjudicator's page."""

    comparison_id: str
    state: ComparisonState
    method: str
    lanes: list[LaneShape]
    units: list[UnitShape]


class ComparedShape(Shape):
    """What comparing came to. ``changed_meanwhile``: items that somebody changed while they were compared; left out."""

    compared: int
    changed_meanwhile: int
    agreed: int
    third: int
    adjudicate: int
