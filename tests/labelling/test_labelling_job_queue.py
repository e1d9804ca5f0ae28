"""The queue of background jobs: who comes next, taking one out of it, and stopping the one at work."""

from __future__ import annotations

import json
import sys
import time

import pytest
from labelling_jobs import SAY, ask, wait

from finegym.labelling import parse_jobs

SLEEP = SAY.format(
    "print(json.dumps({'progress': {'done': 1, 'total': 4, 'text': 'at work'}}), flush=True);"
    "import time; time.sleep(60)"
)
REPORT = SAY.format("print(json.dumps({'report': {'done': ['alpha', 'beta'], 'there': [], 'failed': {}}}))")


def look(world, job):
    return world.lead.get(f"/api/jobs/{job['id']}")


def wait_until(world, job, is_so):
    deadline = time.monotonic() + 30
    while not is_so(found := look(world, job)):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def list_jobs(world):
    return world.lead.get(f"/api/projects/{world.project_id}/jobs")["jobs"]


def test_a_second_request_waits_and_says_for_how_many(own):
    first, second, third = (ask(own) for _ in range(3))
    assert [one["queue_place"] for one in (first, second, third)] == [1, 2, 3]
    assert second["progress"]["text"] == "2 records with tiny"
    assert [(one["id"], one["queue_place"]) for one in list_jobs(own)] == [
        (third["id"], 3),
        (second["id"], 2),
        (first["id"], 1),
    ]
    own.lead.post(f"/api/jobs/{second['id']}/cancel")
    assert [one["queue_place"] for one in list_jobs(own)] == [2, None, 1]


def test_one_that_waits_is_taken_out_before_it_begins(own, monkeypatch):
    monkeypatch.setattr(parse_jobs, "WORKER", (sys.executable, "-c", REPORT))
    first, second = ask(own), ask(own)
    cancelled = own.lead.post(f"/api/jobs/{first['id']}/cancel")
    assert (cancelled["state"], cancelled["progress"]["text"]) == ("cancelled", "cancelled by Lead before it began")
    assert cancelled["finished_at"] and cancelled["queue_place"] is None
    done, _ = wait(own, second)
    assert done["state"] == "done"
    assert (look(own, first)["state"], look(own, first)["started_at"]) == ("cancelled", None)
    events = own.lead.get(f"/api/projects/{own.project_id}/log")["events"]
    assert "Lead cancelled a job (parse) before it began." in [one["text"] for one in events]


def test_the_one_at_work_is_stopped_and_the_next_begins(either_own, monkeypatch, tmp_path):
    own = either_own
    switch = tmp_path / "second"
    code = f"import pathlib, sys; exec({SLEEP!r} if not pathlib.Path({str(switch)!r}).exists() else {REPORT!r})"
    monkeypatch.setattr(parse_jobs, "WORKER", (sys.executable, "-c", code))
    first, second = ask(own), ask(own)
    own.server.jobs.start()
    try:
        running = wait_until(own, first, lambda job: job["progress"]["text"] == "at work")
        assert (running["state"], look(own, second)["queue_place"]) == ("running", 1)
        switch.touch()
        own.lead.post(f"/api/jobs/{first['id']}/cancel")
        assert wait_until(own, second, lambda job: job["state"] not in ("queued", "running"))["state"] == "done"
    finally:
        own.server.jobs.stop()
    stopped = look(own, first)
    assert (stopped["state"], stopped["error"], stopped["progress"]["done"]) == ("cancelled", None, 1)
    assert stopped["progress"]["text"] == "cancelled by Lead while it was at work; what it had finished stays"


def test_what_is_over_cannot_be_cancelled(own, monkeypatch):
    monkeypatch.setattr(parse_jobs, "WORKER", (sys.executable, "-c", REPORT))
    job, _ = wait(own, ask(own))
    answer = own.lead.post(f"/api/jobs/{job['id']}/cancel", expected=409)
    assert (answer["code"], answer["error"]) == ("job_over", "This job is over already: it is done.")


@pytest.mark.parametrize(("name", "status"), [("ann", 403), ("viewer", 403), ("reviewer", 403)])
def test_only_leads_cancel(own, name, status):
    job = ask(own)
    own.people[name].post(f"/api/jobs/{job['id']}/cancel", expected=status)
    own.lead.post("/api/jobs/nothing/cancel", expected=404)
    assert look(own, job)["state"] == "queued"


def test_a_threshold_that_is_left_out_is_what_parsing_takes_by_itself(own, monkeypatch):
    from finegym.applications.parse import run as parse_run
    from finegym.applications.parse.interpreting import Thresholds
    from finegym.labelling import parse_worker

    seen = []
    monkeypatch.setattr("finegym.applications.bundle.open_bundle", lambda path: path)
    monkeypatch.setattr(parse_run, "is_parsed", lambda item, bundle, settings: seen.append(settings.thresholds) or True)
    said = []

    class Channel:
        def say(self, message):
            said.append(message)

    asked = {"workspace": str(own.server.workspace.folder), "bundle": "tiny"}
    asked["records"] = [{"name": "alpha", "path": "media/alpha.mp4", "seconds": 40.0}]
    given = {"min_score": None, "min_sub_score": None}
    for min_probability in (None, 0, 0.7):
        parse_worker.run({**asked, **given, "min_probability": min_probability}, Channel())
    assert seen == [Thresholds(), Thresholds(min_probability=0), Thresholds(min_probability=0.7)]
    assert said[-1] == {"report": {"done": [], "there": ["alpha"], "failed": {}}}


def test_a_request_without_thresholds_carries_none(own, monkeypatch):
    echo = SAY.format("print(json.dumps({'error': json.dumps([asked['min_probability'], asked['min_score']])}))")
    monkeypatch.setattr(parse_jobs, "WORKER", (sys.executable, "-c", echo))
    job, _ = wait(own, ask(own, min_probability=None))
    assert json.loads(job["error"]) == [None, None]


def test_progress_is_in_seconds_of_video_and_tells_the_steps_of_a_stage():
    from finegym.labelling.parse_worker import Teller
    from finegym.training.progress import Progress, follow_bars

    said = []

    class Channel:
        def say(self, message):
            said.append(message["progress"])

    now = iter(range(100))
    records = [{"name": "alpha", "seconds": 40.0}, {"name": "beta", "seconds": 60.0}]
    teller = Teller(Channel(), records, lambda: next(now))
    teller.tell_stage("localize")
    with follow_bars(teller.tell_step), Progress("snippets", 3, show=False) as bar:
        bar.advance()
        bar.advance(steps=2)
    teller.begin_record(1)
    teller.tell_stage("recognise")
    assert [(one["done"], one["total"]) for one in said] == [(0, 100), (0, 100), (0, 100), (64, 100)]
    assert said[1]["text"] == (
        "alpha: looking for routines (snippets: 1 of 3); step 1 of 5 of record 1 of 2; 0 of 100 s of video"
    )
    assert said[3]["text"] == "beta: recognising; step 3 of 5 of record 2 of 2; 64 of 100 s of video"


def test_steps_are_not_told_more_often_than_twice_a_second_but_the_last_always():
    from finegym.labelling.parse_worker import Teller

    said = []

    class Channel:
        def say(self, message):
            said.append(message["progress"]["text"])

    teller = Teller(Channel(), [{"name": "alpha"}], lambda: 5.0)
    teller.tell_stage("localize")
    for done in (1, 2, 3):
        teller.tell_step("snippets", done, 3)
    assert said == [
        "alpha: looking for routines; step 1 of 5",
        "alpha: looking for routines (snippets: 3 of 3); step 1 of 5",
    ]
