"""How right predictions of elements are about attributes: per attribute accuracy, and mean average precision.

A prediction of the wrong element may well be right about the number of twists. Every attribute is judged on the
instances whose true element has it; its answer is the likeliest of its values. Average precision looks at the whole
side of the split instead: all instances, ordered by the probability of a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split
from finegym.annotations.text import format_table
from finegym.applications.attributes import AttributeTable, build_table
from finegym.applications.attributes_query import format_value
from finegym.applications.attributes_sources import compute_probabilities
from finegym.errors import PredictionError
from finegym.evaluation.estimates import (
    Estimate,
    estimate_mean_over_classes,
    estimate_share,
    resample_groups,
)
from finegym.evaluation.predictions import Predictions, align_predictions
from finegym.evaluation.report import check_classes, find_groups

FORMAT = "finegym-attributes-report/1"


@dataclass(frozen=True)
class AttributeScore:
    """How well an attribute is told.

    Attributes:
        name: of the attribute.
        num_instances: whose true element has it.
        num_values: that occur among those.
        accuracy: share whose likeliest value is the true one.
        mean_value_accuracy: mean over the values that occur; any guess that does not look has 1 / values.
        majority: share that always saying the most frequent value would have.
        mean_average_precision: over its values that some instances have and others do not; ``None`` without such.
    """

    name: str
    num_instances: int
    num_values: int
    accuracy: Estimate
    mean_value_accuracy: Estimate
    majority: float
    mean_average_precision: float | None


@dataclass(frozen=True)
class AttributesReport:
    """Predictions of elements, judged by attributes.

    Attributes:
        predictions: the file.
        split: ``"<split>/<side>"``.
        num_instances: of it.
        num_missing: without a prediction: wrong, and last in every order.
        num_groups: records that intervals resample.
        is_simulated: whether the dataset is a simulated competition.
        scores: by attribute, in the order of the codebook.
        all_right: share of instances of which every attribute that the true element has is told rightly.
        element_accuracy: share whose element is right, beside it.
        mean_average_precision: over all values of all attributes that have one; ``None`` without any.
        average_precisions: (attribute, value, instances that have it, average precision).
    """

    predictions: str
    split: str
    num_instances: int
    num_missing: int
    num_groups: int
    is_simulated: bool
    scores: tuple[AttributeScore, ...]
    all_right: Estimate
    element_accuracy: Estimate
    mean_average_precision: float | None
    average_precisions: tuple[tuple[str, str, int, float], ...]


def make_attributes_report(
    predictions: Predictions,
    split: Split,
    dataset: Dataset,
    *,
    name: str,
    side: str = "val",
    missing: Any = "error",
    group_kind: str = "video",
    is_simulated: bool = False,
) -> AttributesReport:
    """Judge predictions of elements by what they say of attributes.

    Args:
        predictions: of the split.
        split: of elements.
        dataset: knows attributes and groups.
        name: of the file, for messages.
        side: ``train`` or ``val``.
        missing: ``error`` or ``wrong``: what to do with instances without a prediction.
        group_kind: what intervals resample: ``video``, ``competition``, ``athlete`` or ``action``.
        is_simulated: the numbers are to be labelled so.

    Raises:
        PredictionError: the file does not cover the split or is of other classes; the classes are no elements, or have
            no attributes.
    """
    table = _build_checked_table(split, dataset, name)
    check_classes(predictions.metadata, split, name)
    where = f"{split.name}/{side}"
    aligned = align_predictions(
        predictions, split.get_side(side), len(split.subset), split_name=where, missing=missing, source=name
    )
    probabilities = compute_probabilities(aligned.logits)  # NaN where missing
    groups = find_groups(dataset, list(aligned.instance_ids), group_kind)
    marginals = compute_marginals(probabilities, table)
    is_right = find_right(marginals, table, aligned.targets)
    precisions = _list_precisions(marginals, table, aligned.targets)
    scores = [_score(attribute, precisions, is_right, table, aligned.targets, groups) for attribute in table.names]
    weights = resample_groups(groups)
    right = np.array([is_right[attribute] for attribute in table.names])  # (attributes, N), NaN where it has none
    named = ~aligned.is_missing & (np.nan_to_num(aligned.logits, nan=-np.inf).argmax(axis=1) == aligned.targets)
    return AttributesReport(
        name,
        where,
        len(aligned.targets),
        int(aligned.is_missing.sum()),
        len(set(groups)),
        is_simulated,
        tuple(score for score in scores if score is not None),
        estimate_share((np.nan_to_num(right, nan=1.0) == 1.0).all(axis=0).astype(float)[None], weights),
        estimate_share(named.astype(float)[None], weights),
        float(np.mean([one[3] for one in precisions])) if precisions else None,
        precisions,
    )


def compute_marginals(probabilities: np.ndarray, table: AttributeTable) -> np.ndarray:
    """Probabilities of the values of all attributes: float64 (N, P), of probabilities (N, K) of elements."""
    marginals: np.ndarray = probabilities @ table.has.astype(np.float64)
    return marginals


def find_right(marginals: np.ndarray, table: AttributeTable, targets: np.ndarray) -> dict[str, np.ndarray]:
    """Whether the likeliest value of each attribute is the true one: float64 (N,), NaN where the element has none.

    Of equally likely values the first one counts. A row of NaN is wrong.
    """
    found = {}
    for name in table.names:
        columns = table.find_columns(name)
        truth = table.has[targets][:, columns]  # (N, values), at most one a row
        said = np.nan_to_num(marginals[:, columns], nan=-1.0)
        is_right = (said.argmax(axis=1) == truth.argmax(axis=1)) & ~np.isnan(marginals[:, columns]).any(axis=1)
        found[name] = np.where(truth.any(axis=1), is_right.astype(np.float64), np.nan)
    return found


def compute_average_precision(scores: np.ndarray, is_positive: np.ndarray) -> float:
    """Mean over the positives of the precision at their place in the order; equal scores are at one place.

    Args:
        scores: float (N,), without NaN.
        is_positive: bool (N,), some of them.

    Example:
        >>> round(compute_average_precision(np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False])), 4)
        0.8333
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(is_positive[order])
    # The last of equal scores stands for all of them.
    last = np.searchsorted(-scores[order], -scores[order], side="right") - 1
    precision = hits[last] / (last + 1)
    return float(precision[is_positive[order]].mean())


