"""How far people agree, for the dashboards."""

from __future__ import annotations

from fastapi import APIRouter

from finegym.labelling.access import SEES_ALL_WORK, get_project, require_role
from finegym.labelling.api.dependencies import CallerNow, IdPath, ServerNow
from finegym.labelling.dashboards import show_agreement, show_quality
from finegym.labelling.quality_shapes import AgreementJson, QualityShape
from finegym.labelling.settings import Stage

router = APIRouter(tags=["quality"])


@router.get("/projects/{project_id}/quality")
def get_quality(project_id: IdPath, caller: CallerNow, server: ServerNow, stage: Stage) -> QualityShape:
    """Agreement over time, confusions, hardest queries, annotators, costs of one stage; for those who see all work."""
    with server.database.read() as session:
        require_role(session, caller, project_id, SEES_ALL_WORK)
        return show_quality(session, get_project(session, project_id), stage, caller.now_ms)


@router.get("/projects/{project_id}/quality/agreement")
def get_agreement(project_id: IdPath, caller: CallerNow, server: ServerNow, stage: Stage) -> AgreementJson:
    """Every table of agreement of one stage, as ``finegym quality agreement --json`` has it."""
    with server.database.read() as session:
        require_role(session, caller, project_id, SEES_ALL_WORK)
        return show_agreement(session, get_project(session, project_id), stage, caller.now_ms)
