"""Figure 6(c): TSM and TSN trained with 3 frames, and tested with more.

TSM mixes neighbouring frames inside of its network, so that their distance in time is part of what it learnt; TSN takes
each frame by itself.
"""

from __future__ import annotations

import numpy as np

from finegym.evaluation.estimates import DIFFERENCE, SHARE, Estimate, estimate_mean_over_classes
from finegym.report.dot_plot import NARROW
from finegym.report.plots import Curve, draw_curves
from finegym.studies.accuracy import make_notes
from finegym.studies.cells import make_cell
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Answers, Results, stack_right
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.tables import Cell, Column, Row, Table

ROLES, METHODS = ("balanced", "UB-S1"), ("TSN RGB", "TSM RGB")
TRAINED, TESTED = 3, (3, 4, 5, 6, 8, 10, 12)
TITLE = "Figure 6(c): trained with 3 frames, tested with 3 to 12"
TO_SEE = (
    "TSN keeps its accuracy, or gains, when it is tested with more frames than it was trained with; TSM falls, because "
    "its shifts learnt how far apart frames are."
)


def plan_tested(size: Size, method: str, role: str, num_frames: int) -> tuple[PlannedPrediction, ...]:
    """A method trained with 3 frames on a split, looking at so many."""
    trained = (f"data.num_segments={TRAINED}", f"data.num_segments_test={TRAINED}")
    look = () if num_frames == TRAINED else (f"data.num_segments_test={num_frames}",)
    return plan_predictions(size, method, role, trained, look=look)


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """Both methods with all numbers of frames, on both splits."""
    return tuple(
        each
        for role in ROLES
        for method in METHODS
        for number in TESTED
        for each in plan_tested(size, method, role, number)
    )


def make(results: Results) -> Outcome:
    """Score what is there."""
    columns = tuple(Column(str(number), f"{number} frames") for number in TESTED)
    change = Column("change", f"{TESTED[-1]} less {TRAINED}", "points")
    found = {
        (role, method): {number: estimate_tested(results, method, role, number) for number in TESTED}
        for role in ROLES
        for method in METHODS
    }
    rows = tuple(
        Row(f"{role}/{method}", (role, method), _make_cells(results, method, role, each))
        for (role, method), each in found.items()
    )
    notes = (
        *make_notes(results, METHODS, ROLES),
        "mean class accuracy; the change is paired by instance",
    )
    table = Table("fig6c", TITLE, ("split", "method"), (*columns, change), rows, notes)
    curves = [curve for (role, method), each in found.items() if (curve := _make_curve(f"{method}, {role}", each))]
    if not curves:
        return Outcome((table,))
    content = draw_curves(
        curves, x_label="frames of a clip in testing", y_label="mean class accuracy (%)", y_range=(0, 100), width=NARROW
    )
    return Outcome((table,), (Figure("fig6c", TITLE, TO_SEE, content),))


def estimate_tested(results: Results, method: str, role: str, num_frames: int) -> Estimate | None:
    """Mean class accuracy with a number of test frames; ``None`` where it was not run."""
    answers = results.read_seeds(plan_tested(results.size, method, role, num_frames), role)
    return _estimate(results, role, answers, stack_right(answers)) if answers else None


def estimate_change(results: Results, method: str, role: str) -> Estimate | None:
    """What a method gains from the most frames, against as many as it was trained with."""
    of_few, of_many = (plan_tested(results.size, method, role, number) for number in (TRAINED, TESTED[-1]))
    few, many = results.read_pairs(of_few, of_many, role)
    if not few:
        return None
    return _estimate(results, role, few, stack_right(many).astype(np.float64) - stack_right(few), DIFFERENCE)


def _estimate(
    results: Results, role: str, answers: list[Answers], right: np.ndarray, bounds: tuple[float, float] = SHARE
) -> Estimate:
    return estimate_mean_over_classes(right, answers[0].aligned.targets, results.get_groups(role), bounds)


def _make_cells(results: Results, method: str, role: str, found: dict[int, Estimate | None]) -> dict[str, Cell]:
    count = len(results.get_split(role).val)
    cells = {str(number): make_cell(each, count) for number, each in found.items() if each is not None}
    change = estimate_change(results, method, role)
    return cells if change is None else {**cells, "change": make_cell(change, count)}


def _make_curve(name: str, found: dict[int, Estimate | None]) -> Curve | None:
    known = {number: each for number, each in found.items() if each is not None}
    if not known:
        return None
    value, low, high = (
        [float("nan") if (edge := getattr(each, name)) is None else 100 * edge for each in known.values()]
        for name in ("value", "low", "high")
    )
    return Curve(name, list(known), value, low, high)


STUDY = Study("fig6c", TITLE, ("clips",), plan, make)
