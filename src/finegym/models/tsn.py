"""Temporal Segment Networks: one backbone on a few frames of the clip, their scores averaged.

Source: Wang et al., "Temporal Segment Networks: Towards Good Practices for Deep Action Recognition", ECCV 2016,
sections 3.1 and 3.2; average consensus, softmax outside. Settings on FineGym: supplement of Shao et al., CVPR 2020.

Deviations: the backbone is any of ours instead of BN-Inception only.
"""

from __future__ import annotations

import torch
from torch import nn

from finegym.models.backbones import Backbone


class TSN(nn.Module):
    """Average consensus over the class scores of frames.

    Args:
        backbone: maps images (N, C, H, W) to features (N, F).
        num_classes: K.
        dropout: before the classifier, in [0, 1).
        partial_batch_norm: every batch norm of the backbone but the first keeps the mean and variance of its weights
            file while training (section 3.2: few clips a batch give poor estimates). Nonsense for random weights.
        freeze_backbone: train the classifier only. The backbone then stays in evaluation mode (its batch-norm
            statistics do not move either) and records no gradients.

    The number of frames is free in every call, so a model trained with 3 can be tested with 12.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        *,
        dropout: float = 0.8,
        partial_batch_norm: bool = False,
        freeze_backbone: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.normalisation = backbone.normalisation
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(backbone.feature_size, num_classes)
        # normal(0, 0.001) and 0, as in the authors' code: the first steps see nearly uniform scores.
        nn.init.normal_(self.classifier.weight, 0.0, 0.001)
        nn.init.zeros_(self.classifier.bias)
        self.partial_batch_norm = partial_batch_norm
        self.freeze_backbone = freeze_backbone
        self.backbone.requires_grad_(not freeze_backbone)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits of clips.

        Args:
            frames: float32 (B, T, C, H, W), pixels normalised as ``normalisation`` says; flow and differences of frames
                as their view says.

        Returns:
            float32 (B, K): the mean over T of the frames' class scores, before softmax.
        """
        B, T = frames.shape[:2]
        images = frames.flatten(0, 1)  # (B*T, C, H, W)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_backbone):
            features = self.backbone(images)  # (B*T, F)
        scores: torch.Tensor = self.classifier(self.dropout(features))  # (B*T, K)
        return scores.unflatten(0, (B, T)).mean(dim=1)  # (B, K)

    def train(self, mode: bool = True) -> TSN:
        super().train(mode)
        if self.freeze_backbone:
            self.backbone.eval()
        elif self.partial_batch_norm:
            norms = [module for module in self.backbone.modules() if isinstance(module, nn.BatchNorm2d)]
            for norm in norms[1:]:
                norm.eval()
        return self
