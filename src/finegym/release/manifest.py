"""The manifest: every file of a release with its size and SHA-256. Made last; what it does not list is a stranger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from finegym.errors import ReleaseError, join_problems
from finegym.release.contents import format_json
from finegym.release.file_kinds import find_kind
from finegym.release.shapes import ManifestEntry, ManifestFile

MANIFEST_FILE, SUMS_FILE = "manifest.json", "SHA256SUMS"
_BLOCK_BYTES = 1 << 20


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def list_files(folder: Path) -> Iterator[str]:
    """Paths of everything in a folder that is no folder (links and others too), relative, sorted by code point."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    yield from sorted(path.relative_to(folder).as_posix() for path in found)


def make_manifest(folder: Path, name: str, version: str) -> ManifestFile:
    """List a folder.

    Raises:
        ReleaseError: a file that no kind describes: a part of the release forgot to say what it writes.
    """
    entries, strangers = [], []
    for path in list_files(folder):
        kind = find_kind(path)
        if path == MANIFEST_FILE:
            continue
        if kind is None:
            strangers.append(path)
            continue
        whole = folder / path
        entries.append(
            ManifestEntry(
                path=path,
                size_bytes=whole.stat().st_size,
                sha256=hash_file(whole),
                about=kind.about,
                format=kind.format,
                schema_path=kind.schema_path,
            )
        )
    if strangers:
        raise ReleaseError(f"{folder}: nothing describes {join_problems(strangers, 5)}. Add the kind of file.")
    return ManifestFile(format="finegym-manifest/1", name=name, version=version, files=tuple(entries))


def write_manifest(folder: Path, name: str, version: str) -> str:
    """Write ``SHA256SUMS`` and ``manifest.json``; returns the manifest's own SHA-256, which names the release."""
    sums = [f"{hash_file(folder / path)}  {path}\n" for path in list_files(folder)]
    (folder / SUMS_FILE).write_bytes("".join(sums).encode())
    text = format_json(make_manifest(folder, name, version).model_dump(mode="json"))
    (folder / MANIFEST_FILE).write_bytes(text.encode())
    return hash_file(folder / MANIFEST_FILE)


def read_manifest(folder: Path) -> ManifestFile:
    """Read the manifest of a release.

    Raises:
        ReleaseError: there is none, or it is none.
    """
    path = Path(folder) / MANIFEST_FILE
    try:
        return ManifestFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ReleaseError(
            f"{path}: expected the manifest of a release, but: {error.strerror}. Check the path, or build the release."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise ReleaseError(
            f"{path}: no manifest of a release: {where}: {first['msg']}. Get the release anew."
        ) from error
