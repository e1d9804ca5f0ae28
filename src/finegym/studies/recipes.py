"""The shipped recipes: where they are, and their text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import finegym
from finegym.errors import ConfigError
from finegym.training.recipe_text import read_task, read_text


def find_recipes(folder: Path | None = None) -> Path:
    """The folder of shipped recipes: the one given, or that of the checkout that finegym runs from.

    Raises:
        ConfigError: there is none; an installed package brings no recipes.
    """
    found = Path(finegym.__file__).parents[2] / "recipes" if folder is None else Path(folder)
    if not (found / "smoke").is_dir():
        raise ConfigError(
            f"{found} is not the folder of finegym's recipes (it lacks smoke/). Give that of a checkout: --recipes DIR."
        )
    return found


@cache
def read_recipe_text(folder: Path, name: str) -> tuple[str, str, str]:
    """Text, path for messages and task of a recipe.

    Raises:
        ConfigError: there is none of this name.
    """
    path = folder / f"{name}.toml"
    return read_text(path), str(path), read_task(path)
