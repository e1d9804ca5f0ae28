"""SSN as a localizer: its network, its losses, its detections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

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
    """

    def __init__(
        self, ssn: SSN, actionness: Actionness | None, section: SsnSection, frames: SnippetFrames | None = None
    ) -> None:
        super().__init__()
        self.ssn, self.actionness, self.section, self.frames = ssn, actionness, section, frames

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Losses of activity, completeness, regression and actionness; ``batch`` is of ``SSNSamples.collate``."""
        section = self.section
        self.ssn.regression_stats.copy_(batch["regression_stats"])
        scores = self.ssn(self.normalise(batch["snippets"]), batch["scales"])
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
            parts = [self._read_features(snippets, first).to(device) for first in range(0, len(snippets), PART)]
            if isinstance(self.ssn.backbone, SnippetEncoder):
                parts = [self.ssn.backbone.slide(part) for part in parts]
        return torch.cat([self.ssn.score_frames(part) for part in parts])

    def _read_features(self, snippets: Snippets, first: int) -> torch.Tensor:
        """Stored features of ``PART`` snippets from ``first`` on, and of those beside them that an encoder sees."""
        context = self.section.context if isinstance(self.ssn.backbone, SnippetEncoder) else 0
        stop = min(len(snippets), first + PART)
        rows = np.arange(first - context, stop + context).clip(0, len(snippets) - 1)  # the outermost stand for beyond
        return torch.from_numpy(np.asarray(snippets.features[rows], np.float32))

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
    backbone = build_ssn_backbone(section, feature_size)
    ssn = SSN(
        len(timelines.classes.classes),
        feature_size if backbone is None else backbone.feature_size,
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
    return SSNLocalizer(ssn, actionness, section, open_snippet_frames(Path(recipe.data.dataset), section))
