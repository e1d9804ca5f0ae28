"""I3D on ResNet-50, with or without non-local blocks: a network of images inflated over time.

Source: Carreira and Zisserman, "Quo Vadis, Action Recognition?", CVPR 2017, section 2.4 (inflation); the inflated
ResNet-50 and where its non-local blocks stand: Wang et al., "Non-local Neural Networks", CVPR 2018, table 1, sections
3.3, 4 and 4.1, with 3 x 1 x 1 kernels in every other block. Settings on FineGym: supplement of Shao et al., CVPR 2020.

Deviations: the stem's temporal stride is an argument (2 published; 1 for clips of 8 frames). Networks with basic blocks
(ResNet-18, -34) inflate their first 3 x 3 kernel of a block to 3 x 3 x 3. EfficientNet-Lite0 is for small machines: see
``lite3d``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

import torch
from torch import nn
from torchvision.models import ResNet

from finegym.errors import ConfigError
from finegym.models.backbones import Backbone
from finegym.models.clip_network import ClipNetwork
from finegym.models.flat_conv import FlatConv3d
from finegym.models.kernels import inflate_kernel
from finegym.models.lite3d import Lite3d
from finegym.models.nonlocal_block import NonLocalBlock
from finegym.models.tsm import is_residual_of_lite

# Places of non-local blocks: stage to the blocks they follow, counted from 0; res3 is layer2, res4 is layer3.
NON_LOCAL_PLACES = {2: (1, 3), 3: (1, 3, 5)}


class I3D(ClipNetwork):
    """A 3-D network, the mean over time and space, and a classifier; ``inflate_backbone`` makes the backbone."""


class ResNet3d(nn.Module):
    """A ResNet of torchvision with its kernels inflated; its keys are the 2-D network's.

    Args:
        resnet: a ResNet with or without its head; its modules are taken over and changed.
        stem_temporal_stride: of the first convolution and of the first pooling: 2 (published, for 32 frames) or 1.
    """

    def __init__(self, resnet: ResNet, *, stem_temporal_stride: Literal[1, 2] = 2) -> None:
        super().__init__()
        if stem_temporal_stride not in (1, 2):
            raise ConfigError(f"stem_temporal_stride must be 1 or 2, got {stem_temporal_stride}")
        stride = stem_temporal_stride
        self.conv1 = inflate_convolution(resnet.conv1, 5, stride=stride)
        self.bn1 = _inflate_norm(resnet.bn1)
        self.relu = resnet.relu
        self.maxpool = nn.MaxPool3d((1, 3, 3), (stride, 2, 2), padding=(0, 1, 1))
        self.pool2 = nn.MaxPool3d((2, 1, 1), (2, 1, 1))
        for stage in range(1, 5):
            # 3 x 1 x 1 in every block of res2, every other one of res3 to res5: (0, 1, 0) in the last.
            blocks = getattr(resnet, f"layer{stage}")
            first = 1 if stage == 4 else 0
            inflated = range(len(blocks)) if stage == 1 else range(first, len(blocks), 2)
            self.add_module(f"layer{stage}", _inflate_stage(blocks, inflated))
        self.non_local = nn.ModuleDict()  # "layer2_1": after block 1 of layer2

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Features (B, F) of clips (B, C, T, H, W)."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(clips))))
        for stage in range(1, 5):
            for place, block in self.get_submodule(f"layer{stage}").named_children():
                maps = block(maps)
                if f"layer{stage}_{place}" in self.non_local:
                    maps = self.non_local[f"layer{stage}_{place}"](maps)
            if stage == 1:
                maps = self.pool2(maps)
        return maps.mean(dim=(2, 3, 4))


def inflate_backbone(backbone: Backbone, *, stem_temporal_stride: Literal[1, 2] = 2) -> Backbone:
    """Inflate a network of images, weights included, to a backbone of clips; its modules are taken over.

    Args:
        backbone: a ResNet of torchvision, or ``efficientnet_lite0``.
        stem_temporal_stride: as in ``ResNet3d``; 1 for ``efficientnet_lite0``.

    Raises:
        ConfigError: the backbone is another network, or has no stride over time.
    """
    body: nn.Module
    if isinstance(backbone.body, ResNet):
        body = ResNet3d(backbone.body, stem_temporal_stride=stem_temporal_stride)
    elif any(is_residual_of_lite(module) for module in backbone.body.modules()):
        if stem_temporal_stride != 1:
            raise ConfigError(
                "efficientnet_lite0 is inflated without a stride over time: give stem_temporal_stride = 1"
            )
        body = Lite3d(backbone.body)
    else:
        raise ConfigError(
            "I3D inflates a ResNet of torchvision or efficientnet_lite0, and this backbone is "
            f"{type(backbone.body).__name__}"
        )
    return Backbone(body, backbone.feature_size, backbone.normalisation)


def add_non_local_blocks(
    backbone: Backbone,
    places: Mapping[int, Collection[int]] = NON_LOCAL_PLACES,
    *,
    kind: Literal["embedded_gaussian", "gaussian", "dot_product"] = "embedded_gaussian",
    is_scaled: bool = False,
    pools_first: bool = False,
    output_bias: bool = False,
) -> Backbone:
    """Put non-local blocks into an inflated backbone, in place; they change nothing until they are trained.

    Args:
        backbone: from ``inflate_backbone``.
        places: stage (1 to 4; res2 to res5) to the blocks that one follows, counted from 0.
        kind: as in ``NonLocalBlock``.
        is_scaled: as in ``NonLocalBlock``.
        pools_first: as in ``NonLocalBlock``.
        output_bias: as in ``NonLocalBlock``.

    Returns:
        The backbone.

    Raises:
        ConfigError: the backbone is not inflated, or has no such block.
    """
    body = backbone.body
    if not isinstance(body, ResNet3d):
        raise ConfigError(f"non-local blocks stand in an inflated ResNet, and this backbone is {type(body).__name__}")
    for stage, place in [(stage, place) for stage, wanted in places.items() for place in wanted]:
        if stage not in range(1, 5) or place not in range(len(getattr(body, f"layer{stage}"))):
            raise ConfigError(f"non-local blocks: block {place} of stage {stage} is none of this ResNet's")
        channels = _find_width(getattr(body, f"layer{stage}")[place])
        body.non_local[f"layer{stage}_{place}"] = NonLocalBlock(
            channels, kind=kind, is_scaled=is_scaled, pools_first=pools_first, output_bias=output_bias
        )
    return backbone


def inflate_convolution(conv: nn.Conv2d, length: int = 1, *, stride: int = 1) -> nn.Conv3d:
    """A 3-D convolution that gives, on a clip of equal frames and away from its ends, what the 2-D one gives on one.

    Args:
        conv: its kernel is repeated ``length`` times over time and divided by ``length``.
        length: of the kernel in frames, odd; the clip is padded by zeros to keep its length.
        stride: over time.
    """
    inflated = FlatConv3d(
        conv.in_channels,
        conv.out_channels,
        (length, *conv.kernel_size),  # type: ignore[arg-type]
        stride=(stride, *conv.stride),  # type: ignore[arg-type]
        padding=(length // 2, *conv.padding),
        dilation=(1, *conv.dilation),  # type: ignore[arg-type]
        groups=conv.groups,
        bias=conv.bias is not None,
        device="meta",
    )
    weight = inflate_kernel(conv.weight.detach(), length)
    inflated.weight, inflated.bias = nn.Parameter(weight), conv.bias
    return inflated


def _inflate_norm(norm: nn.Module) -> nn.BatchNorm3d:
    assert isinstance(norm, nn.BatchNorm2d)
    inflated = nn.BatchNorm3d(norm.num_features, eps=norm.eps, momentum=norm.momentum, device="meta")
    for name, tensor in [*norm.named_parameters(), *norm.named_buffers()]:
        setattr(inflated, name, tensor)
    return inflated


def _inflate_stage(blocks: nn.Sequential, inflated: Collection[int]) -> nn.Sequential:
    """Replace every 2-D layer of torchvision's blocks; their own forward passes then serve clips."""
    for place, block in enumerate(blocks):
        for path, module in list(block.named_modules()):
            parent, _, name = path.rpartition(".")
            if isinstance(module, nn.Conv2d):
                length = 3 if path == "conv1" and place in inflated else 1
                setattr(block.get_submodule(parent), name, inflate_convolution(module, length))
            elif isinstance(module, nn.BatchNorm2d):
                setattr(block.get_submodule(parent), name, _inflate_norm(module))
    return blocks


def _find_width(block: nn.Module) -> int:
    """Channels that a residual block gives out: those of its last batch norm but the shortcut's."""
    norm = getattr(block, "bn3", None) or block.bn2
    assert isinstance(norm, nn.BatchNorm3d)
    return norm.num_features
