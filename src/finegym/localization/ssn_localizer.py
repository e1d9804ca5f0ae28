"""SSN as a localizer: its proposals, its samples, its losses, its detections."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from finegym.localization.localizer import Batch, Found, Localizer
from finegym.localization.proposals import (
    find_stages,
    find_ticks,
    make_actionness_proposals,
    make_sliding_windows,
    make_uniform_proposals,
    refine,
)
from finegym.localization.snippets import Snippets
from finegym.localization.ssn_actionness import (
    PART,
    Window,
    compute_actionness_loss,
    compute_curve,
    compute_unseen_curves,
    draw_window,
)
from finegym.localization.ssn_sampling import KINDS, Bounds, Pool, check_pool, draw_group, draw_snippets, make_pool
from finegym.localization.ssn_section import SsnSection
from finegym.localization.timelines import Timeline, Timelines
from finegym.models.ssn import SSN, Actionness, ProposalScores, compute_losses
from finegym.segments import nms, soft_nms

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe
    from finegym.localization.snippets_source import SnippetSource


class SSNLocalizer(Localizer):
    """SSN and the actionness network that finds its proposals.

    Args:
        ssn: the network.
        actionness: ``None`` where proposals do not come from it.
        section: settings of proposals, losses and detection.
    """

    def __init__(self, ssn: SSN, actionness: Actionness | None, section: SsnSection) -> None:
        super().__init__()
        self.ssn, self.actionness, self.section = ssn, actionness, section

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Losses of activity, completeness, regression and actionness; ``batch`` is of ``SSNSamples.collate``."""
        section = self.section
        self.ssn.regression_stats.copy_(batch["regression_stats"])
        scores = self.ssn(batch["snippets"], batch["scales"])
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
        scores = self.score(snippets, proposals)
        return make_detections(proposals, scores, self.ssn.regression_stats, snippets.duration_ms, self.section)

    def propose(self, snippets: Snippets) -> np.ndarray:
        """Proposals float64 (N, 2), milliseconds."""
        curve = None if self.actionness is None else compute_curve(self.actionness, snippets.features)
        return make_proposals(snippets, curve, self.section)

    def score(self, snippets: Snippets, proposals: np.ndarray) -> ProposalScores:
        """Scores of proposals by the reorganised layer, on the CPU."""
        device = self.ssn.activity.weight.device
        parts = [
            self.ssn.score_frames(
                torch.from_numpy(np.asarray(snippets.features[first : first + PART], np.float32)).to(device)
            )
            for first in range(0, len(snippets), PART)
        ]
        stages, scales = find_stages(proposals, snippets.duration_ms)
        ticks = torch.from_numpy(find_ticks(stages, snippets)).to(device)
        scores = self.ssn.pool_scores(torch.cat(parts), ticks, torch.from_numpy(scales).to(device))
        return ProposalScores(scores.activity.cpu(), scores.completeness.cpu(), scores.regression.cpu())


def make_proposals(snippets: Snippets, curve: np.ndarray | None, section: SsnSection) -> np.ndarray:
    """Proposals of a timeline float64 (N, 2), milliseconds; ``curve`` is its actionness, for TAG."""
    if section.proposals == "sliding":
        return make_sliding_windows(
            snippets.duration_ms,
            min_ms=section.window_ms_min,
            max_ms=section.window_ms_max,
            growth=section.window_growth,
            stride=section.window_stride,
        )
    if section.proposals == "uniform":
        return make_uniform_proposals(snippets.duration_ms, section.num_cells)
    assert curve is not None, "TAG makes proposals of a curve"
    return make_actionness_proposals(
        curve,
        snippets,
        threshold_step=section.threshold_step,
        fill_step=section.fill_step,
        max_tiou=section.max_tiou_proposals,
    )


