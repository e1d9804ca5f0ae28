"""Who is asking, and what they may do. Of what one may not see, one does not learn that it exists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.refusals import forbidden, not_found
from finegym.labelling.settings import Role
from finegym.labelling.tables.people import LogEvent, Person
from finegym.labelling.tables.projects import Membership, Project

SEES_ALL_WORK = ("lead", "reviewer", "viewer")
REVIEWS = ("lead", "reviewer")


@dataclass(frozen=True)
class Caller:
    """Somebody who is logged in, at one request.

    Attributes:
        person_id: who.
        name: their name.
        is_admin: whether they may do everything everywhere.
        session_id: of the browser.
        csrf_token: what its writes must bring along.
        now_ms: when the request came.
    """

    person_id: str
    name: str
    is_admin: bool
    session_id: str
    csrf_token: str
    now_ms: int


def get_role(session: Session, caller: Caller, project_id: str) -> Role | None:
    """The caller's role in a project; an admin is a lead wherever she has no role of her own."""
    role = session.scalar(
        select(Membership.role).where(
            Membership.project_id == project_id,
            Membership.person_id == caller.person_id,
            Membership.until_ms.is_(None),
        )
    )
    if role is None and caller.is_admin:
        return "lead"
    return role  # type: ignore[return-value]


def require_role(session: Session, caller: Caller, project_id: str, allowed: Iterable[str] = ()) -> Role:
    """The caller's role.

    Raises:
        Refusal: 404 without any role; 403 with one that is not among ``allowed`` (empty: any will do).
    """
    role = get_role(session, caller, project_id)
    if role is None:
        raise not_found("project")
    names = tuple(allowed)
    if names and role not in names:
        raise forbidden(f"This is for {' and '.join(f'{name}s' for name in names)}; your role is {role}.")
    return role


def get_project(session: Session, project_id: str, *, lock: bool = False) -> Project:
    """A project by id."""
    query = select(Project).where(Project.id == project_id)
    project = session.scalar(query.with_for_update() if lock else query)
    if project is None:
        raise not_found("project")
    return project


def require_admin(caller: Caller) -> None:
    """Only admins go on."""
    if not caller.is_admin:
        raise forbidden("This is for the administrators of the server.")


def get_names(session: Session, person_ids: Iterable[str | None]) -> dict[str, str]:
    """Names by id."""
    ids = {id_ for id_ in person_ids if id_}
    if not ids:
        return {}
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {row.id: row.name for row in rows}


def write_log(
    session: Session,
    now_ms: int,
    kind: str,
    text: str,
    *,
    project_id: str | None = None,
    person_id: str | None = None,
    **facts: object,
) -> None:
    """Add a line to the log."""
    session.add(
        LogEvent(at_ms=now_ms, kind=kind, text=text, project_id=project_id, person_id=person_id, facts=dict(facts))
    )
