"""Ingest in the background: one job at a time, in a process of its own, started again where a server was killed."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from finegym.labelling.access import Caller, write_log
from finegym.labelling.clock import Now, format_time
from finegym.labelling.database import Database
from finegym.labelling.records import add_records
from finegym.labelling.refusals import Refusal, invalid_field
from finegym.labelling.tables.base import make_id
from finegym.labelling.tables.projects import Job
from finegym.workspace import Workspace

log = logging.getLogger("finegym.labelling")
LOOK_S = 1.0
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
    """Write a job down; ``IngestJobs`` finds it."""
    job = Job(
        id=make_id(),
        project_id=project_id,
        kind="ingest",
        state="queued",
        asked=asked,
        progress={"done": 0, "total": 0, "text": "waiting"},
        created_by=caller.person_id,
        created_at_ms=caller.now_ms,
    )
    session.add(job)
    text = f"{caller.name} started an ingest of {len(asked['paths'])} paths."
    write_log(session, caller.now_ms, "ingest", text, project_id=project_id, person_id=caller.person_id)
    return job


def describe_job(job: Job) -> dict[str, Any]:
    """A job as the API shows it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "created_at": format_time(job.created_at_ms),
        "started_at": format_time(job.started_at_ms),
        "finished_at": format_time(job.finished_at_ms),
        "progress": job.progress,
        "report": job.report,
        "error": job.error,
    }


class IngestJobs:
    """A thread that runs jobs one after the other."""

    def __init__(self, database: Database, workspace: Workspace, now: Now) -> None:
        self._database, self._workspace, self._now = database, workspace, now
        self._wake, self._is_over = threading.Event(), False
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._names: list[str] = []

    def start(self) -> None:
        """Begin; what a killed server left running is queued again."""
        with self._database.write() as session:
            for job in session.scalars(select(Job).where(Job.state == "running")):
                job.state = "queued"
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is a new job."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread and the process that is at work; the job goes on at the next start."""
        self._is_over = True
        self._wake.set()
        if self._process is not None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._is_over:
            try:
                job_id = self._claim()
                if job_id is not None:
                    self._try(job_id)
                    continue
            except Exception:
                log.exception("an ingest job met a fault")
            self._wake.wait(timeout=5)
            self._wake.clear()

    def _try(self, job_id: str) -> None:
        try:
            self._work(job_id)
        except Exception as error:  # whatever it was, the lead must not wait for a job that nobody works on
            log.exception("ingest job %s met a fault", job_id)
            if self._is_over:
                return  # it goes on at the next start
            with self._database.write() as session:
                job = session.get_one(Job, job_id)
                job.state, job.finished_at_ms = "failed", self._now()
                job.error = f"The server has a fault ({type(error).__name__}); it is in its log."

    def _claim(self) -> str | None:
        with self._database.write() as session:
            query = select(Job).where(Job.state == "queued").order_by(Job.created_at_ms).limit(1)
            job = session.scalar(query.with_for_update(skip_locked=True))
            if job is None:
                return None
            job.state, job.started_at_ms = "running", self._now()
            return job.id

    def _work(self, job_id: str) -> None:
        with self._database.read() as session:
            asked = dict(session.get_one(Job, job_id).asked)
        # Errors go to a file: a pipe that nobody reads is full after some hundred lines, and all stands still.
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process,
        ):
            self._process = process
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(json.dumps({**asked, "workspace": str(self._workspace.folder.resolve())}) + "\n")
            process.stdin.flush()
            watcher = threading.Thread(target=self._watch, args=(job_id, process), daemon=True)
            last: dict[str, Any] = {}
            for line in process.stdout:
                last = json.loads(line)
                if "total" in last:
                    self._names = list(last["names"])
                    watcher.start()
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()
            if watcher.is_alive():
                watcher.join()  # or it might count once more after the job is done
            last_words = _read_end(errors)
        self._process = None
        if self._is_over and "report" not in last:
            with self._database.write() as session:
                session.get_one(Job, job_id).state = "queued"
            return
        self._finish(job_id, last, last_words)

    def _watch(self, job_id: str, process: subprocess.Popen[str]) -> None:
        """Count finished records while the worker is at work."""
        before = -1
        while process.poll() is None and not self._is_over:
            done = len(set(self._workspace.list_record_ids()) & set(self._names))
            if done != before:
                before = done
                with self._database.write() as session:
                    total = len(self._names)
                    progress = {"done": done, "total": total, "text": f"{done} of {total} records"}
                    session.get_one(Job, job_id).progress = progress
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=LOOK_S)

    def _finish(self, job_id: str, last: dict[str, Any], last_words: str) -> None:
        with self._database.write() as session:
            job = session.get_one(Job, job_id)
            job.finished_at_ms = self._now()
            if "report" not in last:
                job.state, job.error = "failed", str(last.get("error") or f"the process ended: {last_words}")
                return
            outcome = add_records(session, self._workspace, job.project_id, last["names"], self._now())
            added = sum(text.startswith("added") for text in outcome.values())
            done = added + sum(text.startswith("there") for text in outcome.values())
            text = f"{done} of {len(outcome)} records in the project, {added} of them new"
            job.progress = {"done": done, "total": len(outcome), "text": text, "added": added}
            job.report = {**last["report"], "project": outcome}
            job.state = "done"


def _read_end(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
    return file.read().decode("utf-8", "replace")
