"""The recipe of a run: one complete TOML file, read into frozen values, checked once.

Unknown keys are errors with a suggestion, every problem is listed at once, and what was left to its default stands in
the resolved recipe that is kept beside the checkpoints. Models, datasets and the loop never see this object's fields by
name of a config: they take plain values.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finegym.errors import ConfigError, join_problems
from finegym.training.contradictions import find_contradictions

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Multiple = Annotated[float, Field(gt=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DataSection(_Section):
    """Which clips, and how they become tensors."""

    dataset: str
    split: str
    modality: Literal["rgb", "rgb-diff", "flow", "pose"] = "rgb"
    features: str = ""
    source: Literal["clips", "records"] = "clips"
    missing: Literal["error", "leave-out"] = "error"
    allow_empty_classes: bool = False
    num_segments: Positive = 3
    num_segments_test: Positive = 3
    flow_frames: Positive = 5
    short_side: Positive = 256
    crop_size: Positive = 224
    crop_scales: tuple[Multiple, ...] = (1.0, 0.875, 0.75, 0.66)
    crops_test: Literal["centre", "three", "ten"] = "centre"
    flip: bool = False
    flip_swaps: tuple[tuple[str, str], ...] = ()
    workers: Annotated[int, Field(ge=0)] = 2


class PoseSection(_Section):
    """How poses become tensors."""

    clip_len: Positive = 48
    num_clips_test: Positive = 1
    num_persons: Positive = 1
    stream: Literal["joint", "bone", "joint-motion", "bone-motion"] = "joint"
    centre: Literal["frame", "torso"] = "frame"
    short: Literal["loop", "repeat", "zero"] = "loop"
    max_scale: Share = 0.0
    max_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0


class ModelSection(_Section):
    """Which network, and where its weights come from."""

    name: Literal["tsn", "pose_mlp"] = "tsn"
    backbone: str = ""
    hidden_size: Positive = 512
    weights: str = "none"
    dropout: Share = 0.8
    partial_batch_norm: bool = False
    freeze_backbone: bool = False
    freeze: tuple[str, ...] = ()


class LossSection(_Section):
    """What a wrong answer costs."""

    name: Literal["cross-entropy", "focal", "balanced-softmax", "logit-adjustment"] = "cross-entropy"
    label_smoothing: Share = 0.0
    focal_gamma: Annotated[float, Field(ge=0)] = 2.0
    tau: Annotated[float, Field(gt=0)] = 1.0


class SamplingSection(_Section):
    """How often an epoch shows each class."""

    power: Annotated[float, Field(ge=0, le=1)] = 1.0


class MixSection(_Section):
    """Training clips that are mixtures of two."""

    mixup_alpha: Annotated[float, Field(ge=0)] = 0.0
    cutmix_alpha: Annotated[float, Field(ge=0)] = 0.0
    probability: Multiple = 1.0


class OptimSection(_Section):
    """How weights move."""

    name: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    decay_biases_and_norms: bool = True
    layer_decay: Multiple = 1.0
    max_gradient_norm: Annotated[float, Field(ge=0)] = 40.0


class ScheduleSection(_Section):
    """How long, and how the learning rate falls."""

    name: Literal["step", "cosine"] = "step"
    epochs: Positive
    milestones: tuple[Positive, ...] = ()
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0


class TrainSection(_Section):
    """How the loop runs."""

    batch_size: Positive
    batch_size_test: Positive = 16
    mixed_precision: Literal["no", "bf16", "fp16"] = "no"
    evaluate_every: Annotated[int, Field(ge=0)] = 1
    checkpoint_every: Positive = 1
    keep_checkpoints: Positive = 2


class Recipe(_Section):
    """Everything that decides what a run computes. ``pose`` is there where the modality is ``pose``."""

    name: str
    note: str = ""
    seed: Annotated[int, Field(ge=0)] = 0
    data: DataSection
    pose: PoseSection | None = None
    model: ModelSection
    loss: LossSection = LossSection()
    sampling: SamplingSection = SamplingSection()
    mix: MixSection = MixSection()
    optim: OptimSection
    schedule: ScheduleSection
    train: TrainSection


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply overrides.

    Args:
        path: a TOML file.
        overrides: ``section.key=value``; the value as in TOML, or a bare word for a string.

    Raises:
        ConfigError: the file is missing or no TOML, a key is unknown, a value is of the wrong type or out of range, or
            fields contradict each other. All problems are listed.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"recipe {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"recipe {path} is not UTF-8 text: {error}") from error
    return parse_recipe(text, str(path), overrides)


def parse_recipe(text: str, where: str, overrides: Sequence[str] = ()) -> Recipe:
    """Parse the text of a recipe; see ``read_recipe``. ``where`` stands in messages."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is not TOML: {error}") from error
    for override in overrides:
        _apply_override(content, override)
    try:
        recipe = Recipe.model_validate(_lists_to_tuples(content))
    except ValidationError as error:
        problems = [_describe_problem(dict(problem)) for problem in error.errors()]
        raise ConfigError(f"{where}: {join_problems(problems)}") from error
    problems = find_contradictions(recipe)
    if problems:
        raise ConfigError(f"{where}: {join_problems(problems)}")
    return recipe


