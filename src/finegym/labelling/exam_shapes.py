"""What the API answers about gold items, exams and drift. The web client's types are made from these."""

from __future__ import annotations

from typing import Literal

from finegym.labelling.exam_rules import ExamRulesShape
from finegym.labelling.settings import Discard, Stage
from finegym.labelling.shapes import ActionShape, PersonRef, RecordRef, Shape

ExamKind = Literal["training", "pretest"]
AnswerKind = Literal["training", "pretest", "silent"]
StandingState = Literal["not_started", "in_progress", "passed", "failed", "cooling_down", "no_tries_left", "outdated"]


class LeftOutShape(Shape):
    """What was not taken: why, how many, the first one's id."""

    why: str
    count: int
    first: str


class GoldShape(Shape):
    """A gold item. ``stale`` says what has changed since it was frozen; nothing where it is current."""

    id: str
    stage: Stage
    item_id: str
    record: RecordRef
    chunk: int | None
    action: ActionShape | None
    start_frame: int
    end_frame: int
    start_ms: int
    end_ms: int
    num_segments: int
    labels: list[str]
    note: str
    guideline_key: str | None
    is_silent: bool
    codebook_number: int
    guidelines: dict[str, int]
    stale: list[str]
    exam_ids: list[str]
    num_answers: int
    mean_score: float | None
    author: PersonRef
    at: str
    withdrawn_at: str | None


class GoldListShape(Shape):
    """Gold items."""

    gold: list[GoldShape]


class AddedGoldShape(Shape):
    """What was made gold."""

    added: list[GoldShape]
    left_out: list[LeftOutShape]


class GoldAnswerShape(Shape):
    """A gold item that somebody was asked."""

    pass_id: str
    item_id: str
    gold_id: str
    person: PersonRef
    stage: Stage
    kind: AnswerKind
    score: float | None
    is_right: bool | None
    at: str | None
    exam_id: str | None
    attempt_id: str | None


class GoldAnswersShape(Shape):
    """Answers to gold items, newest first."""

    answers: list[GoldAnswerShape]


class PartShape(Shape):
    """One part of an exam against its mark."""

    part: str
    right: int
    total: int
    value: float | None
    pass_mark: float | None
    is_passed: bool


class AttemptRef(Shape):
    """An attempt in a list."""

    id: str
    number: int
    version: int
    state: Literal["open", "passed", "failed", "left"]
    started_at: str
    finished_at: str | None
    score: float | None


class QuestionShape(Shape):
    """A question of an attempt: an ordinary pass. ``score``: for trainings, and for leads."""

    number: int
    pass_id: str
    item_id: str
    is_answered: bool
    score: float | None


class ExamRef(Shape):
    """An exam, in short."""

    id: str
    name: str
    kind: ExamKind
    stage: Stage


class AttemptShape(AttemptRef):
    """An attempt. ``reason``: why it is not passed."""

    exam: ExamRef
    person: PersonRef
    parts: list[PartShape]
    reason: str
    questions: list[QuestionShape]


class StandingShape(Shape):
    """Where somebody stands with an exam."""

    state: StandingState
    may_try: bool
    tries_left: int | None
    next_try_at: str | None
    passed_at: str | None
    text: str
    attempts: list[AttemptRef]


class ExamTotals(Shape):
    """How an exam has gone."""

    people: int
    attempts: int
    passed: int
    failed: int


class ExamShape(Shape):
    """An exam in its newest version. ``gold_ids``, ``num_told`` and ``totals`` are for those who review.

    ``num_told``: of its gold items, those that are in a training too, which tells their answers.
    """

    id: str
    version: int
    name: str
    text: str
    kind: ExamKind
    stage: Stage
    rules: ExamRulesShape
    num_gold: int
    gold_ids: list[str] | None
    num_told: int | None
    codebook_number: int
    guidelines: dict[str, int]
    stale: list[str]
    is_demanded: bool
    retired_at: str | None
    author: PersonRef
    at: str
    mine: StandingShape
    totals: ExamTotals | None


class ExamsShape(Shape):
    """The exams of a project."""

    exams: list[ExamShape]


class PersonResults(Shape):
    """How somebody did."""

    person: PersonRef
    standing: StandingShape
    attempts: list[AttemptShape]


class ExamResultsShape(Shape):
    """How everybody did."""

    people: list[PersonResults]


class QuestionContext(Shape):
    """Which question of which exam a pass answers. ``silent``: none; only those see it who review."""

    exam_id: str | None
    attempt_id: str | None
    name: str
    kind: AnswerKind
    number: int
    count: int
    has_feedback: bool
    next_pass_id: str | None


class GoldSegment(Shape):
    """A segment as it should be."""

    start_frame: int
    end_frame: int
    start_ms: int
    end_ms: int
    label: str | None
    path: list[dict[str, str]]
    discard: Discard | None


class GradedQuery(Shape):
    """A query on the way to the right element; ``given``: none where it was not asked."""

    query: str
    given: Literal["yes", "no", "unsure"] | None
    expected: Literal["yes", "no", "unsure"]


class GradedUnit(Shape):
    """What became of one segment; ``guideline_key`` is the page that says what is right."""

    segment_id: str | None
    gold: GoldSegment | None
    verdict: Literal["right", "wrong_label", "wrong_bounds", "extra", "missed"]
    start_off_ms: int | None
    end_off_ms: int | None
    start_off_frames: int | None
    end_off_frames: int | None
    tolerance_ms: int
    label_given: str | None
    label_expected: str | None
    queries: list[GradedQuery]
    guideline_key: str
    text: str


class FeedbackShape(Shape):
    """What is right and wrong in an answer; what was missed is told once it is signed off."""

    is_graded: bool
    score: float | None
    is_right: bool | None
    note: str
    guideline_key: str | None
    units: list[GradedUnit]


class DriftShape(Shape):
    """How somebody's sums stand after every gold segment since the lead last answered an alarm of hers.

    A sum that reaches ``limit`` raises an alarm. ``pass_ids``: of every segment, in order.
    """

    person: PersonRef
    stage: Stage
    limit: float
    sums: dict[str, list[float]]
    pass_ids: list[str]


class AlarmShape(Shape):
    """Somebody has become worse. ``value`` reached ``limit``; the passes are those that lifted it there."""

    id: str
    person: PersonRef
    stage: Stage
    measure: str
    text: str
    value: float
    limit: float
    pass_ids: list[str]
    item_ids: list[str]
    at: str
    state: Literal["open", "closed"]
    answered_by: PersonRef | None
    answered_at: str | None
    remark: str | None


class AlarmsShape(Shape):
    """Alarms, newest first."""

    alarms: list[AlarmShape]
