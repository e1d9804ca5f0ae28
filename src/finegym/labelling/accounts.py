"""The people of a server as accounts: who there is, and what one changes about oneself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, write_log
from finegym.labelling.sessions import end_sessions
from finegym.labelling.tables.people import Person


def has_people(session: Session) -> bool:
    """Whether there is anybody yet."""
    return bool(session.scalar(select(func.count()).select_from(Person)))


def has_address(session: Session, email: str | None) -> bool:
    """Whether somebody has this address."""
    return email is not None and session.scalar(select(Person.id).where(Person.email == email)) is not None


def change_account(
    session: Session,
    caller: Caller,
    *,
    name: str | None = None,
    preferences: dict[str, Any] | None = None,
    password_hash: str | None = None,
) -> Person:
    """Change what is given about the caller. A new password ends all of her sessions but the one she is in."""
    person = session.get_one(Person, caller.person_id)
    person.name = person.name if name is None else name
    person.preferences = person.preferences if preferences is None else preferences
    if password_hash is not None:
        person.password_hash = password_hash
        end_sessions(session, caller.now_ms, person_id=person.id, but_id=caller.session_id)
        write_log(session, caller.now_ms, "password", f"{person.name} set a new password.", person_id=person.id)
    return person
