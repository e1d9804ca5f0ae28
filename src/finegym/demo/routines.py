"""The demo's localization: the routines of records that the localizer has not seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from finegym.annotations.activitynet import make_activitynet
from finegym.annotations.model import Dataset
from finegym.annotations.source import open_source
from finegym.annotations.split_generator import make_split
from finegym.annotations.splits import write_split
from finegym.annotations.subsets import find_subset
from finegym.demo.features import FEATURES_FOLDER
from finegym.errors import FeatureError, join_problems
from finegym.evaluation.localization.report import LocalizationReport, make_localization_report
from finegym.features.snippets.build import build_snippets
from finegym.files import write_text
from finegym.localization.localize import localize_dataset
from finegym.localization.opening import open_localizer
from finegym.localization.recipe import parse_localization_recipe
from finegym.localization.run import train
from finegym.localization.snippet_items import list_items
from finegym.localization.snippet_makers import open_backbone

SPLIT = "routines"
STORE = "snippets-lite0"
BACKBONE, CROP_SIZE = "efficientnet_lite0", 128
STRIDE = 6  # frames: four snippets a second; routines look at every second one


@dataclass(frozen=True)
class RoutinesOutcome:
    """What looking for routines came to.

    Attributes:
        num_train: records that the localizer learned from.
        num_snippets: of all records.
        epochs: passes over them.
        report: what was found in the other records, against the truth.
    """

    num_train: int
    num_snippets: int
    epochs: int
    report: LocalizationReport


def make_snippets(dataset: Dataset, folder: Path, *, workers: int) -> int:
    """Compute the features of a frame in every ``STRIDE`` of all records; what is there stays. Returns their number.

    Raises:
        FeatureError: a record's could not be made.
    """
    maker = open_backbone(BACKBONE, weights="imagenet", short_side=CROP_SIZE, crop_size=CROP_SIZE, device="cpu")
    items, _ = list_items(dataset, "record")
    build = build_snippets(
        items,
        folder,
        folder / FEATURES_FOLDER / STORE,
        maker.make_settings("record", STRIDE),
        maker,
        workers=workers,
    )
    if build.tally.failed:
        reasons = [f"{record_id}: {reason}" for record_id, reason in build.tally.failed.items()]
        raise FeatureError(f"{STORE}: {len(reasons)} records failed: {join_problems(reasons, limit=3)}")
    return build.store.num_snippets


def find_routines(
    dataset: Dataset,
    folder: Path,
    out: Path,
    *,
    num_snippets: int,
    epochs: int,
    seed: int,
    say: Callable[[str], None],
) -> RoutinesOutcome:
    """Train a localizer on some records, let it find the routines of the others, and compare.

    Args:
        dataset: the annotations.
        folder: its folder, with the snippets.
        out: folder of the run; the files that are compared are in it too.
        num_snippets: in the store.
        epochs: passes over the training records.
        seed: of the split, the training and the bootstrap.
        say: told the result.
    """
    subset = find_subset("event", dataset.codebook)
    # An event may be performed in one record only; the report names classes that a side lacks.
    split = make_split(dataset, subset, SPLIT, by=("video",), seed=seed, allow_empty_classes=True).split
    write_split(split, folder / "splits" / SPLIT, overwrite=True)
    recipe = parse_localization_recipe(
        files("finegym.demo").joinpath("recipe_routines.toml").read_text(encoding="utf-8"),
        "the demo's recipe_routines.toml",
        (f"seed={seed}", f"data.dataset={json.dumps(str(folder))}", f"schedule.epochs={epochs}"),
    )
    run = train(recipe, out)
    truth, found = out / "truth.json", out / "detections.json"
    content, _ = make_activitynet(open_source(folder), level="event", setting=SPLIT, task="actions")
    write_text(truth, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    localize_dataset(open_localizer(run.path, device="cpu"), folder, found)
    report = make_localization_report(found, truth, "validation", seed=seed)
    mean = dict(zip((round(tiou, 2) for tiou in report.result.thresholds), report.result.mean.tolist(), strict=True))
    num_segments = len(report.truth.class_index)
    say(
        f"  {num_segments} routines in {len(report.truth.video_ids)} other records: mAP {100 * mean[0.5]:.1f} % at "
        f"tIoU 0.5, {100 * report.result.average:.1f} % over 0.5 to 0.95"
    )
    num_train = len({dataset.instances[instance_id].video.id for instance_id in split.train})
    return RoutinesOutcome(num_train, num_snippets, epochs, report)
