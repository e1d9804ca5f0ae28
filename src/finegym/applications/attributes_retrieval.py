"""How well sub-actions are found by attributes: average precision of a query on clips nobody has looked up, and chance.

A query is what an analyst asks for, "saltos with at least two twists". All instances of a side of a split are put in
the order of the probability that they are it; the earlier those come that are it, the better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split
from finegym.annotations.text import format_table
from finegym.applications.attributes import build_table
from finegym.applications.attributes_evaluating import compute_average_precision
from finegym.applications.attributes_query import check_found, find_elements, format_value, parse_conditions
from finegym.applications.attributes_sources import compute_probabilities
from finegym.errors import PredictionError
from finegym.evaluation.estimates import Estimate, GroupWeights, estimate, resample_groups
from finegym.evaluation.predictions import Predictions, align_predictions
from finegym.evaluation.report import check_classes, find_groups

FORMAT = "finegym-retrieval-report/1"
LISTED = 0.5
"""From which probability on ``finegym attributes find`` lists."""


@dataclass(frozen=True)
class QueryScore:
    """How well one query is answered.

    Attributes:
        query: as it was asked.
        num_elements: of the codebook that are it.
        num_known: of those, classes of the split: others nobody can find.
        num_right: instances that are it.
        average_precision: mean over those of the precision at their place; ``None`` where no instance is it.
        chance: what a random order has, on average.
        num_listed: instances with a probability of ``LISTED`` or more.
        num_listed_right: of those, the ones that are it.
    """

    query: str
    num_elements: int
    num_known: int
    num_right: int
    average_precision: Estimate | None
    chance: float
    num_listed: int
    num_listed_right: int


@dataclass(frozen=True)
class RetrievalReport:
    """Predictions of elements, judged by what is found with them.

    Attributes:
        predictions: the file.
        split: ``"<split>/<side>"``.
        num_instances: of it, all looked through by every query.
        num_missing: without a prediction: last in every order.
        num_groups: records that intervals resample.
        is_simulated: whether the dataset is a simulated competition.
        scores: a query each.
    """

    predictions: str
    split: str
    num_instances: int
    num_missing: int
    num_groups: int
    is_simulated: bool
    scores: tuple[QueryScore, ...]


def make_retrieval_report(
    predictions: Predictions,
    split: Split,
    dataset: Dataset,
    *,
    name: str,
    queries: Sequence[str] = (),
    side: str = "val",
    missing: Any = "error",
    group_kind: str = "video",
    is_simulated: bool = False,
) -> RetrievalReport:
    """Judge predictions of elements by what is found with them.

    Args:
        predictions: of the split.
        split: of elements.
        dataset: knows attributes and groups.
        name: of the file, for messages.
        queries: conditions joined by ``&`` each; without any, every value of every attribute.
        side: ``train`` or ``val``.
        missing: ``error`` or ``wrong``: what to do with instances without a prediction.
        group_kind: what intervals resample: ``video``, ``competition``, ``athlete`` or ``action``.
        is_simulated: the numbers are to be labelled so.

    Raises:
        ConfigError: a query is none, or no element of the codebook is it.
        PredictionError: the file does not cover the split or is of other classes; the classes are no elements.
    """
    if split.subset.level != "element":
        raise PredictionError(f"{name}: split {split.name} is one of {split.subset.level}s. Give one of elements.")
    class_ids = [class_.id for class_ in split.subset.classes]
    wanted = {query: _find(query, dataset) for query in queries or _list_queries(class_ids, dataset)}
    check_classes(predictions.metadata, split, name)
    where = f"{split.name}/{side}"
    aligned = align_predictions(
        predictions, split.get_side(side), len(split.subset), split_name=where, missing=missing, source=name
    )
    probabilities = compute_probabilities(aligned.logits)  # NaN where missing
    groups = resample_groups(find_groups(dataset, list(aligned.instance_ids), group_kind))
    scores = [
        _score(query, elements, class_ids, probabilities, aligned.targets, groups) for query, elements in wanted.items()
    ]
    num_missing = int(aligned.is_missing.sum())
    return RetrievalReport(
        name, where, len(aligned.targets), num_missing, groups.num_groups, is_simulated, tuple(scores)
    )


def compute_chance(num_right: int, num_instances: int) -> float:
    """The average precision of a random order, on average.

    Example:
        Of two instances one is right: it comes first (1) or second (1/2), as often.
        >>> compute_chance(1, 2)
        0.75
    """
    if num_right == num_instances:
        return 1.0
    # A right one at place k has (k - 1) (R - 1) / (N - 1) other right ones before it, on average.
    harmonic = float(np.sum(1 / np.arange(1, num_instances + 1)))
    return (harmonic + (num_instances - harmonic) * (num_right - 1) / (num_instances - 1)) / num_instances


def resample_average_precision(scores: np.ndarray, is_right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision in resamples.

    Args:
        scores: float (N,), without NaN.
        is_right: bool (N,).
        weights: float (R, N), how often each resample has each instance.

    Returns:
        float64 (R,), NaN where a resample has no right instance. Equal scores are at one place.
    """
    order = np.argsort(-scores, kind="stable")
    drawn = weights[:, order]
    right = drawn * is_right[order]
    # The last of equal scores stands for all of them.
    last = np.searchsorted(-scores[order], -scores[order], side="right") - 1
    seen = drawn.cumsum(axis=1)[:, last]
    precision = np.divide(right.cumsum(axis=1)[:, last], seen, out=np.zeros_like(seen), where=seen > 0)
    total = right.sum(axis=1)
    found: np.ndarray = np.divide(
        (precision * right).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0
    )
    return found


