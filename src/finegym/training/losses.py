"""Losses for few and many: what a wrong answer costs when some classes have a thousand clips and some have ten.

Every loss takes logits and targets, computes in float32 whatever the model computed in, and averages over the batch.
Targets are class indices, or a distribution over classes where mixing made one; then the loss is that of the classes in
proportion. None of them is used at test time: predictions are the plain logits, whose largest is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError

LossName = Literal["cross-entropy", "focal", "balanced-softmax", "logit-adjustment"]


class CrossEntropyLoss(nn.Module):
    """``-sum_k t_k log p_k``, with p the softmax of the logits.

    Args:
        label_smoothing: e; the target t becomes ``(1 - e) t + e / K``.

    Source:
        Label smoothing: Szegedy et al., "Rethinking the Inception Architecture", CVPR 2016, section 7.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss, float32 ().

        Args:
            logits: (B, K), any float.
            targets: int64 (B,), class indices; or float (B, K), rows that sum to 1.
        """
        return F.cross_entropy(logits.float(), targets, label_smoothing=self.label_smoothing)


class FocalLoss(nn.Module):
    """``-sum_k t_k (1 - p_k)^gamma log p_k``: what is known well already weighs little.

    Args:
        gamma: 0 is cross entropy.
        label_smoothing: e; the target t becomes ``(1 - e) t + e / K``.

    Source:
        Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 4, in its form for a softmax over
        several classes; without the weights alpha of equation 5.
    """

    def __init__(self, gamma: float = 2.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.gamma, self.label_smoothing = gamma, label_smoothing

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss, float32 (); arguments as ``CrossEntropyLoss.forward``."""
        log_p = F.log_softmax(logits.float(), dim=1)  # (B, K)
        # At p = 1 the slope of (1 - p)^gamma is infinite for gamma < 1, and the clamp makes it 0.
        one_minus_p = (-torch.expm1(log_p)).clamp_min(torch.finfo(torch.float32).eps)
        wanted = _smooth(targets, log_p, self.label_smoothing)
        return -(wanted * one_minus_p**self.gamma * log_p).sum(dim=1).mean()


class LogitAdjustmentLoss(nn.Module):
    """Cross entropy of ``logits + tau log(prior)``: a rare class must win by its own evidence, not by its frequency.

    While training, the prior is added, so that the logits need not learn it; without it, at test time, their largest is
    the answer that is best for the mean over classes. With ``tau = 1`` this is balanced softmax: ``prior_k = n_k / N``,
    and the softmax ``n_k exp(z_k) / sum_i n_i exp(z_i)`` is the same for counts and shares.

    Args:
        class_counts: (K,), clips of every class that an epoch shows, all above 0; whole numbers or means.
        tau: 0 is cross entropy.
        label_smoothing: e; the target t becomes ``(1 - e) t + e / K``.

    Raises:
        ConfigError: a class has no clip.

    Source:
        Menon et al., "Long-tail Learning via Logit Adjustment", ICLR 2021, equation 10. Balanced softmax: Ren et al.,
        "Balanced Meta-Softmax for Long-Tailed Visual Recognition", NeurIPS 2020, equation 4.
    """

    adjustment: torch.Tensor

    def __init__(self, class_counts: Sequence[float] | np.ndarray, tau: float = 1.0, label_smoothing: float = 0.0):
        super().__init__()
        counts = torch.as_tensor(np.asarray(class_counts, dtype=np.float64))
        empty = torch.nonzero(counts <= 0).flatten().tolist()
        if empty:
            raise ConfigError(
                f"the loss adjusts logits by how many clips a class has, but {len(empty)} of {len(counts)} classes "
                f"have none (class index {empty[0]} first). Make a split in which every class has some, or set "
                'loss.name = "cross-entropy".'
            )
        self.label_smoothing = label_smoothing
        self.register_buffer("adjustment", (tau * torch.log(counts / counts.sum())).float())

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss, float32 (); arguments as ``CrossEntropyLoss.forward``."""
        return F.cross_entropy(logits.float() + self.adjustment, targets, label_smoothing=self.label_smoothing)


def build_loss(
    name: LossName,
    class_counts: Sequence[float] | np.ndarray,
    *,
    label_smoothing: float = 0.0,
    focal_gamma: float = 2.0,
    tau: float = 1.0,
) -> nn.Module:
    """The loss of a name.

    Args:
        name: ``cross-entropy``, ``focal``, ``balanced-softmax`` or ``logit-adjustment``.
        class_counts: (K,), see ``LogitAdjustmentLoss``; not used by the first two.
        label_smoothing: of all of them.
        focal_gamma: of ``focal``.
        tau: of ``logit-adjustment``.

    Returns:
        A module without parameters: logits (B, K) and targets (B,) or (B, K) to a float32 scalar.

    Raises:
        ConfigError: the loss needs clips of every class, and one has none.
    """
    if name == "cross-entropy":
        return CrossEntropyLoss(label_smoothing)
    if name == "focal":
        return FocalLoss(focal_gamma, label_smoothing)
    return LogitAdjustmentLoss(class_counts, tau if name == "logit-adjustment" else 1.0, label_smoothing)


def _smooth(targets: torch.Tensor, log_p: torch.Tensor, label_smoothing: float) -> torch.Tensor:
    K = log_p.shape[1]
    soft = targets.to(log_p.dtype) if targets.ndim == 2 else F.one_hot(targets, K).to(log_p.dtype)  # (B, K)
    return (1 - label_smoothing) * soft + label_smoothing / K
