"""Remuxing: the same pictures on the same clock, and what cannot be kept is told."""

from fractions import Fraction

import av
import numpy as np
import pytest
from field_videos import write_fields
from numbered import copy_stream, read_number, write_numbered
from reader_videos import X264_PYRAMID

from finegym.errors import OutputError, VideoError
from finegym.video.ingest.remux import is_remuxed, remux
from finegym.video.ingest.remux_clock import join_fields
from finegym.video.reader import VideoReader


def decode_all(path):
    """(times in ms, pictures) of every frame that a plain decode gives."""
    with av.open(str(path)) as container:
        frames = [(1000 * float(frame.time), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    order = sorted(range(len(frames)), key=lambda place: frames[place][0])
    return np.array([frames[place][0] for place in order]), [frames[place][1] for place in order]


def assert_same(source, target):
    times, pictures = decode_all(source)
    with VideoReader(target) as reader:
        assert reader.index.num_frames == len(pictures) and reader.index.damage == ""
        assert np.abs(reader.index.pts_ms - times).max() < 0.02, "one tick of 90 kHz"
        for ours, theirs in zip(reader.iterate_frames(), pictures, strict=True):
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.ts", "libx264", {"b_frames": 3, "gop": 30}),
        ("a.m2ts", "libx264", {"b_frames": 0, "gop": 25}),
        ("a.mpg", "mpeg2video", {"b_frames": 2, "gop": 15}),
        ("a.ts", "libx265", {"options": {"x265-params": "log-level=none:bframes=2:keyint=30"}}),
        ("a.ts", "libx264", {"rate": 50, "options": {"x264-params": "open-gop=1:bframes=5:keyint=20:min-keyint=20"}}),
    ],
)
def test_the_pictures_and_times_are_those_of_the_original(tmp_path, name, codec, options):
    source = write_numbered(tmp_path / name, 90, codec=codec, **options)
    assert is_remuxed(source)
    result = remux(source, tmp_path / "out.mp4")
    assert result.num_packets == 90 and result.damage == () and result.streams_left_out == ()
    assert_same(source, tmp_path / "out.mp4")
    with VideoReader(tmp_path / "out.mp4") as reader:
        wanted = [70, 3, 41, 88, 15]
        assert [read_number(frame) for frame in reader.read_frames(wanted)] == wanted


def test_a_late_start_stays_on_the_clock(tmp_path):
    whole = write_numbered(tmp_path / "whole.mp4", 50, b_frames=2)
    late = copy_stream(whole, tmp_path / "late.ts", shift_s=12_345.6)
    remux(late, tmp_path / "out.mp4")
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.index.start_ms == pytest.approx(12_345_600, abs=0.1)
    assert_same(late, tmp_path / "out.mp4")


def test_mp4_and_mkv_are_not_remuxed(tmp_path):
    assert not is_remuxed(write_numbered(tmp_path / "a.mp4", 5))
    assert not is_remuxed(write_numbered(tmp_path / "a.mkv", 5))


