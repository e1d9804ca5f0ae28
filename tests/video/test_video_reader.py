"""Exactness: every frame has its number drawn in; none may ever be another."""

import csv
import random
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from field_coded import write_field_coded
from numbered import copy_stream, draw_number, read_number, read_numbers, write_numbered
from PIL import Image, ImageSequence

from finegym.errors import VideoError
from finegym.video.packets import PacketSource
from finegym.video.reader import VideoReader

NTSC = Fraction(30000, 1001)
X264_PYRAMID = {"x264-params": "keyint=24:bframes=5:b-adapt=0:b-pyramid=normal:scenecut=0"}
X264_OPEN_GOP = {"x264-params": "open-gop=1:keyint=24:bframes=5:b-adapt=0:b-pyramid=normal:scenecut=0"}
# Steps of 20 to 60 ms, in milliseconds.
VARIABLE_TIMES = np.cumsum(np.random.default_rng(5).integers(20, 60, 90)).tolist()
X265 = "log-level=none:keyint=24:bframes=4:b-adapt=0:scenecut=0"
VPX = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "16", "auto-alt-ref": "1", "b": "400k"}


def write_edit_list(path):
    """What `ffmpeg -ss 1.36 -c copy` makes: whole GOPs, with the frames before the cut hidden by an edit list."""
    source = write_numbered(path.with_name("uncut.mp4"), 90, options=X264_PYRAMID)
    start = 24 / 25
    return copy_stream(source, path, keep=lambda p: p.pts * p.time_base >= start, shift_s=-1.36)


MATRIX = {
    "constant-25.mp4": lambda path: write_numbered(path, 90, options={"g": "24", "bf": "0"}),
    "ntsc.mp4": lambda path: write_numbered(path, 90, rate=NTSC, options=X264_PYRAMID),
    "ntsc.mkv": lambda path: write_numbered(path, 90, rate=NTSC, options=X264_PYRAMID),
    "variable.mp4": lambda path: write_numbered(
        path, 90, times=VARIABLE_TIMES, time_base=Fraction(1, 1000), options=X264_PYRAMID
    ),
    "variable.mkv": lambda path: write_numbered(
        path, 90, times=VARIABLE_TIMES, time_base=Fraction(1, 1000), options=X264_PYRAMID
    ),
    "pyramid.mp4": lambda path: write_numbered(path, 90, options=X264_PYRAMID),
    "open-gop.mp4": lambda path: write_numbered(path, 90, options=X264_OPEN_GOP),
    "open-gop.mkv": lambda path: write_numbered(path, 90, options=X264_OPEN_GOP),
    "starts-late.mp4": lambda path: write_numbered(path, 90, times=range(125, 215), options=X264_PYRAMID),
    "starts-late.mkv": lambda path: write_numbered(path, 90, times=range(125, 215), options=X264_PYRAMID),
    "edit-list.mp4": write_edit_list,
    "mpeg4.avi": lambda path: write_numbered(path, 90, codec="mpeg4", b_frames=2, gop=12),
    "mpeg4-no-b.avi": lambda path: write_numbered(path, 90, codec="mpeg4", gop=12),
    "h264.avi": lambda path: write_numbered(path, 90, options=X264_PYRAMID),
    "mpeg4.mp4": lambda path: write_numbered(path, 90, codec="mpeg4", b_frames=2, gop=12),
    "vp8.webm": lambda path: write_numbered(path, 90, codec="libvpx", gop=24, options=VPX),
    "vp9.webm": lambda path: write_numbered(path, 90, codec="libvpx-vp9", gop=24, options=VPX),
    "odd-size.webm": lambda path: write_numbered(path, 60, codec="libvpx-vp9", gop=24, options=VPX, size=(161, 123)),
    "odd-size.mp4": lambda path: write_numbered(path, 60, codec="mpeg4", gop=24, size=(163, 121)),
    "ten-bit.mp4": lambda path: write_numbered(path, 60, pixel_format="yuv420p10le", options=X264_PYRAMID),
    "mjpeg.avi": lambda path: write_numbered(path, 30, codec="mjpeg", pixel_format="yuvj420p"),
    "picture.gif": lambda path: write_numbered(path, 40, codec="gif", pixel_format="rgb8"),
    "transport.ts": lambda path: write_numbered(path, 90, options=X264_PYRAMID),
    "transport-late.ts": lambda path: write_numbered(path, 90, times=range(125, 215), options=X264_OPEN_GOP),
    "hevc.mp4": lambda path: write_numbered(
        path, 90, codec="libx265", size=(192, 128), options={"x265-params": f"{X265}:open-gop=0"}
    ),
    "hevc-open-gop.mp4": lambda path: write_numbered(
        path, 90, codec="libx265", size=(192, 128), options={"x265-params": f"{X265}:open-gop=1"}
    ),
    "hevc-layers.mkv": lambda path: write_numbered(
        path, 90, codec="libx265", size=(192, 128), options={"x265-params": f"{X265}:temporal-layers=1"}
    ),
    "hevc.ts": lambda path: write_numbered(path, 90, codec="libx265", size=(192, 128), options={"x265-params": X265}),
    "interlaced.mp4": lambda path: write_numbered(path, 90, options={"x264-params": "keyint=24:bframes=3:tff=1"}),
    "intra-refresh.mp4": lambda path: write_numbered(
        path, 90, options={"x264-params": "keyint=24:intra-refresh=1:bframes=0"}
    ),
    "av1.mp4": lambda path: write_numbered(
        path, 90, codec="libsvtav1", options={"preset": "8", "crf": "4", "svtav1-params": "keyint=24"}
    ),
}


