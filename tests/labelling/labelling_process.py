"""A server in a process of its own, which can be killed."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import httpx2


class ServerProcess:
    """``finegym serve`` on a workspace.

    Args:
        workspace: of the app.
        database: URL, or ``None`` for SQLite.
        max_file_bytes: no file of the process can grow beyond this, as on a full disk.
    """

    def __init__(self, workspace: Path, database: str | None = None, max_file_bytes: int | None = None) -> None:
        command = [sys.executable, "-m", "finegym", "serve", str(workspace), "--port", "0", "--json"]
        command += ["--database", database] if database else []

        def limit() -> None:
            if max_file_bytes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, resource.RLIM_INFINITY))

        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.started = json.loads(line)
        self.url = self.started["url"].replace("localhost", "127.0.0.1")

    def lift_limit(self) -> None:
        """There is room again."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def kill(self) -> None:
        """As the system does when memory runs out: without a word."""
        self.process.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> str:
        """In good order; what it said on stderr."""
        self.process.send_signal(signal.SIGINT)
        return self._wait()

    def _wait(self) -> str:
        _, errors = self.process.communicate(timeout=60)
        return errors

    def make_client(self, person) -> httpx2.Client:
        """The browser of somebody who is logged in."""
        headers = {"X-CSRF-Token": person.client.headers["X-CSRF-Token"]}
        cookies = dict(person.client.cookies)
        return httpx2.Client(base_url=self.url, headers=headers, cookies=cookies, timeout=30)
