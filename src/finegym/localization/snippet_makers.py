"""What makes snippets, opened: a recogniser's run, an image network, or what a store was made by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finegym.errors import ConfigError
from finegym.localization.snippet_extractor import Output
from finegym.localization.snippet_features import RecogniserSnippets
from finegym.training.contradictions import NETWORKS_OF_CLIPS, POSES
from finegym.training.recipe import Recipe, parse_recipe
from finegym.training.run_folder import RunFolder

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


def open_origin(origin: dict[str, Any], *, run: Path | None = None, device: str = "cpu") -> RecogniserSnippets:
    """What made the snippets of a store, to make more of them.

    Args:
        origin: as ``store.json`` keeps it.
        run: where the recogniser's run lies now, if it was moved.
        device: where to compute.

    Raises:
        ConfigError: the run is not there any more, or one is given for what no run made.
    """
    known = dict(origin)
    if "backbone" in known:
        if run is not None:
            raise ConfigError(
                f"--features-run {run}: the features are of an image network, {known['backbone']}, of no run"
            )
        return open_backbone(known.pop("backbone"), device=device, **known)
    if run is None and "run" not in known:
        raise ConfigError("the snippet store does not say what made it. Say where the recogniser is: --features-run")
    trained = Path(known.pop("run", "."))
    folder = trained if run is None else run
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: the run whose features the localizer sees is gone. Say where it is: --features-run"
        )
    return open_run(folder, device=device, **known)


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
