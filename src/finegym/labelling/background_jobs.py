"""Long work in the background: one job at a time, in a process of its own, started again where a server was killed.

A kind of job is a module with ``WORKER``, the command of its process, and ``finish``, which stores what came of it. The
process gets what was asked for as one line of JSON on stdin, which stays open as long as the server lives. What happens
it says on stdout, a line of JSON each: ``{"total": n, "names": [...]}`` where the server shall count the records that
ingest has finished, ``{"progress": {"done", "total", "text"}}``, and at last ``{"report": ...}`` or ``{"error": ...}``.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import tempfile
import threading
from typing import IO, Any

from sqlalchemy import select

from finegym.labelling import ingest_jobs, parse_jobs
from finegym.labelling.clock import Now, format_time
from finegym.labelling.database import Database
from finegym.labelling.tables.projects import Job
from finegym.workspace import Workspace

log = logging.getLogger("finegym.labelling")
LOOK_S = 1.0
KINDS = {"ingest": ingest_jobs, "parse": parse_jobs}


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


class BackgroundJobs:
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
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
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
                log.exception("a job met a fault")
            self._wake.wait(timeout=5)
            self._wake.clear()

    def _try(self, job_id: str) -> None:
        try:
            self._work(job_id)
        except Exception as error:  # whatever it was, the lead must not wait for a job that nobody works on
            log.exception("job %s met a fault", job_id)
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
            job.state, job.error, job.started_at_ms = "running", None, self._now()
            return job.id

    def _work(self, job_id: str) -> None:
        with self._database.read() as session:
            job = session.get_one(Job, job_id)
            kind, asked = KINDS[job.kind], dict(job.asked)
        # Errors go to a file: a pipe that nobody reads is full after some hundred lines, and all stands still.
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                kind.WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
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
                elif "progress" in last:
                    with self._database.write() as session:
                        session.get_one(Job, job_id).progress = last["progress"]
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
                job.state, job.error = "failed", str(last.get("error") or _describe_end(job_id, last_words))
                return
            job.state = "done"
            KINDS[job.kind].finish(session, self._workspace, job, last, self._now())


def _describe_end(job_id: str, last_words: str) -> str:
    """One line for the lead; all of it stands in the server's log."""
    log.error("the process of job %s ended:\n%s", job_id, last_words)
    lines = last_words.strip().splitlines() or ["without a word"]
    return f"the process ended: {lines[-1][-300:]} (more in the server's log)"


def _read_end(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
    return file.read().decode("utf-8", "replace")
