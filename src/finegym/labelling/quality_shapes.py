"""What the API answers about how far people agree. Every number names the items behind it, the first 200 at least."""

from __future__ import annotations

from typing import Any, Literal

from finegym.labelling.settings import Stage
from finegym.labelling.shapes import PersonRef, RecordRef, Shape

MAX_ITEMS = 200
Metric = Literal["detection_f1", "label_alpha", "boundary_mae_ms"]


class BehindShape(Shape):
    """Something that stands on items. ``item_ids``: the first 200 of ``num_items``."""

    num_items: int
    item_ids: list[str]


class MeasuredShape(Shape):
    """A number with its 95 % interval over records; ``why`` there is none, or no interval."""

    value: float | None
    low: float | None
    high: float | None
    count: int
    why: str


class PeriodShape(BehindShape, MeasuredShape):
    """A measure of the items that were signed off last in one stretch of time."""

    start: str
    end: str
    metric: Metric


class ElementConfusionShape(BehindShape):
    """Two labels that two annotators gave to the same thing, ``count`` times."""

    left: str
    right: str
    left_name: str
    right_name: str
    count: int


class QueryConfusionShape(BehindShape):
    """How pairs of annotators answered a query; ``unsure``: answers that were none. Items: those with both answers."""

    set_id: str
    query: str
    text: str
    yes_yes: int
    yes_no: int
    no_no: int
    unsure: int
    alpha: MeasuredShape


class ExampleAnswer(Shape):
    """What somebody answered."""

    person: PersonRef
    answer: Literal["yes", "no", "unsure"] | None
    segment_id: str


class QueryExample(Shape):
    """A place where a query was answered with yes and with no: look at it."""

    item_id: str
    record: RecordRef
    start_frame: int
    end_frame: int
    start_ms: int
    end_ms: int
    answers: list[ExampleAnswer]


class HardQueryShape(BehindShape):
    """A query to which annotators gave both answers, of so many places that two of them answered it for."""

    set_id: str
    query: str
    text: str
    num: int
    num_disagreements: int
    share: float
    examples: list[QueryExample]


class PersonQualityShape(BehindShape):
    """One annotator beside the others. Biases are medians: less than 0 is earlier than the others."""

    person: PersonRef
    num_shared_items: int
    detection_f1: MeasuredShape
    start_bias_ms: MeasuredShape
    end_bias_ms: MeasuredShape
    label_agreement: MeasuredShape
    answer_agreement: MeasuredShape
    gold_score: float | None
    num_gold: int
    active_minutes: float
    video_minutes: float
    minutes_per_video_minute: float | None


class ItemCostShape(Shape):
    """What one item cost, all passes together."""

    item_id: str
    active_s: float
    num_passes: int


class CostsShape(BehindShape):
    """What items cost: time at work of those who signed off. ``num_untimed``: passes without any, left out."""

    num_untimed: int
    median_active_s: float | None
    p90_active_s: float | None
    active_hours: float
    video_hours: float
    num_segments: int
    active_s_per_segment: float | None
    items: list[ItemCostShape]


class QualityShape(BehindShape):
    """How far people agree in one stage, as of ``computed_at``. ``why``: there is nothing to compare, no list of it."""

    stage: Stage
    computed_at: str
    why: str
    notes: list[str]
    over_time: list[PeriodShape]
    element_confusions: list[ElementConfusionShape]
    query_confusions: list[QueryConfusionShape]
    hardest_queries: list[HardQueryShape]
    people: list[PersonQualityShape]
    costs: CostsShape


class AgreementJson(Shape):
    """The whole answer of ``finegym quality agreement --json``, ``None`` with the reason where there is none."""

    agreement: dict[str, Any] | None
    why: str
    computed_at: str
