"""Ours: accuracy against the number of training instances, and four ways to help rare elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finegym.report.dot_plot import NARROW
from finegym.report.plots import Curve, draw_curves
from finegym.studies.accuracy import METRICS, describe_seeds
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Answers, Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.tables import NOT_RUN, Cell, Column, Row, Table, summarise

METHOD, ROLE = "TSN RGB", "long-tailed"
REMEDIES: dict[str, tuple[str, ...]] = {
    "none": (),
    "tree head": ('model.head="tree"',),
    "logit adjustment": ('loss.name="logit-adjustment"',),
    "balanced sampling": ("sampling.power=0.0",),
}
NO_END = 10**9
BINS = {"rare": (1, 10), "middling": (11, 30), "frequent": (31, NO_END)}
"""Of training instances a class, first and last."""


def plan_remedy(size: Size, overrides: Sequence[str]) -> tuple[PlannedPrediction, ...]:
    """TSN on the long tail with a remedy; without one it is the run of Table 3a."""
    return plan_predictions(size, METHOD, ROLE, overrides)


def describe_bin(first: int, last: int) -> str:
    """A range in words.

    Example:
        >>> describe_bin(11, 30), describe_bin(31, NO_END)
        ('11 to 30', '31 and more')
    """
    return f"{first} and more" if last == NO_END else f"{first} to {last}"


def compute_bin_accuracy(answers: Answers, counts: Sequence[int], first: int, last: int) -> tuple[float, int]:
    """Mean of the accuracies of the classes with so many training instances, in percent, and their val instances.

    Args:
        answers: of one run.
        counts: training instances a class.
        first: fewest.
        last: most.
    """
    targets = answers.aligned.targets
    inside = [k for k, count in enumerate(counts) if first <= count <= last and (targets == k).any()]
    accuracies = [answers.is_right[targets == k].mean() for k in inside]
    return 100 * float(np.mean(accuracies)) if accuracies else float("nan"), int(np.isin(targets, inside).sum())


def make(results: Results) -> Outcome:
    """Score what is there, in all and by how rare classes are."""
    counts = results.get_split(ROLE).count_classes("train")
    columns = [Column(f"{ROLE}/mean", "mean"), Column(f"{ROLE}/top1", "top-1")]
    for name, (first, last) in BINS.items():
        number = sum(first <= count <= last for count in counts)
        columns.append(Column(name, f"{name}: {number} classes"))
    rows, curves = [], []
    for remedy, overrides in REMEDIES.items():
        planned = plan_remedy(results.size, overrides)
        read = results.read_seeds(planned, ROLE)
        cells = {f"{ROLE}/{name}": results.score(planned, ROLE, metric) for name, metric in METRICS.items()}
        cells |= {name: _score_bin(read, counts, *edges) for name, edges in BINS.items()}
        rows.append(Row(f"{METHOD} {remedy}", (remedy,), cells))
        if read:
            curves.append(_make_curve(remedy, read, counts))
    notes = (
        *results.size.notes,
        *(f"{name}: classes of {describe_bin(*edges)} training instances" for name, edges in BINS.items()),
        *describe_seeds(results.size, (METHOD,), {ROLE: ROLE}),
    )
    table = Table("longtail", f"{METHOD} on the long tail", ("remedy",), tuple(columns), tuple(rows), notes)
    if not curves:
        return Outcome((table,))
    figure = draw_curves(curves, x_label="training instances of a class (log2)", y_label="accuracy (%)", width=NARROW)
    to_see = (
        "Accuracy rises with the number of training instances; a remedy lifts the left end, and may cost the right."
    )
    return Outcome((table,), (Figure("longtail", "Accuracy against training instances", to_see, figure),))


def _score_bin(read: Sequence[Answers], counts: Sequence[int], first: int, last: int) -> Cell:
    scores = [compute_bin_accuracy(answers, counts, first, last) for answers in read]
    if not scores:
        return NOT_RUN
    if np.isnan(scores[0][0]):
        return Cell(None, why_empty="no class has so many training instances")
    return summarise([value for value, _ in scores], scores[0][1])


def _make_curve(remedy: str, read: Sequence[Answers], counts: Sequence[int]) -> Curve:
    """Mean accuracy of the classes of every doubling of training instances, over seeds."""
    x, y = [], []
    for power in range(int(np.log2(max(counts))) + 1):
        values = [compute_bin_accuracy(answers, counts, 2**power, 2 ** (power + 1) - 1)[0] for answers in read]
        if not np.isnan(values[0]):
            x.append(float(power))
            y.append(float(np.mean(values)))
    return Curve(remedy, x, y)


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """TSN with every remedy."""
    return tuple(planned for overrides in REMEDIES.values() for planned in plan_remedy(size, overrides))


STUDY = Study("longtail", "Accuracy against training instances, and remedies", ("clips",), plan, make)
