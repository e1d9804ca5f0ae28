"""Reading a release back: what it holds, for comparing and verifying."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from finegym.annotations.folder import is_dataset_folder, read_dataset
from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split, read_split
from finegym.errors import ReleaseError
from finegym.release.shapes import ReleaseFile

RELEASE_FILE = "release.json"


@dataclass(frozen=True)
class Released:
    """What a release folder, or a dataset folder, holds.

    Attributes:
        name: with the version where there is one.
        dataset: in it.
        splits: in it.
        facts: ``release.json``; ``None`` for a dataset folder.
    """

    name: str
    dataset: Dataset
    splits: tuple[Split, ...]
    facts: ReleaseFile | None


def read_release(folder: Path) -> Released:
    """Read a release folder, or a dataset folder to compare with.

    Raises:
        ReleaseError: it is neither.
        AnnotationError: its annotations or splits are damaged.
    """
    folder = Path(folder)
    if not is_dataset_folder(folder):
        raise ReleaseError(
            f"{folder}: expected a release or a dataset folder (codebook.yaml, annotations.json). Check the path."
        )
    facts = read_facts(folder) if (folder / RELEASE_FILE).is_file() else None
    splits = tuple(read_split(path.parent) for path in sorted(folder.glob("splits/*/split.json")))
    name = f"{facts.name} {facts.version}" if facts else folder.resolve().name
    return Released(name, read_dataset(folder), splits, facts)


def read_facts(folder: Path) -> ReleaseFile:
    """Read ``release.json``.

    Raises:
        ReleaseError: it is missing or damaged.
    """
    path = folder / RELEASE_FILE
    try:
        return ReleaseFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read: {error.strerror}. Get the release anew.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise ReleaseError(f"{path}: not the facts of a release: {where}: {first['msg']}. Get it anew.") from error
