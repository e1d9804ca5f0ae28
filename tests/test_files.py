"""Nothing half-written, nothing lost."""

import pytest

from finegym.errors import OutputError, VideoError
from finegym.files import replace_file, write_text


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
