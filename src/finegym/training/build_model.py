"""From the recipe's model section to a network with its first weights: one small function a family of models."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models import MODELS, Recogniser
from finegym.models.actionvlad import ActionVLAD, build_vgg16_maps
from finegym.models.backbones import (
    Backbone,
    Normalisation,
    WeightsReport,
    build_backbone,
    find_weights,
    load_weights,
)
from finegym.models.folding import set_channels_last
from finegym.models.gsf import GSF
from finegym.models.heads import WithHead
from finegym.models.hub import HUB, fetch_hub_file
from finegym.models.i3d import I3D, add_non_local_blocks, inflate_backbone
from finegym.models.pose_mlp import PoseMLP
from finegym.models.posec3d import PoseConv3D
from finegym.models.stgcn import STGCN
from finegym.models.trn import TRN, TRNms
from finegym.models.tsm import TSM
from finegym.models.tsn import TSN
from finegym.models.video_transformers import KINETICS, MViTv2, Swin3D, build_video_transformer
from finegym.models.videomae import VideoMAE, build_videomae
from finegym.models.weights_origin import load_converted, read_origin
from finegym.models.weights_targets import is_class_layer
from finegym.training.head_arrays import HeadArrays
from finegym.training.recipe import Recipe
from finegym.training.run_folder import RunFolder, read_checkpoint

Built = tuple[Recogniser, WeightsReport | None]


def build_model(
    recipe: Recipe,
    num_classes: int,
    *,
    head: HeadArrays | None = None,
    load_weights: bool = True,
    classes: list[list[str]] | None = None,
) -> tuple[Recogniser | WithHead, WeightsReport | None]:
    """The network of a recipe, and what became of every tensor of its weights (``None`` for random ones).

    Args:
        recipe: says which.
        num_classes: K.
        head: arrays of ``model.head``; ``None`` for no head.
        load_weights: ``False`` where a checkpoint will fill it anyway.
        classes: id and name of each. A run given as ``model.weights`` hands its class layer on where it has the same.

    Raises:
        ConfigError: the backbone is not known or does not suit the model, or the weights do not fit.
    """
    weights, hub = recipe.model.weights if load_weights else "none", None
    if weights.startswith(HUB):
        hub = fetch_hub_file(weights)
        weights = str(hub.path)
    assert (head is None) == (recipe.model.head == "none"), "the head's arrays come from the codebook or the run"
    worn = None if head is None else head.build()
    whole = None if weights in ("none", "imagenet", KINETICS) else _find_whole(Path(weights))
    num_scores = num_classes if worn is None else worn.num_scores
    model, report = BUILDERS[recipe.model.name](recipe, num_scores, "none" if whole else weights)
    if whole:
        report = whole(model, recipe, classes)
    if report is not None and hub is not None:
        report = dataclasses.replace(report, source=report.source.replace(str(hub.path), hub.source))
    # Pixels come channels-last, and convolutions are faster so (EfficientNet-Lite0 on CPU by a quarter).
    set_channels_last(model)
    return model if worn is None else WithHead(model, worn), report


def get_network(model: Recogniser | WithHead) -> Recogniser:
    """The network itself, without the head that it may wear; its parameters are named as in a run without a head."""
    return cast(Recogniser, model.model) if isinstance(model, WithHead) else model


def describe_weights(weights: str, report: WeightsReport | None) -> dict[str, Any] | None:
    """What ``run.json`` keeps of the first weights: keys used and ignored, and what a converted file says of itself."""
    if report is None:
        return None
    facts: dict[str, Any] = {"source": report.source, "used": report.used, "ignored": report.ignored}
    path = Path(weights)
    origin = read_origin(path) if path.is_file() else None
    return facts if origin is None else {**facts, "origin": origin.to_facts()}


# Families.


def _build_of_frames(recipe: Recipe, num_classes: int, weights: str) -> Built:
    """TSN and what shifts or fuses its frames: the number of frames is free."""
    backbone, report = _build_backbone(recipe, weights)
    section = recipe.model
    builders: dict[str, type[TSN]] = {"tsn": TSN, "tsm": TSM, "gsf": GSF}
    model = builders[section.name](
        backbone,
        num_classes,
        dropout=section.dropout,
        partial_batch_norm=section.partial_batch_norm,
        freeze_backbone=section.freeze_backbone,
    )
    return model, report


def _build_relations(recipe: Recipe, num_classes: int, weights: str) -> Built:
    """TRN and TRNms: the number of frames is part of the network."""
    backbone, report = _build_backbone(recipe, weights)
    section = recipe.model
    builders: dict[str, type[TRN] | type[TRNms]] = {"trn": TRN, "trnms": TRNms}
    model = builders[section.name](
        backbone,
        num_classes,
        recipe.data.num_segments,
        dropout=section.dropout,
        partial_batch_norm=section.partial_batch_norm,
        freeze_backbone=section.freeze_backbone,
    )
    return model, report


def _build_actionvlad(recipe: Recipe, num_classes: int, weights: str) -> Built:
    """ActionVLAD on VGG-16, of which the layers before conv5_1 stand still; centres come later, from the clips."""
    assert recipe.vlad is not None, "the recipe was checked"
    backbone, report = build_vgg16_maps(is_frozen_before_conv5=True), None
    if weights != "none":
        if recipe.vlad.centres == "weights":
            raise ConfigError(
                f'vlad.centres = "weights", but {weights} is a file of VGG-16 and has no action words: give the folder '
                'of a run of actionvlad as model.weights, or set vlad.centres = "k-means"'
            )
        state, source = find_weights("vgg16", weights)
        report = load_weights(backbone.body, state, source=source, head="classifier.")
    model = ActionVLAD(
        backbone,
        num_classes,
        num_clusters=recipe.vlad.num_clusters,
        alpha=recipe.vlad.alpha,
        dropout=recipe.model.dropout,
        freeze_backbone=recipe.model.freeze_backbone,
        freeze_centres=recipe.vlad.freeze_centres,
    )
    return model, report


def _build_of_clips(recipe: Recipe, num_classes: int, weights: str) -> Built:
    """I3D, with or without non-local blocks: a network of images inflated with its weights."""
    assert recipe.clip is not None, "the recipe was checked"
    backbone, report = _build_backbone(recipe, weights)
    backbone = inflate_backbone(backbone, stem_temporal_stride=recipe.clip.stem_temporal_stride)
    if recipe.non_local is not None:
        add_non_local_blocks(backbone, **recipe.non_local.model_dump())
    return I3D(backbone, num_classes, dropout=recipe.model.dropout), report


def _build_video_transformer(recipe: Recipe, num_classes: int, weights: str) -> Built:
    backbone, report = build_video_transformer(recipe.model.name, weights=weights)
    network = MViTv2 if recipe.model.name == "mvit_v2_s" else Swin3D
    return network(backbone, num_classes, dropout=recipe.model.dropout), report


def _build_videomae(recipe: Recipe, num_classes: int, weights: str) -> Built:
    assert recipe.clip is not None, "the recipe was checked"
    backbone, report = build_videomae(
        recipe.model.name, weights=weights, num_frames=recipe.clip.clip_len, image_size=recipe.data.crop_size
    )
    return VideoMAE(backbone, num_classes, dropout=recipe.model.dropout), report


def _build_stgcn(recipe: Recipe, num_classes: int, weights: str) -> Built:
    _refuse_backbone_file(recipe, weights)
    return STGCN(num_classes, dropout=recipe.model.dropout), None


def _build_posec3d(recipe: Recipe, num_classes: int, weights: str) -> Built:
    _refuse_backbone_file(recipe, weights)
    return PoseConv3D(num_classes, dropout=recipe.model.dropout), None


def _build_pose_mlp(recipe: Recipe, num_classes: int, weights: str) -> Built:
    _refuse_backbone_file(recipe, weights)
    assert recipe.pose is not None, "the recipe was checked"
    model = PoseMLP(
        recipe.pose.clip_len // recipe.data.num_segments,
        num_classes,
        num_persons=recipe.pose.num_persons,
        hidden_size=recipe.model.hidden_size,
        dropout=recipe.model.dropout,
    )
    return model, None


BUILDERS: dict[str, Callable[[Recipe, int, str], Built]] = {
    "tsn": _build_of_frames,
    "tsm": _build_of_frames,
    "gsf": _build_of_frames,
    "trn": _build_relations,
    "trnms": _build_relations,
    "actionvlad": _build_actionvlad,
    "i3d": _build_of_clips,
    "nl_i3d": _build_of_clips,
    "mvit_v2_s": _build_video_transformer,
    "swin3d_t": _build_video_transformer,
    "swin3d_s": _build_video_transformer,
    "swin3d_b": _build_video_transformer,
    "videomae_s": _build_videomae,
    "videomae_b": _build_videomae,
    "videomae_l": _build_videomae,
    "stgcn": _build_stgcn,
    "posec3d": _build_posec3d,
    "pose_mlp": _build_pose_mlp,
}
assert BUILDERS.keys() == MODELS.keys()


def _build_backbone(recipe: Recipe, weights: str) -> tuple[Backbone, WeightsReport | None]:
    if recipe.clip is not None:
        in_channels = {"rgb": 3, "flow": 2}[recipe.data.modality]
    else:
        fields = recipe.data.flow_frames
        in_channels = {"rgb": 3, "rgb-diff": 3 * fields, "flow": 2 * fields}[recipe.data.modality]
    return build_backbone(recipe.model.backbone, weights=weights, in_channels=in_channels)


def _refuse_backbone_file(recipe: Recipe, weights: str) -> None:
    if weights != "none":
        raise ConfigError(
            f"weights file {weights}: {recipe.model.name} has no backbone to load it into. Give a file of "
            "`finegym weights convert`, or the folder of a run."
        )


# Weights of a whole model.

Loader = Callable[[Recogniser, Recipe, list[list[str]] | None], WeightsReport]


def _find_whole(path: Path) -> Loader | None:
    """What loads a whole model from here; ``None`` where it is a backbone's file."""
    if path.is_dir():
        return lambda model, recipe, classes: _load_run(model, path, recipe, classes)
    origin = read_origin(path)
    if origin is None or origin.is_backbone:
        return None
    return lambda model, recipe, classes: _load_converted(model, path, recipe)


