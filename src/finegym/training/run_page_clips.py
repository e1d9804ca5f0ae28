"""The half of a run's page that needs predictions: accuracy of every class, and the clips of the highest loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from finegym.errors import FineGymError
from finegym.evaluation.predictions import align_predictions, read_predictions
from finegym.evaluation.recognition import compute_confusion, compute_mean_class_accuracy, compute_predicted
from finegym.report.images import encode_jpeg
from finegym.report.page import Picture, Prose, Section, Table
from finegym.report.plots import draw_confusion
from finegym.training.clip_pictures import draw_instance
from finegym.training.data import RecognitionData
from finegym.training.recipe import Recipe

MAX_CONFUSION = 60  # classes


@dataclass(frozen=True)
class Judged:
    """Every instance of one side of a split, and what was said of it.

    Attributes:
        instance_ids: N, those that were predicted.
        targets: int64 (N,).
        predicted: int64 (N,).
        probabilities: float64 (N, K).
        losses: float64 (N,), cross entropy in nats.
        num_missing: instances of the side without a prediction; not among the N.
        metadata: of the prediction file.
    """

    instance_ids: tuple[str, ...]
    targets: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray
    num_missing: int
    metadata: Mapping[str, str]

    def find_worst(self, count: int) -> list[int]:
        """Rows of the highest loss, highest first."""
        return np.argsort(-self.losses, kind="stable")[:count].tolist()


def judge_predictions(path: Path, data: RecognitionData, side: Literal["train", "val"]) -> Judged:
    """Losses and answers of a prediction file.

    Raises:
        PredictionError: the file is damaged, or not of this side and these classes.
    """
    predictions = read_predictions(path)
    where = f"{data.split}/{side}"
    aligned = align_predictions(
        predictions, data.labels[side], len(data.class_ids), split_name=where, missing="wrong", source=str(path)
    )
    there = ~aligned.is_missing
    logits = aligned.logits[there].astype(np.float64)
    targets = aligned.targets[there]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return Judged(
        instance_ids=tuple(np.array(aligned.instance_ids)[there].tolist()),
        targets=targets,
        predicted=compute_predicted(logits),
        probabilities=np.exp(log_probabilities),
        losses=-log_probabilities[np.arange(len(targets)), targets],
        num_missing=int(aligned.is_missing.sum()),
        metadata=predictions.metadata,
    )


def make_class_section(judged: Judged, data: RecognitionData, path: Path, side: str) -> Section:
    """Accuracy of every class that has instances, and what its instances were taken for."""
    num_classes = len(data.class_ids)
    confusion = compute_confusion(judged.targets, judged.predicted, num_classes)
    counts, correct = np.bincount(judged.targets, minlength=num_classes), confusion.diagonal()
    trained = np.bincount(list(data.labels["train"].values()), minlength=num_classes)
    accuracy = np.divide(correct, counts, out=np.full(num_classes, np.nan), where=counts > 0)
    wrong = confusion - np.diag(correct)
    rows = []
    for k in sorted(np.flatnonzero(counts).tolist(), key=lambda k: (accuracy[k], -counts[k])):
        taken_for = f"{data.class_names[wrong[k].argmax()]} ({wrong[k].max()})" if wrong[k].any() else ""
        share = round(100 * float(accuracy[k]), 1)
        rows.append((data.class_ids[k], data.class_names[k], int(trained[k]), int(counts[k]), share, taken_for))
    mean = float(compute_mean_class_accuracy(correct, counts))
    text = (
        f"{path.name}: {len(judged.targets):,} instances of {judged.metadata.get('split', side)}, checkpoint "
        f"{judged.metadata.get('checkpoint', 'unknown')}; top-1 {100 * correct.sum() / max(counts.sum(), 1):.1f} %, "
        f"mean class accuracy {100 * mean:.1f} %. {int((counts == 0).sum())} classes have no instance here; "
        f"{judged.num_missing} instances have no prediction. For intervals use `finegym evaluate recognition`."
    )
    header = ("class", "name", "training instances", "instances", "accuracy, %", "most often taken for")
    blocks: list[Any] = [Prose(text), Table(header, rows, "least accurate first")]
    if num_classes <= MAX_CONFUSION:
        picture = draw_confusion(confusion, data.class_names)
        blocks.append(Picture(picture, "Confusion: rows are what it is, columns what was said", "confusion matrix"))
    return Section("Classes", blocks)


def make_worst_section(
    judged: Judged, data: RecognitionData, recipe: Recipe, count: int
) -> tuple[Section, dict[str, str]]:
    """The clips of the highest loss with their pictures, and those that could not be read."""
    blocks: list[Any] = [Prose("Clips of the highest loss: right answers that the model thought least likely.")]
    unread = {}
    for row in judged.find_worst(count):
        instance_id, text = judged.instance_ids[row], _describe_answer(judged, data, row)
        try:
            picture = encode_jpeg(draw_instance(data, recipe, instance_id))
        except FineGymError as error:
            unread[instance_id] = str(error)
            blocks.append(Prose(f"{instance_id}: {text} It cannot be shown: {error}"))
            continue
        blocks.append(Picture(picture, f"{instance_id}: {text}", f"frames of {instance_id}"))
    return Section("Worst clips", blocks), unread


def _describe_answer(judged: Judged, data: RecognitionData, row: int) -> str:
    target, said = int(judged.targets[row]), int(judged.predicted[row])
    own, other = judged.probabilities[row, target], judged.probabilities[row, said]
    loss = f"loss {judged.losses[row]:.2f}"
    if said == target:
        return f"{data.class_names[target]}, and said so with {100 * own:.1f} %; {loss}."
    return (
        f"it is {data.class_names[target]} ({100 * own:.1f} %), the model said {data.class_names[said]} "
        f"({100 * other:.1f} %); {loss}."
    )
