"""Small TOML files that people write for a release, read into checked values with one clear line a problem."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from finegym.codebook.problems import suggest
from finegym.errors import ConfigError, join_problems


class Strict(BaseModel):
    """A value whose unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Shape = TypeVar("Shape", bound=Strict)


def read_toml(path: Path, shape: type[Shape]) -> Shape:
    """Read a TOML file of a shape.

    Raises:
        ConfigError: it is missing, no TOML, or of another shape; every problem is named.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}. Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a TOML file: {error}. Correct the file.") from error
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        problems = [_describe(one["loc"], one["type"], one["msg"], shape) for one in error.errors()]
        raise ConfigError(f"{path}: {join_problems(problems)}. Correct the file.") from error


def _describe(place: tuple[int | str, ...], kind: str, message: str, shape: type[BaseModel]) -> str:
    words = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    if kind == "extra_forbidden":
        known = list(shape.model_fields) if len(place) == 1 else []
        return f"unknown key {words}{suggest(str(place[-1]), known)}"
    return f"{words}: {message}" if words else message
