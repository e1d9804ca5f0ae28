"""ST-GCN: convolutions over the joints' graph and over time.

Source: Yan et al., "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition", AAAI 2018,
equations 7, 10 and 11, and sections 3.4 (spatial configuration partition) and 3.6; the adjacency is normalised as
A D⁻¹ and every edge has a learnable importance in every block. Settings on FineGym: supplement of Shao et al., CVPR
2020.

Deviations: the paper sorts a joint's neighbours into those nearer to the centre and those farther from it. Published
codes know distances of one hop only, so that limbs beyond the centre's own neighbours put both directions into one
subset. That is ``partition="published"``, the default, for parity with published weights and numbers;
``"true_distance"`` is the paper's. The data batch norm is over joints and channels, for any number of persons.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from finegym.errors import ConfigError

# Limbs of the 17 COCO keypoints; joint 0 is the nose.
COCO_17_EDGES = (
    *((15, 13), (13, 11), (16, 14), (14, 12), (11, 5), (12, 6), (9, 7), (7, 5), (10, 8), (8, 6)),
    *((5, 0), (6, 0), (1, 0), (3, 1), (2, 0), (4, 2)),
)
WIDTHS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)


class STGCN(nn.Module):
    """Ten blocks of graph and temporal convolution, the mean over persons, joints and frames, and a classifier.

    Args:
        num_classes: K.
        in_channels: C: x, y and score, or x and y.
        edges: pairs of joints that a limb connects.
        num_joints: V.
        centre: the joint that distances are counted from.
        partition: ``"published"`` or ``"true_distance"``.
        widths: output channels of each block; time is halved where they grow (blocks 5 and 8).
        dropout: at the end of every block, in [0, 1).
    """

    normalisation = None  # it sees no pixels

    def __init__(
        self,
        num_classes: int,
        *,
        in_channels: int = 3,
        edges: Sequence[tuple[int, int]] = COCO_17_EDGES,
        num_joints: int = 17,
        centre: int = 0,
        partition: Literal["published", "true_distance"] = "published",
        widths: Sequence[int] = WIDTHS,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        with torch.device("cpu"):  # the values matter, also where only shapes are made (device "meta")
            adjacency = build_adjacency(edges, num_joints, centre=centre, partition=partition)
        self.register_buffer("adjacency", adjacency.to(torch.get_default_device()))
        self.data_norm = nn.BatchNorm1d(num_joints * in_channels)
        channels = [in_channels, *widths]
        self.blocks = nn.ModuleList(
            Block(before, after, stride=1 if i == 0 or after == before else 2, has_shortcut=i > 0, dropout=dropout)
            for i, (before, after) in enumerate(itertools.pairwise(channels))
        )
        assert isinstance(self.adjacency, torch.Tensor)
        self.edge_importance = nn.ParameterList(torch.ones_like(self.adjacency) for _ in widths)
        self.classifier = nn.Linear(channels[-1], num_classes)
        nn.init.normal_(self.classifier.weight, 0.0, 0.01)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, skeletons: torch.Tensor) -> torch.Tensor:
        """Logits (B, K).

        Args:
            skeletons: float32 (B, C, T, V, M): x as (x − w/2) / (w/2), y likewise, and the score; M persons, zeros
                where there is none.
        """
        B, C, T, V, M = skeletons.shape
        x = skeletons.permute(0, 4, 3, 1, 2).reshape(B * M, V * C, T)
        x = self.data_norm(x).unflatten(1, (V, C)).permute(0, 2, 3, 1)  # (B*M, C, T, V)
        x = x.contiguous(memory_format=torch.channels_last)  # joints are then mixed without a copy
        for block, importance in zip(self.blocks, self.edge_importance, strict=True):
            x = block(x, self.adjacency * importance)
        features = x.mean(dim=(2, 3)).unflatten(0, (B, M)).mean(dim=1)  # (B, F)
        logits: torch.Tensor = self.classifier(features)
        return logits


class Block(nn.Module):
    """Graph convolution, temporal convolution of nine frames, and a shortcut around both.

    Args:
        in_channels: C.
        out_channels: D.
        stride: over time.
        has_shortcut: the first block has none.
        dropout: after the temporal convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int, has_shortcut: bool, dropout: float) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.graph = nn.Conv2d(in_channels, 3 * out_channels, 1)
        self.temporal = nn.Sequential(
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, (9, 1), stride=(stride, 1), padding=(4, 0)),
            nn.BatchNorm2d(out_channels),
            nn.Dropout(dropout),
        )
        self.shortcut: nn.Module | None = None
        if has_shortcut and (stride != 1 or in_channels != out_channels):
            conv = nn.Conv2d(in_channels, out_channels, 1, stride=(stride, 1))
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(out_channels))
        elif has_shortcut:
            self.shortcut = nn.Identity()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.02)  # as in the authors' code
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor, adjacency: torch.Tensor) -> torch.Tensor:
        """(N, D, T', V) of ``x`` (N, C, T, V) and an adjacency (3, V, V)."""
        # Equation 10: joint w gets from joint v, subset by subset. One matrix product a frame: with channels last
        # neither its operands nor its result are copied (an einsum over (N, 3, D, T, V) copies both).
        N, _, T, V = x.shape
        senders = self.graph(x).permute(0, 2, 3, 1).reshape(N * T, V * 3, self.out_channels)
        weights = adjacency.permute(2, 1, 0).reshape(1, V, V * 3).expand(N * T, -1, -1)  # joint w; joint v, subset
        y = torch.bmm(weights, senders).unflatten(0, (N, T)).permute(0, 3, 1, 2)  # (N, D, T, V)
        y = self.temporal(y)
        return torch.relu(y if self.shortcut is None else y + self.shortcut(x))


