"""``download.csv``: what became of every record that somebody asked for, beside the media."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from finegym.errors import VideoError, join_problems
from finegym.files import write_text

MANIFEST_FILE = "download.csv"

Status = Literal["there", "missing", "failed"]
STATUSES: tuple[str, ...] = get_args(Status)


@dataclass(frozen=True)
class DownloadRow:
    """One row of ``download.csv``.

    Attributes:
        video_id: the record.
        status: ``there``; ``missing``: the site says that it does not give it; ``failed``: another try may help.
        reason: why, in words; empty for what is there.
        path: the media file, relative to the manifest's folder; empty where there is none.
        size_bytes: of the file.
        sha256: of the file, hexadecimal.
        width: of the coded picture, in pixels.
        height: of the coded picture, in pixels.
        source_url: where it was asked for; empty for a file that was there before.
        when_utc: when this was found out, ``2026-01-31T12:00:00Z``.
    """

    video_id: str
    status: Status
    reason: str = ""
    path: str = ""
    size_bytes: int | None = None
    sha256: str = ""
    width: int | None = None
    height: int | None = None
    source_url: str = ""
    when_utc: str = ""


COLUMNS = tuple(field.name for field in fields(DownloadRow))
_NUMBERS = ("size_bytes", "width", "height")


def read_manifest(path: Path) -> dict[str, DownloadRow]:
    """The rows by record id, in the order of the file.

    Raises:
        VideoError: the file is missing or damaged; all damaged lines are named.
    """
    rows: dict[str, DownloadRow] = {}
    problems = []
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = tuple(next(lines, ()))
            if header != COLUMNS:
                raise VideoError(f"{path}: expected a manifest ({','.join(COLUMNS)}), got {','.join(header)[:100]!r}")
            for values in lines:
                row = _parse_row(values)
                if row is None or row.video_id in rows:
                    problems.append(f"line {lines.line_num}: {'not a whole row' if row is None else 'an id again'}")
                else:
                    rows[row.video_id] = row
    except (UnicodeDecodeError, csv.Error) as error:
        raise VideoError(f"{path}: expected a manifest in UTF-8, but: {error}") from error
    except VideoError:
        raise
    except OSError as error:
        raise VideoError(f"{path}: expected a manifest, but: {error.strerror}. Check the path.") from error
    if problems:
        raise VideoError(f"{path}: {join_problems(problems, 5)}. Correct these lines or take them out.")
    return rows


def write_manifest(rows: Mapping[str, DownloadRow], path: Path) -> None:
    """Write the manifest whole or not at all."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(["" if value is None else value for value in asdict(row).values()] for row in rows.values())
    write_text(path, buffer.getvalue())


def _parse_row(values: list[str]) -> DownloadRow | None:
    """A row, or ``None`` where it is not whole."""
    if len(values) != len(COLUMNS) or not values[0]:
        return None
    facts = dict(zip(COLUMNS, values, strict=True))
    try:
        numbers = {name: int(facts[name]) if facts[name] else None for name in _NUMBERS}
    except ValueError:
        return None
    texts = {name: text for name, text in facts.items() if name not in _NUMBERS}
    row = DownloadRow(**texts, **numbers)  # type: ignore[arg-type]
    if row.status not in STATUSES:
        return None
    return row if row.status != "there" or (row.path and row.size_bytes and len(row.sha256) == 64) else None
