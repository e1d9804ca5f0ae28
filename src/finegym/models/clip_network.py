"""What networks of whole clips have in common: a backbone that sees all frames at once, and a classifier."""

from __future__ import annotations

import torch
from torch import nn

from finegym.models.backbones import Backbone
from finegym.models.freezing import initialise_classifier


class ClipNetwork(nn.Module):
    """A backbone of clips and a classifier.

    Args:
        backbone: maps clips (B, C, T, H, W) to features (B, F).
        num_classes: K.
        dropout: before the classifier, in [0, 1).
    """

    def __init__(self, backbone: Backbone, num_classes: int, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.backbone = backbone
        self.normalisation = backbone.normalisation
        self.dropout = nn.Dropout(dropout)
        self.classifier = initialise_classifier(nn.Linear(backbone.feature_size, num_classes))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of clips (B, T, C, H, W), normalised as ``normalisation`` says."""
        features = self.backbone(frames.transpose(1, 2))  # (B, F)
        logits: torch.Tensor = self.classifier(self.dropout(features))
        return logits
