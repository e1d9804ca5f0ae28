"""Logits of clips: one function for validation during training and for prediction afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from finegym.datasets.recognition import ClipBatch
from finegym.datasets.transforms import normalise
from finegym.errors import VideoError, join_problems


def check_batch(batch: ClipBatch) -> ClipBatch:
    """Return the batch, or raise where clips of it could not be read.

    Raises:
        VideoError: the message names the clips.
    """
    if batch.failures:
        raise VideoError(f"{len(batch.failures)} clips cannot be read: {join_problems(batch.failures, limit=3)}")
    return batch


def compute_logits(
    model: nn.Module,
    batches: Iterable[ClipBatch],
    *,
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device,
    is_mirrored: Sequence[bool] = (False,),
    flip_class_map: np.ndarray | None = None,
    advance: Callable[[], None] = lambda: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Logits of evaluation clips, in float32, averaged over their views.

    Args:
        model: maps (B, T, C, H, W) to (B, K).
        batches: of evaluation clips, frames (B, V, T, C, S, S).
        mean: of the normalisation.
        std: of the normalisation.
        device: of the model.
        is_mirrored: V flags; the logits of a mirrored view are those of the mirrored classes.
        flip_class_map: int64 (K,), the class each class is in the mirror; ``None``: itself.
        advance: called after every batch.

    Returns:
        Places in the selection int64 (N,), and logits float32 (N, K).

    Raises:
        VideoError: a clip cannot be read.
    """
    places, logits = [], []
    model.eval()
    with torch.inference_mode(), _exact_float32():
        for batch in batches:
            frames = check_batch(batch).frames.to(device, non_blocking=True)  # (B, V, T, C, S, S)
            B, V = frames.shape[:2]
            scores = model(normalise(frames.flatten(0, 1), mean, std)).float()  # (B*V, K)
            scores = scores.unflatten(0, (B, V))
            if flip_class_map is not None:
                mirror = torch.from_numpy(flip_class_map).to(device)
                flags = torch.tensor(list(is_mirrored), device=device)[:, None]  # (V, 1)
                scores = torch.where(flags, scores[..., mirror], scores)
            logits.append(scores.mean(dim=1).cpu().numpy())
            places.append(batch.places.numpy())
            advance()
    return np.concatenate(places), np.concatenate(logits)


@contextmanager
def _exact_float32() -> Iterator[None]:
    """Full float32 on GPUs: TF32 keeps 10 bits, and its rounding changes with the batch size."""
    cudnn: Any = torch.backends.cudnn
    settings = (torch.backends.cuda.matmul, cudnn.conv)
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:
            setting.fp32_precision = "ieee"
        yield
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value
