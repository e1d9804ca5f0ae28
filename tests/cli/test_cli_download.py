"""``finegym video download``: what a person sees, and the exit status."""

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest

from finegym.cli import video_download
from finegym.video.download_site import YOUTUBE

IDS = ("-HvXd_vqJ5A", "_E21jlKax8M", "absent")


@contextmanager
def serve(folder):
    """Python's own file server, and what it was asked for."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass

        def do_GET(self):
            asked.append(self.path)
            if self.path == "/busy.mp4":
                self.send_error(429)
            else:
                super().do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/{{id}}.mp4", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    for id_ in IDS[:2]:
        with av.open(str(folder / f"{id_}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for _ in range(5):
                frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    with serve(folder) as served:
        yield served


@pytest.fixture
def run(tmp_path, site):
    """Run the verb as a person would; ids go into a file first."""

    def run_command(*options, ids=IDS):
        (tmp_path / "ids.txt").write_text("\n".join(ids) + "\n")
        words = ["ids.txt", "--out", "media", "--sleep", "0", "--retries", "0", "--url-template", site[0], *options]
        command = [sys.executable, "-m", "finegym", "video", "download", *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    return run_command


def test_missing_is_a_result_and_strict_makes_it_an_error(run, site, tmp_path):
    result = run()
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "media/download.csv: of 3 records 2 there, 1 missing, 0 failed"
    assert lines[1].startswith("asked for 3 in this run: 2 came, 1 missing, 0 failed; 0 retries; 0 left")
    assert lines[2].split(maxsplit=1) == ["1", "missing: not found (HTTP 404)"]
    assert "[1/3] -HvXd_vqJ5A: there, 64x48" in result.stderr
    assert (tmp_path / "media/-HvXd_vqJ5A.mp4").is_file()
    count = len(site[1])
    again = run("--strict")
    assert (again.returncode, len(site[1])) == (1, count)
    assert "asked for 0 in this run" in again.stdout


def test_json_is_for_machines(run):
    facts = json.loads(run("--json", "--limit", "2").stdout)
    assert facts == {
        "manifest": "media/download.csv",
        "there": list(IDS[:2]),
        "missing": {},
        "failed": {},
        "tried": list(IDS[:2]),
        "left": ["absent"],
        "num_retries": 0,
        "stopped": "",
    }


def test_a_dry_run_asks_nobody_and_writes_nothing(run, site, tmp_path):
    result = run("--dry-run", "--limit", "2")
    assert result.returncode == 0
    assert result.stdout.splitlines() == [f"{id_}\t{site[0].replace('{id}', id_)}" for id_ in IDS[:2]]
    assert "would ask for 2, leave 1 for another run; 0 there already" in result.stderr
    assert (site[1], (tmp_path / "media").exists()) == ([], False)
    assert json.loads(run("--dry-run", "--json").stdout)["there"] == []


def test_a_site_that_asks_to_wait_is_exit_status_1(run):
    result = run(ids=("busy", *IDS))
    assert result.returncode == 1
    assert "stopped early: the site asks to wait (HTTP 429). When that has passed, run the same" in result.stderr
    assert "3 left for another run" in result.stdout


def test_a_dead_network_is_exit_status_1(run):
    result = run("--url-template", "http://127.0.0.1:9/{id}")
    assert result.returncode == 1
    assert "none of the 3 records asked for came" in result.stderr
    assert "3 failed: network: connection refused" in result.stdout


@pytest.mark.parametrize(
    ("options", "ids", "fact"),
    [
        ((), ("../escape",), "cannot be the name of a file: '../escape'"),
        ((), ("https://youtu.be/abc",), "not addresses or paths"),
        ((), ("# nothing",), "names no record"),
        (("--url-template", "file:///{id}"), IDS, "--url-template"),
        (("--cookies", "nope.txt"), IDS, "--cookies nope.txt"),
        (("--out", "ids.txt"), IDS, "ids.txt: cannot be written"),
    ],
)
def test_wrong_input_is_one_clear_line(run, site, options, ids, fact):
    result = run(*options, ids=ids)
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert fact in result.stderr
    assert site[1] == []


def test_the_default_address_is_the_library_s():
    assert video_download.YOUTUBE == YOUTUBE
