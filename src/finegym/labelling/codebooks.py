"""The codebooks of projects: stored as text, parsed once."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.codebook.builtin import list_builtins
from finegym.codebook.model import Codebook, Leaf, Node
from finegym.codebook.source import open_codebook
from finegym.codebook.yaml_format import parse_codebook
from finegym.codebook.yaml_text import format_codebook
from finegym.errors import CodebookError
from finegym.labelling.refusals import invalid_field, not_found
from finegym.labelling.tables.projects import CodebookVersion, Project

_KEPT = 16  # codebooks in memory


@lru_cache(maxsize=_KEPT)
def _parse(sha256: str, text: str) -> Codebook:
    return parse_codebook(text)


def read_codebook(row: CodebookVersion) -> Codebook:
    """The codebook of a row."""
    return _parse(row.sha256, row.yaml)


_READ: dict[str, tuple[Codebook, int]] = {}


def get_codebook(session: Session, project: Project) -> tuple[Codebook, int]:
    """The codebook that a project works with now, and its number; rows never change, so each is read once."""
    known = _READ.get(project.codebook_id)
    if known is None:
        row = session.get_one(CodebookVersion, project.codebook_id)
        known = _READ[project.codebook_id] = (read_codebook(row), row.number)
        if len(_READ) > _KEPT:
            del _READ[next(iter(_READ))]
    return known


def get_codebook_version(session: Session, project: Project, number: int | None) -> CodebookVersion:
    """One version of a project's codebook; the current one without a number."""
    if number is None:
        return session.get_one(CodebookVersion, project.codebook_id)
    row = session.scalar(
        select(CodebookVersion).where(CodebookVersion.project_id == project.id, CodebookVersion.number == number)
    )
    if row is None:
        raise not_found("version of the codebook")
    return row


def read_asked_codebook(builtin: str | None, yaml: str | None) -> tuple[Codebook, str]:
    """The codebook that somebody names or sends, and its text.

    Raises:
        Refusal: it is neither, or not a proper codebook.
    """
    try:
        if yaml:
            return parse_codebook(yaml), yaml
        if builtin not in list_builtins():
            known = ", ".join(list_builtins())
            raise invalid_field("codebook", f"must be one of {known}, or send codebook_yaml", builtin)
        codebook, _ = open_codebook(str(builtin))
        return codebook, format_codebook(codebook)
    except CodebookError as error:
        raise invalid_field("codebook_yaml", str(error)) from error


def add_codebook(session: Session, project_id: str, number: int, yaml: str, by: str, now_ms: int) -> CodebookVersion:
    """Store a version of a codebook."""
    sha256 = hashlib.sha256(yaml.encode()).hexdigest()
    codebook = _parse(sha256, yaml)
    row = CodebookVersion(
        project_id=project_id,
        number=number,
        name=codebook.name,
        version=codebook.version,
        sha256=sha256,
        yaml=yaml,
        created_by=by,
        created_at_ms=now_ms,
    )
    session.add(row)
    session.flush()
    return row


def describe_codebook(row: CodebookVersion) -> dict[str, Any]:
    """A codebook as JSON: lists, and trees as nested queries."""
    book = read_codebook(row)
    return {
        "id": row.id,
        "number": row.number,
        "name": book.name,
        "version": book.version,
        "sport": book.sport,
        "sha256": row.sha256,
        "events": [{"id": e.id, "name": e.name, "number": e.number} for e in book.events],
        "sets": [{"id": s.id, "event_id": s.event_id, "name": s.name} for s in book.sets],
        "elements": [
            {
                "id": e.id,
                "set_id": e.set_id,
                "name": e.name,
                "difficulty_code": e.difficulty_code,
                "difficulty_value": e.difficulty_value,
            }
            for e in book.elements
        ],
        "queries": [{"id": q.id, "text": q.text} for q in book.queries],
        "trees": {tree.set_id: _describe_node(tree.root) for tree in book.trees},
    }


def _describe_node(node: Node | Leaf) -> dict[str, Any]:
    if isinstance(node, Leaf):
        return {"element": node.element_id}
    return {"query": node.query_id, "yes": _describe_node(node.yes), "no": _describe_node(node.no)}
