"""Structured Segment Networks: what a proposal shows, whether all of it is there, and where its true ends are.

A proposal is looked at with half its length before and after: three stages, starting, course and ending. Activity is
judged by the course alone, completeness and the ends by all three, for what is cut off shows in what follows.

Source: Zhao et al., "Temporal Action Detection with Structured Segment Networks", ICCV 2017, sections 3 to 5, and the
authors' code. Settings on FineGym: supplement of Shao et al., CVPR 2020.

Deviations: parts of a stage are divided by their number when pooling densely too (the authors' code does so in training
only; no difference for the published pyramid (1, 1, 1)). Dense pooling is a difference of running sums, whatever the
length of a proposal.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from finegym.errors import ConfigError
from finegym.models.backbones import Backbone, Normalisation
from finegym.models.freezing import initialise_classifier, set_training

Pyramid = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
FLAT: Pyramid = ((1,), (1,), (1,))
STARTING, COURSE, ENDING = range(3)


@dataclass(frozen=True, slots=True)
class ProposalScores:
    """What SSN says about N proposals.

    Attributes:
        activity: (N, K + 1), logits; 0 is background.
        completeness: (N, K).
        regression: (N, K, 2), shift of the centre in lengths of the proposal and logarithm of the ratio of lengths,
            less their mean and over their standard deviation.
    """

    activity: torch.Tensor
    completeness: torch.Tensor
    regression: torch.Tensor


class SSN(nn.Module):
    """Structured pyramid pooling and three linear heads.

    Args:
        num_classes: K.
        feature_size: D, of a snippet.
        backbone: maps images (N, C, H, W) to features (N, D), for training end to end; ``None``: snippets are features.
        num_snippets: of each stage of a proposal in training.
        pyramid: for each stage its levels, each a number of equal parts.
        dropout: on the features of snippets, in [0, 1).
        partial_batch_norm: every batch norm of the backbone but the first keeps its mean and variance.
        freeze_backbone: train the heads only.

    ``regression_stats`` (2, 2) are mean and standard deviation of the two regression targets over the foreground
    proposals of training; they are saved with the weights.

    Raises:
        ConfigError: a level has more parts than its stage has snippets, or no part.
    """

    regression_stats: torch.Tensor

    def __init__(
        self,
        num_classes: int,
        feature_size: int,
        *,
        backbone: Backbone | None = None,
        num_snippets: tuple[int, int, int] = (2, 5, 2),
        pyramid: Pyramid = FLAT,
        dropout: float = 0.8,
        partial_batch_norm: bool = False,
        freeze_backbone: bool = False,
    ) -> None:
        super().__init__()
        for stage, (levels, count) in enumerate(zip(pyramid, num_snippets, strict=True)):
            if not levels or min(levels) < 1 or max(levels) > count:
                raise ConfigError(
                    f"stage {stage} of the pyramid has levels of {levels} parts, and {count} snippets: expected at "
                    "least one level, of 1 part to as many as there are snippets"
                )
        self.num_classes, self.feature_size = num_classes, feature_size
        self.num_snippets, self.pyramid = num_snippets, pyramid
        self.num_parts = sum(sum(levels) for levels in pyramid)
        self.backbone = backbone
        self.normalisation: Normalisation | None = None if backbone is None else backbone.normalisation
        self.dropout = nn.Dropout(dropout)
        self.activity = initialise_classifier(nn.Linear(feature_size, num_classes + 1))
        self.completeness = initialise_classifier(nn.Linear(self.num_parts * feature_size, num_classes))
        self.regression = initialise_classifier(nn.Linear(self.num_parts * feature_size, 2 * num_classes))
        self.register_buffer("regression_stats", torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        self.partial_batch_norm, self.freeze_backbone = partial_batch_norm, freeze_backbone
        if backbone is not None:
            backbone.requires_grad_(not freeze_backbone)

    def forward(self, snippets: torch.Tensor, scales: torch.Tensor) -> ProposalScores:
        """Scores of N proposals from S snippets each, those of the starting stage first.

        Args:
            snippets: float32 (N, S, D) features, or with a backbone images (N, S, C, H, W).
            scales: float32 (N, 2): the shares of the starting and of the ending stage that lie inside the video.
        """
        features = self.compute_features(snippets)  # (N, S, D)
        if features.shape[1] != sum(self.num_snippets):
            raise ConfigError(f"expected {sum(self.num_snippets)} snippets a proposal, got {features.shape[1]}")
        features = self.dropout(features)
        starts = [0, *itertools.accumulate(self.num_snippets)]
        parts = []
        for stage, share, level, part in iterate_parts(self.pyramid):
            first, stop = _split(starts[stage], starts[stage + 1], level, part)
            pooled = features[:, first:stop].mean(dim=1) * share  # (N, D)
            parts.append(pooled if stage == COURSE else pooled * scales[:, stage // 2, None])
        course = features[:, starts[COURSE] : starts[ENDING]].mean(dim=1)
        return self._classify(course, torch.cat(parts, dim=1))

    def compute_features(self, snippets: torch.Tensor) -> torch.Tensor:
        """Features (N, S, D): of images (N, S, C, H, W) by the backbone, or as they are."""
        if self.backbone is None:
            return snippets
        N, S = snippets.shape[:2]
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.freeze_backbone):
            features: torch.Tensor = self.backbone(snippets.flatten(0, 1))  # (N*S, D)
        return features.unflatten(0, (N, S))

    def score_frames(self, features: torch.Tensor) -> torch.Tensor:
        """The reorganised layer: heads applied to every snippet of a video before any pooling.

        Args:
            features: float32 (T, D), of all snippets in order.

        Returns:
            float32 (T, (K + 1) + 3 K P), P parts: activity, then for every part completeness and regression.
        """
        activity = F.linear(features, self.activity.weight, self.activity.bias)
        weights = torch.cat([self.completeness.weight, self.regression.weight])  # (3K, P*D)
        weights = weights.unflatten(1, (self.num_parts, -1)).transpose(0, 1).flatten(0, 1)  # (P*3K, D)
        return torch.cat([activity, F.linear(features, weights)], dim=1)

    def pool_scores(self, frame_scores: torch.Tensor, ticks: torch.Tensor, scales: torch.Tensor) -> ProposalScores:
        """Scores of N proposals from ``score_frames``: equal to ``score_directly``, and much faster.

        Args:
            frame_scores: float32 (T, R).
            ticks: int64 (N, 4): the first snippet of the starting stage, of the course, of the ending stage, and the
                one after its last.
            scales: float32 (N, 2), as in ``forward``.
        """
        K = self.num_classes
        sums = _accumulate(frame_scores)
        activity = _average(sums[:, : K + 1], *_bound(ticks, COURSE, 1, 0, len(frame_scores)))
        pooled = torch.zeros(len(ticks), 3 * K, dtype=sums.dtype, device=sums.device)
        for number, (stage, share, level, part) in enumerate(iterate_parts(self.pyramid)):
            columns = slice(K + 1 + number * 3 * K, K + 1 + (number + 1) * 3 * K)
            score = _average(sums[:, columns], *_bound(ticks, stage, level, part, len(frame_scores))) * share
            pooled += score if stage == COURSE else score * scales[:, stage // 2, None]
        pooled = pooled + torch.cat([self.completeness.bias, self.regression.bias])
        completeness, regression = pooled.to(frame_scores.dtype).split([K, 2 * K], dim=1)
        return ProposalScores(activity.to(frame_scores.dtype), completeness, regression.unflatten(1, (K, 2)))

    def score_directly(self, features: torch.Tensor, ticks: torch.Tensor, scales: torch.Tensor) -> ProposalScores:
        """Scores of N proposals, features (T, D) pooled first and classified then; see ``pool_scores``."""
        sums = _accumulate(features)
        parts = []
        for stage, share, level, part in iterate_parts(self.pyramid):
            pooled = _average(sums, *_bound(ticks, stage, level, part, len(features))) * share
            parts.append(pooled if stage == COURSE else pooled * scales[:, stage // 2, None])
        course = _average(sums, *_bound(ticks, COURSE, 1, 0, len(features)))
        return self._classify(course.to(features.dtype), torch.cat(parts, dim=1).to(features.dtype))

    def _classify(self, course: torch.Tensor, pyramid: torch.Tensor) -> ProposalScores:
        regression = self.regression(pyramid).unflatten(1, (self.num_classes, 2))
        return ProposalScores(self.activity(course), self.completeness(pyramid), regression)

    def train(self, mode: bool = True) -> SSN:
        super().train(mode)
        if self.backbone is not None:
            set_training(self.backbone, mode, frozen=self.freeze_backbone, partial_batch_norm=self.partial_batch_norm)
        return self


class SnippetEncoder(nn.Module):
    """Stored features along a timeline, to features that are learnt with the heads.

    Heads of SSN are linear. On features of a network that was not trained for the task, or that sees single pictures,
    layers between them that look at neighbouring snippets see motion and make the classes separable.

    Args:
        feature_size: F, of stored features.
        hidden_size: D, of what comes out.
        num_layers: convolutions over time after the first layer, which sees each snippet alone; each is added to what
            it sees.
        kernel_size: snippets that a convolution sees, odd.
        dropout: on the stored features and before every convolution, in [0, 1).
    """

    def __init__(
        self, feature_size: int, hidden_size: int, *, num_layers: int = 2, kernel_size: int = 5, dropout: float = 0.3
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size must be odd, so that a snippet is in the middle, got {kernel_size}")
        self.margin = num_layers * (kernel_size // 2)  # snippets that one sees on each side
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(feature_size)
        self.project = nn.Linear(feature_size, hidden_size)
        self.layers = nn.ModuleList(
            nn.Conv1d(hidden_size, hidden_size, kernel_size, padding=kernel_size // 2) for _ in range(num_layers)
        )

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Features (B, T, D), zeros behind the ends.

        Args:
            features: float32 (B, T, F), of timelines side by side.
            lengths: int64 (B,), their snippets; what is behind them changes nothing.
        """
        is_there = (torch.arange(features.shape[1], device=features.device) < lengths[:, None])[:, None]  # (B, 1, T)
        x = torch.relu(self.project(self.dropout(self.norm(features)))).transpose(1, 2) * is_there  # (B, D, T)
        for layer in self.layers:
            x = (x + torch.relu(layer(self.dropout(x)))) * is_there
        return x.transpose(1, 2)


