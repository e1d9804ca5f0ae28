"""Whether a feature store is what it was when it was written."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from finegym.errors import FeatureError, VideoError
from finegym.features.store import INDEX_FILE, SKIPPED_FILE, FeatureStore, StoreFacts
from finegym.video.store.access import open_folder


@dataclass(frozen=True)
class FeatureCheck:
    """What a check found.

    Attributes:
        store: what ``store.json`` says.
        problems: what is wrong, in words, a line each.
        damaged: ids of clips whose file is not what was written.
    """

    store: StoreFacts
    problems: tuple[str, ...]
    damaged: tuple[str, ...]


def check_features(location: str | Path) -> FeatureCheck:
    """Compare every file of a store with its checksum, and the counts with what is there.

    Args:
        location: a folder, or a URL that fsspec knows.

    Raises:
        FeatureError: there is no finished store, or its index is damaged.
    """
    store = FeatureStore(location)
    problems: list[str] = []
    damaged: list[str] = []
    if len(store) != store.facts.num_clips:
        problems.append(f"{INDEX_FILE}: has {len(store)} rows, store.json promises {store.facts.num_clips} clips")
    for instance_id in store.instance_ids:
        try:
            store.read_bytes(instance_id)
        except FeatureError as error:
            damaged.append(instance_id)
            problems.append(str(error))
    num_skipped = _count_skipped(location)
    if num_skipped != store.facts.num_skipped:
        problems.append(f"{SKIPPED_FILE}: has {num_skipped} rows, store.json promises {store.facts.num_skipped}")
    return FeatureCheck(store.facts, tuple(problems), tuple(damaged))


def _count_skipped(location: str | Path) -> int:
    try:
        text = open_folder(location).read(SKIPPED_FILE).decode("utf-8", "replace")
    except (FileNotFoundError, VideoError):
        return 0
    return sum(1 for _ in csv.DictReader(io.StringIO(text, newline="")))
