"""The parses in a workspace, as a project sees them: folders of `finegym parse`, matched to records by content.

A parse is of a record if the recording that was parsed holds the same bytes as the record's media; names only say where
to look first. Nothing of a request ever becomes part of a path: parses are found by listing their folder.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.applications.parse.files import PARSE_FILE, read_parse
from finegym.errors import ConfigError
from finegym.files import hash_samples
from finegym.labelling.access import Caller, get_project, require_role
from finegym.labelling.projects import read_settings
from finegym.labelling.refusals import forbidden, not_found
from finegym.labelling.settings import Role
from finegym.labelling.tables.records import Record
from finegym.workspace import Workspace

PAGE_FILE = "parse.html"
FILES = {
    "annotations.json": "application/json",
    "chapters.vtt": "text/vtt",
    "sub_actions.csv": "text/csv",
    PARSE_FILE: "application/json",
}
"""What can be downloaded of a parse, and of which kind it is."""


@dataclass(frozen=True)
class ParseFacts:
    """A parse in short.

    Attributes:
        id: of its folder.
        folder: where it lies.
        parsed_at_ms: when ``parse.json`` was written.
        sha256: of that file.
        record_id: name of the recording that was parsed.
        fingerprint: of its content.
        found: how many routines were found, by kind.
        num_sub_actions: in all of them.
        num_unsure: those of them with a doubt.
        num_doubtful: routines that are in doubt as such; official annotations hold them only where that was asked for.
        points: of the routines that have some.
    """

    id: str
    folder: Path
    parsed_at_ms: int
    sha256: str
    record_id: str
    fingerprint: str
    whole: str
    duration_ms: float
    bundle: str
    bundle_sha256: str
    is_trained_on_simulation: bool | None
    code_of_points: str
    warnings: tuple[str, ...]
    found: dict[str, int]
    num_sub_actions: int
    num_unsure: int
    num_doubtful: int
    points: tuple[float, ...]


@dataclass(frozen=True)
class RecordParse:
    """A parse and the record it is of; not ``is_checked``: the record's media are gone, only the name says so."""

    facts: ParseFacts
    record: Record
    is_checked: bool


@dataclass(frozen=True)
class Listing:
    """The parses of a project, newest first, and what else lies in the folder: reason → how many."""

    parses: tuple[RecordParse, ...]
    left_out: Counter[str]


def require_parse_reader(session: Session, caller: Caller, project_id: str, allowed: Iterable[str] = ()) -> Role:
    """The role of somebody who may see parses: of blind work, not the annotators.

    Raises:
        Refusal: 404 without a role in the project; 403 where the role is not enough.
    """
    role = require_role(session, caller, project_id, allowed)
    if role == "annotator" and read_settings(get_project(session, project_id)).is_blind:
        raise forbidden("Work in this project is blind: annotators do not see what models found.")
    return role


def load_records(session: Session, project_id: str) -> list[Record]:
    """The records of a project in their order."""
    query = select(Record).where(Record.project_id == project_id).order_by(Record.position)
    return list(session.scalars(query))


def list_parses(workspace: Workspace, records: Sequence[Record]) -> Listing:
    """The parses of records, and what was left out."""
    found: list[RecordParse] = []
    left_out: Counter[str] = Counter()
    for path in sorted(workspace.parses.glob(f"*/{PARSE_FILE}")):
        if not is_inside(workspace, path):
            left_out["behind a link that leads out of the folder"] += 1
            continue
        try:
            facts = read_facts(path)
        except ConfigError as error:
            left_out[str(error)] += 1
            continue
        except OSError:  # removed, or parsed anew, at this moment
            continue
        match = find_record(workspace, facts, records)
        if match is None:
            left_out["of a recording that is no record of this project, or was another file then"] += 1
        else:
            found.append(match)
    found.sort(key=lambda one: -one.facts.parsed_at_ms)
    return Listing(tuple(found), left_out)


def find_parse(workspace: Workspace, records: Sequence[Record], parse_id: str) -> RecordParse:
    """A parse of one of these records by id.

    Raises:
        Refusal: 404, there is none.
    """
    for one in list_parses(workspace, records).parses:
        if one.facts.id == parse_id:
            return one
    raise not_found("parse")


def find_record(workspace: Workspace, facts: ParseFacts, records: Sequence[Record]) -> RecordParse | None:
    """The record that was parsed: of the same name if its content is the same, else the first of the same content."""
    for record in sorted(records, key=lambda one: one.name != facts.record_id):
        fingerprint = find_fingerprint(workspace, record)
        if fingerprint == facts.fingerprint or (fingerprint is None and record.name == facts.record_id):
            return RecordParse(facts, record, fingerprint is not None)
    return None


def find_fingerprint(workspace: Workspace, record: Record) -> str | None:
    """What the media of a record hold; ``None`` where they are not there (any more)."""
    path = workspace.find_path(record.media_path)
    try:
        stat = path.stat()
        return _hash(str(path), stat.st_mtime_ns, stat.st_size)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _hash(path: str, mtime_ns: int, size_bytes: int) -> str:
    return hash_samples(Path(path))


def read_facts(path: Path) -> ParseFacts:
    """A parse in short; kept in memory, because the file of a long record is large.

    Raises:
        ConfigError: it is not of this version's format.
        OSError: it is not there.
    """
    return _read_facts(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1024)
def _read_facts(path: Path, mtime_ns: int) -> ParseFacts:
    parse = read_parse(path)
    subs = [sub for action in parse.actions for sub in action.sub_actions]
    return ParseFacts(
        id=hashlib.sha256(path.parent.name.encode("utf-8", "surrogateescape")).hexdigest()[:16],
        folder=path.parent,
        parsed_at_ms=mtime_ns // 1_000_000,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        record_id=parse.record_id,
        fingerprint=parse.video_fingerprint,
        whole=parse.whole,
        duration_ms=parse.duration_ms,
        bundle=parse.bundle,
        bundle_sha256=parse.bundle_sha256,
        is_trained_on_simulation=parse.is_trained_on_simulation,
        code_of_points=parse.code_of_points,
        warnings=parse.warnings,
        found=dict(Counter(action.kind for action in parse.actions)),
        num_sub_actions=len(subs),
        num_unsure=sum(bool(sub.unsure) for sub in subs),
        num_doubtful=parse.num_doubtful,
        points=tuple(action.points for action in parse.actions if action.points is not None),
    )


def open_file(workspace: Workspace, facts: ParseFacts, name: str) -> Path:
    """A file of a parse.

    Raises:
        Refusal: 404: it is not there, or a link leads out of the folder.
    """
    path = facts.folder / name
    if not path.is_file() or not is_inside(workspace, path):
        raise not_found("file")
    return path


def is_inside(workspace: Workspace, path: Path) -> bool:
    """Whether a file really lies in the folder of the parses."""
    return path.resolve().is_relative_to(workspace.parses.resolve())
