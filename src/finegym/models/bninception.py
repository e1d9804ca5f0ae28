"""BN-Inception, the backbone of TSN and TRN on FineGym, with the layer names of the Caffe weights.

Source: Ioffe and Szegedy, "Batch Normalization", ICML 2015, figure 5 and section 4.2.1; layer names, biases and
poolings as in the Caffe network that Temporal Segment Networks (Wang et al., ECCV 2016) were trained from.

Deviations: the last pooling takes the mean over all positions, which is the published 7 x 7 pooling at 224 x 224.
Where a map has an odd size before 3c or 4e (never at 224; at 112, for one) the published branches differ in size and
the network fails; here the pooling branch is padded so that they agree. Pixels arrive as RGB, as everywhere here, and
are turned to BGR inside.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from finegym.models.backbones import Backbone, Normalisation

# Caffe's weights want 0 to 255 less the mean, BGR 104, 117, 128; these are in our order, RGB.
CAFFE = Normalisation((128 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3)


class Widths(NamedTuple):
    """Output channels of an inception block's branches; ``pooled`` 0: the input is passed on, and the stride is 2."""

    ones: int
    threes_reduce: int
    threes: int
    double_reduce: int
    double: int
    pooled: int
    pooling: str = "average"


# Figure 5 of the paper. 3c and 4e halve the size and have no 1x1 branch; 5b pools by the maximum.
BLOCKS = {
    "3a": Widths(64, 64, 64, 64, 96, 32),
    "3b": Widths(64, 64, 96, 64, 96, 64),
    "3c": Widths(0, 128, 160, 64, 96, 0, "maximum"),
    "4a": Widths(224, 64, 96, 96, 128, 128),
    "4b": Widths(192, 96, 128, 96, 128, 128),
    "4c": Widths(160, 128, 160, 128, 160, 128),
    "4d": Widths(96, 128, 192, 160, 192, 128),
    "4e": Widths(0, 128, 192, 192, 256, 0, "maximum"),
    "5a": Widths(352, 192, 320, 160, 224, 128),
    "5b": Widths(352, 192, 320, 192, 224, 128, "maximum"),
}


class BNInception(nn.Module):
    """The network without its classifier: images (N, 3, H, W) to features (N, 1024).

    Args:
        in_channels: 3 (RGB, turned to BGR inside) or another number, taken as they come.
    """

    feature_size = 1024

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self._add("conv1_7x7_s2", in_channels, 64, 7, stride=2)
        self._add("conv2_3x3_reduce", 64, 64, 1)
        self._add("conv2_3x3", 64, 192, 3)
        channels = 192
        for block, widths in BLOCKS.items():
            channels = self._add_block(f"inception_{block}", channels, widths)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features (N, 1024): the mean of the last block's map."""
        return self.compute_maps(images).mean(dim=(2, 3))

    def compute_maps(self, images: torch.Tensor) -> torch.Tensor:
        """The last block's maps (N, 1024, H/32, W/32)."""
        if images.shape[1] == 3:
            images = images.flip(1)  # RGB to BGR
        maps = _halve(self._convolve("conv1_7x7_s2", images))
        maps = _halve(self._convolve("conv2_3x3", self._convolve("conv2_3x3_reduce", maps)))
        for block, widths in BLOCKS.items():
            maps = self._compute_block(f"inception_{block}", maps, widths)
        return maps

    def _add(self, name: str, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        conv = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2)
        nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        self.add_module(name, conv)
        self.add_module(f"{name}_bn", nn.BatchNorm2d(out_channels))

    def _convolve(self, name: str, images: torch.Tensor) -> torch.Tensor:
        conv, norm = self.get_submodule(name), self.get_submodule(f"{name}_bn")
        return F.relu(norm(conv(images)), inplace=True)

    def _add_block(self, name: str, channels: int, widths: Widths) -> int:
        stride = 1 if widths.pooled else 2
        if widths.ones:
            self._add(f"{name}_1x1", channels, widths.ones, 1)
        self._add(f"{name}_3x3_reduce", channels, widths.threes_reduce, 1)
        self._add(f"{name}_3x3", widths.threes_reduce, widths.threes, 3, stride)
        self._add(f"{name}_double_3x3_reduce", channels, widths.double_reduce, 1)
        self._add(f"{name}_double_3x3_1", widths.double_reduce, widths.double, 3)
        self._add(f"{name}_double_3x3_2", widths.double, widths.double, 3, stride)
        if widths.pooled:
            self._add(f"{name}_pool_proj", channels, widths.pooled, 1)
        return widths.ones + widths.threes + widths.double + (widths.pooled or channels)

    def _compute_block(self, name: str, maps: torch.Tensor, widths: Widths) -> torch.Tensor:
        branches = [self._convolve(f"{name}_1x1", maps)] if widths.ones else []
        branches.append(self._convolve(f"{name}_3x3", self._convolve(f"{name}_3x3_reduce", maps)))
        double = self._convolve(f"{name}_double_3x3_1", self._convolve(f"{name}_double_3x3_reduce", maps))
        branches.append(self._convolve(f"{name}_double_3x3_2", double))
        if not widths.pooled:
            odd = (maps.shape[2] % 2, maps.shape[3] % 2)
            branches.append(_halve(maps, padding=odd))
        elif widths.pooling == "maximum":
            branches.append(self._convolve(f"{name}_pool_proj", F.max_pool2d(maps, 3, stride=1, padding=1)))
        else:
            # Caffe's mean divides by 9 at the border too: the padding is counted.
            pooled = F.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=True)
            branches.append(self._convolve(f"{name}_pool_proj", pooled))
        return torch.cat(branches, dim=1)


def build_bn_inception(in_channels: int = 3) -> Backbone:
    """BN-Inception with random weights as a backbone of frames; load a file's with ``backbones.load_weights``."""
    return Backbone(BNInception(in_channels), BNInception.feature_size, CAFFE)


def _halve(maps: torch.Tensor, padding: tuple[int, int] = (0, 0)) -> torch.Tensor:
    """Caffe's max pooling 3 x 3, stride 2: no padding, sizes rounded up."""
    return F.max_pool2d(maps, 3, stride=2, padding=padding, ceil_mode=True)
