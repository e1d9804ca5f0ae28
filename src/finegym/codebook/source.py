"""From what a person types to a codebook: a built-in name, a file, a dataset folder or the official folder."""

from __future__ import annotations

from pathlib import Path

from finegym.codebook.builtin import list_builtins, read_builtin_with_places
from finegym.codebook.model import Codebook
from finegym.codebook.problems import Places, Problem, suggest
from finegym.codebook.yaml_format import read_codebook_with_places, scan_codebook
from finegym.errors import CodebookError

CODEBOOK_FILE = "codebook.yaml"


def open_codebook(source: str) -> tuple[Codebook, Places]:
    """Read the codebook that ``source`` names.

    Args:
        source: the name of a built-in codebook; or a YAML file; or a folder that holds ``codebook.yaml``; or a folder
            with the official FineGym category files.

    Raises:
        CodebookError: there is no such codebook, or it cannot be read.
    """
    return _open_path(resolve_source(source))


def check_source(source: str) -> tuple[Problem, ...]:
    """Every problem of the codebook that ``source`` names, those that keep a file from being read included.

    Raises:
        CodebookError: there is no such codebook, or official files contradict each other.
    """
    from finegym.codebook.check import check_codebook  # opening a codebook, which must be fast, does not need the rules

    resolved = resolve_source(source)
    if isinstance(resolved, Path) and not resolved.is_dir():
        codebook, places, problems = scan_codebook(resolved)
        return problems if codebook is None else check_codebook(codebook, places)
    return check_codebook(*_open_path(resolved))


def resolve_source(source: str) -> str | Path:
    """A built-in name as ``str``, anything else as the ``Path`` of a file or of an official folder.

    Raises:
        CodebookError: it is none of these; the message suggests a built-in name.
    """
    path = Path(source)
    if source in list_builtins():
        return source
    if path.is_dir():
        if (path / CODEBOOK_FILE).is_file():
            return path / CODEBOOK_FILE
        if (path / "set_categories.txt").is_file():
            return path
        raise CodebookError(f"{path}: expected {CODEBOOK_FILE} or the official set_categories.txt in it, found neither")
    if path.is_file() or path.suffix in (".yaml", ".yml"):
        return path  # reading says which file is missing
    raise CodebookError(f'"{source}" is neither a file nor a built-in codebook{suggest(source, list_builtins())}')


def _open_path(source: str | Path) -> tuple[Codebook, Places]:
    if isinstance(source, str):
        return read_builtin_with_places(source)
    if source.is_dir():
        # imported here: only this way in needs it, and starting up is on a budget
        from finegym.codebook.official import read_official_files

        files = read_official_files(source)
        return files.codebook, files.places
    return read_codebook_with_places(source)
