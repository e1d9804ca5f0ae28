"""Gate-Shift-Fuse: a gate says where features move to the next or the last frame, weights how they are mixed in.

Source: Sudhakaran et al., "Gate-Shift-Fuse for Video Action Recognition", TPAMI 2023 (arXiv 2203.08897), section 3;
places in a ResNet, the share of channels and their mixed order as in the authors' code (github.com/swathikirans/GSF).

Deviations: RegNets and EfficientNet-Lite have it in the same place as ResNets.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.regnet import ResBottleneckBlock
from torchvision.models.resnet import BasicBlock, Bottleneck

from finegym.errors import ConfigError
from finegym.models.backbones import Backbone
from finegym.models.tsn import TSN


class GSF(TSN):
    """TSN on a backbone with gate-shift-fuse after the last convolution of every residual block.

    Args:
        backbone: a ResNet or RegNet of torchvision, or ``efficientnet_lite0``; it is changed in place, its keys stay
            what they were.
        num_classes: K.
        dropout: before the classifier, in [0, 1).
        channel_share: of a block's output channels that pass the gates.
        partial_batch_norm: as in TSN; the gates' own batch norms move.
        freeze_backbone: as in TSN.

    The number of frames is free in every call.

    Raises:
        ConfigError: the backbone has no residual blocks that are known here, or too few channels.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        *,
        dropout: float = 0.5,
        channel_share: float = 0.25,
        partial_batch_norm: bool = False,
        freeze_backbone: bool = False,
    ) -> None:
        fuse_blocks(backbone, channel_share)
        super().__init__(
            backbone,
            num_classes,
            dropout=dropout,
            partial_batch_norm=partial_batch_norm,
            freeze_backbone=freeze_backbone,
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of clips (B, T, C, H, W), normalised as ``normalisation`` says."""
        for module in self.backbone.modules():
            if isinstance(module, FusedConv2d):
                module.num_frames = frames.shape[1]
        return super().forward(frames)


class GateShiftFuse(nn.Module):
    """The first ``num_channels`` channels are gated, shifted and fused; the others pass.

    Args:
        num_channels: a multiple of 4: half moves to the frame before, half to the frame after.
    """

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.num_channels = num_channels
        # 3-D also where 2-D computes the same: partial batch norm stops the 2-D ones.
        self.norm = nn.BatchNorm3d(num_channels)
        self.gate = nn.Conv3d(num_channels, 2, 3, padding=1, groups=2)
        self.fusions = nn.ModuleList(nn.Conv2d(2, 1, 3, padding=1) for _ in range(2))

    def forward(self, maps: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Maps (B*T, C, H, W) to the same shape; the frames of a clip stand one after the other."""
        x = maps[:, : self.num_channels]
        activated = torch.relu(self.norm(x[:, :, None]).squeeze(2))  # (B*T, G, H, W)
        groups = []
        for i, step in enumerate((-1, 1)):  # frame t gets what frame t + 1 let through, then what frame t − 1 did
            gate = self._compute_gate(i, activated.chunk(2, dim=1)[i], num_frames)
            groups.append(self._fuse(x.chunk(2, dim=1)[i], gate, step, self.fusions[i], num_frames))
        return torch.cat([*groups, maps[:, self.num_channels :]], dim=1)

    def _compute_gate(self, i: int, activated: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Gate (B*T, 1, H, W) of a group (B*T, G/2, H, W).

        The 3 x 3 x 3 convolution with one output is three 3 x 3 ones, one for each frame it looks at, added up a frame
        apart: an eighth of the time that a 3-D convolution of one output takes on CPUs.
        """
        kernels = self.gate.weight[i].transpose(0, 1)  # (3, G/2, 3, 3): for the frame before, this one, the one after
        sums = F.conv2d(activated, kernels, padding=1).unflatten(0, (-1, num_frames))  # (B, T, 3, H, W)
        before, here, after = sums.split(1, dim=2)
        gate = here + _shift(before, 1) + _shift(after, -1)
        assert self.gate.bias is not None
        return torch.tanh(gate + self.gate.bias[i]).flatten(0, 1)

    @staticmethod
    def _fuse(x: torch.Tensor, gate: torch.Tensor, step: int, fusion: nn.Module, num_frames: int) -> torch.Tensor:
        """One group (B*T, G/2, H, W): what the gate lets through moves by ``step`` frames and meets what it kept."""
        through = gate * x
        kept = (x - through).unflatten(0, (-1, num_frames))  # (B, T, G/2, H, W)
        moved = _shift(through.unflatten(0, (-1, num_frames)), step)
        means = torch.stack([moved.mean(dim=(3, 4)), kept.mean(dim=(3, 4))], dim=1)  # (B, 2, T, G/2)
        weight = torch.sigmoid(fusion(means.transpose(2, 3))).squeeze(1).transpose(1, 2)[..., None, None]
        fused = torch.lerp(kept, moved, weight).flatten(0, 1)  # (B*T, G/2, H, W)
        # The halves of a group are interleaved: 0, n, 1, n + 1, …
        return fused.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


def _shift(clips: torch.Tensor, step: int) -> torch.Tensor:
    """Frames (B, T, …) moved by one: step 1, frame t gets frame t − 1; step −1, frame t + 1; zeros at the end."""
    nothing = torch.zeros_like(clips[:, :1])
    return torch.cat([nothing, clips[:, :-1]] if step > 0 else [clips[:, 1:], nothing], dim=1)


class FusedConv2d(nn.Conv2d):
    """A convolution whose output passes gate-shift-fuse: same parameters, same keys, and those of ``fuse``.

    Attributes:
        fuse: the module.
        num_frames: T; the model sets it before every pass.
    """

    fuse: GateShiftFuse
    num_frames: int = 1

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        fused: torch.Tensor = self.fuse(super().forward(maps), self.num_frames)
        return fused


def fuse_blocks(backbone: nn.Module, channel_share: float = 0.25) -> int:
    """Put gate-shift-fuse after the last convolution of every residual block, before its batch norm, in place.

    Args:
        backbone: contains residual blocks of torchvision's ResNets or RegNets, or of EfficientNet-Lite.
        channel_share: of a block's output channels that pass the gates, rounded down to a multiple of 4.

    Returns:
        How many blocks have one.

    Raises:
        ConfigError: there is none, or a share is below 4 channels.
    """
    count = 0
    for module in list(backbone.modules()):
        if isinstance(module, Bottleneck):
            module.conv3 = _build_fused(module.conv3, channel_share)
        elif isinstance(module, BasicBlock):
            module.conv2 = _build_fused(module.conv2, channel_share)
        elif isinstance(module, ResBottleneckBlock):
            module.f.c[0] = _build_fused(module.f.c[0], channel_share)
        elif hasattr(module, "_project_conv"):  # a block of EfficientNet-Lite, whose package may not be installed
            module._project_conv = _build_fused(module._project_conv, channel_share)  # type: ignore[arg-type]
        else:
            continue
        count += 1
    if not count:
        raise ConfigError(
            "GSF stands in residual blocks, and this backbone has none that are known here: give a ResNet or RegNet of "
            "torchvision, or efficientnet_lite0"
        )
    return count


def _build_fused(conv: nn.Conv2d, channel_share: float) -> FusedConv2d:
    num_channels = int(conv.out_channels * channel_share) // 4 * 4
    if not 4 <= num_channels <= conv.out_channels:
        raise ConfigError(
            f"channel_share {channel_share:g} of {conv.out_channels} channels is {num_channels}: GSF needs at least 4 "
            "and at most all"
        )
    fused = FusedConv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        stride=conv.stride,  # type: ignore[arg-type]
        padding=conv.padding,  # type: ignore[arg-type]
        groups=conv.groups,
        bias=conv.bias is not None,
        device="meta",
    )
    fused.weight, fused.bias = conv.weight, conv.bias
    fused.fuse = GateShiftFuse(num_channels)
    return fused
