"""A model's suggestions: loading a predictions file, withdrawing it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from finegym.labelling.access import require_role
from finegym.labelling.api.dependencies import CallerNow, Content, IdPath, ServerNow, describe_content
from finegym.labelling.settings import Stage
from finegym.labelling.suggestions import describe_batches, load_suggestions_file, withdraw_batch
from finegym.labelling.values import Line

router = APIRouter(tags=["suggestions"])


class LeftOut(BaseModel):
    """What was not taken, and why."""

    why: str
    count: int


class LoadedShape(BaseModel):
    """What was loaded."""

    id: str
    name: str
    num_suggestions: int
    left_out: list[LeftOut]


class BatchShape(BaseModel):
    """A file of suggestions."""

    id: str
    name: str
    model: str
    stage: Stage
    sha256: str
    provenance: dict[str, Any]
    at: str
    withdrawn_at: str | None
    num_suggestions: int


class BatchesShape(BaseModel):
    """The files of suggestions of a project."""

    batches: list[BatchShape]


@router.post("/projects/{project_id}/suggestions", status_code=201, openapi_extra=describe_content("application/json"))
def post_suggestions(
    project_id: IdPath,
    caller: CallerNow,
    server: ServerNow,
    content: Content,
    name: Annotated[Line, Query()],
    stage: Annotated[Literal["routines", "sub-actions"], Query()],
    model: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    min_score: Annotated[float, Query(ge=0, le=1e9)] = 0.0,
) -> LoadedShape:
    """Load ActivityNet detection JSON as suggestions, for leads."""
    with server.database.write() as session:
        require_role(session, caller, project_id, ["lead"])
        batch, number, left_out = load_suggestions_file(
            session,
            server.workspace,
            caller,
            project_id,
            content,
            name=name,
            model=model,
            stage=stage,
            least_score=min_score,
        )
        reasons = [LeftOut(why=why, count=count) for why, count in left_out.items()]
        return LoadedShape(id=batch.id, name=batch.name, num_suggestions=number, left_out=reasons)


@router.get("/projects/{project_id}/suggestions")
def get_suggestions(project_id: IdPath, caller: CallerNow, server: ServerNow) -> BatchesShape:
    """The files that were loaded, for leads and reviewers."""
    with server.database.read() as session:
        require_role(session, caller, project_id, ["lead", "reviewer"])
        return BatchesShape.model_validate({"batches": describe_batches(session, project_id)})


@router.delete("/projects/{project_id}/suggestions/{batch_id}", status_code=204)
def delete_suggestions(project_id: IdPath, batch_id: IdPath, caller: CallerNow, server: ServerNow) -> None:
    """Show a file's suggestions no more, for leads."""
    with server.database.write() as session:
        require_role(session, caller, project_id, ["lead"])
        withdraw_batch(session, project_id, batch_id, caller.now_ms)
