"""From a run to a prediction file: the entry point behind ``finegym predict``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from finegym import __version__
from finegym.datasets.recognition import EvaluationClips, build_evaluation_loader
from finegym.datasets.shuffled_view import TIME_AXES, ShuffledView
from finegym.errors import ConfigError, VideoError
from finegym.evaluation.predictions import write_predictions
from finegym.models import hash_weights
from finegym.models.folding import fold_batch_norms, set_channels_last
from finegym.training.build_model import build_model
from finegym.training.data import RecognitionData, build_view
from finegym.training.flips import build_flip_class_map
from finegym.training.head_arrays import parse_head_facts
from finegym.training.inference import compute_logits
from finegym.training.progress import Progress
from finegym.training.recipe import Recipe, read_recipe
from finegym.training.recipe_text import compare_recipes
from finegym.training.run_folder import RunFolder, read_checkpoint
from finegym.training.starting import load_checkpoint

# Where clips are and how they are looked at; everything else was decided by training.
PREDICTION_FIELDS = {
    "data.dataset",
    "data.split",
    "data.features",
    "data.source",
    "data.missing",
    "data.num_segments_test",
    "data.short_side",
    "data.crop_size",
    "data.crops_test",
    "data.flip",
    "data.flip_swaps",
    "data.workers",
    "pose.num_clips_test",
    "clip.num_clips_test",
    "heatmap.num_clips_test",
    "train.batch_size_test",
}


def read_recipe_for_prediction(run: RunFolder, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a run with overrides that concern prediction only.

    Raises:
        ConfigError: there is no run, or an override would change what was trained.
    """
    trained = run.read_recipe()
    recipe = read_recipe(run.recipe_path, overrides)
    fixed = [key for key in compare_recipes(trained, recipe) if key not in PREDICTION_FIELDS]
    if fixed:
        raise ConfigError(
            f"{', '.join(fixed)}: decided when {run.path} was trained. A prediction may change "
            f"{', '.join(sorted(PREDICTION_FIELDS))}."
        )
    return recipe


def predict(
    run: RunFolder,
    recipe: Recipe,
    data: RecognitionData,
    out: Path,
    *,
    side: Literal["train", "val"] = "val",
    checkpoint: str = "last",
    device: Literal["auto", "cpu"] = "auto",
    shuffle_seed: int | None = None,
) -> int:
    """Write the logits of one side of a split.

    The last checkpoint is taken unless another is asked for: choosing it by the validation scores would flatter them.
    The same weights and clips give the same logits, whatever the batch size (to 1e-5).

    Args:
        run: a run with at least one checkpoint.
        recipe: the run's, perhaps with other ``data.dataset``, ``data.workers``, ``data.num_segments_test``,
            ``data.crops_test`` or ``train.batch_size_test``.
        data: ``open_data(recipe.data)``.
        out: the prediction file.
        side: of the split.
        checkpoint: ``last``, or the number of epochs done.
        device: ``auto`` takes a GPU where there is one.
        shuffle_seed: show the frames of every clip in an order drawn with this seed; ``None``: in their own. The file
            says so.

    Returns:
        The number of instances predicted.

    Raises:
        ConfigError: it was an overfit test, there is no such checkpoint, or another was trained: classes, features.
        VideoError: a clip cannot be read.
        PredictionError: a logit is not finite.
    """
    _check_trained(run)
    _check_features(run, data)
    path = run.find_checkpoint(checkpoint)
    content = read_checkpoint(path)
    head = parse_head_facts(run.read_facts().get("head"))
    model, _ = build_model(recipe, len(data.class_ids), head=head, load_weights=False)
    load_checkpoint(model, content, path, [list(pair) for pair in zip(data.class_ids, data.class_names, strict=True)])
    model_sha256 = hash_weights(model)
    # A fifth to a third faster on a CPU; logits move by rounding only (see docs/model-zoo.md).
    folded = fold_batch_norms(model)
    set_channels_last(folded)
    place = torch.device("cuda" if device == "auto" and torch.cuda.is_available() else "cpu")
    folded.to(place)
    selection = data.select(side, recipe.data)
    # Only ten crops are mirrored; without them the codebook need not be there any more.
    flip_class_map = build_flip_class_map(recipe.data, data) if recipe.data.crops_test == "ten" else None
    view = build_view(recipe, data.source, model.normalisation, recipe.data.crops_test)
    if shuffle_seed is not None:
        view = ShuffledView(view, shuffle_seed, TIME_AXES[recipe.data.modality])
    loader = build_evaluation_loader(
        EvaluationClips(selection, view),
        range(len(selection)),
        batch_size=recipe.train.batch_size_test,
        workers=recipe.data.workers,
        pin_memory=place.type == "cuda",
    )
    with Progress("predicting", len(loader)) as progress:
        scores = compute_logits(
            folded, loader, view, device=place, flip_class_map=flip_class_map, advance=progress.advance
        )
    if not np.array_equal(scores.places, np.arange(len(selection))):
        raise VideoError(f"{len(selection) - len(scores.places)} of {len(selection)} clips gave no prediction")
    section = recipe.clip or recipe.heatmap or recipe.pose
    metadata = {
        "subset": data.subset,
        "split": f"{data.split}/{side}",
        "run": recipe.name,
        "checkpoint": path.name,
        "epochs_done": str(content["epochs_done"]),
        "model_sha256": model_sha256,
        "finegym": __version__,
        "seed": str(recipe.seed),
        "modality": recipe.data.modality,
        "num_segments": str(recipe.data.num_segments_test),
        **({} if section is None else {"num_clips": str(section.num_clips_test)}),
        "crops": recipe.data.crops_test,
        **({} if shuffle_seed is None else {"shuffle_seed": str(shuffle_seed)}),
        "num_left_out": str(len(selection.left_out)),
        **{f"num_{name}": str(count) for name, count in scores.counts.items()},
        **{f"features_{key}": _format_fact(value) for key, value in data.facts.get("features", {}).items()},
        **{f"split_{key}": str(value) for key, value in data.facts.get("split", {}).items() if key.endswith("sha256")},
    }
    write_predictions(out, selection.instance_ids, scores.logits, metadata)
    return len(selection)


def _format_fact(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _check_trained(run: RunFolder) -> None:
    overfit = run.read_facts().get("overfit")
    if overfit:
        raise ConfigError(
            f"{run.path} is an overfit test: it learned {overfit['num_clips']} clips by heart, and its predictions "
            "would mean nothing. Train the recipe without --overfit."
        )


# Which files or whose boxes the features came from: those of another dataset are made alike, of other files.
IDENTITY = {"imported", "given_boxes"}


def _check_features(run: RunFolder, data: RecognitionData) -> None:
    """Flow of another method or poses of another model look alike, and mean something else."""
    features = [facts.get("features", {}) for facts in (run.read_facts(), data.facts)]
    trained, given = ({k: v for k, v in facts.get("settings", {}).items() if k not in IDENTITY} for facts in features)
    differing = [
        f"{key} was {trained.get(key)!r}, is {given.get(key)!r}"
        for key in {**trained, **given}
        if trained.get(key) != given.get(key)
    ]
    if differing:
        raise ConfigError(
            f"features {features[1].get('name')!r} are others than {run.path} was trained on: {'; '.join(differing)}. "
            "Give features made with the same settings."
        )
