"""Ingest as a job in the background (``background_jobs``): what leads may ask for, and what becomes of it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, write_log
from finegym.labelling.records import add_records
from finegym.labelling.refusals import Refusal, invalid_field
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.projects import Job
from finegym.workspace import Workspace

log = logging.getLogger("finegym.labelling")
WORKER = (sys.executable, "-m", "finegym.labelling.ingest_worker")


def check_paths(paths: Sequence[str], roots: Sequence[Path]) -> list[str]:
    """Paths that leads may ingest, from the root.

    Raises:
        Refusal: one lies outside of the media folders, or is not there.
    """
    return [str(_check_path(text, roots)) for text in paths]


def _check_path(text: str, roots: Sequence[Path]) -> Path:
    try:
        path = (Path(text) if Path(text).is_absolute() else roots[0] / text).resolve()
        is_there = path.exists()
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, links in a circle, odd characters
        raise _refuse_path(f"cannot be looked at: {error}"[:300], text) from error
    if not any(path.is_relative_to(root) for root in roots):
        raise _refuse_path("must lie in one of the server's media folders", text)
    if not is_there:
        raise _refuse_path("is not there", text)
    return path


def _refuse_path(why: str, text: str) -> Refusal:
    """Somebody who tries paths is seen in the log."""
    log.warning("refused path %s: %s", ascii(text[:500]), ascii(why)[1:-1])
    return invalid_field("paths", why, text[:500])


def queue_ingest(session: Session, caller: Caller, project_id: str, asked: dict[str, Any]) -> Job:
    """Write a job down; ``BackgroundJobs`` finds it."""
    job = Job(
        id=make_id(),
        project_id=project_id,
        kind="ingest",
        state="queued",
        asked=asked,
        progress={"done": 0, "total": 0, "text": _name_paths(asked["paths"])},
        created_by=caller.person_id,
        created_at_ms=caller.now_ms,
    )
    session.add(job)
    text = f"{caller.name} started an ingest of {len(asked['paths'])} paths."
    write_log(session, caller.now_ms, "ingest", text, project_id=project_id, person_id=caller.person_id)
    return job


def _name_paths(paths: Sequence[str]) -> str:
    return Path(paths[0]).name if len(paths) == 1 else f"{len(paths)} paths"


def finish(session: Session, workspace: Workspace, job: Job, last: dict[str, Any], now_ms: int) -> None:
    """Take the records into the project."""
    outcome = add_records(session, workspace, job.project_id, last["names"], now_ms)
    added = sum(text.startswith("added") for text in outcome.values())
    done = added + sum(text.startswith("there") for text in outcome.values())
    text = f"{done} of {len(outcome)} records in the project, {added} of them new"
    job.progress = {"done": done, "total": len(outcome), "text": text, "added": added}
    job.report = {**last["report"], "project": outcome}