def make_detections(
    proposals: np.ndarray, scores: ProposalScores, stats: torch.Tensor, duration_ms: float, section: SsnSection
) -> Found:
    """What is found: every proposal as every class, the best of them refined and without doubles.

    Args:
        proposals: float64 (N, 2), milliseconds.
        scores: of them.
        stats: (2, 2), mean and standard deviation of what regression learnt.
        duration_ms: of the timeline.
        section: settings of detection.

    Source:
        Zhao et al., ICCV 2017, section 3.4, and the authors' code: softmax of activity times exp(completeness).
    """
    if section.background_in_softmax:
        activity = scores.activity.double().softmax(dim=1)[:, 1:]
    else:
        activity = scores.activity[:, 1:].double().softmax(dim=1)
    values = activity
    if section.score == "activity-and-completeness":
        values = activity * scores.completeness.double().exp()
    flat = values.flatten().numpy()  # (N * K,)
    chosen = np.argsort(-flat, kind="stable")[: section.max_scores]
    place, class_index = np.divmod(chosen, values.shape[1])
    segments_ms = proposals[place]
    if section.regression:
        mean, std = stats.double().cpu().numpy()
        offsets = scores.regression.double().numpy()[place, class_index] * std + mean
        segments_ms = refine(segments_ms, offsets, duration_ms)
    is_there = segments_ms[:, 1] > segments_ms[:, 0]
    return suppress(Found(segments_ms[is_there], class_index[is_there], flat[chosen][is_there]), section)


def suppress(found: Found, section: SsnSection) -> Found:
    """Without doubles, class by class, by the recipe's kind of suppression."""
    segments_ms, class_index, scores = found
    if section.suppression == "nms":
        kept = nms(segments_ms, scores, section.max_tiou, class_index)[: section.max_segments]
        return Found(segments_ms[kept], class_index[kept], scores[kept])
    kept, sunk = soft_nms(segments_ms, scores, section.sigma, class_index, min_score=section.min_score)
    kept, sunk = kept[: section.max_segments], sunk[: section.max_segments]
    return Found(segments_ms[kept], class_index[kept], sunk)


@dataclass(frozen=True)
class GroupSample:
    """A group of one timeline's proposals, and a window for actionness.

    Attributes:
        snippets: float32 (P, S, D).
        scales: float32 (P, 2).
        class_index: int64 (P,).
        targets: float32 (P, 2).
        window: ``None`` where actionness is not learnt.
    """

    snippets: np.ndarray
    scales: np.ndarray
    class_index: np.ndarray
    targets: np.ndarray
    window: Window | None


