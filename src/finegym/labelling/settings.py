"""The rules of a project's work, as its lead sets them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Stage = Literal["routines", "sub-actions", "elements"]
Level = Literal["action", "sub-action", "stage"]
Role = Literal["lead", "annotator", "reviewer", "viewer"]
Discard = Literal["interrupted", "replay", "occluded", "cut-away"]
STAGES: tuple[Stage, ...] = ("routines", "sub-actions", "elements")


def _once_each() -> dict[Stage, int]:
    return dict.fromkeys(STAGES, 1)


class ToleranceSettings(BaseModel):
    """How far from the reference an edge may be, as ``finegym.quality.grading.Tolerance`` has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_ms: int = Field(default=200, ge=0, le=60_000)
    by_set_ms: dict[str, Annotated[int, Field(ge=0, le=60_000)]] = Field(default_factory=dict)
    min_tiou: float = Field(default=0.1, ge=0, le=1)


class DriftSettings(BaseModel):
    """When the lead hears that somebody has become worse, as ``finegym.quality.drift.DriftRules`` has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    good_share: float = Field(default=0.85, gt=0, lt=1)
    bad_share: float = Field(default=0.65, gt=0, lt=1)
    noise_ms: float = Field(default=80.0, gt=0, le=60_000)
    bad_bias_ms: float = Field(default=80.0, gt=0, le=60_000)
    false_alarm_every: int = Field(default=500, ge=2, le=1_000_000)


class QualitySettings(BaseModel):
    """How a project makes sure of its labels.

    Attributes:
        pretested_stages: stages in which annotators work only after passing the stage's pretests.
        gold_every: about one of so many items that somebody takes is a gold item, silently; 0: none.
        tolerance: for edges of silent gold items; exams have their own.
        drift: when silent gold items raise an alarm.
        compare_at_sign_off: passes of an item are compared once the last of them is signed off.
        third_annotator: where two passes differ too much, a third one is made, blind, before somebody adjudicates.
        least_confidence: units of which the passes are less sure than this are not agreed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pretested_stages: tuple[Stage, ...] = ()
    gold_every: int = Field(default=0, ge=0, le=10_000)
    tolerance: ToleranceSettings = ToleranceSettings()
    drift: DriftSettings = DriftSettings()
    compare_at_sign_off: bool = True
    third_annotator: bool = True
    least_confidence: float = Field(default=0.9, gt=0.5, le=1)


class ProjectSettings(BaseModel):
    """Who works on what, how long, and by which rules.

    Attributes:
        annotators_per_item: how many people work on each item, by stage; an item may say otherwise.
        order: whether work is handed out record by record, or mixed (the same mixture for everybody).
        lease_minutes: how long an item is kept for somebody who is silent.
        is_blind: annotators see neither each other's work nor a model's suggestions.
        may_review_own: whether a reviewer may accept what she did herself.
        stages_of_event: how many stages a sub-action of an event has, where it is more than one.
        lead_frames: the app starts segments so many frames early when a key is pressed.
        lag_frames: the app ends segments so many frames late.
        quality: exams, silent gold items, comparison of passes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    annotators_per_item: dict[Stage, int] = Field(default_factory=_once_each)
    order: Literal["record", "random"] = "record"
    lease_minutes: int = Field(default=60, ge=1, le=60 * 24 * 30)
    is_blind: bool = True
    may_review_own: bool = False
    stages_of_event: dict[str, int] = Field(default_factory=lambda: {"VT": 3})
    lead_frames: int = Field(default=0, ge=0, le=250)
    lag_frames: int = Field(default=0, ge=0, le=250)
    quality: QualitySettings = QualitySettings()

    def get_annotators(self, stage: str) -> int:
        """How many people work on an item of a stage; 1 where nothing is said."""
        return {str(name): number for name, number in self.annotators_per_item.items()}.get(stage, 1)
