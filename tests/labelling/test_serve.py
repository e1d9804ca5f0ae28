"""``finegym serve`` and ``finegym label`` as people run them, ingest in the background included."""

import json
import shutil
import socket
import time
from pathlib import Path

import httpx2
import pytest
from labelling_process import ServerProcess
from labelling_world import make_codebook, write_video
from typer.testing import CliRunner

from finegym.annotations.annotation_json import format_annotation_json
from finegym.annotations.model import Action, Video
from finegym.cli.app import app
from finegym.codebook.yaml_text import format_codebook
from finegym.errors import ConfigError, FineGymError
from finegym.labelling.serve import serve

PASSWORD = "correct horse 9"


def run(*arguments, fails=None):
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if fails is not None:
        assert isinstance(result.exception, FineGymError), result.output
        assert fails in str(result.exception)
        return ""
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def wait_for(client, job):
    deadline = time.monotonic() + 120
    while job["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.3)
        job = client.get(f"/api/jobs/{job['id']}").json()
    return job


def set_up(server):
    """The first administrator's browser, and a project."""
    client = httpx2.Client(base_url=server.url, timeout=60)
    body = {
        "token": server.started["setup_url"].split("#")[1],
        "email": "ada@example.org",
        "name": "Ada",
        "password": PASSWORD,
    }
    client.headers["X-CSRF-Token"] = client.post("/api/invitations/accept", json=body).json()["csrf_token"]
    body = {"name": "Gym", "codebook_yaml": format_codebook(make_codebook())}
    return client, client.post("/api/projects", json=body).json()["id"]


def test_from_an_empty_folder_to_work_that_waits(tmp_path):
    """Start, enter, ingest a folder with a file that is no video, be killed in the middle, go on, label, export."""
    workspace = tmp_path / "gym"
    media = workspace / "recordings"
    media.mkdir(parents=True)
    write_video(media / "one.mp4", 300, 25)
    write_video(media / "two.mp4", 200, 25)
    (media / "text.mp4").write_text("no video")
    server = ServerProcess(workspace)
    client, project = set_up(server)
    assert "localhost" in server.started["url"]
    asked = {"paths": ["recordings"], "rules_toml": "min_height = 10\n"}
    job = client.post(f"/api/projects/{project}/ingest", json=asked).json()
    server.kill()  # whatever the job has done by now
    server = ServerProcess(workspace)
    try:
        assert server.started["setup_url"] is None  # there is somebody now
        client.base_url = server.url
        job = wait_for(client, client.get(f"/api/jobs/{job['id']}").json())
        assert job["state"] == "done", job
        assert job["report"]["project"] == {
            "one": "added",
            "two": "added",
            "text": "ingest has no finished record of this name",
        }
        assert len(job["report"]["this_run"]["failed"]) == 1
        assert job["progress"]["text"] == "2 of 3 records in the project, 2 of them new"
        again = wait_for(client, client.post(f"/api/projects/{project}/ingest", json=asked).json())
        assert [again["report"]["project"][name] for name in ("one", "two")] == ["there", "there"]
        bad = wait_for(
            client, client.post(f"/api/projects/{project}/ingest", json={**asked, "rules_toml": "x = 1"}).json()
        )
        assert bad["state"] == "failed"
        assert 'unknown key "x"' in bad["error"]
        names = [one["name"] for one in client.get(f"/api/projects/{project}/records").json()["records"]]
        assert names == ["one", "two"]
        page = client.get(f"/api/projects/{project}/ingest-report")
        assert "text.mp4" in page.text
        assert "script-src 'none'" in page.headers["content-security-policy"]
    finally:
        client.close()
        server.stop()

    listed = json.loads(run("label", "projects", workspace, "--json"))
    assert [(one["name"], one["counts"]["records"]) for one in listed] == [("Gym", 2)]
    video = Video("one", (Action("E_000001_000004", "BB", 1000, 4000),))
    (tmp_path / "in.json").write_text(format_annotation_json((video, Video("two", ())), make_codebook()) + "\n")
    told = run("label", "import", workspace, tmp_path / "in.json", "--state", "accepted")
    assert told == "imported 2 records, 1 actions, 0 sub-actions, 0 elements; left out 0\n"
    for form in ("official", "dataset", "csv", "webvtt"):
        told = run("label", "export", workspace, "--format", form, "--out", tmp_path / form)
        assert told == f"wrote {tmp_path / form}: 2 records, 1 actions, 0 sub-actions, 0 elements\n"
    assert (tmp_path / "official").read_text() == (tmp_path / "in.json").read_text()
    counts = json.loads(run("label", "export", workspace, "--out", tmp_path / "x.json", "--json"))
    assert counts["actions"] == 1
    told = json.loads(run("label", "import", workspace, tmp_path / "in.json", "--json"))
    assert told["left_out"] == {"actions of chunks that have work already": ["one_E_000001_000004"]}
    link = run("label", "link", workspace, "--email", "Ada@example.org", "--url", "https://x.org/").strip()
    assert link.startswith("https://x.org/invitation#")
    run("label", "link", workspace, "--email", "eve@example.org", fails="administrators: ada@example.org")
    run("label", "export", workspace, "--project", "Other", "--out", tmp_path / "y", fails="'Gym'")
    run("label", "import", workspace, tmp_path / "in.json", "--person", "eve@example.org", fails="no lead")
    run("label", "export", tmp_path, "--out", tmp_path / "y", fails="finegym serve")
    assert not (tmp_path / "y").exists()


def test_a_table_cannot_smuggle_in_files_from_elsewhere(tmp_path):
    workspace = tmp_path / "gym"
    workspace.mkdir()
    secret = write_video(tmp_path / "secret.mp4", 50, 25)
    (workspace / "table.csv").write_text(f"path\n{secret}\n")
    (workspace / "link.mp4").symlink_to(secret)
    server = ServerProcess(workspace)
    client, project = set_up(server)
    try:
        for path in ("table.csv", "link.mp4"):
            answer = client.post(f"/api/projects/{project}/ingest", json={"paths": [path]})
            if answer.status_code == 202:
                job = wait_for(client, answer.json())
                assert job["state"] == "failed"
                assert "outside of the server's media folders" in job["error"]
            else:
                assert answer.json()["problems"][0]["field"] == "paths"
    finally:
        client.close()
        server.stop()
    assert not list((workspace / "ingest").glob("*/record.json"))


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"host": "0.0.0.0"}, "--public-url https"),
        ({"host": "0.0.0.0", "public_url": "http://label.example.org"}, "--allow-http"),
        ({"media_roots": ["/nowhere"]}, "there is no such folder"),
    ],
)
def test_servers_that_would_be_open_to_everybody_do_not_start(tmp_path, changes, fact):
    given = {"host": "127.0.0.1", "port": 0, "public_url": None, "media_roots": [], "allow_http": False} | changes
    given["media_roots"] = [Path(one) for one in given["media_roots"]]
    with pytest.raises(ConfigError, match=fact):
        serve(tmp_path / "gym", database_url=None, tell=lambda _: pytest.fail("it started"), **given)


def test_a_port_in_use_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run("serve", tmp_path / "gym", "--port", port, fails="Choose another port")
    shutil.rmtree(tmp_path / "gym", ignore_errors=True)
