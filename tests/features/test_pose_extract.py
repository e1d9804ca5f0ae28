"""Poses of an action's clips, with the real model on a few simulated frames and with a model that knows."""

import hashlib
from fractions import Fraction

import av
import numpy as np
import pytest
from pose_scenes import KnowingModel, LateModel, draw_scene, stand_still, walk, write_lossless

from finegym.annotations.model import Action, Dataset, Video
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError, FeatureError, VideoError
from finegym.features.make import WantedClip
from finegym.features.pose import extract
from finegym.features.pose.extract import PoseMaker, check_given_boxes
from finegym.features.pose.gymnast import find_gymnast
from finegym.features.pose.overrides import GivenBox
from finegym.features.pose.poses import FOUND, MISSING
from finegym.features.pose.quality import compute_pck
from finegym.features.pose.store import decode_poses
from finegym.simulation.competition import CompetitionSettings, simulate_competition
from finegym.simulation.truth import read_truth
from finegym.video.reader import VideoReader
from finegym.video.store.units import Segment

RED, BLUE = (240, 40, 60), (40, 60, 240)


@pytest.fixture
def knowing(monkeypatch):
    """Poses come from a model that knows a red person and a blue one."""
    monkeypatch.setattr(extract, "_open_model", lambda name: KnowingModel((RED, BLUE)))


def make_clips(*ranges):
    return [WantedClip(Segment(f"v_{n}", "v", "v.mp4", 0, 0), frames) for n, frames in enumerate(ranges)]


def run(maker, path, action, clips):
    with VideoReader(path) as reader:
        made = list(maker.make(reader, action, clips, []))
    return made, [decode_poses(b"".join(clip.encode("{}")), clip.instance_id) for clip in made]


def test_clips_come_in_order_with_their_counts(tmp_path, knowing):
    path = write_lossless(tmp_path / "v.mp4", draw_scene([walk(60, 180, 70, 30)]))
    made, poses = run(PoseMaker(), path, range(30), make_clips(range(4, 14), range(10, 26)))
    assert [clip.instance_id for clip in made] == ["v_0", "v_1"]
    assert made[0].counts == {"frames": 10, "found": 10, "interpolated": 0, "missing": 0}
    assert (made[0].height, made[0].width) == (144, 256)
    middle = poses[1].keypoints[0, :, [11, 12]].mean(axis=0)
    assert np.abs(middle[:, 0] - walk(60, 180, 70, 30)[10:26, 0]).max() < 3


def test_portions_change_nothing(tmp_path, knowing, monkeypatch):
    path = write_lossless(tmp_path / "v.mp4", draw_scene([walk(60, 180, 70, 30)]))
    clips = make_clips(range(2, 28))
    whole = run(PoseMaker(), path, range(30), clips)[1][0]
    monkeypatch.setattr(extract, "PORTION_BYTES", 1)
    pieces = run(PoseMaker(), path, range(30), clips)[1][0]
    assert np.array_equal(whole.keypoints, pieces.keypoints) and np.array_equal(whole.status, pieces.status)


@pytest.mark.parametrize("portion", [8, 11, 16, 24])
def test_whom_the_model_knows_late_is_found_from_the_first_frame_whatever_fits_into_memory(
    tmp_path, monkeypatch, portion
):
    """She is recognised in frame 20 of 24 alone; all frames before it are found going back."""
    way = walk(60, 150, 70, 24)
    frames = draw_scene([way])
    frames[20] = draw_scene([way], colours=[BLUE])[20]
    path = write_lossless(tmp_path / "v.mp4", frames)
    monkeypatch.setattr(extract, "_open_model", lambda name: LateModel((RED, BLUE)))
    monkeypatch.setattr(extract, "PORTION_BYTES", portion * frames[0].size)
    made, _ = run(PoseMaker(), path, range(24), make_clips(range(24), range(2, 22)))
    assert {clip.instance_id: clip.counts["found"] for clip in made} == {"v_0": 24, "v_1": 20}


def test_a_given_box_names_the_person(tmp_path, knowing):
    paths = [walk(40, 220, 40, 30), walk(100, 130, 105, 30)]
    path = write_lossless(tmp_path / "v.mp4", draw_scene(paths, length=36))
    clips = make_clips(range(6, 24))
    free = run(PoseMaker(), path, range(30), clips)[1][0]
    given = (GivenBox("v", 0.0, (94, 87, 106, 123)), GivenBox("other", 0.0, (0, 0, 9, 9)))
    told = run(PoseMaker(given=given), path, range(30), clips)[1][0]
    assert (free.boxes[0, free.status[0] == FOUND, 3] < 80).all() and (free.status == FOUND).mean() > 0.8
    assert (told.boxes[0, told.status[0] == FOUND, 1] > 70).all() and (told.status == FOUND).mean() > 0.8
    assert PoseMaker(given=given).make_settings() != PoseMaker().make_settings()


def test_another_file_under_the_same_name_is_another_model(tmp_path, knowing):
    path, moved = tmp_path / "net.onnx", tmp_path / "elsewhere" / "net.onnx"
    path.write_bytes(b"weights")
    settings = PoseMaker(str(path)).make_settings()
    assert settings.parameters["model"] == f"net.onnx {hashlib.sha256(b'weights').hexdigest()[:12]}"
    moved.parent.mkdir()
    moved.write_bytes(b"weights")
    assert PoseMaker(str(moved)).make_settings() == settings
    path.write_bytes(b"other weights")
    assert PoseMaker(str(path)).make_settings() != settings
    path.unlink()
    with pytest.raises(FeatureError, match="no such file"):
        PoseMaker(str(path)).make_settings()


