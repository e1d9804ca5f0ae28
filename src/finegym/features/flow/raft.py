"""RAFT with torchvision's network and weights: learned flow, where somebody has fetched the weights."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import optical_flow

from finegym.errors import ConfigError

NETWORKS = {
    "large": (optical_flow.raft_large, optical_flow.Raft_Large_Weights.C_T_SKHT_V2),
    "small": (optical_flow.raft_small, optical_flow.Raft_Small_Weights.C_T_V2),
}
STRIDE, MIN_SIDE = 8, 128  # the network halves three times, its correlation pyramid four times more


def compute_raft(
    frames: np.ndarray,
    device: str = "cpu",
    size: str = "large",
    weights: str | Path | None = None,
    num_updates: int = 12,
    batch_size: int = 4,
) -> np.ndarray:
    """Flow of neighbouring frames.

    Frames are continued beyond their border, half on each side, to a multiple of 8 and at least 128 pixels a side.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
        device: where to compute.
        size: ``large`` or ``small``.
        weights: file of torchvision's state; torch's cache of downloads if left out. Nothing is downloaded.
        num_updates: of the recurrent unit.
        batch_size: pairs at a time; the result does not depend on it beyond rounding.

    Returns:
        float32 (T - 1, H, W, 2), pixels.

    Raises:
        ConfigError: no weights, or weights of another network.

    Source:
        Teed, Deng: RAFT, ECCV 2020; torchvision's network.
    """
    if num_updates < 1 or batch_size < 1:
        raise ConfigError(f"RAFT needs 1 update and 1 pair or more, got {num_updates} and {batch_size}.")
    network = read_network(size, str(find_weights(size, weights)), device)
    height, width = frames.shape[1:3]
    rows, columns = (max(MIN_SIDE, -(-side // STRIDE) * STRIDE) - side for side in (height, width))
    top, left = rows // 2, columns // 2
    fields = np.empty((len(frames) - 1, height, width, 2), np.float32)
    for start in range(0, len(fields), batch_size):
        part = torch.as_tensor(frames[start : start + batch_size + 1]).to(device)
        pictures = part.permute(0, 3, 1, 2).float() / 127.5 - 1.0  # (B + 1, 3, H, W)
        pictures = F.pad(pictures, (left, columns - left, top, rows - top), mode="replicate")
        with torch.inference_mode():
            flow = network(pictures[:-1], pictures[1:], num_flow_updates=num_updates)[-1]
        flow = flow[:, :, top : top + height, left : left + width].permute(0, 2, 3, 1)
        fields[start : start + len(flow)] = flow.float().cpu().numpy()
    return fields


def find_weights(size: str, weights: str | Path | None = None) -> Path:
    """The file of weights: the one given, or torchvision's in torch's cache of downloads."""
    if size not in NETWORKS:
        raise ConfigError(f"RAFT comes in the sizes {', '.join(NETWORKS)}; got {size!r}.")
    url = NETWORKS[size][1].url
    path = Path(weights) if weights else Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    if not path.is_file():
        raise ConfigError(f"RAFT's weights are not at {path}; download {url} to there.")
    return path


@lru_cache(maxsize=2)
def read_network(size: str, weights: str, device: str) -> nn.Module:
    """The network with its weights, ready to run; the last two stay in memory."""
    network = NETWORKS[size][0](weights=None)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (RuntimeError, UnpicklingError, OSError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(f"{weights} holds no weights of torchvision's raft_{size}: {reason}") from error
    return network.eval().to(device)
