"""A spotter's run and one side of its split become files: events, their truth, and the segments formed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from finegym.annotations.folder import read_dataset
from finegym.errors import ConfigError
from finegym.localization.localizer import Found
from finegym.localization.opening import without_first_weights
from finegym.localization.recipe import LocalizationRecipe, read_localization_recipe
from finegym.localization.run import check_source
from finegym.localization.run_folder import LocalizationRun
from finegym.localization.spotter_events import find_stages
from finegym.localization.spotter_files import Spots, make_predicted_spots, make_true_spots
from finegym.localization.spotter_localizer import SpotterLocalizer, build_spotter, open_frames
from finegym.localization.timelines import Timelines, read_timelines
from finegym.training.progress import Progress
from finegym.training.run import load_checkpoint
from finegym.training.run_folder import read_checkpoint


@dataclass(frozen=True)
class Spotted:
    """What a spotter found along timelines.

    Attributes:
        timelines: looked at.
        predicted: an entry a timeline, every frame whose score reaches ``spotter.min_score``, nothing suppressed.
        true: the same of what there is.
        segments: formed of events, a ``Found`` a timeline.
        checkpoint: file of the weights.
    """

    timelines: Timelines
    predicted: Spots
    true: Spots
    segments: tuple[Found, ...]
    checkpoint: Path


def read_spotter_recipe(run: LocalizationRun, overrides: Sequence[str] = ()) -> LocalizationRecipe:
    """The recipe of a run, with some settings of how to look changed.

    Raises:
        ConfigError: it is no run of a spotter, or an override does not fit.
    """
    recipe = run.read_recipe()
    if recipe.spotter is None:
        raise ConfigError(f"{run.path} is a run of {recipe.model.name}, expected one of a spotter")
    return read_localization_recipe(run.recipe_path, overrides) if overrides else recipe


def spot(
    run: LocalizationRun,
    recipe: LocalizationRecipe,
    *,
    side: str,
    checkpoint: str = "last",
    device: Literal["auto", "cpu"] = "auto",
) -> Spotted:
    """Look through the timelines of one side of a run's split.

    Args:
        run: of a spotter.
        recipe: of ``read_spotter_recipe``.
        side: ``train`` or ``val``.
        checkpoint: ``last``, or a number of epochs done.
        device: ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: there is no such checkpoint, or it is of another network.
        FeatureError: there are no frames of some timelines.
        VideoError: frames cannot be read.
        AnnotationError: the dataset or its split is damaged.
    """
    assert recipe.spotter is not None, "of read_spotter_recipe"
    folder = Path(recipe.data.dataset)
    timelines = read_timelines(folder, recipe.data.split, task=recipe.task, level=recipe.data.level, side=side)
    source = open_frames(folder, recipe)
    check_source(source, timelines)
    path = run.find_checkpoint(checkpoint)
    localizer = _load(recipe, timelines, path)
    localizer.to("cuda" if device == "auto" and torch.cuda.is_available() else "cpu").eval()
    classes = localizer.classes
    stages = find_stages(read_dataset(folder)) if max(classes.num_moments) > 2 else {}
    predicted, true, segments = [], [], []
    with Progress("spotting", len(timelines)) as progress, torch.inference_mode():
        for timeline in timelines.timelines:
            film = source.films.get_film(source.get_stretch(timeline))
            scores = localizer.score_frames(timeline, source)
            predicted.append(make_predicted_spots(timeline, film, classes, localizer.find_events(scores, nms_window=0)))
            true.append(make_true_spots(timeline, film, classes, stages.get(timeline.timeline_id)))
            segments.append(localizer.form(timeline, scores))
            progress.advance(timeline.timeline_id)
    return Spotted(timelines, predicted, true, tuple(segments), path)


def _load(recipe: LocalizationRecipe, timelines: Timelines, path: Path) -> SpotterLocalizer:
    """The localizer of a recipe with the weights of a checkpoint."""
    localizer = build_spotter(without_first_weights(recipe), timelines)
    classes = [[class_.id, class_.name] for class_ in timelines.classes.classes]
    load_checkpoint(localizer, read_checkpoint(path), path, classes)
    return localizer