def format_attributes_report(report: AttributesReport) -> str:
    """The report for the terminal, the worst told first."""
    lines = [
        f"predictions  {report.predictions}",
        f"split        {report.split}: {report.num_instances:,} instances, intervals over {report.num_groups} groups",
        f"missing      {report.num_missing} instances without a prediction",
    ]
    lines += ["SIMULATED"] if report.is_simulated else []
    rows = [
        (
            *(one.name, one.num_instances, one.num_values, _percent(one.accuracy), _percent(one.mean_value_accuracy)),
            *(f"{100 * one.majority:.1f}", _share(one.mean_average_precision)),
        )
        for one in sorted(report.scores, key=lambda one: one.mean_value_accuracy.value)
    ]
    header = ("attribute", "instances", "values", "accuracy, %", "mean over values, %", "most frequent, %", "mAP, %")
    lines += ["", format_table(header, rows), ""]
    lines.append(
        f"all attributes right {_percent(report.all_right)} %, element right {_percent(report.element_accuracy)} %, "
        f"mean average precision {_share(report.mean_average_precision) or '-'} % over "
        f"{len(report.average_precisions)} values\n"
    )
    return "\n".join(lines)


def export_attributes_report(report: AttributesReport) -> dict[str, Any]:
    """Plain values for JSON; what is not known is null."""
    return {"format": FORMAT, **_to_plain(asdict(report))}


def _build_checked_table(split: Split, dataset: Dataset, name: str) -> AttributeTable:
    codebook = dataset.codebook
    if split.subset.level != "element":
        raise PredictionError(f"{name}: split {split.name} is one of {split.subset.level}s. Give one of elements.")
    table = build_table([class_.id for class_ in split.subset.classes], codebook)
    if not table.pairs:
        raise PredictionError(
            f"codebook {codebook.name} says no attributes of the elements of {split.name}. Add them to its queries and "
            "sets (docs: Codebook), as the built-in ones do."
        )
    return table


def _score(
    name: str,
    precisions: Sequence[tuple[str, str, int, float]],
    is_right: Mapping[str, np.ndarray],
    table: AttributeTable,
    targets: np.ndarray,
    groups: Sequence[str],
) -> AttributeScore | None:
    rows = np.flatnonzero(~np.isnan(is_right[name]))
    if not len(rows):
        return None
    columns = table.find_columns(name)
    values = table.has[targets[rows]][:, columns].argmax(axis=1)
    right, weights = is_right[name][rows][None], resample_groups([groups[row] for row in rows.tolist()])
    own = [one[3] for one in precisions if one[0] == name]
    return AttributeScore(
        name,
        len(rows),
        len(np.unique(values)),
        estimate_share(right, weights),
        estimate_mean_over_classes(right, values, weights),
        float(np.bincount(values).max() / len(rows)),
        float(np.mean(own)) if own else None,
    )


def _list_precisions(
    marginals: np.ndarray, table: AttributeTable, targets: np.ndarray
) -> tuple[tuple[str, str, int, float], ...]:
    truth = table.has[targets]  # (N, P)
    scores = np.nan_to_num(marginals, nan=-1.0)  # missing ones come last
    found = []
    for place, (name, value) in enumerate(table.pairs):
        count = int(truth[:, place].sum())
        if 0 < count < len(truth):
            precision = compute_average_precision(scores[:, place], truth[:, place])
            found.append((name, format_value(value), count, precision))
    return tuple(found)


def _percent(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return f"{100 * found.value:.1f}"
    return f"{100 * found.value:.1f} ({100 * found.low:.1f}–{100 * found.high:.1f})"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:.1f}"


def _to_plain(value: Any) -> Any:
    if isinstance(value, float) and np.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: _to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    return value