def format_retrieval_report(report: RetrievalReport) -> str:
    """The report for the terminal, the queries that gain most over chance first."""
    lines = [
        f"predictions  {report.predictions}",
        f"split        {report.split}: {report.num_instances:,} instances, intervals over {report.num_groups} groups",
        f"missing      {report.num_missing} instances without a prediction",
    ]
    lines += ["SIMULATED"] if report.is_simulated else []
    rows = [
        (
            one.query,
            f"{one.num_known} of {one.num_elements}",
            one.num_right,
            _percent(one.average_precision),
            f"{100 * one.chance:.1f}" if one.average_precision else "-",
            f"{one.num_listed_right} of {one.num_listed}",
        )
        for one in sorted(report.scores, key=_get_gain, reverse=True)
    ]
    header = ("query", "elements known", "instances", "average precision, %", "chance, %", f"right at {LISTED:.0%}")
    lines += ["", format_table(header, rows), ""]
    judged = [one.average_precision for one in report.scores if one.average_precision is not None]
    bounded = [(found.low, one.chance) for one in report.scores if (found := one.average_precision) and found.low]
    above = sum(low > chance for low, chance in bounded)
    lines.append(
        f"{len(report.scores)} queries, {len(report.scores) - len(judged)} without an instance; of {len(bounded)} "
        f"with an interval {above} lie above chance with all of it\n"
    )
    return "\n".join(lines)


def export_retrieval_report(report: RetrievalReport) -> dict[str, Any]:
    """Plain values for JSON."""
    return {"format": FORMAT, **asdict(report)}


def _find(query: str, dataset: Dataset) -> frozenset[str]:
    conditions = parse_conditions(query)
    elements = find_elements(conditions, dataset.codebook)
    check_found(elements, conditions, dataset.codebook)
    return elements


def _list_queries(class_ids: Sequence[str], dataset: Dataset) -> list[str]:
    return [f"{name}={format_value(value)}" for name, value in build_table(class_ids, dataset.codebook).pairs]


def _score(
    query: str,
    elements: frozenset[str],
    class_ids: Sequence[str],
    probabilities: np.ndarray,
    targets: np.ndarray,
    groups: GroupWeights,
) -> QueryScore:
    is_it = np.array([class_id in elements for class_id in class_ids])
    scores = np.nan_to_num(probabilities[:, is_it].sum(axis=1), nan=-1.0)  # missing ones come last
    is_right = is_it[targets]
    found = None
    if is_right.any():
        own = compute_average_precision(scores, is_right)
        resampled = resample_average_precision(scores, is_right, groups.weights[:, groups.group_of])
        found = estimate(np.array([own]), resampled[None], groups.num_groups)
    is_listed = scores >= LISTED
    return QueryScore(
        query,
        len(elements),
        int(is_it.sum()),
        int(is_right.sum()),
        found,
        compute_chance(int(is_right.sum()), len(targets)) if is_right.any() else float(is_right.mean()),
        int(is_listed.sum()),
        int((is_listed & is_right).sum()),
    )


def _get_gain(one: QueryScore) -> float:
    return -1.0 if one.average_precision is None else one.average_precision.value - one.chance


def _percent(found: Estimate | None) -> str:
    if found is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{100 * found.value:.1f}"
    return f"{100 * found.value:.1f} ({100 * found.low:.1f}–{100 * found.high:.1f})"
