"""Which items a snippet store of a dataset holds: its records, or its actions."""

from __future__ import annotations

from finegym.annotations.model import Dataset
from finegym.features.snippets.make import Item
from finegym.features.snippets.store import Unit


def list_items(dataset: Dataset, unit: Unit) -> tuple[list[Item], list[str]]:
    """Every record or action whose record has a file.

    Returns:
        The items in the order of the dataset, and the ids of records without a file in ``records.csv``.
    """
    there = [(video, video.path) for video in dataset.videos if video.path is not None]
    missing = [video.id for video in dataset.videos if video.path is None]
    if unit == "record":
        return [Item(video.id, video.id, path) for video, path in there], missing
    items = [
        Item(f"{video.id}_{action.name}", video.id, path, action.start_ms, action.end_ms)
        for video, path in there
        for action in video.actions
    ]
    return items, missing
