"""Temporal Shift Module: TSN whose blocks see some channels of the frame before and of the frame after.

Source: Lin et al., "TSM: Temporal Shift Module for Efficient Video Understanding", ICCV 2019, sections 3 and 4: the
residual shift, an eighth of the channels each way. Settings on FineGym: supplement of Shao et al., CVPR 2020.

Deviations: every residual block is shifted, also where the authors skip every second one (ResNet-101); RegNets are
shifted in the same place as ResNets, and EfficientNet-Lite as the authors shift MobileNetV2: before the expansion of
every block that has a residual.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.regnet import ResBottleneckBlock
from torchvision.models.resnet import BasicBlock, Bottleneck

from finegym.errors import ConfigError
from finegym.models.backbones import Backbone
from finegym.models.tsn import TSN


class TSM(TSN):
    """TSN on a backbone whose residual blocks are shifted ("blockres"): parameters and multiply-adds are TSN's.

    Args:
        backbone: a ResNet or RegNet of torchvision, or ``efficientnet_lite0``; it is changed in place, its keys stay
            what they were.
        num_classes: K.
        dropout: before the classifier, in [0, 1).
        shift_divisor: C // shift_divisor channels are shifted each way; 0 shifts none, which is TSN.
        partial_batch_norm: as in TSN.
        freeze_backbone: as in TSN.

    The number of frames is free in every call, so a model trained with 3 can be tested with 12.

    Raises:
        ConfigError: the backbone has no residual blocks that are known here.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        *,
        dropout: float = 0.8,
        shift_divisor: int = 8,
        partial_batch_norm: bool = False,
        freeze_backbone: bool = False,
    ) -> None:
        if shift_divisor:
            shift_blocks(backbone, shift_divisor)
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
            if isinstance(module, ShiftedConv2d):
                module.num_frames = frames.shape[1]
        return super().forward(frames)


class ShiftedConv2d(nn.Conv2d):
    """A convolution of the shifted frames: same parameters, same keys.

    Attributes:
        fold: channels shifted each way.
        num_frames: T; the model sets it before every pass.
    """

    fold: int
    num_frames: int = 1

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return super().forward(shift_frames(maps, self.num_frames, self.fold))


def shift_blocks(backbone: nn.Module, shift_divisor: int = 8) -> int:
    """Shift the input of the first convolution of every residual block, in place.

    Args:
        backbone: contains residual blocks of torchvision's ResNets or RegNets, or of EfficientNet-Lite.
        shift_divisor: C // shift_divisor channels go each way, of the block's C input channels.

    Returns:
        How many blocks were shifted.

    Raises:
        ConfigError: there is none, or the divisor does not leave two disjoint groups of channels.
    """
    if shift_divisor < 2:
        raise ConfigError(f"shift_divisor must be at least 2 (or 0 for no shift), got {shift_divisor}")
    blocks = [module for module in backbone.modules() if isinstance(module, BasicBlock | Bottleneck)]
    for block in blocks:
        block.conv1 = _build_shifted(block.conv1, shift_divisor)
    regnet_blocks = [module for module in backbone.modules() if isinstance(module, ResBottleneckBlock)]
    for block in regnet_blocks:
        block.f.a[0] = _build_shifted(block.f.a[0], shift_divisor)
    lite_blocks = [module for module in backbone.modules() if is_residual_of_lite(module)]
    for block in lite_blocks:
        block._expand_conv = _build_shifted(block._expand_conv, shift_divisor)  # type: ignore[arg-type]
    num_blocks = len(blocks) + len(regnet_blocks) + len(lite_blocks)
    if not num_blocks:
        raise ConfigError(
            "TSM shifts residual blocks, and this backbone has none that are known here: give a ResNet or RegNet of "
            "torchvision, or efficientnet_lite0"
        )
    return num_blocks


def is_residual_of_lite(module: nn.Module) -> bool:
    """Whether this is an inverted residual of EfficientNet-Lite, by its form: the package may not be installed."""
    arguments = getattr(module, "_block_args", None)
    if arguments is None or not hasattr(module, "_expand_conv"):
        return False
    is_same_size = arguments.stride == 1 and arguments.input_filters == arguments.output_filters
    return bool(arguments.id_skip and is_same_size)


def _build_shifted(conv: nn.Conv2d, shift_divisor: int) -> ShiftedConv2d:
    shifted = ShiftedConv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        stride=conv.stride,  # type: ignore[arg-type]
        padding=conv.padding,  # type: ignore[arg-type]
        dilation=conv.dilation,  # type: ignore[arg-type]
        groups=conv.groups,
        bias=conv.bias is not None,
        device="meta",
    )
    shifted.weight, shifted.bias = conv.weight, conv.bias
    shifted.fold = conv.in_channels // shift_divisor
    return shifted


def shift_frames(maps: torch.Tensor, num_frames: int, fold: int) -> torch.Tensor:
    """Give every frame channels of its neighbours: [0, fold) of frame t + 1, [fold, 2 fold) of frame t − 1.

    Args:
        maps: (B*T, C, H, W), the frames of a clip one after the other.
        num_frames: T.
        fold: channels each way.

    Returns:
        (B*T, C, H, W) in the layout of ``maps`` (channels last stays so); zeros where a clip has no such frame.
    """
    if torch.onnx.is_in_onnx_export():
        return _shift_by_padding(maps, num_frames, fold)
    if torch.is_grad_enabled() and maps.requires_grad:
        shifted: torch.Tensor = _Shift.apply(maps, num_frames, fold, False)
        return shifted
    return _shift(maps, num_frames, fold, is_reversed=False)


class _Shift(torch.autograd.Function):
    """The shift with its gradient, the shift the other way; autograd's own would copy everything once a slice."""

    @staticmethod
    def forward(ctx: Any, maps: torch.Tensor, num_frames: int, fold: int, is_reversed: bool) -> torch.Tensor:
        ctx.settings = num_frames, fold, is_reversed
        return _shift(maps, num_frames, fold, is_reversed=is_reversed)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        num_frames, fold, is_reversed = ctx.settings
        return _Shift.apply(gradient, num_frames, fold, not is_reversed), None, None, None


def _shift_by_padding(maps: torch.Tensor, num_frames: int, fold: int) -> torch.Tensor:
    """The same for ONNX, where writing into parts of a tensor is a scattering, half as fast as this."""
    clips = maps.unflatten(0, (-1, num_frames))  # (B, T, C, H, W)
    from_next = F.pad(clips[:, 1:, :fold], (0, 0, 0, 0, 0, 0, 0, 1))
    from_last = F.pad(clips[:, :-1, fold : 2 * fold], (0, 0, 0, 0, 0, 0, 1, 0))
    return torch.cat([from_next, from_last, clips[:, :, 2 * fold :]], dim=2).flatten(0, 1)


def _shift(maps: torch.Tensor, num_frames: int, fold: int, *, is_reversed: bool) -> torch.Tensor:
    """Every value is written once, into one new tensor."""
    from_next, from_last = slice(0, fold), slice(fold, 2 * fold)
    if is_reversed:
        from_next, from_last = from_last, from_next
    shifted = torch.empty_like(maps)
    source, target = (tensor.unflatten(0, (-1, num_frames)) for tensor in (maps, shifted))  # views (B, T, C, H, W)
    target[:, :-1, from_next] = source[:, 1:, from_next]
    target[:, -1, from_next] = 0
    target[:, 1:, from_last] = source[:, :-1, from_last]
    target[:, 0, from_last] = 0
    target[:, :, 2 * fold :] = source[:, :, 2 * fold :]
    return shifted
