"""Who changed what, when: every version of a segment, and of each of its fields the last one who changed it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import get_names
from finegym.labelling.clock import format_time
from finegym.labelling.loading import STATE_FIELDS
from finegym.labelling.nesting import SegmentState
from finegym.labelling.shapes import RevisionShape
from finegym.labelling.tables.work import Operation, Revision
from finegym.labelling.views import refer, show_segment

BLAMED = ("level", "parent_id", "start_frame", "end_frame", "label", "path", "discard", "is_deleted")


def read_state(fields: dict[str, Any]) -> SegmentState:
    """A stored revision as a value. Fields that were added to the program later have their defaults."""
    known = {name: fields[name] for name in STATE_FIELDS if name in fields}
    return SegmentState(**{**known, "path": tuple(known.get("path", ()))})


def load_states_as_of(
    session: Session, pass_id: str, version: int, ids: set[str]
) -> dict[str, tuple[SegmentState, str, int]]:
    """Segments as they were at a version of their pass: state, author, time."""
    newest = (
        select(Revision.segment_id, func.max(Revision.version).label("version"))
        .where(Revision.pass_id == pass_id, Revision.pass_version <= version, Revision.segment_id.in_(ids))
        .group_by(Revision.segment_id)
        .subquery()
    )
    rows = session.scalars(
        select(Revision).join(
            newest, (newest.c.segment_id == Revision.segment_id) & (newest.c.version == Revision.version)
        )
    )
    return {row.segment_id: (read_state(row.fields), row.author_id, row.at_ms) for row in rows}


def show_history(session: Session, segment_id: str) -> list[RevisionShape]:
    """Every version of a segment, oldest first."""
    rows = session.execute(
        select(Revision, Operation)
        .outerjoin(Operation, Operation.uuid == Revision.operation_uuid)
        .where(Revision.segment_id == segment_id)
        .order_by(Revision.version)
    ).all()
    names = get_names(session, (revision.author_id for revision, _ in rows))
    return [
        RevisionShape(
            **show_segment(read_state(revision.fields), refer(names, revision.author_id), revision.at_ms).model_dump(),
            operation_uuid=revision.operation_uuid,
            kind=operation.kind if operation else None,
            reason=operation.reason if operation else None,
        )
        for revision, operation in rows
    ]


def show_blame(session: Session, segment_id: str) -> dict[str, dict[str, Any]]:
    """For each field its value, and who gave it that value, when, at which version."""
    rows = session.scalars(select(Revision).where(Revision.segment_id == segment_id).order_by(Revision.version)).all()
    names = get_names(session, (row.author_id for row in rows))
    blame: dict[str, dict[str, Any]] = {}
    for row in rows:
        for name in BLAMED:
            value = row.fields.get(name)
            if name not in blame or blame[name]["value"] != value:
                blame[name] = {
                    "value": value,
                    "author": refer(names, row.author_id).model_dump(),
                    "time": format_time(row.at_ms),
                    "version": row.version,
                }
    return blame
