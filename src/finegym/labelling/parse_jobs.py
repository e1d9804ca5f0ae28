"""Parsing records as a job in the background (``background_jobs``): what leads may ask for, and what becomes of it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, write_log
from finegym.labelling.parses import load_records
from finegym.labelling.refusals import conflict, invalid_field
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.projects import Job
from finegym.labelling.tables.records import Record
from finegym.workspace import Workspace

WORKER = (sys.executable, "-m", "finegym.labelling.parse_worker")
BUNDLE_SUFFIX = ".finegym"


def list_bundles(workspace: Workspace) -> list[str]:
    """Names of the bundles that leads may parse with."""
    return sorted(path.stem for path in workspace.bundles.glob(f"*{BUNDLE_SUFFIX}") if path.is_file())


def queue_parse(
    session: Session,
    workspace: Workspace,
    caller: Caller,
    project_id: str,
    record_ids: Sequence[str],
    asked: dict[str, Any],
) -> Job:
    """Write a job down; ``BackgroundJobs`` finds it.

    Raises:
        Refusal: a record or the bundle is not there, or nothing can be parsed on this server.
    """
    if importlib.util.find_spec("torch") is None:
        raise conflict(
            "no_torch",
            "Parsing needs PyTorch, which is not installed where the server runs. Install it there, or parse elsewhere "
            "and put what `finegym parse` writes into parses/ of the workspace.",
        )
    if asked["bundle"] not in list_bundles(workspace):
        raise invalid_field("bundle", "is not in bundles/ of the workspace", asked["bundle"])
    records = {row.id: row for row in load_records(session, project_id)}
    unknown = [id_ for id_ in record_ids if id_ not in records]
    if unknown:
        raise invalid_field("record_ids", "is no record of this project", unknown[0])
    chosen = [records[id_] for id_ in dict.fromkeys(record_ids)]
    job = Job(
        id=make_id(),
        project_id=project_id,
        kind="parse",
        state="queued",
        asked={**asked, "records": [_describe_record(row) for row in chosen]},
        progress={"done": 0, "total": len(chosen), "text": f"{_name_records(chosen)} with {asked['bundle']}"},
        created_by=caller.person_id,
        created_at_ms=caller.now_ms,
    )
    session.add(job)
    text = f"{caller.name} asked for {_name_records(chosen)} to be parsed with {asked['bundle']}."
    write_log(session, caller.now_ms, "parse", text, project_id=project_id, person_id=caller.person_id)
    return job


def _describe_record(row: Record) -> dict[str, Any]:
    return {"name": row.name, "path": row.media_path, "seconds": (row.end_ms - row.start_ms) / 1000}


def _name_records(rows: Sequence[Record]) -> str:
    return rows[0].name if len(rows) == 1 else f"{len(rows)} records"


def finish(session: Session, workspace: Workspace, job: Job, last: dict[str, Any], now_ms: int) -> None:
    """Say what was parsed; parses themselves are found where they lie."""
    report = last["report"]
    failed = report["failed"]
    done, there = len(report["done"]), len(report["there"])
    text = f"{done} parsed, {there} were parsed already, {len(failed)} failed"
    if failed:
        name, why = next(iter(failed.items()))
        text = f"{text}; {name}: {why}"
    job.progress = {"done": done + there, "total": done + there + len(failed), "text": text}
    job.report = report
    if failed and not done and not there:
        job.state, job.error = "failed", text
