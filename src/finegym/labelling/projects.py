"""Projects and who works in them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from finegym.labelling.access import REVIEWS, Caller, get_project, get_role, require_role, write_log
from finegym.labelling.clock import format_time
from finegym.labelling.codebooks import add_codebook
from finegym.labelling.refusals import Refusal, conflict, invalid_field, not_found
from finegym.labelling.settings import ProjectSettings
from finegym.labelling.tables.adjudication import Comparison
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.gold import DriftAlarm, Exam
from finegym.labelling.tables.people import Invitation, Person
from finegym.labelling.tables.projects import CodebookVersion, Membership, Project
from finegym.labelling.tables.records import Item, Record


def create_project(session: Session, caller: Caller, name: str, yaml: str) -> Project:
    """A new project; who makes it leads it."""
    project = Project(
        id=make_id(),
        name=name,
        settings=ProjectSettings().model_dump(),
        codebook_id="",
        created_by=caller.person_id,
        created_at_ms=caller.now_ms,
    )
    codebook = add_codebook(session, project.id, 1, yaml, caller.person_id, caller.now_ms)
    project.codebook_id = codebook.id
    session.add(project)
    session.flush()
    set_role(session, project.id, caller.person_id, "lead", given_by=caller.person_id, now_ms=caller.now_ms)
    return project


def list_projects(session: Session, caller: Caller) -> list[Project]:
    """The projects that somebody is in; all of them for an admin."""
    query = select(Project).order_by(Project.created_at_ms, Project.id)
    if not caller.is_admin:
        query = query.join(Membership, Membership.project_id == Project.id).where(
            Membership.person_id == caller.person_id, Membership.until_ms.is_(None)
        )
    return list(session.scalars(query))


def read_settings(project: Project) -> ProjectSettings:
    """The rules of a project."""
    return ProjectSettings.model_validate(project.settings)


def change_project(
    session: Session,
    caller: Caller,
    project_id: str,
    version: int | None,
    name: str | None,
    settings: ProjectSettings | None,
) -> Project:
    """Give a project another name or other rules.

    Raises:
        Refusal: 412 where somebody else changed it in between.
    """
    project = get_project(session, project_id, lock=True)
    require_role(session, caller, project_id, ["lead"])
    if version is not None and version != project.version:
        raise Refusal(
            412,
            "version_conflict",
            "Somebody else changed the project in between.",
            version=project.version,
            theirs={"name": project.name, "settings": project.settings},
        )
    if name is not None:
        project.name = name
    if settings is not None:
        _check_settings(session, project_id, settings)
        project.settings = settings.model_dump()
    project.version += 1
    facts = {"name": name, "settings": settings.model_dump() if settings else None}
    write_log(
        session,
        caller.now_ms,
        "project",
        f"{caller.name} changed the project.",
        project_id=project_id,
        person_id=caller.person_id,
        **facts,
    )
    return project


def _check_settings(session: Session, project_id: str, settings: ProjectSettings) -> None:
    for stage, number in settings.annotators_per_item.items():
        if not 1 <= number <= 50:
            raise invalid_field(f"settings.annotators_per_item.{stage}", "must be 1 to 50", number)
    for event_id, number in settings.stages_of_event.items():
        if not 1 <= number <= 20:
            raise invalid_field(f"settings.stages_of_event.{event_id}", "must be 1 to 20", number)
    quality = settings.quality
    if quality.drift.bad_share >= quality.drift.good_share:
        raise invalid_field("settings.quality.drift.bad_share", "must be less than good_share", quality.drift.bad_share)
    if quality.pretested_stages:
        query = select(Exam.stage).where(
            Exam.project_id == project_id, Exam.kind == "pretest", Exam.retired_at_ms.is_(None)
        )
        stages = set(session.scalars(query))
        for stage in quality.pretested_stages:
            if stage not in stages:
                raise invalid_field("settings.quality.pretested_stages", f"stage {stage} has no pretest yet", stage)


def set_role(
    session: Session, project_id: str, person_id: str, role: str | None, *, given_by: str | None, now_ms: int
) -> None:
    """Give a role, or take it away; the old one stays in the table with its end.

    Raises:
        Refusal: 409 where the last lead would go.
    """
    current = session.scalar(
        select(Membership)
        .where(Membership.project_id == project_id, Membership.person_id == person_id, Membership.until_ms.is_(None))
        .with_for_update()
    )
    if current is not None and current.role == role:
        return
    if current is not None and current.role == "lead":
        leads = session.scalar(
            select(func.count()).where(
                Membership.project_id == project_id, Membership.role == "lead", Membership.until_ms.is_(None)
            )
        )
        if leads == 1:
            raise conflict("last_lead", "This is the project's only lead. Make somebody else a lead first.")
    if current is not None:
        current.until_ms = now_ms
    if role is not None:
        session.add(
            Membership(project_id=project_id, person_id=person_id, role=role, since_ms=now_ms, given_by=given_by)
        )
    text = f"A role was given: {role}." if role else "A role was taken away."
    write_log(session, now_ms, "role", text, project_id=project_id, person_id=given_by, whom=person_id, role=role)


def describe_project(session: Session, caller: Caller, project: Project) -> dict[str, Any]:
    """A project as the API shows it."""
    codebook, role = session.get_one(CodebookVersion, project.codebook_id), get_role(session, caller, project.id)
    states = dict(
        session.execute(
            select(Item.state, func.count())
            .where(Item.project_id == project.id, Item.purpose == "work")
            .group_by(Item.state)
        ).all()
    )
    records = session.scalar(select(func.count()).where(Record.project_id == project.id))
    return {
        "id": project.id,
        "name": project.name,
        "role": role,
        "version": project.version,
        "settings": read_settings(project).model_dump(),
        "codebook": {
            "id": codebook.id,
            "name": codebook.name,
            "version": codebook.version,
            "number": codebook.number,
            "sha256": codebook.sha256,
        },
        "counts": {
            "records": records or 0,
            "items": sum(number for state, number in states.items() if state != "void"),
            **{state: states.get(state, 0) for state in ("open", "submitted", "accepted")},
            **_count_waiting(session, project.id, role),
        },
        "created_at": format_time(project.created_at_ms),
    }


def _count_waiting(session: Session, project_id: str, role: str | None) -> dict[str, int]:
    """What waits for those who decide: items to adjudicate, and alarms about annotators."""
    if role not in REVIEWS:
        return {}
    query = select(func.count()).where(Comparison.project_id == project_id, Comparison.state == "adjudicate")
    counts = {"adjudicate": session.scalar(query) or 0}
    if role == "lead":
        query = select(func.count()).where(DriftAlarm.project_id == project_id, DriftAlarm.state == "open")
        counts["alarms"] = session.scalar(query) or 0
    return counts


def list_people(session: Session, project_id: str) -> list[dict[str, Any]]:
    """Who is in a project now."""
    rows = session.execute(
        select(Membership, Person)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.project_id == project_id, Membership.until_ms.is_(None))
        .order_by(Person.name, Person.id)
    )
    return [
        {"person": describe_person(person), "role": role.role, "since": format_time(role.since_ms)}
        for role, person in rows
    ]


def list_open_invitations(session: Session, project_id: str, now_ms: int) -> list[dict[str, Any]]:
    """Links into a project that nobody has used yet."""
    rows = session.execute(
        select(Invitation, Person.name)
        .outerjoin(Person, Person.id == Invitation.created_by)
        .where(
            Invitation.project_id == project_id,
            Invitation.used_at_ms.is_(None),
            Invitation.withdrawn_at_ms.is_(None),
            Invitation.expires_at_ms > now_ms,
        )
        .order_by(Invitation.created_at_ms)
    )
    return [
        {
            "id": row.id,
            "role": row.role,
            "email": row.email,
            "expires_at": format_time(row.expires_at_ms),
            "created_by": name,
        }
        for row, name in rows
    ]


def withdraw_invitation(session: Session, project_id: str, invitation_id: str, now_ms: int) -> None:
    """End a link."""
    row = session.get(Invitation, invitation_id)
    if row is None or row.project_id != project_id:
        raise not_found("invitation")
    row.withdrawn_at_ms = row.withdrawn_at_ms or now_ms


def describe_person(person: Person) -> dict[str, Any]:
    """A person as others in the project see them."""
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "is_admin": person.is_admin,
        "is_disabled": person.is_disabled,
        "created_at": format_time(person.created_at_ms),
    }
