"""Crashes, full disks, missing rights: nothing is left half-written, and a second run finishes and repeats nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ingest_runs import ANY, DEEP, QUICK, make_old, run
from numbered import write_numbered

import finegym.video.ingest.item as item
from finegym.errors import OutputError
from finegym.video.ingest.record import Settings, read_record
from finegym.video.ingest.run import read_records
from finegym.video.ingest.sources import Source
from finegym.workspace import Workspace

SCRIPT = """
import os, sys
from pathlib import Path
from finegym.video.ingest.record import Settings
from finegym.video.ingest.rules import Rules
from finegym.video.ingest.run import ingest
from finegym.workspace import Workspace
{before}
run = ingest([Path(sys.argv[1])], Workspace(Path(sys.argv[2])), rules=Rules(), settings=Settings({settings}))
print(run, run.failed)
"""

# No file may grow past so many bytes.
FULL_DISK = (
    "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
)


def start(folder, workspace, before, settings="proxies=False"):
    """Ingest in a process of its own, to which something happens first."""
    script = SCRIPT.format(before=before, settings=settings)
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
    result = start(folder, workspace, "os.setegid(65534); os.seteuid(65534)", settings="is_quick=True")
    assert result.returncode == 0, result.stderr
    assert "done 2, kept 0, failed 1" in result.stdout and "Permission denied" in result.stdout


def test_a_full_disk_is_one_line_a_record_and_a_second_run_finishes(folder, workspace):
    result = start(folder, workspace, FULL_DISK.format(60_000))  # signals.npz does not fit
    assert result.returncode == 0, result.stderr
    assert "done 0, kept 0, failed 3" in result.stdout and "File too large" in result.stdout
    assert not list(workspace.ingest.glob("*/record.json")) and not list(workspace.ingest.rglob(".*"))
    assert sorted(run(folder, workspace, settings=DEEP).done) == ["a", "b", "c"]


def test_a_full_disk_during_remuxing_or_copying_leaves_nothing_half_written(folder, workspace):
    stream = write_numbered(folder / "t.ts", 200, size=(320, 180))
    make_old(stream)
    result = start(stream, workspace, FULL_DISK.format(8_000))
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
    result = start(folder, workspace, kill)
    assert result.returncode == -signal.SIGKILL
    assert list(read_records(workspace)) == ["a"] and workspace.get_signals_file("b").exists()
    first = workspace.get_record_file("a").stat().st_mtime_ns
    signals = workspace.get_signals_file("b").stat().st_mtime_ns
    again = run(folder, workspace, settings=DEEP)
    assert (again.kept, sorted(again.done)) == (["a"], ["b", "c"])
    assert workspace.get_record_file("a").stat().st_mtime_ns == first
    assert workspace.get_signals_file("b").stat().st_mtime_ns == signals


def test_what_a_killed_run_left_half_written_is_removed(folder, workspace):
    left = [workspace.get_record_folder("a") / ".proxy-000-k3x9w_2a.mp4", workspace.records / ".a-k3x9w_2a.mp4"]
    users = workspace.records / ".holiday-k3x9w_2a.mp4"
    for path in (*left, users):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        make_old(path)
    run(folder, workspace, settings=Settings(is_quick=True, copy_media=True))
    assert [path.exists() for path in (*left, users)] == [False, False, True]


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


def test_one_record_that_cannot_be_written_is_an_output_error(folder, workspace, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(item, "read_packets", refuse)
    with pytest.raises(OutputError, match=r"somewhere: cannot be written: No space left on device"):
        item.ingest_record(Source(folder / "a.mp4", "a"), workspace=workspace, rules=ANY, settings=QUICK)