@pytest.fixture(scope="module", params=MATRIX)
def video(request, tmp_path_factory):
    """Each file of the matrix, and the number drawn in its frame 0."""
    path = tmp_path_factory.mktemp("videos") / request.param
    MATRIX[request.param](path)
    return path, 34 if request.param == "edit-list.mp4" else 0


@pytest.fixture
def reader(video):
    with VideoReader(video[0]) as reader:
        yield reader


def test_frames_in_order_are_all_there(video, reader):
    expected = {"edit-list.mp4": 56}.get(
        video[0].name, {"odd": 60, "ten": 60, "mjp": 30, "pic": 40}.get(video[0].name[:3], 90)
    )
    assert reader.index.damage == ""
    assert reader.index.num_frames == expected
    frames = reader.read_frames(range(reader.index.num_frames))
    assert read_numbers(frames) == list(range(video[1], video[1] + expected))


def test_frames_in_any_order_are_the_right_ones(video, reader):
    generator = random.Random(3)
    for _ in range(12):
        wanted = [generator.randrange(reader.index.num_frames) for _ in range(4)]
        assert read_numbers(reader.read_frames(wanted)) == [video[1] + number for number in wanted]


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
    assert read_number(reader.read_frames([number])[0]) == video[1] + obvious


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


def test_the_packet_index_says_where_the_bytes_of_each_frame_are(tmp_path):
    path = MATRIX["pyramid.mp4"](tmp_path / "pyramid.mp4")
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
    path = MATRIX["variable.mp4"](tmp_path / "variable.mp4")
    with VideoReader(path) as reader:
        np.testing.assert_allclose(reader.index.pts_ms, VARIABLE_TIMES, atol=0.05)
        assert not reader.index.is_constant_rate
        number = reader.find_frame_at(VARIABLE_TIMES[40] + 1)
        assert read_number(reader.read_frames([number])[0]) == 40
        clip = reader.read_clip(VARIABLE_TIMES[10], VARIABLE_TIMES[20])
        assert read_numbers(clip) == list(range(10, 20))


def test_time_counts_from_the_clock_of_the_file_not_from_its_first_frame(tmp_path):
    path = MATRIX["starts-late.mp4"](tmp_path / "starts-late.mp4")
    with VideoReader(path) as reader:
        assert reader.index.start_ms == 5000
        assert read_numbers(reader.read_clip(5400, 5480)) == [10, 11]
        with pytest.raises(VideoError, match=r"outside the video, which runs from 5000 to 8600 ms"):
            reader.read_clip(100, 200)


