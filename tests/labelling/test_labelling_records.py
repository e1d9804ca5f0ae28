"""Records that are ingested again: what people see follows, what they did stays."""

import shutil
import sys
import time

import pytest
from labelling_world import create, make_world

from finegym.labelling import ingest_jobs
from finegym.labelling.record_clock import read_record_clock
from finegym.labelling.records import add_records
from finegym.video.index_cache import read_index
from finegym.video.ingest.record import Settings, read_record, write_record
from finegym.video.ingest.rules import Rules
from finegym.video.ingest.run import ingest
from finegym.workspace import Workspace


@pytest.fixture
def own(ingested, sqlite_template, tmp_path):
    """A world whose workspace may be changed."""
    file, remembered = sqlite_template
    folder = tmp_path / "world"
    folder.mkdir()
    shutil.copytree(ingested.ingest, folder / "ingest")
    shutil.copy(file, folder / "finegym.db")
    world = make_world(ingested, f"sqlite:///{folder}/finegym.db", folder)
    world.go_on(remembered)
    yield world
    world.server.database.close()


def ingest_again(world, ingested, minutes):
    media = ingested.folder.parent / "media"
    settings = Settings(chunk_minutes=minutes, overlap_s=2)
    ingest([media], world.server.workspace, rules=Rules(), settings=settings, show_progress=False)
    with world.server.database.write() as session:
        return add_records(session, world.server.workspace, world.project_id, ["alpha", "beta"], world.clock())


def test_other_chunks_are_other_items_while_nobody_has_worked(own, ingested):
    outcome = ingest_again(own, ingested, 0.2)
    assert set(outcome.values()) == {"there; its items are the new chunks"}
    items = [one for one in own.list_items(stage="routines") if one["record"]["name"] == "alpha"]
    assert [(one["start_frame"], one["end_frame"]) for one in items] == [(0, 300), (250, 550), (500, 800), (750, 1000)]
    detail = own.take(own.ann, "routines", record="alpha", chunk=3)
    (clip,) = detail["media"]["clips"]
    assert own.ann.get(clip["map_url"])["frames"] == list(range(750, 1000))


def test_items_that_somebody_works_on_stay_and_are_shown_with_the_new_chunks(own, ingested):
    detail = own.take(own.ann, "routines", record="alpha", chunk=0)
    own.ann.save(detail["id"], 0, create(100, 580, "BB"))
    assert ingest_again(own, ingested, 0.2)["alpha"] == "there; somebody works on it, so its items stay as they were"
    page = own.ann.get(f"/api/passes/{detail['id']}")
    assert (page["item"]["start_frame"], page["item"]["end_frame"]) == (0, 600)
    assert [one["number"] for one in page["media"]["clips"]] == [0, 1, 2]
    frames = {frame for one in page["media"]["clips"] for frame in own.ann.get(one["map_url"])["frames"]}
    assert set(range(600)) <= frames
    own.ann.save(detail["id"], 1, create(590, 600, "BB"))


def test_other_content_under_the_same_name_is_told(own):
    place = own.server.workspace.get_record_file("alpha")
    found = read_record(place)
    write_record(place, found.model_copy(update={"media": found.media.model_copy(update={"sha256": "0" * 64})}))
    with own.server.database.write() as session:
        outcome = add_records(session, own.server.workspace, own.project_id, ["alpha"], own.clock())
    assert "other content" in outcome["alpha"]
    records = own.lead.get(f"/api/projects/{own.project_id}/records")["records"]
    assert [one["verdict"] for one in records] == ["changed", "accepted"]


def test_records_that_cannot_be_shown_say_why(own, tmp_path):
    place = own.server.workspace.get_record_file("alpha")
    found = read_record(place)
    for name, changes in (
        ("gamma", {"verdict": "disqualified", "reasons": ("too dark",)}),
        ("delta", {"has_proxies": False}),
    ):
        own.server.workspace.get_record_folder(name).mkdir()
        write_record(
            own.server.workspace.get_record_file(name), found.model_copy(update={"record_id": name, **changes})
        )
    with own.server.database.write() as session:
        names = ["gamma", "delta", "nothing"]
        outcome = add_records(session, own.server.workspace, own.project_id, names, own.clock())
    assert outcome == {
        "gamma": "disqualified: too dark",
        "delta": "has no proxies; ingest it again with proxies",
        "nothing": "ingest has no finished record of this name",
    }


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_the_clock_of_a_record_is_that_of_its_frame_index(ingested, name):
    """The second road: times from the maps beside the proxies, and from the file itself."""
    record = read_record(ingested.get_record_file(name))
    clock = read_record_clock(ingested, name, record.num_chunks, record.probe.clock.end_ms)
    index = read_index(Workspace(ingested.folder).find_path(record.media.path))
    assert clock.frames.tolist() == list(range(index.num_frames))
    assert clock.get_ms(index.num_frames) == round(index.end_ms)
    for frame in range(0, index.num_frames, 7):
        time_ms = clock.get_ms(frame)
        assert time_ms == round(index.pts_ms[frame])
        assert clock.find_frame(time_ms) == frame
        assert index.find_frames_between(time_ms, time_ms + 1).start == frame


@pytest.mark.parametrize(
    ("script", "state", "fact"),
    [
        ("sys.stderr.write('a frame is damaged\\n' * 50_000); print('{\"report\": {}, \"names\": []}')", "done", None),
        ("sys.stderr.write('x' * 100_000 + 'out of memory'); sys.exit(9)", "failed", "out of memory"),
        ("print('a library said something')", "failed", "has a fault (JSONDecodeError)"),
    ],
)
def test_a_worker_that_says_too_much_or_nonsense_leaves_no_job_running(own, monkeypatch, script, state, fact):
    monkeypatch.setattr(ingest_jobs, "WORKER", (sys.executable, "-c", f"import sys; sys.stdin.readline(); {script}"))
    world = own
    (world.server.workspace.folder / "new.mp4").write_bytes(b"x")
    job = world.lead.post(f"/api/projects/{world.project_id}/ingest", {"paths": ["new.mp4"]})
    world.server.jobs.start()
    try:
        deadline = time.monotonic() + 30
        while job["state"] in ("queued", "running"):
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
            job = world.lead.get(f"/api/jobs/{job['id']}")
    finally:
        world.server.jobs.stop()
    assert job["state"] == state
    assert fact is None or fact in job["error"]