def test_a_stream_that_begins_between_key_frames_begins_with_the_first_one(tmp_path):
    whole = write_numbered(tmp_path / "whole.ts", 90, gop=30, b_frames=0)
    content = whole.read_bytes()
    with av.open(str(whole)) as container:
        second = [packet.pos for packet in container.demux(video=0) if packet.size][10]
    (tmp_path / "cut.ts").write_bytes(content[: 188 * 3] + content[second // 188 * 188 :])
    result = remux(tmp_path / "cut.ts", tmp_path / "out.mp4")
    (damage,) = result.damage
    assert damage.kind == "no_key_frame" and result.num_packets == 60
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert read_number(reader.read_frames([0])[0]) == 30
        assert damage.end_ms == round(reader.index.start_ms)


@pytest.mark.parametrize("order", ["back", "ahead"])
def test_a_clock_that_jumps_goes_on_without_the_jump(tmp_path, order):
    first = write_numbered(tmp_path / "first.ts", 50, gop=25, b_frames=0)
    late = copy_stream(first, tmp_path / "late.ts", shift_s=1000)
    (tmp_path / "spliced.ts").write_bytes(
        late.read_bytes() + first.read_bytes() if order == "back" else first.read_bytes() + late.read_bytes()
    )
    result = remux(tmp_path / "spliced.ts", tmp_path / "out.mp4")
    # The splice breaks the count of packets, too: the stream says that something was lost there.
    assert {found.kind for found in result.damage} == {"clock_jump", "undecodable"}
    with VideoReader(tmp_path / "out.mp4") as reader:
        numbers = [read_number(frame) for frame in reader.iterate_frames()]
        assert numbers == [*range(50), *range(50)]
        assert np.allclose(np.diff(reader.index.pts_ms), 40)


OPEN = {"x264-params": "keyint=24:min-keyint=24:bframes=5:b-adapt=0:scenecut=0:open-gop=1"}


def read_all_numbers(path):
    with VideoReader(path) as reader:
        assert reader.index.damage == ""
        return [read_number(frame) for frame in reader.iterate_frames()]


def read_positions(path):
    """Byte positions of the video packets, and which are key frames."""
    with av.open(str(path)) as container:
        found = [(packet.pos // 188 * 188, packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    return [place for place, _ in found], [is_key for _, is_key in found]


def test_a_clock_that_overflows_goes_on(tmp_path):
    whole = write_numbered(tmp_path / "whole.mp4", 120, options=X264_PYRAMID)
    source = copy_stream(whole, tmp_path / "a.ts", shift_s=95_441)
    result = remux(source, tmp_path / "out.mp4")
    assert result.num_packets == 120
    (damage,) = result.damage
    assert damage.kind == "clock_jump" and "overflows" in damage.note
    assert read_all_numbers(tmp_path / "out.mp4") == [*range(120)]
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.index.start_ms == pytest.approx(95_441_000, abs=1500), "the stream's own clock"
        assert reader.index.end_ms > 2**33 / 90
        assert np.allclose(np.diff(reader.index.pts_ms), 40)


@pytest.mark.parametrize("fall", [1, 3, 7, 12, 20, 24])
def test_a_splice_whose_clock_falls_back_a_little_loses_nothing(tmp_path, fall):
    first = write_numbered(tmp_path / "first.ts", 72, options=X264_PYRAMID)
    other = write_numbered(tmp_path / "other.mp4", 48, options=X264_PYRAMID)
    copy_stream(other, tmp_path / "other.ts", shift_s=(72 - fall) / 25)
    (tmp_path / "spliced.ts").write_bytes(first.read_bytes() + (tmp_path / "other.ts").read_bytes())
    result = remux(tmp_path / "spliced.ts", tmp_path / "out.mp4")
    assert result.num_packets == 120 and result.streams_left_out == ()
    assert read_all_numbers(tmp_path / "out.mp4") == [*range(72), *range(48)]


@pytest.mark.parametrize("cut", [26, 33, 40, 46])
@pytest.mark.parametrize("start", [0.4, 0.9, 2000])
def test_a_splice_between_key_frames_shows_no_wrong_picture(tmp_path, cut, start):
    """What follows it refers to pictures that are not there: it is left out up to the next key frame, and told."""
    first = write_numbered(tmp_path / "first.ts", 72, options=X264_PYRAMID)
    other = write_numbered(tmp_path / "other.mp4", 96, options=X264_PYRAMID, prepare=lambda picture: picture[::-1])
    copy_stream(other, tmp_path / "other.ts", shift_s=start)
    places, _ = read_positions(tmp_path / "other.ts")
    content = (tmp_path / "other.ts").read_bytes()
    (tmp_path / "spliced.ts").write_bytes(first.read_bytes() + content[: 188 * 3] + content[places[cut] :])
    result = remux(tmp_path / "spliced.ts", tmp_path / "out.mp4")
    assert result.num_packets == 72 + 48
    (lost,) = [found for found in result.damage if found.kind == "no_key_frame"]
    assert lost.note == f"{48 - cut} packets left out"
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.index.num_frames == 120
        pictures = [*reader.iterate_frames()]
    assert [read_number(picture) for picture in pictures[:72]] == [*range(72)]
    assert [read_number(picture[::-1]) for picture in pictures[72:]] == [*range(48, 96)]


def test_leading_pictures_after_a_splice_are_left_out_where_they_refer_past_it(tmp_path):
    first = write_numbered(tmp_path / "first.ts", 72, options=OPEN)
    places, is_key = read_positions(first)
    second_key = places[[place for place, key in enumerate(is_key) if key][1]]
    (tmp_path / "spliced.ts").write_bytes(first.read_bytes() + first.read_bytes()[second_key:])
    result = remux(tmp_path / "spliced.ts", tmp_path / "out.mp4")
    numbers = read_all_numbers(tmp_path / "out.mp4")
    assert numbers == [*range(72), *range(24, 72)] and result.num_packets == len(numbers)
    assert any(found.kind == "no_key_frame" and "refer to pictures" in found.note for found in result.damage)


def test_the_second_field_of_a_picture_joins_the_first(tmp_path):
    """Broadcasts that send a field a PES give FFmpeg every second packet without times."""
    first, second, later = (av.Packet(content) for content in (b"top", b"bottom", b"later"))
    with av.open(str(write_numbered(tmp_path / "a.ts", 5)), "r") as container:
        video = container.streams.video[0]
        for packet in (first, second):
            packet.stream, packet.time_base, packet.duration = video, Fraction(1, 90_000), 1800
        first.pts, first.dts, first.is_keyframe = 7200, 3600, True
        later.stream, later.pts, later.dts, later.time_base = video, 10_800, 7200, Fraction(1, 90_000)
        joined = list(join_fields([first, second, later], video.index))
    assert [bytes(packet) for packet in joined] == [b"topbottom", b"later"]
    assert (joined[0].pts, joined[0].dts, joined[0].duration, joined[0].is_keyframe) == (7200, 3600, 3600, True)


@pytest.mark.parametrize("is_each_timed", [False, True])
def test_pictures_in_two_fields_are_remuxed(tmp_path, is_each_timed):
    source = write_fields(tmp_path / "a.ts", 12, is_each_timed=is_each_timed)
    with av.open(str(source)) as container:
        timed = [packet.pts is not None for packet in container.demux(video=0) if packet.size]
    assert timed == [True, is_each_timed] * 12
    result = remux(source, tmp_path / "out.mp4")
    assert result.num_packets == (24 if is_each_timed else 12) and result.damage == ()
    assert read_all_numbers(tmp_path / "out.mp4") == [*range(12)]


def test_a_copy_that_lost_frames_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("finegym.video.ingest.remux_clock.OVERFLOW_S", Fraction(1))  # times stay negative
    whole = write_numbered(tmp_path / "whole.mp4", 120, options=X264_PYRAMID)
    source = copy_stream(whole, tmp_path / "a.ts", shift_s=95_441)
    with pytest.raises(VideoError, match="120 packets give"):
        remux(source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_what_mp4_cannot_hold_is_named(tmp_path):
    whole = write_numbered(tmp_path / "whole.mp4", 25)
    with av.open(str(whole)) as old, av.open(str(tmp_path / "a.ts"), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        data = new.add_data_stream("klv")
        for number, packet in enumerate(old.demux(video=0)):
            if packet.size:
                note = av.Packet(b"\x06\x0e\x2b\x34" + bytes(16))
                note.pts = note.dts = 3600 * number
                note.time_base, note.stream = Fraction(1, 90_000), data
                new.mux(note)
                packet.stream = video
                new.mux(packet)
    result = remux(tmp_path / "a.ts", tmp_path / "out.mp4")
    (left_out,) = result.streams_left_out
    assert "stream 1 (data" in left_out
    assert_same(tmp_path / "a.ts", tmp_path / "out.mp4")


def test_failure_leaves_nothing_behind(tmp_path):
    (tmp_path / "text.ts").write_text("hello" * 100)
    with pytest.raises(VideoError):
        remux(tmp_path / "text.ts", tmp_path / "out.mp4")
    source = write_numbered(tmp_path / "a.ts", 10)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        remux(source, tmp_path / "file" / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ts", "file", "text.ts"]
