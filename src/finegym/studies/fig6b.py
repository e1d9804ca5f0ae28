"""Figure 6(b): TRN on the circles of the bars, frames of the test in their order and shuffled; TSN beside it.

TSN averages what it sees in single frames, so that no order can matter to it: it is the control.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finegym.evaluation.estimates import (
    DIFFERENCE,
    SHARE,
    Estimate,
    estimate_mean_over_classes,
    estimate_share,
)
from finegym.report.dot_plot import draw_dots
from finegym.studies.accuracy import make_notes
from finegym.studies.cells import make_cell, make_dots
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Answers, Results, stack_right
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.tables import Cell, Column, Row, Table

ROLE, METHODS = "UB-S1", ("TRN RGB", "TSN RGB")
TITLE = "Figure 6(b): ordered and shuffled test frames, circles of the bars"
COLUMNS = (
    Column("mean/ordered", "mean, ordered"),
    Column("mean/shuffled", "mean, shuffled"),
    Column("mean/loss", "lost", "points"),
    Column("top1/ordered", "top-1, ordered"),
    Column("top1/shuffled", "top-1, shuffled"),
    Column("top1/loss", "lost", "points"),
)
SAME = 1e-3  # logits; sums in another order differ in the last digits
TO_SEE = (
    "What TRN loses when its test frames are shuffled, it had from their order; TSN, which averages frames, cannot "
    "lose anything."
)


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """Both methods, both orders; the trainings are those of table 3c."""
    return tuple(
        planned
        for method in METHODS
        for is_shuffled in (False, True)
        for planned in plan_predictions(size, method, ROLE, is_shuffled=is_shuffled)
    )


def make(results: Results) -> Outcome:
    """Score what is there."""
    found = {method: estimate_orders(results, method) for method in METHODS}
    rows = tuple(Row(method, (method,), _make_cells(results, found[method])) for method in METHODS)
    notes = (
        *make_notes(results, METHODS, (ROLE,)),
        "an order is drawn for every clip, the same for both methods; the true order is as likely as any other",
        "lost: ordered less shuffled, paired by instance",
    )
    table = Table("fig6b", TITLE, ("method",), COLUMNS, rows, notes)
    if not any(found.values()):
        return Outcome((table,))
    series = [
        make_dots(f"test frames {order}", [found[method].get(f"top1/{order}") for method in METHODS])
        for order in ("ordered", "shuffled")
    ]
    content = draw_dots(METHODS, series, value_label="top-1 accuracy (%)", value_range=(0, 100))
    return Outcome((table,), (Figure("fig6b", TITLE, TO_SEE, content),))


def estimate_orders(results: Results, method: str) -> dict[str, Estimate]:
    """Both accuracies with frames in order and shuffled, and what is lost; empty where one was not run."""
    of_ordered, of_shuffled = (
        plan_predictions(results.size, method, ROLE, is_shuffled=is_shuffled) for is_shuffled in (False, True)
    )
    ordered, shuffled = results.read_pairs(of_ordered, of_shuffled, ROLE)
    if not ordered:
        return {}
    return compare_answers(results, ordered, shuffled)


def compare_answers(results: Results, ordered: Sequence[Answers], shuffled: Sequence[Answers]) -> dict[str, Estimate]:
    """Estimates by column, of the same runs looked at in two ways."""
    aligned = ordered[0].aligned
    groups = results.get_groups(ROLE)
    right = {"ordered": stack_right(ordered).astype(np.float64), "shuffled": stack_right(shuffled).astype(np.float64)}
    right["loss"] = right["ordered"] - right["shuffled"]
    found = {}
    for name, values in right.items():
        bounds = DIFFERENCE if name == "loss" else SHARE
        found[f"top1/{name}"] = estimate_share(values, groups, bounds)
        found[f"mean/{name}"] = estimate_mean_over_classes(values, aligned.targets, groups, bounds)
    if all(_say_the_same(one, other) for one, other in zip(ordered, shuffled, strict=True)):
        nothing = Estimate(0.0, 0.0, 0.0, len(ordered), groups.num_groups, by_seed=(0.0,) * len(ordered))
        found |= {"top1/loss": nothing, "mean/loss": nothing}
    return found


def _say_the_same(one: Answers, other: Answers) -> bool:
    """Whether two predictions differ by rounding only: then nothing can be lost, on any records."""
    return np.allclose(one.aligned.logits, other.aligned.logits, rtol=0, atol=SAME, equal_nan=True)


def _make_cells(results: Results, found: dict[str, Estimate]) -> dict[str, Cell]:
    count = len(results.get_split(ROLE).val)
    return {column: make_cell(each, count) for column, each in found.items()}


STUDY = Study("fig6b", TITLE, ("clips",), plan, make)
