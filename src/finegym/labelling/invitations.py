"""Links that work once: how people come in. There is no other way, and no password that was there before them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, write_log
from finegym.labelling.passwords import hash_token, make_token
from finegym.labelling.projects import set_role
from finegym.labelling.refusals import conflict, invalid_field, not_found
from finegym.labelling.sessions import NewSession, end_sessions, start_session
from finegym.labelling.tables.people import Invitation, Person

DAY_MS = 24 * 3_600_000
LIFETIMES_MS = {"first_admin": 7 * DAY_MS, "project": 14 * DAY_MS, "password": DAY_MS}


@dataclass(frozen=True)
class NewInvitation:
    """An invitation just made; the token is shown once and stored nowhere."""

    id: str
    token: str
    expires_at_ms: int


def make_invitation(
    session: Session,
    kind: str,
    now_ms: int,
    *,
    created_by: str | None = None,
    project_id: str | None = None,
    role: str | None = None,
    email: str | None = None,
    person_id: str | None = None,
) -> NewInvitation:
    """A new link."""
    token = make_token()
    row = Invitation(
        token_hash=hash_token(token),
        kind=kind,
        project_id=project_id,
        role=role,
        email=email.strip().lower() if email else None,
        person_id=person_id,
        created_by=created_by,
        created_at_ms=now_ms,
        expires_at_ms=now_ms + LIFETIMES_MS[kind],
    )
    session.add(row)
    session.flush()
    write_log(session, now_ms, "invitation", f"A link was made: {kind}.", project_id=project_id, person_id=created_by)
    return NewInvitation(row.id, token, row.expires_at_ms)


def make_first_link(session: Session, now_ms: int) -> NewInvitation | None:
    """Where there is nobody yet: the link for the first administrator. Earlier ones end with it."""
    if session.scalar(select(func.count()).select_from(Person)):
        return None
    for old in session.scalars(select(Invitation).where(Invitation.kind == "first_admin")):
        old.withdrawn_at_ms = now_ms
    return make_invitation(session, "first_admin", now_ms)


def find_invitation(session: Session, token: str, now_ms: int, *, lock: bool = False) -> Invitation:
    """The invitation that a token opens.

    Raises:
        Refusal: 404 unknown; 409 used, withdrawn or too old.
    """
    query = select(Invitation).where(Invitation.token_hash == hash_token(token))
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise not_found("invitation")
    if row.used_at_ms is not None:
        raise conflict("invitation_used", "This link was used already. Log in, or ask for a new one.")
    if row.withdrawn_at_ms is not None or now_ms >= row.expires_at_ms:
        raise conflict("invitation_over", "This link has ended. Ask for a new one.")
    return row


def accept_invitation(
    session: Session,
    token: str,
    now_ms: int,
    *,
    caller: Caller | None = None,
    email: str | None = None,
    name: str | None = None,
    password_hash: str | None = None,
) -> NewSession | None:
    """Use a link: become a person, join a project, or set a new password.

    Returns:
        A new session; ``None`` for a caller who is logged in and only joins a project.

    Raises:
        Refusal: the link is no good, or what it needs is missing or wrong.
    """
    row = find_invitation(session, token, now_ms, lock=True)
    row.used_at_ms = now_ms
    if row.kind == "project" and caller is not None:
        _join(session, row, caller.person_id, now_ms)
        return None
    if row.kind == "password":
        person = session.get_one(Person, row.person_id)
        person.password_hash = _require_hash(password_hash)
        end_sessions(session, now_ms, person_id=person.id)
    else:
        person = _make_person(session, row, email, name, password_hash, now_ms)
    row.used_by = person.id
    if row.kind == "project":
        _join(session, row, person.id, now_ms)
    write_log(session, now_ms, "invitation_used", f"{person.name} used a link: {row.kind}.", person_id=person.id)
    return start_session(session, person, now_ms)


def _make_person(
    session: Session, row: Invitation, email: str | None, name: str | None, password_hash: str | None, now_ms: int
) -> Person:
    if row.kind == "first_admin" and session.scalar(select(func.count()).select_from(Person)):
        raise conflict("invitation_over", "This link was for the first person, and there is one. Ask for another.")
    address = (row.email or email or "").strip().lower()
    if "@" not in address[1:-1] or any(letter.isspace() for letter in address):
        raise invalid_field("email", "must be an e-mail address", address)
    if not name:
        raise invalid_field("name", "must be given")
    if session.scalar(select(Person).where(Person.email == address)) is not None:
        raise conflict("person_exists", "There is somebody with this address. Log in, then open the link again.")
    person = Person(
        email=address,
        name=name,
        password_hash=_require_hash(password_hash),
        is_admin=row.kind == "first_admin",
        created_at_ms=now_ms,
    )
    session.add(person)
    session.flush()
    return person


def _join(session: Session, row: Invitation, person_id: str, now_ms: int) -> None:
    assert row.project_id is not None and row.role is not None
    row.used_by = person_id
    set_role(session, row.project_id, person_id, row.role, given_by=row.created_by, now_ms=now_ms)


def _require_hash(password_hash: str | None) -> str:
    if password_hash is None:
        raise invalid_field("password", "must be given")
    return password_hash
