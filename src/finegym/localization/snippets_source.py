"""Where the snippets of timelines come from: one or more stores, joined."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finegym.errors import FeatureError
from finegym.features.snippets.store import STORE_FILE, SnippetStore
from finegym.localization.snippets import Snippets
from finegym.localization.timelines import Timeline

FEATURES_FOLDER = "features"


class SnippetSource:
    """Snippets of timelines. Can be sent to other processes.

    A store of records serves records and actions, a store of actions serves actions.

    Args:
        stores: at least one; of the same items, with the same stride. Their features are joined, in this order.

    Raises:
        FeatureError: the stores have different strides or units.
    """

    def __init__(self, stores: Sequence[SnippetStore]) -> None:
        self.stores = tuple(stores)
        kinds = {(store.settings.unit, store.settings.stride) for store in self.stores}
        if len(kinds) > 1:
            listed = "; ".join(
                f"{store}: every {s.stride} frames of {s.unit}s" for store in stores for s in [store.settings]
            )
            raise FeatureError(f"snippets of different strides or units cannot be joined: {listed}")
        self.feature_size = sum(store.settings.feature_size for store in self.stores)

    def read(self, timeline: Timeline) -> Snippets:
        """The snippets of a timeline.

        Raises:
            FeatureError: a store lacks it, its times have changed since, or no snippet lies in it.
        """
        parts = [self._read_part(store, timeline) for store in self.stores]
        features, times = parts[0]
        if any(not np.array_equal(times[:, 0], other[:, 0]) for _, other in parts[1:]):
            raise FeatureError(
                f"{timeline.timeline_id}: {self.stores[0]} and another store have snippets of different frames"
            )
        if len(parts) > 1:
            features = np.concatenate([part for part, _ in parts], axis=1)
        return Snippets(features, times[:, 1] - timeline.start_ms, timeline.duration_ms)

    def find_missing(self, timelines: Sequence[Timeline]) -> dict[str, str]:
        """Timelines that a store has no snippets of, each with the reason."""
        missing = {}
        for timeline in timelines:
            for store in self.stores:
                if _find_item(store, timeline) is None:
                    missing[timeline.timeline_id] = f"not in {store}"
        for timeline in self.find_empty([each for each in timelines if each.timeline_id not in missing]):
            missing[timeline.timeline_id] = f"no snippet lies in its {timeline.duration_ms} ms (a smaller --stride)"
        return missing

    def find_empty(self, timelines: Sequence[Timeline]) -> list[Timeline]:
        """Timelines too short for a snippet's centre to lie in them, in a store of records that has their record."""
        store = self.stores[0]
        if store.settings.unit != "record":
            return []
        spans = [_find_span(store.read(timeline.record_id)[1], timeline) for timeline in timelines]
        return [timeline for timeline, (first, stop) in zip(timelines, spans, strict=True) if first == stop]

    def describe(self) -> list[dict[str, Any]]:
        """What made the features, for a run's facts; which files are not part of it."""
        return [store.settings.model_dump(mode="json") for store in self.stores]

    def describe_origins(self) -> list[dict[str, Any]]:
        """Where that lies."""
        return [store.facts.origin for store in self.stores]

    def _read_part(self, store: SnippetStore, timeline: Timeline) -> tuple[np.ndarray, np.ndarray]:
        item_id = _find_item(store, timeline)
        if item_id is None:
            raise FeatureError(
                f"{store}: has no snippets of {timeline.timeline_id}. Make them with `finegym features snippets`."
            )
        features, times = store.read(item_id)
        span = store.facts.items[item_id]
        if item_id == timeline.timeline_id:
            if span != (timeline.start_ms, timeline.end_ms):
                raise FeatureError(
                    f"{store}: snippets of {item_id} are of [{span[0]}, {span[1]}) ms, but it is annotated as "
                    f"[{timeline.start_ms}, {timeline.end_ms}) ms. Make the snippets again; what did not change stays."
                )
            return features, times
        first, stop = _find_span(times, timeline)
        if first == stop:
            raise FeatureError(
                f"{store}: no snippet lies in {timeline.timeline_id}, which lasts {timeline.duration_ms} ms. Make "
                "snippets with a smaller --stride."
            )
        return features[first:stop], times[first:stop]


def open_snippets(folder: Path, names: Sequence[str]) -> SnippetSource:
    """The stores of these names in a dataset's ``features/``; a path with a slash is taken as it is.

    Raises:
        FeatureError: one is not there, or they cannot be joined.
    """
    stores = []
    for name in names:
        path = Path(name) if "/" in name else Path(folder) / FEATURES_FOLDER / name
        if not (path / STORE_FILE).is_file():
            there = sorted(file.parent.parent.name for file in path.parent.glob("*/items/..") if file.is_dir())
            raise FeatureError(
                f"snippets.stores: {path} is no finished snippet store; beside it there are: "
                f"{', '.join(there) or 'none'}. `finegym features snippets` makes one."
            )
        stores.append(SnippetStore(path))
    return SnippetSource(stores)


def _find_item(store: SnippetStore, timeline: Timeline) -> str | None:
    """The item that holds a timeline: its own, or its record."""
    return next((item_id for item_id in (timeline.timeline_id, timeline.record_id) if item_id in store), None)


def _find_span(times: np.ndarray, timeline: Timeline) -> tuple[int, int]:
    """The first snippet of a record's whose centre lies in a timeline, and the first behind it."""
    first, stop = np.searchsorted(times[:, 1], [timeline.start_ms, timeline.end_ms]).tolist()
    return first, stop
