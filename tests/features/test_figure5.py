"""Figure 5 of a clip: rows over time, and what failed."""

import numpy as np
import pytest
from pose_scenes import KnowingModel, draw_scene, walk, write_lossless

from finegym.errors import VideoError
from finegym.features.pose import extract, figure5
from finegym.features.pose.figure5 import RED, draw_figure5


@pytest.fixture
def knowing(monkeypatch):
    model = KnowingModel(((240, 40, 60),))
    monkeypatch.setattr(extract, "_open_model", lambda name: model)
    monkeypatch.setattr(figure5, "open_pose_model", lambda name: model)


def count_red(picture):
    return int((np.abs(picture.astype(int) - RED).max(axis=-1) < 6).sum())


def test_rows_over_time_and_no_red_where_nothing_fails(tmp_path, knowing):
    path = write_lossless(tmp_path / "a.mp4", draw_scene([walk(60, 140, 70, 20)]))
    picture, counts = draw_figure5(path, num_frames=4, flow_method="dis", tile_width=120)
    assert counts == {"frames": 4, "detection": 4, "pose": 4}
    assert picture.shape[1] == 4 * 120 + 3 * 4
    assert count_red(picture) < 50


def test_time_can_run_down(tmp_path, knowing, monkeypatch):
    path = write_lossless(tmp_path / "a.mp4", draw_scene([walk(60, 140, 70, 20)]))
    labels = []
    draw = figure5.draw_sheet
    monkeypatch.setattr(
        figure5, "draw_sheet", lambda tiles, words, **more: labels.extend(words) or draw(tiles, words, **more)
    )
    picture, _ = draw_figure5(path, num_frames=4, flow_method="dis", tile_width=120, is_upright=True)
    assert picture.shape[1] == 3 * 120 + 2 * 4
    assert [label.split(":")[0].split(" ")[0] for label in labels[:6]] == ["frame", "pose", "dis,"] * 2


def test_what_fails_is_framed_in_red(tmp_path, knowing):
    path = write_lossless(tmp_path / "a.mp4", draw_scene(np.zeros((0, 6, 2)), pan=1.0))
    picture, counts = draw_figure5(path, num_frames=3, flow_method="dis", tile_width=120)
    assert counts == {"frames": 3, "detection": 0, "pose": 0}
    assert count_red(picture) > 3000


def test_across_a_cut_there_is_no_flow(tmp_path, knowing, monkeypatch):
    shots = [
        draw_scene([walk(60, 140, 70, 15)]),
        draw_scene([walk(60, 140, 70, 15)], background=np.full((144, 456, 3), 230, np.uint8)),
    ]
    path = write_lossless(tmp_path / "a.mp4", np.concatenate(shots))
    labels = []
    draw = figure5.draw_sheet
    monkeypatch.setattr(
        figure5, "draw_sheet", lambda tiles, words, **more: labels.extend(words) or draw(tiles, words, **more)
    )
    draw_figure5(path, num_frames=30, flow_method="dis", tile_width=40)
    flows = labels[60:]
    assert [place for place, label in enumerate(flows) if label == "across a cut"] == [14]
    assert len(flows) == 30 and flows[13].startswith("dis, fastest")


def test_one_frame_can_be_drawn(tmp_path, knowing):
    path = write_lossless(tmp_path / "a.mp4", draw_scene([walk(100, 101, 70, 1)]))
    assert draw_figure5(path, flow_method="dis")[1]["frames"] == 1


def test_times_without_frames_are_refused(tmp_path, knowing):
    path = write_lossless(tmp_path / "a.mp4", draw_scene([walk(60, 140, 70, 10)]))
    with pytest.raises(VideoError):
        draw_figure5(path, start_ms=9000, end_ms=9500, flow_method="dis")
