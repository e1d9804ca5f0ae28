"""The non-local block: every position of a clip looks at every other.

Source: Wang et al., "Non-local Neural Networks", CVPR 2018, equations 1 to 6 and sections 3.2, 3.3 and 4.1.

Deviations: none by default; where published codes differ from each other there is an option.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError
from finegym.models.flat_conv import FlatConv3d

KINDS = ("embedded_gaussian", "gaussian", "dot_product")


class NonLocalBlock(nn.Module):
    """x + BN(W y), where y is the mean of g(x_j) weighted by how much position j means to position i (equation 6).

    Args:
        channels: C of the input.
        kind: how much: softmax of theta(x_i)·phi(x_j) (``embedded_gaussian``, equation 3), softmax of x_i·x_j
            (``gaussian``, equation 2), or theta(x_i)·phi(x_j) over the number of positions (``dot_product``,
            equation 4).
        is_scaled: divide the products of the softmax by the root of the inner width, as attention does.
        pools_first: take the maximum of 2 x 2 pixels before the convolutions phi and g, not after them; the same for
            phi of ``gaussian``, which has no convolution.
        output_bias: a bias in W, which the batch norm after it makes idle.

    The inner width is C / 2. The batch norm's gamma starts at 0: a new block changes nothing.
    """

    def __init__(
        self,
        channels: int,
        *,
        kind: Literal["embedded_gaussian", "gaussian", "dot_product"] = "embedded_gaussian",
        is_scaled: bool = False,
        pools_first: bool = False,
        output_bias: bool = False,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ConfigError(f"kind of non-local block must be one of {', '.join(KINDS)}, got {kind!r}")
        self.kind = kind
        self.is_scaled = is_scaled
        self.pools_first = pools_first
        inner = channels // 2
        self.g = FlatConv3d(channels, inner, 1)
        if kind != "gaussian":
            self.theta = FlatConv3d(channels, inner, 1)
            self.phi = FlatConv3d(channels, inner, 1)
        self.output = FlatConv3d(inner, channels, 1, bias=output_bias)
        self.norm = nn.BatchNorm3d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps (B, C, T, H, W) to the same shape."""
        query, key, value = (part.flatten(2) for part in self.embed(maps))  # (B, D, N), (B, D, M), (B, D, M)
        products = query.transpose(1, 2) @ key  # (B, N, M)
        if self.kind == "dot_product":
            weights = products / key.shape[2]
        else:
            weights = (products * query.shape[1] ** -0.5 if self.is_scaled else products).softmax(dim=2)
        y = value @ weights.transpose(1, 2)  # (B, D, N)
        changed: torch.Tensor = self.norm(self.output(y.unflatten(2, maps.shape[2:])))
        return maps + changed

    def embed(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Theta (B, D, T, H, W), phi and g (B, D, T, H/2, W/2) of maps (B, C, T, H, W)."""
        pooled = F.max_pool3d(maps, (1, 2, 2)) if self.pools_first or self.kind == "gaussian" else maps
        g = self.g(pooled if self.pools_first else maps)
        if self.kind == "gaussian":
            return maps, pooled, g if self.pools_first else F.max_pool3d(g, (1, 2, 2))
        phi = self.phi(pooled)
        if not self.pools_first:
            phi, g = F.max_pool3d(phi, (1, 2, 2)), F.max_pool3d(g, (1, 2, 2))
        return self.theta(maps), phi, g
