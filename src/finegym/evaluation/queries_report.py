"""Prediction files of one model against the queries of the decision trees, with everything that belongs beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split
from finegym.annotations.text import format_table
from finegym.evaluation.confusions import NO_QUERY, count_by_query, list_confused_pairs
from finegym.evaluation.estimates import Estimate
from finegym.evaluation.predictions import Predictions, align_predictions
from finegym.evaluation.queries import (
    QueryScore,
    find_asked_nodes,
    find_topic,
    find_unreached,
    list_topics,
    read_answers,
    score_queries,
    score_topics,
)
from finegym.evaluation.recognition import compute_confusion, compute_predicted
from finegym.evaluation.report import check_classes, find_groups

FORMAT = "finegym-queries-report/1"


@dataclass(frozen=True)
class QueriesReport:
    """What a model answers.

    Attributes:
        predictions: its files, one a seed.
        split: ``"<split>/<side>"``.
        subset: its name.
        num_instances: of the split.
        num_missing: instances without a prediction, of all files; their answers are wrong.
        num_groups: records that intervals resample.
        is_simulated: whether the dataset is a simulated competition.
        unreached: elements that no tree leads to; their instances answer nothing.
        topics: topic → its queries.
        topic_scores: topic → mean over its queries of balanced accuracy.
        scores: by query, in the order of the trees.
        confusions: query → confused instances (a mean over files) that part there; under ``""`` those between sets.
    """

    predictions: tuple[str, ...]
    split: str
    subset: str
    num_instances: int
    num_missing: int
    num_groups: int
    is_simulated: bool
    unreached: tuple[str, ...]
    topics: Mapping[str, tuple[str, ...]]
    topic_scores: Mapping[str, Estimate]
    scores: tuple[QueryScore, ...]
    confusions: Mapping[str, float]


def make_queries_report(
    predictions: Mapping[str, Predictions],
    split: Split,
    dataset: Dataset,
    *,
    side: str = "val",
    missing: Literal["error", "wrong"] = "error",
    group_kind: str = "video",
    is_simulated: bool = False,
) -> QueriesReport:
    """Read predictions of elements as answers.

    Args:
        predictions: by the name of their file; of one model that was trained with several seeds, or a single one.
        split: of elements.
        dataset: knows the trees and the groups.
        side: ``train`` or ``val``.
        missing: what to do with instances that a file lacks: refuse, or count their answers as wrong.
        group_kind: what intervals resample: ``video``, ``competition``, ``athlete`` or ``action``.
        is_simulated: the numbers are to be labelled so.

    Raises:
        PredictionError: a file does not cover the split, or was made for other classes; the classes are no elements.
    """
    codebook, subset, targets = dataset.codebook, split.subset, split.get_side(side)
    nodes = find_asked_nodes(subset, codebook)
    where = f"{split.name}/{side}"
    aligned = []
    for name, each in predictions.items():
        check_classes(each.metadata, split, name)
        aligned.append(align_predictions(each, targets, len(subset), split_name=where, missing=missing, source=name))
    groups = find_groups(dataset, list(targets), group_kind)
    answers = [read_answers(each.logits, each.targets, nodes) for each in aligned]
    topics = list_topics(answers[0], codebook)
    counts = [compute_confusion(e.targets, compute_predicted(e.logits), len(subset)) for e in aligned]
    pairs = list_confused_pairs(np.mean(counts, axis=0), [class_.id for class_ in subset.classes], codebook)
    return QueriesReport(
        tuple(predictions),
        where,
        subset.name,
        len(targets),
        sum(int(each.is_missing.sum()) for each in aligned),
        len(set(groups)),
        is_simulated,
        find_unreached(subset, codebook),
        topics,
        score_topics(answers, topics, groups),
        score_queries(answers, groups),
        count_by_query(pairs),
    )


def format_queries_report(report: QueriesReport, dataset: Dataset) -> str:
    """The report for the terminal, the worst answered first."""
    codebook = dataset.codebook
    lines = [
        f"predictions  {', '.join(report.predictions)}",
        f"split        {report.split}: {report.num_instances} instances, intervals over {report.num_groups} groups"
        + (f" and {len(report.predictions)} files" if len(report.predictions) > 1 else ""),
        f"missing      {report.num_missing} instances without a prediction",
    ]
    lines += ["SIMULATED"] if report.is_simulated else []
    if report.unreached:
        lines.append(f"no tree      leads to {len(report.unreached)} elements, first: {report.unreached[0]}")
    topic_rows = [
        (topic, len(report.topics[topic]), _format_percent(found))
        for topic, found in sorted(report.topic_scores.items(), key=lambda item: item[1].value)
    ]
    lines += ["", format_table(("about", "queries", "balanced accuracy, %"), topic_rows, left=(0,))]
    known = [score for score in report.scores if not math.isnan(score.balanced_accuracy.value)]
    rows = [
        (
            *(find_topic(codebook, score.query_id), score.num_yes, score.num_no),
            *(_format_percent(score.balanced_accuracy), f"{100 * score.share_reached:.0f}"),
            f"{report.confusions.get(score.query_id, 0):g}",
            codebook.query_by_id[score.query_id].text,
        )
        for score in sorted(known, key=lambda score: score.balanced_accuracy.value)
    ]
    header = ("about", "yes", "no", "balanced accuracy, %", "reached, %", "confusions", "query")
    lines += ["", format_table(header, rows, left=(0, 6)), ""]
    between = report.confusions.get(NO_QUERY, 0)
    one_sided = len(report.scores) - len(known)
    lines.append(
        f"{len(known)} queries; {one_sided} to which only one answer occurs are left out; chance is 50 %; {between:g} "
        "confusions between sets part at no query"
    )
    return "\n".join(lines)


def export_queries_report(report: QueriesReport) -> dict[str, Any]:
    """Plain values for JSON; what is not known is null."""
    facts = {"format": FORMAT, **asdict(report)}
    return {key: _to_plain(value) for key, value in facts.items()}


def _format_percent(found: Estimate) -> str:
    text = f"{100 * found.value:.1f}"
    if found.low is None or found.high is None:
        return text
    return f"{text} ({100 * found.low:.1f}–{100 * found.high:.1f})"


def _to_plain(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: _to_plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_to_plain(item) for item in value]
    return value
