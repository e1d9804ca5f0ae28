"""A batch from end to end: what is done, kept, moved, lost, failed or left; after crashes, too."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from numbered import copy_stream, read_numbers, write_numbered

import finegym.video.ingest.item as item
from finegym.errors import OutputError
from finegym.video.ingest.chunks import read_chunks
from finegym.video.ingest.record import Settings, read_record
from finegym.video.ingest.report import write_reports
from finegym.video.ingest.rules import Rules, read_rules
from finegym.video.ingest.run import ingest, read_records
from finegym.video.ingest.sources import Source
from finegym.video.reader import VideoReader
from finegym.workspace import Workspace

QUICK = Settings(is_quick=True)
DEEP = Settings(proxies=False)
ANY = Rules()


def make_old(*paths: Path) -> None:
    """Files that nobody writes to any more; fresh ones are looked at twice."""
    for path in paths:
        os.utime(path, (time.time() - 3600,) * 2)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three records."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, name in enumerate(("a.mp4", "b.mkv", "c.mp4")):
        make_old(write_numbered(folder / name, 40 + number, size=(320, 180)))
    return folder


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "gym")


def run(paths, workspace, rules=ANY, settings=QUICK, **options):
    paths = [paths] if isinstance(paths, Path) else paths
    return ingest(paths, workspace, rules=rules, settings=settings, show_progress=False, **options)


def test_known_routines_are_in_one_chunk_each_and_new_ones_make_chunks_anew(folder, workspace):
    settings = Settings(proxies=False, chunk_minutes=0.01, overlap_s=0.1)
    read = lambda: read_chunks(workspace.get_chunks_file("a"))  # noqa: E731
    run(folder, workspace, settings=settings)
    assert [(chunk.start_ms, chunk.end_ms) for chunk in read()] == [(0, 600), (500, 1100), (1000, 1600)]
    routines = {"a": [(450, 700)]}
    again = run(folder, workspace, settings=settings, routines=routines)
    assert (again.done, sorted(again.kept)) == (["a"], ["b", "c"])
    chunks = read()
    assert all(before.end_ms == after.start_ms for before, after in pairwise(chunks))
    assert not any(450 < chunk.end_ms < 700 for chunk in chunks)
    assert (chunks[0].start_ms, chunks[-1].end_ms) == (0, 1600)
    assert run(folder, workspace, settings=settings, routines=routines).done == []


def test_what_a_killed_run_left_half_written_is_removed(folder, workspace):
    left = [workspace.get_record_folder("a") / ".proxy-000-k3x9w_2a.mp4", workspace.records / ".a-k3x9w_2a.mp4"]
    users = workspace.records / ".holiday-k3x9w_2a.mp4"
    for path in (*left, users):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        make_old(path)
    run(folder, workspace, settings=Settings(is_quick=True, copy_media=True))
    assert [path.exists() for path in (*left, users)] == [False, False, True]


@pytest.mark.parametrize("settings", [QUICK, DEEP, Settings()], ids=["quick", "deep", "proxies"])
def test_a_second_run_keeps_everything(folder, workspace, settings):
    first = run(folder, workspace, settings=settings)
    assert (sorted(first.done), first.kept, first.failed) == (["a", "b", "c"], [], {})
    stamps = {path: path.stat().st_mtime_ns for path in workspace.ingest.rglob("*") if path.is_file()}
    second = run(folder, workspace, settings=settings)
    assert (second.done, sorted(second.kept)) == ([], ["a", "b", "c"])
    assert stamps == {path: path.stat().st_mtime_ns for path in workspace.ingest.rglob("*") if path.is_file()}


def test_everything_about_a_record_is_in_its_folder(folder, workspace):
    run(folder, workspace, settings=Settings())
    names = {path.name for path in workspace.get_record_folder("a").iterdir()}
    assert names >= {"record.json", "signals.npz", "hashes.npz", "sheet.jpg", "shots.json", "chunks.json"}
    assert names >= {"proxy-000.mp4", "proxy-000.npz", "filmstrip-000.jpg", "filmstrip-000.vtt"}
    record = read_records(workspace)["a"]
    assert record.num_chunks == 1 and record.has_proxies and record.num_cuts == 0
    assert record.media == record.source and record.media_is == "source"
    assert not workspace.records.exists(), "media stay where they are"


def test_proxies_are_made_of_accepted_records_only_and_later_when_rules_accept_more(folder, workspace):
    run(folder, workspace, rules=read_rules(), settings=Settings())
    record = read_records(workspace)["a"]
    assert record.verdict == "disqualified" and record.reasons == ("height 180 is below min_height 720",)
    assert not record.has_proxies and not list(workspace.ingest.glob("*/proxy*"))
    signals = workspace.get_signals_file("a").stat().st_mtime_ns
    again = run(folder, workspace, settings=Settings())
    assert sorted(again.done) == ["a", "b", "c"] and len(list(workspace.ingest.glob("*/proxy-000.mp4"))) == 3
    assert workspace.get_signals_file("a").stat().st_mtime_ns == signals, "what was seen is kept"


def test_other_rules_only_judge_anew(folder, workspace):
    run(folder, workspace, settings=DEEP)
    strict = Rules(min_height=720)
    second = run(folder, workspace, rules=strict, settings=DEEP)
    assert second.done == [] and sorted(second.judged_anew) == ["a", "b", "c"]
    assert {record.verdict for record in read_records(workspace).values()} == {"disqualified"}
    assert {record.rules_sha256 for record in read_records(workspace).values()} == {strict.sha256}


def test_what_changed_is_done_again_and_nothing_else(folder, workspace):
    run(folder, workspace)
    make_old(write_numbered(folder / "b.mkv", 50, size=(320, 180)))
    os.utime(folder / "b.mkv", (time.time() - 1800,) * 2)
    second = run(folder, workspace)
    assert (second.done, sorted(second.kept)) == (["b"], ["a", "c"])
    assert read_records(workspace)["b"].probe.num_frames == 50


@pytest.mark.parametrize(
    ("made", "asked", "is_kept"),
    [
        (DEEP, QUICK, True),
        (QUICK, DEEP, False),
        (DEEP, Settings(proxies=False, chunk_minutes=5), True),  # one chunk either way
        (DEEP, Settings(proxies=False, chunk_minutes=0.01, overlap_s=0), False),
        (DEEP, Settings(proxies=False, copy_media=True), False),
        (Settings(), DEEP, True),
    ],
)
def test_a_record_is_kept_where_it_has_all_that_is_asked_for(folder, workspace, made, asked, is_kept):
    run(folder / "a.mp4", workspace, settings=made)
    assert (run(folder / "a.mp4", workspace, settings=asked).kept == ["a"]) == is_kept


def test_what_a_table_says_is_taken_over_without_another_look(folder, workspace):
    table = folder / "list.csv"
    for competition in ("Worlds", "Cup"):
        table.write_text(f"path,competition\na.mp4,{competition}\n")
        result = run(table, workspace)
        assert read_records(workspace)["a"].metadata == {"competition": competition}
    assert result.kept == ["a"]


def test_another_promise_is_another_look(folder, workspace):
    table = folder / "list.csv"
    table.write_text("path,duration_s\na.mp4,1.6\n")
    assert run(table, workspace).done == ["a"] and run(table, workspace).kept == ["a"]
    table.write_text("path,duration_s\na.mp4,100\n")
    assert run(table, workspace).done == ["a"]
    assert [found.kind for found in read_records(workspace)["a"].damage] == ["missing"]


def test_moved_and_deleted_files_are_told(folder, workspace):
    run(folder, workspace)
    (folder / "later").mkdir()
    (folder / "a.mp4").rename(folder / "later" / "a.mp4")
    (folder / "c.mp4").unlink()
    second = run(folder, workspace)
    assert second.moved == {"a": str(folder / "a.mp4")} and second.done == []
    assert second.lost == {"c": str(folder / "c.mp4")}
    assert sorted(second.kept) == ["a", "b"]
    assert "c" in read_records(workspace), "what is known about it stays"


def test_another_file_of_the_same_name_elsewhere_is_no_move(folder, workspace):
    run(folder / "a.mp4", workspace)
    (folder / "later").mkdir()
    shutil.copy(folder / "c.mp4", folder / "later" / "a.mp4")
    make_old(folder / "later" / "a.mp4")
    (folder / "a.mp4").unlink()
    second = run(folder / "later", workspace)
    assert second.moved == {} and second.done == ["a"] and second.lost == {}
    assert read_records(workspace)["a"].probe.num_frames == 42


def test_a_workspace_moves_with_its_media(folder, workspace, tmp_path):
    run(folder, workspace, settings=Settings(is_quick=True, copy_media=True))
    record = read_records(workspace)["b"]
    assert record.media_is == "copy" and record.media.path == "records/b.mkv"
    assert record.media.sha256 == record.source.sha256
    workspace.folder.rename(tmp_path / "elsewhere")
    moved = Workspace(tmp_path / "elsewhere")
    again = run(folder, moved, settings=Settings(is_quick=True, copy_media=True))
    assert sorted(again.kept) == ["a", "b", "c"]
    shutil.rmtree(folder)
    assert all("its copy" in told for told in run([], moved).lost.values())


def test_what_ingest_made_is_not_ingested(workspace):
    workspace.records.mkdir(parents=True)
    make_old(write_numbered(workspace.records / "a.ts", 40), write_numbered(workspace.records / "b.mp4", 40))
    for _ in range(2):
        result = run(workspace.folder, workspace, settings=Settings())
        assert sorted(result.done + result.kept) == ["a", "b"] and result.failed == {}
    assert read_records(workspace)["a"].media.path == "records/a.mp4"
    with VideoReader(workspace.records / "a.mp4") as reader:
        assert read_numbers(reader.read_frames(range(40))) == list(range(40))


def test_nothing_of_the_users_is_overwritten(folder, workspace):
    workspace.records.mkdir(parents=True)
    mine = workspace.records / "t.mp4"
    mine.write_bytes(b"mine")
    make_old(write_numbered(folder / "t.ts", 20))
    result = run(folder / "t.ts", workspace)
    assert "is in the way" in result.failed[str(folder / "t.ts")] and mine.read_bytes() == b"mine"


def test_transport_streams_keep_their_clock_and_tell_their_damage(folder, workspace):
    late = copy_stream(folder / "a.mp4", folder / "late.ts", shift_s=10)
    make_old(late)
    run(late, workspace, settings=DEEP)
    record = read_records(workspace)["late"]
    assert record.media_is == "remux" and record.probe.container == "mpegts"
    assert record.probe.clock.start_ms == pytest.approx(10_000, abs=1)
    assert record.source.sha256 != record.media.sha256 and record.damage == ()


# Files that are still being written.


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


# Bad input: one clear line each, and the rest goes on.


def write_bad_files(folder: Path) -> dict[str, str]:
    """Name → fact that its line must hold."""
    (folder / "text.mp4").write_text("hello")
    (folder / "zero.mp4").touch()
    import av
    import numpy as np

    with av.open(str(folder / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    whole = write_numbered(folder / "head.mp4", 50)  # its index is at the end
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (folder / "folder.mp4").mkdir()
    facts = {
        "text.mp4": "is not a video",
        "zero.mp4": "is empty (0 bytes)",
        "sound.mp4": "holds no video (it holds: audio)",
    }
    return {**facts, "head.mp4": "cut off before its index was written"}


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
    import av

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


@pytest.mark.parametrize("seed", range(3))
def test_randomly_damaged_files_are_taken_or_fail_and_never_end_the_batch(tmp_path, workspace, seed):
    """Bytes flipped, zeroed, cut out and put in; the same seeds give the same files."""
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


def test_a_good_file_replaced_by_a_bad_one_is_no_record_any_more(folder, workspace):
    run(folder, workspace)
    (folder / "a.mp4").write_text("hello")
    make_old(folder / "a.mp4")
    result = run(folder, workspace)
    assert list(result.failed) == [str(folder / "a.mp4")] and list(read_records(workspace)) == ["b", "c"]


SCRIPT = """
import os, sys
from pathlib import Path
{before}
from finegym.video.ingest.record import Settings
from finegym.video.ingest.rules import Rules
from finegym.video.ingest.run import ingest
from finegym.workspace import Workspace
{middle}
run = ingest([Path(sys.argv[1])], Workspace(Path(sys.argv[2])), rules=Rules(), settings=Settings({settings}))
print(run, run.failed)
"""


def start(folder, workspace, before="", middle="", settings="proxies=False"):
    script = SCRIPT.format(before=before, middle=middle, settings=settings)
    return subprocess.run(
        [sys.executable, "-c", script, str(folder), str(workspace.folder)], capture_output=True, text=True, timeout=120
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_a_file_without_permission_is_named(folder, workspace, tmp_path):
    secret = folder / "a.mp4"
    secret.chmod(0)
    for path in [tmp_path, *tmp_path.parents]:
        if path.owner() == "root" and path.is_relative_to(Path("/tmp").resolve()) and path != Path("/tmp"):
            path.chmod(0o755)
    workspace.folder.mkdir()
    workspace.folder.chmod(0o777)
    # Quick: what the deep pass imports late, nobody may not read where Python lies in root's home.
    result = start(folder, workspace, middle="os.setegid(65534); os.seteuid(65534)", settings="is_quick=True")
    assert result.returncode == 0, result.stderr
    assert "done 2, kept 0, failed 1" in result.stdout and "Permission denied" in result.stdout


def test_a_full_disk_is_one_line_a_record_and_a_second_run_finishes(folder, workspace):
    # Files may not grow past 100 KB: signals.npz does not fit.
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))"
    )
    result = start(folder, workspace, middle=limit)
    assert result.returncode == 0, result.stderr
    assert "done 0, kept 0, failed 3" in result.stdout and "File too large" in result.stdout
    assert not list(workspace.ingest.glob("*/record.json")) and not list(workspace.ingest.rglob(".*"))
    assert sorted(run(folder, workspace, settings=DEEP).done) == ["a", "b", "c"]


def test_a_full_disk_during_remuxing_or_copying_leaves_nothing_half_written(folder, workspace):
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))"
    )
    stream = write_numbered(folder / "t.ts", 200, size=(320, 180))
    make_old(stream)
    result = start(stream, workspace, middle=limit)
    assert "done 0, kept 0, failed 1" in result.stdout, result.stdout + result.stderr
    assert "cannot be written" in result.stdout
    assert list(workspace.records.iterdir()) == []
    assert run(stream, workspace).done == ["t"]


def test_after_kill_9_a_second_run_finishes_and_repeats_nothing(folder, workspace):
    """Killed inside of the second record, after its signals and before its record.json."""
    kill = (
        "import finegym.video.ingest.item as item\n"
        "calls = []\n"
        "original = item.judge\n"
        "def judge(*arguments):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 2: os.kill(os.getpid(), 9)\n"
        "    return original(*arguments)\n"
        "item.judge = judge\n"
    )
    result = start(folder, workspace, middle=kill)
    assert result.returncode == -signal.SIGKILL
    assert list(read_records(workspace)) == ["a"] and workspace.get_signals_file("b").exists()
    first = workspace.get_record_file("a").stat().st_mtime_ns
    signals = workspace.get_signals_file("b").stat().st_mtime_ns
    again = run(folder, workspace, settings=DEEP)
    assert (again.kept, sorted(again.done)) == (["a"], ["b", "c"])
    assert workspace.get_record_file("a").stat().st_mtime_ns == first
    assert workspace.get_signals_file("b").stat().st_mtime_ns == signals


def test_a_damaged_record_file_is_made_again(folder, workspace):
    run(folder, workspace)
    place = workspace.get_record_file("a")
    place.write_bytes(place.read_bytes()[:200])
    assert read_record(place) is None
    assert run(folder, workspace).done == ["a"]


def test_a_workspace_that_cannot_be_written_is_said(folder, tmp_path):
    (tmp_path / "file").touch()
    result = run(folder / "a.mp4", Workspace(tmp_path / "file"))
    assert "cannot be written" in result.failed[str(folder / "a.mp4")]


def test_a_pool_gives_the_same_records(folder, workspace, tmp_path):
    run(folder, workspace, settings=DEEP)
    pooled = Workspace(tmp_path / "pooled")
    assert sorted(run(folder, pooled, settings=DEEP, workers=2).done) == ["a", "b", "c"]
    assert read_records(pooled) == read_records(workspace)


def test_json_of_a_record_is_what_the_documentation_says(folder, workspace):
    run(folder / "a.mp4", workspace)
    facts = json.loads(workspace.get_record_file("a").read_text("utf-8"))
    assert facts["format"] == "finegym-record/1" and facts["source"]["path"] == str(folder / "a.mp4")
    assert facts["probe"]["clock"]["time_base"] == "1/12800" and facts["verdict"] == "accepted"


def test_one_record_that_cannot_be_written_is_an_output_error(folder, workspace, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(item, "read_packets", refuse)
    with pytest.raises(OutputError, match=r"somewhere: cannot be written: No space left on device"):
        item.ingest_record(Source(folder / "a.mp4", "a"), workspace=workspace, rules=ANY, settings=QUICK)