@dataclass(frozen=True)
class SSNSamples:
    """Groups of proposals: ``section.repeats`` of every timeline with a segment, an epoch.

    Attributes:
        timelines: to learn from, without those that have no segment.
        source: of their snippets.
        pool: their proposals.
        section: counts and sizes.
        counts: what the user should know.
    """

    timelines: tuple[Timeline, ...]
    source: SnippetSource
    pool: Pool
    section: SsnSection
    counts: dict[str, int]

    def __len__(self) -> int:
        return len(self.timelines) * self.section.repeats

    def draw(self, place: int, rng: np.random.Generator) -> GroupSample:
        """A group of timeline ``place`` modulo their number."""
        place %= len(self.timelines)
        section, pool = self.section, self.pool
        chosen = draw_group(pool, place, section.counts, rng)
        drawn = [self._draw_snippets(int(row), rng) for row in chosen]
        timeline = self.timelines[place]
        has_actionness = section.proposals == "tag"
        return GroupSample(
            snippets=np.stack([snippets for snippets, _ in drawn]),
            scales=np.stack([scales for _, scales in drawn]),
            class_index=pool.class_index[chosen],
            targets=((pool.offsets[chosen] - pool.stats[0]) / pool.stats[1]).astype(np.float32),
            window=draw_window(timeline, self.source.read(timeline), section.actionness_window, rng)
            if has_actionness
            else None,
        )

    def _draw_snippets(self, row: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Features (S, D) and scales (2,) of a proposal of the pool, which may be another timeline's."""
        snippets = self.source.read(self.timelines[self.pool.timeline[row]])
        segment = self.pool.segments_ms[row : row + 1]
        indices, scales = draw_snippets(segment, snippets, self.section.num_snippets, rng)
        return np.asarray(snippets.features[indices[0]], np.float32), scales[0]

    def collate(self, samples: Sequence[GroupSample]) -> Batch:
        """Groups one after another.

        Returns:
            ``snippets`` float32 (B*P, S, D), ``scales`` (B*P, 2), ``class_index`` int64 (B*P,), ``targets`` float32
            (B*P, 2), ``regression_stats`` (2, 2); for actionness ``window`` float32 (B, W, D), ``is_action`` float32
            (B, W), ``is_known`` bool (B, W).
        """
        batch = {
            name: torch.from_numpy(np.concatenate([getattr(sample, name) for sample in samples]))
            for name in ("snippets", "scales", "class_index", "targets")
        }
        batch["regression_stats"] = torch.from_numpy(self.pool.stats)
        windows = [sample.window for sample in samples if sample.window is not None]
        if windows:
            batch["window"] = torch.from_numpy(np.stack([window.features for window in windows]))
            batch["is_action"] = torch.from_numpy(np.stack([window.is_action for window in windows]))
            batch["is_known"] = torch.from_numpy(np.stack([window.is_known for window in windows]))
        return batch


def build_ssn(recipe: LocalizationRecipe, timelines: Timelines, feature_size: int) -> SSNLocalizer:
    """The localizer of a recipe, with random heads."""
    section = recipe.ssn
    assert section is not None, "checked with the recipe"
    ssn = SSN(
        len(timelines.classes.classes),
        feature_size,
        num_snippets=section.num_snippets,
        pyramid=section.pyramid,
        dropout=section.dropout,
    )
    actionness = None
    if section.proposals == "tag":
        actionness = Actionness(
            feature_size,
            hidden_size=section.actionness_hidden,
            kernel_size=section.actionness_kernel,
            dropout=section.actionness_dropout,
        )
    return SSNLocalizer(ssn, actionness, section)


def build_ssn_samples(recipe: LocalizationRecipe, timelines: Timelines, source: SnippetSource) -> SSNSamples:
    """What a recipe's SSN learns from; trains the networks that TAG proposals of training come from.

    Raises:
        ConfigError: there is no proposal of a kind that groups need.
    """
    section = recipe.ssn
    assert section is not None, "checked with the recipe"
    used = tuple(timeline for timeline in timelines.timelines if len(timeline.segments_ms))
    curves: Sequence[np.ndarray | None] = [None] * len(used)
    if section.proposals == "tag":
        print(f"actionness: {section.actionness_folds} networks for the proposals of training", file=sys.stderr)
        curves = compute_unseen_curves(
            used,
            source,
            hidden_size=section.actionness_hidden,
            kernel_size=section.actionness_kernel,
            dropout=section.actionness_dropout,
            window=section.actionness_window,
            num_folds=section.actionness_folds,
            epochs=section.actionness_epochs,
            learning_rate=section.actionness_learning_rate,
            seed=recipe.seed,
        )
    proposals = [
        make_proposals(source.read(timeline), curve, section) for timeline, curve in zip(used, curves, strict=True)
    ]
    bounds = Bounds(
        section.foreground_tiou,
        section.incomplete_tiou,
        section.incomplete_inside,
        section.background_tiou,
        section.background_length,
    )
    pool = make_pool(used, proposals, bounds)
    check_pool(pool, section.counts)
    counts = _count(used, proposals, pool)
    counts["timelines without a segment, not learnt from"] = len(timelines) - len(used)
    return SSNSamples(used, source, pool, section, {name: count for name, count in counts.items() if count})


def _count(timelines: Sequence[Timeline], proposals: Sequence[np.ndarray], pool: Pool) -> Counter[str]:
    """What became of the proposals, and which true segments none of them finds."""
    counts = Counter(proposals=sum(map(len, proposals)))
    for kind, name in enumerate(KINDS):
        counts[f"{name} proposals, true segments among them" if kind == 0 else f"{name} proposals"] = len(
            pool.find(kind)
        )
        lacking = sum(not len(pool.find(kind, place)) for place in range(len(timelines)))
        counts[f"timelines without {name} proposals, which borrow"] = lacking
    return counts
