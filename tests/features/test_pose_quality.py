"""PCK, speed, wrong persons: by hand, and on a store beside its truth."""

import numpy as np
import pytest
from feature_samples import CODEBOOK
from pose_scenes import FIGURE, make_sight

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.errors import FeatureError
from finegym.features.imported import ImportedClip, write_features
from finegym.features.make import MadeClip
from finegym.features.pose.gaps import count_status, make_poses
from finegym.features.pose.quality import compare_with_truth, compute_pck, compute_speed, measure_quality
from finegym.features.pose.quality_page import HEADER, make_cells, write_quality_page
from finegym.features.pose.store import PoseStore, encode_poses
from finegym.features.store import FeatureSettings

TRUNK = float(np.linalg.norm((FIGURE[5] - FIGURE[12]) * 50))


def test_pck_by_hand():
    truth = np.stack([make_sight((60, 60)).keypoints] * 2).astype(float)
    poses = truth.copy()
    poses[0, 0, 0] += 0.49 * TRUNK  # near enough
    poses[0, 9, 1] += 0.51 * TRUNK  # too far
    poses[0, 15] += TRUNK  # too far, but nobody sees it
    visible = np.ones((2, 17), bool)
    visible[0, 15] = False
    assert compute_pck(poses, truth, visible) == pytest.approx([15 / 16, 1.0])


def test_pck_without_visible_joints_is_not_a_number():
    truth = np.stack([make_sight((60, 60)).keypoints, np.zeros((17, 2))])
    visible = np.zeros((2, 17), bool)
    visible[1] = True  # but a trunk without length
    assert np.isnan(compute_pck(truth, truth, visible)).all()


def test_speed_by_hand():
    """10 pixels a frame of a body whose box is 40 pixels long, at 25 frames a second: 6.25 lengths a second."""
    keypoints = np.stack([make_sight((50 + 10 * t, 60)).keypoints for t in range(5)])
    boxes = np.tile([0.0, 0.0, 20.0, 40.0], (5, 1))
    assert compute_speed(keypoints, boxes, np.ones(5, bool), 25.0) == pytest.approx([6.25] * 5, rel=1e-5)
    known = np.array([False, True, False, True, False])
    speed = compute_speed(keypoints, boxes, known, 25.0)
    assert np.isnan(speed[[0, 4]]).all() and speed[1:4] == pytest.approx([6.25] * 3, rel=1e-5)
    assert np.isnan(compute_speed(keypoints, boxes, known & False, 25.0)).all()


def make_truth(T, places):
    joints = np.full((T, 26, 2), np.nan, np.float32)
    boxes = np.full((T, 4), np.nan, np.float32)
    for t, place in enumerate(places):
        joints[t, :17] = make_sight(place).keypoints
        joints[t, 17:] = place
        boxes[t] = *joints[t].min(axis=0), *joints[t].max(axis=0)
    return {
        "joints_2d": joints,
        "boxes": boxes,
        "visibility": np.full((T, 26), 2, np.uint8),
        "fps": np.array([25, 1]),
        "size": np.array([256, 144]),
        "video_id": np.array("v"),
    }


def test_a_wrong_person_is_counted():
    truth = make_truth(6, [(60, 60)] * 6)
    seen = [make_sight((60, 60)), make_sight((61, 60)), None, make_sight((160, 60)), None, None]
    found = compare_with_truth(make_poses(seen, np.zeros(6), (144, 256), max_gap_frames=0), truth, 0)
    assert found.pck[[0, 1, 3]] == pytest.approx([1, 1, 0])
    assert found.is_wrong[[0, 1, 3]].tolist() == [0, 0, 1]
    assert np.isnan(found.pck[[2, 4, 5]]).all()
    assert found.is_of_nobody[[0, 1, 3]].tolist() == [0, 0, 0] and np.isnan(found.is_of_nobody[[2, 4, 5]]).all()


def test_poses_where_she_is_not_in_the_picture_are_counted(store):
    """A cut-away of six frames: the truth knows nobody there, the store has poses in four of them."""
    truth = make_truth(20, [(60 + 2 * (t % 10), 60) for t in range(20)])
    for key in ("boxes", "joints_2d"):
        truth[key][10:16] = np.nan
    poses = [store.read(name) for name in store.instance_ids]
    first, second = (compare_with_truth(each, truth, start) for each, start in zip(poses, (0, 8), strict=True))
    assert not np.nansum(first.is_of_nobody) and np.nanmean(first.pck) == 1
    assert second.is_of_nobody[:6].tolist() == [0, 0, 1, 1, 1, 1] and np.isnan(second.is_of_nobody[6:]).all()
    assert np.isnan(second.is_wrong[2:]).all()


@pytest.mark.parametrize("changed", [{"size": np.array([128, 72])}, {"boxes": np.zeros((3, 4))}])
def test_another_truth_is_refused(changed):
    poses = make_poses([make_sight((60, 60))] * 6, np.zeros(6), (144, 256), max_gap_frames=0)
    with pytest.raises(FeatureError, match="truth"):
        compare_with_truth(poses, make_truth(6, [(60, 60)] * 6) | changed, 0)


@pytest.fixture
def store(tmp_path):
    """Two clips of ten frames, one without poses at its end."""
    clips = []
    for name, missing in (("0000_0001", 0), ("0001_0002", 4)):
        seen = [make_sight((60 + 2 * t, 60)) if t < 10 - missing else None for t in range(10)]
        poses = make_poses(seen, np.zeros(10), (144, 256), max_gap_frames=0)

        def encode(facts, poses=poses):
            return [encode_poses(poses, facts)]

        made = MadeClip(f"v_E_000000_000009_A_{name}", 144, 256, count_status(poses), ".safetensors", encode)
        clips.append(ImportedClip(made, "v", 10))
    write_features(tmp_path / "store", FeatureSettings(kind="pose", parameters={"model": "drawn"}), clips)
    return PoseStore(tmp_path / "store")


@pytest.fixture
def dataset():
    parts = tuple(
        SubAction(name, ((start, start + 1000),), "one", "VT-S1")
        for name, start in (("A_0000_0001", 0), ("A_0001_0002", 1000))
    )
    return Dataset(CODEBOOK, (Video("v", (Action("E_000000_000009", "VT", 0, 9000, parts),)),))


def test_frames_are_counted_by_group(store, dataset):
    rows = measure_quality(store, dataset)
    everything = rows[0]
    assert (everything.frames, everything.found, everything.interpolated, everything.missing) == (20, 16, 0, 4)
    assert everything.pck_found is None and everything.wrong_person is None and everything.nobody_there is None
    assert sum(row.frames for row in rows if row.group == "speed") == 20
    assert [(row.name, row.frames) for row in rows if row.group == "element"] == [("one", 20)]
    unknown = next(row for row in rows if row.name == "not known")
    assert (unknown.frames, unknown.missing) == (4, 4)


def test_the_page_and_the_cells_say_the_same(store, dataset, tmp_path):
    rows = measure_quality(store, dataset)
    cells = make_cells(rows[0])
    assert len(cells) == len(HEADER)
    assert cells == ["all frames", "20", "80.0 %", "0.0 %", "20.0 %", "-", "-", "-", "-"]
    write_quality_page(tmp_path / "q.html", rows, "store", is_simulated=False)
    assert "80.0 %" in (tmp_path / "q.html").read_text()
