"""Figure 6(a): accuracy of every element, RGB against flow."""

from __future__ import annotations

from finegym.studies.class_study import compare_methods
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Results
from finegym.studies.sizes import Size
from finegym.studies.study import Outcome, PlannedPrediction, Study

ROLE, METHODS = "balanced", ("TSN RGB", "TSN Flow")


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """TSN of both modalities on the balanced setting: runs of table 3a."""
    return tuple(planned for method in METHODS for planned in plan_predictions(size, method, ROLE))


def make(results: Results) -> Outcome:
    """Compare what is there."""
    return compare_methods(
        results,
        "fig6a",
        "Figure 6(a): TSN, RGB against flow, element by element",
        {method: plan_predictions(results.size, method, ROLE) for method in METHODS},
        ROLE,
        "Elements that flow tells apart better stand above, those that RGB does below; where the two lines of a row "
        "overlap much, it may be chance. In the paper flow gains most where elements differ in motion only.",
    )


STUDY = Study("fig6a", "Figure 6(a): per-class accuracy of TSN, RGB against flow", ("clips", "flow"), plan, make)
