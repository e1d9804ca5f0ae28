"""The quick pass: which frames it looks at, what it sees of them, what is damaged."""

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest
from numbered import read_number, write_numbered

from finegym.errors import VideoError
from finegym.video.index_cache import read_index
from finegym.video.ingest.signals import compute_signals, read_signals, write_signals
from finegym.video.reader import VideoReader

B_FRAMES = {"x264-params": "bframes=3:b-adapt=0:b-pyramid=none:keyint=50:scenecut=0"}


def read_numbers_of(signals):
    """The numbers drawn in the thumbnails."""
    return [read_number(cv2.resize(small, (512, 288), interpolation=cv2.INTER_NEAREST)) for small in signals.luma]


def test_looks_at_the_frames_that_others_refer_to_and_names_them_by_pts(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 120, size=(320, 180), options=B_FRAMES)
    signals = compute_signals(path)
    assert 25 <= len(signals.frames) <= 40, "one frame in four, and the ends of groups"
    assert read_numbers_of(signals) == signals.frames.tolist()
    assert signals.times_ms.tolist() == [40.0 * number for number in signals.frames]
    assert signals.damaged.size == 0


@pytest.mark.parametrize("suffix, codec", [(".webm", "libvpx-vp9"), (".mp4", "mpeg4"), (".avi", "mpeg4")])
def test_looks_at_all_frames_where_the_codec_does_not_say(tmp_path, suffix, codec):
    options = {"bf": "0"} if codec == "mpeg4" else {"deadline": "realtime", "cpu-used": "8"}
    path = write_numbered(tmp_path / f"a{suffix}", 30, size=(320, 180), codec=codec, options=options)
    signals = compute_signals(path)
    assert signals.frames.tolist() == read_numbers_of(signals) == list(range(30))


def test_variable_rate_and_late_start_are_kept(tmp_path):
    times = (5000 + np.cumsum(np.tile([20, 60, 33], 20))).tolist()
    path = write_numbered(tmp_path / "a.mkv", 60, size=(320, 180), times=times, rate=1000)
    signals = compute_signals(path)
    assert read_numbers_of(signals) == signals.frames.tolist()
    assert signals.times_ms.tolist() == [times[number] for number in signals.frames]


@pytest.mark.parametrize("quality, mean, most", [("0", 0.6, 2.5), ("23", 1.5, 15.0)])
def test_thumbnails_are_area_averages_of_the_coded_planes(tmp_path, quality, mean, most):
    """Exact but for rounding where nothing is deblocked (lossless), nearly so where deblocking is left out."""
    options = {"qp": quality, "x264-params": "threads=1"}
    path = write_numbered(tmp_path / "a.mp4", 60, size=(640, 360), options=options)
    signals = compute_signals(path)
    with VideoReader(path) as reader:
        frames = reader.read_frames(signals.frames, colours="yuv420").astype(float)
    for planes, luma, chroma in zip(frames, signals.luma, signals.chroma, strict=True):
        wrong = np.abs(planes[:360].reshape(36, 10, 64, 10).mean((1, 3)) - luma)
        assert wrong.mean() < mean and wrong.max() < most
        colours = planes[360:].reshape(2, 180, 320).reshape(2, 9, 20, 16, 20).mean((2, 4))
        assert np.abs(colours - chroma).max() < most


def test_large_pictures_are_averaged_as_small_ones(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 2, size=(1280, 720), b_frames=0, options={"qp": "0"})
    signals = compute_signals(path)
    with VideoReader(path) as reader:
        grey = reader.read_frames([0], colours="yuv420")[0][:720]
    assert np.abs(grey.reshape(36, 20, 64, 20).mean((1, 3)) - signals.luma[0]).max() < 1.2


