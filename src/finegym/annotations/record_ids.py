"""Which records somebody means: ids from a list, a table, an annotation file or a folder of media.

A record's id is a name, not a word: FineGym's begin with ``-`` or ``_``, hold ``--``, and differ only in case. Ids are
compared as they stand.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finegym.annotations.clip_folder import CLIP_SUFFIXES
from finegym.errors import AnnotationError, join_problems

ID_COLUMN = "video_id"
MEDIA_SUFFIXES = CLIP_SUFFIXES | {".3gp", ".flv", ".m2ts", ".mpeg", ".mts", ".ogv", ".ts", ".wmv"}


@dataclass(frozen=True)
class RecordIds:
    """Ids in the order of their source, each once.

    Attributes:
        ids: of records.
        num_repeated: how often an id came again; those are not in ``ids``.
    """

    ids: tuple[str, ...]
    num_repeated: int = 0


def read_record_ids(path: Path) -> RecordIds:
    """The ids that a file or a dataset names.

    Args:
        path: a text file (an id a line, ``#`` begins a comment), a CSV file with a column ``video_id``, an official
            annotation JSON (plain or gzip), or a dataset folder or a folder of official files (all its records).

    Raises:
        AnnotationError: it cannot be read, is none of these, or names no record.
    """
    path = Path(path)
    if path.is_dir():
        from finegym.annotations.source import open_source

        ids: Iterable[str] = [video.id for video in open_source(path).dataset.videos]
    else:
        text = _read_text(path)
        if text.lstrip()[:1] in {"{", "["}:
            ids = _parse_json(text, path)
        elif path.suffix.lower() == ".csv":
            ids = _parse_csv(text, path)
        else:
            ids = _parse_lines(text, path)
    counts = Counter(ids)
    if not counts:
        raise AnnotationError(f"{path}: names no record. Give it one id a line.")
    return RecordIds(tuple(counts), counts.total() - len(counts))


def find_media(folder: Path) -> dict[str, Path]:
    """The media files directly in a folder by the id that their name says, empty and hidden files left out.

    Of several files with one id, the first in the order of names counts.

    Raises:
        AnnotationError: there is no such folder.
    """
    try:
        paths = sorted(Path(folder).iterdir(), reverse=True)
        return {path.stem: path for path in paths if is_media(path)}
    except OSError as error:
        raise AnnotationError(
            f"{folder}: expected a folder of media, but: {error.strerror}. Check the path."
        ) from error


def is_media(path: Path) -> bool:
    """Whether a path is that of a media file with something in it."""
    if path.name.startswith(".") or path.suffix.lower() not in MEDIA_SUFFIXES:
        return False
    return path.is_file() and path.stat().st_size > 0


def _parse_lines(text: str, path: Path) -> list[str]:
    ids, problems = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        # Ids hold no "#", but a comment may stand close to one.
        words = line.split("#", 1)[0].split()
        if len(words) > 1:
            problems.append(f"line {number}: expected one id, got {line.strip()[:60]!r}")
        ids += words[:1]
    if problems:
        raise AnnotationError(
            f"{path}: {join_problems(problems, 3)}. Give one id a line, or a CSV file (.csv) with a column {ID_COLUMN}."
        )
    return ids


def _parse_csv(text: str, path: Path) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""))  # str.splitlines would break rows at U+2028
    try:
        header = [name.strip() for name in next(rows, [])]
        if ID_COLUMN not in header:
            raise AnnotationError(f"{path}: expected a column {ID_COLUMN}, got {', '.join(header) or 'nothing'}")
        column = header.index(ID_COLUMN)
        ids, bad = [], []
        for row in rows:
            if not any(row):
                continue  # an empty line
            if len(row) > column and row[column].strip():
                ids.append(row[column].strip())
            else:
                bad.append(str(rows.line_num))
    except csv.Error as error:
        raise AnnotationError(f"{path}, line {rows.line_num}: expected CSV, but: {error}") from error
    if bad:
        raise AnnotationError(f"{path}: no {ID_COLUMN} in line {join_problems(bad, 5)}. Fill it in or remove the line.")
    return ids


def _parse_json(text: str, path: Path) -> list[str]:
    try:
        content = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    except ValueError as error:
        raise AnnotationError(f"{path}: expected JSON, but: {error}. Download it again if it is cut off.") from error
    # Objects were read as lists of pairs, so that an id that stands twice is counted.
    if text.lstrip().startswith("{") and all(_holds_actions(actions) for _, actions in content):
        return [video_id for video_id, _ in content]
    if all(isinstance(video_id, str) for video_id in content):
        return list(content)
    raise AnnotationError(f"{path}: expected official annotations (an object of records) or a list of ids")


def _holds_actions(pairs: Any) -> bool:
    """Whether the value of a record is that of official annotations: actions by name, or none."""
    return isinstance(pairs, list) and all(
        isinstance(pair, tuple) and re.fullmatch(r"E_[0-9]{6}_[0-9]{6}", pair[0]) for pair in pairs
    )


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise AnnotationError(f"{path}: damaged gzip file ({error}). Download it again.") from error
    except OSError as error:
        raise AnnotationError(f"{path}: expected a list of records, but: {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: expected UTF-8 text, got other bytes at offset {error.start}.") from error
