"""The networks that foreign weights can be converted to, built without values to know what keys and shapes they have.

A target is ``METHOD/BACKBONE`` (``i3d/resnet50``), ``stgcn``, ``posec3d``, or the name of an image network
(``resnet50``, ``bn_inception``), which then is a backbone without a head.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models.backbones import Backbone, build_backbone
from finegym.models.bninception import build_bn_inception
from finegym.models.i3d import I3D, NON_LOCAL_PLACES, add_non_local_blocks, inflate_backbone
from finegym.models.posec3d import PoseConv3D
from finegym.models.stgcn import STGCN
from finegym.models.trn import TRN, TRNms
from finegym.models.tsm import TSM
from finegym.models.tsn import TSN

METHODS = ("tsn", "tsm", "trn", "trnms", "i3d", "nl_i3d")
SKELETON_METHODS = ("stgcn", "posec3d")  # without a backbone of images


def split_target(target: str) -> tuple[str, str]:
    """Method and backbone of a target; the method is empty for a backbone alone.

    Raises:
        ConfigError: there is no such method, or its backbone is missing.

    Example:
        >>> split_target("i3d/resnet50"), split_target("vgg16"), split_target("stgcn")
        (('i3d', 'resnet50'), ('', 'vgg16'), ('stgcn', ''))
    """
    method, slash, backbone = target.rpartition("/")
    if target in SKELETON_METHODS:
        return target, ""
    if (slash and (method not in METHODS or not backbone)) or target in METHODS:
        raise ConfigError(
            f"{target!r} is no target of a conversion: expected METHOD/BACKBONE, such as i3d/resnet50, where METHOD is "
            f"one of {', '.join(METHODS)}; or {' or '.join(SKELETON_METHODS)}; or a backbone, such as resnet50 or "
            "bn_inception"
        )
    return method, backbone


def build_target(target: str, shapes: Mapping[str, torch.Size]) -> nn.Module:
    """A target's network, without values but for ST-GCN's graph, as large as the weights that are to go into it.

    Args:
        target: as above; a backbone alone comes as a TSN, whose ``classifier`` is not part of it.
        shapes: of the weights, by our keys (``rename_keys``): they tell the number of input channels and of classes,
            the frames of a relation, and which kind of non-local block it is.

    Raises:
        ConfigError: there is no such target, or the weights have nothing of what it needs.
    """
    method, name = split_target(target)
    num_classes = count_classes(shapes) or 1
    if method == "stgcn":
        return _build_stgcn(shapes, num_classes)
    if method == "posec3d":
        return _build_posec3d(shapes, num_classes)
    with torch.device("meta"):
        backbone = _build_body(name, shapes)
        if method in ("i3d", "nl_i3d"):
            backbone = inflate_backbone(backbone)
            if method == "nl_i3d":
                _add_non_local_blocks(backbone, shapes)
            return I3D(backbone, num_classes)
        if method in ("trn", "trnms"):
            return _build_trn(method, backbone, shapes, num_classes)
        return TSM(backbone, num_classes) if method == "tsm" else TSN(backbone, num_classes)


def is_class_layer(key: str) -> bool:
    """Whether one of our keys belongs to a layer whose outputs are classes (relations have one each).

    Example:
        >>> [is_class_layer(key) for key in ("relation.classifier.weight", "backbone.body.classifier.0.weight")]
        [True, False]
    """
    return key.rpartition(".")[0].endswith("classifier") and not key.startswith("backbone.")


def count_classes(shapes: Mapping[str, torch.Size]) -> int:
    """Classes of weights by our keys; 0 where they have no layer for them."""
    return next((shape[0] for key, shape in shapes.items() if is_class_layer(key)), 0)


def find_first_convolution(model: nn.Module) -> str:
    """Key of the first convolution's kernel, the one that sees the input."""
    return next(f"{path}.weight" for path, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Conv3d))


def _build_body(name: str, shapes: Mapping[str, torch.Size]) -> Backbone:
    def build(in_channels: int) -> Backbone:
        if name == "bn_inception":
            return build_bn_inception(in_channels)
        return build_backbone(name, in_channels=in_channels)[0]

    backbone = build(3)
    first = shapes.get(f"backbone.{find_first_convolution(backbone)}")
    return backbone if first is None or len(first) < 2 or first[1] == 3 else build(first[1])


def _add_non_local_blocks(backbone: Backbone, shapes: Mapping[str, torch.Size]) -> None:
    blocks = [key for key in shapes if key.startswith("backbone.body.non_local.")]
    if not blocks:
        raise ConfigError("nl_i3d: the file has no non-local blocks; give i3d/BACKBONE instead of nl_i3d/BACKBONE")
    add_non_local_blocks(
        backbone,
        NON_LOCAL_PLACES,
        kind="embedded_gaussian" if any(".theta." in key for key in blocks) else "gaussian",
        output_bias=any(key.endswith(".output.bias") for key in blocks),
    )


def _build_trn(method: str, backbone: Backbone, shapes: Mapping[str, torch.Size], num_classes: int) -> TRN | TRNms:
    frame, hidden = (
        shapes.get("frame_feature.weight"),
        shapes.get("relation.hidden.weight" if method == "trn" else "relations.0.hidden.weight"),
    )
    if frame is None or hidden is None or len(hidden) != 2:
        raise ConfigError(f"{method}: the file has no relations of frames; give its backbone's name alone")
    build = TRN if method == "trn" else TRNms
    num_frames = hidden[1] // frame[0]
    return build(backbone, num_classes, num_frames, frame_feature_size=frame[0], hidden_size=hidden[0])


def _build_stgcn(shapes: Mapping[str, torch.Size], num_classes: int) -> STGCN:
    first, graph = shapes.get("blocks.0.graph.weight"), shapes.get("adjacency")
    if first is None or graph is None or len(first) != 4:
        raise ConfigError("stgcn: the file has no blocks of graph convolution")
    if graph != (3, 17, 17):
        raise ConfigError(f"stgcn: the file's graph is {tuple(graph)}, expected (3, 17, 17): the 17 joints of COCO")
    kernels = (f"blocks.{i}.temporal.2.weight" for i in itertools.count())
    widths = tuple(shapes[key][0] for key in itertools.takewhile(shapes.__contains__, kernels))
    if not widths:
        raise ConfigError("stgcn: the file has no temporal convolutions of one kernel (ST-GCN++ has branches)")
    return STGCN(num_classes, in_channels=first[1], widths=widths)


def _build_posec3d(shapes: Mapping[str, torch.Size], num_classes: int) -> PoseConv3D:
    stem = shapes.get("stem.0.weight")
    if stem is None or len(stem) != 5:
        raise ConfigError("posec3d: the file has no stem of heatmaps over time")
    stages = [key.split(".")[1:3] for key in shapes if key.startswith("stages.")]
    num_blocks = [1 + max((int(block) for at, block in stages if at == str(stage)), default=0) for stage in range(3)]
    with torch.device("meta"):
        return PoseConv3D(num_classes, in_channels=stem[1], base_channels=stem[0], num_blocks=num_blocks)
