"""The process that parses for the annotation app, with a bundle that really finds something."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from finegym.applications.parse.files import read_parse
from finegym.workspace import Workspace


@pytest.fixture
def workspace(tiny, tmp_path):
    """A record, a file that is none, and the bundle."""
    made = Workspace(tmp_path / "gym")
    made.records.mkdir(parents=True)
    made.bundles.mkdir()
    shutil.copy(tiny.dataset / "records" / "rec3.mp4", made.records / "rec3.mp4")
    (made.records / "broken.mp4").write_bytes(b"no video")
    shutil.copy(tiny.bundle, made.bundles / "tiny.finegym")
    return made


def run_worker(workspace: Workspace, *names: str) -> list[dict]:
    """What the worker says, line by line."""
    records = [{"name": name, "path": f"records/{name}.mp4"} for name in names]
    asked = {"workspace": str(workspace.folder), "bundle": "tiny", "records": records}
    asked |= {"min_score": 0.02, "min_sub_score": 0.0, "min_probability": 0.5}
    command = [sys.executable, "-m", "finegym.labelling.parse_worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        return [json.loads(line) for line in process.stdout]


def test_records_are_parsed_into_the_workspace_and_what_fails_is_named(workspace):
    *on_the_way, last = run_worker(workspace, "broken", "rec3")
    report = last["report"]
    assert (report["done"], report["there"], list(report["failed"])) == (["rec3"], [], ["broken"])
    assert "broken.mp4" in report["failed"]["broken"] and "\n" not in report["failed"]["broken"]
    texts = [one["progress"]["text"] for one in on_the_way]
    for text in (
        "rec3: looking for routines; step 1 of 5 of record 2 of 2",
        "rec3: recognising; step 3 of 5 of record",
    ):
        assert any(each.startswith(text) for each in texts), (text, texts)
    shares = [one["progress"]["done"] / one["progress"]["total"] for one in on_the_way]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] <= 1
    parse = read_parse(workspace.parses / "rec3" / "parse.json")
    assert parse.actions and (workspace.parses / "rec3" / "parse.html").is_file()
    before = (workspace.parses / "rec3" / "parse.json").stat().st_mtime_ns
    (again,) = run_worker(workspace, "rec3")
    assert again["report"] == {"done": [], "there": ["rec3"], "failed": {}}
    assert (workspace.parses / "rec3" / "parse.json").stat().st_mtime_ns == before
