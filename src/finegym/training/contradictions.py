"""Pairs of settings of a recipe that cannot both be meant, each in words. All are listed at once, before any work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finegym.training.recipe import Recipe

# What each model takes.
MODALITIES = {"tsn": ("rgb", "rgb-diff", "flow"), "pose_mlp": ("pose",)}


def find_contradictions(recipe: Recipe) -> list[str]:
    """Every contradiction of a recipe."""
    return [
        *_find_in_modality(recipe),
        *_find_in_pictures(recipe),
        *_find_in_flips(recipe),
        *_find_in_model(recipe),
        *_find_in_long_tail(recipe),
        *_find_in_schedule(recipe),
    ]


def is_pickle(dataset: str) -> bool:
    """Whether ``data.dataset`` names pose pickles (several with a comma between) and no dataset folder."""
    return dataset.endswith((".pkl", ".pickle"))


def _find_in_modality(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    reads_features = data.modality in {"flow", "pose"}
    if reads_features and not data.features and not is_pickle(data.dataset):
        yield (
            f'data.modality is "{data.modality}", but data.features is empty: give the name of a folder in the '
            f"dataset's features/, made by `finegym features {data.modality}`"
        )
    if data.features and not reads_features:
        yield f'data.features is given, but data.modality = "{data.modality}" reads frames'
    if data.source == "records" and reads_features:
        yield f'data.source = "records" is for frames; data.modality = "{data.modality}" reads data.features'
    if not data.split and not is_pickle(data.dataset):
        yield "data.split is empty: give the name of a folder in the dataset's splits/"
    if is_pickle(data.dataset):
        if data.modality != "pose":
            yield f'data.dataset is a pose pickle, but data.modality is "{data.modality}"'
        if data.features:
            yield "data.features is given, but data.dataset is a pose pickle, which holds the poses itself"
    if data.modality == "pose" and recipe.pose is None:
        yield 'data.modality is "pose", but the section [pose] is missing'
    if data.modality != "pose" and recipe.pose is not None:
        yield f'the section [pose] is given, but data.modality is "{data.modality}"'


def _find_in_pictures(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    if data.modality == "pose":
        if data.crops_test != "centre":
            yield f'data.crops_test = "{data.crops_test}" cuts pictures, but data.modality is "pose"'
        return
    if data.crop_size > data.short_side:
        yield f"data.crop_size ({data.crop_size}) exceeds data.short_side ({data.short_side})"
    if not data.crop_scales:
        yield "data.crop_scales is empty; [1.0] crops without scaling"


def _find_in_flips(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    if data.flip_swaps and not data.flip:
        yield "data.flip_swaps is given, but data.flip is false"
    if data.crops_test == "ten" and not data.flip:
        yield 'data.crops_test = "ten" mirrors clips, but data.flip is false'
    swapped = [class_id for pair in data.flip_swaps for class_id in set(pair)]
    for class_id in sorted({class_id for class_id in swapped if swapped.count(class_id) > 1}):
        yield f"data.flip_swaps names {class_id!r} more than once"


def _find_in_model(recipe: Recipe) -> Iterator[str]:
    model, data = recipe.model, recipe.data
    taken = MODALITIES[model.name]
    if data.modality not in taken:
        others = [name for name, modalities in MODALITIES.items() if data.modality in modalities]
        yield (
            f'model.name = "{model.name}" takes {" or ".join(taken)}, but data.modality is "{data.modality}"; '
            f"that is for {', '.join(others)}"
        )
    if model.name == "pose_mlp":
        yield from _find_in_pose_mlp(recipe)
    elif not model.backbone:
        yield f'model.name = "{model.name}" needs model.backbone'
    if model.partial_batch_norm and model.weights == "none":
        yield 'model.partial_batch_norm keeps statistics of a weights file, but model.weights is "none"'
    if recipe.optim.name == "adamw" and recipe.optim.momentum != 0.9:
        yield "optim.momentum is given, but adamw keeps its own (0.9, 0.999)"


def _find_in_pose_mlp(recipe: Recipe) -> Iterator[str]:
    model, data, pose = recipe.model, recipe.data, recipe.pose
    for name, value, default in (
        ("backbone", model.backbone, ""),
        ("weights", model.weights, "none"),
        ("freeze_backbone", model.freeze_backbone, False),
    ):
        if value != default:
            yield f'model.{name} is given, but model.name = "pose_mlp" has no backbone'
    if data.num_segments_test != data.num_segments:
        yield (
            f"data.num_segments_test ({data.num_segments_test}) differs from data.num_segments ({data.num_segments}), "
            "but both are parts of the same pose.clip_len frames"
        )
    if pose is not None and pose.clip_len % data.num_segments:
        yield f"pose.clip_len ({pose.clip_len}) must be a multiple of data.num_segments ({data.num_segments})"


def _find_in_long_tail(recipe: Recipe) -> Iterator[str]:
    loss, mix, model = recipe.loss, recipe.mix, recipe.model
    if loss.focal_gamma != 2.0 and loss.name != "focal":
        yield f'loss.focal_gamma is given, but loss.name is "{loss.name}"'
    if loss.tau != 1.0 and loss.name != "logit-adjustment":
        yield f'loss.tau is given, but loss.name is "{loss.name}"'
    if loss.name in {"balanced-softmax", "logit-adjustment"} and recipe.sampling.power == 0:
        yield f'loss.name = "{loss.name}" has nothing to adjust: sampling.power = 0 shows every class equally often'
    if mix.cutmix_alpha and recipe.data.modality == "pose":
        yield 'mix.cutmix_alpha cuts pictures, but data.modality is "pose"; mix.mixup_alpha mixes poses'
    if mix.probability != 1.0 and not mix.mixup_alpha and not mix.cutmix_alpha:
        yield "mix.probability is given, but mix.mixup_alpha and mix.cutmix_alpha are 0"
    if recipe.optim.layer_decay != 1.0 and model.name == "pose_mlp":
        yield 'optim.layer_decay is given, but model.name = "pose_mlp" has no backbone'
    if recipe.optim.layer_decay != 1.0 and model.freeze_backbone:
        yield "optim.layer_decay is given, but model.freeze_backbone = true leaves no layer of the backbone to train"


def _find_in_schedule(recipe: Recipe) -> Iterator[str]:
    schedule = recipe.schedule
    if schedule.name == "cosine" and schedule.milestones:
        yield "schedule.milestones is given, but a cosine schedule has none"
    if list(schedule.milestones) != sorted(set(schedule.milestones)):
        yield f"schedule.milestones must increase, got {list(schedule.milestones)}"
    if any(milestone >= schedule.epochs for milestone in schedule.milestones):
        yield f"schedule.milestones {list(schedule.milestones)} must lie before the end ({schedule.epochs} epochs)"
    if schedule.warmup_epochs >= schedule.epochs:
        yield (
            f"schedule.warmup_epochs ({schedule.warmup_epochs:g}) must be less than schedule.epochs ({schedule.epochs})"
        )
    if schedule.milestones and schedule.warmup_epochs > schedule.milestones[0]:
        yield "schedule.warmup_epochs reaches past the first of schedule.milestones"
