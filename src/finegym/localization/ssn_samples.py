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
from finegym.localization.proposals import find_stages, find_ticks, make_proposals
from finegym.localization.ssn_actionness import Window, compute_unseen_curves, draw_window, is_inside
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
        snippets: of P proposals, float32 features (P, S, D) or uint8 frames (P, S, 3, H, H); ``None`` where whole
            timelines are seen.
        timelines: float32 (T, F) each, whole: the group's own and those that it borrowed proposals of; else ``()``.
        labels: int64 (T,) each, the class of every snippet of ``timelines``, see ``label_snippets``.
        slot: int64 (P,), place of each proposal's timeline in ``timelines``.
        ticks: int64 (P, 4), of ``find_ticks``.
        scales: float32 (P, 2).
        class_index: int64 (P,).
        targets: float32 (P, 2).
        window: ``None`` where actionness is not learnt.
    """

    snippets: np.ndarray | None
    timelines: tuple[np.ndarray, ...]
    labels: tuple[np.ndarray, ...]
    slot: np.ndarray
    ticks: np.ndarray
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
        seen, slot = np.unique(pool.timeline[chosen], return_inverse=True)
        snippets = [self.source.read(self.timelines[each]) for each in seen]
        stages = [
            find_stages(pool.segments_ms[row : row + 1], snippets[number].duration_ms)
            for row, number in zip(chosen, slot, strict=True)
        ]
        own = self.timelines[place]
        window = None
        if section.proposals == "tag":
            window = draw_window(own, self.source.read(own), section.actionness_window, rng)
        sees_all = section.hidden_size > 0
        drawn = None if sees_all else np.stack([self._draw_snippets(int(row), rng) for row in chosen])
        return GroupSample(
            snippets=drawn,
            timelines=tuple(np.asarray(each.features, np.float32) for each in snippets) if sees_all else (),
            labels=tuple(
                label_snippets(each.times_ms, self.timelines[n]) for each, n in zip(snippets, seen, strict=True)
            ),
            slot=slot,
            ticks=np.concatenate([find_ticks(s, snippets[n]) for (s, _), n in zip(stages, slot, strict=True)]),
            scales=np.concatenate([scales for _, scales in stages]),
            class_index=pool.class_index[chosen],
            targets=((pool.offsets[chosen] - pool.stats[0]) / pool.stats[1]).astype(np.float32),
            window=window,
        )

    def _draw_snippets(self, row: int, rng: np.random.Generator) -> np.ndarray:
        """Snippets (S, …) of a proposal of the pool, which may be another timeline's."""
        timeline = self.timelines[self.pool.timeline[row]]
        snippets = self.source.read(timeline)
        indices = draw_snippets(self.pool.segments_ms[row : row + 1], snippets, self.section.num_snippets, rng)[0]
        if self.frames is not None:
            return self.frames.draw(timeline, snippets.times_ms[indices], rng).numpy()
        return np.asarray(snippets.features[indices], np.float32)

    def collate(self, samples: Sequence[GroupSample]) -> Batch:
        """Groups one after another.

        Returns:
            ``snippets`` as in a sample (B*P, S, …), ``scales`` float32 (B*P, 2), ``class_index`` int64 (B*P,),
            ``targets`` float32 (B*P, 2), ``regression_stats`` (2, 2); for actionness ``window`` float32 (B, W, D),
            ``is_action`` float32 (B, W), ``is_known`` bool (B, W).
            Where whole timelines are seen, instead of ``snippets``: ``timelines`` float32 (L, T, F), zeros behind their
            ends, one snippet at least; ``lengths`` int64 (L,); ``labels`` int64 (L, T), -1 behind the ends; ``ticks``
            int64 (B*P, 4), counted through timelines that follow each other.
        """
        batch = {
            name: torch.from_numpy(np.concatenate([getattr(sample, name) for sample in samples]))
            for name in ("scales", "class_index", "targets")
        }
        batch["regression_stats"] = torch.from_numpy(self.pool.stats)
        if samples[0].snippets is not None:
            batch["snippets"] = torch.from_numpy(
                np.concatenate([s.snippets for s in samples if s.snippets is not None])
            )
        else:
            batch |= _collate_timelines(samples)
        windows = [sample.window for sample in samples if sample.window is not None]
        if windows:
            batch["window"] = torch.from_numpy(np.stack([window.features for window in windows]))
            batch["is_action"] = torch.from_numpy(np.stack([window.is_action for window in windows]))
            batch["is_known"] = torch.from_numpy(np.stack([window.is_known for window in windows]))
        return batch


def label_snippets(times_ms: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Classes of snippets int64 (T,): 0 background, k + 1 inside a segment of class k (of several the last), else -1.

    Those in ignore regions are -1.
    """
    labels = np.where(is_inside(times_ms, timeline.ignored_ms), -1, 0)
    for segment, class_index in zip(timeline.segments_ms, timeline.class_index, strict=True):
        labels[is_inside(times_ms, segment[None])] = class_index + 1
    return labels


def _collate_timelines(samples: Sequence[GroupSample]) -> Batch:
    timelines = [timeline for sample in samples for timeline in sample.timelines]
    longest = max(map(len, timelines)) + 1
    padded = np.zeros((len(timelines), longest, timelines[0].shape[1]), np.float32)
    labels = np.full((len(timelines), longest), -1)
    for row, timeline in zip(padded, timelines, strict=True):
        row[: len(timeline)] = timeline
    for row, known in zip(labels, (each for sample in samples for each in sample.labels), strict=True):
        row[: len(known)] = known
    before = np.cumsum([0, *(len(sample.timelines) for sample in samples)])
    ticks = [
        sample.ticks + longest * (sample.slot + first)[:, None]
        for sample, first in zip(samples, before[:-1], strict=True)
    ]
    return {
        "timelines": torch.from_numpy(padded),
        "labels": torch.from_numpy(labels),
        "lengths": torch.tensor([len(timeline) for timeline in timelines]),
        "ticks": torch.from_numpy(np.concatenate(ticks)),
    }


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