def test_an_edit_list_hides_frames_that_are_counted_but_have_no_number(tmp_path):
    path = MATRIX["edit-list.mp4"](tmp_path / "edit-list.mp4")
    with VideoReader(path) as reader:
        assert reader.index.start_ms == 0
        assert reader.index.num_discarded > 0
        assert reader.index.num_frames == reader.index.num_frames_header
        assert read_number(reader.read_frames([0])[0]) == 34


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


@pytest.fixture
def count_fed(monkeypatch):
    """PTS of the packets that any decoder is fed from here on."""
    fed = []

    class Counting:
        def __init__(self, decoder):
            self._decoder = decoder

        def decode(self, packet):
            fed.extend([packet.pts] if packet is not None and packet.size else [])
            return self._decoder.decode(packet)

        def flush_buffers(self):
            self._decoder.flush_buffers()

    original = PacketSource.seek

    def seek(self, point):
        landed = original(self, point)
        if not isinstance(self.decoder, Counting):
            self.decoder = Counting(self.decoder)
        return landed

    monkeypatch.setattr(PacketSource, "seek", seek)
    return fed


def test_many_clips_of_one_file_are_decoded_in_one_pass(tmp_path, count_fed):
    path = write_numbered(tmp_path / "a.mp4", 90, options={"g": "90", "bf": "0"})
    with VideoReader(path) as reader:
        clips = [range(60, 70), [12, 11, 11], range(8, 14)]
        for place, frames in reader.read_clips(clips, short_side=60):
            assert read_numbers(frames) == list(clips[place])
        step = reader.index.pts[1]
    assert count_fed == [number * step for number in range(70)]


def test_clips_that_share_frames_share_no_memory(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 30)
    with VideoReader(path) as reader:
        seen = {}
        for place, frames in reader.read_clips([[3, 4], [4, 4, 5], [4]], short_side=60):
            seen[place] = read_numbers(frames)
            frames[:] = 0
    assert seen == {0: [3, 4], 1: [4, 4, 5], 2: [4]}


def test_reads_that_interrupt_each_other_are_right(tmp_path):
    path = MATRIX["open-gop.mp4"](tmp_path / "a.mp4")
    with VideoReader(path) as reader:
        expected = reader.read_frames(range(90))
        clips = [range(first, first + 4) for first in range(0, 86, 7)]
        for place, frames in reader.read_clips(clips):
            np.testing.assert_array_equal(frames, expected[list(clips[place])])
            other = place * 37 % 90
            np.testing.assert_array_equal(reader.read_frames([other])[0], expected[other])
        for number, (one, two) in enumerate(zip(reader.iterate_frames(0, 40), reader.iterate_frames(45), strict=False)):
            np.testing.assert_array_equal(one, expected[number])
            np.testing.assert_array_equal(two, expected[45 + number])
        passing = reader.iterate_frames(20, 40)
        for number in range(20, 40):
            np.testing.assert_array_equal(next(passing), expected[number])
            if number % 5 == 0:
                reader.close()


def test_a_file_that_was_put_in_the_place_of_another_is_noticed(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 30)
    other = write_numbered(tmp_path / "b.mp4", 30, options=X264_PYRAMID)
    with VideoReader(path) as reader:
        assert read_numbers(reader.read_frames([5])) == [5]
    other.replace(path)
    with pytest.raises(VideoError, match=r"a\.mp4: is another file than the one that was indexed"):
        reader.read_frames([6])
    with VideoReader(path) as reader:
        assert read_numbers(reader.read_frames([6])) == [6]


def test_a_lost_packet_of_a_transport_stream_costs_what_is_made_from_it(tmp_path):
    path = write_numbered(tmp_path / "a.ts", 120, options=X264_PYRAMID)
    data, middle = path.read_bytes(), path.stat().st_size // 188 // 2 * 188
    path.write_bytes(data[:middle] + data[middle + 188 :])
    with VideoReader(path) as reader:
        assert reader.index.damage == ""
        numbers = {}
        for number, time_ms in enumerate(reader.index.pts_ms - reader.index.pts_ms[0]):
            with suppress(VideoError):
                numbers[round(time_ms / 40)] = read_number(reader.read_frames([number])[0])
    assert all(shown == number for number, shown in numbers.items())
    assert 90 < len(numbers) < 120


