"""Snippet features of any recogniser that sees frames: what its backbone makes of a few frames, and what it says.

A snippet is looked at as evaluation looks at a clip of so many frames: the same sampling, crops and numbers. Features
are the backbone's, pooled, in the mean over frames and crops; logits are in the mean over crops too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from finegym.datasets.views import View
from finegym.errors import ConfigError
from finegym.features.snippets.store import SnippetSettings, Unit
from finegym.localization.snippet_windows import FlowWindows, FrameWindows
from finegym.models.backbones import Backbone, Normalisation, build_backbone
from finegym.models.tsn import TSN
from finegym.training.build_model import build_model, get_network
from finegym.training.contradictions import NETWORKS_OF_CLIPS, POSES
from finegym.training.data import build_view
from finegym.training.head_arrays import parse_head_facts
from finegym.training.inference import exact_float32
from finegym.training.recipe import Recipe, parse_recipe
from finegym.training.run import load_checkpoint
from finegym.training.run_folder import RunFolder, read_checkpoint
from finegym.video.ingest.cuts import Cut
from finegym.video.reader import VideoReader

Output = Literal["features", "logits", "softmax"]
OUTPUTS: tuple[Output, ...] = ("features", "logits", "softmax")
# One frame (or window of flow) says as much as several: the scores of frames are averaged.
OF_SINGLE_FRAMES = ("tsn", "actionvlad")
FRAMES_APART = 4  # between the frames of models that relate them, where nothing else is asked for
"""A sub-action of FineGym lasts about a second; 8 frames four apart span 29."""

_BARE = """
name = "{name}"
[data]
dataset = "."
split = "none"
short_side = {short_side}
crop_size = {crop_size}
[model]
name = "tsn"
backbone = "{name}"
weights = "{weights}"
[optim]
learning_rate = 1.0
[schedule]
epochs = 1
[train]
batch_size = 1
"""


@dataclass(frozen=True)
class RecogniserSnippets:
    """Makes snippet features of a recogniser; see ``features.snippets.make.SnippetMaker``.

    Attributes:
        name: of the run or the backbone, for people.
        run: the run's folder; ``None`` for a bare backbone.
        checkpoint: of the run: ``last``, or epochs done.
        recipe: says the model and how it looks at a clip, with as many frames as a snippet has.
        window: frames of a snippet.
        outputs: what is kept of each snippet, joined in this order.
        flow: settings of the flow that the model takes: ``method`` and ``short_side``; ``None`` where it takes none.
        flow_store: folder of a flow store whose clips are whole actions; ``None`` computes flow.
        device: where the model runs.
    """

    name: str
    run: Path | None
    checkpoint: str
    recipe: Recipe
    window: int
    outputs: tuple[Output, ...] = ("features",)
    flow: tuple[str, int] | None = None
    flow_store: Path | None = None
    device: str = "cpu"

    @property
    def needs_cuts(self) -> bool:
        return self.flow is not None and self.flow_store is None

    def make_settings(self, unit: Unit, stride: int) -> SnippetSettings:
        """What a store of such snippets says of itself; loads the model.

        Raises:
            ConfigError: the run has no such checkpoint, or it does not fit.
        """
        extractor = self._load()
        data = self.recipe.data
        maker: dict[str, Any] = {
            "name": self.name,
            "model": self.recipe.model.name,
            "backbone": self.recipe.model.backbone,
            "weights_sha256": extractor.weights_sha256,
            "modality": data.modality,
            "outputs": list(self.outputs),
            "short_side": data.short_side,
            "crop_size": data.crop_size,
            "crops": data.crops_test,
        }
        if self.flow is not None:
            maker |= {"flow_method": self.flow[0], "flow_short_side": self.flow[1], "flow_from": _name_flow(self)}
        size = sum(extractor.sizes[output] for output in self.outputs)
        return SnippetSettings(unit=unit, stride=stride, window=self.window, feature_size=size, maker=maker)

    def make(
        self, item_id: str, reader: VideoReader, windows: np.ndarray, cuts: Sequence[Cut]
    ) -> tuple[np.ndarray, dict[str, int]]:
        """Features of windows, and how many of the frames they look at are short or blank."""
        extractor = self._load()
        source: FrameWindows | FlowWindows
        if self.flow is None:
            source = FrameWindows(reader, windows, self.recipe.data.short_side)
        else:
            source = FlowWindows(reader, windows, cuts, self.flow, item_id, self.flow_store)
        view = build_view(self.recipe, source, extractor.normalisation, self.recipe.data.crops_test)
        looks = [view.look(str(place)) for place in range(len(windows))]
        inputs = torch.stack([look.inputs for look in looks])  # (N, V, T, …)
        counts: dict[str, int] = {}
        for look in looks:
            for name, count in look.counts.items():
                counts[name] = counts.get(name, 0) + count
        return extractor.extract(inputs, view, self.outputs), {k: v for k, v in counts.items() if v}

    def _load(self) -> Extractor:
        return _load_extractor(self.run, self.checkpoint, self.recipe, self.device)


class Extractor:
    """A recogniser of which features are kept besides scores.

    Args:
        model: maps what a view gives to logits (B, K); its network has a ``backbone``.
        device: where to compute.

    Attributes:
        sizes: values of each output.
        weights_sha256: of all tensors, by key.
        normalisation: what the model wants of its pixels.
    """

    def __init__(self, model: nn.Module, num_classes: int, device: str) -> None:
        network: Any = get_network(model)  # type: ignore[arg-type]
        self.model = model.to(device).eval()
        self.device = torch.device(device)
        self.normalisation: Normalisation | None = network.normalisation
        self._maps: torch.Tensor | None = None
        network.backbone.register_forward_hook(self._keep)
        self.sizes = {"features": network.backbone.feature_size, "logits": num_classes, "softmax": num_classes}
        self.weights_sha256 = hash_weights(model)

    def _keep(self, module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        self._maps = output

    def extract(self, inputs: torch.Tensor, view: View, outputs: Sequence[Output]) -> np.ndarray:
        """Outputs of clips, joined.

        Args:
            inputs: (N, V, T, …), as the view looks.
            view: makes numbers of them.
            outputs: which, in order.

        Returns:
            float32 (N, D).
        """
        N, V = inputs.shape[:2]
        with torch.inference_mode(), exact_float32():
            logits = self.model(view.normalise(inputs.flatten(0, 1).to(self.device))).float()  # (N*V, K)
            assert self._maps is not None, "the hook saw the backbone"
            maps = self._maps.float()
            features = maps.flatten(2).mean(dim=2) if maps.dim() > 2 else maps  # (N*V*T, F), or (N*V, F)
            features = features.reshape(N, -1, features.shape[-1]).mean(dim=1)  # (N, F)
            logits = logits.unflatten(0, (N, V)).mean(dim=1)  # (N, K)
            found = {"features": features, "logits": logits, "softmax": logits.softmax(dim=-1)}
            self._maps = None
            return torch.cat([found[output] for output in outputs], dim=1).cpu().numpy()


def hash_weights(model: nn.Module) -> str:
    """SHA-256 of a model's tensors, names, types and shapes included."""
    digest = hashlib.sha256()
    for key, value in sorted(model.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        digest.update(f"{key} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def open_snippet_maker(
    run: Path | None,
    backbone: str | None,
    *,
    weights: str = "imagenet",
    short_side: int = 256,
    crop_size: int = 224,
    checkpoint: str = "last",
    outputs: Sequence[Output] = ("features",),
    window: int | None = None,
    flow_store: Path | None = None,
    device: str = "cpu",
) -> RecogniserSnippets:
    """``open_run`` or ``open_backbone``, whichever is asked for.

    Raises:
        ConfigError: both or neither are; something is asked of a backbone that only a run has.
    """
    if (run is None) == (backbone is None):
        raise ConfigError("give either --run, a recogniser's run folder, or --backbone, an image network")
    if run is not None:
        return open_run(
            run, checkpoint=checkpoint, outputs=outputs, window=window, flow_store=flow_store, device=device
        )
    assert backbone is not None
    if tuple(outputs) != ("features",) or window is not None or flow_store is not None:
        raise ConfigError(
            "--output, --window and --flow-store are for --run: a backbone gives features of single frames"
        )
    return open_backbone(backbone, weights=weights, short_side=short_side, crop_size=crop_size, device=device)


def open_run(
    folder: Path,
    *,
    checkpoint: str = "last",
    outputs: Sequence[Output] = ("features",),
    window: int | None = None,
    flow_store: Path | None = None,
    device: str = "cpu",
) -> RecogniserSnippets:
    """The snippets of a run of ``finegym train``.

    Args:
        folder: of the run.
        checkpoint: ``last``, or epochs done.
        outputs: what is kept.
        window: frames that a snippet sees; ``None``: as few as the model can do with.
        flow_store: of whole actions; ``None`` computes the flow where the model takes flow.
        device: where to compute.

    Raises:
        ConfigError: there is no such run, its model sees no frames, or the window is too short for it.
    """
    run = RunFolder(folder)
    recipe = run.read_recipe()
    if recipe.data.modality in POSES:
        raise ConfigError(f"{folder} sees {recipe.data.modality}s: snippets are of models that see frames or flow")
    shortest = find_window(recipe)
    window = window or shortest
    needed = find_window(recipe, frames_apart=1)
    if window < needed:
        raise ConfigError(f"--window {window}: {folder} sees {needed} frames or more at a time")
    flow = None
    if recipe.data.modality == "flow":
        settings = run.read_facts().get("features", {}).get("settings", {})
        if "method" not in settings or "short_side" not in settings:
            raise ConfigError(f"{folder}: run.json does not say which flow the model was trained on")
        flow = (str(settings["method"]), int(settings["short_side"]))
    elif flow_store is not None:
        raise ConfigError(f"--flow-store is for models of flow, and {folder} sees {recipe.data.modality}")
    path = run.find_checkpoint(checkpoint)
    return RecogniserSnippets(
        name=recipe.name,
        run=Path(folder),
        checkpoint=str(int(path.stem.rpartition("-")[2])),
        recipe=_look_at_snippets(recipe),
        window=window,
        outputs=tuple(outputs),
        flow=flow,
        flow_store=flow_store,
        device=device,
    )


def open_backbone(
    name: str, *, weights: str = "imagenet", short_side: int = 256, crop_size: int = 224, device: str = "cpu"
) -> RecogniserSnippets:
    """The snippets of an image network, frame by frame.

    Args:
        name: as in a recipe's ``model.backbone``.
        weights: ``imagenet``, ``none`` or a file.
        short_side: pixels of the frames' shorter side.
        crop_size: of the square in their middle.
        device: where to compute.

    Raises:
        ConfigError: there is no such backbone, or the weights do not fit.
    """
    text = _BARE.format(name=name, weights=weights, short_side=short_side, crop_size=crop_size)
    recipe = _look_at_snippets(parse_recipe(text, f"--backbone {name}"))
    return RecogniserSnippets(
        name=f"{name}, {weights}", run=None, checkpoint="", recipe=recipe, window=1, device=device
    )


def find_window(recipe: Recipe, frames_apart: int = FRAMES_APART) -> int:
    """Frames that a snippet has, of a model that relates frames: so far apart.

    Example:
        >>> find_window(parse_recipe(_BARE.format(name="resnet18", weights="none", short_side=32, crop_size=32), ""))
        1
    """
    data, clip = recipe.data, recipe.clip
    is_pairs = data.modality != "rgb"
    if recipe.model.name in NETWORKS_OF_CLIPS:
        assert clip is not None, "the recipe was checked"
        return (clip.clip_len - 1) * clip.frame_interval + 1 + (data.modality == "flow")
    alone = data.flow_frames + 1 if is_pairs else 1
    if recipe.model.name in OF_SINGLE_FRAMES:
        return alone
    return alone + (data.num_segments_test - 1) * frames_apart


def _look_at_snippets(recipe: Recipe) -> Recipe:
    """A recipe that looks at a snippet once: one frame where frames say as much alone, one stretch, centre crops."""
    data, clip = recipe.data, recipe.clip
    changes: dict[str, Any] = {}
    if recipe.model.name in OF_SINGLE_FRAMES:
        changes["data"] = data.model_copy(update={"num_segments": 1, "num_segments_test": 1})
    if clip is not None:
        changes["clip"] = clip.model_copy(update={"num_clips_test": 1})
    return recipe.model_copy(update=changes)


def _name_flow(maker: RecogniserSnippets) -> str:
    return "computed" if maker.flow_store is None else "store"


@lru_cache(maxsize=2)
def _load_extractor(run: Path | None, checkpoint: str, recipe: Recipe, device: str) -> Extractor:
    """The model, once a process."""
    if run is None:
        backbone: Backbone = build_backbone(recipe.model.backbone, weights=recipe.model.weights)[0]
        model = TSN(backbone, 1)
        # Of the backbone alone: the class layer is random and nobody looks at it.
        nn.init.zeros_(model.classifier.weight)
        return Extractor(model, 1, device)
    folder = RunFolder(run)
    path = folder.find_checkpoint(checkpoint)
    facts = folder.read_facts()
    trained, _ = build_model(
        folder.read_recipe(), len(facts["classes"]), head=parse_head_facts(facts.get("head")), load_weights=False
    )
    load_checkpoint(trained, read_checkpoint(path), path, facts["classes"])
    return Extractor(trained, len(facts["classes"]), device)
