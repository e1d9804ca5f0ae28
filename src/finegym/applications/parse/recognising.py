"""What a bundle's recognisers say of the stretches that were found: logits, a prediction file a recogniser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from finegym.annotations.folder import CODEBOOK_FILE, read_dataset
from finegym.errors import ConfigError, FeatureError, join_problems
from finegym.evaluation.calibration import Calibration
from finegym.evaluation.predictions import read_predictions
from finegym.features.build import build_features
from finegym.features.flow.extract import FlowMaker
from finegym.features.pose.extract import PoseMaker
from finegym.features.pose.poses import FOUND
from finegym.features.pose.store import PoseStore
from finegym.training.contradictions import POSES
from finegym.training.data import FEATURES_FOLDER, RecognitionData, open_clips
from finegym.training.predict import predict
from finegym.training.recipe import Recipe
from finegym.training.run_folder import RunFolder

Level = Literal["element", "set", "event"]


@dataclass(frozen=True)
class Opinion:
    """What one recogniser says of N sub-actions.

    Attributes:
        name: of its recipe.
        level: what its classes are.
        class_ids: K ids.
        instance_ids: N ids.
        probabilities: float64 (N, K), calibrated where the bundle says how.
        familiarity: float64 (N,), p-values; ``None`` without calibration.
        num_calibrated: energies of held-out clips that they are ranks among; 0 without calibration.
        seen: float64 (N,), share of the frames in which a gymnast was found; ``None`` of who does not look at poses.
    """

    name: str
    level: Level
    class_ids: tuple[str, ...]
    instance_ids: tuple[str, ...]
    probabilities: np.ndarray
    familiarity: np.ndarray | None
    num_calibrated: int
    seen: np.ndarray | None = None

    def is_blind(self, row: int) -> bool:
        """Whether it looks at poses and found none in the clip: then what it says is a guess."""
        return self.seen is not None and self.seen[row] == 0


def ask(
    run_path: Path,
    folder: Path,
    out: Path,
    calibration: Calibration | None,
    *,
    device: Literal["auto", "cpu"] = "auto",
) -> Opinion:
    """Let a recogniser look at every sub-action of a dataset folder.

    Args:
        run_path: of the recogniser.
        folder: of the dataset; flow and poses are made in it where the recogniser wants them.
        out: prediction file; one that covers the same sub-actions is used as it is.
        calibration: of the recogniser.
        device: ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: its features cannot be made like those of training.
        FeatureError: they could not be made for some sub-action.
        VideoError: the recording cannot be read.
    """
    run = RunFolder(run_path)
    facts = run.read_facts()
    dataset = read_dataset(folder)
    ids = tuple(dataset.instances)
    recipe = _point_to(run.read_recipe(), folder, facts)
    if not out.is_file() or read_predictions(out).instance_ids != ids:
        if recipe.data.modality in (*POSES, "flow"):
            _make_features(recipe, facts, folder)
        source, more = open_clips(recipe.data, folder)
        class_ids, names = zip(*facts["classes"], strict=True)
        data = RecognitionData(
            split="found",
            subset=facts["subset"],
            class_ids=class_ids,
            class_names=names,
            labels={"val": dict.fromkeys(ids, 0)},  # nobody knows; predicting does not look at them
            source=source,
            facts=more,
            codebook_path=folder / CODEBOOK_FILE,
        )
        predict(run, recipe, data, out, device=device)
    predictions = read_predictions(out)
    if calibration is None:
        calibration = Calibration(1.0, np.zeros(0), np.nan, np.nan)
    return Opinion(
        recipe.name,
        find_level(facts, dataset.codebook),
        tuple(id_ for id_, _ in facts["classes"]),
        ids,
        calibration.compute_probabilities(predictions.logits),
        calibration.compute_familiarity(predictions.logits) if len(calibration.energies) else None,
        len(calibration.energies),
        measure_seen(PoseStore(folder / FEATURES_FOLDER / recipe.data.features), ids)
        if recipe.data.modality in POSES
        else None,
    )


def measure_seen(store: PoseStore, instance_ids: Sequence[str]) -> np.ndarray:
    """Of each clip the share of frames in which a gymnast was found, float64 (N,)."""
    return np.array([np.mean(store.read(one).status[0] == FOUND) for one in instance_ids], dtype=np.float64)


def find_level(facts: Mapping[str, Any], codebook: Any) -> Level:
    """The level of a run's classes, by where the codebook knows their ids.

    Raises:
        ConfigError: it does not know all of them on one level.
    """
    ids = [id_ for id_, _ in facts["classes"]]
    known: dict[Level, Mapping[str, Any]] = {
        "element": codebook.element_by_id,
        "set": codebook.set_by_id,
        "event": codebook.event_by_id,
    }
    for level, members in known.items():
        if all(id_ in members for id_ in ids):
            return level
    raise ConfigError(f"the recogniser's classes ({', '.join(ids[:3])} …) are not all of one level of the codebook")


def _point_to(recipe: Recipe, folder: Path, facts: Mapping[str, Any]) -> Recipe:
    """The recipe, of the clips of another folder, cut out of the recording itself."""
    changes: dict[str, Any] = {"dataset": str(folder), "source": "records", "missing": "error", "workers": 0}
    if recipe.data.modality in (*POSES, "flow"):
        changes["features"] = Path(str(facts["features"]["name"])).name
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=changes)})


def _make_features(recipe: Recipe, facts: Mapping[str, Any], folder: Path) -> None:
    """Flow or poses as in training; what is there already stays."""
    maker = choose_maker(recipe.name, facts)
    out = folder / FEATURES_FOLDER / recipe.data.features
    build = build_features(
        read_dataset(folder), folder, out, maker.make_settings(), maker, show_progress=False, replace=True
    )
    if build.tally.failed:
        reasons = [f"{instance_id}: {reason}" for instance_id, reason in build.tally.failed.items()]
        raise FeatureError(f"{out.name}: {len(reasons)} sub-actions failed: {join_problems(reasons, limit=3)}")


def choose_maker(name: str, facts: Mapping[str, Any]) -> FlowMaker | PoseMaker:
    """What makes features like those that a recogniser was trained on.

    Args:
        name: of the recogniser, for messages.
        facts: of its run.

    Raises:
        ConfigError: they cannot be made here.
    """
    settings = facts["features"].get("settings", {})
    if settings.get("kind") == "flow":
        return FlowMaker(settings["method"], settings["short_side"], settings["form"])
    if settings.get("kind") == "pose":
        keys = ("model", "max_gap_frames", "min_presence", "min_support", "search_every")
        return PoseMaker(**{key: settings[key] for key in keys if key in settings})
    raise ConfigError(
        f"recogniser {name} was trained on features that cannot be made here ({facts['features'].get('name')}). Make "
        "the bundle with recognisers of frames, of flow, or of poses of `finegym features pose`."
    )
