import os
from pathlib import Path

import numpy as np
import pytest
from numbered import read_number, write_numbered

from finegym.video import index_cache
from finegym.video.index_cache import get_cache_paths, read_index
from finegym.video.reader import VideoReader


@pytest.fixture(autouse=True)
def _beside(monkeypatch, tmp_path):
    monkeypatch.delenv("FINEGYM_INDEX_FOLDER")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))


@pytest.fixture
def scans(monkeypatch):
    """The files that were scanned, in order."""
    scanned = []
    original = index_cache.scan_file

    def scan(path):
        scanned.append(path)
        return original(path)

    monkeypatch.setattr(index_cache, "scan_file", scan)
    return scanned


@pytest.fixture(params=["a.mp4", "a.avi"])
def video(request, tmp_path) -> Path:
    codec = "mpeg4" if request.param.endswith("avi") else "libx264"
    return write_numbered(tmp_path / request.param, 20, codec=codec)


def test_a_second_reading_uses_the_kept_index(video, scans):
    first, second = read_index(video), read_index(video)
    assert scans == [video]
    assert (video.parent / ".finegym" / f"{video.name}.index.npz").is_file()
    for name, value in vars(first).items():
        np.testing.assert_array_equal(value, getattr(second, name))
    assert type(second.num_frames_header) is int
    with VideoReader(video) as reader:
        assert read_number(reader.read_frames([13])[0]) == 13


def test_a_changed_file_is_scanned_again(video, scans):
    read_index(video)
    write_numbered(video, 30, codec="mpeg4")
    assert read_index(video).num_frames == 30
    assert read_index(video).num_frames == 30
    assert scans == [video, video]


def test_same_size_and_time_but_other_content_is_scanned_again(video, scans):
    read_index(video)
    facts = video.stat()
    data = bytearray(video.read_bytes())
    data[-1] ^= 1
    video.write_bytes(data)
    os.utime(video, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    read_index(video)
    assert len(scans) == 2


@pytest.mark.parametrize("harm", [b"", b"no zip", None])
def test_a_damaged_cache_is_made_again(video, scans, harm):
    good = read_index(video)
    place = get_cache_paths(video)[0]
    data = place.read_bytes()
    place.write_bytes(data[: len(data) // 2] if harm is None else harm)
    np.testing.assert_array_equal(read_index(video).pts, good.pts)
    assert place.stat().st_size == len(data)
    assert len(scans) == 2


def test_another_ffmpeg_or_format_scans_again(video, scans, monkeypatch):
    read_index(video)
    monkeypatch.setattr(index_cache, "FORMAT", "finegym-index/0")
    read_index(video)
    assert len(scans) == 2


def test_where_the_folder_cannot_be_written_the_cache_folder_of_the_user_is_used(video, scans, tmp_path):
    (video.parent / ".finegym").write_text("in the way")
    read_index(video)
    read_index(video)
    assert scans == [video]
    assert len(list((tmp_path / "home" / "finegym" / "indexes").iterdir())) == 1


def test_without_any_place_to_write_reading_still_works(video, scans, tmp_path):
    (video.parent / ".finegym").write_text("in the way")
    (tmp_path / "home").write_text("in the way")
    read_index(video)
    assert read_index(video).num_frames == 20
    assert len(scans) == 2


def test_one_folder_for_all_indexes_tells_equal_names_apart(tmp_path, monkeypatch, scans):
    monkeypatch.setenv("FINEGYM_INDEX_FOLDER", str(tmp_path / "all"))
    for name, length in (("x", 10), ("y", 12)):
        (tmp_path / name).mkdir()
        write_numbered(tmp_path / name / "a.mp4", length)
    for _ in range(2):
        assert read_index(tmp_path / "x" / "a.mp4").num_frames == 10
        assert read_index(tmp_path / "y" / "a.mp4").num_frames == 12
    assert len(scans) == 2
    assert not (tmp_path / "x" / ".finegym").exists()


def test_use_cache_false_leaves_no_trace(video):
    with VideoReader(video, use_cache=False) as reader:
        assert reader.index.num_frames == 20
    assert not (video.parent / ".finegym").exists()
