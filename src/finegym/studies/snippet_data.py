"""Snippets that the localizers of the studies see: an image network's features, every few frames of whole records."""

from __future__ import annotations

from pathlib import Path

from finegym.annotations.model import Dataset
from finegym.errors import FeatureError, join_problems
from finegym.features.snippets.build import build_snippets
from finegym.localization.snippet_items import list_items
from finegym.localization.snippet_makers import open_backbone
from finegym.training.data import FEATURES_FOLDER

STORE, BACKBONE = "snippets-lite0", "efficientnet_lite0"
STRIDE = 8  # frames: three snippets a second


def store_snippets(dataset: Dataset, folder: Path, crop_size: int, *, workers: int) -> None:
    """Compute the snippets of all records; what is there stays.

    Args:
        dataset: the annotations.
        folder: of the dataset; the store is in its ``features/``.
        crop_size: of the square in the middle of a frame, pixels.
        workers: processes.

    Raises:
        FeatureError: a record's could not be made.
    """
    maker = open_backbone(BACKBONE, weights="imagenet", short_side=crop_size, crop_size=crop_size, device="cpu")
    items, _ = list_items(dataset, "record")
    out = folder / FEATURES_FOLDER / STORE
    build = build_snippets(items, folder, out, maker.make_settings("record", STRIDE), maker, workers=workers)
    if build.tally.failed:
        reasons = [f"{record_id}: {reason}" for record_id, reason in build.tally.failed.items()]
        raise FeatureError(f"{out}: {len(reasons)} records failed: {join_problems(reasons, limit=3)}")
