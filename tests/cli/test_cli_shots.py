"""The verb ``finegym video shots``: table, JSON, page, and files that are no video."""

import json
import sys
from pathlib import Path

import av
import pytest
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.errors import VideoError
from finegym.video.ingest.shots import read_shots

sys.path.insert(0, str(Path(__file__).parents[1] / "video" / "ingest"))
from edited_videos import Scene, wipe, write_frames

runner = CliRunner()


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    frames = wipe(Scene(61).show_all(60), Scene(62).show_all(60))
    return write_frames(tmp_path_factory.mktemp("shots") / "a record.mp4", [*frames, *Scene(63).show_all(40)])


def test_cuts_are_printed_with_kind_time_and_frame(record):
    result = runner.invoke(app, ["video", "shots", str(record)])
    assert result.exit_code == 0
    gradual, cut, last = result.stdout.splitlines()
    assert gradual.startswith("gradual") and "mixed from frame" in gradual
    assert cut.split()[:5] == ["cut", "4.800", "s", "frame", "120"]
    assert last == "2 cuts (1 gradual), 0 replay and 0 slow-motion candidates in 6.4 s"


def test_json_file_and_page(record, tmp_path):
    out, page = tmp_path / "shots.json", tmp_path / "shots.html"
    result = runner.invoke(app, ["video", "shots", str(record), "--json", "--out", str(out), "--page", str(page)])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["cuts"][1]["frame"] == 120
    assert [cut.frame for cut in read_shots(out).cuts][1] == 120
    html = page.read_text()
    assert "2 cuts (1 of them gradual)" in html and html.count("data:image/jpeg") == 1
    assert "2 of 2 cuts" in result.stderr


def test_a_page_that_leaves_cuts_out_says_so(record, tmp_path):
    page = tmp_path / "shots.html"
    result = runner.invoke(app, ["video", "shots", str(record), "--page", str(page), "--most-cuts", "1"])
    assert "1 of 2 cuts" in result.stderr
    assert "Shown are the 1 with the lowest scores" in page.read_text()


def test_what_is_no_video_is_said(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    result = runner.invoke(app, ["video", "shots", str(tmp_path / "a.mp4")])
    assert isinstance(result.exception, VideoError) and "a.mp4: is not a video" in str(result.exception)


def test_a_truncated_record_is_said(record, tmp_path):
    cut = tmp_path / "cut.mp4"
    av_copy_with_header_in_front(record, cut)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 6 // 10])
    result = runner.invoke(app, ["video", "shots", str(cut), "--json"])
    assert result.exit_code == 0
    assert "header promises 160" in result.stderr and "only what is there was looked at" in result.stderr


def av_copy_with_header_in_front(source, target):
    """The same packets in a file that says at its start what is to come, so that it can be read when cut."""
    with av.open(str(source)) as old, av.open(str(target), "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
