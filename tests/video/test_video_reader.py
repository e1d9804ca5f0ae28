"""Exactness: every frame has its number drawn in; none may ever be another."""

import csv
import random

import av
import numpy as np
import pytest
from numbered import read_number, read_numbers
from PIL import Image, ImageSequence
from reader_videos import ALL_NAMES, write_matrix

from finegym.video.reader import VideoReader


@pytest.fixture(scope="module", params=ALL_NAMES)
def video(request, tmp_path_factory):
    """Each file of the matrix, and the numbers drawn in its frames."""
    return write_matrix(tmp_path_factory.mktemp("videos"), request.param)


@pytest.fixture
def reader(video):
    with VideoReader(video[0]) as reader:
        yield reader


def test_frames_in_order_are_all_there(video, reader):
    assert reader.index.damage == ""
    assert reader.index.num_frames == len(video[1])
    assert read_numbers(reader.read_frames(range(reader.index.num_frames))) == list(video[1])


def test_frames_in_any_order_are_the_right_ones(video, reader):
    generator = random.Random(3)
    for _ in range(12):
        wanted = [generator.randrange(reader.index.num_frames) for _ in range(4)]
        assert read_numbers(reader.read_frames(wanted)) == [video[1][number] for number in wanted]


def test_random_access_gives_the_same_pixels_as_reading_through(video, reader):
    through = reader.read_frames(range(reader.index.num_frames))
    for number in (reader.index.num_frames - 1, 0, reader.index.num_frames // 2, 1):
        with VideoReader(video[0]) as fresh:
            np.testing.assert_array_equal(fresh.read_frames([number])[0], through[number])


def test_frame_at_a_time_is_the_one_shown(video, reader):
    """Against the obvious definition: the last frame whose PTS is not later."""
    times = reader.index.pts_ms
    for time_ms in np.random.default_rng(0).uniform(times[0], reader.index.end_ms, 40):
        obvious = max(number for number, shown in enumerate(times) if shown <= time_ms)
        number = reader.find_frame_at(float(time_ms))
        assert number == obvious
    assert read_number(reader.read_frames([number])[0]) == video[1][obvious]


def test_more_threads_give_the_same_frames(video):
    with VideoReader(video[0], threads=1) as one, VideoReader(video[0], threads=3) as three:
        wanted = [29, 7, 8, 9, 22]
        np.testing.assert_array_equal(one.read_frames(wanted, short_side=64), three.read_frames(wanted, short_side=64))


def test_pictures_are_those_of_decoding_everything(video, reader):
    """Against PyAV, from the first frame to the last, bit by bit."""
    with av.open(str(video[0])) as container:
        everything = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    hidden = len(everything) - reader.index.num_frames
    wanted = np.random.default_rng(7).permutation(reader.index.num_frames)[:20]
    for number in wanted.tolist():
        np.testing.assert_array_equal(reader.read_frames([number])[0], everything[hidden + number])


def test_real_clips_have_the_frames_that_their_manifest_counts(shared):
    with (shared / "clips" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 99
    for row in rows:
        with VideoReader(shared / "clips" / row["path"]) as reader:
            index = reader.index
            fps = float(row["fps"])
            if row["path"].endswith("v_BaseballPitch_g08_c01.avi"):
                # Two of its 113 packets only say that the frame before stays on.
                assert index.num_frames_header == 113
                fps *= 111 / 113
            assert index.fps_average == pytest.approx(fps, abs=0.01), row["path"]
            found = index.num_frames, index.width, index.height, index.codec
            assert found == (int(row["frames"]), int(row["width"]), int(row["height"]), row["codec"]), row["path"]
            assert index.damage == ""


@pytest.mark.parametrize("name", ["v_BalanceBeam_g01_c01", "v_BaseballPitch_g08_c01"])
def test_packed_b_frames_of_xvid_come_in_display_order(shared, name):
    """Against what the decoder gives, read straight through: its picture types must say I B B P."""
    path = next((shared / "clips" / "ucf101").rglob(f"{name}.avi"))
    with av.open(str(path)) as container:
        straight = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with VideoReader(path) as reader:
        assert len(straight) == reader.index.num_frames
        for number in (len(straight) - 1, 3, 2, 40, 0):
            np.testing.assert_array_equal(reader.read_frames([number])[0], straight[number])


def test_real_gifs_decode_as_pillow_decodes_them(shared):
    for path in sorted((shared / "finegym" / "examples").glob("*.gif")):
        with Image.open(path) as image:
            pillow = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
        with VideoReader(path) as reader:
            frames = reader.read_frames(range(reader.index.num_frames))
        np.testing.assert_array_equal(frames, np.stack(pillow))
