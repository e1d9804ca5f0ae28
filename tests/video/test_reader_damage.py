"""Damaged, truncated and growing files: a frame is the right one, or it is refused by its number."""

from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest
from numbered import read_number, read_numbers, write_numbered
from reader_videos import GIF, MPEG4, PLAIN, VP8, X264_PYRAMID

from finegym.errors import VideoError
from finegym.video.reader import VideoReader


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


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cut.mp4", PLAIN | {"container_options": {"movflags": "faststart"}}),
        ("cut.mkv", PLAIN),
        ("cut.webm", VP8),
        ("cut.avi", MPEG4),
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
    path = write_numbered(tmp_path / "a.gif", **GIF)
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
