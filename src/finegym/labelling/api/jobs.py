"""Ingest from the page: which files there are, the job, its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from finegym.labelling import job_queue
from finegym.labelling.access import get_project, require_role
from finegym.labelling.api.dependencies import CallerNow, IdPath, ServerNow
from finegym.labelling.exchange import find_known_routines
from finegym.labelling.ingest_jobs import check_paths, queue_ingest
from finegym.labelling.refusals import conflict, invalid_field, not_found
from finegym.labelling.values import Prose, Strict
from finegym.video.ingest.sources import MEDIA_SUFFIXES
from finegym.workspace import OWN_NAMES

router = APIRouter(tags=["ingest"])
PathText = Annotated[str, Field(min_length=1, max_length=4000)]


class FileShape(BaseModel):
    """A file on the server."""

    name: str
    size_bytes: int


class FolderShape(BaseModel):
    """A folder on the server, below one of its media folders."""

    roots: list[str]
    path: str
    folders: list[str]
    files: list[FileShape]


class IngestRequest(Strict):
    """What to ingest: files, folders or CSV tables below the media folders; relative ones below the workspace."""

    paths: Annotated[list[PathText], Field(min_length=1, max_length=1000)]
    chunk_minutes: Annotated[float, Field(ge=0.1, le=120)] = 10.0
    overlap_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    rules_toml: Prose | None = None
    routines: Literal["known"] | None = None
    """``known``: chunks end between the routines that the project knows of these records already."""


class JobShape(BaseModel):
    """A job in the background. ``queue_place`` among all that wait, of whatever project: 1 is the next."""

    id: str
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    queue_place: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    progress: dict[str, Any]
    report: dict[str, Any] | None
    error: str | None


class JobsShape(BaseModel):
    """The jobs of a project, newest first."""

    jobs: list[JobShape]


@router.get("/projects/{project_id}/media-folders")
def get_media_folders(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    path: Annotated[str | None, Query(max_length=4000)] = None,
) -> FolderShape:
    """What lies in a folder of media on the server, for leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
    if path is not None and "\0" in path:
        raise invalid_field("path", "must not contain the character NUL")
    folder = Path(check_paths([path or str(server.media_roots[0])], server.media_roots)[0])
    if not folder.is_dir():
        raise not_found("folder")
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))[:5000]
    own = OWN_NAMES if folder == server.media_roots[0] else ()  # what ingest itself passes by
    shown = [entry for entry in entries if _is_text(entry.name) and entry.name not in own]
    return FolderShape(
        roots=[str(root) for root in server.media_roots],
        path=str(folder),
        folders=[entry.name for entry in shown if entry.is_dir()],
        files=[FileShape(name=entry.name, size_bytes=entry.stat().st_size) for entry in shown if _can_come_in(entry)],
    )


def _can_come_in(entry: Path) -> bool:
    """A recording by its suffix, or a table of recordings: the database beside them is nobody's business."""
    return entry.suffix.lower() in {*MEDIA_SUFFIXES, ".csv"} and entry.is_file()


def _is_text(name: str) -> bool:
    """Whether JSON can hold a file's name."""
    return name == name.encode("utf-8", "replace").decode()


@router.post("/projects/{project_id}/ingest", status_code=202)
def start_ingest(project_id: IdPath, body: IngestRequest, caller: CallerNow, server: ServerNow) -> JobShape:
    """Ingest recordings in the background, for leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
    if any("\0" in path for path in body.paths):
        raise invalid_field("paths", "must not contain the character NUL")
    if body.overlap_s >= 60 * body.chunk_minutes:
        raise invalid_field("overlap_s", "must be shorter than a chunk", body.overlap_s)
    paths = check_paths(body.paths, server.media_roots)
    asked = {
        **body.model_dump(exclude={"paths", "routines"}),
        "paths": paths,
        "roots": [str(root) for root in server.media_roots],
    }
    with server.database.write() as session:
        project = get_project(session, project_id)
        if body.routines == "known":
            asked["routines"] = find_known_routines(session, project)
        job = queue_ingest(session, caller, project_id, asked)
        session.flush()
        shape = JobShape.model_validate(job_queue.describe_job(session, job))
    server.jobs.wake()
    return shape


@router.get("/projects/{project_id}/jobs")
def get_jobs(project_id: IdPath, caller: CallerNow, server: ServerNow) -> JobsShape:
    """The jobs of a project, for leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
        rows = job_queue.list_jobs(session, project_id)
        return JobsShape.model_validate({"jobs": [job_queue.describe_job(session, row) for row in rows]})


@router.get("/jobs/{job_id}")
def get_job(job_id: IdPath, caller: CallerNow, server: ServerNow) -> JobShape:
    """A job."""
    with server.database.read() as session:
        job = job_queue.get_job(session, caller, job_id)
        return JobShape.model_validate(job_queue.describe_job(session, job))


@router.post("/jobs/{job_id}/cancel")
def cancel_job(job_id: IdPath, caller: CallerNow, server: ServerNow) -> JobShape:
    """Take a job that waits out of the queue, or stop the one at work, for leads; what it has finished stays."""
    with server.database.write() as session:
        job = job_queue.cancel_job(session, caller, job_id)
        shape = JobShape.model_validate(job_queue.describe_job(session, job))
    server.jobs.end(job_id)
    return shape


@router.get("/projects/{project_id}/ingest-report", response_class=FileResponse)
def get_ingest_report(project_id: IdPath, caller: CallerNow, server: ServerNow) -> FileResponse:
    """The ingest report of the workspace as a page, for leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
    page = server.workspace.report_page
    if not page.is_file():
        raise conflict("no_report", "Nothing was ingested in this workspace yet.")
    # The page is ours, but names of files are in it: it may show pictures and styles of its own and run nothing else.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox allow-scripts; script-src 'none'"
    return FileResponse(page, media_type="text/html", headers={"content-security-policy": policy})
