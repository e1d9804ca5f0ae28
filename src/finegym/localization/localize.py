"""From runs to prediction files: the timelines of a split, or a recording that nobody has labelled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from finegym.annotations.text import format_count
from finegym.errors import ConfigError, FeatureError
from finegym.localization.localizer import Found
from finegym.localization.methods import METHODS
from finegym.localization.opening import OpenedRun
from finegym.localization.parts import find_all, get_parts, remove_parts, write_found
from finegym.localization.recipe import LocalizationRecipe
from finegym.localization.run import check_source
from finegym.localization.snippets_source import SnippetSource
from finegym.localization.timelines import Timelines, read_timelines


@dataclass(frozen=True)
class Localized:
    """What a call of ``localize`` came to.

    Attributes:
        out: the file.
        num_timelines: that were looked through.
        num_before: of them, those that an earlier call had done.
        num_detections: in the file.
    """

    out: Path
    num_timelines: int
    num_before: int
    num_detections: int

    def __str__(self) -> str:
        return (
            f"{self.out}: {format_count(self.num_detections, 'detection')} in "
            f"{format_count(self.num_timelines, 'timeline')} ({self.num_before} of them done before)"
        )


def localize_dataset(
    opened: OpenedRun, folder: Path, out: Path, *, split: str = "", side: str = "val", show_progress: bool = True
) -> Localized:
    """Find what is in the timelines of one side of a split, and write it down.

    Args:
        opened: the localizer.
        folder: of the dataset, which need not be the one that the run was trained on.
        out: the file to write.
        split: in the dataset's ``splits/``; the run's by default.
        side: ``train`` or ``val``.
        show_progress: whether a bar is drawn on a terminal.

    Raises:
        ConfigError: the split has other classes than the run.
        FeatureError: there are no snippets, or others than the run was trained on.
    """
    split = split or opened.recipe.data.split
    timelines, source = open_dataset(opened, folder, split=split, side=side)
    return write_localized(opened, timelines, source, out, {"given_split": split, "side": side}, show_progress)


def open_dataset(opened: OpenedRun, folder: Path, *, split: str = "", side: str = "val") -> tuple[Timelines, Any]:
    """The timelines of one side of a split, and what a localizer sees of them; errors as of ``localize_dataset``."""
    recipe = move_recipe(opened, folder)
    split = split or recipe.data.split
    timelines = read_timelines(folder, split, task=recipe.task, level=opened.classes.level, side=side)
    wanted, there = ([class_.id for class_ in each.classes.classes] for each in (opened.classes, timelines))
    if wanted != there:
        raise ConfigError(
            f"{opened.path} knows {len(wanted)} classes, split {split} has {len(there)}, others or in another order. "
            "Give the split that the run was trained on, or one of the same classes."
        )
    source = METHODS[recipe.model.name].open_source(folder, recipe)
    check_features(opened, source)
    check_source(source, timelines)
    return (_point_to_files(timelines, folder) if opened.sees_snippets else timelines), source


def write_localized(
    opened: OpenedRun, timelines: Timelines, source: Any, out: Path, more: dict[str, Any], show_progress: bool = True
) -> Localized:
    """Find what is in timelines, part by part, and write it down."""
    found, num_before = find_parts(opened, timelines, source, out, more, show_progress)
    write_found(out, found, timelines, opened.identify() | more)
    remove_parts(get_parts(out))
    return Localized(out, len(timelines), num_before, sum(len(each.scores) for each in found))


def find_parts(
    opened: OpenedRun, timelines: Timelines, source: Any, out: Path, more: dict[str, Any], show_progress: bool = True
) -> tuple[list[Found], int]:
    """What is in timelines; what is done is kept beside ``out``."""
    with torch.inference_mode():
        return find_all(
            timelines.timelines,
            partial(_detect, opened, source),
            get_parts(out),
            opened.identify() | more,
            show_progress=show_progress,
        )


def check_features(opened: OpenedRun, source: Any) -> None:
    """Whether a source's snippets are made as those of training were.

    Raises:
        FeatureError: they are not; what differs is named.
    """
    if not isinstance(source, SnippetSource):
        return
    trained, given = opened.facts["features"], source.describe()
    if len(trained) != len(given):
        raise FeatureError(f"{opened.path} was trained on {len(trained)} snippet stores joined, given are {len(given)}")
    for before, now, store in zip(trained, given, source.stores, strict=True):
        differing = find_differences(before, now)
        if differing:
            raise FeatureError(
                f"{store}: are other snippets than {opened.path} was trained on: {'; '.join(differing)}. "
                "Make them with the same model and stride."
            )


def find_differences(trained: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """In what the settings of two stores differ; units may, and where flow was taken from."""
    flat = [{**each, **each["maker"]} for each in (trained, given)]
    return [
        f"{key} was {flat[0].get(key)!r}, is {flat[1].get(key)!r}"
        for key in {**flat[0], **flat[1]}
        if key not in ("unit", "maker", "name", "flow_from") and flat[0].get(key) != flat[1].get(key)
    ]


def _point_to_files(timelines: Timelines, folder: Path) -> Timelines:
    """With whole paths: SSN end to end sees frames by its own recipe, which names the dataset of training."""
    found = [
        each if each.path is None else replace(each, path=str((folder / each.path).absolute()))
        for each in timelines.timelines
    ]
    return replace(timelines, timelines=tuple(found))


def _detect(opened: OpenedRun, source: Any, timeline: Any) -> Found:
    return opened.localizer.detect(timeline, source)


def move_recipe(opened: OpenedRun, folder: Path) -> LocalizationRecipe:
    """The run's recipe, of a dataset that lies elsewhere."""
    data = opened.recipe.data.model_copy(update={"dataset": str(folder)})
    return opened.recipe.model_copy(update={"data": data})
