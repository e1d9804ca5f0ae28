"""When a client has not seen everything: what it missed, told with both sides."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.loading import Work
from finegym.labelling.operation_kinds import AnyOperation
from finegym.labelling.refusals import Refusal
from finegym.labelling.tables.work import Operation
from finegym.labelling.views import show_operations, show_segments, show_segments_as_of


def find_unseen(
    session: Session, pass_id: str, seen_version: int, operations: Sequence[AnyOperation]
) -> list[Operation]:
    """Operations on a pass after the version that a client has seen, without those that it sent itself."""
    mine = [operation.uuid for operation in operations]
    query = select(Operation).where(
        Operation.pass_id == pass_id, Operation.pass_version > seen_version, Operation.uuid.not_in(mine)
    )
    return list(session.scalars(query.order_by(Operation.pass_version)))


def make_conflict(
    session: Session, work: Work, theirs: list[Operation], yours: Sequence[AnyOperation], seen_version: int
) -> Refusal:
    """412 with both sides: what others did, what was sent, and the segments then and now."""
    payloads = [row.payload for row in theirs] + [one.payload.model_dump() for one in yours]
    ids = {
        str(payload[key])
        for payload in payloads
        for key in ("segment_id", "other_id", "new_segment_id")
        if payload.get(key)
    }
    pass_id = work.pass_.id
    who = show_operations(session, theirs)
    names = " and ".join(sorted({row.author.name for row in who})) or "Somebody"
    return Refusal(
        412,
        "version_conflict",
        f"{names} changed this pass in between; your change was not made. Look at both, then save again.",
        version=work.pass_.version,
        theirs=[row.model_dump() for row in who],
        yours=[one.model_dump(mode="json") for one in yours],
        segments=[one.model_dump() for one in show_segments(session, pass_id, ids)],
        segments_base=[one.model_dump() for one in show_segments_as_of(session, pass_id, max(0, seen_version), ids)],
    )
