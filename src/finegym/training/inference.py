"""Logits of clips: one function for validation during training and for prediction afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from finegym.datasets.recognition import ClipBatch, add_counts
from finegym.datasets.views import View
from finegym.errors import VideoError, join_problems


def check_batch(batch: ClipBatch) -> ClipBatch:
    """Return the batch, or raise where clips of it could not be read.

    Raises:
        VideoError: the message names the clips.
    """
    if batch.failures:
        raise VideoError(f"{len(batch.failures)} clips cannot be read: {join_problems(batch.failures, limit=3)}")
    return batch


class Scores(NamedTuple):
    """What a model said of clips.

    Attributes:
        places: int64 (N,), in the selection.
        logits: float32 (N, K).
        counts: what the user should know of; see ``Look``.
    """

    places: np.ndarray
    logits: np.ndarray
    counts: dict[str, int]


def compute_logits(
    model: nn.Module,
    batches: Iterable[ClipBatch],
    view: View,
    *,
    device: torch.device,
    flip_class_map: np.ndarray | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Scores:
    """Logits of evaluation clips, in float32, averaged over their views.

    Args:
        model: maps what the view gives to (B, K).
        batches: of evaluation clips, inputs (B, V, T, …).
        view: of these clips; the logits of what it mirrors are those of the mirrored classes.
        device: of the model.
        flip_class_map: int64 (K,), the class each class is in the mirror; ``None``: itself.
        advance: called after every batch.

    Raises:
        VideoError: a clip cannot be read.
    """
    places, logits, counts = [], [], []
    model.eval()
    with torch.inference_mode(), exact_float32():
        for batch in batches:
            inputs = check_batch(batch).inputs.to(device, non_blocking=True)  # (B, V, T, …)
            B, V = inputs.shape[:2]
            scores = model(view.normalise(inputs.flatten(0, 1))).float()  # (B*V, K)
            scores = scores.unflatten(0, (B, V))
            if flip_class_map is not None:
                mirror = torch.from_numpy(flip_class_map).to(device)
                flags = torch.tensor(view.is_mirrored, device=device)[:, None]  # (V, 1)
                scores = torch.where(flags, scores[..., mirror], scores)
            logits.append(scores.mean(dim=1).cpu().numpy())
            places.append(batch.places.numpy())
            counts.append(batch.counts)
            advance()
    return Scores(np.concatenate(places), np.concatenate(logits), add_counts(counts))


@contextmanager
def exact_float32() -> Iterator[None]:
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
