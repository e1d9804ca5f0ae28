"""Reading the tables of a release back."""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

from finegym.errors import ReleaseError
from finegym.release.table_shapes import SHAPES, TableShape


def read_table(folder: Path, name: str) -> list[dict[str, str]]:
    """Rows of a table as texts by column; unknown is empty.

    Raises:
        ReleaseError: the header is another.
        OSError: it cannot be read.
    """
    shape: TableShape = SHAPES[name]
    with (folder / shape.csv_path).open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        expected = [column.name for column in shape.columns]
        if reader.fieldnames != expected:
            raise ReleaseError(f"{shape.csv_path}: expected the header {','.join(expected)}, got {reader.fieldnames}")
        return list(reader)


def read_media_hashes(folder: Path) -> dict[str, str | None]:
    """Where each media file belongs, and its SHA-256 where the release knows it. Only places inside of the release."""
    rows = read_table(folder, "records")
    paths = {row["path"]: row["sha256"] or None for row in rows if row["path"]}
    return {path: sha for path, sha in paths.items() if ".." not in PurePosixPath(path).parts and path[0] != "/"}
