"""What is decoded to read frames: no more than needed, and reads do not disturb each other."""

import numpy as np
import pytest
from numbered import read_numbers, write_numbered
from reader_videos import X264_PYRAMID, write_matrix

from finegym.errors import VideoError
from finegym.video.packets import PacketSource
from finegym.video.reader import VideoReader


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


def test_clips_that_share_frames_share_no_memory(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 30)
    with VideoReader(path) as reader:
        seen = {}
        for place, frames in reader.read_clips([[3, 4], [4, 4, 5], [4]], short_side=60):
            seen[place] = read_numbers(frames)
            frames[:] = 0
    assert seen == {0: [3, 4], 1: [4, 4, 5], 2: [4]}


def test_reads_that_interrupt_each_other_are_right(tmp_path):
    path, _ = write_matrix(tmp_path, "open-gop.mp4")
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
