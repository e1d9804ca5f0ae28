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
from sqlalchemy.orm import Session

from finegym.labelling import ingest_jobs, job_queue, parse_jobs
from finegym.labelling.clock import Now
from finegym.labelling.database import Database
from finegym.labelling.tables.projects import Job
from finegym.workspace import Workspace

log = logging.getLogger("finegym.labelling")
LOOK_S = 1.0
KINDS = {"ingest": ingest_jobs, "parse": parse_jobs}


class BackgroundJobs:
    """A thread that runs jobs one after the other."""

    def __init__(self, database: Database, workspace: Workspace, now: Now) -> None:
        self._database, self._workspace, self._now = database, workspace, now
        self._wake, self._is_over = threading.Event(), False
        self._thread: threading.Thread | None = None
        self._job_id = ""
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

    def end(self, job_id: str) -> None:
        """Stop work on a job that is cancelled; where it only waited, there is none to stop."""
        process = self._process
        if process is not None and self._job_id == job_id:
            process.terminate()

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
                job = _read_unless_cancelled(session, job_id)
                if job is None:
                    return
                job.state, job.finished_at_ms = "failed", self._now()
                job.error = f"The server has a fault ({type(error).__name__}); it is in its log."

    def _claim(self) -> str | None:
        with self._database.write() as session:
            job = job_queue.find_next(session)
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
            self._job_id, self._process = job_id, process
            if self._is_cancelled(job_id):  # since it was claimed: then nobody has ended a process yet
                process.terminate()
            assert process.stdin is not None and process.stdout is not None
            with contextlib.suppress(BrokenPipeError):  # it has ended; why, is found below
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
                    self._keep_progress(job_id, last["progress"])
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()
            if watcher.is_alive():
                watcher.join()  # or it might count once more after the job is done
            last_words = _read_end(errors)
        self._process = None
        if self._is_over and "report" not in last:
            self._queue_again(job_id)
            return
        self._finish(job_id, last, last_words)

    def _watch(self, job_id: str, process: subprocess.Popen[str]) -> None:
        """Count finished records while the worker is at work."""
        before = -1
        while process.poll() is None and not self._is_over:
            done = len(set(self._workspace.list_record_ids()) & set(self._names))
            if done != before:
                before, total = done, len(self._names)
                self._keep_progress(job_id, {"done": done, "total": total, "text": f"{done} of {total} records"})
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=LOOK_S)

    def _keep_progress(self, job_id: str, progress: dict[str, Any]) -> None:
        with self._database.write() as session:
            job = _read_unless_cancelled(session, job_id)
            if job is not None:
                job.progress = progress

    def _queue_again(self, job_id: str) -> None:
        with self._database.write() as session:
            job = _read_unless_cancelled(session, job_id)
            if job is not None:
                job.state = "queued"

    def _is_cancelled(self, job_id: str) -> bool:
        with self._database.write() as session:
            return _read_unless_cancelled(session, job_id) is None

    def _finish(self, job_id: str, last: dict[str, Any], last_words: str) -> None:
        with self._database.write() as session:
            job = _read_unless_cancelled(session, job_id)
            if job is None:
                return
            job.finished_at_ms = self._now()
            if "report" not in last:
                job.state, job.error = "failed", str(last.get("error") or _describe_end(job_id, last_words))
                return
            job.state = "done"
            KINDS[job.kind].finish(session, self._workspace, job, last, self._now())


def _read_unless_cancelled(session: Session, job_id: str) -> Job | None:
    """The job at work, locked; what a lead has cancelled meanwhile stays as she left it."""
    job = session.get_one(Job, job_id, with_for_update=True)
    return None if job.state == "cancelled" else job


def _describe_end(job_id: str, last_words: str) -> str:
    """One line for the lead; all of it stands in the server's log."""
    log.error("the process of job %s ended:\n%s", job_id, last_words)
    lines = last_words.strip().splitlines() or ["without a word"]
    return f"the process ended: {lines[-1][-300:]} (more in the server's log)"


def _read_end(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
    return file.read().decode("utf-8", "replace")
