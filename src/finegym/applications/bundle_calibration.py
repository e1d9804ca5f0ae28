"""Calibrating a bundle's recognisers on what they said of the side of the split that they were not trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from finegym.annotations.splits import read_split
from finegym.errors import ConfigError, FineGymError, PredictionError
from finegym.evaluation.calibration import Calibration, calibrate
from finegym.evaluation.predictions import align_predictions, read_predictions
from finegym.training.data import SPLITS_FOLDER
from finegym.training.run_folder import RunFolder

CALIBRATION_FILE = "calibration.json"
FORMAT = "finegym-calibration/1"
MAX_ENERGIES = 2000
NEEDED_CLIPS = 19
"""From so many held-out clips on, one can be stranger than 19 of 20: a p-value of 0.05 exists."""


def format_calibration(run_path: Path) -> bytes:
    """The calibration of a recogniser's run, as a file.

    Of many clips the energies are thinned out to quantiles.

    Raises:
        PredictionError: there are no predictions of the last checkpoint for the ``val`` side of its split.
        AnnotationError: the split is gone.
    """
    run = RunFolder(run_path)
    recipe = run.read_recipe()
    path = run.predictions_path / "val.parquet"
    if not path.is_file():
        raise PredictionError(
            f"{path} does not exist, and recognisers are calibrated on it: `finegym predict {run.path}` makes it."
        )
    predictions = read_predictions(path)
    if predictions.metadata.get("checkpoint") != run.find_checkpoint().name:
        raise PredictionError(
            f"{path} is of {predictions.metadata.get('checkpoint')}, the last checkpoint is "
            f"{run.find_checkpoint().name}: `finegym predict {run.path}` makes it anew."
        )
    split = read_split(Path(recipe.data.dataset) / SPLITS_FOLDER / recipe.data.split)
    aligned = align_predictions(
        predictions, split.get_side("val"), len(split.subset.classes), split_name=f"{split.name}/val", source=str(path)
    )
    found = calibrate(aligned.logits, aligned.targets)
    energies = found.energies
    if len(energies) > MAX_ENERGIES:
        energies = np.quantile(energies, np.linspace(0, 1, MAX_ENERGIES))
    content = {
        "format": FORMAT,
        "temperature": found.temperature,
        "energies": [float(energy) for energy in energies],
        "ece_before": found.ece_before,
        "ece_after": found.ece_after,
        "num_clips": found.num_clips,
        "split": f"{split.name}/val",
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def read_calibration(path: Path) -> Calibration:
    """Read what ``format_calibration`` wrote.

    Raises:
        ConfigError: the file is damaged.
    """
    try:
        content = json.loads(path.read_bytes())
        return Calibration(
            float(content["temperature"]),
            np.asarray(content["energies"], dtype=np.float64),
            float(content["ece_before"]),
            float(content["ece_after"]),
            int(content["num_clips"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, FineGymError):
            raise
        raise ConfigError(f"{path} is no calibration of finegym: {error}") from error


def describe_weaknesses(calibrations: Mapping[str, bytes | None]) -> tuple[str, ...]:
    """What calibration files cannot do, a sentence a recogniser; empty where all can do what they are for.

    Args:
        calibrations: by the recogniser's name what ``format_calibration`` made; ``None`` without calibration.
    """
    said = []
    for name, content in calibrations.items():
        if content is None:
            said.append(
                f"Recogniser {name} is not calibrated: it may sound surer than it is, and it never says that a clip "
                "looks like nothing it knows."
            )
            continue
        count = int(json.loads(content)["num_clips"])
        if count < NEEDED_CLIPS:
            said.append(
                f"Recogniser {name} was calibrated on {count} held-out clips only; {NEEDED_CLIPS} are needed "
                "to refuse what is strange at the price of 1 known clip in 20. It refuses what is stranger than all of "
                f"them, and up to 1 known clip in {count + 1} with it; how sure it sounds rests on the same {count}."
            )
    return tuple(said)
