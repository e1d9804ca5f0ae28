"""Guidelines and the stills and clips in them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator, BaseModel, Field

from finegym.labelling.access import get_project, require_role
from finegym.labelling.api.dependencies import CallerNow, Content, IdPath, SeenVersion, ServerNow, describe_content
from finegym.labelling.attachments import store_attachment
from finegym.labelling.guidelines import add_attachment, list_guidelines, put_guideline, show_guideline
from finegym.labelling.values import Line, Prose, Strict, Uuid, check_text

router = APIRouter(tags=["guidelines"])
Key = Annotated[str, Path(min_length=1, max_length=220)]


class GuidelineRef(BaseModel):
    """A page in the list."""

    key: str
    title: str
    updated_at: str
    version: int


class GuidelinesShape(BaseModel):
    """The pages that there are."""

    guidelines: list[GuidelineRef]


class GuidelineMedium(BaseModel):
    """A still or a clip. ``answer``: it shows what that answer to a query means."""

    id: str
    name: str
    type: str
    url: str
    caption: str
    answer: Literal["yes", "no"] | None


class GuidelineShape(BaseModel):
    """A page; its text is Markdown."""

    key: str
    title: str
    text: str
    media: list[GuidelineMedium]
    version: int
    updated_at: str


class MediumRequest(Strict):
    """An attachment on a page."""

    id: Uuid
    caption: Annotated[str, Field(max_length=500), AfterValidator(check_text)] = ""
    answer: Literal["yes", "no"] | None = None


class GuidelineRequest(Strict):
    """A page as it is to be."""

    title: Line
    text: Prose
    media: Annotated[list[MediumRequest], Field(max_length=100, default_factory=list)]


class AttachmentShape(BaseModel):
    """An attachment."""

    id: str
    name: str
    type: str
    url: str


@router.get("/projects/{project_id}/guidelines")
def get_guidelines(project_id: IdPath, caller: CallerNow, server: ServerNow) -> GuidelinesShape:
    """The pages of the guidelines."""
    with server.database.read() as session:
        require_role(session, caller, project_id)
        return GuidelinesShape.model_validate({"guidelines": list_guidelines(session, project_id)})


@router.get("/projects/{project_id}/guidelines/{key}")
def get_one_guideline(
    project_id: IdPath, key: Key, caller: CallerNow, server: ServerNow, response: Response
) -> GuidelineShape:
    """A page of the guidelines."""
    with server.database.read() as session:
        require_role(session, caller, project_id)
        shape = GuidelineShape.model_validate(show_guideline(session, server.links, caller, project_id, key))
    response.headers["ETag"] = f'"{shape.version}"'
    return shape


@router.put("/projects/{project_id}/guidelines/{key}")
def put_one_guideline(
    project_id: IdPath,
    key: Key,
    body: GuidelineRequest,
    seen: SeenVersion,
    caller: CallerNow,
    server: ServerNow,
) -> GuidelineShape:
    """Write a page; earlier versions stay. For leads. ``If-Match: "0"`` for a page that is not there yet."""
    with server.database.write() as session:
        get_project(session, project_id, lock=True)
        require_role(session, caller, project_id, ["lead"])
        media = [one.model_dump() for one in body.media]
        put_guideline(session, caller, project_id, key, seen, body.title, body.text, media)
        session.flush()
        return GuidelineShape.model_validate(show_guideline(session, server.links, caller, project_id, key))


@router.post(
    "/projects/{project_id}/attachments", status_code=201, openapi_extra=describe_content("application/octet-stream")
)
def post_attachment(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    content: Content,
    name: Annotated[Line, Query()],
) -> AttachmentShape:
    """Attach a picture or an MP4, for leads. What it is, its content says."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
    stored = store_attachment(server.links.attachments, content)
    with server.database.write() as session:
        row = add_attachment(session, caller, project_id, name, stored, len(content))
        session.flush()
        return AttachmentShape(
            id=row.id, name=row.name, type=row.media_type, url=server.links.link_attachment(caller, row)
        )