class Actionness(nn.Module):
    """How likely every snippet is inside any action at all: two convolutions over time.

    The authors train a two-class TSN on frames; on stored features a small network over neighbouring snippets does it.

    Args:
        feature_size: D.
        hidden_size: channels in between.
        kernel_size: snippets that a convolution sees, odd; 1 looks at each snippet alone.
        dropout: on the features, in [0, 1).
    """

    def __init__(
        self, feature_size: int, *, hidden_size: int = 128, kernel_size: int = 3, dropout: float = 0.5
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ConfigError(f"kernel_size must be odd, so that a snippet is in the middle, got {kernel_size}")
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Conv1d(feature_size, hidden_size, kernel_size, padding=kernel_size // 2)
        self.classifier = nn.Conv1d(hidden_size, 1, kernel_size, padding=kernel_size // 2)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (B, T) of features float32 (B, T, D)."""
        x = self.dropout(features).transpose(1, 2)  # (B, D, T)
        logits: torch.Tensor = self.classifier(torch.relu(self.hidden(x)))  # (B, 1, T)
        return logits[:, 0]


def compute_losses(
    scores: ProposalScores,
    class_index: torch.Tensor,
    targets: torch.Tensor,
    counts: tuple[int, int, int],
    *,
    hard_share: float = 0.17,
    completeness_weight: float = 0.1,
    regression_weight: float = 0.1,
) -> dict[str, torch.Tensor]:
    """The three terms of SSN's loss (equations 5 to 7), weighted; their sum is the loss.

    Args:
        scores: of G groups of ``sum(counts)`` proposals, one after another; in a group foreground, then incomplete,
            then background proposals.
        class_index: int64 (N,), 0 to K - 1, of foreground and incomplete proposals; of no meaning for background.
        targets: float32 (N, 2), normalised regression targets of foreground; of no meaning for others.
        counts: foreground, incomplete and background proposals in a group.
        hard_share: of a group's incomplete proposals, the share with the largest hinge that counts (at least one).
        completeness_weight: of the hinge on foreground and incomplete proposals.
        regression_weight: of the smooth L1 loss on foreground.

    Returns:
        float32 () each: ``activity``, ``completeness``, ``regression``. A term that has no proposals is 0.
    """
    num_foreground, num_incomplete, _ = counts
    place = torch.arange(len(class_index), device=class_index.device) % sum(counts)
    is_foreground, is_background = place < num_foreground, place >= num_foreground + num_incomplete
    is_incomplete = ~is_foreground & ~is_background
    nothing = scores.activity.sum() * 0.0

    answers = torch.where(is_background, 0, class_index + 1)
    seen = is_foreground | is_background
    activity = F.cross_entropy(scores.activity[seen].float(), answers[seen]) if bool(seen.any()) else nothing

    own = scores.completeness.float().gather(1, class_index[:, None])[:, 0]  # (N,), of a proposal's own class
    hinge_complete = (1 - own[is_foreground]).clamp_min(0)
    hinge_incomplete = (1 + own[is_incomplete]).clamp_min(0).view(-1, max(num_incomplete, 1))
    num_hard = max(1, int(num_incomplete * hard_share)) if num_incomplete else 0
    hinge_incomplete = hinge_incomplete.topk(num_hard, dim=1).values
    num_hinges = hinge_complete.numel() + hinge_incomplete.numel()
    completeness = (hinge_complete.sum() + hinge_incomplete.sum()) / num_hinges if num_hinges else nothing

    offsets = scores.regression.float()[is_foreground, class_index[is_foreground]]  # (F, 2)
    # Summed over the two coordinates, averaged over proposals.
    regression = F.smooth_l1_loss(offsets, targets[is_foreground]) * 2 if num_foreground else nothing
    return {
        "activity": activity,
        "completeness": completeness_weight * completeness,
        "regression": regression_weight * regression,
    }


def iterate_parts(pyramid: Pyramid) -> Iterator[tuple[int, float, int, int]]:
    """Every part of a pyramid in order: its stage, its share of the stage, the parts of its level, its place there.

    Example:
        >>> list(iterate_parts(((1,), (1, 2), (1,))))[1:4]
        [(1, 0.3333333333333333, 1, 0), (1, 0.3333333333333333, 2, 0), (1, 0.3333333333333333, 2, 1)]
    """
    for stage, levels in enumerate(pyramid):
        for level in levels:
            for part in range(level):
                yield stage, 1 / sum(levels), level, part


def _split(first: int, stop: int, level: int, part: int) -> tuple[int, int]:
    """Snippets of one of ``level`` equal parts of [first, stop); where they do not divide, later parts are larger."""
    length = stop - first
    return first + part * length // level, first + (part + 1) * length // level


def _bound(ticks: torch.Tensor, stage: int, level: int, part: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Snippets [first, stop) of a part of every proposal, inside a video of ``length`` snippets.

    A stage shorter than the distance of snippets is its one snippet, as in the authors' code; one that lies outside the
    video is empty, and so is a part of a stage with fewer snippets than parts.
    """
    first, stop = ticks[:, stage], torch.maximum(ticks[:, stage] + 1, ticks[:, stage + 1])
    span = stop - first
    low, high = first + part * span // level, first + (part + 1) * span // level
    return low.clamp(0, length), high.clamp(0, length)


def _accumulate(values: torch.Tensor) -> torch.Tensor:
    """Running sums (T + 1, R) of (T, R), in float64: their differences over long videos stay exact to 1e-10."""
    return F.pad(values.double().cumsum(dim=0), (0, 0, 1, 0))


def _average(sums: torch.Tensor, first: torch.Tensor, stop: torch.Tensor) -> torch.Tensor:
    """Means (N, R) over [first, stop); 0 where it is empty."""
    return (sums[stop] - sums[first]) / (stop - first).clamp_min(1)[:, None]
