"""A prediction file against its split: the numbers, with everything that belongs beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from finegym.annotations.groups import get_group_key
from finegym.annotations.model import INSTANCE_ID, Dataset
from finegym.annotations.splits import Split
from finegym.annotations.text import format_table
from finegym.errors import PredictionError
from finegym.evaluation.hierarchy import EVERYTHING, LevelResults, ScopedResult, evaluate_levels
from finegym.evaluation.intervals import FEW_GROUPS, Score
from finegym.evaluation.predictions import Predictions, align_predictions
from finegym.evaluation.recognition import evaluate_recognition
from finegym.evaluation.source import hash_side

FORMAT = "finegym-recognition-report/1"


@dataclass(frozen=True)
class RecognitionReport:
    """What is known about a prediction file on one side of a split.

    Attributes:
        predictions: the file, as it was named.
        split: ``"<split>/<side>"``.
        split_sha256: of the evaluated list (``val.txt``).
        subset: its name.
        subset_sha256: of its level, class indices and ids.
        num_missing: instances without a prediction, counted as wrong.
        num_extra: predictions for instances that the split does not hold, left out.
        group_kind: what the intervals resample (``"video"``).
        num_resamples: of the bootstrap.
        seed: of the bootstrap.
        is_simulated: whether the dataset is a simulated competition.
        notes: what a reader of the numbers should know.
        levels: the scores.
        metadata: what the prediction file says of itself.
    """

    predictions: str
    split: str
    split_sha256: str
    subset: str
    subset_sha256: str
    num_missing: int
    num_extra: int
    group_kind: str
    num_resamples: int
    seed: int
    is_simulated: bool
    notes: tuple[str, ...]
    levels: LevelResults
    metadata: Mapping[str, str]


def make_recognition_report(
    predictions: Predictions,
    split: Split,
    dataset: Dataset,
    *,
    source: str,
    side: str = "val",
    missing: Literal["error", "wrong"] = "error",
    extra: Literal["error", "ignore"] = "error",
    rollup: bool = False,
    group_kind: str = "video",
    num_resamples: int = 1000,
    seed: int = 0,
    is_simulated: bool = False,
) -> RecognitionReport:
    """Evaluate a prediction file.

    Args:
        predictions: ``read_predictions(path)``.
        split: the split; its subset says how many classes there are.
        dataset: knows groups and codebook.
        source: the file's name, for messages and the report.
        side: ``train`` or ``val``.
        missing: what to do with instances the file lacks: refuse, or count them as wrong.
        extra: what to do with rows that the split does not hold: refuse, or leave out and count.
        rollup: also the levels above the subset's, and inside every event and set.
        group_kind: what intervals resample: ``video``, ``competition``, ``athlete`` or ``action``.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.
        is_simulated: the numbers are to be labelled so.

    Raises:
        PredictionError: the file does not cover the split, was made for other classes, or groups are not known.
    """
    where = f"{split.name}/{side}"
    targets, subset = split.get_side(side), split.subset
    hashes = {name: hash_side(split, name) for name in ("train", "val")}
    check_classes(predictions.metadata, split, source)
    aligned = align_predictions(
        predictions, targets, len(subset), split_name=where, missing=missing, extra=extra, source=source
    )
    groups = find_groups(dataset, aligned.instance_ids, group_kind)
    arguments: dict[str, Any] = {"num_resamples": num_resamples, "seed": seed}
    if rollup:
        levels = evaluate_levels(aligned.logits, aligned.targets, groups, subset, dataset.codebook, **arguments)
    else:
        result = evaluate_recognition(aligned.logits, aligned.targets, groups, subset.class_names, **arguments)
        own = ScopedResult(EVERYTHING, subset.level, tuple(class_.id for class_ in subset.classes), result)
        levels = LevelResults((own,), {})
    return RecognitionReport(
        predictions=source,
        split=where,
        split_sha256=hashes[side],
        subset=subset.name,
        subset_sha256=subset.sha256,
        num_missing=int(aligned.is_missing.sum()),
        num_extra=aligned.num_extra,
        group_kind=group_kind,
        num_resamples=num_resamples,
        seed=seed,
        is_simulated=is_simulated,
        notes=(*_find_notes(predictions.metadata, hashes, side), *_judge_intervals(levels, group_kind)),
        levels=levels,
        metadata=predictions.metadata,
    )


def find_groups(dataset: Dataset, instance_ids: Sequence[str], kind: str) -> list[str]:
    """The group of every instance; the video stands in the instance id, the rest in the dataset.

    Raises:
        PredictionError: the group of some is not known.
    """
    groups: list[str | None] = []
    for instance_id in instance_ids:
        match = INSTANCE_ID.match(instance_id)
        if instance_id in dataset.instances:
            groups.append(get_group_key(dataset.instances[instance_id], kind))
        else:
            groups.append(match["video"] if match and kind == "video" else None)
    unknown = [instance_id for instance_id, group in zip(instance_ids, groups, strict=True) if group is None]
    if unknown:
        raise PredictionError(
            f"intervals over groups by {kind}: the {kind} of {len(unknown)} of {len(groups)} instances is not known, "
            f"first: {unknown[0]}. Fill it in, or pass --groups video."
        )
    return [str(group) for group in groups]


def check_classes(metadata: Mapping[str, str], split: Split, source: str) -> None:
    """Logits of other classes can have the right number of columns: refuse them by their hash."""
    said = metadata.get("split_subset_sha256")
    if said is not None and said != split.subset.sha256:
        raise PredictionError(
            f"{source}: its logits are for the classes of subset {metadata.get('subset', 'unknown')} (sha256 "
            f"{said[:12]}…), split {split.name} has subset {split.subset.name} ({split.subset.sha256[:12]}…). Predict "
            "again with a model of this split."
        )


def _find_notes(metadata: Mapping[str, str], hashes: Mapping[str, str], side: str) -> tuple[str, ...]:
    notes = []
    if "split_subset_sha256" not in metadata:
        notes.append("the file does not say which classes its logits are for: only their number was compared")
    if metadata.get("split_train_sha256", hashes["train"]) != hashes["train"]:
        notes.append("the model was trained on another train list than this split's: it may have seen these instances")
    said = metadata.get("split", "")
    if said.endswith(("/train", "/val")) and said.rsplit("/", 1)[1] != side:
        notes.append(f"the file was written for {said}")
    elif metadata.get(f"split_{side}_sha256", hashes[side]) != hashes[side]:
        notes.append(f"the file was predicted from another {side} list than this split's, whose answers count")
    if metadata.get("num_left_out", "0") != "0":
        notes.append(f"the model was not shown {metadata['num_left_out']} instances, whose clips were missing")
    if "fusion" in metadata:
        notes.append(
            f"fusion of {metadata.get('run', 'several files')} by {metadata['fusion']}, weights "
            f"{metadata.get('fusion_weights', 'unknown')} {metadata.get('fusion_weights_are', '')}".rstrip()
        )
    return tuple(notes)


def _judge_intervals(levels: LevelResults, group_kind: str) -> tuple[str, ...]:
    """What a reader of the intervals should know: those over few groups are rough, some are not given."""
    notes = []
    rough = [scoped for scoped in levels.results if 1 < scoped.result.num_groups < FEW_GROUPS]
    if rough:
        fewest = min(scoped.result.num_groups for scoped in rough)
        where = f" ({len(rough)} of {len(levels.results)} rows)" if len(levels.results) > 1 else ""
        notes.append(
            f"intervals over fewer than {FEW_GROUPS} groups by {group_kind}, here {fewest}, are rough and mostly too "
            f"narrow{where}"
        )
    without: dict[str, dict[str, list[str]]] = {}
    for scoped in levels.results:
        for name, score in _list_scores(scoped).items():
            if score is not None and score.no_interval and scoped.result.num_instances:
                without.setdefault(score.no_interval, {}).setdefault(f"{scoped.scope} {scoped.level}", []).append(name)
    for reason, rows in without.items():
        names = list(dict.fromkeys(name for some in rows.values() for name in some))
        notes.append(f"no interval for {', '.join(names)} ({', '.join(rows)}): {reason}")
    return tuple(notes)


def _list_scores(scoped: ScopedResult) -> dict[str, Score | None]:
    """The four scores of a row by the name that people see."""
    result = scoped.result
    return {
        "top-1": result.top1_accuracy,
        "top-5": result.top5_accuracy,
        "mean class": result.mean_class_accuracy,
        "macro F1": result.macro_f1,
    }


# Text and JSON.


def _describe_model(metadata: Mapping[str, str]) -> str:
    """Run, checkpoint and weights that a file says it is of."""
    named = " ".join(metadata[key] for key in ("run", "checkpoint") if key in metadata)
    sha256 = metadata.get("model_sha256")
    return ", ".join(part for part in (named, f"sha256 {sha256[:12]}" if sha256 else "weights not said") if part)


def format_recognition_report(report: RecognitionReport, *, classes: bool = False) -> str:
    """The report as text for people.

    Args:
        report: to print.
        classes: also a line a class.
    """
    own = report.levels.results[0]
    facts = {
        "predictions": report.predictions,
        "split": f"{report.split}: {own.result.num_instances:,} instances, sha256 {report.split_sha256[:12]}",
        "subset": f"{report.subset}: {len(own.class_ids)} {own.level}s, sha256 {report.subset_sha256[:12]}",
        "model": _describe_model(report.metadata),
        "missing": f"{report.num_missing} instances without a prediction"
        + (", counted as wrong" if report.num_missing else ""),
        "left out": f"{report.num_extra} predictions for other instances" if report.num_extra else "",
        "intervals": f"95 %, bootstrap of {own.result.num_groups} groups ({report.group_kind}), "
        f"{report.num_resamples} resamples, seed {report.seed}",
        "data": "SIMULATED competition: says nothing about real recordings" if report.is_simulated else "",
    }
    lines = [f"{name:12} {fact}" for name, fact in facts.items() if fact]
    lines += [f"note         {note}" for note in report.notes]
    header = ["scope", "level", "classes", "groups", "instances", "missing"]
    header += [f"{name} %" for name in _list_scores(own)]
    rows = [_tabulate(scoped) for scoped in report.levels.results]
    lines += ["", format_table(header, rows)]
    for scoped in report.levels.results:
        absent = [id_ for id_, count in zip(scoped.class_ids, scoped.result.class_count, strict=True) if count == 0]
        if absent:
            lines.append(
                f"{scoped.scope}, {scoped.level}: {len(absent)} of {len(scoped.class_ids)} classes have no instance "
                f"and are in no mean: {', '.join(absent)}"
            )
    lines += [f"inside {scope}: not computed, {why}" for scope, why in report.levels.left_out.items()]
    if classes:
        lines += ["", format_table(["class", "groups", "instances", "accuracy %", "name"], _tabulate_classes(own))]
    return "\n".join(lines) + "\n"


def _tabulate(scoped: ScopedResult) -> list[object]:
    result = scoped.result
    present = len(scoped.class_ids) - len(result.absent_classes)
    counts: list[object] = [present, result.num_groups, result.num_instances, result.num_missing]
    return [scoped.scope, scoped.level, *counts, *map(_format_score, _list_scores(scoped).values())]


def _tabulate_classes(scoped: ScopedResult) -> list[list[object]]:
    result = scoped.result
    rows: list[list[object]] = []
    for index, class_id in enumerate(scoped.class_ids):
        low, high = (None if math.isnan(edge) else float(edge) for edge in result.class_interval[index])
        score = Score(float(result.class_accuracy[index]), low, high)
        counts = (int(result.class_groups[index]), int(result.class_count[index]))
        rows.append([class_id, *counts, _format_score(score), result.class_names[index]])
    return rows


def _format_score(score: Score | None) -> str | None:
    if score is None or math.isnan(score.value):
        return None
    interval = "" if score.low is None or score.high is None else f" ({100 * score.low:.1f}–{100 * score.high:.1f})"
    return f"{100 * score.value:.1f}{interval}"


def export_recognition_report(report: RecognitionReport) -> dict[str, Any]:
    """The report as plain values for JSON: every class, and every cell of the confusion matrices that is not empty."""
    return {
        "format": FORMAT,
        "predictions": report.predictions,
        "split": report.split,
        "split_sha256": report.split_sha256,
        "subset": report.subset,
        "subset_sha256": report.subset_sha256,
        "num_instances": report.levels.results[0].result.num_instances,
        "num_missing": report.num_missing,
        "num_extra": report.num_extra,
        "intervals": {
            "level": 0.95,
            "method": "percentile bootstrap over groups",
            "groups": report.group_kind,
            "num_resamples": report.num_resamples,
            "seed": report.seed,
        },
        "is_simulated": report.is_simulated,
        "notes": list(report.notes),
        "results": [_export_scoped(scoped) for scoped in report.levels.results],
        "left_out": report.levels.left_out,
        "metadata": dict(report.metadata),
    }


def _export_scoped(scoped: ScopedResult) -> dict[str, Any]:
    result = scoped.result
    ids = scoped.class_ids
    return {
        "scope": scoped.scope,
        "level": scoped.level,
        "num_classes": len(ids),
        "absent_classes": [id_ for id_, count in zip(ids, result.class_count, strict=True) if count == 0],
        "num_instances": result.num_instances,
        "num_missing": result.num_missing,
        "num_groups": result.num_groups,
        "top1_accuracy": _export_score(result.top1_accuracy),
        "top5_accuracy": _export_score(result.top5_accuracy),
        "mean_class_accuracy": _export_score(result.mean_class_accuracy),
        "macro_f1": _export_score(result.macro_f1),
        "classes": [
            {
                "id": id_,
                "name": result.class_names[index],
                "num_instances": int(result.class_count[index]),
                "num_groups": int(result.class_groups[index]),
                "accuracy": _export_numbers(result.class_accuracy[index], *result.class_interval[index]),
            }
            for index, id_ in enumerate(ids)
        ],
        "confusion": [
            {
                "target": ids[row],
                "predicted": ids[column],
                "num_instances": int(result.confusion[row, column]),
                "share": _export_numbers(
                    result.confusion[row, column] / result.class_count[row], *result.confusion_interval[row, column]
                ),
            }
            for row, column in np.argwhere(result.confusion > 0).tolist()
        ],
    }


def _export_score(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    low, high = (math.nan if edge is None else edge for edge in (score.low, score.high))
    numbers = _export_numbers(score.value, low, high)
    return {**numbers, "no_interval": score.no_interval} if numbers and score.no_interval else numbers


def _export_numbers(value: float, low: float, high: float) -> dict[str, float | None] | None:
    """A number and its interval; JSON has no NaN: what is not known is null."""
    if math.isnan(value):
        return None
    known = not (math.isnan(low) or math.isnan(high))
    return {"value": float(value), "low": float(low) if known else None, "high": float(high) if known else None}
