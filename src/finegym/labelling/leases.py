"""Leases: an item is kept for its annotator while she works on it, and free again when she is silent for long.

A lease only decides who is offered an item. Whoever comes back after hers has ended goes on: if the place is still
free she has it again, and if it is not, what she does still counts; nobody's work is refused for a clock's sake.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from finegym.labelling.clock import format_time
from finegym.labelling.loading import Work
from finegym.labelling.shapes import LeaseShape
from finegym.labelling.tables.work import Pass

_KEPT = ("submitted", "accepted", "returned")
_WORKING = ("open", "returned")


def takes_place(now_ms: int) -> ColumnElement[bool]:
    """Whether a pass takes one of its item's places: an annotator's, finished, returned, or with a lease that runs."""
    is_kept = or_(Pass.state.in_(_KEPT), Pass.lease_until_ms > now_ms)
    return and_(Pass.state != "superseded", Pass.kind == "annotation", is_kept)


def count_places_taken(session: Session, item_id: str, round_: int, now_ms: int, *, without: str | None = None) -> int:
    """How many of an item's places are taken."""
    query = select(func.count()).where(Pass.item_id == item_id, Pass.round == round_, takes_place(now_ms))
    return session.scalar(query.where(Pass.id != without) if without else query) or 0


def renew_lease(session: Session, work: Work, now_ms: int) -> LeaseShape:
    """Keep the item for its annotator for another while, if nobody else has taken the place."""
    row = work.pass_
    if row.state not in _WORKING:
        return describe_lease(session, work, now_ms)
    length_ms = work.settings.lease_minutes * 60_000
    if row.lease_until_ms > now_ms + length_ms:  # the clock was set back: leases are never longer than they may be
        row.lease_until_ms = now_ms + length_ms
    is_held = row.lease_until_ms > now_ms
    if not is_held and _is_place_lost(session, work, now_ms):
        return LeaseShape(state="lost", until=format_time(row.lease_until_ms))
    if row.lease_until_ms - now_ms < length_ms * 0.9:  # not a write for every save
        row.lease_until_ms = now_ms + length_ms
    return LeaseShape(state="held", until=format_time(row.lease_until_ms))


def describe_lease(session: Session, work: Work, now_ms: int) -> LeaseShape:
    """How the lease of a pass stands."""
    row = work.pass_
    state: Literal["held", "expired", "lost"] = "held"
    if row.state == "open" and row.lease_until_ms <= now_ms:
        state = "lost" if _is_place_lost(session, work, now_ms) else "expired"
    return LeaseShape(state=state, until=format_time(row.lease_until_ms))


def _is_place_lost(session: Session, work: Work, now_ms: int) -> bool:
    """Whether others have taken the place of a pass whose lease has ended; nobody takes an adjudicator's."""
    row = work.pass_
    taken = count_places_taken(session, row.item_id, row.round, now_ms, without=row.id)
    return row.kind == "annotation" and taken >= work.annotators
