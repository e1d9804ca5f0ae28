"""The work without a server: what ``finegym label`` does, on the same database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.errors import LabellingError
from finegym.files import replace_file
from finegym.labelling.access import Caller
from finegym.labelling.clock import read_clock_ms
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.database import Database, make_sqlite_url, open_database
from finegym.labelling.exchange import ExportFormat, export_project
from finegym.labelling.import_files import ImportFormat, read_videos
from finegym.labelling.imports import Imported, State, import_videos
from finegym.labelling.invitations import make_invitation
from finegym.labelling.projects import describe_project
from finegym.labelling.results import What
from finegym.labelling.tables.people import Person
from finegym.labelling.tables.projects import Membership, Project
from finegym.workspace import DATABASE_NAME, Workspace


@dataclass(frozen=True)
class Written:
    """A file that was exported, how much is in it, and where what is not in it stands."""

    path: Path
    counts: dict[str, int]
    left_out: tuple[str, ...]
    old_labels: tuple[str, ...]


@contextmanager
def open_existing(workspace: Path, database_url: str | None) -> Iterator[Database]:
    """The database of a workspace.

    Raises:
        LabellingError: there is none.
    """
    file = workspace / DATABASE_NAME
    if database_url is None and not file.is_file():
        raise LabellingError(f"{file}: there is no such database. Start the app once: finegym serve {workspace}")
    database = open_database(database_url or make_sqlite_url(file))
    try:
        yield database
    finally:
        database.close()


def find_project(session: Session, name: str | None) -> Project:
    """A project by its name or id; the only one where no name is given.

    Raises:
        LabellingError: there is none, or more than one.
    """
    query = select(Project).order_by(Project.created_at_ms)
    found = session.scalars(query.where((Project.name == name) | (Project.id == name)) if name else query).all()
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{one.name!r} ({one.id})" for one in session.scalars(query)) or "none"
    what = f"projects called {name!r}" if name else "projects"
    raise LabellingError(f"expected one project, there are {len(found)} {what}; the database has {known}")


def list_all_projects(workspace: Path, database_url: str | None) -> list[dict[str, object]]:
    """Every project with its counts."""
    with open_existing(workspace, database_url) as database, database.read() as session:
        rows = session.scalars(select(Project).order_by(Project.created_at_ms)).all()
        return [describe_project(session, _make_caller(session, row, None), row) for row in rows]


def export_to_file(
    workspace: Path, database_url: str | None, project: str | None, form: ExportFormat, what: What, out: Path
) -> Written:
    """Write a project's results to a file, whole or not at all."""
    with open_existing(workspace, database_url) as database, database.read() as session:
        exported = export_project(session, find_project(session, project), form, what)
    with replace_file(out) as temporary:
        temporary.write_bytes(exported.content)
    return Written(out, exported.counts, exported.left_out, exported.old_labels)


def import_from_file(
    workspace: Path,
    database_url: str | None,
    project: str | None,
    file: Path,
    form: ImportFormat,
    state: State,
    record: str | None,
    person: str | None,
) -> Imported:
    """Take annotations in from a file, as the work of one of the project's leads."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise LabellingError(f"{file}: cannot be read: {error.strerror}") from error
    with open_existing(workspace, database_url) as database, database.write() as session:
        found = find_project(session, project)
        codebook, _ = get_codebook(session, found)
        caller = _make_caller(session, found, person)
        videos = read_videos(content, form, codebook, record)
        return import_videos(session, Workspace(workspace), caller, found, videos, state)


def make_login_link(workspace: Path, database_url: str | None, email: str) -> str:
    """The token of a one-time link to a new password, for somebody who cannot get in."""
    with open_existing(workspace, database_url) as database, database.write() as session:
        person = session.scalar(select(Person).where(Person.email == email.strip().lower()))
        if person is None:
            known = ", ".join(session.scalars(select(Person.email).where(Person.is_admin)))
            raise LabellingError(f"there is nobody with the address {email}; administrators: {known}")
        return make_invitation(session, "password", read_clock_ms(), person_id=person.id).token


def _make_caller(session: Session, project: Project, email: str | None) -> Caller:
    """One of the project's leads; whoever can open the database file is let in."""
    query = (
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(Membership.project_id == project.id, Membership.role == "lead", Membership.until_ms.is_(None))
        .order_by(Membership.since_ms)
    )
    person = session.scalar(query.where(Person.email == email.strip().lower()) if email else query)
    if person is None:
        raise LabellingError(f"{email or 'nobody'} is no lead of project {project.name!r}")
    return Caller(person.id, person.name, False, "", "", read_clock_ms())
