"""Transformers of clips: MViTv2 and Swin3D, which are torchvision's with our classifier.

Source: MViTv2-S: Li et al., "MViTv2: Improved Multiscale Vision Transformers for Classification and Detection",
CVPR 2022, sections 3 and 4; Swin3D-T, -S, -B: Liu et al., "Video Swin Transformer", CVPR 2022, section 3.

Deviations: the classifier and the dropout before it are those of the other networks here. Stochastic depth is that of
torchvision's builders (0.2 for MViTv2-S, 0.1 for Swin3D).
"""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import torch
from torch import nn
from torchvision.models import get_model, get_model_weights

from finegym.errors import ConfigError
from finegym.models.backbones import IMAGENET, Backbone, Normalisation, WeightsReport, load_weights, read_state
from finegym.models.clip_network import ClipNetwork

KINETICS = "kinetics400"  # torchvision's KINETICS400_V1
# Pixels of SlowFast, where MViTv2 was trained; torchvision's transforms for these weights say the same.
SLOWFAST = Normalisation((0.45,) * 3, (0.225,) * 3)


class VideoTransformer(ClipNetwork):
    """A transformer of clips and a classifier; ``build_video_transformer`` makes the backbone."""


class MViTv2(VideoTransformer):
    """MViTv2-S: clips of exactly 16 frames of 224 x 224, which its tables of relative positions are made for."""

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of clips (B, 16, 3, 224, 224), normalised as ``normalisation`` says.

        Raises:
            ConfigError: clips of another size.
        """
        if tuple(frames.shape[1:]) != (16, 3, 224, 224):
            raise ConfigError(
                f"MViTv2-S takes clips (B, T, C, H, W) of (16, 3, 224, 224) each, got {tuple(frames.shape)}"
            )
        return super().forward(frames)


class Swin3D(VideoTransformer):
    """Video Swin: clips of any length and size, padded with zeros to whole windows; 32 frames of 224 published."""


def build_video_transformer(name: str, *, weights: str = "none") -> tuple[Backbone, WeightsReport | None]:
    """Build a transformer of torchvision without its head and load its weights.

    Args:
        name: ``mvit_v2_s``, ``swin3d_t``, ``swin3d_s`` or ``swin3d_b``.
        weights: ``none`` (random), ``kinetics400`` (torchvision's KINETICS400_V1, from its cache or downloaded and
            checked by hash) or the path of a file with torchvision's keys (``.safetensors``, or anything
            ``torch.load(weights_only=True)`` reads).

    Returns:
        The backbone, of RGB clips (B, 3, T, H, W), and what became of each key (``None`` for random weights).

    Raises:
        ConfigError: the weights cannot be fetched, or do not fit.
    """
    body = get_model(name, weights=None)
    last = [module for module in body.head.modules() if isinstance(module, nn.Linear)][-1]
    body.head = nn.Identity()
    report = None
    if weights != "none":
        state, source = _find_weights(name, weights)
        report = load_weights(body, state, source=source, head="head.")
    return Backbone(body, last.in_features, SLOWFAST if name == "mvit_v2_s" else IMAGENET), report


def _find_weights(name: str, weights: str) -> tuple[dict[str, torch.Tensor], str]:
    if weights != KINETICS:
        return read_state(Path(weights)), weights
    choice = get_model_weights(name)["KINETICS400_V1"]
    try:
        return choice.get_state_dict(progress=False, check_hash=True, weights_only=True), str(choice)
    except (URLError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"Kinetics weights of {name} could not be fetched: {error}. Fetch {choice.url} where there is a network "
            "and give the file as model.weights."
        ) from error
