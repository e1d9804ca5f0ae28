"""Confusion matrices on leaps of the floor and circles of the bars, and the queries that confused pairs part at."""

from __future__ import annotations

import numpy as np

from finegym.evaluation.confusions import NO_QUERY, ConfusedPair, count_by_query, list_confused_pairs
from finegym.evaluation.recognition import compute_confusion, compute_predicted
from finegym.studies.accuracy import describe_runs
from finegym.studies.confusion_figure import draw_small_confusion
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Answers, Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.tables import Cell, Column, Row, Table, make_count

ROLES, METHODS = ("FX-S1", "UB-S1"), ("TSN RGB", "TRN RGB", "I3D RGB", "ST-GCN Pose")
NUM_PAIRS = 5  # of a method and set, in the table
TITLE = "Confused elements of FX-S1 and UB-S1, and the query at which they part"
QUERIES_TITLE = "Confusions by the query of the decision tree at which the two elements part"


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """Four methods on two sets: runs of table 3c."""
    return tuple(planned for role in ROLES for method in METHODS for planned in plan_predictions(size, method, role))


def make(results: Results) -> Outcome:
    """Count what is there."""
    pair_rows: list[Row] = []
    query_counts: dict[tuple[str, str], dict[str, float]] = {}  # set, query: by method
    figures: list[Figure] = []
    for role in ROLES:
        for method in METHODS:
            answers = results.read_seeds(plan_predictions(results.size, method, role), role)
            if not answers:
                continue
            confusion = compute_mean_confusion(answers)
            subset = results.get_split(role).subset
            pairs = list_confused_pairs(confusion, [c.id for c in subset.classes], results.dataset.codebook)
            pair_rows += [_make_pair_row(results, role, method, pair) for pair in pairs[:NUM_PAIRS]]
            for query_id, count in count_by_query(pairs).items():
                query_counts.setdefault((role, query_id), {})[method] = count
            to_see = _say_worst(results, pairs)
            figures.append(_draw(confusion, subset.class_names, role, method, to_see))
    notes = (
        *describe_runs(results, METHODS, ROLES),
        "counts are means over seeds; share is of the instances of the true element",
    )
    pair_columns = (Column("count", "instances", "", 1), Column("share", "share"))
    labels = ("set", "method", "true", "predicted", "query where they part")
    pairs_table = Table("confusion", TITLE, labels, pair_columns, tuple(pair_rows), notes)
    return Outcome((pairs_table, _make_query_table(results, query_counts, notes)), tuple(figures))


def compute_mean_confusion(answers: list[Answers]) -> np.ndarray:
    """Float64 (K, K), a mean over runs."""
    num_classes = answers[0].aligned.logits.shape[1]
    counts = [
        compute_confusion(each.aligned.targets, compute_predicted(each.aligned.logits), num_classes) for each in answers
    ]
    mean: np.ndarray = np.mean(counts, axis=0)
    return mean


def name_query(results: Results, query_id: str) -> str:
    """The text of a query; of pairs that share no tree, that."""
    return "(of two sets)" if query_id == NO_QUERY else results.dataset.codebook.query_by_id[query_id].text


def _make_pair_row(results: Results, role: str, method: str, pair: ConfusedPair) -> Row:
    names = [results.dataset.codebook.element_by_id[id_].name for id_ in (pair.true_id, pair.predicted_id)]
    answer = {True: " yes", False: " no", None: ""}[pair.true_answer]
    labels = (role, method, *names, name_query(results, pair.query_id) + answer)
    cells = {"count": make_count(pair.count), "share": Cell(100 * pair.share)}
    return Row(f"{role}/{method}/{pair.true_id}/{pair.predicted_id}", labels, cells)


def _make_query_table(
    results: Results, counts: dict[tuple[str, str], dict[str, float]], notes: tuple[str, ...]
) -> Table:
    columns = tuple(Column(method, method, "", 1) for method in METHODS)
    ordered = sorted(counts, key=lambda key: (ROLES.index(key[0]), -sum(counts[key].values())))
    rows = tuple(
        Row(
            f"{role}/{query_id}",
            (role, name_query(results, query_id)),
            {method: make_count(count) for method, count in counts[role, query_id].items()},
        )
        for role, query_id in ordered
    )
    return Table("confusion-queries", QUERIES_TITLE, ("set", "query"), columns, rows, notes)


def _say_worst(results: Results, pairs: list[ConfusedPair]) -> str:
    """What stands out in a matrix: the element that is most often taken for another one."""
    if not pairs:
        return "Nothing is confused: there is nothing beside the diagonal."
    worst = max(pairs, key=lambda pair: (pair.share, pair.count))
    taken, said = (results.dataset.codebook.element_by_id[id_].name for id_ in (worst.true_id, worst.predicted_id))
    text = name_query(results, worst.query_id)
    return f"{taken.capitalize()} is taken for {said} in {100 * worst.share:.0f} % of the cases; they part at: {text}"


def _draw(confusion: np.ndarray, names: tuple[str, ...], role: str, method: str, to_see: str) -> Figure:
    title = f"{role}, {method}"
    content = draw_small_confusion(confusion, names, title)
    return Figure(f"confusion-{role}-{method.replace(' ', '-')}".lower(), title, to_see, content)


STUDY = Study("confusion", TITLE, ("clips", "poses"), plan, make)
