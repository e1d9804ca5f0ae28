"""``finegym video``: what it prints and writes, and how it fails."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.errors import OutputError, VideoError
from finegym.video.index_cache import read_index
from finegym.video.reader import VideoReader

numbered = runpy.run_path(str(Path(__file__).parents[1] / "video" / "numbered.py"))


@pytest.fixture(autouse=True)
def _keep_indexes_apart(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FINEGYM_INDEX_FOLDER", str(tmp_path_factory.mktemp("indexes")))


@pytest.fixture
def video(tmp_path) -> Path:
    return numbered["write_numbered"](tmp_path / "a.mp4", 50, size=(320, 180))


def run(*arguments):
    result = CliRunner().invoke(app, ["video", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def read_image(path) -> int:
    return numbered["read_number"](cv2.imread(str(path))[:, :, ::-1])


def test_show_prints_the_facts(video):
    lines = dict(line.split("  ", 1) for line in run("show", video).stdout.splitlines())
    facts = {name.strip(): value.strip() for name, value in lines.items()}
    assert facts["num frames"] == "50"
    assert facts["codec"] == "h264"
    assert facts["fps average"] == "25.0"
    assert facts["has audio"] == "no"
    assert facts["rotation"] == "0"
    assert facts["damage"] == "none"


def test_show_json_is_for_machines(video):
    facts = json.loads(run("show", video, "--json", "--no-cache").stdout)
    assert (facts["width"], facts["height"], facts["num_frames"], facts["end_ms"]) == (320, 180, 50, 2000.0)
    assert facts["is_constant_rate"] is True


def test_show_names_the_first_frame_that_is_lost(tmp_path):
    path = numbered["write_numbered"](tmp_path / "cut.mp4", 90, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    facts = json.loads(run("show", path, "--json").stdout)
    assert f"frame {facts['num_frames']} does not decode (header promises 90" in facts["damage"]


def test_a_text_file_is_one_line_on_stderr_and_exit_1(tmp_path):
    path = tmp_path / "-text.mp4"
    path.write_text("hello")
    command = [sys.executable, "-m", "finegym", "video", "show", "--", path.name]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("VideoError: -text.mp4: is not a video") and result.stderr.count("\n") == 1


def test_frames_writes_the_frame_that_is_shown(video, tmp_path):
    result = run("frames", video, "--at", "1.5", "--out", tmp_path / "still.png")
    assert "still.png: frame 37, shown from 1480 ms" in result.stdout
    assert read_image(tmp_path / "still.png") == 37


def test_frames_writes_several_by_time_and_number(video, tmp_path):
    name = tmp_path / "f-{frame}.png"
    result = run("frames", video, "--at", 0.2, "--frame", 7, "--short-side", 90, "--json", "--out", name)
    assert [still["frame"] for still in json.loads(result.stdout)] == [5, 7]
    assert read_image(tmp_path / "f-000005.png") == 5
    assert cv2.imread(str(tmp_path / "f-000007.png")).shape == (90, 160, 3)


def test_frames_without_a_frame_or_a_place_for_it_is_wrong_usage(video, tmp_path):
    assert run("frames", video, "--out", tmp_path / "a.png").exit_code == 2
    assert run("frames", video, "--frame", 1, "--frame", 2, "--out", tmp_path / "a.png").exit_code == 2


def test_frames_past_the_end_or_into_an_unknown_format_are_errors(video, tmp_path):
    with pytest.raises(VideoError, match="nothing is shown at 9000 ms: the video runs from 0 to 2000 ms"):
        run("frames", video, "--at", 9, "--out", tmp_path / "a.png")
    for name in ("a.docx", "a"):
        with pytest.raises(OutputError, match="expected a name that ends in"):
            run("frames", video, "--at", 1, "--out", tmp_path / name)


def test_frames_that_are_too_large_are_one_line(video, tmp_path):
    with pytest.raises(VideoError, match="pictures of 35556 x 20000 are too large, at most 250,000,000 pixels"):
        run("frames", video, "--frame", 3, "--short-side", 20_000, "--out", tmp_path / "a.png")


def test_check_names_the_frames_that_do_not_decode(tmp_path):
    options = {"x264-params": "keyint=20:bframes=3:b-adapt=0:b-pyramid=none:scenecut=0"}
    path = numbered["write_numbered"](tmp_path / "a.mp4", 60, options=options)
    result = run("check", path)
    assert (result.exit_code, result.stdout) == (0, f"{path}: 60 frames, all decode\n")
    index = read_index(path)
    data = bytearray(path.read_bytes())
    # A B-frame that nothing is made from, and a P-frame from which the rest of its group is made: I B B B P B B B P …
    for frame in (5, 32):
        position, size = index.position[frame], index.packet_bytes[frame]
        data[position + 5 : position + size] = b"\xff" * (size - 5)
    path.write_bytes(data)
    result = run("check", path, "--json")
    assert result.exit_code == 1
    (facts,) = json.loads(result.stdout)
    # The B-frames before frame 32 in time are made from it too.
    assert facts["damaged"] == [[5, 6], [29, 40]]
    result = run("check", path, tmp_path / "gone.mp4")
    assert result.exit_code == 1
    assert f"{path}: frames 5 to 5 (0.200 to 0.200 s) do not decode" in result.stdout
    assert "there is no such file" in result.stdout
    with VideoReader(path) as reader:
        assert numbered["read_numbers"](reader.read_frames([4, 6, 28, 40])) == [4, 6, 28, 40]
