"""VideoMAE: a plain vision transformer on cubes of two frames, made for weights that were learned without labels.

Source: Tong et al., "VideoMAE: Masked Autoencoders are Data-Efficient Learners for Self-Supervised Video
Pre-Training", NeurIPS 2022, section 4 and appendix; the fine-tuned network is that of
github.com/MCG-NJU/VideoMAE, modeling_finetune.py.

Deviations: the modules are those of the package transformers, which knows no stochastic depth (0.1 published). The
classifier and the dropout before it are those of the other networks here. Masking and the decoder, which learn without
labels, are not here.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import cast

import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models.backbones import IMAGENET, Backbone, WeightsReport, load_weights, read_state
from finegym.models.clip_network import ClipNetwork

PATCH, TUBELET = 16, 2  # pixels and frames of a cube
# Width, blocks, heads; the hidden layers of a block's two linear ones are four times as wide.
SIZES = {"videomae_s": (384, 12, 6), "videomae_b": (768, 12, 12), "videomae_l": (1024, 24, 16)}
HEAD = ("classifier.", "decoder.", "encoder_to_decoder.", "mask_token", "position_embeddings", "videomae.layernorm.")
NORM = ("fc_norm.weight", "fc_norm.bias")
# Files of before transformers 5 keep two biases beside the linear layers that they belong to; blocks and embeddings are
# found one level higher here.
RENAMED = {
    ".attention.q_bias": ".attention.query.bias",
    ".attention.v_bias": ".attention.value.bias",
    "videomae.encoder.layer.": "layer.",
    "videomae.embeddings.": "embeddings.",
}


class CubeTransformer(nn.Module):
    """Cubes of a clip through the blocks of a vision transformer, and the norm of their mean.

    Args:
        encoder: ``VideoMAEModel`` of transformers; its modules are taken, so that blocks stand in one list.
        width: F.
        clip_shape: (T, 3, H, W) that its positions are made for.
    """

    def __init__(self, encoder: nn.Module, width: int, clip_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.clip_shape = clip_shape
        self.embeddings = cast(nn.Module, encoder.embeddings)
        # A plain tensor there, which would be copied from the CPU in every pass; no part of any file.
        positions = self.embeddings.__dict__.pop("position_embeddings")
        self.embeddings.register_buffer("position_embeddings", positions, persistent=False)
        self.layer = cast(nn.ModuleList, cast(nn.Module, encoder.encoder).layer)
        self.fc_norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Features (B, F) of clips (B, 3, T, H, W)."""
        cubes = self.embeddings(clips.transpose(1, 2), None)  # (B, N, F): nothing is masked
        for block in self.layer:
            cubes = block(cubes)
        features: torch.Tensor = self.fc_norm(cubes.mean(dim=1))
        return features


class VideoMAE(ClipNetwork):
    """VideoMAE's vision transformer and a classifier; ``build_videomae`` makes the backbone for clips of one size."""

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of clips (B, T, 3, H, W), normalised as ``normalisation`` says.

        Raises:
            ConfigError: clips of another size than the positions were made for.
        """
        wanted = cast(CubeTransformer, self.backbone.body).clip_shape
        if tuple(frames.shape[1:]) != wanted:
            raise ConfigError(
                f"VideoMAE was built for clips (B, T, C, H, W) of {wanted} each, got {tuple(frames.shape)}"
            )
        return super().forward(frames)


def build_videomae(
    name: str, *, weights: str = "none", num_frames: int = 16, image_size: int = 224
) -> tuple[Backbone, WeightsReport | None]:
    """Build the vision transformer of VideoMAE without its head and load its weights.

    Nothing is fetched: the network is made from its sizes. Positions are sines of a cube's number, so that any clip of
    whole cubes will do; weights were learned on 16 frames of 224 pixels.

    Args:
        name: ``videomae_s``, ``videomae_b`` or ``videomae_l``.
        weights: ``none`` (random) or the path of a file with the keys of transformers, such as ``model.safetensors`` or
            ``pytorch_model.bin`` of MCG-NJU/videomae-base on the Hugging Face Hub: fine-tuned or self-supervised.
        num_frames: T, a multiple of 2.
        image_size: H and W, a multiple of 16.

    Returns:
        The backbone, of RGB clips (B, 3, T, H, W), and what became of each key (``None`` for random weights).

    Raises:
        ConfigError: transformers is not installed, the clip has no whole cubes, or the weights do not fit.
    """
    if num_frames % TUBELET or image_size % PATCH:
        raise ConfigError(
            f"{name} cuts clips into cubes of {TUBELET} frames and {PATCH} x {PATCH} pixels, but they are {num_frames} "
            f"frames of {image_size} pixels"
        )
    transformers = _import_transformers(name)
    width, depth, heads = SIZES[name]
    config = transformers.VideoMAEConfig(
        image_size=image_size,
        num_frames=num_frames,
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        layer_norm_eps=1e-6,  # the authors'; transformers' own is 1e-12
        attn_implementation="sdpa",
    )
    body = CubeTransformer(transformers.VideoMAEModel(config), width, (num_frames, 3, image_size, image_size))
    report = None
    if weights != "none":
        state, source = _read_state(Path(weights), body)
        report = load_weights(body, state, source=source, head=HEAD)
    return Backbone(body, width, IMAGENET), report


def _read_state(path: Path, body: CubeTransformer) -> tuple[dict[str, torch.Tensor], str]:
    """The tensors of a file by the keys of the body, and where they are from."""
    state = {}
    for key, value in read_state(path).items():
        for old, new in RENAMED.items():
            key = key.replace(old, new)
        state[key] = value
    if any(key.startswith("decoder.") for key in state) and not any(key in state for key in NORM):
        # Self-supervised: the norm of the mean is not learned yet. Theirs of every cube has another meaning.
        state |= {key: body.state_dict()[key] for key in NORM}
        return state, f"{path} (self-supervised; {' and '.join(NORM)} begin anew)"
    return state, str(path)


def _import_transformers(name: str) -> ModuleType:
    if importlib.util.find_spec("transformers") is None:
        raise ConfigError(f"{name} needs the package transformers: pip install 'finegym[videomae]'")
    return importlib.import_module("transformers")
