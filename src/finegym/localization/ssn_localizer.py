"""SSN as a localizer: its network, its losses, its detections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from finegym.datasets.transforms import normalise
from finegym.localization.localizer import Batch, Found, Localizer
from finegym.localization.proposals import find_stages, find_ticks, make_proposals
from finegym.localization.snippets import Snippets
from finegym.localization.ssn_actionness import PART, compute_actionness_loss, compute_curve
from finegym.localization.ssn_detections import make_detections
from finegym.localization.ssn_frames import SnippetFrames, build_ssn_backbone, open_snippet_frames
from finegym.localization.ssn_section import SsnSection
from finegym.localization.timelines import Timeline, Timelines
from finegym.models.ssn import SSN, Actionness, ProposalScores, SnippetEncoder, compute_losses

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe
    from finegym.localization.snippets_source import SnippetSource


class SSNLocalizer(Localizer):
    """SSN and the actionness network that finds its proposals.

    Args:
        ssn: the network.
        actionness: ``None`` where proposals do not come from it.
        section: settings of proposals, losses and detection.
        frames: of snippets, where the network has a backbone that sees them.
        encoder: of stored features, where the network sees what it makes of them.
    """

    def __init__(
        self,
        ssn: SSN,
        actionness: Actionness | None,
        section: SsnSection,
        frames: SnippetFrames | None = None,
        encoder: SnippetEncoder | None = None,
    ) -> None:
        super().__init__()
        self.ssn, self.actionness, self.encoder = ssn, actionness, encoder
        self.section, self.frames = section, frames
        # Dense labels teach an encoder faster than some proposals of a timeline do.
        has_classifier = encoder is not None and section.snippet_weight > 0
        self.snippet_classifier = nn.Linear(ssn.feature_size, ssn.num_classes + 1) if has_classifier else None

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Losses of activity, completeness, regression, snippets and actionness; see ``SSNSamples.collate``."""
        section = self.section
        self.ssn.regression_stats.copy_(batch["regression_stats"])
        if self.encoder is None:
            scores = self.ssn(self.normalise(batch["snippets"]), batch["scales"])
        else:  # timelines one after another, each with nothing behind its end: ticks count through all of them
            features = self.ssn.dropout(self.encoder(batch["timelines"], batch["lengths"]).flatten(0, 1))
            scores = self.ssn.score_directly(features, batch["ticks"], batch["scales"])
        losses = compute_losses(
            scores,
            batch["class_index"],
            batch["targets"],
            section.counts,
            hard_share=section.hard_share,
            completeness_weight=section.completeness_weight,
            regression_weight=section.regression_weight,
        )
        losses = {f"{name}_loss": loss for name, loss in losses.items()}
        if self.snippet_classifier is not None:
            logits = self.snippet_classifier(features).float()
            loss = F.cross_entropy(logits, batch["labels"].flatten(), ignore_index=-1)
            losses["snippet_loss"] = section.snippet_weight * loss
        if self.actionness is not None:
            logits = self.actionness(batch["window"])
            loss = compute_actionness_loss(logits, batch["is_action"], batch["is_known"])
            losses["actionness_loss"] = section.actionness_weight * loss
        return losses

    def detect(self, timeline: Timeline, source: SnippetSource) -> Found:
        """Proposals of a timeline, scored, refined, and without doubles."""
        snippets = source.read(timeline)
        proposals = self.propose(snippets)
        if not len(proposals):
            return Found(proposals, np.empty(0, np.int64), np.empty(0))
        scores = self.score(self.score_snippets(timeline, snippets), snippets, proposals)
        return make_detections(proposals, scores, self.ssn.regression_stats, snippets.duration_ms, self.section)

    def propose(self, snippets: Snippets) -> np.ndarray:
        """Proposals float64 (N, 2), milliseconds."""
        curve = None if self.actionness is None else compute_curve(self.actionness, snippets.features)
        return make_proposals(snippets, curve, self.section)

    def score_snippets(self, timeline: Timeline, snippets: Snippets) -> torch.Tensor:
        """The reorganised layer on every snippet: float32 (T, R), see ``SSN.score_frames``."""
        device = self.ssn.activity.weight.device
        if self.frames is not None:
            images = self.frames.iterate(timeline, snippets.times_ms)
            parts = [self.ssn.compute_features(self.normalise(part.to(device))[None])[0] for part in images]
        else:
            parts = [self._encode(snippets, first, device) for first in range(0, len(snippets), PART)]
        return torch.cat([self.ssn.score_frames(part) for part in parts])

    def _encode(self, snippets: Snippets, first: int, device: torch.device) -> torch.Tensor:
        """What the heads see of up to ``PART`` snippets from ``first`` on: float32 (T, D)."""
        margin = 0 if self.encoder is None else self.encoder.margin
        begin, stop = max(0, first - margin), min(len(snippets), first + PART)
        features = torch.from_numpy(np.asarray(snippets.features[begin : stop + margin], np.float32)).to(device)
        if self.encoder is not None:
            features = self.encoder(features[None], torch.tensor([len(features)], device=device))[0]
        return features[first - begin : stop - begin]

    def score(self, frame_scores: torch.Tensor, snippets: Snippets, proposals: np.ndarray) -> ProposalScores:
        """Scores of proposals, on the CPU; ``frame_scores`` are of ``score_snippets``."""
        device = frame_scores.device
        stages, scales = find_stages(proposals, snippets.duration_ms)
        ticks = torch.from_numpy(find_ticks(stages, snippets)).to(device)
        scores = self.ssn.pool_scores(frame_scores, ticks, torch.from_numpy(scales).to(device))
        return ProposalScores(scores.activity.cpu(), scores.completeness.cpu(), scores.regression.cpu())

    def normalise(self, snippets: torch.Tensor) -> torch.Tensor:
        """Frames as the backbone wants them; features as they are."""
        wanted = self.ssn.normalisation
        return snippets if wanted is None else normalise(snippets, wanted.mean, wanted.std)


def build_ssn(recipe: LocalizationRecipe, timelines: Timelines, feature_size: int) -> SSNLocalizer:
    """The localizer of a recipe, with random heads."""
    section = recipe.ssn
    assert section is not None, "checked with the recipe"
    backbone, encoder, size = build_ssn_backbone(section), None, feature_size
    if backbone is not None:
        size = backbone.feature_size
    if section.hidden_size:
        size = section.hidden_size
        encoder = SnippetEncoder(
            feature_size,
            size,
            num_layers=section.hidden_layers,
            kernel_size=section.hidden_kernel,
            dropout=section.hidden_dropout,
        )
    ssn = SSN(
        len(timelines.classes.classes),
        size,
        backbone=backbone,
        num_snippets=section.num_snippets,
        pyramid=section.pyramid,
        dropout=section.dropout,
        partial_batch_norm=section.partial_batch_norm,
        freeze_backbone=section.freeze_backbone,
    )
    actionness = None
    if section.proposals == "tag":
        actionness = Actionness(
            feature_size,
            hidden_size=section.actionness_hidden,
            kernel_size=section.actionness_kernel,
            dropout=section.actionness_dropout,
        )
    frames = open_snippet_frames(Path(recipe.data.dataset), section)
    return SSNLocalizer(ssn, actionness, section, frames, encoder)
