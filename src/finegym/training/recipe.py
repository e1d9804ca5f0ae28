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
from typing import Annotated, Any, get_args

from pydantic import Field, ValidationError

from finegym.errors import ConfigError, join_problems
from finegym.training.contradictions import find_contradictions
from finegym.training.recipe_sections import (
    ClipSection,
    DataSection,
    HeatmapSection,
    LossSection,
    MixSection,
    ModelSection,
    NonLocalSection,
    OptimSection,
    PoseSection,
    SamplingSection,
    ScheduleSection,
    Section,
    TrainSection,
    VladSection,
)


class Recipe(Section):
    """Everything that decides what a run computes. Sections that can be ``None`` are there for some models only."""

    name: str
    note: str = ""
    seed: Annotated[int, Field(ge=0)] = 0
    data: DataSection
    pose: PoseSection | None = None
    clip: ClipSection | None = None
    heatmap: HeatmapSection | None = None
    model: ModelSection
    non_local: NonLocalSection | None = None
    vlad: VladSection | None = None
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
    """The complete TOML text of a recipe: every field, defaults included; sections of some models where it has them."""
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
        sections = [kind for kind in kinds if issubclass(kind, Section)]
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
