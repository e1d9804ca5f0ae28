"""Nothing half-written, nothing lost."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest

from finegym.errors import OutputError, VideoError
from finegym.files import hash_samples, hold_folder, is_held, new_folder, remove_stale, replace_file, write_text


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


def test_a_folder_is_held_by_one(tmp_path):
    assert not is_held(tmp_path / "new")
    with hold_folder(tmp_path / "new", "parse"):
        assert is_held(tmp_path / "new")
        with (
            pytest.raises(OutputError, match="another parse is at work there"),
            hold_folder(tmp_path / "new", "parse"),
        ):
            pass
    assert not is_held(tmp_path / "new")
    with hold_folder(tmp_path / "new", "parse"):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"), hold_folder(tmp_path / "file", "parse"):
        pass


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    out = tmp_path / "a" / "release"
    with pytest.raises(VideoError), new_folder(out) as new:
        (new / "one.txt").write_text("1")
        raise VideoError("no")
    assert list(out.parent.iterdir()) == []
    umask = os.umask(0o027)
    try:
        with new_folder(out) as new:
            (new / "one.txt").write_text("1")
            assert not out.exists()
    finally:
        os.umask(umask)
    assert [path.name for path in out.parent.iterdir()] == ["release"]
    assert (out / "one.txt").read_text() == "1"
    assert out.stat().st_mode & 0o777 == 0o750
    with pytest.raises(OutputError, match="release"), new_folder(out) as new:  # it is not empty
        (new / "one.txt").write_text("2")
    assert (out / "one.txt").read_text() == "1"


def test_a_folder_that_a_killed_process_left_is_removed_and_no_living_one(tmp_path):
    code = (
        "import sys, time, pathlib; from finegym.files import new_folder\n"
        "with new_folder(pathlib.Path(sys.argv[1])) as new:\n"
        " (new / 'half.txt').write_text('half'); print(new.name, flush=True); time.sleep(60)"
    )
    out = tmp_path / "release [1]"
    writer = subprocess.Popen([sys.executable, "-c", code, out], stdout=subprocess.PIPE, text=True)
    left = tmp_path / writer.stdout.readline().strip()
    os.utime(left, (time.time() - 60,) * 2)
    (tmp_path / ".another-12345678").mkdir()
    try:
        with new_folder(out):
            assert left.is_dir(), "it is being filled"
        out.rmdir()
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    assert not out.exists() and (left / "half.txt").is_file()
    with new_folder(out):
        assert not left.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".another-12345678", "release [1]"]
