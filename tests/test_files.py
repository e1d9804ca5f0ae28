"""Nothing half-written, nothing lost."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest

from finegym.errors import OutputError, VideoError
from finegym.files import hash_samples, remove_stale, replace_file, write_text


def test_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_text(path, "one\r\n")
    assert path.read_bytes() == b"one\r\n"
    write_text(path, "two")
    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "b.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), replace_file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_system_errors_inside_the_block_become_output_errors(tmp_path):
    with pytest.raises(OutputError, match="No space left on device"), replace_file(tmp_path / "x.bin"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_our_own_errors_pass_unchanged(tmp_path):
    with pytest.raises(VideoError, match="damaged"), replace_file(tmp_path / "x.bin"):
        raise VideoError("damaged")


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/x\.txt: cannot be written"):
        write_text(tmp_path / "file" / "x.txt", "")


def test_samples_tell_files_apart_at_both_ends_and_by_size(tmp_path):
    data = bytearray(3_000_000)
    path = tmp_path / "a"
    sums = set()
    for place in (None, 0, len(data) - 1):
        changed = bytearray(data)
        if place is not None:
            changed[place] = 1
        path.write_bytes(changed)
        sums.add(hash_samples(path))
    path.write_bytes(data + b"\0")
    sums.add(hash_samples(path))
    path.write_bytes(data)
    assert hash_samples(path) in sums
    assert len(sums) == 4
    # A file smaller than a sample is read whole, sixteen times.
    path.write_bytes(b"x")
    assert hash_samples(path) == hashlib.sha256(b"1" + 16 * b"x").hexdigest()


def test_a_name_that_is_no_utf8_can_be_written_down(tmp_path):
    write_text(tmp_path / "a.txt", b"bad\xff.avi".decode("utf-8", "surrogateescape"))
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "bad\\udcff.avi"


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from finegym.files import replace_file\n"
        "with replace_file(Path(sys.argv[1])) as t: t.write_text('half'); print('ready', flush=True); time.sleep(60)"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, tmp_path / "clip [1].mp4"], stdout=subprocess.PIPE)
    try:
        assert writer.stdout.readline() == b"ready\n"
        (left,) = tmp_path.iterdir()
        old = (time.time() - 3600,) * 2
        os.utime(left, old)
        assert remove_stale(tmp_path) == 0 and left.exists(), "its process lives"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        names = (".clip [1]-short.mp4", "clip [1]-aaaaaaaa.mp4", ".other-aaaaaaaa.mp4", ".clip [1]-aaaaaaaa.npz")
        for name in names:
            (tmp_path / name).touch()
            os.utime(tmp_path / name, old)
        os.utime(left)
        assert remove_stale(tmp_path, "clip [1].mp4") == 0, "too new to tell"
        os.utime(left, old)
        assert remove_stale(tmp_path, "clip [1].mp4") == 1
        assert {path.name for path in tmp_path.iterdir()} == set(names)
        assert remove_stale(tmp_path) == 2 and remove_stale(tmp_path / "none") == 0
        assert {path.name for path in tmp_path.iterdir()} == set(names[:2])
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
