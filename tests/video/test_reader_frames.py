"""What frames are called and how they look: times, places in the file, turns, sizes; what is not there is named."""

from pathlib import Path

import av
import numpy as np
import pytest
from field_coded import write_field_coded
from numbered import draw_number, read_number, read_numbers, write_numbered, write_sound
from reader_videos import EDIT_LIST, VARIABLE_TIMES, write_matrix

from finegym.errors import VideoError
from finegym.video.reader import VideoReader


def test_the_packet_index_says_where_the_bytes_of_each_frame_are(tmp_path):
    path, _ = write_matrix(tmp_path, "pyramid.mp4")
    data = path.read_bytes()
    with VideoReader(path) as reader, av.open(str(path)) as container:
        index = reader.index
        packets = {packet.pts: bytes(packet) for packet in container.demux(video=0) if packet.size}
    assert len(packets) == index.num_frames
    for pts, position, size in zip(index.pts.tolist(), index.position, index.packet_bytes, strict=True):
        assert data[position : position + size] == packets[pts]
    assert 0.3 < index.is_disposable.mean() < 0.7
    assert not (index.is_disposable & index.is_key).any()


def test_times_are_those_that_were_written(tmp_path):
    path, _ = write_matrix(tmp_path, "variable.mp4")
    with VideoReader(path) as reader:
        np.testing.assert_allclose(reader.index.pts_ms, VARIABLE_TIMES, atol=0.05)
        assert not reader.index.is_constant_rate
        number = reader.find_frame_at(VARIABLE_TIMES[40] + 1)
        assert read_number(reader.read_frames([number])[0]) == 40
        clip = reader.read_clip(VARIABLE_TIMES[10], VARIABLE_TIMES[20])
        assert read_numbers(clip) == list(range(10, 20))


def test_time_counts_from_the_clock_of_the_file_not_from_its_first_frame(tmp_path):
    path, _ = write_matrix(tmp_path, "starts-late.mp4")
    with VideoReader(path) as reader:
        assert reader.index.start_ms == 5000
        assert read_numbers(reader.read_clip(5400, 5480)) == [10, 11]
        with pytest.raises(VideoError, match=r"outside the video, which runs from 5000 to 8600 ms"):
            reader.read_clip(100, 200)


def test_an_edit_list_hides_frames_that_are_counted_but_have_no_number(tmp_path):
    path, numbers = write_matrix(tmp_path, EDIT_LIST)
    with VideoReader(path) as reader:
        assert reader.index.start_ms == 0
        assert reader.index.num_discarded > 0
        assert reader.index.num_frames == reader.index.num_frames_header
        assert read_number(reader.read_frames([0])[0]) == numbers[0] == 34


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_two_fields_that_are_packed_one_by_one_are_one_frame(tmp_path, suffix):
    path = write_field_coded(tmp_path / f"fields.{suffix}")
    with VideoReader(path) as reader:
        np.testing.assert_array_equal(reader.index.pts_ms, np.arange(16) * 40.0)
        for number in (15, 3, 8, 7, 0):
            assert read_numbers(reader.read_frames([number])) == [number]
        assert read_numbers(reader.read_frames(range(16))) == list(range(16))


@pytest.mark.parametrize(
    ("matrix", "prepare", "rotation", "is_mirrored"),
    [
        ((1, 0, 0, 1), np.asarray, 0, False),
        # A telephone held upright: coded lying on its left side, to be turned clockwise.
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, 1), 90, False),
        ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2), 180, False),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture, 3), 270, False),
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1], 0, True),
        ((1, 0, 0, -1), lambda picture: picture[::-1], 180, True),
        ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2), 270, True),
        ((0, -1, -1, 0), lambda picture: picture[::-1, ::-1].transpose(1, 0, 2), 90, True),
    ],
)
def test_turned_and_mirrored_video_is_read_upright(tmp_path, matrix, prepare, rotation, is_mirrored):
    path = write_numbered(tmp_path / "turned.mp4", 12, size=(128, 160), matrix=matrix, prepare=prepare)
    with VideoReader(path) as reader:
        assert (reader.index.rotation, reader.index.is_mirrored) == (rotation, is_mirrored)
        assert (reader.index.width, reader.index.height) == (128, 160)
        frames = reader.read_frames(range(12))
        small = reader.read_frames([5], size=(80, 64))
    assert frames.shape == (12, 160, 128, 3)
    assert read_numbers(frames) == list(range(12))
    assert np.abs(frames[7].astype(int) - draw_number(7, 128, 160)).mean() < 8
    assert small.shape == (1, 80, 64, 3)
    assert read_number(small[0]) == 5


def test_frames_are_resized_in_proportion(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 5, size=(320, 180))
    with VideoReader(path) as reader:
        frames = reader.read_frames([4, 2], short_side=90)
        assert frames.shape == (2, 90, 160, 3)
        assert read_numbers(frames) == [4, 2]
        assert reader.read_frames([1], size=(64, 96)).shape == (1, 64, 96, 3)
        assert reader.read_frames([], short_side=90).shape == (0, 90, 160, 3)
        with pytest.raises(VideoError, match="not both"):
            reader.read_frames([1], short_side=90, size=(64, 96))
        with pytest.raises(VideoError, match="at least one pixel"):
            reader.read_frames([1], size=(0, 96))


def test_a_frame_that_is_not_there_is_named(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 10)
    with VideoReader(path) as reader:
        with pytest.raises(VideoError, match=r"a\.mp4: there is no frame 10: it has 10"):
            reader.read_frames([3, 10, 12])
        with pytest.raises(VideoError, match="there is no frame -1"):
            reader.read_frames([-1])
        with pytest.raises(VideoError, match="nothing is shown at 400 ms"):
            reader.find_frame_at(400)
        with pytest.raises(VideoError, match="end must exceed start"):
            reader.read_clip(80, 80)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "is a folder, not a video"),
        (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        (lambda path: path.write_text("not a video\n" * 200), "is not a video that FFmpeg can read"),
        (write_sound, r"holds no video \(it holds: audio\)"),
        (
            lambda path: path.write_bytes(write_numbered(path, 30).read_bytes()[:4000]),
            "is not a video that FFmpeg can read",
        ),
    ],
)
def test_what_is_no_video_is_said_in_one_line(tmp_path, write, message):
    path = tmp_path / "bad.mp4"
    write(path)
    with pytest.raises(VideoError, match=message) as caught:
        VideoReader(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["-dash.mp4", "with space é 體操.mp4", "a:b.mp4", "100%d.mp4"])
def test_odd_file_names_are_only_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_numbered(tmp_path / "plain.mp4", 5).rename(tmp_path / name)
    with VideoReader(Path(name)) as reader:
        assert read_numbers(reader.read_frames([3])) == [3]
