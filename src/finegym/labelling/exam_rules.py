"""Rules of exams as they come in, are stored and go out; what they mean is `quality`'s."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from finegym.labelling.settings import ToleranceSettings
from finegym.labelling.values import Strict
from finegym.quality.exams import ExamRules, Renewal
from finegym.quality.grading import Part, Tolerance

Mark = Annotated[float, Field(ge=0, le=1)]


class ExamRulesShape(Strict):
    """How an exam is held, see ``finegym.quality.exams.ExamRules``. A training has no ``pass_marks``."""

    pass_marks: dict[Part, Mark] = Field(default_factory=dict)
    tolerance: ToleranceSettings = ToleranceSettings()
    num_items: Annotated[int, Field(ge=1, le=1000)] | None = None
    num_tries: Annotated[int, Field(ge=1, le=1000)] | None = 3
    cool_down_hours: Annotated[float, Field(ge=0, le=10_000)] = 24.0
    renew_on: Renewal = "codebook"

    def to_rules(self) -> ExamRules:
        """As `quality` reads them."""
        return ExamRules(
            pass_marks=dict(self.pass_marks),
            tolerance=make_tolerance(self.tolerance),
            num_items=self.num_items,
            num_tries=self.num_tries,
            cool_down_hours=self.cool_down_hours,
            renew_on=self.renew_on,
        )


def make_tolerance(settings: ToleranceSettings) -> Tolerance:
    """As `quality` reads it."""
    return Tolerance(settings.default_ms, dict(settings.by_set_ms), settings.min_tiou)
