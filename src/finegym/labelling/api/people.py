"""The people of a project and of the server."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import select

from finegym.labelling.access import get_names, get_project, require_admin, require_role, write_log
from finegym.labelling.api.dependencies import CallerNow, IdPath, ServerNow
from finegym.labelling.api.sessions import Email
from finegym.labelling.clock import format_time
from finegym.labelling.invitations import make_invitation
from finegym.labelling.projects import (
    describe_person,
    list_open_invitations,
    list_people,
    set_role,
    withdraw_invitation,
)
from finegym.labelling.refusals import conflict, not_found
from finegym.labelling.sessions import end_sessions
from finegym.labelling.settings import Role
from finegym.labelling.tables.people import LogEvent, Person
from finegym.labelling.values import Strict

router = APIRouter(tags=["people"])


class PersonShape(BaseModel):
    """Somebody."""

    id: str
    email: str
    name: str
    is_admin: bool
    is_disabled: bool
    created_at: str


class MemberShape(BaseModel):
    """Somebody in a project."""

    person: PersonShape
    role: Role
    since: str


class OpenInvitation(BaseModel):
    """A link that nobody has used yet."""

    id: str
    role: Role
    email: str | None
    expires_at: str
    created_by: str | None


class PeopleShape(BaseModel):
    """Who is in a project, and who is invited (only leads see that)."""

    people: list[MemberShape]
    invitations: list[OpenInvitation]


class InviteRequest(Strict):
    """Who is invited as what."""

    role: Role
    email: Email | None = None


class NewLink(BaseModel):
    """A one-time link; it is shown once."""

    id: str
    url: str
    token: str
    expires_at: str


class RoleRequest(Strict):
    """A role."""

    role: Role


class ChangePersonRequest(Strict):
    """Whether somebody may log in."""

    is_disabled: bool


class EventShape(BaseModel):
    """A line of the log."""

    id: int
    at: str
    person: str | None
    kind: str
    text: str
    facts: dict[str, object]


class LogShape(BaseModel):
    """The log, newest first."""

    events: list[EventShape]


class AllPeopleShape(BaseModel):
    """Everybody on this server."""

    people: list[PersonShape]


@router.get("/projects/{project_id}/people")
def get_people(project_id: IdPath, caller: CallerNow, server: ServerNow) -> PeopleShape:
    """Who is in a project."""
    with server.database.read() as session:
        role = require_role(session, caller, project_id)
        invitations = list_open_invitations(session, project_id, caller.now_ms) if role == "lead" else []
        return PeopleShape.model_validate({"people": list_people(session, project_id), "invitations": invitations})


@router.post("/projects/{project_id}/invitations", status_code=201)
def invite(project_id: IdPath, body: InviteRequest, caller: CallerNow, server: ServerNow) -> NewLink:
    """Make a one-time link into a project."""
    with server.database.write() as session:
        get_project(session, project_id)
        require_role(session, caller, project_id, ["lead"])
        new = make_invitation(
            session,
            "project",
            caller.now_ms,
            created_by=caller.person_id,
            project_id=project_id,
            role=body.role,
            email=body.email,
        )
    url = server.make_invitation_url(new.token)
    return NewLink(id=new.id, url=url, token=new.token, expires_at=str(format_time(new.expires_at_ms)))


@router.delete("/projects/{project_id}/invitations/{invitation_id}", status_code=204)
def end_invitation(project_id: IdPath, invitation_id: IdPath, caller: CallerNow, server: ServerNow) -> None:
    """End a one-time link."""
    with server.database.write() as session:
        require_role(session, caller, project_id, ["lead"])
        withdraw_invitation(session, project_id, invitation_id, caller.now_ms)


@router.put("/projects/{project_id}/people/{person_id}", status_code=204)
def change_role(project_id: IdPath, person_id: IdPath, body: RoleRequest, caller: CallerNow, server: ServerNow) -> None:
    """Give somebody in the project another role."""
    with server.database.write() as session:
        get_project(session, project_id, lock=True)
        require_role(session, caller, project_id, ["lead"])
        members = {member["person"]["id"] for member in list_people(session, project_id)}
        if person_id not in members and person_id != caller.person_id:
            raise not_found("person in this project")
        set_role(session, project_id, person_id, body.role, given_by=caller.person_id, now_ms=caller.now_ms)


@router.delete("/projects/{project_id}/people/{person_id}", status_code=204)
def remove_person(project_id: IdPath, person_id: IdPath, caller: CallerNow, server: ServerNow) -> None:
    """Take somebody out of a project; what she did stays."""
    with server.database.write() as session:
        get_project(session, project_id, lock=True)
        require_role(session, caller, project_id, ["lead"])
        if session.get(Person, person_id) is None:
            raise not_found("person in this project")
        set_role(session, project_id, person_id, None, given_by=caller.person_id, now_ms=caller.now_ms)


@router.get("/projects/{project_id}/log")
def get_log(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    before: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> LogShape:
    """What happened in a project beside the labels."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
        query = select(LogEvent).where(LogEvent.project_id == project_id)
        query = query.where(LogEvent.id < before) if before else query
        rows = session.scalars(query.order_by(LogEvent.id.desc()).limit(limit)).all()
        names = get_names(session, (row.person_id for row in rows))
        events = [
            EventShape(
                id=row.id,
                at=str(format_time(row.at_ms)),
                person=names.get(row.person_id or ""),
                kind=row.kind,
                text=row.text,
                facts=row.facts,
            )
            for row in rows
        ]
    return LogShape(events=events)


@router.get("/people")
def get_everybody(caller: CallerNow, server: ServerNow) -> AllPeopleShape:
    """Everybody on this server, for admins."""
    require_admin(caller)
    with server.database.read() as session:
        rows = session.scalars(select(Person).order_by(Person.name, Person.id))
        return AllPeopleShape.model_validate({"people": [describe_person(row) for row in rows]})


@router.post("/people/{person_id}/password-link", status_code=201)
def make_password_link(person_id: IdPath, caller: CallerNow, server: ServerNow) -> NewLink:
    """Make a one-time link to a new password, for admins."""
    require_admin(caller)
    with server.database.write() as session:
        if session.get(Person, person_id) is None:
            raise not_found("person")
        new = make_invitation(session, "password", caller.now_ms, created_by=caller.person_id, person_id=person_id)
    url = server.make_invitation_url(new.token)
    return NewLink(id=new.id, url=url, token=new.token, expires_at=str(format_time(new.expires_at_ms)))


@router.patch("/people/{person_id}")
def change_person(person_id: IdPath, body: ChangePersonRequest, caller: CallerNow, server: ServerNow) -> PersonShape:
    """Let somebody in or keep her out, for admins; her sessions end at once."""
    require_admin(caller)
    if person_id == caller.person_id and body.is_disabled:
        raise conflict("own_account", "You cannot keep yourself out.")
    with server.database.write() as session:
        person = session.get(Person, person_id)
        if person is None:
            raise not_found("person")
        person.is_disabled = body.is_disabled
        if body.is_disabled:
            end_sessions(session, caller.now_ms, person_id=person_id)
        text = f"{person.name} was {'disabled' if body.is_disabled else 'enabled'}."
        write_log(session, caller.now_ms, "person", text, person_id=caller.person_id, whom=person_id)
        return PersonShape.model_validate(describe_person(person))
