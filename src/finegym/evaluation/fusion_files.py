"""Prediction files into one: what must fit before scores are fused, and what the new file says of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from finegym import __version__
from finegym.annotations.splits import Split
from finegym.errors import PredictionError, join_problems
from finegym.evaluation.fusion import ChosenWeights, Scores, choose_weights, fuse_logits
from finegym.evaluation.predictions import Predictions, align_predictions, read_predictions, write_predictions
from finegym.evaluation.source import hash_side

# What every file must say alike, where two of them say it.
SAME = ("subset", "split", "split_subset_sha256", "split_train_sha256", "split_val_sha256")
# What tells one run from another: a file that weights are chosen on must be of the run that it stands for.
RUN = ("run", "modality", "seed", "checkpoint", "epochs_done", "model_sha256", "num_segments", "crops")


@dataclass(frozen=True)
class Part:
    """One of the files.

    Attributes:
        path: of the file.
        sha256: of its bytes.
        predictions: what it holds.
    """

    path: Path
    sha256: str
    predictions: Predictions


@dataclass(frozen=True)
class Choice:
    """How weights were chosen.

    Attributes:
        found: the weights, and how good they are.
        where: ``"<split>/<side>"``.
        num_instances: that they were chosen on, missing ones included.
        num_missing: of these, without a prediction.
        is_optimistic: the runs say that they were trained on these instances; ``None`` where they do not say.
    """

    found: ChosenWeights
    where: str
    num_instances: int
    num_missing: int
    is_optimistic: bool | None


@dataclass(frozen=True)
class Fusion:
    """What a fused file was made of.

    Attributes:
        parts: the files.
        weights: one each.
        split: what the files say they are for; empty where they do not say.
        num_instances: rows written.
        choice: how weights were chosen, if they were.
        notes: what the user should know.
    """

    parts: tuple[Part, ...]
    weights: tuple[float, ...]
    split: str
    num_instances: int
    choice: Choice | None
    notes: tuple[str, ...]


def fuse_files(
    paths: Sequence[Path],
    out: Path,
    *,
    weights: Sequence[float] = (),
    choose_on: Sequence[Path] = (),
    split: Split | None = None,
    side: Literal["train", "val"] = "train",
    missing: Literal["error", "wrong"] = "error",
    scores: Scores = "probabilities",
) -> Fusion:
    """Fuse prediction files of the same instances and write the result, a prediction file like any other.

    Args:
        paths: two files or more.
        out: the new file.
        weights: of every file after the first, which has 1. With neither these nor ``choose_on``, all are equal.
        choose_on: a file of the same run for each of ``paths``, in their order, on other instances.
        split: that ``choose_on`` belongs to: it knows the right classes.
        side: of that split.
        missing: instances of that side without a prediction: refuse, or count as wrong.
        scores: what is averaged.

    Raises:
        PredictionError: files differ in instances, classes or split; weights are not one for each; or they would be
            chosen on instances that are to be fused, or by files of other runs.
    """
    parts = read_parts(paths)
    choice = None
    if choose_on:
        if weights:
            raise PredictionError("weights are given and are to be chosen too: do one of the two")
        if split is None:
            raise PredictionError("to choose weights, their split must be known: it says which answers are right")
        choice = _choose(parts, choose_on, split, side, missing, scores)
        weights = choice.found.weights
    elif weights:
        if len(weights) != len(parts) - 1:
            raise PredictionError(
                f"{len(parts)} files need {len(parts) - 1} weights (the first file has 1), got {len(weights)}"
            )
        weights = (1.0, *weights)
    else:
        weights = (1.0,) * len(parts)
    first = parts[0].predictions
    fused = fuse_logits([_order(part, first.instance_ids) for part in parts], weights, scores)
    metadata = _describe(parts, weights, scores, choice, is_equal=len(set(weights)) == 1)
    write_predictions(out, first.instance_ids, fused, metadata)
    split_name = first.metadata.get("split", "")
    return Fusion(parts, tuple(weights), split_name, len(first.instance_ids), choice, _find_notes(parts, choice))


def read_parts(paths: Sequence[Path]) -> tuple[Part, ...]:
    """Read prediction files that belong together.

    Raises:
        PredictionError: fewer than two, one twice, or they differ in instances, classes or split; everything is named.
    """
    if len(paths) < 2:
        raise PredictionError(f"fusion takes at least two prediction files, got {len(paths)}")
    parts = tuple(_read_part(Path(path)) for path in paths)
    first = parts[0]
    problems = []
    for place, part in enumerate(parts[1:], 1):
        twin = next((other.path for other in parts[:place] if other.sha256 == part.sha256), None)
        if twin is not None:
            problems.append(f"{part.path} and {twin} are the same file")
        problems += [f"{part.path} {problem} {first.path}" for problem in _compare(part.predictions, first.predictions)]
    if problems:
        raise PredictionError(f"files that do not belong together: {join_problems(problems, limit=4)}")
    return parts


def _read_part(path: Path) -> Part:
    predictions = read_predictions(path)
    return Part(path, hashlib.sha256(path.read_bytes()).hexdigest(), predictions)


def _compare(predictions: Predictions, first: Predictions) -> list[str]:
    """How a file differs from the first one, each as the middle of a sentence."""
    problems = []
    width, wanted = predictions.logits.shape[1], first.logits.shape[1]
    if width != wanted:
        problems.append(f"has {width} logits a row, not the {wanted} of")
    for key in SAME:
        said, other = predictions.metadata.get(key), first.metadata.get(key)
        if said is not None and other is not None and said != other:
            problems.append(f"says {key} {_shorten(said)}, not the {_shorten(other)} of")
    ids, other_ids = set(predictions.instance_ids), set(first.instance_ids)
    if ids != other_ids:
        lacking, more = sorted(other_ids - ids), sorted(ids - other_ids)
        problems.append(
            f"has other instances ({len(lacking)} are lacking, {len(more)} are more; first: {(lacking + more)[0]}) than"
        )
    return problems


def _choose(
    parts: Sequence[Part],
    paths: Sequence[Path],
    split: Split,
    side: Literal["train", "val"],
    missing: Literal["error", "wrong"],
    scores: Scores,
) -> Choice:
    if len(paths) != len(parts):
        raise PredictionError(f"{len(parts)} files are to be fused, but weights are to be chosen on {len(paths)} files")
    others = read_parts(paths)
    where = f"{split.name}/{side}"
    _check_choice(parts, others, split, where)
    targets = split.get_side(side)
    aligned = [
        align_predictions(
            other.predictions, targets, len(split.subset), split_name=where, missing=missing, source=str(other.path)
        )
        for other in others
    ]
    found = choose_weights([part.logits for part in aligned], aligned[0].targets, scores)
    trained_on = [other.predictions.metadata.get("split_train_sha256") for other in others]
    is_optimistic = None if None in trained_on else hash_side(split, side) in trained_on
    return Choice(found, where, len(targets), int(aligned[0].is_missing.sum()), is_optimistic)


def _check_choice(parts: Sequence[Part], others: Sequence[Part], split: Split, where: str) -> None:
    """Weights must be chosen on other instances, by the same runs, for the same classes."""
    problems = []
    shared = set(parts[0].predictions.instance_ids) & set(others[0].predictions.instance_ids)
    if shared:
        problems.append(
            f"weights would be chosen on {len(shared)} of the instances that are to be fused (first: {min(shared)}), "
            "and the scores of these would flatter themselves. Choose on the training side: `finegym predict RUN "
            "--split train` writes it"
        )
    for part, other in zip(parts, others, strict=True):
        said, wanted = other.predictions.metadata, part.predictions.metadata
        differing = [key for key in RUN if key in said and key in wanted and said[key] != wanted[key]]
        if differing:
            detail = ", ".join(f"{key} {said[key]}, not {wanted[key]}" for key in differing[:2])
            problems.append(f"{other.path} stands for {part.path}, but is of another run ({detail}). Mind the order")
        classes = {name: facts.get("split_subset_sha256") for name, facts in (("own", said), ("wanted", wanted))}
        known = {sha256 for sha256 in classes.values() if sha256 is not None}
        if known - {split.subset.sha256}:
            problems.append(f"{other.path} or {part.path} is for other classes than those of {where}")
    if problems:
        raise PredictionError(join_problems(problems, limit=4))


def _order(part: Part, instance_ids: Sequence[str]) -> np.ndarray:
    row_of = {instance_id: row for row, instance_id in enumerate(part.predictions.instance_ids)}
    return part.predictions.logits[[row_of[instance_id] for instance_id in instance_ids]]


def _describe(
    parts: Sequence[Part], weights: Sequence[float], scores: Scores, choice: Choice | None, *, is_equal: bool
) -> dict[str, str]:
    """The metadata of the fused file: what its parts agree on, and what they are."""
    facts = [part.predictions.metadata for part in parts]
    agreed = {key: facts[0][key] for key in (*SAME, "num_left_out") if key in facts[0]}
    files = [
        {"file": str(part.path), "sha256": part.sha256, **{key: said[key] for key in RUN if key in said}}
        for part, said in zip(parts, facts, strict=True)
    ]
    chosen = f"chosen on {choice.where}" if choice is not None else ("equal" if is_equal else "given")
    return {
        **agreed,
        **_hash_models(facts, weights, scores),
        "run": " + ".join(said.get("run", part.path.stem) for part, said in zip(parts, facts, strict=True)),
        "finegym": __version__,
        "fusion": scores,
        "fusion_weights": json.dumps([round(weight, 6) for weight in weights]),
        "fusion_weights_are": chosen,
        "fusion_parts": json.dumps(files, ensure_ascii=False),
    }


def _hash_models(facts: Sequence[Mapping[str, str]], weights: Sequence[float], scores: Scores) -> dict[str, str]:
    """The hash of the fused model: of its parts' and how they are mixed; nothing where a part does not say its own."""
    if not all("model_sha256" in said for said in facts):
        return {}
    recipe = [scores, [[said["model_sha256"], weight] for said, weight in zip(facts, weights, strict=True)]]
    return {"model_sha256": hashlib.sha256(json.dumps(recipe).encode()).hexdigest()}


def _find_notes(parts: Sequence[Part], choice: Choice | None) -> tuple[str, ...]:
    notes = []
    silent = [str(part.path) for part in parts if "split_subset_sha256" not in part.predictions.metadata]
    if silent:
        notes.append(f"{', '.join(silent)}: not said for which classes; only their number was compared")
    silent = [str(part.path) for part in parts if "model_sha256" not in part.predictions.metadata]
    if silent:
        notes.append(f"{', '.join(silent)}: not said by which weights (model_sha256)")
    models = [part.predictions.metadata.get("model_sha256") for part in parts]
    if len({model for model in models if model}) < sum(model is not None for model in models):
        notes.append("two files are of the same weights: together they are another look at the clips, no ensemble")
    if choice is not None and choice.is_optimistic:
        notes.append(
            f"the runs were trained on {choice.where}: what they say there is surer than it should be, and weights "
            "chosen on it lean to the run that has learned it by heart. Held-out instances are better"
        )
    if choice is not None and choice.is_optimistic is None:
        notes.append(f"the files do not say whether the runs were trained on {choice.where}")
    return tuple(notes)


def _shorten(value: str) -> str:
    return f"{value[:12]}…" if len(value) == 64 else value
