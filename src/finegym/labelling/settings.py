"""The rules of a project's work, as its lead sets them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Stage = Literal["routines", "sub-actions", "elements"]
Level = Literal["action", "sub-action", "stage"]
Role = Literal["lead", "annotator", "reviewer", "viewer"]
Discard = Literal["interrupted", "replay", "occluded", "cut-away"]
STAGES: tuple[Stage, ...] = ("routines", "sub-actions", "elements")


def _once_each() -> dict[Stage, int]:
    return dict.fromkeys(STAGES, 1)


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

    def get_annotators(self, stage: str) -> int:
        """How many people work on an item of a stage; 1 where nothing is said."""
        return {str(name): number for name, number in self.annotators_per_item.items()}.get(stage, 1)
