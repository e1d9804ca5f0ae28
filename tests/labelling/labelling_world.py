"""A small annotation app for tests: records that were really ingested, people with roles, and a client each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from fastapi.testclient import TestClient

from finegym.codebook.model import Codebook, DecisionTree, Element, Event, Leaf, Node, Query, Set
from finegym.codebook.yaml_text import format_codebook
from finegym.labelling.api.app import create_app
from finegym.labelling.api.server import Server
from finegym.labelling.database import open_database
from finegym.labelling.invitations import make_first_link
from finegym.labelling.records import add_records
from finegym.video.ingest.record import Settings
from finegym.video.ingest.rules import Rules
from finegym.video.ingest.run import ingest
from finegym.workspace import Workspace

PASSWORD = "correct horse 9"


def make_codebook() -> Codebook:
    """Two events, three sets, trees with a dead end."""
    return Codebook(
        name="tiny",
        version="1",
        sport="gymnastics",
        events=(Event("VT", "vault", 1), Event("BB", "balance beam", 3)),
        sets=(
            Set("VT-S1", "VT", "VT_round_off"),
            Set("BB-S1", "BB", "BB_turns"),
            Set("BB-S2", "BB", "BB_leaps"),
        ),
        elements=(
            Element("v1", "VT-S1", "round-off, tucked"),
            Element("v2", "VT-S1", "round-off, stretched"),
            Element("t1", "BB-S1", "half turn"),
            Element("t2", "BB-S1", "full turn, tucked"),
            Element("t3", "BB-S1", "full turn"),
            Element("l1", "BB-S2", "split leap"),
            Element("l2", "BB-S2", "leap with half turn"),
        ),
        queries=(
            Query("q_turn", "Is there a turn?"),
            Query("q_half", "Is it half a turn?"),
            Query("q_tuck", "Is the body tucked?"),
        ),
        trees=(
            DecisionTree("VT-S1", Node("q_tuck", Leaf("v1"), Leaf("v2"))),
            DecisionTree(
                "BB-S1",
                Node("q_turn", Node("q_half", Leaf("t1"), Node("q_tuck", Leaf("t2"), Leaf("t3"))), Leaf(None)),
            ),
            DecisionTree("BB-S2", Node("q_turn", Leaf("l2"), Leaf("l1"))),
        ),
    )


def write_video(path: Path, num_frames: int, rate: Fraction | int) -> Path:
    """A small video in which every frame differs."""
    rng = np.random.default_rng(num_frames)
    base = rng.integers(60, 190, (72, 96, 3), np.uint8)
    with av.open(str(path), "w") as media:
        stream = media.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": "32", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        stream.codec_context.thread_count = 1
        for number in range(num_frames):
            picture = np.roll(base, number, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, 1 / Fraction(rate)
            media.mux(stream.encode(frame))
        media.mux(stream.encode(None))
    return path


def ingest_records(folder: Path) -> Workspace:
    """A workspace with two records: 40 s at 25, 24 s at 29.97 frames a second; chunks of 24 s that overlap by 6 s."""
    media = folder / "media"
    media.mkdir()
    write_video(media / "alpha.mp4", 1000, 25)
    write_video(media / "beta.mp4", 720, Fraction(30000, 1001))
    workspace = Workspace(folder / "workspace")
    settings = Settings(chunk_minutes=0.4, overlap_s=6)
    run = ingest([media], workspace, rules=Rules(), settings=settings, show_progress=False)
    assert sorted(run.done) == ["alpha", "beta"]
    return workspace


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now_ms = 1_764_338_400_000

    def __call__(self) -> int:
        self.now_ms += 1
        return self.now_ms


@dataclass
class Person:
    """Somebody with a browser."""

    id: str
    email: str
    client: TestClient

    def call(self, method: str, path: str, expected: int | None = None, **arguments: Any) -> Any:
        """A request; the answer as JSON where the status is the expected one (any good one by default)."""
        response = self.client.request(method, path, **arguments)
        is_right = response.status_code == expected if expected else response.status_code < 400
        assert is_right, f"{method} {path}: {response.status_code} {response.text[:800]}"
        is_json = response.content and response.headers.get("content-type") == "application/json"
        return response.json() if is_json else response

    def get(self, path: str, expected: int | None = None, **arguments: Any) -> Any:
        return self.call("GET", path, expected, **arguments)

    def post(self, path: str, body: Any = None, expected: int | None = None, **arguments: Any) -> Any:
        return self.call("POST", path, expected, json={} if body is None else body, **arguments)

    def save(self, pass_id: str, version: int | str, *operations: dict[str, Any], expected: int | None = None) -> Any:
        """Send operations."""
        match = version if version == "*" else f'"{version}"'
        return self.post(
            f"/api/passes/{pass_id}/operations",
            {"operations": list(operations)},
            expected,
            headers={"If-Match": match},
        )

    def review(self, pass_id: str, decision: str, expected: int | None = None, text: str | None = None) -> Any:
        """Accept or return."""
        body: dict[str, Any] = {"uuid": make_uuid(), "decision": decision}
        if text:
            body["comment"] = {"text": text, "frame": 10}
        return self.post(f"/api/passes/{pass_id}/review", body, expected, headers={"If-Match": "*"})


def make_uuid() -> str:
    """As a client makes them."""
    return str(uuid.uuid4())


def make_operation(kind: str, based_on: int | None = None, **payload: Any) -> dict[str, Any]:
    """An operation with a new id."""
    return {"uuid": make_uuid(), "kind": kind, "payload": payload, "based_on": based_on}


def create(start: int, end: int, label: str | None = None, level: str = "action", parent: str | None = None) -> dict:
    """A new segment."""
    payload = {"segment_id": make_uuid(), "level": level, "start_frame": start, "end_frame": end}
    payload |= {"parent_id": parent} if parent else {}
    payload |= {"label": label} if label else {}
    return make_operation("create_segment", **payload)


@dataclass
class World:
    """A running app.

    Attributes:
        server: it.
        clock: its clock.
        people: by role.
        project_id: of the project that they are in.
    """

    server: Server
    clock: Clock
    app: Any
    people: dict[str, Person] = field(default_factory=dict)
    project_id: str = ""

    def make_client(self) -> TestClient:
        """Another browser. Faults of the server reach the test."""
        return TestClient(self.app, base_url="http://localhost")

    def __getattr__(self, name: str) -> Person:
        if name in self.__dict__.get("people", {}):
            return self.people[name]
        raise AttributeError(name)

    def remember(self) -> dict[str, Any]:
        """Who is logged in how, so that a copy of the database can be gone on with."""
        people = {
            name: (one.id, one.email, dict(one.client.cookies), one.client.headers["X-CSRF-Token"])
            for name, one in self.people.items()
        }
        return {"people": people, "project_id": self.project_id, "now_ms": self.clock.now_ms}

    def go_on(self, remembered: dict[str, Any]) -> None:
        """The people of another world on the same database."""
        self.project_id, self.clock.now_ms = remembered["project_id"], remembered["now_ms"]
        for name, (id_, email, cookies, token) in remembered["people"].items():
            client = self.make_client()
            client.cookies.update(cookies)
            client.headers["X-CSRF-Token"] = token
            self.people[name] = Person(id_, email, client)

    def set_up(self) -> None:
        """The first administrator, a project, and somebody of every role."""
        with self.server.database.write() as session:
            link = make_first_link(session, self.clock())
        assert link is not None
        self.people["admin"] = self.enter(link.token, "admin")
        project = self.people["admin"].post(
            "/api/projects", {"name": "Worlds", "codebook_yaml": format_codebook(make_codebook())}
        )
        self.project_id = project["id"]
        for name, role in (
            ("lead", "lead"),
            ("reviewer", "reviewer"),
            ("ann", "annotator"),
            ("bob", "annotator"),
            ("viewer", "viewer"),
        ):
            self.people[name] = self.invite(name, role)
        with self.server.database.write() as session:
            outcome = add_records(session, self.server.workspace, self.project_id, ["alpha", "beta"], self.clock())
        assert set(outcome.values()) == {"added"}, outcome

    def invite(self, name: str, role: str, project_id: str | None = None) -> Person:
        """Somebody new in the project."""
        path = f"/api/projects/{project_id or self.project_id}/invitations"
        link = self.people["admin"].post(path, {"role": role})
        return self.enter(link["token"], name)

    def enter(self, token: str, name: str) -> Person:
        """Use a one-time link."""
        client = self.make_client()
        body = {"token": token, "email": f"{name}@example.org", "name": name.title(), "password": PASSWORD}
        answer = client.post("/api/invitations/accept", json=body)
        assert answer.status_code == 200, answer.text
        session = answer.json()
        client.headers["X-CSRF-Token"] = session["csrf_token"]
        return Person(session["person"]["id"], session["person"]["email"], client)

    def change_settings(self, **changes: Any) -> None:
        """Other rules."""
        path = f"/api/projects/{self.project_id}"
        settings = self.people["lead"].get(path)["settings"] | changes
        self.people["lead"].call("PATCH", path, json={"settings": settings}, headers={"If-Match": "*"})

    def list_items(self, **query: Any) -> list[dict[str, Any]]:
        """Items as the lead sees them."""
        return self.people["lead"].get(f"/api/projects/{self.project_id}/items", params=query)["items"]

    def take(self, person: Person, stage: str, **where: Any) -> Any:
        """The pass of somebody on the first open item that fits."""
        items = [
            item
            for item in self.list_items(stage=stage, state="open")
            if all((item["record"]["name"] if key == "record" else item[key]) == value for key, value in where.items())
        ]
        return person.post(f"/api/items/{items[0]['id']}/passes")

    def finish(self, person: Person, detail: Any, *operations: dict[str, Any]) -> Any:
        """Save, sign off, and have it accepted."""
        version = detail["version"]
        if operations:
            version = person.save(detail["id"], version, *operations)["version"]
        person.save(detail["id"], version, make_operation("sign_off"))
        return self.people["reviewer"].review(detail["id"], "accept")


def make_world(workspace: Workspace, url: str, folder: Path) -> World:
    """An app on an ingested workspace and an empty database."""
    place = Workspace(folder)
    folder.mkdir(exist_ok=True)
    if not place.ingest.exists():
        place.ingest.symlink_to(workspace.ingest, target_is_directory=True)
    clock = Clock()
    server = Server(open_database(url), place, public_url="http://localhost", now=clock)
    return World(server, clock, _get_app(server))


_APPS: list[Any] = []


def _get_app(server: Server) -> Any:
    """One application for all worlds, one after the other: building its routes takes longer than most tests."""
    if not _APPS:
        _APPS.append(create_app(server, with_jobs=False))
    _APPS[0].state.server = server
    return _APPS[0]