def test_times_that_come_twice_in_a_transport_stream_never_give_another_frame(tmp_path):
    one = write_numbered(tmp_path / "one.ts", 60, options=X264_PYRAMID)
    two = write_numbered(tmp_path / "two.ts", 60, options=X264_PYRAMID, first_number=1000)
    path = tmp_path / "both.ts"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    with VideoReader(path) as reader:
        frames = range(reader.index.num_frames)
        for number in [*frames, *reversed(frames)]:
            with suppress(VideoError):
                assert read_number(reader.read_frames([number])[0]) == (number if number < 60 else 940 + number)


def test_an_avi_of_copied_frames_is_whole_whatever_its_header_counts(tmp_path):
    """FFmpeg writes the rate of fields for copied H.264, and counts an empty chunk for every other."""
    times = range(0, 120, 2)
    path = write_numbered(tmp_path / "a.avi", 60, rate=50, times=times, time_base=Fraction(1, 50), options=X264_PYRAMID)
    with VideoReader(path) as reader:
        assert (reader.index.damage, reader.index.num_frames_header) == ("", 119)
        assert read_numbers(reader.read_frames(range(reader.index.num_frames))) == list(range(60))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with VideoReader(path) as reader:
        assert reader.index.damage
        assert 0 < reader.index.num_frames < 60


def test_only_packets_that_wanted_frames_are_made_from_are_decoded(tmp_path, count_fed):
    options = {"x264-params": "keyint=48:bframes=3:b-adapt=0:b-pyramid=none:scenecut=0"}
    path = write_numbered(tmp_path / "a.mp4", 96, options=options)
    with VideoReader(path) as reader:
        # Three B-frames between two others: I B B B P B B B P …, the last of 48 being P.
        is_reference = np.arange(96) % 48 % 4 == 0
        is_reference[[47, 95]] = True
        np.testing.assert_array_equal(~reader.index.is_disposable, is_reference)
        assert read_numbers(reader.read_frames([61, 66])) == [61, 66]
        fed = np.searchsorted(reader.index.pts, sorted(count_fed))
    assert fed.tolist() == [48, 52, 56, 60, 61, 64, 66, 68]


def test_reading_step_by_step_decodes_every_frame_once(tmp_path, count_fed):
    path = write_numbered(tmp_path / "a.mp4", 90, options={"g": "90", "bf": "0"})
    with VideoReader(path) as reader:
        for number in range(40, 60):
            assert read_numbers(reader.read_frames([number])) == [number]
    # The first call reads from the key frame, the second turns it into a pass, and from then on nothing is read again.
    assert len(count_fed) < 41 + 62


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
    ("name", "options"),
    [
        ("cut.mp4", {"container_options": {"movflags": "faststart"}, "options": X264_PYRAMID}),
        ("cut.mkv", {"options": X264_PYRAMID}),
        ("cut.webm", {"codec": "libvpx", "gop": 24, "options": VPX}),
        ("cut.avi", {"codec": "mpeg4", "b_frames": 2, "gop": 12}),
    ],
)
def test_a_truncated_file_gives_what_is_safe_and_names_the_first_frame_that_is_lost(tmp_path, name, options):
    whole = write_numbered(tmp_path / name, 120, **options)
    data = whole.read_bytes()
    for share in (0.9, 0.5, 0.3):
        whole.write_bytes(data[: int(len(data) * share)])
        with VideoReader(whole) as reader:
            kept = reader.index.num_frames
            assert 0 < kept < 120
            assert read_numbers(reader.read_frames(range(kept))) == list(range(kept))
            with pytest.raises(VideoError, match=rf"{name}: frame {kept} does not decode \(header promises 120"):
                reader.read_frames([kept])
            with pytest.raises(VideoError, match=rf"is not all there: frame {kept} does not decode"):
                reader.read_clip(0, 4800)
            with pytest.raises(VideoError, match=rf"frame {kept} does not decode"):
                reader.find_frame_at(4790)


