"""Recordings that nobody has labelled, as timelines, and their snippets made on the way."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from finegym.errors import ConfigError, FeatureError, join_problems
from finegym.features.snippets.build import build_snippets
from finegym.features.snippets.make import Item
from finegym.features.snippets.store import SnippetSettings, SnippetStore
from finegym.localization.localize import find_differences
from finegym.localization.methods import METHODS
from finegym.localization.opening import OpenedRun
from finegym.localization.snippet_features import RecogniserSnippets
from finegym.localization.snippet_makers import open_origin
from finegym.localization.snippets_source import SnippetSource
from finegym.localization.timelines import Timeline, Timelines
from finegym.training.progress import Progress
from finegym.video.index_cache import read_index


def make_recordings(paths: Sequence[Path], classes: Timelines) -> Timelines:
    """A timeline of each video file, with its file's name (without suffix) as id, and nothing known to be in it.

    Raises:
        ConfigError: two files have one name.
        VideoError: a file cannot be read.
    """
    ids = [path.stem for path in paths]
    repeated = sorted({id_ for id_ in ids if ids.count(id_) > 1})
    if repeated:
        raise ConfigError(f"{join_problems(repeated, 3)}: is the name of two videos; results are told apart by it")
    timelines = tuple(
        Timeline(path.stem, path.stem, str(path.absolute()), 0, math.ceil(read_index(path).end_ms)) for path in paths
    )
    return dataclasses.replace(classes, timelines=timelines)


def open_recordings(
    opened: OpenedRun,
    timelines: Sequence[Timeline],
    work: Path,
    *,
    features_runs: Sequence[Path] = (),
    device: str = "cpu",
    show_progress: bool = True,
) -> Any:
    """What a localizer sees of recordings: frames, or snippets that are made here and kept in ``work``.

    Args:
        opened: the localizer.
        timelines: whole recordings, or actions in them.
        work: folder for snippet stores; what an earlier call has finished there is not made again.
        features_runs: where the recognisers' runs lie now, in the order of the run's stores, if they were moved.
        device: where recognisers run.
        show_progress: whether a bar is drawn on a terminal.

    Raises:
        ConfigError: a recogniser's run is gone, or there are more of ``features_runs`` than stores.
        FeatureError: a recogniser is another one now, or snippets cannot be made.
    """
    if not opened.sees_snippets:
        folder = Path(timelines[0].path or ".").parent if timelines else Path()
        return METHODS[opened.recipe.model.name].open_source(folder, opened.recipe)
    origins = opened.facts["feature_origins"]
    if features_runs and len(features_runs) != len(origins):
        raise ConfigError(
            f"--features-run is given {len(features_runs)} times, {opened.path} joins {len(origins)} stores"
        )
    stores = []
    for place, (trained, origin) in enumerate(zip(opened.facts["features"], origins, strict=True)):
        run = features_runs[place] if features_runs else None
        maker = open_origin(origin, run=run, device=device)
        settings = maker.make_settings(trained["unit"], trained["stride"])
        differing = find_differences(trained, settings.model_dump(mode="json"))
        if differing:
            raise FeatureError(
                f"{settings.maker['name']}: is another recogniser now than when {opened.path} was trained: "
                f"{'; '.join(differing)}. Say where the right one is: --features-run"
            )
        stores.append(
            _make_store(work / _name_store(settings), list_spans(timelines, settings), settings, maker, show_progress)
        )
    return SnippetSource(stores)


def list_spans(timelines: Sequence[Timeline], settings: SnippetSettings) -> list[Item]:
    """What snippets are wanted of: records whole, where the localizer was trained on records, else the timelines."""
    if settings.unit == "record":
        paths = dict.fromkeys((timeline.record_id, _get_path(timeline)) for timeline in timelines)
        return [Item(record_id, record_id, path) for record_id, path in paths]
    return [Item(each.timeline_id, each.record_id, _get_path(each), each.start_ms, each.end_ms) for each in timelines]


def _make_store(
    out: Path, items: Sequence[Item], settings: SnippetSettings, maker: RecogniserSnippets, show_progress: bool
) -> SnippetStore:
    folder = Path(items[0].path).parent if items else Path()
    with _SnippetProgress(settings.maker["name"], show_progress) as advance:
        result = build_snippets(items, folder, out, settings, maker, replace=True, show_progress=False, advance=advance)
    if result.tally.failed:
        reasons = [f"{item_id}: {reason}" for item_id, reason in result.tally.failed.items()]
        raise FeatureError(f"snippets cannot be made: {join_problems(reasons, 3)}")
    return SnippetStore(out)


class _SnippetProgress:
    """A bar a record: how many of its snippets are made."""

    def __init__(self, title: str, show: bool) -> None:
        self._title, self._show = title, show
        self._bar: Progress | None = None
        self._done = 0

    def __enter__(self) -> Callable[[int, int], None]:
        return self._advance

    def __exit__(self, *_: object) -> None:
        self._close()

    def _advance(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = Progress(f"snippets, {self._title}", total, show=self._show)
            self._bar.__enter__()
            self._done = 0
        self._bar.advance(steps=done - self._done)
        self._done = done
        if done == total:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def _name_store(settings: SnippetSettings) -> str:
    """Of two localizers that see the same snippets, the second finds them made."""
    maker = settings.maker
    flow = f"-{maker['flow_method']}" if "flow_method" in maker else ""
    outputs = "-".join(maker["outputs"])
    return (
        f"snippets-{maker['weights_sha256'][:12]}{flow}-{outputs}-{settings.unit}-{settings.stride}-{settings.window}"
    )


def _get_path(timeline: Timeline) -> str:
    assert timeline.path is not None, "a recording has a file"
    return timeline.path
