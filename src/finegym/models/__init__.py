"""The models, one file a published method. The dict below is the whole registry.

Every model takes modules and plain values, maps normalised frames ``(B, T, C, H, W)``, skeletons ``(B, C, T, V, M)`` or
heatmaps ``(B, V, T, H, W)`` to logits ``(B, K)`` and knows no recipe. ``normalisation`` says what it wants its pixels
to be; ``None``: it sees none.
"""

from __future__ import annotations

import hashlib

from torch import nn

from finegym.models.actionvlad import ActionVLAD
from finegym.models.gsf import GSF
from finegym.models.i3d import I3D
from finegym.models.pose_mlp import PoseMLP
from finegym.models.posec3d import PoseConv3D
from finegym.models.stgcn import STGCN
from finegym.models.trn import TRN, TRNms
from finegym.models.tsm import TSM
from finegym.models.tsn import TSN
from finegym.models.video_transformers import MViTv2, Swin3D
from finegym.models.videomae import VideoMAE

Recogniser = (
    TSN | TRN | TRNms | TSM | GSF | ActionVLAD | I3D | MViTv2 | Swin3D | VideoMAE | STGCN | PoseConv3D | PoseMLP
)
MODELS: dict[str, type[Recogniser]] = {
    "tsn": TSN,
    "trn": TRN,
    "trnms": TRNms,
    "tsm": TSM,
    "gsf": GSF,
    "actionvlad": ActionVLAD,
    "i3d": I3D,
    "nl_i3d": I3D,  # with non-local blocks in its backbone
    "mvit_v2_s": MViTv2,
    "swin3d_t": Swin3D,
    "swin3d_s": Swin3D,
    "swin3d_b": Swin3D,
    "videomae_s": VideoMAE,
    "videomae_b": VideoMAE,
    "videomae_l": VideoMAE,
    "stgcn": STGCN,
    "posec3d": PoseConv3D,
    "pose_mlp": PoseMLP,
}


def count_parameters(module: nn.Module) -> int:
    """Number of values in the parameters of a module, frozen ones included, buffers not.

    Example:
        >>> count_parameters(nn.Linear(3, 2))
        8
    """
    return sum(parameter.numel() for parameter in module.parameters())


def hash_weights(model: nn.Module) -> str:
    """SHA-256 of a model's parameters and buffers: names, types, shapes and values, whatever file they came from."""
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        digest.update(f"{key} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
