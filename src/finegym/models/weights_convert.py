"""Weights of other people's networks as weights of ours: keys renamed, every tensor accounted for, or an error.

Values stay as they are, but for two changes that are named in the result: kernels of images inflated for I3D, and the
first kernel widened for inputs that are not RGB (``kernels``). Tensors of other shape with the same values in the same
order (batch norms of shape (1, C), linear layers stored as convolutions) are reshaped.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from finegym.errors import ConfigError, join_problems
from finegym.models.kernels import inflate_kernel, widen_kernel
from finegym.models.weights_layouts import IMAGE_LAYOUTS, get_form, recognise_layout, rename_keys
from finegym.models.weights_targets import (
    build_target,
    count_classes,
    find_first_convolution,
    is_class_layer,
    split_target,
)

_BODY = "backbone.body."
# Pixels of PySlowFast (DATA.MEAN and DATA.STD of slowfast/config/defaults.py); the other layouts' are our backbones'.
_SLOWFAST_PIXELS = {"mean": [0.45] * 3, "std": [0.225] * 3}
_KINDS = ("missing", "unknown", "of another shape", "contradictory")


@dataclass(frozen=True, slots=True)
class Conversion:
    """Weights of ours, and what became of every tensor they were made from.

    Attributes:
        target: what they are weights of.
        layout: what the file was.
        state: tensors by our keys: of a whole model, or of a backbone's body where the target is a backbone.
        used: their key to ours.
        ignored: their key to the reason.
        changed: our key to what was done to the values' number or shape.
        num_classes: of the class layer; 0 where there is none.
        in_channels: of the first convolution.
        form: settings of the published network that no tensor shows, by the name of our argument.
        pixels: ``mean`` and ``std`` of the pixels it was trained on; ``None`` for skeletons.
    """

    target: str
    layout: str
    state: dict[str, torch.Tensor]
    used: dict[str, str]
    ignored: dict[str, str]
    changed: dict[str, str]
    num_classes: int
    in_channels: int
    form: dict[str, Any]
    pixels: dict[str, list[float]] | None


def convert_state(
    state: Mapping[str, torch.Tensor], target: str, *, source: str, layout: str = "auto", in_channels: int | None = None
) -> Conversion:
    """Convert tensors by foreign keys to a target of ours.

    Args:
        state: tensors by key (``backbones.read_state``).
        target: as in ``weights_targets``.
        source: named in messages.
        layout: one of ``weights_layouts.LAYOUTS``, or ``auto``: recognised from the keys.
        in_channels: of the converted weights; RGB weights are widened to it. By default what the file has.

    Raises:
        ConfigError: keys are missing, unknown or of another shape, or the file is of another graph; every kind is
            counted and the first are named.
    """
    state = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    layout = recognise_layout(state) if layout == "auto" else layout
    method, _ = split_target(target)
    renamed = rename_keys(state, layout, method)
    try:
        model = build_target(target, {ours: state[key].shape for key, ours in renamed.items() if ours is not None})
    except ConfigError as error:
        raise ConfigError(f"{source}, read in the layout {layout}, cannot become {target}: {error}") from error
    wanted = {key: value for key, value in model.state_dict().items() if method or key.startswith(_BODY)}
    ignored = _find_heads(state, renamed, wanted, model, layout, method)
    kept = {key: ours for key, ours in renamed.items() if key not in ignored}
    converted, changed, problems = _match(state, kept, wanted, find_first_convolution(model), in_channels, layout)
    if problems:
        raise ConfigError(
            f"{source}, read in the layout {layout}, does not fit {target} ({_count_kinds(problems)}): "
            f"{join_problems(_one_of_each_first(problems), limit=4)}. Give the --to or the --layout that it is of."
        )
    pixels = getattr(getattr(model, "backbone", None), "normalisation", None)
    first = find_first_convolution(model)
    return Conversion(
        target=target,
        layout=layout,
        state={key if method else key.removeprefix(_BODY): tensor for key, tensor in converted.items()},
        used={key: ours if method else ours.removeprefix(_BODY) for key, ours in kept.items() if ours is not None},
        ignored=ignored,
        changed={key if method else key.removeprefix(_BODY): what for key, what in changed.items()},
        num_classes=count_classes({key: tensor.shape for key, tensor in converted.items()}),
        in_channels=converted[first].shape[1],
        form=get_form(layout, method),
        pixels=_SLOWFAST_PIXELS
        if layout == "slowfast"
        else pixels and {"mean": list(pixels.mean), "std": list(pixels.std)},
    )


def _count_kinds(problems: Sequence[str]) -> str:
    return ", ".join(f"{sum(problem.startswith(f'{kind}: ') for problem in problems)} {kind}" for kind in _KINDS)


def _one_of_each_first(problems: Sequence[str]) -> list[str]:
    by_kind = [[problem for problem in problems if problem.startswith(f"{kind}: ")] for kind in _KINDS]
    return [problem for row in itertools.zip_longest(*by_kind) for problem in row if problem is not None]


def _find_heads(
    state: Mapping[str, torch.Tensor],
    renamed: Mapping[str, str | None],
    wanted: Mapping[str, torch.Tensor],
    model: nn.Module,
    layout: str,
    method: str,
) -> dict[str, str]:
    """Keys that are rightly left over, with the reason."""
    ignored = {}
    if not method:
        reason = "head: a backbone has none"
        ignored = {key: reason for key, ours in renamed.items() if ours is not None and not ours.startswith(_BODY)}
    if layout in IMAGE_LAYOUTS:
        # The classifier of a network of images: one linear layer on the backbone's features, under whatever name.
        extra = [key for key, ours in renamed.items() if ours not in wanted and key not in ignored]
        features = getattr(getattr(model, "backbone", None), "feature_size", None)
        paths = {key.rpartition(".")[0] for key in extra}
        for path in paths:
            weight, bias = state.get(f"{path}.weight"), state.get(f"{path}.bias")
            if weight is None or bias is None or len(paths) > 1:
                continue
            if weight.flatten(1).shape == (len(bias), features):
                reason = f"head: {len(bias)} classes of images"
                ignored.update({f"{path}.weight": reason, f"{path}.bias": reason})
    return ignored


def _match(
    state: Mapping[str, torch.Tensor],
    renamed: Mapping[str, str | None],
    wanted: Mapping[str, torch.Tensor],
    first: str,
    in_channels: int | None,
    layout: str,
) -> tuple[dict[str, torch.Tensor], dict[str, str], list[str]]:
    """Tensors by our keys, what was changed, and every problem by its kind."""
    converted: dict[str, torch.Tensor] = {}
    changed: dict[str, str] = {}
    problems = []
    has_classes = any(ours is not None and is_class_layer(ours) for ours in renamed.values())
    known = {ours for ours in renamed.values() if ours is not None}
    for key in wanted:
        # Counters of batch norm do nothing at a fixed momentum; files of before PyTorch 0.4.1 have none.
        is_dispensable = key.endswith("num_batches_tracked") or (
            layout in IMAGE_LAYOUTS and is_class_layer(key) and not has_classes
        )
        if key not in known and not is_dispensable:
            problems.append(f"missing: {key}")
    for key, ours in renamed.items():
        if ours is None or ours not in wanted:
            problems.append(f"unknown: {key}")
            continue
        tensor, what = _fit(state[key], wanted[ours].shape)
        if tensor is None:
            problems.append(
                f"of another shape: {key} is {tuple(state[key].shape)}, expected {tuple(wanted[ours].shape)}"
            )
        elif ours in converted and not torch.equal(tensor, converted[ours]):
            problems.append(f"contradictory: {key} differs from the others that are {ours}")
        else:
            converted[ours] = tensor
            if what:
                changed[ours] = what
    if in_channels is not None and first in converted:
        problems += _widen(converted, changed, first, in_channels)
    problems += _check_graph(converted, wanted, has_pyskl_importances=any(key.endswith(".PA") for key in renamed))
    return converted, changed, problems


def _fit(tensor: torch.Tensor, shape: torch.Size) -> tuple[torch.Tensor | None, str]:
    """The tensor in the shape, and what was done; ``None`` where it does not fit."""
    if tensor.shape == shape:
        return tensor, ""
    if tensor.dim() == 4 and len(shape) == 5 and tensor.shape == (*shape[:2], *shape[3:]):
        return inflate_kernel(tensor, shape[2]), f"inflated to {shape[2]} frames"
    # Only dimensions of one, or all but the first of a linear layer, are taken together.
    is_linear = len(shape) == 2 and tensor.dim() == 4 and tensor.flatten(1).shape == shape
    is_row = len(shape) == 1 and tensor.shape == (1, *shape)
    if is_linear or is_row:
        return tensor.reshape(shape), f"reshaped from {tuple(tensor.shape)}"
    return None, ""


def _widen(converted: dict[str, torch.Tensor], changed: dict[str, str], first: str, in_channels: int) -> list[str]:
    kernel = converted[first]
    if kernel.shape[1] == in_channels:
        return []
    if kernel.shape[1] != 3:
        return [f"of another shape: {first} sees {kernel.shape[1]} channels; only RGB is widened to {in_channels}"]
    converted[first] = widen_kernel(kernel, in_channels)
    how = f"widened from 3 to {in_channels} channels"
    changed[first] = f"{changed[first]}, {how}" if first in changed else how
    return []


def _check_graph(
    converted: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], *, has_pyskl_importances: bool
) -> list[str]:
    """ST-GCN's graph is no weight: the file's must be ours, and its importances must be factors of it."""
    graph = converted.get("adjacency")
    if graph is None:
        return []
    ours = wanted["adjacency"]
    if not torch.allclose(graph.to(ours.dtype), ours, atol=1e-5):
        return ["contradictory: adjacency: the file's is another graph of 17 joints, or another partition of it"]
    problems = []
    for key, importance in converted.items():
        if has_pyskl_importances and key.startswith("edge_importance."):
            # pyskl's PA may be factors of edges ("importance") or be added to them ("offset"), which has no place in
            # our network. Factors start at 1 and get no gradient where there is no edge: there, all are equal.
            idle = importance[ours == 0].float()
            if idle.max() - idle.min() > 1e-3 * idle.abs().max():
                problems.append(f"contradictory: {key} is no factor of the edges: joints without an edge differ")
    return problems
