"""The codebook of a project: what can happen, the walk through its trees, and changing it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from finegym.errors import CodebookError
from finegym.labelling.access import REVIEWS, get_project, require_role
from finegym.labelling.api.dependencies import CallerNow, IdPath, ServerNow
from finegym.labelling.api.projects import Yaml
from finegym.labelling.codebooks import describe_codebook, get_codebook, get_codebook_version, read_asked_codebook
from finegym.labelling.operation_kinds import Answer
from finegym.labelling.rechecks import answer_recheck, change_codebook, show_rechecks
from finegym.labelling.refusals import invalid_field
from finegym.labelling.shapes import SegmentShape, WalkShape
from finegym.labelling.values import Strict, Word
from finegym.labelling.walks import Answered, follow_walk

router = APIRouter(tags=["codebook"])


class EventShape(BaseModel):
    """An event."""

    id: str
    name: str
    number: int | None


class SetShape(BaseModel):
    """A set."""

    id: str
    event_id: str
    name: str


class ElementShape(BaseModel):
    """An element."""

    id: str
    set_id: str
    name: str
    difficulty_code: str | None
    difficulty_value: float | None


class QueryShape(BaseModel):
    """A query."""

    id: str
    text: str


class CodebookShape(BaseModel):
    """A codebook. A tree is ``{query, yes, no}`` or ``{element}``, where ``null`` is "no such element"."""

    id: str
    number: int
    name: str
    version: str
    sport: str
    sha256: str
    events: list[EventShape]
    sets: list[SetShape]
    elements: list[ElementShape]
    queries: list[QueryShape]
    trees: dict[str, dict[str, Any]]


class ChangeCodebookRequest(Strict):
    """The codebook to work with from now on."""

    codebook: Word | None = None
    codebook_yaml: Yaml | None = None


class CodebookChange(BaseModel):
    """What a change of the codebook comes to. ``rechecks``: labels that somebody should look at again."""

    number: int
    diff: dict[str, Any]
    rechecks: int
    problems: list[str]


class WalkRequest(Strict):
    """Answers given so far."""

    set_id: Word
    path: Annotated[list[Answer], Field(max_length=100, default_factory=list)]


class RecheckShape(BaseModel):
    """A label whose path has changed."""

    id: str
    segment: SegmentShape
    pass_id: str
    item_id: str
    record_name: str
    reason: str
    old_path: list[dict[str, str]]
    new_path: list[dict[str, str]] | None
    old_codebook: int
    new_codebook: int
    state: Literal["open", "kept", "redo", "gone"]


class RechecksShape(BaseModel):
    """Labels to look at again."""

    rechecks: list[RecheckShape]


class RecheckAnswer(Strict):
    """``keep`` the label, or have the walk done again."""

    answer: Literal["keep", "redo"]


@router.get("/projects/{project_id}/codebook")
def get_project_codebook(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    number: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
) -> CodebookShape:
    """The codebook that a project works with, or an earlier one by its number."""
    with server.database.read() as session:
        require_role(session, caller, project_id)
        row = get_codebook_version(session, get_project(session, project_id), number)
        return CodebookShape.model_validate(describe_codebook(row))


@router.put("/projects/{project_id}/codebook")
def put_codebook(
    project_id: IdPath, body: ChangeCodebookRequest, caller: CallerNow, server: ServerNow, dry_run: bool = False
) -> CodebookChange:
    """Work with another codebook from now on, for leads; ``dry_run`` says what that would come to."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead"])
    codebook, yaml = read_asked_codebook(body.codebook, body.codebook_yaml)
    with server.database.write() as session:
        change = change_codebook(session, caller, project_id, codebook, yaml, is_trial=dry_run)
        return CodebookChange.model_validate(change)


@router.post("/projects/{project_id}/walk")
def walk_tree(project_id: IdPath, body: WalkRequest, caller: CallerNow, server: ServerNow) -> WalkShape:
    """Where answers lead: the next query, the elements left, or the end."""
    with server.database.read() as session:
        require_role(session, caller, project_id)
        codebook, _ = get_codebook(session, get_project(session, project_id))
    try:
        state = follow_walk(codebook, body.set_id, [Answered(step.query, step.answer) for step in body.path])
    except CodebookError as error:
        raise invalid_field("path", str(error)) from error
    query = codebook.query_by_id.get(state.next_query or "")
    return WalkShape(
        next_query={"id": query.id, "text": query.text} if query else None,
        candidates=list(state.candidates),
        element_id=state.element_id,
        is_complete=state.is_complete,
        is_dead_end=state.is_dead_end,
    )


@router.get("/projects/{project_id}/rechecks")
def get_rechecks(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    state: Literal["open", "kept", "redo", "gone"] = "open",
) -> RechecksShape:
    """Labels whose path a change of the codebook has changed."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ("lead", "reviewer", "viewer"))
        return RechecksShape.model_validate({"rechecks": show_rechecks(session, project_id, state)})


@router.post("/rechecks/{recheck_id}", status_code=204)
def post_recheck(recheck_id: IdPath, body: RecheckAnswer, caller: CallerNow, server: ServerNow) -> None:
    """Keep a label under the new codebook, or have its walk done again; for reviewers and leads."""
    with server.database.write() as session:
        answer_recheck(session, caller, recheck_id, body.answer, REVIEWS)
