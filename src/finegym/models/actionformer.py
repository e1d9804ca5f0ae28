"""ActionFormer: segments of time from snippet features, in one stage and without proposals.

Features are projected by convolutions; transformer blocks with attention in a local window turn them into a pyramid,
each level at half the rate of the one below; every point of every level says which classes go on there and how far
away their start and end are, with heads that all levels share.

Source: Zhang, Wu, Li, "ActionFormer: Localizing Moments of Actions with Transformers", ECCV 2022, sections 3.1 to 3.3,
and the authors' release for what the paper leaves out: layer norms after the convolutions of projection and heads, a
depthwise convolution before queries, keys and values, a factor a channel on both branches of a block, a factor a level
on the offsets. With its settings (2,048 features, width 512, 20 classes) it has the 29.3 million weights that are
published.

Deviations, all so that a sequence gives the same numbers alone and in a batch of longer ones: what lies behind a
sequence's end is zero after the norm at a block's beginning, where the release leaves the norm's bias, and minus
infinity for max pooling, where the release leaves zeros. A length need not be a multiple of strides and window. No
position encoding and no second neck ("identity"), as in the release's settings.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError


class PointScores(NamedTuple):
    """What the network says at P points: those of all levels, the finest first.

    Attributes:
        logits: float32 (B, P, K), before the sigmoid.
        offsets: float32 (B, P, 2), not negative: back to the start and on to the end, in strides of the point's level.
        valid: bool (B, P), false behind a sequence's end.
    """

    logits: torch.Tensor
    offsets: torch.Tensor
    valid: torch.Tensor


class ActionFormer(nn.Module):
    """A pyramid of transformer blocks over snippet features, with a classifier and a regressor at every point.

    Args:
        feature_size: D, of a snippet.
        num_outputs: K.
        width: channels inside.
        num_convs: convolutions that project the features, at least 1.
        num_stem_blocks: transformer blocks at the rate of the snippets.
        num_levels: of the pyramid, the rate of the snippets included.
        num_heads: of the attention.
        window: points that attention sees, odd: as many before as after.
        head_convs: convolutions of each head before its last.
        dropout: in the blocks' MLPs, in [0, 1).
        drop_path: how often a block's branch is left out for a sequence in training, in [0, 1).
        branch_scale: what the factors on the blocks' branches start at. The release's 1e-4 needs its long schedules.
        prior: score of every class at the beginning.

    Raises:
        ConfigError: the width does not divide into heads, or the window is even or below 3.
    """

    normalisation = None  # it sees no pixels

    def __init__(
        self,
        feature_size: int,
        num_outputs: int,
        *,
        width: int = 512,
        num_convs: int = 2,
        num_stem_blocks: int = 2,
        num_levels: int = 6,
        num_heads: int = 4,
        window: int = 19,
        head_convs: int = 2,
        dropout: float = 0.0,
        drop_path: float = 0.1,
        branch_scale: float = 1e-4,
        prior: float = 0.01,
    ) -> None:
        super().__init__()
        if width % num_heads or window < 3 or window % 2 == 0:
            raise ConfigError(
                f"ActionFormer: width must divide into heads and the window be odd and at least 3, got width {width}, "
                f"{num_heads} heads, window {window}"
            )

        def build_block(stride: int) -> Block:
            return Block(width, num_heads, window, stride, dropout, drop_path, branch_scale)

        self.num_levels = num_levels
        sizes = [feature_size] + [width] * num_convs
        self.projection = nn.ModuleList(NormedConv(before, after) for before, after in itertools.pairwise(sizes))
        self.stem = nn.ModuleList(build_block(stride=1) for _ in range(num_stem_blocks))
        self.branch = nn.ModuleList(build_block(stride=2) for _ in range(num_levels - 1))
        self.norms = nn.ModuleList(ChannelNorm(width) for _ in range(num_levels))
        self.classifier = Head(width, num_outputs, head_convs)
        self.regressor = Head(width, 2, head_convs)
        self.offset_scales = nn.Parameter(torch.ones(num_levels))
        for module in self.modules():
            if isinstance(module, nn.Conv1d) and module.bias is not None:
                nn.init.zeros_(module.bias)
        # Nearly every point is background: at even odds its loss would drown all others for the first epochs.
        assert self.classifier.last.bias is not None
        nn.init.constant_(self.classifier.last.bias, -math.log((1 - prior) / prior))

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> PointScores:
        """Scores and offsets at every point of every level.

        Args:
            features: float32 (B, T, D), snippets in order of time; what lies behind a sequence's end is not looked at.
            lengths: int64 (B,), snippets of every sequence, 1 to T.
        """
        mask = make_mask(lengths, features.shape[1])  # (B, 1, T)
        x = features.transpose(1, 2).masked_fill(~mask, 0.0)  # (B, D, T)
        for conv in self.projection:
            x = conv(x, mask)
        for block in self.stem:
            x, mask = block(x, mask)
        levels = [(x, mask)]
        for block in self.branch:
            levels.append(block(*levels[-1]))
        logits, offsets = [], []
        for (x, mask), norm, scale in zip(levels, self.norms, self.offset_scales, strict=True):
            x = norm(x) * mask
            logits.append(self.classifier(x, mask).transpose(1, 2))  # (B, T', K)
            offsets.append(F.relu(self.regressor(x, mask) * scale).transpose(1, 2))  # (B, T', 2)
        valid = torch.cat([mask[:, 0] for _, mask in levels], dim=1)
        return PointScores(torch.cat(logits, dim=1), torch.cat(offsets, dim=1), valid)


def make_points(num_snippets: int, num_levels: int) -> torch.Tensor:
    """Where the points of all levels are, the finest first.

    Args:
        num_snippets: T.
        num_levels: of the pyramid.

    Returns:
        float32 (P, 2): position, in snippets (0 is the centre of the first), and stride. A level begins with the first
        snippet and has ``ceil(T / stride)`` points.

    Example:
        >>> make_points(3, 2).tolist()
        [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [0.0, 2.0], [2.0, 2.0]]
    """
    strides = [2**level for level in range(num_levels)]
    positions = [torch.arange(0, num_snippets, stride, dtype=torch.float32) for stride in strides]
    rows = [torch.stack([p, torch.full_like(p, stride)], dim=1) for p, stride in zip(positions, strides, strict=True)]
    return torch.cat(rows)


def make_mask(lengths: torch.Tensor, num_snippets: int) -> torch.Tensor:
    """Bool (B, 1, T): true where a sequence has a snippet."""
    return (torch.arange(num_snippets, device=lengths.device) < lengths[:, None])[:, None]


class Block(nn.Module):
    """Attention in a window and an MLP, each a branch beside a shortcut, norms first; at stride 2 time is halved.

    Args:
        width: C.
        num_heads: of the attention.
        window: points that attention sees.
        stride: 1 or 2.
        dropout: in the MLP.
        drop_path: of both branches.
        branch_scale: what the factors on both branches start at.
    """

    def __init__(
        self,
        width: int,
        num_heads: int,
        window: int,
        stride: int,
        dropout: float,
        drop_path: float,
        branch_scale: float,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.norm = ChannelNorm(width)
        self.attention = ConvAttention(width, num_heads, window, stride, dropout)
        self.attention_branch = Branch(width, drop_path, branch_scale)
        self.mlp_norm = ChannelNorm(width)
        self.mlp = nn.Sequential(
            nn.Conv1d(width, 4 * width, 1),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv1d(4 * width, width, 1),
            nn.Dropout(dropout),
        )
        self.mlp_branch = Branch(width, drop_path, branch_scale)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, C, T') and its mask, of ``x`` (B, C, T); T' is ``ceil(T / stride)``."""
        attended, new_mask = self.attention(self.norm(x) * mask, mask)
        if self.stride > 1:
            # A point is valid if its middle snippet is, so the maximum is never over nothing.
            x = F.max_pool1d(x.masked_fill(~mask, -torch.inf), self.stride + 1, self.stride, padding=1)
            x = x.masked_fill(~new_mask, 0.0)
        x = x + self.attention_branch(attended)
        x = x + self.mlp_branch(self.mlp(self.mlp_norm(x)) * new_mask)
        return x, new_mask


