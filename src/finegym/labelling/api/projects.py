"""Projects: made by admins, led by leads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from finegym.labelling.access import get_project, require_admin, require_role
from finegym.labelling.api.dependencies import CallerNow, IdPath, SeenVersion, ServerNow
from finegym.labelling.codebooks import read_asked_codebook
from finegym.labelling.passes import ANY_VERSION
from finegym.labelling.progress import ProgressShape, show_progress
from finegym.labelling.projects import change_project, create_project, describe_project, list_projects
from finegym.labelling.records import describe_records
from finegym.labelling.settings import ProjectSettings, Role
from finegym.labelling.values import Line, Strict, Word

router = APIRouter(tags=["projects"])
Yaml = Annotated[str, Field(max_length=2_000_000)]


class CodebookRef(BaseModel):
    """Which codebook a project works with."""

    id: str
    name: str
    version: str
    number: int
    sha256: str


class ProjectShape(BaseModel):
    """A project, and how much work there is."""

    id: str
    name: str
    role: Role | None
    version: int
    settings: ProjectSettings
    codebook: CodebookRef
    counts: dict[str, int]
    created_at: str


class ProjectsShape(BaseModel):
    """The projects that one is in."""

    projects: list[ProjectShape]


class NewProjectRequest(Strict):
    """A project to be: a built-in codebook by name, or one as YAML."""

    name: Line
    codebook: Word | None = None
    codebook_yaml: Yaml | None = None


class ChangeProjectRequest(Strict):
    """What is to change."""

    name: Line | None = None
    settings: ProjectSettings | None = None


class RecordShape(BaseModel):
    """A record of a project."""

    id: str
    name: str
    competition: str
    num_frames: int
    start_ms: int
    end_ms: int
    fps_average: float
    width: int
    height: int
    verdict: str
    num_chunks: int
    has_proxies: bool


class RecordsShape(BaseModel):
    """The records of a project."""

    records: list[RecordShape]


@router.get("/projects")
def get_projects(caller: CallerNow, server: ServerNow) -> ProjectsShape:
    """The projects that one is in; all of them for admins."""
    with server.database.read() as session:
        found = [describe_project(session, caller, row) for row in list_projects(session, caller)]
    return ProjectsShape.model_validate({"projects": found})


@router.post("/projects", status_code=201)
def make_project(body: NewProjectRequest, caller: CallerNow, server: ServerNow) -> ProjectShape:
    """Make a project, for admins."""
    require_admin(caller)
    _, yaml = read_asked_codebook(body.codebook, body.codebook_yaml)
    with server.database.write() as session:
        project = create_project(session, caller, body.name, yaml)
        return ProjectShape.model_validate(describe_project(session, caller, project))


@router.get("/projects/{project_id}")
def get_one_project(project_id: IdPath, caller: CallerNow, server: ServerNow, response: Response) -> ProjectShape:
    """A project."""
    with server.database.read() as session:
        require_role(session, caller, project_id)
        project = get_project(session, project_id)
        response.headers["ETag"] = f'"{project.version}"'
        return ProjectShape.model_validate(describe_project(session, caller, project))


@router.patch("/projects/{project_id}")
def change_one_project(
    project_id: IdPath, body: ChangeProjectRequest, seen: SeenVersion, caller: CallerNow, server: ServerNow
) -> ProjectShape:
    """Give a project another name or other rules, for leads."""
    with server.database.write() as session:
        require_role(session, caller, project_id)
        version = None if seen == ANY_VERSION else seen
        project = change_project(session, caller, project_id, version, body.name, body.settings)
        return ProjectShape.model_validate(describe_project(session, caller, project))


@router.get("/projects/{project_id}/records")
def get_records(project_id: IdPath, caller: CallerNow, server: ServerNow) -> RecordsShape:
    """The records of a project."""
    with server.database.read() as session:
        require_role(session, caller, project_id)
        return RecordsShape.model_validate({"records": describe_records(session, project_id)})


@router.get("/projects/{project_id}/progress")
def get_progress(project_id: IdPath, caller: CallerNow, server: ServerNow) -> ProgressShape:
    """How far the work is, by stage and by person; annotators see their own row."""
    with server.database.read() as session:
        role = require_role(session, caller, project_id)
        return show_progress(session, project_id, None if role != "annotator" else caller.person_id)
