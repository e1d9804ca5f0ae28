"""The part of the demo's page about recognition: what was learned from pictures, from flow and from poses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

from finegym.annotations.audit import explain_audit
from finegym.annotations.splits import Split
from finegym.demo.pictures import draw_clips
from finegym.demo.run import Outcome, TaskOutcome, compute_majority_accuracy
from finegym.evaluation.intervals import Score
from finegym.report.page import Code, Picture, Prose, Section, Table
from finegym.report.plots import Curve, draw_confusion, draw_curves

CLIPS_SHOWN = 4
MODELS = {
    "rgb": "TSN on frames",
    "flow": "TSN on five flow fields a segment",
    "pose": "A perceptron on coordinates of joints",
}


def describe_tasks(outcome: Outcome, badge: str) -> Iterator[Section]:
    """A section for every list of classes, which compares what was learned from what, and one for every model."""
    for _, group in groupby(outcome.tasks, key=lambda task: task.split.subset.name):
        tasks = list(group)
        yield _compare_modalities(tasks, badge)
        for task in tasks:
            yield _describe_task(task, outcome, badge)


def _compare_modalities(tasks: list[TaskOutcome], badge: str) -> Section:
    split, left_out = tasks[0].split, tasks[0].num_left_out
    result = tasks[0].report.levels.results[0].result
    text = (
        f"{len(split.subset)} classes, {len(split.train)} clips to learn from and {len(split.val)} of other records to "
        "be tested on"
        + (f"; {left_out} classes with too few instances take no part" if left_out else "")
        + (f"; without an instance in val: {', '.join(result.absent_classes)}" if result.absent_classes else "")
        + f". Always saying the most frequent class would be right in {100 * compute_majority_accuracy(split):.1f} %. "
        "Intervals are 95 % bootstraps over records."
    )
    notes = list(dict.fromkeys(note for task in tasks for note in task.report.notes))
    rows = [
        [task.task.modality, MODELS[task.task.modality], f"{result.num_instances} ({result.num_missing})"]
        + [_format_score(score) for score in (result.top1_accuracy, result.mean_class_accuracy)]
        for task in tasks
        for result in (task.report.levels.results[0].result,)
    ]
    header = ["sees", "model", "clips (missing)", "top-1", "mean class"]
    table = Table(header, rows, caption=f"{tasks[0].report.split}: {split.rule}; percent (95 % interval)")
    words = [Prose(f"Note: {note}.") for note in notes] + [Prose(" ".join(explain_audit(tasks[0].audit)))]
    return Section(f"Recognition: {_name_classes(split)}", [Prose(text), table, *words], badge=badge)


def _name_classes(split: Split) -> str:
    """``set>=8`` in words."""
    name, _, least = split.subset.name.partition(">=")
    words = {level: f"which {level}" for level in ("event", "set", "element")}.get(name, f"elements of {name}")
    return f"{words} (classes with at least {least} instances)" if least else words


def _describe_task(outcome: TaskOutcome, whole: Outcome, badge: str) -> Section:
    split, result = outcome.split, outcome.report.levels.results[0].result
    modality = outcome.task.modality
    names = [class_.id for class_ in split.subset.classes]
    loss, accuracy = _draw_learning(outcome)
    words = _name_classes(split).partition(" (")[0]
    return Section(
        f"{words[0].upper()}{words[1:]}, from {modality}",
        [
            Prose(f"{MODELS[modality]}; {outcome.task.num_segments} segments, {outcome.task.epochs} epochs."),
            _tabulate_scores(outcome),
            Picture(loss, "Training loss by epoch.", "Curve of the training loss"),
            Picture(accuracy, "Top-1 accuracy by epoch, on clips of train and of val.", "Curves of accuracy"),
            Picture(
                draw_confusion(result.confusion, names),
                "Confusion matrix of the validation side: rows are true classes, columns predicted ones.",
                "Confusion matrix",
            ),
            *(_draw_examples(outcome, whole.folder / "clips") if modality == "rgb" else ()),
        ],
        badge=badge,
    )


def _tabulate_scores(outcome: TaskOutcome) -> Table:
    rows: list[list[object]] = []
    for scoped in outcome.report.levels.results:
        result = scoped.result
        present = len(result.class_names) - len(result.absent_classes)
        scores = (result.top1_accuracy, result.top5_accuracy, result.mean_class_accuracy, result.macro_f1)
        counts = [result.num_instances, result.num_missing, present]
        rows.append([scoped.scope, scoped.level, *counts, *map(_format_score, scores)])
    header = ["inside", "level", "instances", "missing", "classes", "top-1", "top-5", "mean class", "macro F1"]
    return Table(header, rows, caption=f"{outcome.report.split}: {outcome.split.rule}; percent (95 % interval)")


def _format_score(score: Score | None) -> str:
    if score is None:
        return "–"
    interval = "" if score.low is None or score.high is None else f" ({100 * score.low:.1f}–{100 * score.high:.1f})"
    return f"{100 * score.value:.1f}{interval}"


def _draw_learning(outcome: TaskOutcome) -> tuple[bytes, bytes]:
    """Plots of loss and of accuracy by epoch."""
    lines = map(json.loads, outcome.run.metrics_path.read_text(encoding="utf-8").splitlines())
    epochs = [line for line in lines if line["kind"] == "epoch"]
    x = [line["epoch"] for line in epochs]
    loss = [Curve("train", x, [line["train_loss"] for line in epochs])]
    accuracy = [
        Curve(side, x, [100 * line.get(f"{side}_top1_accuracy", np.nan) for line in epochs])
        for side in ("train", "val")
    ]
    return (
        draw_curves(loss, x_label="epoch", y_label="cross-entropy", y_range=(0, None)),
        draw_curves(accuracy, x_label="epoch", y_label="top-1 accuracy (%)", y_range=(0, 100)),
    )


def _draw_examples(outcome: TaskOutcome, clips: Path) -> list[Picture | Code]:
    """Clips of the validation side: a few that were recognised and a few that were not."""
    predictions, classes = outcome.predictions, outcome.split.subset.classes
    targets = np.array([outcome.split.val[instance_id] for instance_id in predictions.instance_ids])
    guesses = predictions.logits.argmax(axis=1)
    is_right = guesses == targets
    pictures: list[Picture | Code] = []
    for wanted, words in ((True, "recognised"), (False, "not recognised")):
        chosen = _spread(np.flatnonzero(is_right == wanted), CLIPS_SHOWN)
        if not chosen:
            pictures.append(Code(f"no clip was {words}"))
            continue
        names = [[classes[k].id for k in indices[chosen]] for indices in (targets, guesses)]
        ids = [predictions.instance_ids[k] for k in chosen]
        caption = f"Clips that were {words} ({int((is_right == wanted).sum())} of {len(is_right)}): {', '.join(ids)}"
        pictures.append(Picture(draw_clips(clips, ids, *names), caption, f"Frames of clips that were {words}"))
    return pictures


def _spread(indices: np.ndarray, number: int) -> list[int]:
    """Up to ``number`` of the indices, evenly spread."""
    places = np.unique(np.linspace(0, len(indices) - 1, min(number, len(indices))).round().astype(int))
    return [int(k) for k in indices[places]]