def test_one_frame_is_enough(tmp_path, knowing):
    path = write_lossless(tmp_path / "v.mp4", draw_scene([stand_still(128, 72, 1)]))
    made, poses = run(PoseMaker(), path, range(1), make_clips(range(1)))
    assert made[0].counts["frames"] == 1 and poses[0].keypoints.shape == (1, 1, 17, 2)


def test_a_still_clip_gives_numbers(tmp_path, knowing):
    path = write_lossless(tmp_path / "v.mp4", draw_scene([stand_still(128, 72, 8)]))
    made, poses = run(PoseMaker(), path, range(8), make_clips(range(8)))
    assert np.isfinite(poses[0].keypoints).all()
    assert made[0].counts["found"] == 8  # in the middle of the picture, where one looks if nothing moves


def test_a_picture_that_changes_its_size_costs_only_its_clips(tmp_path, knowing):
    path = write_two_sizes(tmp_path, draw_scene([walk(60, 120, 70, 10)]))
    with VideoReader(path) as reader:
        made = PoseMaker().make(reader, range(20), make_clips(range(10), range(12, 18)), [])
        first = next(made)
        assert first.counts["found"] == first.counts["frames_whose_routine_does_not_decode"] == 10
        with pytest.raises(VideoError, match="size changes"):
            next(made)


def write_two_sizes(folder, frames):
    """Frames, then as many of half the size, in one file."""
    parts = [
        write_lossless(folder / f"{n}.h264", frames if n == 0 else frames[:, ::2, ::2], options={"bf": "0"})
        for n in range(2)
    ]
    path = folder / "v.mkv"
    number = 0
    with av.open(str(parts[0])) as first, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(first.streams.video[0])
        for part in parts:
            with av.open(str(part)) as source:
                for packet in source.demux(video=0):
                    if packet.size:
                        packet.pts = packet.dts = 3600 * number
                        packet.time_base, packet.stream = Fraction(1, 90000), stream
                        out.mux(packet)
                        number += 1
    return path


def test_nobody_is_missing_not_invented(tmp_path, knowing):
    path = write_lossless(tmp_path / "v.mp4", draw_scene(np.zeros((0, 8, 2)), pan=2.0))
    poses = run(PoseMaker(), path, range(8), make_clips(range(8)))[1][0]
    assert (poses.status == MISSING).all() and not poses.keypoints.any()


@pytest.mark.parametrize(
    "settings", [{"max_gap_frames": -1}, {"search_every": 0}, {"min_presence": 1.5}, {"min_support": -0.1}]
)
def test_settings_out_of_range_are_refused(settings, knowing):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        PoseMaker(**settings)


def test_boxes_of_unknown_records_and_times_are_refused():
    dataset = Dataset(read_builtin("artistic-women"), (Video("v", (Action("E_000001_000002", "VT", 1000, 2000),)),))
    check_given_boxes([GivenBox("v", 1500, (0, 0, 9, 9))], dataset)
    with pytest.raises(ConfigError, match="the first is w"):
        check_given_boxes([GivenBox("w", 1500, (0, 0, 9, 9))], dataset)
    with pytest.raises(ConfigError, match="2000 ms lies in none"):
        check_given_boxes([GivenBox("v", 2000, (0, 0, 9, 9))], dataset)


def test_without_weights_the_error_says_what_fetches_them(tmp_path, monkeypatch):
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(tmp_path))
    extract._open_model.cache_clear()
    with pytest.raises(ConfigError, match="finegym weights fetch blazepose"):
        PoseMaker()


@pytest.fixture(scope="module")
def vault(tmp_path_factory):
    """A simulated vault: its file, the frames of the action, and the truth."""
    folder = tmp_path_factory.mktemp("vault")
    settings = CompetitionSettings(num_videos=1, minutes=0.35, seed=3, size=(480, 270), events=("VT",))
    simulate_competition(settings, read_builtin("artistic-women"), folder, show_progress=False)
    truth = read_truth(next((folder / "truth").glob("*.npz")))
    action = truth.video.actions[0]
    path = folder / truth.video.path
    with VideoReader(path) as reader:
        frames = reader.index.find_frames_between(action.start_ms, action.end_ms)
    return path, range(int(frames[0]), int(frames[-1]) + 1), truth.arrays


def test_the_simulated_gymnast_is_found(vault):
    path, action, truth = vault
    with VideoReader(path) as reader:
        where = find_gymnast(reader, action, [])
    boxes = truth["boxes"][list(action)]
    there = np.isfinite(boxes).all(axis=1)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    near = np.hypot(*(where.centres - middle).T) < 0.6 * (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    assert near[there].mean() > 0.95


def test_the_real_model_on_a_simulated_vault(vault, shared, monkeypatch):
    path, action, truth = vault
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(shared / "weights"))
    extract._open_model.cache_clear()
    run_up = action[20:44]
    poses = run(PoseMaker(), path, action, make_clips(run_up))[1][0]
    found = poses.status[0] == FOUND
    rows = np.array(run_up)[found]
    visible = truth["visibility"][rows, :17] == 2
    pck = compute_pck(poses.keypoints[0, found], truth["joints_2d"][rows, :17], visible)
    assert found.mean() > 0.5
    assert np.nanmean(pck) > 0.7
