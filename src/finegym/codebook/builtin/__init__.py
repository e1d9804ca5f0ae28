"""Codebooks that come with finegym, as YAML files beside this one."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

from finegym.codebook.model import Codebook
from finegym.codebook.problems import Places, suggest
from finegym.codebook.yaml_format import read_codebook_with_places
from finegym.errors import CodebookError

_SUFFIX = ".yaml"


def list_builtins() -> tuple[str, ...]:
    """The names of the built-in codebooks, sorted."""
    return tuple(
        sorted(item.name.removesuffix(_SUFFIX) for item in files(__name__).iterdir() if _is_codebook(item.name))
    )


def read_builtin(name: str) -> Codebook:
    """A built-in codebook (``"artistic-women"``, ``"diving"``); read once, then shared.

    Raises:
        CodebookError: there is none of this name; the message suggests one.
    """
    return read_builtin_with_places(name)[0]


@cache
def read_builtin_with_places(name: str) -> tuple[Codebook, Places]:
    """As ``read_builtin``, and where every part stands in its file."""
    names = list_builtins()
    if name not in names:
        raise CodebookError(f'no built-in codebook "{name}"{suggest(name, names)}')
    with as_file(files(__name__) / f"{name}{_SUFFIX}") as path:
        return read_codebook_with_places(path)


def _is_codebook(name: str) -> bool:
    return name.endswith(_SUFFIX) and not name.startswith(".")
