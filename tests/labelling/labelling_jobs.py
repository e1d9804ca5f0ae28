"""Background jobs of a small world, done by small programs instead of those that parse."""

from __future__ import annotations

import time
from typing import Any

SAY = "import sys, json; asked = json.loads(sys.stdin.readline()); {}"


def ask(world: Any, expected: int = 202, person: Any = None, **changes: Any) -> Any:
    """A job that parses both records."""
    path = f"/api/projects/{world.project_id}"
    ids = [one["id"] for one in world.lead.get(f"{path}/records")["records"]]
    body = {"record_ids": ids, "bundle": "tiny", **changes}
    return (person or world.lead).post(f"{path}/parses", body, expected)


def wait(world: Any, job: Any) -> tuple[Any, list[str]]:
    """The job when it is over, and all that was said on the way."""
    said = []
    world.server.jobs.start()
    try:
        deadline = time.monotonic() + 120
        while job["state"] in ("queued", "running"):
            assert time.monotonic() < deadline, job
            time.sleep(0.02)
            job = world.lead.get(f"/api/jobs/{job['id']}")
            said.append(job["progress"]["text"])
    finally:
        world.server.jobs.stop()
    return job, said
