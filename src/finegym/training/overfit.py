"""The first thing to try when a model does not learn: can it learn eight clips by heart?

A network that cannot be brought to no loss on eight clips, with nothing random in the way, will not learn a dataset
either, and what is wrong is quicker to find here. Nothing that it says is a result: its run folder is marked, and
predicting from it is refused.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from finegym.datasets.recognition import ClipSample, EvaluationClips, Selection, TrainingClips
from finegym.datasets.views import View
from finegym.errors import ConfigError
from finegym.training.data import RecognitionData
from finegym.training.recipe import Recipe
from finegym.training.recipe_sections import LossSection, MixSection, SamplingSection, ScheduleSection

MAX_STEPS = 200
EVALUATE_EVERY = 5
NEAR_ZERO = 0.05  # nats: the right class has 95 %


class UnchangedClips(TrainingClips):
    """Training clips without anything random: what evaluation sees of them. Indexed by ``(epoch, index)``."""

    def __init__(self, selection: Selection, view: View) -> None:
        super().__init__(selection, view, flip_class_map=None, seed=0)
        self._clips = EvaluationClips(selection, view)

    def __getitem__(self, key: tuple[int, int]) -> ClipSample:
        sample = self._clips[key[1]]
        return sample if sample.inputs is None else sample._replace(inputs=sample.inputs[0])


def select_clips(data: RecognitionData, recipe: Recipe, num_clips: int) -> RecognitionData:
    """The same data with so few training clips, which are its validation clips too.

    Classes take turns, in their order, so that the clips are of as many classes as can be.

    Raises:
        ConfigError: there are fewer training clips, or they are of one class only.
        AnnotationError: see ``RecognitionData.select``.
    """
    selection = data.select("train", recipe.data)
    by_class: dict[int, list[str]] = defaultdict(list)
    for instance_id, class_index in zip(selection.instance_ids, selection.class_indices.tolist(), strict=True):
        by_class[class_index].append(instance_id)
    if num_clips > len(selection) or len(by_class) < 2:
        raise ConfigError(
            f"--overfit {num_clips} needs {num_clips} clips of at least two classes; split {data.split}, train has "
            f"{len(selection)} of {len(by_class)}. Ask for fewer clips, or make a larger split."
        )
    turns = zip_longest(*(by_class[class_index] for class_index in sorted(by_class)))
    chosen = [instance_id for turn in turns for instance_id in turn if instance_id is not None][:num_clips]
    labels = {instance_id: data.labels["train"][instance_id] for instance_id in chosen}
    return dataclasses.replace(data, labels={"train": labels, "val": labels})


def make_overfit_recipe(recipe: Recipe, num_clips: int, max_steps: int = MAX_STEPS) -> Recipe:
    """The recipe without what hinders learning by heart, and with one step an epoch.

    The network, its weights, what is frozen, the optimizer and the learning rate stay: they are what is tested.
    """
    changes: dict[str, Any] = {
        "name": f"{recipe.name}_overfit",
        "note": f"overfit test on {num_clips} clips; no result of a method",
        "data": recipe.data.model_copy(
            update={
                "allow_empty_classes": True,
                "num_segments_test": recipe.data.num_segments,
                "crops_test": "centre",
                "flip": False,
                "flip_swaps": (),
                "workers": 0,
            }
        ),
        "model": recipe.model.model_copy(update={"dropout": 0.0}),
        "loss": LossSection(),
        "sampling": SamplingSection(),
        "mix": MixSection(),
        "optim": recipe.optim.model_copy(update={"weight_decay": 0.0}),
        "schedule": ScheduleSection(name="step", epochs=max_steps),
        "train": recipe.train.model_copy(
            update={
                "batch_size": num_clips,
                "accumulate": 1,
                "ema_decay": 0.0,
                "compile": False,
                "evaluate_every": min(EVALUATE_EVERY, max_steps),
                "checkpoint_every": max_steps,
                "keep_checkpoints": 1,
            }
        ),
    }
    for name in ("pose", "clip", "heatmap"):
        section = getattr(recipe, name)
        if section is not None:
            changes[name] = section.model_copy(update={"num_clips_test": 1})
    return recipe.model_copy(update=changes)


def is_learned(row: Mapping[str, Any]) -> bool:
    """Whether a line of metrics of a whole epoch says that the clips are known by heart."""
    return (
        row.get("val_top1_accuracy") == 1.0 and row["train_loss"] < NEAR_ZERO and row.get("val_loss", 1.0) < NEAR_ZERO
    )


def describe_clips(clips: EvaluationClips) -> dict[str, Any]:
    """What ``run.json`` says of an overfit run; its presence marks the run as one."""
    selection = clips.selection
    return {
        "num_clips": len(selection),
        "num_classes": len(set(selection.class_indices.tolist())),
        "instance_ids": list(selection.instance_ids),
        "odd_clips": find_odd_clips(clips),
    }


def find_odd_clips(clips: EvaluationClips) -> list[str]:
    """Clips that no model could tell apart or learn from, each in words: blank ones, and equal ones of two classes."""
    odd, seen = [], dict[bytes, tuple[str, int]]()
    for place, instance_id in enumerate(clips.selection.instance_ids):
        inputs, class_index = clips[place].inputs, clips[place].class_index
        if inputs is None:
            continue  # the loop says so, and stops
        array = inputs.numpy()
        if array.min() == array.max():
            odd.append(f"{instance_id} is blank: every value is {array.min():g}")
            continue
        other, other_class = seen.setdefault(array.tobytes(), (instance_id, class_index))
        if other_class != class_index:
            odd.append(f"{instance_id} and {other} look the same to the model, but are of two classes")
    return odd


@dataclass(frozen=True)
class Verdict:
    """What came of an overfit test.

    Attributes:
        is_learned: loss near 0 and accuracy 100 %, on the same clips.
        num_clips: learned from.
        num_classes: that they are of.
        steps: taken.
        first_loss: of the first step.
        train_loss: of the last step.
        val_loss: of the same clips in evaluation mode.
        val_top1_accuracy: likewise.
        look_at: what may be wrong, likeliest first; empty where nothing is.
    """

    is_learned: bool
    num_clips: int
    num_classes: int
    steps: int
    first_loss: float
    train_loss: float
    val_loss: float
    val_top1_accuracy: float
    look_at: tuple[str, ...]


def judge(rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], recipe: Recipe) -> Verdict:
    """What the metrics of an overfit run say.

    Args:
        rows: lines of ``metrics.jsonl``.
        facts: ``run.json``.
        recipe: of the run.
    """
    steps = [row for row in rows if row["kind"] == "step"]
    last = [row for row in rows if row["kind"] == "epoch" and "val_loss" in row][-1]
    overfit = facts["overfit"]
    learned = is_learned(last)
    return Verdict(
        is_learned=learned,
        num_clips=overfit["num_clips"],
        num_classes=overfit["num_classes"],
        steps=last["step"],
        first_loss=steps[0]["loss"],
        train_loss=last["train_loss"],
        val_loss=last["val_loss"],
        val_top1_accuracy=last["val_top1_accuracy"],
        look_at=() if learned else tuple(_suggest(steps, last, facts, recipe)),
    )


def _suggest(
    steps: Sequence[Mapping[str, Any]], last: Mapping[str, Any], facts: Mapping[str, Any], recipe: Recipe
) -> Iterator[str]:
    yield from facts["overfit"]["odd_clips"]
    rate = recipe.optim.learning_rate
    first, half, end = (float(np.mean([row["loss"] for row in part])) for part in _cut(steps))
    if last["train_loss"] < NEAR_ZERO:
        yield (
            f"the clips are learned in training mode (loss {last['train_loss']:.3f}), but not in evaluation mode "
            f"(loss {last['val_loss']:.3f}): batch norm's running statistics lag behind its batch. With weights, set "
            "model.partial_batch_norm = true; without, take more steps (--stop-after)"
        )
        return
    trained, total = facts["num_parameters_trained"], facts["num_parameters"]
    if trained < total:
        yield (
            f"only {trained:,} of {total:,} parameters move: try without model.freeze_backbone, model.freeze and "
            "model.partial_batch_norm"
        )
    if end > 0.9 * first:
        yield (
            f"the loss did not fall ({first:.3f} to {end:.3f}): try --set optim.learning_rate={rate / 10:g} and "
            f"{rate * 10:g}; the gradient's norm went from {steps[0]['gradient_norm']:.2g} to "
            f"{steps[-1]['gradient_norm']:.2g}, and is cut at {recipe.optim.max_gradient_norm:g}"
        )
    elif end < 0.9 * half:
        yield f"the loss was falling still ({half:.3f} to {end:.3f}): take more steps (--stop-after {2 * len(steps)})"
    else:
        yield f"the loss stands at {end:.3f}: try --set optim.learning_rate={rate / 10:g} and {rate * 10:g}"
    yield "the clips and their labels: run.json names them (overfit.instance_ids)"


def _cut(steps: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """First, middle and last few steps."""
    few, middle = max(1, len(steps) // 10), len(steps) // 2
    yield from (steps[:few], steps[middle : middle + few], steps[-few:])


def format_verdict(verdict: Verdict) -> str:
    """A few lines for people."""
    what = f"{verdict.num_clips} clips of {verdict.num_classes} classes, {verdict.steps} steps"
    numbers = (
        f"loss {verdict.first_loss:.3f} to {verdict.train_loss:.3f}; on the same clips in evaluation mode loss "
        f"{verdict.val_loss:.3f}, accuracy {100 * verdict.val_top1_accuracy:.1f} %"
    )
    answer = "learned by heart: loss near 0, accuracy 100 %" if verdict.is_learned else "NOT learned by heart"
    lines = [f"overfit     {answer}", f"clips       {what}", f"loss        {numbers}"]
    lines += [f"look at     {line}" for line in verdict.look_at]
    if verdict.is_learned:
        lines.append(
            "next        network, labels and learning rate go together. If the whole dataset is not learned, look "
            "at augmentation, dropout, weight decay, the schedule and the number of clips a class"
        )
    return "\n".join(lines)