def _load_converted(model: Recogniser, path: Path, recipe: Recipe) -> WeightsReport:
    origin = read_origin(path)
    assert origin is not None
    section = recipe.model
    wanted = f"{section.name}/{section.backbone}" if section.backbone else section.name
    # TSM has TSN's tensors: their shapes alone would not tell them apart.
    if origin.target != wanted:
        raise ConfigError(f"weights file {path} is of {origin.target}, but the recipe's model is {wanted}")
    report = load_converted(model, path)
    if origin.pixels is not None and not isinstance(model, STGCN | PoseConv3D | PoseMLP):
        model.normalisation = Normalisation(tuple(origin.pixels["mean"]), tuple(origin.pixels["std"]))
    return report


def _load_run(model: Recogniser, path: Path, recipe: Recipe, classes: list[list[str]] | None) -> WeightsReport:
    """The weights of a run's last checkpoint; its class layer too where it has the same classes in the same order."""
    run = RunFolder(path)
    trained, checkpoint = run.read_recipe(), run.find_checkpoint("last")
    if (trained.model.name, trained.model.backbone) != (recipe.model.name, recipe.model.backbone):
        raise ConfigError(
            f"model.weights: {path} is a run of {trained.model.name} {trained.model.backbone}".rstrip()
            + f", but the recipe's model is {recipe.model.name} {recipe.model.backbone}".rstrip()
        )
    content = read_checkpoint(checkpoint)
    restore_normalisation(model, content)
    prefix = "" if trained.model.head == "none" else WithHead.prefix
    state: dict[str, torch.Tensor] = {key.removeprefix(prefix): value for key, value in content["model"].items()}
    # A class layer of another head has other scores.
    is_same = content["classes"] == classes and trained.model.head == recipe.model.head
    in_file = () if is_same else tuple(key for key in state if is_class_layer(key))
    own = {key: value for key, value in model.state_dict().items() if key in in_file}
    others = {key: value for key, value in state.items() if key not in in_file}
    report = load_weights(model, {**others, **own}, source=str(checkpoint), head="\0")
    return WeightsReport(str(checkpoint), tuple(key for key in report.used if key not in in_file), in_file)


def restore_normalisation(model: nn.Module, content: dict[str, Any]) -> None:
    """Give a model the pixels that a checkpoint's was trained on, where it says so."""
    pixels = content.get("pixels")
    if pixels is not None:
        model.normalisation = Normalisation(tuple(pixels["mean"]), tuple(pixels["std"]))  # type: ignore[assignment]


def describe_normalisation(model: Recogniser | WithHead) -> dict[str, list[float]] | None:
    """What a checkpoint keeps of the pixels that a model was trained on; ``None`` where it sees none."""
    normalisation = model.normalisation
    return None if normalisation is None else {"mean": list(normalisation.mean), "std": list(normalisation.std)}
