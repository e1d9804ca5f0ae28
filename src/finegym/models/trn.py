"""Temporal Relation Networks: one network over ordered tuples of frames, at one scale or at many.

Source: Zhou et al., "Temporal Relational Reasoning in Videos", ECCV 2018, equations 1 to 3 and section 3.2. Settings on
FineGym: supplement of Shao et al., CVPR 2020.

Deviations: the published multi-scale code draws its tuples anew in evaluation too, so that its scores change from run
to run. Here training draws, and evaluation sums a fixed set. The backbone is any of ours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from finegym.errors import ConfigError
from finegym.models.backbones import Backbone
from finegym.models.freezing import initialise_classifier, set_training

Tuples = tuple[tuple[int, ...], ...]


class Relation(nn.Module):
    """Relations of tuples of frames at one scale: equation 1, g a linear layer and h another.

    Args:
        scale: k, frames in a tuple.
        feature_size: D, of a frame.
        hidden_size: of g.
        num_classes: K.
    """

    def __init__(self, scale: int, feature_size: int, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(scale * feature_size, hidden_size)
        self.classifier = nn.Linear(hidden_size, num_classes)

    def forward(self, features: torch.Tensor, tuples: Tuples) -> torch.Tensor:
        """Sum of the scores (B, K) of N tuples of k frames; ``features`` (B, T, D) are after the ReLU."""
        index = torch.tensor(tuples, device=features.device)  # (N, k)
        ordered = features[:, index].flatten(2)  # (B, N, k*D)
        hidden = torch.relu(self.hidden(ordered))  # (B, N, H)
        scores: torch.Tensor = self.classifier(hidden).sum(dim=1)  # (B, K)
        return scores


class _RelationNetwork(nn.Module):
    """What both forms share: frames to features of 256 values, and which parts of the backbone stand still."""

    def __init__(
        self,
        backbone: Backbone,
        num_frames: int,
        *,
        dropout: float,
        frame_feature_size: int,
        partial_batch_norm: bool,
        freeze_backbone: bool,
    ) -> None:
        super().__init__()
        if num_frames < 2:
            raise ConfigError(f"TRN relates frames: num_frames must be at least 2, got {num_frames}")
        self.backbone = backbone
        self.normalisation = backbone.normalisation
        self.num_frames = num_frames
        self.dropout = nn.Dropout(dropout)
        self.frame_feature = initialise_classifier(nn.Linear(backbone.feature_size, frame_feature_size))
        self.partial_batch_norm = partial_batch_norm
        self.freeze_backbone = freeze_backbone
        self.backbone.requires_grad_(not freeze_backbone)

    def compute_frame_features(self, frames: torch.Tensor) -> torch.Tensor:
        """Features (B, T, D) of frames (B, T, C, H, W), after the ReLU that opens every relation."""
        B, T = frames.shape[:2]
        if self.num_frames != T:
            raise ConfigError(
                f"this {type(self).__name__} was built for {self.num_frames} frames a clip, got {T}: its weights "
                "depend on it. Sample as many, or build another model."
            )
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_backbone):
            features = self.backbone(frames.flatten(0, 1))  # (B*T, F)
        return torch.relu(self.frame_feature(self.dropout(features))).unflatten(0, (B, T))

    def train(self, mode: bool = True) -> _RelationNetwork:
        super().train(mode)
        set_training(self.backbone, mode, frozen=self.freeze_backbone, partial_batch_norm=self.partial_batch_norm)
        return self


class TRN(_RelationNetwork):
    """One relation over all T frames, in order.

    Args:
        backbone: maps images (N, C, H, W) to features (N, F).
        num_classes: K.
        num_frames: T; fixed, for the first linear layer sees all frames at once.
        dropout: on the backbone's features, in [0, 1).
        frame_feature_size: of the linear layer that shrinks them.
        hidden_size: of the relation.
        partial_batch_norm: every batch norm of the backbone but the first keeps its mean and variance.
        freeze_backbone: train the layers after the backbone only.

    Raises:
        ConfigError: a clip has another number of frames.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        num_frames: int,
        *,
        dropout: float = 0.8,
        frame_feature_size: int = 256,
        hidden_size: int = 512,
        partial_batch_norm: bool = False,
        freeze_backbone: bool = False,
    ) -> None:
        super().__init__(
            backbone,
            num_frames,
            dropout=dropout,
            frame_feature_size=frame_feature_size,
            partial_batch_norm=partial_batch_norm,
            freeze_backbone=freeze_backbone,
        )
        self.relation = Relation(num_frames, frame_feature_size, hidden_size, num_classes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of clips (B, T, C, H, W), normalised as ``normalisation`` says."""
        features = self.compute_frame_features(frames)
        scores: torch.Tensor = self.relation(features, (tuple(range(self.num_frames)),))
        return scores


class TRNms(_RelationNetwork):
    """Relations at every scale from T frames down to 2, their scores summed: equation 3.

    Args:
        backbone: maps images (N, C, H, W) to features (N, F).
        num_classes: K.
        num_frames: T; fixed, for there is one relation for every scale up to it.
        dropout: on the backbone's features, in [0, 1).
        frame_feature_size: of the linear layer that shrinks them.
        hidden_size: of a relation.
        relations: which tuples evaluation sums at each scale. ``"first"``: the first ``tuples_per_scale`` in
            lexicographic order, as many as training draws; ``"all"``: every one, as the equation says; or a list of
            tuples of frames, counted from 0, of at least two frames each.
        tuples_per_scale: how many of a scale training draws, without repetition.
        partial_batch_norm: every batch norm of the backbone but the first keeps its mean and variance.
        freeze_backbone: train the layers after the backbone only.

    Training draws from torch's global random numbers, the same tuples for all clips of a batch. Sums, not means, are
    published: ``"all"`` gives larger logits than the model was trained with, in another order of classes only where the
    relations disagree.

    Raises:
        ConfigError: a tuple does not fit, or a clip has another number of frames.
    """

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int,
        num_frames: int,
        *,
        dropout: float = 0.8,
        frame_feature_size: int = 256,
        hidden_size: int = 256,
        relations: Literal["first", "all"] | Sequence[Sequence[int]] = "first",
        tuples_per_scale: int = 3,
        partial_batch_norm: bool = False,
        freeze_backbone: bool = False,
    ) -> None:
        super().__init__(
            backbone,
            num_frames,
            dropout=dropout,
            frame_feature_size=frame_feature_size,
            partial_batch_norm=partial_batch_norm,
            freeze_backbone=freeze_backbone,
        )
        if tuples_per_scale < 1:
            raise ConfigError(f"tuples_per_scale must be at least 1, got {tuples_per_scale}")
        self.tuples_per_scale = tuples_per_scale
        self.evaluation_tuples = _choose_tuples(num_frames, relations, tuples_per_scale)
        self.relations = nn.ModuleList(
            Relation(scale, frame_feature_size, hidden_size, num_classes) for scale in range(num_frames, 1, -1)
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of clips (B, T, C, H, W), normalised as ``normalisation`` says."""
        features = self.compute_frame_features(frames)  # (B, T, D)
        tuples = self.draw_tuples() if self.training else self.evaluation_tuples
        scales = range(self.num_frames, 1, -1)
        scores = [
            relation(features, tuples[scale])
            for relation, scale in zip(self.relations, scales, strict=True)
            if tuples[scale]
        ]
        return torch.stack(scores).sum(dim=0)

    def draw_tuples(self) -> dict[int, Tuples]:
        """Tuples of a training step by scale, drawn without repetition."""
        drawn = {}
        for scale in range(self.num_frames, 1, -1):
            total = math.comb(self.num_frames, scale)
            numbers = torch.randperm(total)[: self.tuples_per_scale].tolist()
            drawn[scale] = tuple(_get_combination(self.num_frames, scale, number) for number in sorted(numbers))
        return drawn


def _choose_tuples(
    num_frames: int, relations: Literal["first", "all"] | Sequence[Sequence[int]], tuples_per_scale: int
) -> dict[int, Tuples]:
    scales = range(num_frames, 1, -1)
    if isinstance(relations, str):
        if relations not in ("first", "all"):
            raise ConfigError(f"relations must be 'first', 'all' or a list of tuples, got {relations!r}")
        limit = tuples_per_scale if relations == "first" else None
        return {k: tuple(itertools.islice(itertools.combinations(range(num_frames), k), limit)) for k in scales}
    chosen: dict[int, list[tuple[int, ...]]] = {scale: [] for scale in scales}
    for frames in map(tuple, relations):
        if len(frames) not in chosen or not 0 <= min(frames) <= max(frames) < num_frames:
            raise ConfigError(
                f"relations: tuple {frames} must have 2 to {num_frames} frames, each from 0 to {num_frames - 1}"
            )
        chosen[len(frames)].append(frames)
    if not any(chosen.values()):
        raise ConfigError("relations: the list of tuples is empty; give at least one")
    return {scale: tuple(tuples) for scale, tuples in chosen.items()}


def _get_combination(n: int, k: int, number: int) -> tuple[int, ...]:
    """The combination of k of n that stands at a place of the lexicographic order."""
    chosen: list[int] = []
    for element in range(n):
        beginning_here = math.comb(n - element - 1, k - len(chosen) - 1) if len(chosen) < k else 0
        if len(chosen) < k and number < beginning_here:
            chosen.append(element)
        elif len(chosen) < k:
            number -= beginning_here
    return tuple(chosen)
