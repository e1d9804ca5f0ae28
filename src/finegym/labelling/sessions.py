"""Logging in and out. Sessions live in the database: ending one ends it at once, everywhere."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, write_log
from finegym.labelling.database import Database
from finegym.labelling.passwords import hash_token, make_token, verify_password
from finegym.labelling.refusals import Refusal
from finegym.labelling.tables.people import LoginAttempt, LoginSession, Person

LIFETIME_MS = 14 * 24 * 3_600_000
IDLE_MS = 3 * 24 * 3_600_000
_SEEN_EVERY_MS = 60_000  # a write for each request would be too many
ATTEMPTS, WINDOW_MS = 8, 10 * 60_000
_AHEAD_MS = 60_000  # guesses that came together are stored in any order
ATTEMPTS_OF_PLACE = 60  # many people may sit behind one address


@dataclass(frozen=True)
class NewSession:
    """A session just made: the token goes into the cookie and is stored nowhere."""

    token: str
    csrf_token: str
    person: Person


def log_in(database: Database, email: str, password: str, place: str, now_ms: int) -> NewSession | None:
    """Check a password; ``None`` where it is wrong.

    The check takes a tenth of a second on purpose, so it is done between two transactions: nobody's save waits for it.

    Args:
        database: holds people and attempts.
        email: as typed.
        password: as typed.
        place: where the request comes from.
        now_ms: the time.

    Raises:
        Refusal: 429 after too many wrong ones.
    """
    address = email.strip().lower()
    limits = {hash_token(f"email:{address}"): ATTEMPTS, hash_token(f"place:{place}"): ATTEMPTS_OF_PLACE}
    with database.read() as session:
        _check_rate(session, limits, now_ms)
        stored = session.scalar(select(Person.password_hash).where(Person.email == address))
    is_right = verify_password(password, stored or "")
    with database.write() as session:
        _check_rate(session, limits, now_ms)  # many guesses at once are counted like many in a row
        session.execute(delete(LoginAttempt).where(LoginAttempt.at_ms <= now_ms - 2 * WINDOW_MS))
        person = session.scalar(select(Person).where(Person.email == address))
        if person is None or not is_right or person.is_disabled or person.password_hash != stored:
            session.add_all(LoginAttempt(key=key, at_ms=now_ms) for key in limits)
            write_log(session, now_ms, "login_failed", "A login failed.", person_id=person.id if person else None)
            return None
        session.execute(delete(LoginAttempt).where(LoginAttempt.key == next(iter(limits))))
        write_log(session, now_ms, "login", f"{person.name} logged in.", person_id=person.id)
        return start_session(session, person, now_ms)


def start_session(session: Session, person: Person, now_ms: int) -> NewSession:
    """A new session of somebody who has shown who they are."""
    token, csrf_token = make_token(), make_token()
    session.add(
        LoginSession(
            token_hash=hash_token(token),
            csrf_token=csrf_token,
            person_id=person.id,
            created_at_ms=now_ms,
            seen_at_ms=now_ms,
            expires_at_ms=now_ms + LIFETIME_MS,
        )
    )
    return NewSession(token, csrf_token, person)


def find_caller(session: Session, token: str, now_ms: int) -> tuple[Caller, bool] | None:
    """Who a cookie belongs to, and whether ``touch_session`` is due; ``None`` where it is forged, stale or ended."""
    row = session.execute(
        select(LoginSession, Person)
        .join(Person, Person.id == LoginSession.person_id)
        .where(LoginSession.token_hash == hash_token(token))
    ).one_or_none()
    if row is None:
        return None
    login, person = row
    is_over = login.ended_at_ms is not None or now_ms >= login.expires_at_ms or now_ms - login.seen_at_ms >= IDLE_MS
    if is_over or person.is_disabled:
        return None
    caller = Caller(person.id, person.name, person.is_admin, login.id, login.csrf_token, now_ms)
    # A clock that was set back touches nothing: when it is right again, nobody seems to have been away.
    return caller, now_ms - login.seen_at_ms >= _SEEN_EVERY_MS


def touch_session(session: Session, session_id: str, now_ms: int) -> None:
    """The session was used."""
    session.execute(update(LoginSession).where(LoginSession.id == session_id).values(seen_at_ms=now_ms))


def end_sessions(
    session: Session,
    now_ms: int,
    *,
    session_id: str | None = None,
    person_id: str | None = None,
    but_id: str | None = None,
) -> int:
    """End one session, or all of a person's, or all of hers but one.

    Returns:
        How many were ended.
    """
    query = select(LoginSession).where(LoginSession.ended_at_ms.is_(None))
    query = query.where(LoginSession.id == session_id) if session_id else query
    query = query.where(LoginSession.person_id == person_id) if person_id else query
    query = query.where(LoginSession.id != but_id) if but_id else query
    found = session.scalars(query).all() if session_id or person_id else []
    for row in found:
        row.ended_at_ms = now_ms
    return len(found)


def _check_rate(session: Session, limits: dict[str, int], now_ms: int) -> None:
    # A clock that was set back would keep people out until it has caught up: what lies far ahead does not count.
    since = now_ms - WINDOW_MS
    for key, limit in limits.items():
        count, first = session.execute(
            select(func.count(), func.min(LoginAttempt.at_ms)).where(
                LoginAttempt.key == key, LoginAttempt.at_ms > since, LoginAttempt.at_ms <= now_ms + _AHEAD_MS
            )
        ).one()
        if count >= limit:
            wait_s = max(1, (first + WINDOW_MS - now_ms) // 1000)
            raise Refusal(
                429,
                "too_many_attempts",
                f"Too many wrong passwords. Wait {wait_s} seconds, or ask for a new link.",
                retry_after_s=wait_s,
            )
