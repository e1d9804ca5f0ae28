"""Parses in the app: which there are, the page of each, its files; started from here, and suggested to annotators."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response
from pydantic import BaseModel, Field

from finegym.applications.parse.page_media import PageClip, hash_script, replace_ending
from finegym.labelling.access import require_role
from finegym.labelling.api.dependencies import CallerNow, IdPath, ServerNow
from finegym.labelling.api.jobs import JobShape
from finegym.labelling.api.server import Server
from finegym.labelling.api.suggestions import LeftOut
from finegym.labelling.clock import format_time
from finegym.labelling.job_queue import describe_job
from finegym.labelling.media import find_chunks
from finegym.labelling.parse_jobs import list_bundles, queue_parse
from finegym.labelling.parse_suggestions import list_batches, suggest_parse
from finegym.labelling.parses import (
    FILES,
    PAGE_FILE,
    RecordParse,
    find_parse,
    list_parses,
    load_records,
    open_file,
    require_parse_reader,
)
from finegym.labelling.spreadsheets import guard_csv
from finegym.labelling.values import Strict, Word

router = APIRouter(tags=["parses"])
FileName = Literal["annotations.json", "chapters.vtt", "sub_actions.csv", "parse.json"]
# The page's own script, its pictures, and the app's media: nothing else, whatever the file in the folder holds.
_POLICY = (
    "default-src 'none'; script-src {script}; style-src 'unsafe-inline'; img-src data:; media-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-same-origin"
)


class ParsedRecord(BaseModel):
    """The record that was parsed. Not ``is_checked``: its media are gone, so that only the name says it is this one."""

    id: str
    name: str
    is_checked: bool


class ParseShape(BaseModel):
    """A parse in short. ``found`` counts routines by kind; ``points`` are those of the routines that have some."""

    id: str
    record: ParsedRecord
    parsed_at: str
    duration_ms: float
    whole: Literal["record", "sub-action"]
    bundle: str
    bundle_sha256: str
    is_trained_on_simulation: bool | None
    code_of_points: str
    warnings: list[str]
    found: dict[str, int]
    num_sub_actions: int
    num_unsure: int
    num_doubtful: int
    points: list[float]
    is_suggested: bool
    has_page: bool
    files: list[FileName]


class ParsesShape(BaseModel):
    """The parses of a project, newest first. For leads also what else lies in the folder, and the bundles there are."""

    parses: list[ParseShape]
    left_out: list[LeftOut]
    bundles: list[str]


Threshold = Annotated[float, Field(ge=0, le=1)]


class ParseRequest(Strict):
    """Which records to parse, with which of the workspace's bundles, and from how much on something is said.

    A threshold that is left out, or null, is what ``finegym parse`` takes by itself.
    """

    record_ids: Annotated[list[Word], Field(min_length=1, max_length=10_000)]
    bundle: Word
    min_score: Threshold | None = None
    min_sub_score: Threshold | None = None
    min_probability: Threshold | None = None


class SuggestedShape(BaseModel):
    """What became suggestions."""

    num_routines: int
    num_sub_actions: int
    num_unsure: int
    num_withdrawn: int
    left_out: list[LeftOut]


@router.get("/projects/{project_id}/parses")
def get_parses(project_id: IdPath, caller: CallerNow, server: ServerNow) -> ParsesShape:
    """The parses of a project's records; of blind work not for annotators."""
    with server.database.read() as session:
        role = require_parse_reader(session, caller, project_id)
        records = load_records(session, project_id)
        suggested = {(row.provenance["parse"]["record_id"], row.sha256) for row in list_batches(session, project_id)}
    listing = list_parses(server.workspace, records)
    left_out = [LeftOut(why=why, count=count) for why, count in listing.left_out.items()] if role == "lead" else []
    return ParsesShape(
        parses=[_show(one, (one.record.id, one.facts.sha256) in suggested) for one in listing.parses],
        left_out=left_out,
        bundles=list_bundles(server.workspace) if role == "lead" else [],
    )