def build_adjacency(
    edges: Sequence[tuple[int, int]],
    num_joints: int,
    *,
    centre: int = 0,
    partition: Literal["published", "true_distance"] = "published",
) -> torch.Tensor:
    """The three subsets of the spatial configuration partition (section 3.4), each entry of A D⁻¹ in one of them.

    Args:
        edges: pairs of joints.
        num_joints: V.
        centre: the joint that distances are counted from.
        partition: ``"true_distance"`` counts all hops; ``"published"`` takes every joint two or more hops away to be
            equally (infinitely) far.

    Returns:
        float32 (3, V, V); entry (k, v, w) weighs what joint w gets from joint v. 0: the joint itself. 1: from v
        farther from the centre than w, or as far. 2: from v nearer.

    Raises:
        ConfigError: a joint does not exist, or is not connected to the centre.
    """
    outside = sorted({joint for edge in [*edges, (centre,)] for joint in edge if not 0 <= joint < num_joints})
    if outside or partition not in ("published", "true_distance"):
        raise ConfigError(
            f"graph of {num_joints} joints: joints {outside} do not exist"
            if outside
            else f"partition must be 'published' or 'true_distance', got {partition!r}"
        )
    connected = torch.eye(num_joints, dtype=torch.bool)
    for v, w in edges:
        connected[v, w] = connected[w, v] = True
    distance = _count_hops(connected, centre)
    unreached = torch.isinf(distance).nonzero().flatten().tolist()
    if unreached:
        raise ConfigError(f"graph of {num_joints} joints: joints {unreached} are not connected to the centre {centre}")
    if partition == "published":
        distance = distance.where(distance <= 1, torch.inf)
    normalised = connected / connected.sum(dim=0)  # A D⁻¹: a joint gets the mean over its neighbours and itself
    itself = torch.eye(num_joints, dtype=torch.bool)
    is_nearer = (distance[:, None] < distance[None, :]) & ~itself
    return torch.stack([normalised * itself, normalised * ~(itself | is_nearer), normalised * is_nearer])


def _count_hops(connected: torch.Tensor, centre: int) -> torch.Tensor:
    """Hops of every joint from the centre, float (V,); infinity where there is no way."""
    distance = torch.full((len(connected),), torch.inf)
    distance[centre] = 0
    for _ in range(len(connected)):
        distance = torch.minimum(distance, torch.where(connected, distance[:, None], torch.inf).amin(dim=0) + 1)
    return distance
