"""A transformer that turns noise into motion: given a noisy motion, how noisy it is and what is wanted, the clean one.

A few frames together are one token; every block is told noise level and condition by adaptive layer norms. The network
predicts the clean motion, not the velocity of the flow: motions lie on a thin sheet in the space of all numbers,
velocities do not.

Source: blocks and their zero-initialised modulation are those of Peebles and Xie, "Scalable Diffusion Models with
Transformers", ICCV 2023, section 3.2 (adaLN-Zero); prediction of the clean motion as in Tevet et al., "Human Motion
Diffusion Model", ICLR 2023, section 3, and Li and He, "Back to Basics: Let Denoising Generative Models Denoise", 2025.

Deviations: tokens are patches of frames, places in time are learnt, and the condition is a vector of attributes through
two linear layers instead of a table of classes, so that combinations that were never seen have a place too; it is also
added to every token, from where it is learnt much sooner than from norms that start by changing nothing.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError

_FREQUENCIES = 64
_LONGEST_PERIOD = 1000.0
_ATTRIBUTE_STD, _PLACE_STD = 0.3, 0.7


class MotionTransformer(nn.Module):
    """Noisy motion, time of the flow and condition to the clean motion.

    Args:
        num_values: D, numbers a frame.
        num_frames: T of every motion.
        num_attributes: A, of the condition.
        width: channels inside; divides into heads.
        depth: blocks.
        num_heads: of the attention.
        patch: frames a token; divides ``num_frames``.
        dropout: in the blocks' MLPs, in [0, 1).

    Raises:
        ConfigError: width and heads, or frames and patch, do not divide.
    """

    def __init__(
        self,
        num_values: int,
        num_frames: int,
        num_attributes: int,
        *,
        width: int = 192,
        depth: int = 4,
        num_heads: int = 4,
        patch: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if width % num_heads or num_frames % patch:
            raise ConfigError(
                f"motion transformer: width {width} must divide into {num_heads} heads, and {num_frames} frames into "
                f"patches of {patch}. Change width, heads or patch."
            )
        self.num_values, self.patch = num_values, patch
        self.project = nn.Linear(patch * num_values, width)
        self.places = nn.Parameter(torch.zeros(num_frames // patch, width))
        self.time = nn.Sequential(nn.Linear(2 * _FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        read, tell = nn.Linear(num_attributes, width), nn.Linear(width, width)
        self.condition = nn.Sequential(read, nn.SiLU(), tell)
        self.blocks = nn.ModuleList(Block(width, num_heads, dropout) for _ in range(depth))
        self.modulate_last = nn.Linear(width, 2 * width)
        self.head = nn.Linear(width, patch * num_values)
        # Places and what is wanted have to be heard beside a token of noise from the first step on. Few of the
        # attributes are not zero, and one of them may be all that differs between two elements.
        nn.init.normal_(self.places, std=_PLACE_STD)
        nn.init.normal_(read.weight, std=_ATTRIBUTE_STD)
        nn.init.normal_(tell.weight, std=2 / math.sqrt(width))
        for module in (self.modulate_last, self.head):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)

    def forward(self, noisy: torch.Tensor, time: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        """The clean motion (B, T, D).

        Args:
            noisy: float32 (B, T, D), ``time`` x clean motion + (1 - ``time``) x noise; both of about unit variance.
            time: float32 (B,), 0 is noise alone, 1 the motion.
            attributes: float32 (B, A); a row of zeros asks for any motion at all.
        """
        B, T, _ = noisy.shape
        wanted = self.condition(attributes)  # (B, W)
        x = self.project(noisy.reshape(B, T // self.patch, -1)) + self.places + wanted[:, None]  # (B, T/p, W)
        given = F.silu(self.time(embed_time(time)) + wanted)  # (B, W)
        for block in self.blocks:
            x = block(x, given)
        shift, scale = self.modulate_last(given)[:, None].chunk(2, dim=-1)
        clean: torch.Tensor = self.head(normalise(x) * (1 + scale) + shift)  # (B, T/p, p*D)
        return clean.reshape(B, T, self.num_values)


class Block(nn.Module):
    """Attention over all tokens and a perceptron, each modulated by what is given; at the start it changes nothing."""

    def __init__(self, width: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.modulate = nn.Linear(width, 6 * width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mix_heads = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Dropout(dropout), nn.Linear(4 * width, width)
        )
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """(B, N, W) of ``x`` (B, N, W) and ``given`` (B, W)."""
        shift, scale, gate, shift_after, scale_after, gate_after = self.modulate(given)[:, None].chunk(6, dim=-1)
        y = self.queries_keys_values(normalise(x) * (1 + scale) + shift)
        # (B, N, 3W) to three of (B, H, N, W/H).
        queries, keys, values = y.unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(2)
        x = x + gate * self.mix_heads(y)
        return x + gate_after * self.perceptron(normalise(x) * (1 + scale_after) + shift_after)


def normalise(x: torch.Tensor) -> torch.Tensor:
    """Layer norm over the last axis without weights of its own: the condition gives scale and shift."""
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


def embed_time(time: torch.Tensor) -> torch.Tensor:
    """Cosines and sines of a time in [0, 1] at 64 frequencies, float32 (B, 128) of ``time`` (B,).

    Example:
        >>> embed_time(torch.tensor([0.0]))[0, [0, 64]].tolist()
        [1.0, 0.0]
    """
    exponents = torch.arange(_FREQUENCIES, dtype=torch.float32, device=time.device) / _FREQUENCIES
    angles = 1000.0 * time[:, None] * torch.exp(-math.log(_LONGEST_PERIOD) * exponents)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
