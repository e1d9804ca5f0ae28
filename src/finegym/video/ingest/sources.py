"""Which files are to be ingested: from files, folders and CSV tables to records with ids.

Nothing is skipped silently: files that are no media, rows that say nothing usable, ids that are taken, all are named.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finegym.workspace import OWN_NAMES, make_absolute

# What a folder is searched for. A file that is named itself is taken whatever its suffix.
MEDIA_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".flv", ".wmv", ".asf", ".ogv", ".mxf", ".gif"}
    | {".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob"}
)
# What download.csv writes in its column status where there is no file.
ABSENT = frozenset({"missing", "failed"})
RESERVED_COLUMNS = ("path", "video_id")


@dataclass(frozen=True)
class Source:
    """One file that is to become a record.

    Attributes:
        path: the file.
        record_id: the file's stem or what a table says, blanks replaced by ``_``.
        metadata: the table's other columns (``competition``, ``event``, ``duration_s``, …), empty cells left out.
        routines: ``(start_ms, end_ms)`` on the record's clock, where they are known; chunks do not split them.
    """

    path: Path
    record_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    routines: tuple[tuple[float, float], ...] = ()


@dataclass
class Sources:
    """What was found.

    Attributes:
        found: in the order given; folders sorted by path.
        other_files: files in folders that are no media by their suffix.
        problems: place (path, or table and line) → why it cannot be taken.
        renamed: name as written → record id, where blanks had to be replaced.
        absent: table and line → why there is no file, of rows that say so themselves (``finegym video download``).
        alike: record id → another one from which it differs only in case; on some disks they are one name.
        num_repeated: how often a file was named once more.
    """

    found: list[Source] = field(default_factory=list)
    other_files: list[Path] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    alike: dict[str, str] = field(default_factory=dict)
    num_repeated: int = 0


def find_sources(
    paths: Sequence[Path], *, ignored: Collection[Path] = (), taken: Mapping[str, Path] | None = None
) -> Sources:
    """Files, folders (with everything below them) and CSV tables as sources with unique ids.

    Args:
        paths: what the user names, in any order: what a table says of a file counts. A ``.csv`` is a table with a
            column ``path`` (relative to the table) and optionally ``video_id``; its other columns are kept as metadata.
        ignored: absolute paths that folders may hold and that are no sources: media and folders that ingest made.
        taken: record id → the file that has it already; another file may not take it while that one exists.
    """
    sources = Sources()
    by_id: dict[str, Path] = {}
    seen: set[Path] = set()
    taken = taken or {}
    cases = {record_id.casefold(): record_id for record_id in taken}
    found = list(_iterate(paths, set(ignored), sources))
    in_tables = {make_absolute(path) for _, path, _, _, is_row in found if is_row}
    for place, path, name, metadata, is_row in found:
        whole = make_absolute(path)
        if whole in seen or (not is_row and whole in in_tables):
            sources.num_repeated += 1  # what a table says of a file counts, wherever else it is named
            continue
        reason = _check_name(path, name)
        record_id = "_".join(name.split())
        holder = by_id.get(record_id, taken.get(record_id))
        if reason is None and holder is not None and make_absolute(holder) != whole and holder.exists():
            reason = f"record id {record_id!r} belongs to {holder}; give one of them another video_id in a CSV"
        if reason is not None:
            sources.problems[place] = reason
            continue
        seen.add(whole)
        by_id[record_id] = path
        if cases.setdefault(record_id.casefold(), record_id) != record_id:
            sources.alike[record_id] = cases[record_id.casefold()]
        if record_id != name:
            sources.renamed[name] = record_id
        sources.found.append(Source(path, record_id, metadata))
    return sources


_Found = tuple[str, Path, str, Mapping[str, str], bool]


def _iterate(paths: Sequence[Path], ignored: set[Path], sources: Sources) -> Iterator[_Found]:
    """Place for messages, path, name of the record, metadata, whether a table says it, of what looks like a source."""
    for path in paths:
        if path.is_dir():
            for file in _walk(path, ignored, sources):
                yield str(file), file, file.stem, {}, False
        elif not path.exists():
            sources.problems[str(path)] = "there is no such file"
        elif path.suffix.lower() == ".csv":
            yield from _read_table(path, sources)
        else:
            yield str(path), path, path.stem, {}, False


def _walk(folder: Path, ignored: set[Path], sources: Sources) -> Iterator[Path]:
    """Media files below a folder, sorted; links to folders are followed, each folder is entered once."""

    def note(error: OSError) -> None:
        sources.problems[str(error.filename)] = f"cannot be listed: {error.strerror}"

    entered: set[str] = set()
    for place, folders, files in os.walk(folder, onerror=note, followlinks=True):
        real = os.path.realpath(place)
        if real in entered or make_absolute(Path(place)) in ignored:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(place) / name
            if make_absolute(file) in ignored:
                continue
            if name.startswith(".") or file.suffix.lower() not in MEDIA_SUFFIXES:
                sources.other_files.append(file)
            else:
                yield file


def _read_table(table: Path, sources: Sources) -> Iterator[_Found]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8; save it as UTF-8"
        sources.problems[str(table)] = f"cannot be read: {reason}"
        return
    rows = csv.DictReader(io.StringIO(text, newline=""))  # str.splitlines would break rows at U+2028
    columns = [name.strip() for name in rows.fieldnames or []]
    if "path" not in columns or len(set(columns)) != len(columns):
        sources.problems[str(table)] = f"expected a column path, and no column twice; got {','.join(columns) or 'none'}"
        return
    rows.fieldnames = columns
    for row in rows:
        place = f"{table}, line {rows.line_num}"
        if None in row or None in row.values():
            sources.problems[place] = f"expected {len(columns)} cells ({','.join(columns)}), got another number"
            continue
        facts = {name: value.strip() for name, value in row.items() if value.strip()}
        if "path" not in facts and facts.get("status") in ABSENT:
            sources.absent[place] = f"{facts.get('video_id', 'record')} {facts['status']}: {facts.get('reason', '')}"
            continue
        reason = _check_row(facts, table.parent)
        if reason:
            sources.problems[place] = reason
            continue
        path = table.parent / facts["path"]
        metadata = {name: value for name, value in facts.items() if name not in RESERVED_COLUMNS}
        yield place, path, facts.get("video_id", path.stem), metadata, True


def _check_row(facts: Mapping[str, str], folder: Path) -> str | None:
    if "path" not in facts:
        return "the cell path is empty"
    if not (folder / facts["path"]).is_file():
        return f"there is no file {facts['path']} (paths are relative to the table)"
    try:
        is_positive = 0 < float(facts.get("duration_s", 1)) < float("inf")
    except ValueError:
        is_positive = False
    return None if is_positive else f"duration_s must be a number of seconds, got {facts['duration_s']!r}"


def _check_name(path: Path, name: str) -> str | None:
    try:
        f"{path}{name}".encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    if path.exists() and not path.is_file():
        return "is a pipe or a device, not a file; save it as one first"
    if not name.strip() or "/" in name or "\\" in name or name.startswith("."):
        return f"{name!r} cannot be a record id: it must not be empty, hold a slash or start with a dot"
    if "_".join(name.split()).casefold() in OWN_NAMES:
        return f"{name!r} cannot be a record id: ingest writes a file of that name; give it another video_id in a CSV"
    return None
