"""Parsing records from the app: asked for by leads, done by another process, and what is said when it cannot be."""

import importlib.util
import json
import subprocess
import sys
import time

import pytest
from labelling_jobs import SAY, ask, wait

from finegym.labelling import parse_jobs
from finegym.labelling.background_jobs import BackgroundJobs


def test_a_job_says_how_far_it_is_and_what_came_of_each_record(own, monkeypatch):
    script = SAY.format(
        "print(json.dumps({'progress': {'done': 0, 'total': 2, 'text': asked['records'][0]['name']}}), flush=True);"
        "import time; time.sleep(0.5);"
        "print(json.dumps({'report': {'done': ['alpha'], 'there': [], 'failed': {'beta': asked['bundle']}}}))"
    )
    monkeypatch.setattr(parse_jobs, "WORKER", (sys.executable, "-c", script))
    job, said = wait(own, ask(own))
    assert job["state"] == "done" and "alpha" in said
    assert job["progress"] == {
        "done": 1,
        "total": 2,
        "text": "1 parsed, 0 were parsed already, 1 failed; beta: tiny",
    }


def test_a_job_that_is_cut_off_goes_on_at_the_next_start(own, monkeypatch):
    monkeypatch.setattr(parse_jobs, "WORKER", (sys.executable, "-c", SAY.format("import time; time.sleep(60)")))
    job = ask(own)
    own.server.jobs.start()
    deadline = time.monotonic() + 30
    while own.lead.get(f"/api/jobs/{job['id']}")["state"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    own.server.jobs.stop()
    assert own.lead.get(f"/api/jobs/{job['id']}")["state"] == "queued"
    script = SAY.format("print(json.dumps({'report': {'done': ['alpha', 'beta'], 'there': [], 'failed': {}}}))")
    monkeypatch.setattr(parse_jobs, "WORKER", (sys.executable, "-c", script))
    own.server.jobs = BackgroundJobs(own.server.database, own.server.workspace, own.server.now)
    job, _ = wait(own, job)
    assert (job["state"], job["error"], job["progress"]["done"]) == ("done", None, 2)


def test_a_bundle_that_is_none_fails_with_one_line(own):
    job, _ = wait(own, ask(own))
    assert job["state"] == "failed"
    assert "tiny.finegym" in job["error"] and "\n" not in job["error"].strip()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bundle": "other"}, "bundle"),
        ({"bundle": "../bundles/tiny"}, "bundle"),
        ({"record_ids": ["x"]}, "record_ids"),
        ({"record_ids": []}, "record_ids"),
        ({"min_score": 2}, "min_score"),
    ],
)
def test_what_is_not_there_cannot_be_asked_for(own, changes, field):
    assert ask(own, 422, **changes)["problems"][0]["field"] == field


def test_without_torch_the_lead_is_told_at_once(own, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    assert ask(own, 409)["code"] == "no_torch"


def test_the_worker_says_in_one_line_what_it_lacks(own):
    """A library that is missing there only shows when the worker starts."""
    hide = "import sys; sys.modules['torch'] = None; from finegym.labelling.parse_worker import main; main()"
    asked = {"workspace": str(own.server.workspace.folder), "bundle": "tiny", "records": []}
    asked |= {"min_score": 0.3, "min_sub_score": 0.3, "min_probability": 0.5}
    command = [sys.executable, "-c", hide]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        said = json.loads(process.stdout.readline())  # its stdin is open still, or it would end at once
    assert said == {"error": "parsing needs torch, which is not installed where the server runs"}


def test_leads_see_the_bundles_of_the_workspace(own):
    path = f"/api/projects/{own.project_id}/parses"
    (own.server.workspace.bundles / "notes.txt").write_text("x")
    assert own.lead.get(path)["bundles"] == ["tiny"]
    assert own.viewer.get(path)["bundles"] == []


def test_the_server_starts_without_torch():
    code = (
        "import finegym.labelling.api.app, sys; print([name for name in sys.modules if name.split('.')[0] == 'torch'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
