"""Logging in and out, one-time links, and what one may change about oneself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from finegym import __version__
from finegym.labelling.access import Caller
from finegym.labelling.accounts import change_account, has_address, has_people
from finegym.labelling.api.dependencies import COOKIE, CallerNow, ServerNow, find_caller_of
from finegym.labelling.api.server import Server
from finegym.labelling.clock import format_time
from finegym.labelling.invitations import accept_invitation, find_invitation
from finegym.labelling.passwords import make_password_hash, verify_password
from finegym.labelling.refusals import Refusal, invalid_field
from finegym.labelling.sessions import LIFETIME_MS, NewSession, end_sessions, log_in
from finegym.labelling.settings import Role
from finegym.labelling.tables.people import Person
from finegym.labelling.tables.projects import Project
from finegym.labelling.values import FreeJson, Line, Strict, check_line

Email = Annotated[
    str, StringConstraints(min_length=3, max_length=254, strip_whitespace=True), AfterValidator(check_line)
]
Password = Annotated[str, Field(max_length=1000)]
Token = Annotated[str, Field(min_length=1, max_length=200)]


def require_same_origin(request: Request) -> None:
    """Forms of other sites cannot log a visitor in: browsers say where a request comes from."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refusal(403, "csrf", "This must come from the app's own page.")
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refusal(415, "unsupported_media", "Expected a body of application/json.")


router = APIRouter(tags=["session"])
SameOrigin = Depends(require_same_origin)


class MeShape(BaseModel):
    """Who is logged in."""

    id: str
    email: str
    name: str
    is_admin: bool
    preferences: dict[str, object]
    created_at: str


class SessionShape(BaseModel):
    """The state of a browser's session."""

    person: MeShape | None
    csrf_token: str | None
    needs_setup: bool
    version: str


class LoginRequest(Strict):
    """Who wants in."""

    email: Email
    password: Password


class LookRequest(Strict):
    """A one-time link's token."""

    token: Token


class InvitationShape(BaseModel):
    """What a one-time link is for."""

    kind: str
    project_name: str | None
    role: Role | None
    email: str | None
    person_exists: bool
    expires_at: str


class AcceptRequest(Strict):
    """What it takes to use a link; whoever is logged in already and joins a project needs the token alone."""

    token: Token
    email: Email | None = None
    name: Line | None = None
    password: Password | None = None


class ChangeMeRequest(Strict):
    """What is to change."""

    name: Line | None = None
    password: Password | None = None
    old_password: Password | None = None
    preferences: FreeJson | None = None


def _show_me(person: Person) -> MeShape:
    return MeShape(
        id=person.id,
        email=person.email,
        name=person.name,
        is_admin=person.is_admin,
        preferences=person.preferences,
        created_at=str(format_time(person.created_at_ms)),
    )


def _show_session(server: Server, caller: Caller | None) -> SessionShape:
    with server.database.read() as session:
        person = session.get(Person, caller.person_id) if caller else None
        is_empty = person is None and not has_people(session)
    return SessionShape(
        person=_show_me(person) if person else None,
        csrf_token=caller.csrf_token if caller else None,
        needs_setup=is_empty,
        version=__version__,
    )


def _enter(server: Server, response: Response, new: NewSession) -> SessionShape:
    response.set_cookie(
        COOKIE,
        new.token,
        max_age=LIFETIME_MS // 1000,
        httponly=True,
        samesite="lax",
        secure=server.is_secure,
        path="/",
    )
    return SessionShape(person=_show_me(new.person), csrf_token=new.csrf_token, needs_setup=False, version=__version__)


@router.get("/session")
def get_session(request: Request, server: ServerNow) -> SessionShape:
    """Who is logged in, and the token that writes need."""
    return _show_session(server, find_caller_of(request, server))


@router.post("/session", dependencies=[SameOrigin])
def start_session(body: LoginRequest, request: Request, response: Response, server: ServerNow) -> SessionShape:
    """Log in."""
    place = request.client.host if request.client else "unknown"
    new = log_in(server.database, body.email, body.password, place, server.now())
    if new is None:
        raise Refusal(401, "wrong_password", "The address or the password is wrong.")
    return _enter(server, response, new)


@router.delete("/session", status_code=204)
def end_session(caller: CallerNow, server: ServerNow, response: Response) -> None:
    """Log out."""
    with server.database.write() as session:
        end_sessions(session, caller.now_ms, session_id=caller.session_id)
    response.delete_cookie(COOKIE, path="/")


@router.delete("/session/all", status_code=204)
def end_all_sessions(caller: CallerNow, server: ServerNow, response: Response) -> None:
    """Log out everywhere."""
    with server.database.write() as session:
        end_sessions(session, caller.now_ms, person_id=caller.person_id)
    response.delete_cookie(COOKIE, path="/")


@router.post("/invitations/look", dependencies=[SameOrigin])
def look_at_invitation(body: LookRequest, server: ServerNow) -> InvitationShape:
    """What a one-time link is for."""
    with server.database.read() as session:
        row = find_invitation(session, body.token, server.now())
        project = session.get(Project, row.project_id) if row.project_id else None
        return InvitationShape(
            kind=row.kind,
            project_name=project.name if project else None,
            role=row.role,
            email=row.email,
            person_exists=has_address(session, row.email) or row.kind == "password",
            expires_at=str(format_time(row.expires_at_ms)),
        )


@router.post("/invitations/accept", dependencies=[SameOrigin])
def use_invitation(body: AcceptRequest, request: Request, response: Response, server: ServerNow) -> SessionShape:
    """Use a one-time link: become a person, join a project, set a new password."""
    caller = find_caller_of(request, server)
    with server.database.read() as session:
        find_invitation(session, body.token, server.now())
    hashed = make_password_hash(body.password, body.email or "") if body.password is not None else None
    with server.database.write() as session:
        new = accept_invitation(
            session,
            body.token,
            server.now(),
            caller=caller,
            email=body.email,
            name=body.name,
            password_hash=hashed,
        )
    return _enter(server, response, new) if new else _show_session(server, caller)


@router.patch("/me")
def change_me(body: ChangeMeRequest, caller: CallerNow, server: ServerNow) -> MeShape:
    """Change one's name, password or preferences. A new password ends all other sessions."""
    hashed = _check_new_password(server, caller, body) if body.password is not None else None
    with server.database.write() as session:
        person = change_account(session, caller, name=body.name, preferences=body.preferences, password_hash=hashed)
        return _show_me(person)


def _check_new_password(server: Server, caller: Caller, body: ChangeMeRequest) -> str:
    """The hash of a new password, where the old one is right."""
    with server.database.read() as session:
        person = session.get_one(Person, caller.person_id)
    if not verify_password(body.old_password or "", person.password_hash):
        raise invalid_field("old_password", "is wrong")
    return make_password_hash(str(body.password), person.email)
