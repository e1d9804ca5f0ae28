"""What a spotter learns from: random windows of films, with the events in them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from finegym.annotations.folder import read_dataset
from finegym.datasets.films import CachedFilms, Films, FollowedFilms, RecordFilms, StoreFilms, Stretch
from finegym.datasets.frame_windows import draw_window
from finegym.datasets.transforms import resize
from finegym.localization.localizer import Batch
from finegym.localization.spotter_events import (
    IGNORED,
    EventClasses,
    find_moments,
    find_stages,
    label_events,
    label_inside,
)
from finegym.localization.spotter_section import SpotterSection
from finegym.localization.timelines import Timeline
from finegym.training.progress import Progress

FRAMES_FOLDER = "features"


@dataclass(frozen=True)
class FrameSource:
    """Films of timelines. Can be sent to other processes.

    Attributes:
        films: where the frames are.
        folder: the dataset's.
    """

    films: Films
    folder: Path
    feature_size: ClassVar[int] = 0  # frames are seen, no features

    def get_stretch(self, timeline: Timeline) -> Stretch:
        """The part of a record that a timeline is."""
        path = None if timeline.path is None else self.folder / timeline.path
        return Stretch(timeline.timeline_id, path, timeline.start_ms, timeline.end_ms)

    def find_missing(self, timelines: Sequence[Timeline]) -> dict[str, str]:
        """Timelines that cannot be looked at, each with the reason in words. Decodes nothing."""
        missing = {}
        for timeline in timelines:
            reason = self.films.find_missing(self.get_stretch(timeline))
            if reason:
                missing[timeline.timeline_id] = reason
        return missing

    def describe(self) -> dict[str, object]:
        """What ``run.json`` says of the films."""
        return {"films": self.films.describe()}


def open_films(folder: Path, section: SpotterSection) -> FrameSource:
    """The films that a recipe asks for.

    Raises:
        VideoError: there is no clip store of actions.
    """
    films: Films
    if section.source == "clips":
        films = StoreFilms(folder / section.store, short_side=section.short_side)
    else:
        films = RecordFilms(short_side=section.short_side, pad_ms=section.pad_ms)
    if section.follow:
        films = FollowedFilms(films, section.follow)
    if section.cache:
        films = CachedFilms(films, folder / FRAMES_FOLDER / section.cache)
    return FrameSource(films, folder)


@dataclass(frozen=True, eq=False)
class Sample:
    """A window.

    Attributes:
        frames: uint8 (T, C, H, W).
        events: float32 (T, K + 1).
        inside: int64 (T,).
        is_known: bool (T,): whether the frame is one, and what happens in it is known.
        share: of the window when it is mixed with the next of its batch.
        colour: float32 (3,): brightness, contrast and saturation are multiplied by.
    """

    frames: torch.Tensor
    events: torch.Tensor
    inside: torch.Tensor
    is_known: torch.Tensor
    share: float
    colour: torch.Tensor


class SpotterSamples:
    """Random windows of the films of timelines.

    Args:
        timelines: with their segments.
        source: of their frames.
        classes: of events.
        section: settings.
        stages: of segments of more than one stage, by timeline id; see ``find_stages``.
    """

    def __init__(
        self,
        timelines: Sequence[Timeline],
        source: FrameSource,
        classes: EventClasses,
        section: SpotterSection,
        stages: Mapping[str, Mapping[tuple[int, int], Sequence[int]]],
    ) -> None:
        self._timelines = tuple(timelines)
        self._source, self._classes, self._section = source, classes, section
        self._stretches = [source.get_stretch(timeline) for timeline in timelines]
        self._films = [source.films.get_film(stretch) for stretch in self._stretches]
        self._events = [find_moments(timeline, classes, stages.get(timeline.timeline_id, {})) for timeline in timelines]
        # An event at the film's very end has no frame of its own: its moment is when the last frame ends.
        self._event_frames = [film.find_frames(m.times_ms) for film, m in zip(self._films, self._events, strict=True)]
        self._num_at_end = sum(
            int((f >= film.num_frames).sum()) for f, film in zip(self._event_frames, self._films, strict=True)
        )
        self._event_frames = [
            f.clip(0, film.num_frames - 1) for f, film in zip(self._event_frames, self._films, strict=True)
        ]
        lengths = np.array([film.num_frames for film in self._films], np.float64)
        self._lengths = lengths / lengths.sum()
        self._with_events = [
            (place, frame) for place, frames in enumerate(self._event_frames) for frame in frames.tolist()
        ]

    @property
    def counts(self) -> dict[str, int]:
        """Films, frames and events; films shorter than a window; events whose moment is the end of their film."""
        span = (self._section.clip_len - 1) * self._section.stride + 1
        counts = {
            "films": len(self._films),
            "frames": sum(film.num_frames for film in self._films),
            "events": len(self._with_events),
            "events at the end of their film, moved to its last frame": self._num_at_end,
            "films shorter than a window, filled up with frames that count as unknown": sum(
                film.num_frames < span for film in self._films
            ),
        }
        return {name: count for name, count in counts.items() if count}

    def __len__(self) -> int:
        return self._section.windows_per_epoch

    def draw(self, place: int, rng: np.random.Generator) -> Sample:
        """A random window; its place in the epoch says nothing."""
        section = self._section
        film_place, first = self._draw_first(rng)
        film, timeline = self._films[film_place], self._timelines[film_place]
        wanted = first + np.arange(section.clip_len) * section.stride
        is_there = wanted < film.num_frames
        shown = wanted.clip(max=film.num_frames - 1)
        frames = torch.from_numpy(self._source.films.read(self._stretches[film_place], shown)).permute(0, 3, 1, 2)
        inside = label_inside(film.find_times(shown), timeline)
        events = label_events(
            wanted,
            self._event_frames[film_place],
            self._events[film_place].event_index,
            len(self._classes),
            section.dilation,
        )
        alpha = section.mixup_alpha
        return Sample(
            self._draw_crop(frames, rng),
            torch.from_numpy(events),
            torch.from_numpy(inside.clip(min=0)),
            torch.from_numpy(is_there & (inside != IGNORED)),
            float(rng.beta(alpha, alpha)) if alpha else 1.0,
            _draw_colour(section.colour_jitter, rng),
        )

    def collate(self, samples: Sequence[Sample]) -> Batch:
        """Windows as a batch.

        Returns:
            ``frames`` uint8 (B, T, C, H, W), ``events`` float32 (B, T, K + 1), ``inside`` int64 (B, T), ``is_known``
            bool (B, T), ``shares`` float32 (B,), ``colours`` float32 (B, 3).
        """
        return {
            "frames": torch.stack([sample.frames for sample in samples]),
            "events": torch.stack([sample.events for sample in samples]),
            "inside": torch.stack([sample.inside for sample in samples]),
            "is_known": torch.stack([sample.is_known for sample in samples]),
            "shares": torch.tensor([sample.share for sample in samples], dtype=torch.float32),
            "colours": torch.stack([sample.colour for sample in samples]),
        }

    def _draw_first(self, rng: np.random.Generator) -> tuple[int, int]:
        """A film, by its length, and the first frame of a window in it; some windows hold an event for sure."""
        section = self._section
        span = (section.clip_len - 1) * section.stride + 1
        if self._with_events and rng.random() < section.share_around_events:
            place, frame = self._with_events[rng.integers(len(self._with_events))]
            latest = max(0, self._films[place].num_frames - span)
            return place, int(rng.integers(frame - span + 1, frame + 1).clip(0, latest))
        place = int(rng.choice(len(self._films), p=self._lengths))
        return place, draw_window(self._films[place].num_frames, section.clip_len, section.stride, rng)

    def _draw_crop(self, frames: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """One random crop of all frames, mirrored or not."""
        H, W = frames.shape[-2:]
        height, width = min(self._section.crop[0], H), min(self._section.crop[1], W)
        top, left = int(rng.integers(H - height + 1)), int(rng.integers(W - width + 1))
        cropped = frames[..., top : top + height, left : left + width]
        if self._section.flip and rng.random() < 0.5:
            cropped = cropped.flip(-1)
        return resize(cropped, *self._section.crop).contiguous()


def _draw_colour(probability: float, rng: np.random.Generator) -> torch.Tensor:
    """Factors of brightness, contrast and saturation, each changed with a probability, as the authors change them."""
    factors = rng.uniform(0.7, 1.2, size=3)
    return torch.from_numpy(np.where(rng.random(3) < probability, factors, 1.0).astype(np.float32))


def build_samples(
    timelines: Sequence[Timeline], source: FrameSource, classes: EventClasses, section: SpotterSection
) -> SpotterSamples:
    """Windows to learn from; decodes films that are to be kept decoded first.

    Raises:
        VideoError: a film cannot be read.
        AnnotationError: a segment has not as many stages as its class.
    """
    stages = find_stages(read_dataset(source.folder)) if max(classes.num_moments) > 2 else {}
    prepare_films(timelines, source)
    return SpotterSamples(timelines, source, classes, section, stages)


def prepare_films(timelines: Sequence[Timeline], source: FrameSource) -> None:
    """Decode the films that are to be kept decoded and are not there yet, and say how many."""
    if not isinstance(source.films, CachedFilms):
        return
    num_decoded = 0
    with Progress("decoding films", len(timelines)) as progress:
        for timeline in timelines:
            num_decoded += source.films.prepare(source.get_stretch(timeline))
            progress.advance(timeline.timeline_id)
    print(f"films: {num_decoded} decoded, {len(timelines) - num_decoded} were there already", file=sys.stderr)
