"""The queue of background jobs as leads see it: which there are, which come first, and taking one out of it.

``BackgroundJobs`` works on it, a job at a time, whichever project a job is of: oldest first.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, require_role, write_log
from finegym.labelling.clock import format_time
from finegym.labelling.refusals import conflict, not_found
from finegym.labelling.tables.projects import Job


def list_jobs(session: Session, project_id: str) -> list[Job]:
    """The jobs of a project, newest first."""
    query = select(Job).where(Job.project_id == project_id).order_by(Job.created_at_ms.desc(), Job.id.desc())
    return list(session.scalars(query))


def get_job(session: Session, caller: Caller, job_id: str, *, lock: bool = False) -> Job:
    """A job, for the leads of its project.

    Raises:
        Refusal: 404, there is none; 403, the caller is no lead.
    """
    job = session.get(Job, job_id, with_for_update=lock)
    if job is None:
        raise not_found("job")
    require_role(session, caller, job.project_id, ["lead"])
    return job


def find_next(session: Session) -> Job | None:
    """The job that is to be worked on next, locked."""
    query = select(Job).where(Job.state == "queued").order_by(Job.created_at_ms, Job.id).limit(1)
    return session.scalar(query.with_for_update(skip_locked=True))


def find_place(session: Session, job: Job) -> int | None:
    """A job's place among those that wait, of all projects: 1 is the next. ``None``: it does not wait."""
    if job.state != "queued":
        return None
    is_older = or_(Job.created_at_ms < job.created_at_ms, and_(Job.created_at_ms == job.created_at_ms, Job.id < job.id))
    return 1 + (session.scalar(select(func.count(Job.id)).where(Job.state == "queued", is_older)) or 0)


def describe_job(session: Session, job: Job) -> dict[str, Any]:
    """A job as the API shows it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "queue_place": find_place(session, job),
        "created_at": format_time(job.created_at_ms),
        "started_at": format_time(job.started_at_ms),
        "finished_at": format_time(job.finished_at_ms),
        "progress": job.progress,
        "report": job.report,
        "error": job.error,
    }


def cancel_job(session: Session, caller: Caller, job_id: str) -> Job:
    """Take a job out of the queue, or say that the one at work is to stop (``BackgroundJobs.end`` does it).

    Raises:
        Refusal: 404 and 403 as for ``get_job``; 409, it is over.
    """
    job = get_job(session, caller, job_id, lock=True)
    if job.state not in ("queued", "running"):
        raise conflict("job_over", f"This job is over already: it is {job.state}.", state=job.state)
    what = "before it began" if job.state == "queued" else "while it was at work; what it had finished stays"
    job.state, job.finished_at_ms = "cancelled", caller.now_ms
    job.progress = {**job.progress, "text": f"cancelled by {caller.name} {what}"}
    text = f"{caller.name} cancelled a job ({job.kind}) {what}."
    write_log(session, caller.now_ms, job.kind, text, project_id=job.project_id, person_id=caller.person_id)
    return job
