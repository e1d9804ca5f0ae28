"""The published networks at 99 classes, with what they cost: for ``finegym model list`` and the page on them.

Nothing is trained from here; these are the models of this room put together as in the papers, on shapes alone.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models import MODELS, count_parameters
from finegym.models.actionvlad import ActionVLAD, build_vgg16_maps
from finegym.models.backbones import Backbone, build_backbone
from finegym.models.bninception import build_bn_inception
from finegym.models.complexity import count_multiply_adds
from finegym.models.gsf import GSF
from finegym.models.i3d import I3D, add_non_local_blocks, inflate_backbone
from finegym.models.pose_mlp import PoseMLP
from finegym.models.posec3d import PoseConv3D
from finegym.models.stgcn import STGCN
from finegym.models.trn import TRN, TRNms
from finegym.models.tsm import TSM
from finegym.models.tsn import TSN
from finegym.models.video_transformers import MViTv2, Swin3D, build_video_transformer
from finegym.models.videomae import VideoMAE, build_videomae

NUM_CLASSES = 99


@dataclass(frozen=True, slots=True)
class Network:
    """A published network.

    Attributes:
        build: makes it, with random weights.
        shape: of its input for one clip.
        axes: what the input's axes are.
        package: that it cannot be built without, of the extra that is called as its name begins; empty for none.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    axes: str = "B, T, C, H, W"
    package: str = ""


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What is to be known of a network.

    Attributes:
        name: key of ``NETWORKS``.
        model: name of the class.
        input: axes and shape.
        num_parameters: at 99 classes.
        multiply_adds: of one clip.
        source: from the module's docstring.
        deviations: from the module's docstring.
        is_trained_here: ``finegym train`` knows this model.
    """

    name: str
    model: str
    input: str
    num_parameters: int
    multiply_adds: int
    source: str
    deviations: str
    is_trained_here: bool


def _build_r50() -> Backbone:
    return build_backbone("resnet50")[0]


def _build_non_local(kind: str) -> I3D:
    return I3D(add_non_local_blocks(inflate_backbone(_build_r50()), kind=kind), NUM_CLASSES)  # type: ignore[arg-type]


def _build_clip(num_frames: int) -> tuple[int, ...]:
    return (1, num_frames, 3, 224, 224)


def _describe_videomae(name: str) -> Network:
    return Network(lambda: VideoMAE(build_videomae(name)[0], NUM_CLASSES), _build_clip(16), package="transformers")


NETWORKS: dict[str, Network] = {
    "tsn-r50": Network(lambda: TSN(_build_r50(), NUM_CLASSES), _build_clip(3)),
    "tsn-r50-flow": Network(
        lambda: TSN(build_backbone("resnet50", in_channels=10)[0], NUM_CLASSES), (1, 3, 10, 224, 224)
    ),
    "tsn-bninception": Network(lambda: TSN(build_bn_inception(), NUM_CLASSES), _build_clip(3)),
    "trn-r50": Network(lambda: TRN(_build_r50(), NUM_CLASSES, 8), _build_clip(8)),
    "trn-bninception": Network(lambda: TRN(build_bn_inception(), NUM_CLASSES, 8), _build_clip(8)),
    "trnms-r50": Network(lambda: TRNms(_build_r50(), NUM_CLASSES, 8), _build_clip(8)),
    "trnms-bninception": Network(lambda: TRNms(build_bn_inception(), NUM_CLASSES, 8), _build_clip(8)),
    "trnms-bninception-all": Network(
        lambda: TRNms(build_bn_inception(), NUM_CLASSES, 8, relations="all"), _build_clip(8)
    ),
    "tsm-r50": Network(lambda: TSM(_build_r50(), NUM_CLASSES), _build_clip(8)),
    "gsf-r50": Network(lambda: GSF(_build_r50(), NUM_CLASSES), _build_clip(8)),
    "actionvlad-vgg16": Network(lambda: ActionVLAD(build_vgg16_maps(), NUM_CLASSES), _build_clip(10)),
    "i3d-r50": Network(lambda: I3D(inflate_backbone(_build_r50()), NUM_CLASSES), _build_clip(32)),
    "i3d-r50-8": Network(
        lambda: I3D(inflate_backbone(_build_r50(), stem_temporal_stride=1), NUM_CLASSES), _build_clip(8)
    ),
    "nl-i3d-r50": Network(lambda: _build_non_local("embedded_gaussian"), _build_clip(32)),
    "nl-i3d-r50-dot": Network(lambda: _build_non_local("dot_product"), _build_clip(32)),
    "nl-i3d-r50-gaussian": Network(lambda: _build_non_local("gaussian"), _build_clip(32)),
    "mvit-v2-s": Network(lambda: MViTv2(build_video_transformer("mvit_v2_s")[0], NUM_CLASSES), _build_clip(16)),
    "swin3d-t": Network(lambda: Swin3D(build_video_transformer("swin3d_t")[0], NUM_CLASSES), _build_clip(32)),
    "swin3d-s": Network(lambda: Swin3D(build_video_transformer("swin3d_s")[0], NUM_CLASSES), _build_clip(32)),
    "swin3d-b": Network(lambda: Swin3D(build_video_transformer("swin3d_b")[0], NUM_CLASSES), _build_clip(32)),
    "videomae-s": _describe_videomae("videomae_s"),
    "videomae-b": _describe_videomae("videomae_b"),
    "videomae-l": _describe_videomae("videomae_l"),
    "stgcn": Network(lambda: STGCN(NUM_CLASSES), (1, 3, 48, 17, 2), "B, C, T, V, M"),
    "posec3d": Network(lambda: PoseConv3D(NUM_CLASSES), (1, 17, 48, 56, 56), "B, V, T, H, W"),
    "pose-mlp": Network(lambda: PoseMLP(16, NUM_CLASSES), (1, 3, 48, 17, 1), "B, C, T, V, M"),
}


def find_missing_extra(name: str) -> str:
    """The extra of finegym that a network needs and that is not installed; empty where there is none."""
    package = NETWORKS[name].package
    return name.partition("-")[0] if package and importlib.util.find_spec(package) is None else ""


def describe_network(name: str) -> NetworkFacts:
    """Count and cite a network, without making weights for it.

    Raises:
        ConfigError: there is no network of this name.
    """
    if name not in NETWORKS:
        close = difflib.get_close_matches(name, NETWORKS, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else "."
        raise ConfigError(f"no network is called {name!r}{hint} There are: {', '.join(NETWORKS)}")
    network = NETWORKS[name]
    with torch.device("meta"):
        model = network.build()
    source, deviations = _read_docstring(type(model))
    return NetworkFacts(
        name=name,
        model=type(model).__name__,
        input=f"({network.axes}) = ({', '.join(map(str, network.shape))})",
        num_parameters=count_parameters(model),
        multiply_adds=count_multiply_adds(model, network.shape),
        source=source,
        deviations=deviations,
        is_trained_here=type(model) in set(MODELS.values()),
    )


def _read_docstring(model: type[nn.Module]) -> tuple[str, str]:
    """The paragraphs Source and Deviations of the module that a model is in, each on one line."""
    text = inspect.getdoc(sys.modules[model.__module__]) or ""
    found = {"Source": "", "Deviations": ""}
    for paragraph in text.split("\n\n"):
        title, _, rest = paragraph.partition(":")
        if title in found:
            found[title] = " ".join(rest.split())
    return found["Source"], found["Deviations"] or "none"
