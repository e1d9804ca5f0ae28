"""A hundred annotators at once: how long a save takes, and whether every accepted save is in the database.

    python benchmarks/labelling_load.py                       # SQLite
    python benchmarks/labelling_load.py --database postgres   # a PostgreSQL of its own, from Debian's packages
    python benchmarks/labelling_load.py --database postgresql://user@host/empty_database

The server runs as ``finegym serve`` in a process of its own. Every simulated annotator has a chunk of her own and a
model of what she has saved; she waits (exponentially, ``--pause-s`` on average), then creates, moves, labels or deletes
a segment, and waits for the answer. At the end the server is stopped, and what lies in the database is compared with
what the annotators hold. To be held: no error, the 95th percentile of a save under 150 ms, nothing lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "labelling"))
from labelling_postgres import find_binaries, run_cluster
from labelling_world import make_codebook, write_video

from finegym.codebook.yaml_text import format_codebook
from finegym.labelling.access import Caller
from finegym.labelling.database import make_sqlite_url, open_database
from finegym.labelling.items import take_item
from finegym.labelling.projects import create_project, set_role
from finegym.labelling.records import add_records
from finegym.labelling.sessions import start_session
from finegym.labelling.tables.people import Person
from finegym.labelling.tables.records import Item
from finegym.labelling.tables.work import Operation, Segment
from finegym.video.ingest.record import Settings, read_record, write_record
from finegym.video.ingest.rules import Rules
from finegym.video.ingest.run import ingest
from finegym.workspace import Workspace

NUM_FRAMES = 1500


@dataclass
class Annotator:
    """One browser, and what it believes."""

    token: str
    csrf_token: str
    pass_id: str
    rng: random.Random
    version: int = 0
    segments: dict[str, tuple[int, int, str | None, int]] = field(default_factory=dict)
    saves_ms: list[float] = field(default_factory=list)
    saved_at_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def think(self) -> tuple[str, dict, int | None]:
        """The next change: kind, payload, the version of the row that it is made on."""
        free = [
            k for k in range(0, NUM_FRAMES - 20, 20) if k not in {one[0] // 20 * 20 for one in self.segments.values()}
        ]
        kind = self.rng.choices(["create", "move", "label", "delete"], [5, 3, 2, 1])[0]
        if not self.segments or (kind == "create" and free):
            start = self.rng.choice(free)
            payload = {
                "segment_id": str(uuid.uuid4()),
                "level": "action",
                "start_frame": start,
                "end_frame": start + 15,
            }
            return "create_segment", payload, None
        id_ = self.rng.choice(list(self.segments))
        start, _end, _, version = self.segments[id_]
        if kind == "label":
            return "set_label", {"segment_id": id_, "label": self.rng.choice(["VT", "BB"])}, version
        if kind == "delete":
            return "delete_segment", {"segment_id": id_}, version
        start = start // 20 * 20 + self.rng.randrange(5)
        return (
            "move_segment",
            {"segment_id": id_, "start_frame": start, "end_frame": start + self.rng.randrange(5, 15)},
            version,
        )

    def believe(self, answer: dict) -> None:
        """Take over what the server says."""
        self.version = answer["version"]
        for one in answer["segments"]:
            if one["is_deleted"]:
                self.segments.pop(one["id"], None)
            else:
                self.segments[one["id"]] = (one["start_frame"], one["end_frame"], one["label"], one["version"])


async def work(annotator: Annotator, url: str, until: float, seconds: float, pause_s: float, arrive_s: float) -> None:
    """Arrive; when everybody has, change, save, wait, until the time is over."""
    cookies, headers = {"finegym_session": annotator.token}, {"X-CSRF-Token": annotator.csrf_token}
    async with httpx2.AsyncClient(base_url=url, cookies=cookies, headers=headers, timeout=30) as client:
        await asyncio.sleep(annotator.rng.random() * arrive_s)
        await client.get("/api/session")  # opens the connection
        await asyncio.sleep(max(0.0, until - seconds - time.perf_counter()) + annotator.rng.expovariate(1 / pause_s))
        while time.perf_counter() < until:
            kind, payload, based_on = annotator.think()
            operation = {"uuid": str(uuid.uuid4()), "kind": kind, "payload": payload, "based_on": based_on}
            before = time.perf_counter()
            try:
                answer = await client.post(
                    f"/api/passes/{annotator.pass_id}/operations",
                    json={"operations": [operation]},
                    headers={"If-Match": f'"{annotator.version}"'},
                )
            except httpx2.HTTPError as error:
                annotator.errors.append(repr(error))
                continue
            annotator.saves_ms.append(1000 * (time.perf_counter() - before))
            annotator.saved_at_s.append(before)
            if answer.status_code == 200:
                annotator.accepted.append(operation["uuid"])
                annotator.believe(answer.json())
            else:
                annotator.errors.append(f"{answer.status_code} {answer.text[:200]}")
            await asyncio.sleep(annotator.rng.expovariate(1 / pause_s))


def prepare(folder: Path, database_url: str, num_annotators: int) -> list[Annotator]:
    """Records, people, sessions, and a pass each; the records share one small video's proxy and frame map."""
    workspace = Workspace(folder / "workspace")
    (folder / "media").mkdir()
    write_video(folder / "media" / "record.mp4", NUM_FRAMES, 25)
    ingest([folder / "media"], workspace, rules=Rules(), settings=Settings(), show_progress=False)
    found = read_record(workspace.get_record_file("record"))
    names = [f"record-{number:03d}" for number in range(num_annotators)]
    for name in names:
        target = workspace.get_record_folder(name)
        target.mkdir()
        for file in workspace.get_record_folder("record").iterdir():
            if file.name != "record.json":
                (target / file.name).hardlink_to(file)
        write_record(workspace.get_record_file(name), found.model_copy(update={"record_id": name}))
    database = open_database(database_url)
    now_ms = time.time_ns() // 1_000_000
    annotators = []
    with database.write() as session:
        people = [
            Person(email=f"{number}@example.org", name=f"Annotator {number}", created_at_ms=now_ms)
            for number in range(num_annotators)
        ]
        session.add_all(people)
        session.flush()
        lead = Caller(people[0].id, people[0].name, True, "", "", now_ms)
        project = create_project(session, lead, "Load", format_codebook(make_codebook()))
        add_records(session, workspace, project.id, names, now_ms)
        session.flush()
        items = session.scalars(select(Item).order_by(Item.position)).all()
        for number, (person, item) in enumerate(zip(people, items, strict=True)):
            if number:
                set_role(session, project.id, person.id, "annotator", given_by=people[0].id, now_ms=now_ms)
            new = start_session(session, person, now_ms)
            row = take_item(session, Caller(person.id, person.name, False, "", "", now_ms), item.id)
            annotators.append(Annotator(new.token, new.csrf_token, row.id, random.Random(number)))
    database.close()
    return annotators


