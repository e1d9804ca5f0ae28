"""The models, one file a published method. The dict below is the whole registry.

Every model takes modules and plain values, maps normalised frames ``(B, T, C, H, W)`` or skeletons ``(B, C, T, V, M)``
to logits ``(B, K)`` and knows no recipe. ``normalisation`` says what it wants its pixels to be; ``None``: it sees none.
"""

from __future__ import annotations

from torch import nn

from finegym.models.pose_mlp import PoseMLP
from finegym.models.tsn import TSN

Recogniser = TSN | PoseMLP
MODELS: dict[str, type[Recogniser]] = {"tsn": TSN, "pose_mlp": PoseMLP}


def count_parameters(module: nn.Module) -> int:
    """Number of values in the parameters of a module, frozen ones included, buffers not.

    Example:
        >>> count_parameters(nn.Linear(3, 2))
        8
    """
    return sum(parameter.numel() for parameter in module.parameters())
