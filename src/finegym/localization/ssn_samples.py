"""What SSN learns from: groups of proposals, and windows for actionness."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from finegym.localization.localizer import Batch
from finegym.localization.proposals import make_proposals
from finegym.localization.ssn_actionness import Window, compute_unseen_curves, draw_window
from finegym.localization.ssn_frames import SnippetFrames, open_snippet_frames
from finegym.localization.ssn_sampling import KINDS, Bounds, Pool, check_pool, draw_group, draw_snippets, make_pool
from finegym.localization.ssn_section import SsnSection
from finegym.localization.timelines import Timeline, Timelines

if TYPE_CHECKING:
    from finegym.localization.recipe import LocalizationRecipe
    from finegym.localization.snippets_source import SnippetSource


@dataclass(frozen=True)
class GroupSample:
    """A group of one timeline's proposals, and a window for actionness.

    Attributes:
        snippets: float32 (P, S, D), uint8 frames (P, S, 3, H, H), or windows for an encoder, float32 (P, S, W, D).
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
        frames: of snippets, instead of their features.
    """

    timelines: tuple[Timeline, ...]
    source: SnippetSource
    pool: Pool
    section: SsnSection
    counts: dict[str, int]
    frames: SnippetFrames | None = None

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
        """Snippets (S, …) and scales (2,) of a proposal of the pool, which may be another timeline's."""
        timeline = self.timelines[self.pool.timeline[row]]
        snippets = self.source.read(timeline)
        segment = self.pool.segments_ms[row : row + 1]
        indices, scales = draw_snippets(segment, snippets, self.section.num_snippets, rng)
        if self.frames is not None:
            return self.frames.draw(timeline, snippets.times_ms[indices[0]], rng).numpy(), scales[0]
        rows = indices[0]
        if self.section.hidden_size:  # with their neighbours, (S, W)
            reach = np.arange(-self.section.context, self.section.context + 1)
            rows = (rows[:, None] + reach).clip(0, len(snippets) - 1)
        return np.asarray(snippets.features[rows], np.float32), scales[0]

    def collate(self, samples: Sequence[GroupSample]) -> Batch:
        """Groups one after another.

        Returns:
            ``snippets`` as in a sample (B*P, S, …), ``scales`` float32 (B*P, 2), ``class_index``
            int64 (B*P,), ``targets`` float32 (B*P, 2), ``regression_stats`` (2, 2); for actionness ``window`` float32
            (B, W, D), ``is_action`` float32 (B, W), ``is_known`` bool (B, W).
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
    frames = open_snippet_frames(Path(recipe.data.dataset), section)
    return SSNSamples(used, source, pool, section, {name: count for name, count in counts.items() if count}, frames)


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