def test_a_picture_that_stands_still_stands_still_in_the_signals(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 30, size=(320, 180))
    with VideoReader(path) as reader:
        frames = reader.read_frames([*range(30), *[29] * 60])
    with av.open(str(tmp_path / "still.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for time, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = time
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    signals = compute_signals(tmp_path / "still.mp4")
    still = signals.luma[signals.frames >= 36].astype(int)
    assert len(still) > 10 and np.abs(np.diff(still, axis=0)).max() <= 1


@pytest.mark.parametrize("turns, matrix", [(1, (0, 1, -1, 0)), (2, (-1, 0, 0, -1)), (3, (0, -1, 1, 0))])
def test_thumbnails_are_upright(tmp_path, turns, matrix):
    path = write_numbered(
        tmp_path / "a.mp4", 5, size=(320, 180), b_frames=0, matrix=matrix, prepare=lambda p: np.rot90(p, turns)
    )
    assert read_numbers_of(compute_signals(path)) == list(range(5))


def test_mirrored_pictures_are_upright(tmp_path):
    path = write_numbered(
        tmp_path / "a.mp4", 5, size=(320, 180), b_frames=0, matrix=(-1, 0, 0, 1), prepare=lambda p: p[:, ::-1]
    )
    assert read_numbers_of(compute_signals(path)) == list(range(5))


def test_ten_bits_and_odd_sizes(tmp_path):
    ten = write_numbered(tmp_path / "ten.mp4", 8, size=(320, 180), pixel_format="yuv420p10le", b_frames=0)
    odd = write_numbered(tmp_path / "odd.mp4", 8, size=(321, 181), codec="mpeg4")
    for path in (ten, odd):
        assert read_numbers_of(compute_signals(path)) == list(range(8))


def test_a_frame_that_others_refer_to_and_that_never_comes_out_is_damaged(tmp_path, monkeypatch):
    path = write_numbered(tmp_path / "a.mp4", 60, size=(320, 180), options=B_FRAMES)
    index = read_index(path)
    # The index takes every frame for one that others refer to: those that the decoder leaves out are missed.
    doubtful = replace(index, is_disposable=np.zeros(index.num_frames, bool))
    monkeypatch.setattr("finegym.video.ingest.signals.read_index", lambda path: doubtful)
    signals = compute_signals(path)
    assert signals.damaged.tolist() == np.flatnonzero(index.is_disposable).tolist()
    assert sorted([*signals.frames, *signals.damaged]) == [*range(60)]


def test_damaged_frames_are_named(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 40, size=(320, 180), options={"x264-params": "bframes=0:keyint=10"})
    index = read_index(path)
    with av.open(str(path)) as container:
        packets = {packet.pts: (packet.pos, packet.size) for packet in container.demux(video=0) if packet.size}
    position, size = packets[int(index.pts[15])]
    data = bytearray(path.read_bytes())
    data[position + 4 : position + size] = bytes([0xFF] * (size - 4))
    path.write_bytes(data)
    signals = compute_signals(path)
    assert 15 in signals.damaged
    assert set(signals.frames) >= {*range(15), *range(20, 40)}
    assert not set(signals.frames) & set(signals.damaged)
    seen = dict(zip(signals.frames.tolist(), read_numbers_of(signals), strict=True))
    assert all(seen[number] == number for number in [*range(15), *range(20, 40)])


def test_signals_are_kept_for_one_content_only(tmp_path):
    signals = compute_signals(write_numbered(tmp_path / "a.mp4", 20, size=(320, 180)))
    write_signals(tmp_path / "signals.npz", signals, "sha")
    again = read_signals(tmp_path / "signals.npz", "sha")
    assert again is not None
    for name in ("frames", "times_ms", "luma", "chroma", "damaged"):
        assert np.array_equal(getattr(again, name), getattr(signals, name))
    assert read_signals(tmp_path / "signals.npz", "other") is None
    assert read_signals(tmp_path / "none.npz", "sha") is None
    whole = (tmp_path / "signals.npz").read_bytes()
    (tmp_path / "signals.npz").write_bytes(whole[: len(whole) // 2])
    assert read_signals(tmp_path / "signals.npz", "sha") is None


def test_what_is_no_video_is_said(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(VideoError, match=r"a\.mp4"):
        compute_signals(tmp_path / "a.mp4")
