from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from finegym.errors import VideoError
from finegym.video.index import FrameIndex


def make_index(pts, time_base=Fraction(1, 1000), last=40):
    pts = np.array(pts, np.int64)
    return FrameIndex(
        path=Path("a.mp4"),
        pts=pts,
        end_pts=int(pts[-1]) + last,
        time_base=time_base,
        is_key=np.arange(len(pts)) == 0,
        seek_frames=np.zeros(1, np.int64),
        seek_stamps=pts[:1],
        stamps=np.empty(0, np.int64),
        width=4,
        height=4,
        rotation=0,
        is_mirrored=False,
        codec="h264",
        container="mov",
        pixel_format="yuv420p",
        num_frames_header=len(pts),
        has_audio=False,
        size_bytes=1,
    )


@pytest.mark.parametrize(("time_ms", "frame"), [(0, 0), (39.9, 0), (40, 1), (99, 1), (100, 2), (139.9, 2)])
def test_the_frame_shown_is_the_last_that_has_begun(time_ms, frame):
    assert make_index([0, 40, 100]).find_frame_at(time_ms) == frame


def test_before_the_first_frame_players_show_the_first():
    assert make_index([200, 240]).find_frame_at(10) == 0


@pytest.mark.parametrize("time_ms", [-1, 140, 1e9, float("nan")])
def test_nothing_is_shown_outside_the_video(time_ms):
    with pytest.raises(VideoError, match="nothing is shown at"):
        make_index([0, 40, 100]).find_frame_at(time_ms)


def test_times_of_the_ntsc_clock_are_compared_exactly():
    index = make_index(np.arange(0, 200_000) * 1001, Fraction(1, 30000), last=1001)
    for frame in (1, 77_777, 199_999):
        begin = Fraction(frame * 1001 * 1000, 30000)
        assert index.find_frame_at(float(begin) + 1e-6) == frame
        assert index.find_frame_at(float(begin) - 1e-6) == frame - 1


@pytest.mark.parametrize(
    "fps", [Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60000, 1001), Fraction(24)]
)
def test_whole_millisecond_times_find_the_frames_they_were_written_for(fps):
    """Rounded to the nearest millisecond, as files store them; intervals that touch share no frame."""
    index = make_index(np.arange(500) * fps.denominator, 1 / Fraction(fps.numerator), last=fps.denominator)
    written = [round(frame * 1000 / fps) for frame in range(500)]
    for first, stop in [(0, 1), (7, 30), (30, 31), (31, 499), (100, 103)]:
        assert index.find_frames_between(written[first], written[stop]) == range(first, stop)


def test_an_interval_without_a_beginning_frame_gets_the_one_shown():
    index = make_index([0, 40, 100])
    assert index.find_frames_between(50, 60) == range(1, 2)
    assert index.find_frames_between(101, 120) == range(2, 3)


def test_an_interval_past_the_end_stops_there_and_one_outside_is_an_error():
    index = make_index([0, 40, 100])
    assert index.find_frames_between(40, 5000) == range(1, 3)
    with pytest.raises(VideoError, match=r"\[140, 150\) ms lies outside the video, which runs from 0 to 140 ms"):
        index.find_frames_between(140, 150)
    with pytest.raises(VideoError, match="end must exceed start"):
        index.find_frames_between(40, 40)


def test_damage_makes_an_interval_past_the_end_an_error():
    index = replace(make_index([0, 40, 100]), num_frames_header=9, damage="the file ends early")
    assert index.find_frames_between(40, 140) == range(1, 3)
    message = r"frame 3 does not decode \(header promises 9; the file ends early\)"
    with pytest.raises(VideoError, match=message):
        index.find_frames_between(40, 160)
    with pytest.raises(VideoError, match=message):
        index.find_frame_at(160)


def test_rate_is_frames_over_the_time_they_are_shown():
    index = make_index([0, 40, 80, 120])
    assert index.fps_average == 25
    assert index.is_constant_rate
    assert not make_index([0, 40, 100]).is_constant_rate
    np.testing.assert_allclose(make_index([0, 1001], Fraction(1, 30000)).pts_ms, [0, 33.3666667])