class ConvAttention(nn.Module):
    """Attention in a local window whose queries, keys and values come from depthwise convolutions.

    The convolutions know the order of points, in place of position encodings, and their stride thins them out.

    Args:
        width: C.
        num_heads: H.
        window: points that a query sees, odd.
        stride: 1 or 2.
        dropout: of what is added to the shortcut.
    """

    def __init__(self, width: int, num_heads: int, window: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.num_heads, self.window, self.stride = num_heads, window, stride

        def build_projection() -> nn.Sequential:
            conv = nn.Conv1d(width, width, 3, stride=stride, padding=1, groups=width, bias=False)
            return nn.Sequential(conv, ChannelNorm(width), nn.Conv1d(width, width, 1))

        self.query, self.key, self.value = build_projection(), build_projection(), build_projection()
        self.out = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, C, T') and its mask, of ``x`` (B, C, T), which is zero where ``mask`` is false."""
        mask = mask[:, :, :: self.stride]
        query, key, value = (
            project(x).unflatten(1, (self.num_heads, -1)).transpose(2, 3)  # (B, H, T', C/H)
            for project in (self.query, self.key, self.value)
        )
        attended = attend_locally(query, key, value, mask[:, 0], self.window)  # (B, H, T', C/H)
        x = attended.transpose(2, 3).flatten(1, 2)  # (B, C, T')
        return self.dropout(self.out(x)) * mask, mask


def attend_locally(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, window: int
) -> torch.Tensor:
    """Softmax attention of every point to the points at most ``window // 2`` away, in time and memory linear in T.

    Queries are taken in blocks of half a window; a block's keys are those of the block itself and of both neighbours.

    Args:
        query: float (B, H, T, d), not scaled.
        key: as ``query``.
        value: as ``query``.
        mask: bool (B, T); points where it is false are not attended to.
        window: odd, at least 3.

    Returns:
        float (B, H, T, d); where the mask is false, something finite without meaning.
    """
    B, _, T, _ = query.shape
    reach = max(1, min(window // 2, T - 1))
    num_blocks = -(-T // reach)
    behind = num_blocks * reach - T

    def split_neighbourhoods(x: torch.Tensor) -> torch.Tensor:  # (B, H, T, d) to (B*n, H, 3*reach, d)
        around = F.pad(x, (0, 0, reach, behind + reach)).unfold(2, 3 * reach, reach)  # (B, H, n, d, 3*reach)
        return around.permute(0, 2, 1, 4, 3).flatten(0, 1)

    queries = F.pad(query, (0, 0, 0, behind)).unflatten(2, (num_blocks, reach)).transpose(1, 2).flatten(0, 1)
    is_there = F.pad(mask, (reach, behind + reach)).unfold(1, 3 * reach, reach)  # (B, n, 3*reach)
    distance = torch.arange(3 * reach, device=mask.device) - reach - torch.arange(reach, device=mask.device)[:, None]
    # Every point may see itself, so that none behind the end has nothing to see, which would give NaN.
    is_seen = (is_there[:, :, None] & (distance.abs() <= reach)) | (distance == 0)  # (B, n, reach, 3*reach)
    attended = F.scaled_dot_product_attention(
        queries, split_neighbourhoods(key), split_neighbourhoods(value), is_seen.flatten(0, 1)[:, None]
    )  # (B*n, H, reach, d)
    return attended.unflatten(0, (B, num_blocks)).transpose(1, 2).flatten(2, 3)[:, :, :T]


class Head(nn.Module):
    """Convolutions with norm and ReLU, then one that gives the outputs.

    Args:
        width: C, input and inside.
        num_outputs: K.
        num_convs: before the last.
    """

    def __init__(self, width: int, num_outputs: int, num_convs: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(NormedConv(width, width) for _ in range(num_convs))
        self.last = nn.Conv1d(width, num_outputs, 3, padding=1)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, K, T) of ``x`` (B, C, T), which is zero where ``mask`` (B, 1, T) is false."""
        for conv in self.convs:
            x = conv(x, mask)
        out: torch.Tensor = self.last(x)
        return out


class NormedConv(nn.Module):
    """Convolution over three points, norm over channels, ReLU; zero where there is no snippet."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, 3, padding=1, bias=False)
        self.norm = ChannelNorm(out_channels)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, C', T) of ``x`` (B, C, T), which is zero where ``mask`` (B, 1, T) is false."""
        return F.relu(self.norm(self.conv(x))) * mask


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (B, C, T)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T)."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Branch(nn.Module):
    """What a branch adds to its shortcut: times a learnt factor a channel; in training it is sometimes left out.

    Args:
        width: C.
        drop_path: how often it is left out for a sequence; the others then count for more.
        scale: what the factors start at.
    """

    def __init__(self, width: int, drop_path: float, scale: float) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T)."""
        x = x * self.scale[:, None]
        if not self.training or self.drop_path == 0:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device) >= self.drop_path
        return x * kept / (1 - self.drop_path)
