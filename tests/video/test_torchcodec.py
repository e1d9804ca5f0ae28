"""The other backend gives the same frames; where it is not installed, or finds no FFmpeg, these tests are skipped."""

import sys
from fractions import Fraction

import numpy as np
import pytest
from numbered import read_numbers, write_numbered
from reader_videos import X264_PYRAMID

from finegym.errors import ConfigError, VideoError
from finegym.video.reader import VideoReader

VARIABLE_TIMES = np.cumsum(np.random.default_rng(5).integers(20, 60, 60)).tolist()


@pytest.fixture
def _torchcodec():
    pytest.importorskip("torchcodec", reason="torchcodec is not installed", exc_type=ImportError)
    try:
        import torchcodec.decoders  # noqa: F401
    except (RuntimeError, OSError):
        pytest.skip("torchcodec finds no FFmpeg libraries on this machine: the backend torchcodec was not tested")


@pytest.mark.usefixtures("_torchcodec")
@pytest.mark.parametrize(
    "options", [{}, {"times": VARIABLE_TIMES, "time_base": Fraction(1, 1000)}], ids=["constant", "variable"]
)
def test_both_backends_give_the_same_frames(tmp_path, options):
    path = write_numbered(tmp_path / "a.mp4", 60, options=X264_PYRAMID, **options)
    wanted = [50, 3, 3, 27, 8]
    with VideoReader(path) as one, VideoReader(path, backend="torchcodec") as other:
        ours, theirs = one.read_frames(wanted), other.read_frames(wanted)
        assert read_numbers(theirs) == wanted
        # Not to the bit: the two convert colours with another rounding.
        assert np.abs(ours.astype(int) - theirs).mean() < 3
        assert other.read_frames([7], short_side=60, colours="grey").shape == (1, 60, 80)
        clips = dict(other.read_clips([range(10, 14), [0, 59]], short_side=60))
        assert {place: read_numbers(frames) for place, frames in clips.items()} == {0: [10, 11, 12, 13], 1: [0, 59]}


@pytest.mark.usefixtures("_torchcodec")
def test_what_torchcodec_does_not_read_exactly_is_refused(tmp_path):
    counted = write_numbered(tmp_path / "a.avi", 10, codec="mpeg4")
    with pytest.raises(VideoError, match=r"has no time stamps, which torchcodec does not read exactly"):
        VideoReader(counted, backend="torchcodec")
    turned = write_numbered(tmp_path / "a.mp4", 10, matrix=(0, 1, -1, 0))
    with pytest.raises(VideoError, match=r"is to be shown turned"):
        VideoReader(turned, backend="torchcodec")


@pytest.mark.usefixtures("_torchcodec")
def test_a_frame_of_another_time_is_an_error(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 30, options=X264_PYRAMID)
    with VideoReader(path, backend="torchcodec") as reader:
        reader.index.pts[10:] += 512
        with pytest.raises(
            VideoError, match=r"torchcodec gives the frame of 480.0 ms for frame 12, which is shown at 520"
        ):
            reader.read_frames([12])


def test_where_torchcodec_is_missing_the_extra_is_named(tmp_path, monkeypatch):
    path = write_numbered(tmp_path / "a.mp4", 5)
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)
    with pytest.raises(ConfigError, match=r"pip install 'finegym\[torchcodec\]'"):
        VideoReader(path, backend="torchcodec")


def test_an_unknown_backend_is_refused(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 5)
    with pytest.raises(ConfigError, match=r"backend must be pyav or torchcodec, got 'decord'"):
        VideoReader(path, backend="decord")