@router.get("/projects/{project_id}/parses/{parse_id}/page", response_class=HTMLResponse)
def get_parse_page(project_id: IdPath, parse_id: IdPath, caller: CallerNow, server: ServerNow) -> HTMLResponse:
    """The page that `finegym parse` wrote, with the record's proxies in its player; to be shown in a frame."""
    one = _find(project_id, parse_id, caller, server)
    path = open_file(server.workspace, one.facts, PAGE_FILE)
    with server.database.read() as session:
        chunks = find_chunks(session, one.record.id, 0, one.record.num_frames)
    shown = server.links.show_media(caller, one.record, chunks)
    clips = [PageClip(clip.url, clip.start_ms, clip.end_ms) for clip in shown.clips]
    page = replace_ending(path.read_text(encoding="utf-8"), clips or [PageClip("", 0, one.facts.duration_ms)])
    headers = {"content-security-policy": _POLICY.format(script=hash_script()), "x-frame-options": "SAMEORIGIN"}
    return HTMLResponse(page, headers=headers)


@router.get("/projects/{project_id}/parses/{parse_id}/files/{name}", response_class=FileResponse)
def get_parse_file(
    project_id: IdPath, parse_id: IdPath, name: FileName, caller: CallerNow, server: ServerNow
) -> Response:
    """A file of a parse to keep: the official annotations, chapters, a table, or all of it for machines."""
    one = _find(project_id, parse_id, caller, server)
    path = open_file(server.workspace, one.facts, name)
    file = FileResponse(path, media_type=FILES[name], filename=f"{one.record.name}-{name.replace('_', '-')}")
    if FILES[name] != "text/csv":
        return file
    text = guard_csv(path.read_bytes().decode("utf-8", "replace"))
    headers = {"content-disposition": file.headers["content-disposition"]}
    return Response(text, media_type="text/csv", headers=headers)


@router.post("/projects/{project_id}/parses", status_code=202)
def start_parse(project_id: IdPath, body: ParseRequest, caller: CallerNow, server: ServerNow) -> JobShape:
    """Parse records in the background, for leads; what is parsed already with the same bundle stays."""
    with server.database.write() as session:
        require_role(session, caller, project_id, ["lead"])
        asked = body.model_dump(exclude={"record_ids"})
        job = queue_parse(session, server.workspace, caller, project_id, body.record_ids, asked)
        session.flush()
        shape = JobShape.model_validate(describe_job(session, job))
    server.jobs.wake()
    return shape


@router.post("/projects/{project_id}/parses/{parse_id}/suggestions", status_code=201)
def suggest_one_parse(project_id: IdPath, parse_id: IdPath, caller: CallerNow, server: ServerNow) -> SuggestedShape:
    """Suggest to annotators what a parse found, for leads; what earlier parses of the record suggested is withdrawn."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
    one = _find(project_id, parse_id, caller, server)
    with server.database.write() as session:
        require_role(session, caller, project_id, ["lead"])
        made = suggest_parse(session, server.workspace, caller, project_id, one)
    return SuggestedShape(
        num_routines=made.num_routines,
        num_sub_actions=made.num_sub_actions,
        num_unsure=made.num_unsure,
        num_withdrawn=made.num_withdrawn,
        left_out=[LeftOut(why=why, count=count) for why, count in made.left_out.items()],
    )


def _find(project_id: str, parse_id: str, caller: CallerNow, server: Server) -> RecordParse:
    with server.database.read() as session:
        require_parse_reader(session, caller, project_id)
        records = load_records(session, project_id)
    return find_parse(server.workspace, records, parse_id)


def _show(one: RecordParse, is_suggested: bool) -> ParseShape:
    facts = one.facts
    there = [name for name in FILES if (facts.folder / name).is_file()]
    return ParseShape.model_validate(
        {
            **{name: getattr(facts, name) for name in ParseShape.model_fields if hasattr(facts, name)},
            "record": {"id": one.record.id, "name": one.record.name, "is_checked": one.is_checked},
            "parsed_at": format_time(facts.parsed_at_ms),
            "is_suggested": is_suggested,
            "has_page": (facts.folder / PAGE_FILE).is_file(),
            "files": there,
        }
    )
