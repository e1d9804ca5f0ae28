"""Files of converted weights: what they say of where they came from, and loading them into a model.

A file is safetensors; its metadata is the fields of ``Origin`` by name, so that any tool shows them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from finegym.errors import ConfigError
from finegym.models.backbones import WeightsReport, load_weights, read_state
from finegym.models.nonlocal_block import NonLocalBlock
from finegym.models.weights_convert import Conversion
from finegym.models.weights_targets import is_class_layer, split_target

FORMAT = "finegym-weights/1"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where converted weights came from.

    Attributes:
        target: what they are weights of: as in ``weights_targets``.
        layout: what the file was.
        source: its name.
        source_sha256: of its bytes.
        finegym: the version that converted it.
        num_classes: of the class layer; 0 where there is none.
        in_channels: of the first convolution.
        form: settings of the published network that no tensor shows, by the name of our argument.
        pixels: ``mean`` and ``std`` of the pixels it was trained on; ``None`` for skeletons.
    """

    target: str
    layout: str
    source: str
    source_sha256: str
    finegym: str
    num_classes: int
    in_channels: int
    form: dict[str, Any]
    pixels: dict[str, list[float]] | None

    @property
    def is_backbone(self) -> bool:
        """Whether it is a backbone without a head, for ``build_backbone``, and not a whole model."""
        return not split_target(self.target)[0]

    def to_facts(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return {key: getattr(self, key) for key in _FIELDS}

    def to_metadata(self) -> dict[str, str]:
        """The metadata of the file: strings as they are, the rest as JSON."""
        facts = self.to_facts()
        strings = {key: value if key in _STRINGS else json.dumps(value) for key, value in facts.items()}
        return {"format": FORMAT, **strings}


_FIELDS = tuple(field.name for field in fields(Origin))
_STRINGS = ("target", "layout", "source", "source_sha256", "finegym")


def describe_origin(conversion: Conversion, source: str, sha256: str, version: str) -> Origin:
    """What a conversion's file says of itself; ``version`` is finegym's."""
    return Origin(
        target=conversion.target,
        layout=conversion.layout,
        source=source,
        source_sha256=sha256,
        finegym=version,
        num_classes=conversion.num_classes,
        in_channels=conversion.in_channels,
        form=conversion.form,
        pixels=conversion.pixels,
    )


def read_origin(path: Path) -> Origin | None:
    """What a file says of itself; ``None`` where it was not converted here (any weights file, of any format).

    Raises:
        ConfigError: the file does not exist, or is of a version of the format that is not known.
    """
    if path.suffix != ".safetensors":
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except FileNotFoundError as error:
        raise ConfigError(f"weights file {path} does not exist") from error
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"weights file {path} cannot be read as plain tensors: {error}") from error
    if not metadata.get("format", "").startswith("finegym-weights/"):
        return None
    if metadata["format"] != FORMAT:
        raise ConfigError(f"weights file {path} is of format {metadata['format']}, expected {FORMAT}: update finegym")
    try:
        values = {key: metadata[key] if key in _STRINGS else json.loads(metadata[key]) for key in _FIELDS}
    except (KeyError, json.JSONDecodeError) as error:
        raise ConfigError(f"weights file {path}: its metadata is damaged ({error}). Convert it again.") from error
    return Origin(**values)


def load_converted(model: nn.Module, path: Path, *, keep_classes: bool = False) -> WeightsReport:
    """Load a converted file into a whole model of ours, strictly.

    Args:
        model: as the file's target says, on any device.
        path: a file of ``finegym weights convert``.
        keep_classes: load the class layer too: the model then knows the classes of the file, in their order. Without
            it the model's own stays as it is, for training on other classes, and the file's is ignored (and listed).

    Raises:
        ConfigError: the file was not converted, is a backbone, or does not fit the model: keys, shapes, the graph of
            ST-GCN, or the form of non-local blocks.
    """
    origin = read_origin(path)
    if origin is None:
        raise ConfigError(f"weights file {path} was not converted: finegym weights convert {path} --to … --out …")
    if origin.is_backbone:
        raise ConfigError(
            f"weights file {path} is a backbone ({origin.target}), not a whole model: give it to build_backbone"
        )
    state = read_state(path)
    _check_form(model, state, origin, path)
    wanted = model.state_dict()
    in_file = tuple(key for key in state if is_class_layer(key))
    if keep_classes and not in_file:
        raise ConfigError(f"weights file {path} has no class layer to keep: it was made of weights without one")
    own = {} if keep_classes else {key: value for key, value in wanted.items() if is_class_layer(key)}
    others = {key: value for key, value in state.items() if keep_classes or key not in in_file}
    report = load_weights(model, {**others, **own}, source=str(path), head="\0")
    used = tuple(key for key in report.used if key not in own)
    return WeightsReport(str(path), used, () if keep_classes else in_file)


def _check_form(model: nn.Module, state: dict[str, torch.Tensor], origin: Origin, path: Path) -> None:
    """What fits by shape and would still compute something else."""
    graphs = [tensors["adjacency"] for tensors in (state, dict(model.named_buffers())) if "adjacency" in tensors]
    if len(graphs) == 2 and graphs[0].shape == graphs[1].shape and not _are_close(*graphs):
        raise ConfigError(
            f"weights file {path}: its graph, or its partition, is not the model's. Build the model with "
            'partition="published".'
        )
    settings = {key: value for key, value in origin.form.items() if key in ("is_scaled", "pools_first")}
    for block in model.modules():
        if isinstance(block, NonLocalBlock) and any(getattr(block, key) != value for key, value in settings.items()):
            wanted = ", ".join(f"{key}={value}" for key, value in settings.items())
            raise ConfigError(
                f"weights file {path}: its non-local blocks are of another form; build them with {wanted}"
            )


def _are_close(left: torch.Tensor, right: torch.Tensor) -> bool:
    return torch.allclose(left.to(right), right, atol=1e-5)
