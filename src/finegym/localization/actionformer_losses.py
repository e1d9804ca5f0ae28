"""What ActionFormer's answers cost: focal loss for classes, distance IoU for the ends.

Sources: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 5, with its alpha of 0.25 and gamma of
2; Zheng et al., "Distance-IoU Loss", AAAI 2020, equation 7, in one dimension, as ActionFormer has both.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

ALPHA = 0.25
GAMMA = 2.0


def compute_focal_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Focal loss of every class of every point, each a question of its own.

    Args:
        logits: float (..., K).
        targets: float (..., K), 0 or 1.

    Returns:
        float (..., K).
    """
    logits = logits.float()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    wrongness = torch.where(targets > 0, 1 - logits.sigmoid(), logits.sigmoid())
    alpha = torch.where(targets > 0, ALPHA, 1 - ALPHA)
    return alpha * wrongness**GAMMA * cross_entropy


def compute_diou_loss(predicted: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Distance-IoU loss of segments around one point: 1 - IoU + (distance of the centres / span of both)^2.

    Args:
        predicted: float (N, 2), not negative: back to the start, on to the end.
        targets: float (N, 2), likewise.

    Returns:
        float (N,) in [0, 2].
    """
    predicted, targets = predicted.float(), targets.float()
    # Both hold the point, so they overlap, and the nearer ends bound what they share.
    shared = torch.minimum(predicted, targets).sum(dim=1)
    span = torch.maximum(predicted, targets).sum(dim=1).clamp(min=1e-8)  # without gaps, so also the union
    difference = predicted - targets
    distance = (difference[:, 1] - difference[:, 0]) / 2
    return 1 - shared / span + (distance / span) ** 2
