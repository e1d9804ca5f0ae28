"""Ours: accuracy against the number of training instances, and three ways to help rare elements, beside none.

Every remedy is compared with none by the same seeds and instances, so that what is hard for both cancels. Which method
they are tried on is the size's choice: what a head or a loss does shows only where training has converged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from finegym.evaluation.estimates import DIFFERENCE, SHARE, Estimate, estimate
from finegym.report.dot_plot import NARROW
from finegym.report.plots import Curve, draw_curves
from finegym.studies.accuracy import INTERVALS, describe_runs
from finegym.studies.cells import make_cell
from finegym.studies.longtail_measures import BINS, MEASURES, collect_tail, describe_bin, measure_classes
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Answers, Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Need, Outcome, PlannedPrediction, Study
from finegym.studies.tables import NOT_RUN, Cell, Column, Row, Table

ROLE, NONE, TREE = "long-tailed", "none", "tree head"
REMEDIES: dict[str, tuple[str, ...]] = {
    NONE: (),
    TREE: ('model.head="tree"',),
    "logit adjustment": ('loss.name="logit-adjustment"',),
    "balanced sampling": ("sampling.power=0.0",),
}
NEEDS: dict[str, tuple[Need, ...]] = {"RGB": ("clips",), "Flow": ("flow",), "Pose": ("poses",)}
EXPLAINED = (
    "queries: mean over the queries of the decision trees of their balanced accuracy; guessing gives 50 %",
    "ECE: expected calibration error in 15 bins, without a temperature; less is better, and few instances raise it",
)


def plan_remedy(size: Size, remedy: str) -> tuple[PlannedPrediction, ...]:
    """The size's method on the long tail, with a remedy or none."""
    return plan_predictions(size, size.tail_method, ROLE, REMEDIES[remedy])


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """The method with every remedy."""
    return tuple(planned for remedy in REMEDIES for planned in plan_remedy(size, remedy))


def make(results: Results) -> Outcome:
    """Score what is there: in all, by how rare classes are, by query, and how far confidence is off."""
    method, notes = results.size.tail_method, tuple(_make_notes(results))
    read = {remedy: results.read_seeds(plan_remedy(results.size, remedy), ROLE) for remedy in REMEDIES}
    rows = tuple(
        Row(remedy, (remedy,), {name: score_measure(results, answers, name) for name in MEASURES})
        for remedy, answers in read.items()
    )
    table = Table("longtail", f"{method} on the long tail", ("remedy",), _make_columns(results, "%"), rows, notes)
    gains = tuple(
        Row(remedy, (f"{remedy} less {NONE}",), _make_gains(results, remedy)) for remedy in REMEDIES if remedy != NONE
    )
    title = f"{method} on the long tail: what remedies change"
    gains_table = Table("longtail-gains", title, ("difference",), _make_columns(results, "points"), gains, notes)
    curves = [_make_curve(results, remedy, answers) for remedy, answers in read.items() if answers]
    if not curves:
        return Outcome((table, gains_table))
    figure = draw_curves(curves, x_label="training instances of a class (log2)", y_label="accuracy (%)", width=NARROW)
    to_see = "Accuracy by doublings of training instances. A remedy should lift the left end, and may cost the right."
    return Outcome((table, gains_table), (Figure("longtail", "Accuracy against training instances", to_see, figure),))


def estimate_gain(results: Results, remedy: str, measure: str) -> tuple[Estimate, int] | None:
    """What a remedy changes, paired by seed and instance, and of how many; ``None`` where there is nothing to tell."""
    before, after = (plan_remedy(results.size, each) for each in (NONE, remedy))
    left, right = results.read_pairs(before, after, ROLE)
    if not left:
        return None
    tail = collect_tail(results, ROLE)
    without, with_it = (MEASURES[measure](answers, tail) for answers in (left, right))
    if without is None or with_it is None:
        return None
    change = with_it.sampled.less(without.sampled)
    return estimate(*change, without.num_groups, DIFFERENCE), without.num_instances


def score_measure(results: Results, answers: Sequence[Answers], name: str) -> Cell:
    """A cell of one remedy's runs."""
    if not answers:
        return NOT_RUN
    reading = MEASURES[name](answers, collect_tail(results, ROLE))
    if reading is None:
        return Cell(None, why_empty="no instance of such a class is there to be tested on")
    found = estimate(*reading.sampled, reading.num_groups, SHARE, reading.num_draws)
    return make_cell(found, reading.num_instances)


def _make_gains(results: Results, remedy: str) -> dict[str, Cell]:
    gains = {name: estimate_gain(results, remedy, name) for name in MEASURES}
    return {name: make_cell(*gain) for name, gain in gains.items() if gain is not None}


def _make_columns(results: Results, unit: str) -> tuple[Column, ...]:
    counts = results.get_split(ROLE).count_classes("train")
    titles = {"mean": "mean", "top1": "top-1", "queries": "queries", "ece": "ECE"}
    for name, (first, last) in BINS.items():
        titles[name] = f"{name}: {sum(first <= count <= last for count in counts)} classes"
    return tuple(Column(name, titles[name], unit) for name in MEASURES)


def _make_notes(results: Results) -> Iterator[str]:
    yield from describe_runs(results, (results.size.tail_method,), (ROLE,))
    for name, edges in BINS.items():
        yield f"{name}: classes of {describe_bin(*edges)} training instances"
    yield from EXPLAINED
    yield f"differences are paired by seed and instance; {TREE}: a score a query of the trees, shared by its elements"
    yield from _describe_training(results)
    yield INTERVALS


def _describe_training(results: Results) -> Iterator[str]:
    """Whether training had come to its end, by every remedy."""
    parts = []
    for remedy in REMEDIES:
        planned = plan_remedy(results.size, remedy)
        epochs = [e for each in planned if (e := results.read_last_epoch(each)) and "train_top1_accuracy" in e]
        if epochs:
            right, loss = (float(np.mean([e[key] for e in epochs])) for key in ("train_top1_accuracy", "train_loss"))
            parts.append(f"{remedy} {100 * right:.0f} % right, loss {loss:.2f}")
    if parts:
        yield f"training clips in the last epoch: {'; '.join(parts)}"


def _make_curve(results: Results, remedy: str, answers: Sequence[Answers]) -> Curve:
    """Mean accuracy of the classes of every doubling of training instances, over seeds."""
    tail, x, y = collect_tail(results, ROLE), [], []
    for power in range(int(np.log2(max(tail.counts))) + 1):
        reading = measure_classes(2**power, 2 ** (power + 1) - 1)(answers, tail)
        if reading is not None:
            x.append(float(power))
            y.append(100 * float(reading.sampled.by_seed.mean()))
    return Curve(remedy, x, y)


def find_needs(size: Size) -> tuple[Need, ...]:
    """What of the data the size's method reads."""
    return NEEDS[size.tail_method.rpartition(" ")[2]]


STUDY = Study("longtail", "Accuracy against training instances, and remedies", find_needs, plan, make)