def test_a_truncated_gif_loses_its_last_picture(tmp_path):
    path = write_numbered(tmp_path / "a.gif", 40, codec="gif", pixel_format="rgb8")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoReader(path) as reader:
        kept = reader.index.num_frames
        assert read_numbers(reader.read_frames(range(kept))) == list(range(kept))
        with pytest.raises(VideoError, match=rf"frame {kept} does not decode \(the file ends early\)"):
            reader.read_frames([kept])


def test_frames_behind_damage_are_refused_and_frames_before_it_are_right(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 60, options={"g": "20", "bf": "0"})
    with av.open(str(path)) as container:
        packet = next(p for p in container.demux(video=0) if p.pts == 30 * 512)
        position, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[position : position + size] = b"\xff" * size
    path.write_bytes(data)
    with VideoReader(path) as reader:
        assert read_numbers(reader.read_frames(range(28))) == list(range(28))
        with pytest.raises(VideoError, match=r"a\.mp4: frame 30 does not decode \(header promises 60\)"):
            reader.read_frames([30])
        assert read_numbers(reader.read_frames(range(40, 60))) == list(range(40, 60))


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_two_fields_that_are_packed_one_by_one_are_one_frame(tmp_path, suffix):
    path = write_field_coded(tmp_path / f"fields.{suffix}")
    with VideoReader(path) as reader:
        np.testing.assert_array_equal(reader.index.pts_ms, np.arange(16) * 40.0)
        for number in (15, 3, 8, 7, 0):
            assert read_numbers(reader.read_frames([number])) == [number]
        assert read_numbers(reader.read_frames(range(16))) == list(range(16))


@pytest.mark.parametrize("name", ["growing.mkv", "growing.ts", "growing.mp4"])
def test_of_a_file_that_is_still_being_written_what_is_there_can_be_read(tmp_path, name):
    fragments = {"movflags": "frag_keyframe+empty_moov"} if name.endswith("mp4") else {}
    whole = write_numbered(tmp_path / f"whole-{name}", 120, options=X264_PYRAMID, container_options=fragments)
    data, path = whole.read_bytes(), tmp_path / name
    found = []
    for share in (0.4, 0.7, 1.0):
        path.write_bytes(data[: int(len(data) * share)])
        with VideoReader(path) as reader:
            found.append(reader.index.num_frames)
            assert read_numbers(reader.read_frames(range(found[-1]))) == list(range(found[-1]))
            # Written on while it is open: the frames that were there stay the same.
            path.write_bytes(data)
            assert read_numbers(reader.read_frames([found[-1] - 1, 5])) == [found[-1] - 1, 5]
    assert found == sorted(set(found))
    assert found[-1] == 120


def test_one_byte_that_is_wrong_never_gives_a_wrong_picture_of_h264(tmp_path):
    """Frames made from a damaged packet are refused, each by its number; all others are right, bit by bit."""
    path = write_numbered(tmp_path / "a.mp4", 48, options={"x264-params": "keyint=24:bframes=3:cabac=1"})
    with VideoReader(path) as reader:
        expected, index = reader.read_frames(range(48)), reader.index
    data = path.read_bytes()
    rng = np.random.default_rng(3)
    num_refused = 0
    for frame in rng.permutation(48)[:8].tolist():
        damaged = bytearray(data)
        place = int(
            index.position[frame] + rng.integers(index.packet_bytes[frame] // 4, index.packet_bytes[frame] // 2)
        )
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        with VideoReader(path) as reader:
            for number in range(48):
                try:
                    picture = reader.read_frames([number])[0]
                except VideoError as error:
                    assert f"frame {number} does not decode" in str(error)
                    assert number // 24 == frame // 24, "damage does not reach past a key frame"
                    num_refused += 1
                else:
                    np.testing.assert_array_equal(picture, expected[number])
    assert num_refused > 8


def write_audio(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "is a folder, not a video"),
        (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        (lambda path: path.write_text("not a video\n" * 200), "is not a video that FFmpeg can read"),
        (write_audio, r"holds no video \(it holds: audio\)"),
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
