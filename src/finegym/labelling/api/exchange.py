"""Import and export of files."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from finegym.labelling.access import get_project, require_role
from finegym.labelling.api.dependencies import CallerNow, Content, IdPath, ServerNow, describe_content
from finegym.labelling.codebooks import get_codebook
from finegym.labelling.exchange import ExportFormat, export_project
from finegym.labelling.import_files import ImportFormat, read_videos
from finegym.labelling.imports import import_videos, show_left_out
from finegym.labelling.values import Word

router = APIRouter(tags=["exchange"])


class LeftOutShape(BaseModel):
    """What was not taken."""

    why: str
    count: int
    first: str


class ImportedShape(BaseModel):
    """What was taken, and what was not."""

    records: int
    actions: int
    sub_actions: int
    elements: int
    left_out: list[LeftOutShape]


@router.get("/projects/{project_id}/export", response_class=Response)
def get_export(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    form: Annotated[ExportFormat, Query(alias="format")] = "official",
    what: Literal["accepted", "latest"] = "accepted",
) -> Response:
    """The results as a file, for those who see all work."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead", "reviewer", "viewer"])
        exported = export_project(session, get_project(session, project_id), form, what)
    headers = {
        "content-disposition": f'attachment; filename="{exported.name}"',
        **({"x-finegym-first-left-out": quote(exported.left_out[0])} if exported.left_out else {}),
        **({"x-finegym-first-old-label": quote(exported.old_labels[0])} if exported.old_labels else {}),
        **{f"x-finegym-{name.replace('_', '-')}": str(number) for name, number in exported.counts.items()},
    }
    return Response(exported.content, media_type=exported.media_type, headers=headers)


@router.post("/projects/{project_id}/import", openapi_extra=describe_content("application/octet-stream"))
def post_import(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    content: Content,
    form: Annotated[ImportFormat, Query(alias="format")],
    state: Literal["accepted", "open"] = "open",
    record: Word | None = None,
) -> ImportedShape:
    """Take annotations in from a file, for leads."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
        codebook, _ = get_codebook(session, get_project(session, project_id))
    videos = read_videos(content, form, codebook, record)
    with server.database.write() as session:
        project = get_project(session, project_id, lock=True)
        tally = import_videos(session, server.workspace, caller, project, videos, state)
    return ImportedShape.model_validate(
        {
            "records": tally.records,
            "actions": tally.actions,
            "sub_actions": tally.sub_actions,
            "elements": tally.elements,
            "left_out": list(show_left_out(tally)),
        }
    )
