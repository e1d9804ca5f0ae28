"""PoseConv3D: a 3-D network on heatmaps of joints (or limbs) over time.

Source: Duan et al., "Revisiting Skeleton-based Action Recognition", CVPR 2022, section 3.3 and the SlowOnly form of
table 2; strides, inflation and pooling as in the authors' settings for FineGym (github.com/kennymckormick/pyskl,
Apache-2.0).

Deviations: none.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from finegym.models.flat_conv import FlatConv3d


class PoseConv3D(nn.Module):
    """SlowOnly-R50 with half the channels, without its first stage: 4, 6 and 3 blocks.

    Args:
        num_classes: K.
        in_channels: V heatmaps a frame: 17 joints, or as many limbs.
        base_channels: of the stem; a stage gives 4, 8 and 16 times as many.
        num_blocks: of the three stages.
        dropout: before the classifier, in [0, 1).
    """

    normalisation = None  # it sees no pixels

    def __init__(
        self,
        num_classes: int,
        *,
        in_channels: int = 17,
        base_channels: int = 32,
        num_blocks: Sequence[int] = (4, 6, 3),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            FlatConv3d(in_channels, base_channels, (1, 7, 7), padding=(0, 3, 3), bias=False),
            nn.BatchNorm3d(base_channels),
            nn.ReLU(inplace=True),
            # The authors' settings keep the pooling of an image network, at stride 1.
            nn.MaxPool3d((1, 3, 3), stride=1, padding=(0, 1, 1)),
        )
        self.stages = nn.ModuleList()
        channels = base_channels
        for stage, count in enumerate(num_blocks):
            inner = base_channels * 2**stage
            stride = (2 if stage == 2 else 1, 2, 2)  # the last stage halves time too
            blocks = []
            for place in range(count):
                # Stage 1 looks at single frames, the others at three.
                blocks.append(Bottleneck3d(channels, inner, 3 if stage else 1, stride if place == 0 else (1, 1, 1)))
                channels = inner * Bottleneck3d.expansion
            self.stages.append(nn.Sequential(*blocks))
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, num_classes)
        _initialise(self)

    def forward(self, heatmaps: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of heatmaps, float32 (B, V, T, H, W), in [0, 1]: 48 frames of 56 x 56 are published."""
        maps = self.stem(heatmaps)
        for stage in self.stages:
            maps = stage(maps)
        logits: torch.Tensor = self.classifier(self.dropout(maps.mean(dim=(2, 3, 4))))
        return logits


class Bottleneck3d(nn.Module):
    """A residual block: ``length`` x 1 x 1, 1 x 3 x 3 (which has the stride), 1 x 1 x 1.

    Args:
        in_channels: C.
        inner: channels inside; four times as many come out.
        length: of the first kernel in frames.
        stride: over time, rows and columns.
    """

    expansion = 4

    def __init__(self, in_channels: int, inner: int, length: int, stride: tuple[int, int, int]) -> None:
        super().__init__()
        out_channels = inner * self.expansion
        self.conv1 = FlatConv3d(in_channels, inner, (length, 1, 1), padding=(length // 2, 0, 0), bias=False)
        self.bn1 = nn.BatchNorm3d(inner)
        self.conv2 = FlatConv3d(inner, inner, (1, 3, 3), stride=stride, padding=(0, 1, 1), bias=False)
        self.bn2 = nn.BatchNorm3d(inner)
        self.conv3 = FlatConv3d(inner, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(out_channels)
        self.downsample: nn.Module = nn.Identity()
        if stride != (1, 1, 1) or in_channels != out_channels:
            conv = FlatConv3d(in_channels, out_channels, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm3d(out_channels))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.bn1(self.conv1(maps)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(maps))


def _initialise(model: PoseConv3D) -> None:
    """As the authors' code: He's normal for convolutions, 0 for the last batch norm of a block."""
    for module in model.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, Bottleneck3d):
            nn.init.zeros_(module.bn3.weight)
    nn.init.normal_(model.classifier.weight, 0.0, 0.01)
    nn.init.zeros_(model.classifier.bias)
