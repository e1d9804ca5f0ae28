"""What ActionFormer learns from: stretches of timelines, with labels on every level."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from finegym.localization.actionformer_targets import PointTargets, assign_points
from finegym.localization.localizer import Batch
from finegym.localization.snippets import Snippets
from finegym.localization.timelines import Timeline, Timelines
from finegym.models.actionformer import make_points

if TYPE_CHECKING:
    from finegym.localization.snippets_source import SnippetSource


class LabelledSegments(NamedTuple):
    """What is in a timeline, on all levels.

    Attributes:
        segments_ms: float64 (N, 2).
        labels: int64 (N, L), class indices coarse to fine; -1 where a level has no class for a segment.
        ignored_ms: float64 (M, 2), without a class on any level.
    """

    segments_ms: np.ndarray
    labels: np.ndarray
    ignored_ms: np.ndarray


class Stretch(NamedTuple):
    """A sample: snippets of part of a timeline, and what is in it, as positions in snippets.

    Attributes:
        features: float32 (T, D).
        segments: float32 (N, 2).
        labels: int64 (N, L).
        ignored: float32 (M, 2).
    """

    features: np.ndarray
    segments: np.ndarray
    labels: np.ndarray
    ignored: np.ndarray


@dataclass(frozen=True)
class ActionFormerSamples:
    """Training samples: a stretch of every timeline an epoch.

    Attributes:
        timelines: to learn from.
        labelled: what is in each of them.
        source: of their snippets.
        every: how many snippets of it there are to one that is seen; see ``thin``.
        max_snippets: of a stretch.
        crop_share: a timeline that is not too long is cropped to between this share and all of it.
        min_visible: a segment of which the crop leaves a smaller part is neither learnt nor background.
        num_levels: of the pyramid.
        first_reach: of its finest level, in snippets.
        centre_radius: of the points that stand for a segment, in strides.
    """

    timelines: tuple[Timeline, ...]
    labelled: tuple[LabelledSegments, ...]
    source: SnippetSource
    every: int
    max_snippets: int
    crop_share: float
    min_visible: float
    num_levels: int
    first_reach: float
    centre_radius: float

    def __len__(self) -> int:
        return len(self.timelines)

    def draw(self, place: int, rng: np.random.Generator) -> Stretch:
        """A random stretch of timeline ``place``."""
        snippets = thin(self.source.read(self.timelines[place]), self.every)
        known = self.labelled[place]
        first, stop = draw_crop(len(snippets.features), self.max_snippets, self.crop_share, rng)
        segments, ignored = (snippets.to_positions(ms) - first for ms in (known.segments_ms, known.ignored_ms))
        # A crop shows what lies between the ends of its snippets, half a snippet beyond their centres.
        bounds = (-0.5, stop - first - 0.5)
        visible, is_learnt, seen = clip_segments(segments, bounds, self.min_visible)
        ignored, _, ignored_seen = clip_segments(ignored, bounds, self.min_visible)
        return Stretch(
            np.asarray(snippets.features[first:stop], dtype=np.float32),
            visible[is_learnt].astype(np.float32),
            known.labels[is_learnt],
            np.concatenate([visible[seen & ~is_learnt], ignored[ignored_seen]]).astype(np.float32),
        )

    def collate(self, samples: Sequence[Stretch]) -> Batch:
        """Stretches side by side, zeros behind their ends, with the targets of every point.

        Returns:
            ``features`` float32 (B, T, D), ``lengths`` int64 (B,), ``labels`` int64 (B, P, L) (-1 for background and
            where a level has no class), ``is_segment`` and ``is_ignored`` bool (B, P), ``offsets`` float32 (B, P, 2).
        """
        lengths = [len(sample.features) for sample in samples]
        features = torch.zeros(len(samples), max(lengths), samples[0].features.shape[1])
        points = make_points(max(lengths), self.num_levels)
        targets = []
        for row, sample in zip(features, samples, strict=True):
            row[: len(sample.features)] = torch.from_numpy(sample.features)
            targets.append(self._assign(points, sample.segments, sample.ignored))
        # The last row is background's, so that a point without a segment, -1, finds it.
        labels = [
            torch.from_numpy(np.concatenate([sample.labels, np.full((1, sample.labels.shape[1]), -1)]))[target.segment]
            for sample, target in zip(samples, targets, strict=True)
        ]
        return {
            "features": features,
            "lengths": torch.tensor(lengths),
            "labels": torch.stack(labels),
            "is_segment": torch.stack([target.segment >= 0 for target in targets]),
            "is_ignored": torch.stack([target.is_ignored for target in targets]),
            "offsets": torch.stack([target.offsets for target in targets]),
        }

    @property
    def counts(self) -> dict[str, int]:
        """Segments and what becomes of them when whole timelines are seen."""
        counts: Counter[str] = Counter()
        for timeline, known in zip(self.timelines, self.labelled, strict=True):
            snippets = thin(self.source.read(timeline), self.every)
            points = make_points(len(snippets.features), self.num_levels)
            segments, ignored = (snippets.to_positions(ms) for ms in (known.segments_ms, known.ignored_ms))
            stood_for = self._assign(points, segments, ignored).segment.unique()
            counts["segments"] += len(segments)
            counts["segments that no point stands for"] += len(segments) - int((stood_for >= 0).sum())
            counts["ignore regions"] += len(ignored)
            counts["timelines longer than max_snippets"] += len(snippets.features) > self.max_snippets
        return {name: count for name, count in counts.items() if count}

    def _assign(self, points: torch.Tensor, segments: np.ndarray, ignored: np.ndarray) -> PointTargets:
        rows, regions = (torch.from_numpy(np.asarray(each, dtype=np.float32)) for each in (segments, ignored))
        return assign_points(points, rows, regions, first_reach=self.first_reach, centre_radius=self.centre_radius)


def thin(snippets: Snippets, every: int) -> Snippets:
    """Every ``every``-th snippet: whole broadcasts at a low rate, from a store that sub-actions are found in too.

    Args:
        snippets: of a timeline.
        every: 1 leaves all. Of each so many the middle one stays.
    """
    if every == 1:
        return snippets
    first = min(every // 2, len(snippets) - 1)
    return Snippets(snippets.features[first::every], snippets.times_ms[first::every], snippets.duration_ms)


def label_levels(levels: Sequence[Timelines]) -> tuple[LabelledSegments, ...]:
    """What is in every timeline, with its labels on all levels.

    Args:
        levels: the same timelines read at every level, coarse to fine.

    Returns:
        Of every timeline. A segment that some level has no class for keeps its labels on the others.
    """
    return tuple(_label(together) for together in zip(*(level.timelines for level in levels), strict=True))


def _label(together: Sequence[Timeline]) -> LabelledSegments:
    known: dict[tuple[int, int], list[int]] = {}
    nameless: dict[tuple[int, int], None] = {}
    for place, timeline in enumerate(together):
        for segment, class_index in zip(timeline.segments_ms.tolist(), timeline.class_index.tolist(), strict=True):
            known.setdefault(tuple(segment), [-1] * len(together))[place] = class_index
        nameless |= dict.fromkeys(map(tuple, timeline.ignored_ms.tolist()))
    ignored = [segment for segment in nameless if segment not in known]
    return LabelledSegments(
        np.array(list(known), np.float64).reshape(-1, 2),
        np.array(list(known.values()), np.int64).reshape(-1, len(together)),
        np.array(ignored, np.float64).reshape(-1, 2),
    )


def draw_crop(length: int, longest: int, share: float, rng: np.random.Generator) -> tuple[int, int]:
    """First snippet and stop of a random stretch.

    Args:
        length: snippets of the timeline.
        longest: a longer timeline is cropped to this.
        share: a shorter one to between this share and all of it.
        rng: of the draw.
    """
    wanted = longest if length > longest else int(rng.integers(math.ceil(share * length), length + 1))
    first = int(rng.integers(length - wanted + 1))
    return first, first + wanted


def clip_segments(
    segments: np.ndarray, bounds: tuple[float, float], min_visible: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments cut at the ends of a stretch.

    Args:
        segments: float64 (N, 2).
        bounds: of the stretch.
        min_visible: share of a segment that must be left.

    Returns:
        The cut segments float64 (N, 2); bool (N,): enough is left; bool (N,): something is left.

    Example:
        >>> clip_segments(np.array([[-3.0, 1.0], [2.0, 4.0], [9.0, 12.0]]), (0.0, 8.0), 0.5)[1:]
        (array([False,  True, False]), array([ True,  True, False]))
    """
    cut = segments.clip(*bounds)
    left = (cut[:, 1] - cut[:, 0]) / (segments[:, 1] - segments[:, 0])
    return cut, left >= min_visible, left > 0