def format_recipe(recipe: Recipe) -> str:
    """The complete TOML text of a recipe: every field, defaults included; ``[pose]`` where it has it."""
    lines = []
    values = recipe.model_dump()
    lines += [
        f"{key} = {_format_value(value)}" for key, value in values.items() if not isinstance(value, (dict, NoneType))
    ]
    for section, fields in values.items():
        if isinstance(fields, dict):
            lines += ["", f"[{section}]"]
            lines += [f"{key} = {_format_value(value)}" for key, value in fields.items()]
    return "\n".join(lines) + "\n"


def compare_recipes(left: Recipe, right: Recipe) -> list[str]:
    """The dotted keys in which two recipes differ."""
    first, second = dict(_iterate_values(left.model_dump())), dict(_iterate_values(right.model_dump()))
    return [key for key in {**first, **second} if first.get(key) != second.get(key)]


def list_fields() -> list[str]:
    """The dotted names of all fields, in the order of the file.

    Example:
        >>> list_fields()[:5]
        ['name', 'note', 'seed', 'data.dataset', 'data.split']
    """
    names = []
    for name, field in Recipe.model_fields.items():
        # PoseSection | None has the section among its arguments.
        kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        sections = [kind for kind in kinds if issubclass(kind, _Section)]
        if sections:
            names += [f"{name}.{key}" for key in sections[0].model_fields]
        else:
            names.append(name)
    return names


def _apply_override(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"override {override!r}: expected section.key=value, such as optim.learning_rate=0.01")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()  # a bare word: data.split=gym99
    *sections, last = key.split(".")
    place = content
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise ConfigError(f"override {override!r}: {section} is a value, not a section")
    if isinstance(place.get(last), float) and isinstance(parsed, int) and not isinstance(parsed, bool):
        parsed = float(parsed)
    place[last] = parsed


def _lists_to_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists_to_tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_lists_to_tuples(item) for item in value)
    return value


def _describe_problem(problem: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(where, list_fields(), n=1, cutoff=0.6)
        section, _, key = where.rpartition(".")
        # A right key in the wrong section is a likelier slip than a misspelling.
        elsewhere = [name for name in list_fields() if name.rpartition(".")[2] == key and name != where]
        suggestion = next(iter(elsewhere or nearest), None)
        if suggestion:
            return f'unknown key "{where}"; did you mean "{suggestion}"?'
        known = [name for name in list_fields() if name.rpartition(".")[0] == section]
        return f'unknown key "{where}"; expected one of {", ".join(known)}'
    if problem["type"] == "missing":
        return f'"{where}" is missing'
    return f'"{where}": {problem["msg"][0].lower()}{problem["msg"][1:]}, got {problem["input"]!r}'


def _iterate_values(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _iterate_values(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return f"[{', '.join(_format_value(item) for item in value)}]"
    return repr(value)
