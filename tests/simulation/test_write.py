import errno
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from finegym.errors import OutputError, SimulationError
from finegym.simulation import write
from finegym.simulation.broadcast import make_programme
from finegym.simulation.truth import read_truth
from finegym.simulation.write import get_media_path, get_truth_path, is_record_written, render_programme, write_record
from finegym.video.reader import VideoReader


def decode(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture
def record(tmp_path, make_plan, codebook, perform):
    plan = make_plan()
    return plan, write_record(plan, codebook, tmp_path, perform), tmp_path


def test_record_has_the_frames_rate_and_size_that_were_planned(record):
    plan, video, folder = record
    with VideoReader(folder / get_media_path(plan.video_id)) as reader:
        assert reader.index.num_frames == plan.num_frames == video.num_frames
        assert (reader.index.width, reader.index.height) == plan.size
        assert reader.index.fps_average == pytest.approx(float(plan.fps))


def test_same_plan_same_bytes_other_seed_other_pixels(tmp_path, make_plan, codebook, perform):
    paths = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_record(make_plan(seconds=8, seed=seed), codebook, tmp_path / name, perform)
        paths.append(tmp_path / name / get_media_path("simTEST_-01"))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    first, other = decode(paths[0]), decode(paths[2])
    assert any((a != b).any() for a, b in zip(first, other, strict=False))
    truths = [np.load(tmp_path / name / get_truth_path("simTEST_-01")) for name in "ab"]
    assert all(
        np.array_equal(truths[0][key], truths[1][key], equal_nan=truths[0][key].dtype.kind == "f") for key in truths[0]
    )


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(30), Fraction(50)])
def test_annotated_intervals_give_exactly_the_frames_of_the_truth(tmp_path, make_plan, codebook, perform, fps):
    plan = make_plan(seconds=14, fps=fps, size=(64, 64), events=("FX",))
    video = write_record(plan, codebook, tmp_path, perform)
    truth = read_truth(tmp_path / get_truth_path(plan.video_id)).arrays
    stages = [stage for action in video.actions for sub in action.sub_actions for stage in sub.stages]
    assert len(stages) == len(truth["stage_frames"]) > 0
    with VideoReader(tmp_path / get_media_path(plan.video_id)) as reader:
        for (start_ms, end_ms), (start, end) in zip(stages, truth["stage_frames"].tolist(), strict=True):
            assert reader.index.find_frames_between(start_ms, end_ms) == range(start, end)


def test_truth_covers_every_frame(record):
    plan, video, folder = record
    truth = read_truth(folder / get_truth_path(plan.video_id))
    arrays = truth.arrays
    assert truth.video == video and truth.fps == plan.fps
    assert arrays["joints_3d"].shape == (plan.num_frames, 26, 3)
    assert arrays["joints_2d"].shape == (plan.num_frames, 26, 2)
    assert arrays["shot_start"][0] == 0 and arrays["shot_end"][-1] == plan.num_frames
    assert (arrays["shot_start"][1:] == arrays["shot_end"][:-1]).all()
    has_body = np.isfinite(arrays["joints_3d"]).all(axis=(1, 2))
    for kind, start, end in zip(arrays["shot_kind"], arrays["shot_start"], arrays["shot_end"], strict=True):
        expected = kind in ("walk-on", "routine", "interrupted", "replay", "close-up")
        assert (has_body[start:end] == expected).all()
    assert (arrays["visibility"][~has_body] == 0).all() and np.isnan(arrays["boxes"][~has_body]).all()


def test_truth_agrees_with_its_own_cameras(record):
    """Second road: project the 3-D joints with the cameras that the file names."""
    plan, _, folder = record
    arrays = read_truth(folder / get_truth_path(plan.video_id)).arrays
    for frame in np.flatnonzero(np.isfinite(arrays["joints_3d"][:, 0, 0]))[::37]:
        x, y, z, pan, tilt, focal = arrays["camera"][frame]
        local = arrays["joints_3d"][frame] - (x, y, z)
        right = local @ (np.cos(pan), -np.sin(pan), 0)
        forward = local @ (np.sin(pan) * np.cos(tilt), np.cos(pan) * np.cos(tilt), np.sin(tilt))
        up = local @ (-np.sin(pan) * np.sin(tilt), -np.cos(pan) * np.sin(tilt), np.cos(tilt))
        pixels = np.stack([right, -up], axis=1) / forward[:, None] * focal + (np.array(plan.size) - 1) / 2
        np.testing.assert_allclose(arrays["joints_2d"][frame], pixels, atol=0.05)


def test_media_file_shows_what_was_rendered(record, codebook, perform):
    plan, _, folder = record
    decoded = decode(folder / get_media_path(plan.video_id))
    programme = make_programme(plan, codebook, perform)
    for number, (frame, _) in enumerate(render_programme(programme)):
        if number % 60 == 30:
            assert np.abs(decoded[number].astype(int) - frame[:, :, :3]).mean() < 8


def test_every_frame_says_simulated(make_plan, codebook, perform):
    """The tag lies over all frames: its corner never has the full brightness of what is below it."""
    plan = make_plan(seconds=8, size=(320, 180))
    programme = make_programme(plan, codebook, perform)
    tag = write._Overlay(programme).tag
    height, width = tag.layer.shape[:2]
    letters = tag.layer[:, :, 0] > 0.6 * tag.layer.max()
    assert letters.sum() > 20
    for number, (frame, _) in enumerate(render_programme(programme)):
        if number % 40 == 0:
            corner = frame[tag.top : tag.top + height, tag.left : tag.left + width, 0]
            assert corner[letters].mean() > corner[~letters].mean() + 15


def test_full_disk_leaves_nothing_behind(tmp_path, make_plan, codebook, perform, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "encode_frames", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_record(make_plan(seconds=8), codebook, tmp_path, perform)
    assert not is_record_written(tmp_path, "simTEST_-01")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_truth_that_cannot_be_written_takes_the_media_file_with_it(tmp_path, make_plan, codebook, perform, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_record(make_plan(seconds=6), codebook, tmp_path, perform)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("content", [b"", b"not a zip", None])
def test_damaged_truth_is_one_clear_line(tmp_path, content):
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SimulationError, match=r"x\.npz"):
        read_truth(path)


def test_every_array_of_the_truth_is_documented(record):
    plan, _, folder = record
    page = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
    arrays = read_truth(folder / get_truth_path(plan.video_id)).arrays
    assert [name for name in arrays if f"`{name}`" not in page] == []
