"""A spotter and one side of its split become files: events, their truth, and the segments formed of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from finegym.annotations.folder import read_dataset
from finegym.errors import ConfigError
from finegym.localization.localize import open_dataset
from finegym.localization.localizer import Found
from finegym.localization.opening import OpenedRun
from finegym.localization.spotter_events import EventClasses, find_stages
from finegym.localization.spotter_files import Spots, make_predicted_spots, make_true_spots
from finegym.localization.spotter_localizer import SpotterLocalizer
from finegym.localization.spotter_samples import FrameSource
from finegym.localization.timelines import Timelines
from finegym.training.progress import Progress


@dataclass(frozen=True)
class Spotted:
    """What a spotter found along timelines.

    Attributes:
        timelines: looked at.
        predicted: an entry a timeline, every frame whose score reaches ``spotter.min_score``, nothing suppressed.
        segments: formed of events, a ``Found`` a timeline.
        source: the films that were looked at.
    """

    timelines: Timelines
    predicted: Spots
    segments: tuple[Found, ...]
    source: FrameSource


def spot(opened: OpenedRun, *, side: str) -> Spotted:
    """Look through the timelines of one side of the split of a run's recipe.

    Args:
        opened: a spotter.
        side: ``train`` or ``val``.

    Raises:
        ConfigError: it is no spotter, or the split has other classes than the run.
        FeatureError: there are no frames of some timelines.
        VideoError: frames cannot be read.
        AnnotationError: the dataset or its split is damaged.
    """
    localizer = _get_spotter(opened)
    timelines, source = open_dataset(opened, Path(opened.recipe.data.dataset), side=side)
    predicted, segments = [], []
    with Progress("spotting", len(timelines)) as progress, torch.inference_mode():
        for timeline in timelines.timelines:
            film = source.films.get_film(source.get_stretch(timeline))
            scores = localizer.score_frames(timeline, source)
            events = localizer.find_events(scores, nms_window=0)
            predicted.append(make_predicted_spots(timeline, film, localizer.classes, events))
            segments.append(localizer.form(timeline, scores))
            progress.advance(timeline.timeline_id)
    return Spotted(timelines, predicted, tuple(segments), source)


def list_true_spots(opened: OpenedRun, spotted: Spotted) -> Spots:
    """The same entries of what there is, as the dataset is annotated.

    Raises:
        AnnotationError: a segment has not as many stages as its class.
    """
    classes = _get_spotter(opened).classes
    stages = _read_stages(Path(opened.recipe.data.dataset), classes)
    return [
        make_true_spots(
            timeline,
            spotted.source.films.get_film(spotted.source.get_stretch(timeline)),
            classes,
            stages.get(timeline.timeline_id),
        )
        for timeline in spotted.timelines.timelines
    ]


def _read_stages(folder: Path, classes: EventClasses) -> dict[str, dict[tuple[int, int], tuple[int, ...]]]:
    return find_stages(read_dataset(folder)) if max(classes.num_moments) > 2 else {}


def _get_spotter(opened: OpenedRun) -> SpotterLocalizer:
    if not isinstance(opened.localizer, SpotterLocalizer):
        raise ConfigError(f"{opened.path} is a run of {opened.recipe.model.name}, expected one of a spotter")
    return opened.localizer
