"""Files that are bad, odd or still being written: one clear line each, and the rest goes on."""

import random
import resource
import shutil
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from ingest_runs import DEEP, make_old, run
from numbered import write_numbered, write_sound

import finegym.video.ingest.item as item
from finegym.video.ingest.report import write_reports
from finegym.video.ingest.run import read_records


def test_a_file_that_grows_is_left_for_the_next_run(folder, workspace):
    growing = folder / "a.mp4"
    content = growing.read_bytes()
    script = (
        f"import time\nwith open({str(growing)!r}, 'r+b') as f:\n  f.seek(0, 2)\n"
        "  while True: f.write(b'x'); f.flush(); time.sleep(.02)"
    )
    writer = subprocess.Popen([sys.executable, "-c", script])
    try:
        while growing.stat().st_size == len(content):
            time.sleep(0.02)
        result = run(folder, workspace)
    finally:
        writer.kill()
        writer.wait()
    assert result.growing == {str(growing): "it grows"} and sorted(result.done) == ["b", "c"] and not result.failed
    assert not workspace.get_record_file("a").exists()
    growing.write_bytes(content)
    assert run(folder, workspace).done == ["a"]


@pytest.mark.parametrize("is_readable", [True, False])
def test_a_file_that_changes_while_it_is_read_is_left(folder, workspace, monkeypatch, is_readable):
    def change(path):
        with path.open("ab" if is_readable else "wb") as file:
            file.write(b"more")
        return original(path)

    original = item.read_packets
    monkeypatch.setattr(item, "read_packets", change)
    result = run(folder / "a.mp4", workspace)
    assert result.growing == {str(folder / "a.mp4"): "it changed while it was read"}
    assert not result.failed and not workspace.get_record_file("a").exists()


def write_bad_files(folder: Path) -> dict[str, str]:
    """Name → fact that its line must hold."""
    (folder / "text.mp4").write_text("hello")
    (folder / "zero.mp4").touch()
    write_sound(folder / "sound.mp4")
    whole = write_numbered(folder / "head.mp4", 50)  # its index is at the end
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (folder / "folder.mp4").mkdir()
    return {
        "text.mp4": "is not a video",
        "zero.mp4": "is empty (0 bytes)",
        "sound.mp4": "holds no video (it holds: audio)",
        "head.mp4": "cut off before its index was written",
    }


def test_bad_files_are_one_line_each_and_the_rest_goes_on(folder, workspace):
    facts = write_bad_files(folder)
    make_old(*(folder / name for name in facts))
    for name in ("mit Blanks und Ümläuten 体操.mp4", "-dash.mp4"):
        shutil.copy2(folder / "a.mp4", folder / name)
    result = run(folder, workspace, settings=DEEP)
    assert sorted(result.done) == ["-dash", "a", "b", "c", "mit_Blanks_und_Ümläuten_体操"]
    assert {Path(place).name for place in result.failed} == set(facts)
    for name, fact in facts.items():
        reason = result.failed[str(folder / name)]
        assert fact in reason and name in reason and "\n" not in reason
    report = write_reports(workspace, result)
    assert len(report["this_run"]["failed"]) == 4 and report["corpus"][-1]["num_failed"] == 4
    skipped = workspace.skipped_file.read_text("utf-8")
    assert all(name in skipped for name in facts)
    assert len(report["duplicates"]["pairs"]) == 2, "a, -dash and the third are the same file"
    again = run(folder, workspace, settings=DEEP)
    assert again.done == [] and len(again.kept) == 5 and set(again.failed) == set(result.failed)


def test_a_title_in_another_encoding_is_no_obstacle(folder, workspace):
    """Matroska titles are UTF-8 by rule; cameras and cutters write what they like."""
    path = folder / "titled.mkv"
    with av.open(str(folder / "a.mp4")) as old, av.open(str(path), "w") as new:
        new.metadata["title"] = "Finale XXXXXXX"
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"XXXXXXX", b"f\xfcr \x98\xe0!"))
    make_old(path)
    result = run(path, workspace, settings=DEEP)
    assert result.done == ["titled"] and result.failed == {}


@pytest.fixture
def little_memory():
    """Eight gigabytes more than this process has: an error, where a damaged number asks for all of the machine."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (8 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("seed", range(3))
def test_randomly_damaged_files_are_taken_or_fail_and_never_end_the_batch(tmp_path, workspace, seed):
    """Bytes flipped, zeroed, cut out and put in; containers draw ids at random, so no two runs are quite the same."""
    rng = random.Random(seed)
    folder = tmp_path / "damaged"
    folder.mkdir()
    for suffix in (".mp4", ".mkv", ".ts", ".mpg", ".flv"):
        codec = "mpeg2video" if suffix == ".mpg" else "libx264"
        whole = write_numbered(tmp_path / f"whole{suffix}", 40, codec=codec, gop=10).read_bytes()
        for number in range(3):
            content = bytearray(whole)
            place = rng.randrange(len(content))
            for _ in range(rng.choice([1, 20, 300])):
                content[rng.randrange(len(content))] = rng.randrange(256)
            if number == 1:
                content[place : place + 3000] = bytes(rng.randrange(5000))
            if number == 2:
                content = content[:place]
            (folder / f"{suffix[1:]}{number}{suffix}").write_bytes(content)
    make_old(*folder.iterdir())
    result = run(folder, workspace, settings=DEEP)
    assert len(result.done) + len(result.failed) == 15
    assert all("\n" not in reason for reason in result.failed.values())
    write_reports(workspace, result)


def test_a_clock_that_jumps_by_weeks_is_refused_at_once(tmp_path, workspace):
    """As a damaged byte of a time stamp makes it: what looks second by second would go on for hours."""
    path = tmp_path / "jump.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 10 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = 40 * number + (0 if number < 15 else 4_000_000_000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    make_old(path)
    result = run(path, workspace, settings=DEEP)
    assert "its 20 frames span 1,111 hours, at most 48 are taken" in result.failed[str(path)]


def test_a_good_file_replaced_by_a_bad_one_is_no_record_any_more(folder, workspace):
    run(folder, workspace)
    (folder / "a.mp4").write_text("hello")
    make_old(folder / "a.mp4")
    result = run(folder, workspace)
    assert list(result.failed) == [str(folder / "a.mp4")] and list(read_records(workspace)) == ["b", "c"]