def compare(database_url: str, annotators: list[Annotator]) -> list[str]:
    """Differences between the database and what the annotators hold."""
    database = open_database(database_url, migrate=False)
    differences = []
    with database.read() as session:
        stored = set(session.scalars(select(Operation.uuid)))
        accepted = {one for annotator in annotators for one in annotator.accepted}
        differences += [f"accepted and not stored: {one}" for one in accepted - stored]
        differences += [f"stored and not accepted: {one}" for one in stored - accepted]
        for annotator in annotators:
            rows = session.scalars(
                select(Segment).where(Segment.pass_id == annotator.pass_id, Segment.is_deleted.is_(False))
            )
            there = {row.id: (row.start_frame, row.end_frame, row.label, row.version) for row in rows}
            if there != annotator.segments:
                differences.append(f"pass {annotator.pass_id}: {there} and {annotator.segments}")
    database.close()
    return differences


def measure(folder: Path, database_url: str, arguments: argparse.Namespace) -> bool:
    """Prepare, run, compare, print."""
    annotators = prepare(folder, database_url, arguments.annotators)
    command = [sys.executable, "-m", "finegym", "serve", str(folder / "workspace"), "--port", "0", "--json"]
    server = subprocess.Popen(
        [*command, "--database", database_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    url = json.loads(server.stdout.readline())["url"].replace("localhost", "127.0.0.1")

    async def run() -> None:
        until = time.perf_counter() + arguments.arrive_s + arguments.seconds
        times = (until, arguments.seconds, arguments.pause_s, arguments.arrive_s)
        await asyncio.gather(*(work(one, url, *times) for one in annotators))

    before = time.process_time()
    asyncio.run(run())
    client_cpu_s = time.process_time() - before
    server_cpu_s = _read_cpu_s(server.pid)
    server.send_signal(signal.SIGINT)
    _, said = server.communicate(timeout=60)
    saves_ms = np.array([one for annotator in annotators for one in annotator.saves_ms])
    saved_at_s = np.array([one for annotator in annotators for one in annotator.saved_at_s])
    tenths = np.minimum((saved_at_s - saved_at_s.min()) / arguments.seconds * 10, 9).astype(int)
    over_time = [np.percentile(saves_ms[tenths == k], 95) for k in range(10) if (tenths == k).any()]
    errors = [one for annotator in annotators for one in annotator.errors]
    differences = compare(database_url, annotators)
    p50, p95, p99 = np.percentile(saves_ms, [50, 95, 99])
    print(
        f"{database_url.split(':')[0]}: {arguments.annotators} annotators, {arguments.seconds:g} s, "
        f"Python {platform.python_version()}"
    )
    print(f"saves {len(saves_ms)} ({len(saves_ms) / arguments.seconds:.1f} a second), errors {len(errors)}")
    print(f"a save: median {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, longest {saves_ms.max():.1f} ms")
    print(f"p95 in each tenth of the time: {' '.join(f'{one:.0f}' for one in over_time)} ms")
    a_save_ms = 1000 * server_cpu_s / len(saves_ms)
    print(f"CPU: server {server_cpu_s:.1f} s ({a_save_ms:.1f} ms a save), clients {client_cpu_s:.1f} s")
    print(f"differences between database and annotators: {len(differences)}")
    said_lines = [line for line in said.splitlines() if not line.startswith("interrupted")]
    for line in [*errors[:5], *differences[:5], *said_lines[:5]]:
        print(" ", line)
    return not errors and not differences


def _read_cpu_s(pid: int) -> float:
    """CPU time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", default="sqlite", help="sqlite, postgres, or a URL")
    parser.add_argument("--annotators", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause-s", type=float, default=2.0, help="of an annotator between two saves, on average")
    parser.add_argument("--arrive-s", type=float, default=10, help="within which they arrive; not measured")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="finegym-load-")))
        if arguments.database == "sqlite":
            url = make_sqlite_url(folder / "finegym.db")
        elif arguments.database == "postgres":
            binaries = find_binaries()
            if binaries is None:
                sys.exit("PostgreSQL is not installed (Debian: apt install postgresql)")
            url = stack.enter_context(run_cluster(binaries, is_durable=True)).format(database="postgres")
        else:
            url = arguments.database
        if not measure(folder, url, arguments):
            sys.exit(1)


if __name__ == "__main__":
    main()
