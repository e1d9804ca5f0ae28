"""ActionFormer as a localizer: its network, its losses, its detections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from finegym.annotations.subsets import Level, Subset
from finegym.errors import ConfigError
from finegym.localization.actionformer_decoding import decode_points, suppress_doubles
from finegym.localization.actionformer_levels import LabelLevels, compute_scores, make_levels
from finegym.localization.actionformer_losses import compute_diou_loss, compute_focal_loss
from finegym.localization.actionformer_samples import ActionFormerSamples, label_levels, thin
from finegym.localization.actionformer_section import ActionFormerSection
from finegym.localization.localizer import Batch, Found, Localizer
from finegym.localization.timelines import Timeline, Timelines, find_classes, read_timelines
from finegym.models.actionformer import ActionFormer, make_points

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe
    from finegym.localization.snippets_source import SnippetSource

NORMALISER_MOMENTUM = 0.9  # the release's


class ActionFormerLocalizer(Localizer):
    """The network with what training and detection need to know.

    Args:
        network: with an output for every class of every level.
        levels: of labels, coarse to fine.
        section: settings of losses and detection.
    """

    normaliser: torch.Tensor

    def __init__(self, network: ActionFormer, levels: LabelLevels, section: ActionFormerSection) -> None:
        super().__init__()
        self.network, self.levels, self.section = network, levels, section
        self.level = len(levels.classes) - 1
        # Losses are sums over points, in units of a running number of points that stand for segments: with the number
        # of each batch, one that shows a single segment would count as much as one full of them.
        self.register_buffer("normaliser", torch.tensor(section.normaliser))

    @property
    def level_names(self) -> tuple[Level, ...]:
        """Levels that were learnt, coarse to fine."""
        return self.levels.names

    def choose_level(self, level: Level) -> Subset:
        """Let ``detect`` find the classes of a level, and return them.

        Raises:
            ConfigError: it was not learnt.
        """
        if level not in self.level_names:
            raise ConfigError(
                f"level {level!r} was not learnt, but {', '.join(self.level_names)}. Train with it in "
                "actionformer.upper_levels or as data.level."
            )
        self.level = self.level_names.index(level)
        return self.levels.classes[self.level]

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Focal loss of the classes of every level, DIoU loss of the ends.

        Args:
            batch: of ``ActionFormerSamples.collate``.
        """
        features = F.dropout(batch["features"], self.section.feature_dropout, self.training)
        logits, offsets, valid = self.network(features, batch["lengths"])
        is_segment = batch["is_segment"] & valid
        if self.training:
            num_positive = is_segment.sum().clamp(min=1).to(self.normaliser)
            self.normaliser.lerp_(num_positive, 1 - NORMALISER_MOMENTUM)
        losses = {}
        parts = logits.split(self.levels.sizes, dim=-1)
        for name, part, labels in zip(self.level_names, parts, batch["labels"].unbind(dim=-1), strict=True):
            # A point whose segment this level has no class for tells nothing of its classes.
            is_known = valid & ~batch["is_ignored"] & ((labels >= 0) | ~is_segment)
            wanted = F.one_hot(labels + 1, part.shape[-1] + 1)[..., 1:].float()
            losses[f"{name}_loss"] = compute_focal_loss(part[is_known], wanted[is_known]).sum()
        diou = compute_diou_loss(offsets[is_segment], batch["offsets"][is_segment])
        losses["regression_loss"] = diou.sum() * self.section.regression_weight
        return {name: loss / self.normaliser for name, loss in losses.items()}

    def detect(self, timeline: Timeline, source: SnippetSource) -> Found:
        """What is in a timeline, at the chosen level; long ones are gone through in parts."""
        section = self.section
        snippets = thin(source.read(timeline), section.every)
        points, scores, offsets = self.score_points(snippets.features)
        segments, class_index, values = decode_points(
            points, scores, offsets, min_score=section.min_score, max_points=section.max_points
        )
        segments_ms = snippets.to_ms(segments).clip(0, snippets.duration_ms)
        is_inside = segments_ms[:, 1] > segments_ms[:, 0]
        kept, kept_class, kept_scores = suppress_doubles(
            segments_ms[is_inside],
            class_index[is_inside],
            values[is_inside],
            sigma=section.sigma,
            min_score=section.min_score,
            max_segments=section.max_segments,
            vote_tiou=section.vote_tiou,
        )
        # A mean of ends that are all the timeline's may be rounded to beyond it.
        return Found(kept.clip(0, snippets.duration_ms), kept_class, kept_scores)

    def score_points(self, features: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scores of the chosen level's classes, and offsets, at the points of a whole timeline.

        Args:
            features: (T, D).

        Returns:
            Points (P, 2), scores float32 (P, K), offsets float32 (P, 2). A timeline longer than
            ``section.part_snippets`` is seen in overlapping parts, and every point is taken from the part in whose
            middle it is; numbers near the seams differ a little from those of one pass.
        """
        device = self.normaliser.device
        num_levels, found = self.network.num_levels, []
        for part in list_parts(len(features), self.section.part_snippets, 2 ** (num_levels - 1)):
            inputs = torch.from_numpy(np.asarray(features[part.first : part.stop], dtype=np.float32)).to(device)
            logits, offsets, _ = self.network(inputs[None], torch.tensor([len(inputs)], device=device))
            points = make_points(len(inputs), num_levels)
            points[:, 0] += part.first
            is_kept = (points[:, 0] >= part.keep_first) & (points[:, 0] < part.keep_stop)
            kept = is_kept.to(device)
            scores = compute_scores(logits[0][kept].float(), self.levels.parents, self.level)
            found.append((points[is_kept], scores.cpu(), offsets[0][kept].float().cpu()))
        points, scores, offsets = (torch.cat(each) for each in zip(*found, strict=True))
        return points, scores, offsets


class Part(NamedTuple):
    """Snippets ``[first, stop)`` that are seen together, and those of which the points are kept."""

    first: int
    stop: int
    keep_first: int
    keep_stop: int


def list_parts(num_snippets: int, longest: int, alignment: int) -> list[Part]:
    """Overlapping parts of a long timeline; what is kept of them covers it once.

    Args:
        num_snippets: T.
        longest: snippets of a part.
        alignment: parts begin at multiples of it, so that their points are those of the whole.

    Example:
        >>> [tuple(part) for part in list_parts(100, 64, 8)]
        [(0, 64, 0, 48), (32, 96, 48, 80), (64, 100, 80, 100)]
    """
    if num_snippets <= longest:
        return [Part(0, num_snippets, 0, num_snippets)]
    step = longest // 2 // alignment * alignment
    margin = step // 2
    firsts = range(0, num_snippets - margin, step)
    parts = []
    for first in firsts:
        keep_first = 0 if first == 0 else first + margin
        is_last = first + step + margin >= num_snippets
        keep_stop = num_snippets if is_last else first + step + margin
        parts.append(Part(first, min(num_snippets, first + longest), keep_first, keep_stop))
    return parts


def build_actionformer(recipe: LocalizationRecipe, timelines: Timelines, feature_size: int) -> ActionFormerLocalizer:
    """The localizer of a recipe, with random weights."""
    section = recipe.actionformer
    assert section is not None, "checked with the recipe"
    classes = [
        find_classes(timelines.classes, timelines.codebook, task=timelines.task, level=level)
        for level in (*section.upper_levels, timelines.level)
    ]
    levels = make_levels(classes, timelines.codebook)
    network = ActionFormer(
        feature_size,
        sum(levels.sizes),
        width=section.width,
        num_convs=section.num_convs,
        num_stem_blocks=section.num_stem_blocks,
        num_levels=section.num_levels,
        num_heads=section.num_heads,
        window=section.window,
        head_convs=section.head_convs,
        dropout=section.dropout,
        drop_path=section.drop_path,
        branch_scale=section.branch_scale,
        prior=section.prior,
    )
    return ActionFormerLocalizer(network, levels, section)


def build_actionformer_samples(
    recipe: LocalizationRecipe, timelines: Timelines, source: SnippetSource
) -> ActionFormerSamples:
    """What a recipe's ActionFormer learns from; labels of upper levels are read from the dataset again."""
    section = recipe.actionformer
    assert section is not None, "checked with the recipe"
    uppers = [
        read_timelines(Path(recipe.data.dataset), recipe.data.split, task=timelines.task, level=level, side="train")
        for level in section.upper_levels
    ]
    return ActionFormerSamples(
        timelines.timelines,
        label_levels([*uppers, timelines]),
        source,
        every=section.every,
        max_snippets=section.max_snippets,
        crop_share=section.crop_share,
        min_visible=section.min_visible,
        num_levels=section.num_levels,
        first_reach=section.first_reach,
        centre_radius=section.centre_radius,
    )
