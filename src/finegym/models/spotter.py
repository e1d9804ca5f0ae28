"""Precise spotting: a network that says of every frame of a window which event happens in it, end to end.

Source: Hong et al., "Spotting Temporally Precise, Fine-Grained Events in Video", ECCV 2022 (E2E-Spot), section 4: an
image network whose blocks look at neighbouring frames, a bidirectional GRU over a long window, a linear layer a frame;
hidden size (the features', 768 at most) and dropout as in the authors' code (github.com/jhong93/spot, BSD-3).

Deviations: gate-shift-fuse (2023) stands where they have gate-shift (GSM, 2020), of the same authors: GSM with a learnt
fusion. The number of frames is free in every call; theirs is padded to the one of training. A second linear layer, if
asked for, says of every frame which class it lies inside of: many more frames teach than the few in which events are.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import nn
from torchvision.ops import StochasticDepth

from finegym.errors import ConfigError
from finegym.models.backbones import Backbone
from finegym.models.gsf import FusedConv2d, fuse_blocks
from finegym.models.tsm import ShiftedConv2d, shift_blocks

MAX_HIDDEN_SIZE = 768  # as in the authors' code: no GRU wider than RegNet-Y 800MF's features


class FrameLogits(NamedTuple):
    """What the network says of the frames of a window.

    Attributes:
        events: float (B, T, K + 1); 0: no event.
        inside: float (B, T, C + 1), the class that a frame lies inside of; 0: none. ``None`` without that layer.
    """

    events: torch.Tensor
    inside: torch.Tensor | None


def stop_stochastic_depth(backbone: nn.Module) -> None:
    """Let no block be left out at random in training, in place.

    It is drawn for every image, so that each frame of a window would be seen by another network: noise in time, where
    motion should be.
    """
    for module in backbone.modules():
        if isinstance(module, StochasticDepth):
            module.p = 0.0
        elif hasattr(module, "_global_params"):  # EfficientNet-Lite, whose package may not be installed
            module._global_params = module._global_params._replace(drop_connect_rate=0.0)  # type: ignore[operator, union-attr]


class Spotter(nn.Module):
    """A spotter on an image network.

    Args:
        backbone: of ``temporal`` ``gsf`` or ``tsm``, a ResNet or RegNet of torchvision, changed in place.
        num_events: K.
        num_classes: C of the second layer; 0: there is none.
        temporal: how the blocks of the backbone see neighbouring frames.
        hidden_size: of the GRU, each way; 0: the features', but 768 at most.
        num_layers: of the GRU.
        dropout: before the linear layers, in [0, 1).

    Attributes:
        normalisation: what the backbone wants its pixels to be.

    Raises:
        ConfigError: the backbone has no blocks that can look at neighbouring frames.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_events: int,
        *,
        num_classes: int = 0,
        temporal: Literal["gsf", "tsm", "none"] = "gsf",
        hidden_size: int = 0,
        num_layers: int = 1,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if num_events < 1:
            raise ConfigError(f"a spotter needs at least one event to look for, got {num_events}")
        if temporal == "gsf":
            fuse_blocks(backbone)
        elif temporal == "tsm":
            shift_blocks(backbone)
        for parameter in backbone.parameters():
            if parameter.dim() == 4:  # channels last: twice as fast for networks with depthwise convolutions
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        stop_stochastic_depth(backbone)
        self.backbone = backbone
        self.normalisation = backbone.normalisation
        hidden_size = hidden_size or min(backbone.feature_size, MAX_HIDDEN_SIZE)
        self.gru = nn.GRU(backbone.feature_size, hidden_size, num_layers, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.events = nn.Linear(2 * hidden_size, num_events + 1)
        self.inside = nn.Linear(2 * hidden_size, num_classes + 1) if num_classes else None

    def forward(self, frames: torch.Tensor) -> FrameLogits:
        """Logits of every frame of windows (B, T, C, H, W), normalised as ``normalisation`` says."""
        return self.classify(self.compute_features(frames))

    def compute_features(self, frames: torch.Tensor) -> torch.Tensor:
        """Features (B, T, F) of windows (B, T, C, H, W)."""
        B, T = frames.shape[:2]
        for module in self.backbone.modules():
            if isinstance(module, FusedConv2d | ShiftedConv2d):
                module.num_frames = T
        features: torch.Tensor = self.backbone(frames.flatten(0, 1))  # (B*T, F)
        return features.unflatten(0, (B, T))

    def classify(self, features: torch.Tensor) -> FrameLogits:
        """Logits from features (B, T, F)."""
        states = self.dropout(self.gru(features)[0])  # (B, T, 2 * hidden)
        return FrameLogits(self.events(states), None if self.inside is None else self.inside(states))
