"""Recipes as text: TOML into frozen sections and back, for every kind of run."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from finegym.errors import ConfigError, join_problems
from finegym.training.recipe_sections import Section

Kind = TypeVar("Kind", bound=Section)
# Fields that change where and how fast a run computes, not what.
FREE_FIELDS = {
    "note",
    "data.dataset",
    "data.workers",
    "train.batch_size_test",
    "train.checkpoint_every",
    "train.keep_checkpoints",
}
RECOGNITION = "recognition"
NUM_NEAR = 8  # keys that a message about an unknown one lists


def read_text(path: Path) -> str:
    """The text of a recipe file.

    Raises:
        ConfigError: it is missing, or no UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"recipe {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"recipe {path} is not UTF-8 text: {error}") from error


def read_task(path: Path) -> str:
    """What a recipe's model is for: what the key ``task`` says, ``recognition`` where there is none.

    Raises:
        ConfigError: the file is missing or no TOML.
    """
    try:
        task = tomllib.loads(read_text(path)).get("task", RECOGNITION)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    return str(task)


def read_recipe(
    kind: type[Kind], path: Path, overrides: Sequence[str], find_contradictions: Callable[[Kind], Iterable[str]]
) -> Kind:
    """Read a recipe file and apply overrides.

    Args:
        kind: of the recipe: all of its sections.
        path: a TOML file.
        overrides: ``section.key=value``; the value as in TOML, or a bare word for a string.
        find_contradictions: of fields that are right each by itself, in words.

    Raises:
        ConfigError: the file is missing or no TOML, a key is unknown, a value is of the wrong type or out of range, or
            fields contradict each other. All problems are listed.
    """
    return parse_recipe(kind, read_text(path), str(path), overrides, find_contradictions)


def parse_recipe(
    kind: type[Kind],
    text: str,
    where: str,
    overrides: Sequence[str],
    find_contradictions: Callable[[Kind], Iterable[str]],
) -> Kind:
    """Parse the text of a recipe; see ``read_recipe``. ``where`` stands in messages."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where} is not TOML: {error}") from error
    for override in overrides:
        _apply_override(content, override)
    try:
        recipe = kind.model_validate(_lists_to_tuples(content))
    except ValidationError as error:
        fields = list_fields(kind)
        problems = [_describe_problem(dict(problem), fields) for problem in error.errors()]
        raise ConfigError(f"{where}: {join_problems(problems)}") from error
    problems = list(find_contradictions(recipe))
    if problems:
        raise ConfigError(f"{where}: {join_problems(problems)}")
    return recipe


def format_recipe(recipe: Section) -> str:
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


def compare_recipes(left: Section, right: Section) -> list[str]:
    """The dotted keys in which two recipes differ."""
    first, second = dict(_iterate_values(left.model_dump())), dict(_iterate_values(right.model_dump()))
    return [key for key in {**first, **second} if first.get(key) != second.get(key)]


def list_fields(kind: type[Section]) -> list[str]:
    """The dotted names of all fields of a kind of recipe, in the order of the file."""
    names = []
    for name, field in kind.model_fields.items():
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


def _describe_problem(problem: dict[str, Any], fields: Sequence[str]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f'unknown key "{where}"; {_suggest(where, fields)}'
    if problem["type"] == "missing":
        return f'"{where}" is missing'
    return f'"{where}": {problem["msg"][0].lower()}{problem["msg"][1:]}, got {problem["input"]!r}'


def _suggest(where: str, fields: Sequence[str]) -> str:
    """What an unknown key may have been meant for."""
    section, _, key = where.rpartition(".")
    # A right key in the wrong section is a likelier slip than a misspelling.
    elsewhere = [name for name in fields if name.rpartition(".")[2] == key and name != where]
    known = [name for name in fields if name.rpartition(".")[0] == section]
    # In a section keys are compared without its name, which makes all of them alike.
    names = {name.rpartition(".")[2]: name for name in known} if section else {name: name for name in fields}
    nearest = [names[match] for match in difflib.get_close_matches(key, names, n=1, cutoff=0.6)]
    suggestion = next(iter(elsewhere or nearest), None)
    if suggestion:
        return f'did you mean "{suggestion}"?'
    if len(known) <= NUM_NEAR:
        return f"expected one of {', '.join(known)}"
    near = [names[match] for match in difflib.get_close_matches(key, names, n=NUM_NEAR, cutoff=0.0)]
    return f"expected one of {', '.join(near)} or of {len(names) - len(near)} others"


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
