"""A recogniser, opened to be asked why: from a run or a bundle, with the clips that it is to explain."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from finegym.annotations.folder import CODEBOOK_FILE, read_dataset
from finegym.annotations.model import Instance
from finegym.applications.bundle import open_bundle
from finegym.codebook.model import Codebook
from finegym.codebook.yaml_format import read_codebook
from finegym.datasets.clip_views import FlowClipView, RgbClipView
from finegym.datasets.clips import ClipSource, RecordClips
from finegym.datasets.heatmap_view import HeatmapView
from finegym.datasets.recognition import Source
from finegym.datasets.sampling import compute_centre_windows
from finegym.datasets.shuffled_view import TIME_AXES
from finegym.datasets.uniform_sampling import compute_uniform
from finegym.datasets.views import FlowView, PoseView, RgbView, View
from finegym.errors import ConfigError
from finegym.models import hash_weights
from finegym.training.build_model import build_model, get_network
from finegym.training.contradictions import is_pickle
from finegym.training.data import build_view, open_clips, open_data
from finegym.training.head_arrays import parse_head_facts
from finegym.training.predict import read_recipe_for_prediction
from finegym.training.recipe import Recipe
from finegym.training.run_folder import RunFolder, read_checkpoint
from finegym.training.starting import load_checkpoint

FOLDER = "reasons"


@dataclass(frozen=True)
class OpenedRecogniser:
    """A recogniser with its weights.

    Attributes:
        run: its run.
        recipe: of the run; looks at one view of a clip (centre crop, one stretch).
        checkpoint: name of the file.
        model: in evaluation mode, on ``device``; maps inputs (B, …) to logits (B, K).
        network: the model without the head that it may wear.
        weights_sha256: of the model.
        class_ids: K ids.
        class_names: K names.
        temperature: logits are divided by it; 1 where nobody has calibrated it.
        codebook: of the classes; ``None`` where there is none.
        device: where it computes.
        level: ``element``, ``set`` or ``event``: what all its classes are; empty where nothing says.
    """

    run: RunFolder
    recipe: Recipe
    checkpoint: str
    model: nn.Module
    network: nn.Module
    weights_sha256: str
    class_ids: tuple[str, ...]
    class_names: tuple[str, ...]
    temperature: float
    codebook: Codebook | None
    device: torch.device
    level: Literal["element", "set", "event", ""] = ""

    def build_view(self, source: Source) -> View:
        """What the model sees of clips of a source."""
        return build_view(self.recipe, source, self.network.normalisation)  # type: ignore[arg-type]

    @property
    def time_axis(self) -> int:
        """Of what the model takes, (B, …)."""
        return TIME_AXES[self.recipe.data.modality]

    def describe_view(self) -> str:
        """Everything that decides what the model sees of a clip, as text to be compared."""
        recipe = self.recipe.model_dump(mode="json")
        del recipe["data"]["workers"]
        return json.dumps({name: recipe[name] for name in ("data", "clip", "pose", "heatmap")}, sort_keys=True)


@dataclass(frozen=True)
class ClipsToExplain:
    """Clips of a dataset, as the model sees them and as people do.

    Attributes:
        source: of the model's modality.
        pictures: of frames; ``None`` where there are none.
        labels: class id by instance; ``None`` where nobody has named it on the level of the classes.
    """

    source: Source
    pictures: ClipSource | None
    labels: dict[str, str | None]


def open_recognisers(
    path: Path,
    *,
    number: int | None = None,
    overrides: Sequence[str] = (),
    checkpoint: str = "last",
    device: Literal["auto", "cpu"] = "auto",
) -> dict[int, OpenedRecogniser]:
    """Open a run of ``finegym train``, or the recognisers of a bundle.

    Args:
        path: a run folder, or a bundle file.
        number: which recogniser of a bundle, from 1; ``None``: all of them.
        overrides: of the recipes, as for ``finegym predict``.
        checkpoint: ``last``, or epochs done.
        device: ``auto`` takes a GPU where there is one.

    Returns:
        By number; a run has number 1.

    Raises:
        ConfigError: there is no such run, bundle, recogniser or checkpoint.
    """
    if not path.is_file():
        if not path.is_dir():
            raise ConfigError(f"{path}: there is no such run or bundle. Give a folder of `finegym train`, or a bundle.")
        if number is not None and number != 1:
            raise ConfigError(f"{path} is a run, which has one recogniser, got --recogniser {number}. Leave it out.")
        return {1: open_recogniser(path, overrides=overrides, checkpoint=checkpoint, device=device)}
    bundle = open_bundle(path)
    known = range(1, len(bundle.recognisers) + 1)
    if number is not None and number not in known:
        raise ConfigError(f"{path} has {len(bundle.recognisers)} recognisers, got --recogniser {number}")
    opened = {}
    for each in known if number is None else (number,):
        run = bundle.recognisers[each - 1]
        calibration = bundle.read_calibration(run)
        one = open_recogniser(run, overrides=overrides, checkpoint=checkpoint, device=device, codebook=bundle.codebook)
        opened[each] = replace(one, temperature=calibration.temperature if calibration else 1.0)
    return opened


def open_recogniser(
    path: Path,
    *,
    overrides: Sequence[str] = (),
    checkpoint: str = "last",
    device: Literal["auto", "cpu"] = "auto",
    codebook: Codebook | None = None,
) -> OpenedRecogniser:
    """Open a run.

    Args:
        path: of the run folder.
        overrides: of the recipe, as for ``finegym predict``.
        checkpoint: ``last``, or epochs done.
        device: ``auto`` takes a GPU where there is one.
        codebook: of its classes; ``None``: that of the run's dataset.

    Raises:
        ConfigError: there is no such run or checkpoint.
    """
    run = RunFolder(path)
    recipe = _look_once(read_recipe_for_prediction(run, overrides))
    facts, file = run.read_facts(), run.find_checkpoint(checkpoint)
    classes = facts["classes"]
    model, _ = build_model(recipe, len(classes), head=parse_head_facts(facts.get("head")), load_weights=False)
    load_checkpoint(model, read_checkpoint(file), file, classes)
    place = torch.device("cuda" if device == "auto" and torch.cuda.is_available() else "cpu")
    network = get_network(model)
    class_ids, names = zip(*classes, strict=True)
    codebook = codebook or _find_codebook(recipe)
    return OpenedRecogniser(
        run,
        recipe,
        file.name,
        model.to(place).eval().requires_grad_(requires_grad=False),
        network,
        hash_weights(model),
        class_ids,
        names,
        1.0,
        codebook,
        place,
        _find_level(class_ids, codebook),
    )


def _find_level(class_ids: Sequence[str], codebook: Codebook | None) -> Literal["element", "set", "event", ""]:
    if codebook is None:
        return ""
    if set(class_ids) <= codebook.element_by_id.keys():
        return "element"
    if set(class_ids) <= codebook.set_by_id.keys():
        return "set"
    return "event" if set(class_ids) <= codebook.event_by_id.keys() else ""


def open_clips_to_explain(recogniser: OpenedRecogniser, dataset: Path | None) -> ClipsToExplain:
    """The clips of a dataset folder, such as one that ``finegym parse`` wrote, or of what the run was trained on.

    Raises:
        AnnotationError: the folder or its split is gone.
        VideoError: there are no clips.
        FeatureError: there are no features as the model wants them.
    """
    if dataset is None and is_pickle(recogniser.recipe.data.dataset):
        data = open_data(recogniser.recipe.data)
        sides = {**data.labels["train"], **data.labels["val"]}
        return ClipsToExplain(data.source, None, {id_: data.class_ids[index] for id_, index in sides.items()})
    section = recogniser.recipe.data
    if dataset is not None:
        section = section.model_copy(update={"dataset": str(dataset), "source": "records"})
    folder = Path(section.dataset)
    annotated = read_dataset(folder)
    source, _ = open_clips(section, folder)
    is_rgb = section.modality in ("rgb", "rgb-diff")
    pictures: Any = source if is_rgb else RecordClips(annotated, folder)
    labels = {
        instance_id: _find_label(instance, annotated.codebook, recogniser.class_ids)
        for instance_id, instance in annotated.instances.items()
    }
    return ClipsToExplain(source, pictures, labels)


def _find_label(instance: Instance, codebook: Codebook, class_ids: Sequence[str]) -> str | None:
    """What somebody named it, on the level of the classes."""
    sub = instance.sub_action
    element = codebook.element_by_id.get(sub.element_id or "")
    named = (sub.element_id, element.set_id if element else sub.set_id, instance.action.event_id)
    return next((one for one in named if one in class_ids), None)


def find_frames(view: View, instance_id: str) -> np.ndarray:
    """Which frames of a clip the model's inputs are: int64 (T, L), L consecutive ones each; -1 for none.

    Flow is of pairs of frames; the first of a pair is meant.
    """
    if isinstance(view, RgbView):
        num_frames = view.source.count_frames(instance_id)
        return compute_centre_windows(num_frames, view.num_segments_test, view.window)
    if isinstance(view, FlowView):
        num_pairs = view.source.count_pairs(instance_id)
        return compute_centre_windows(num_pairs, view.num_segments_test, view.num_fields)
    if isinstance(view, RgbClipView):
        return view.stretch.place(view.source.count_frames(instance_id))[0][:, None]
    if isinstance(view, FlowClipView):
        return view.stretch.place(view.source.count_pairs(instance_id))[0][:, None]
    assert isinstance(view, PoseView | HeatmapView), f"{type(view).__name__} is a view"
    num_frames = view.source.count_frames(instance_id)
    return compute_uniform(num_frames, view.clip_len, short=view.short)[0][:, None]


def _look_once(recipe: Recipe) -> Recipe:
    """One view of every clip: frames of several crops or stretches could not be told apart."""
    changes: dict[str, Any] = {}
    if recipe.data.crops_test != "centre":
        changes["data"] = recipe.data.model_copy(update={"crops_test": "centre"})
    for name in ("clip", "pose", "heatmap"):
        section = getattr(recipe, name)
        if section is not None and section.num_clips_test != 1:
            changes[name] = section.model_copy(update={"num_clips_test": 1})
    return recipe.model_copy(update=changes) if changes else recipe


def _find_codebook(recipe: Recipe) -> Codebook | None:
    path = Path(recipe.data.dataset) / CODEBOOK_FILE
    return read_codebook(path) if path.is_file() else None
