"""Pose pickles: what is published is read and checked, what we write is what pyskl and mmaction2 expect."""

import pickle

import numpy as np
import pytest
from pose_samples import IDS, assert_same_poses, draw_poses, make_annotation, make_content

from finegym.errors import FeatureError
from finegym.features.pose.pickle_data import find_pairs, match_clips, open_pose_pickle
from finegym.features.pose.pickles import read_pose_pickle, write_pose_pickle
from finegym.features.pose.poses import FOUND, MISSING


@pytest.fixture
def write(tmp_path):
    def write(content, name="gym.pkl", protocol=4):
        path = tmp_path / name
        path.write_bytes(pickle.dumps(content, protocol))
        return path

    return write


def test_the_published_layout_is_read(write):
    content = make_content()
    read = read_pose_pickle(write(content))
    assert read.instance_ids == IDS[:4]
    assert read.split == {"train": IDS[:2], "val": IDS[2:4]}
    assert read.oddities == {}
    for annotation in content["annotations"]:
        poses = read.read(annotation["frame_dir"])
        np.testing.assert_array_equal(poses.keypoints, annotation["keypoint"].astype(np.float32))
        np.testing.assert_array_equal(poses.scores, annotation["keypoint_score"].astype(np.float32))
        assert poses.keypoints.dtype == np.float32
        assert (poses.width, poses.height, poses.num_frames) == (320, 240, annotation["total_frames"])
        assert read.count_frames(annotation["frame_dir"]) == annotation["total_frames"]
        assert (poses.status == FOUND).all()
    assert [clip.label for clip in read.clips.values()] == [0, 1, 0, 1]
    assert read.find_missing([IDS[0], "other"]) == {"other": f"not in {read.path}"}


def test_a_pickle_of_numpy_1_is_read(write, tmp_path):
    data = pickle.dumps(make_content(), 2).replace(b"numpy._core", b"numpy.core")
    assert b"numpy.core.multiarray" in data
    (tmp_path / "old.pkl").write_bytes(data)
    assert read_pose_pickle(tmp_path / "old.pkl").instance_ids == IDS[:4]


def test_the_older_list_is_read(write):
    read = read_pose_pickle(write([make_annotation(), make_annotation(IDS[1])]))
    assert read.instance_ids == IDS[:2] and read.split == {}


def test_labels_may_be_numpys(write):
    annotations = [make_annotation(label=np.int64(7)), make_annotation(IDS[1], label=np.array(5))]
    assert [clip.label for clip in read_pose_pickle(write(annotations)).clips.values()] == [7, 5]


def test_boxes_and_status_follow_from_joints(write):
    score = np.zeros((2, 2, 17), np.float32)
    keypoint = np.full((2, 2, 17, 2), 7, np.float32)  # junk where nobody was seen
    score[0, 0, [3, 9]] = 0.5
    keypoint[0, 0, 3], keypoint[0, 0, 9] = (10, 40), (30, 20)
    poses = read_pose_pickle(write([make_annotation(num_frames=2, keypoint=keypoint, keypoint_score=score)])).read(
        IDS[0]
    )
    assert poses.status.tolist() == [[FOUND, MISSING], [MISSING, MISSING]]
    assert poses.boxes[0, 0].tolist() == [10, 20, 31, 41]
    assert not poses.boxes[0, 1].any() and not poses.keypoints[1].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame_dir": 3}, "frame_dir"),
        ({"label": "3"}, "label: expected a class index"),
        ({"label": True}, "label"),
        ({"label": -1}, "label"),
        ({"label": 10**12}, "label"),
        ({"img_shape": (240,)}, r"img_shape: expected \(height, width\)"),
        ({"img_shape": (0, 320)}, "img_shape"),
        ({"keypoint": None}, "keypoint: expected floats .* got nothing"),
        ({"keypoint": np.zeros((1, 5, 17, 2), int)}, "keypoint: expected floats .* got int64"),
        ({"keypoint": np.zeros((1, 5, 25, 2))}, "NTU RGB\\+D's 25 joints"),
        ({"keypoint": np.zeros((1, 5, 17, 3)), "keypoint_score": np.ones((1, 5, 17))}, "3-D skeleton"),
        ({"keypoint": np.zeros((5, 17, 2))}, r"got float64 \(5, 17, 2\)"),
        ({"keypoint": np.zeros((0, 5, 17, 2)), "keypoint_score": np.ones((0, 5, 17))}, "0 persons"),
        ({"keypoint_score": np.ones((1, 4, 17))}, r"keypoint_score: expected floats \(1, 5, 17\)"),
        ({"keypoint_score": None}, "keypoint_score: .* got nothing"),
        ({"keypoint": np.full((1, 5, 17, 2), np.nan)}, "85 joints have a place or score that is no number"),
    ],
)
def test_an_annotation_that_does_not_fit_is_said(write, changes, message):
    with pytest.raises(FeatureError, match=message):
        read_pose_pickle(write([make_annotation(**changes)]))


def test_all_problems_are_in_one_error(write):
    annotations = [
        make_annotation(IDS[0], label=None),
        make_annotation(IDS[1], img_shape=None, original_shape=None),
        make_annotation(IDS[2]),
        make_annotation(IDS[2]),
        "nothing",
    ]
    del annotations[1]["img_shape"]
    with pytest.raises(FeatureError) as raised:
        read_pose_pickle(write(annotations))
    for fact in (
        f"{IDS[0]}: label",
        f"{IDS[1]}: img_shape",
        f"{IDS[2]}: this frame_dir is there",
        "annotation 4",
        "4 pro",
    ):
        assert fact in str(raised.value)


@pytest.mark.parametrize("content", [3, {}, {"annotations": 3}, [], {"annotations": [], "split": {}}])
def test_another_content_is_refused(write, content):
    with pytest.raises(FeatureError, match=r"expected|no annotation"):
        read_pose_pickle(write(content))


def test_a_split_of_another_form_is_refused(write):
    with pytest.raises(FeatureError, match="under 'split'"):
        read_pose_pickle(write(make_content(split={"train": [1, 2]})))


def test_oddities_are_counted(write):
    score = np.full((2, 5, 17), 0.5, np.float32)
    score[1] = 0
    score[0, 2] = 0
    score[0, 0, 0] = 1.25
    annotations = [
        make_annotation(total_frames=9, num_persons=2, keypoint_score=score, dtype=np.float32),
        make_annotation(IDS[1], raw_file="a.pkl", keypoint_score=np.zeros((1, 5, 17))),
    ]
    read = read_pose_pickle(write({"split": {"train": [IDS[0], "gone"]}, "annotations": annotations}))
    assert read.oddities == {
        "clips whose total_frames differs from their arrays, which count": 1,
        "persons never seen in their clip": 2,
        "clips without any pose": 1,
        "frames without any pose": 6,
        "scores above 1, kept": 1,
        "annotations with 'raw_file', which is not read": 1,
        "ids of the split without an annotation": 1,
        "annotations that are in no list of the split": 1,
    }


def test_joints_that_are_no_numbers_may_be_taken_for_not_seen(write):
    annotation = make_annotation()
    annotation["keypoint"][0, 1, 4, 0] = np.nan
    annotation["keypoint_score"][0, 2, 5] = np.inf
    read = read_pose_pickle(write([annotation]), bad_joints="missing")
    assert read.oddities == {"joints whose place is no number, taken for not seen": 2}
    poses = read.read(IDS[0])
    assert poses.scores[0, 1, 4] == 0 and poses.scores[0, 2, 5] == 0
    assert not poses.keypoints[0, 1, 4].any() and not poses.keypoints[0, 2, 5].any()
    assert np.isfinite(poses.keypoints).all()


def test_what_we_write_is_what_others_read(tmp_path):
    rng = np.random.default_rng(0)
    clips = {IDS[0]: draw_poses(rng, 2, 6), IDS[1]: draw_poses(rng, 1, 3)}
    write_pose_pickle(
        tmp_path / "ours.pkl", clips.items(), {IDS[0]: 4, IDS[1]: 2}, {"train": [IDS[0]], "val": [IDS[1]]}
    )
    # What mmaction2's PoseDataset does: pickle.load, the ids of a split, the annotations with these frame_dirs.
    content = pickle.loads((tmp_path / "ours.pkl").read_bytes())
    assert content.keys() == {"split", "annotations"}
    assert content["split"] == {"train": [IDS[0]], "val": [IDS[1]]}
    first, second = content["annotations"]
    assert set(first) == {
        *("frame_dir", "label", "img_shape", "original_shape", "total_frames", "keypoint", "keypoint_score")
    }
    assert (first["frame_dir"], first["label"], first["img_shape"], first["original_shape"]) == (
        *(IDS[0], 4, (240, 320), (240, 320)),
    )
    assert (type(first["label"]), type(second["total_frames"]), second["total_frames"]) == (int, int, 3)
    assert first["keypoint"].dtype == np.float32 and first["keypoint"].shape == (2, 6, 17, 2)
    np.testing.assert_array_equal(first["keypoint"], clips[IDS[0]].keypoints)
    np.testing.assert_array_equal(first["keypoint_score"], clips[IDS[0]].scores)


def test_what_we_write_we_read(tmp_path):
    rng = np.random.default_rng(1)
    poses = draw_poses(rng, 2, 6)
    for half, places in ((False, 0), (True, 0.125)):  # float16 is exact to 1/8 px below 256, to 1/4 below 512
        write_pose_pickle(tmp_path / "p.pkl", [(IDS[0], poses)], {IDS[0]: 0}, {"train": [IDS[0]]}, half=half)
        found = read_pose_pickle(tmp_path / "p.pkl").read(IDS[0])
        np.testing.assert_allclose(found.keypoints, poses.keypoints, atol=places)
        np.testing.assert_allclose(found.scores, poses.scores, atol=5e-4 * half)
        assert ((found.status > 0) == (poses.status > 0)).all()
    with pytest.raises(FeatureError, match="has no label"):
        write_pose_pickle(tmp_path / "q.pkl", [(IDS[0], poses)], {}, {})
    assert not (tmp_path / "q.pkl").exists()


def test_poses_travel_to_other_processes(write):
    read = read_pose_pickle(write(make_content()))
    again = pickle.loads(pickle.dumps(read))
    assert_same_poses(again.read(IDS[0]), read.read(IDS[0]))


def test_a_pickle_is_a_dataset(write):
    path = write(make_content())
    data = open_pose_pickle(path)
    assert data.labels == {"train": {IDS[0]: 0, IDS[1]: 1}, "val": {IDS[2]: 0, IDS[3]: 1}}
    assert data.class_ids == data.class_names == ("0", "1")
    assert data.name == "gym" and len(data.sha256) == 64
    assert data.poses.read(IDS[0]).num_frames == 4


def test_classes_have_names_where_the_lists_are(write, shared):
    content = make_content()
    content["annotations"][0]["label"] = 98
    data = open_pose_pickle(write(content), official=shared / "finegym" / "official", subset="gym99")
    assert len(data.class_names) == 99
    assert data.class_names[0].startswith("round-off, flic-flac with 0.5 turn on") and data.class_ids[1] == "19"
    content["annotations"][0]["label"] = 99
    with pytest.raises(FeatureError, match="label 99, but gym99 has classes 0 to 98"):
        open_pose_pickle(write(content), official=shared / "finegym" / "official")


def test_sides_are_found_by_name(write):
    assert find_pairs(["xsub_train", "xsub_val", "xview_train", "xview_val"]) == {
        "xsub": ("xsub_train", "xsub_val"),
        "xview": ("xview_train", "xview_val"),
    }
    assert find_pairs(["train", "test"]) == {"": ("train", "test")} and find_pairs(["train", "extra"]) == {}
    lists = {"train1": [IDS[0]], "test1": [IDS[1]], "train2": [IDS[2]], "test2": [IDS[3]]}
    path = write(make_content(split=lists))
    assert open_pose_pickle(path, split="2").labels == {"train": {IDS[2]: 0}, "val": {IDS[3]: 1}}
    with pytest.raises(FeatureError, match="there are 1: train1 and test1, 2: train2 and test2"):
        open_pose_pickle(path)
    with pytest.raises(FeatureError, match="got 'xsub'"):
        open_pose_pickle(path, split="xsub")
    with pytest.raises(FeatureError, match=r"\(no name\): train and val .* Without a name, the only pair is taken"):
        open_pose_pickle(write(make_content()), split="gym99")
    assert open_pose_pickle(write(make_content(), "a,b.pkl")).name == "a,b"


def test_the_older_lists_are_given_together(write):
    train = write([make_annotation(IDS[0], label=1)], "gym_train.pkl")
    val = write([make_annotation(IDS[1], label=0, total_frames=3)], "gym_val.pkl")
    data = open_pose_pickle(f"{train},{val}")
    assert data.labels == {"train": {IDS[0]: 1}, "val": {IDS[1]: 0}}
    assert set(data.poses.instance_ids) == set(IDS[:2]) and len(data.oddities) == 1
    with pytest.raises(FeatureError, match=r"gym_train\.pkl,gym_val\.pkl"):
        open_pose_pickle(train)
    with pytest.raises(FeatureError, match="Give this file alone"):
        open_pose_pickle(f"{train},{write(make_content())}")
    with pytest.raises(FeatureError, match="1 clips are in both lists"):
        open_pose_pickle(f"{train},{train}")


def test_lists_that_do_not_fit_are_refused(write):
    path = write(make_content(split={"train": [IDS[0], IDS[0], IDS[2]], "val": [IDS[2], "gone"]}))
    with pytest.raises(FeatureError) as raised:
        open_pose_pickle(path)
    for fact in (
        "1 clips are twice in the list for train",
        "1 of the 2 clips of val have no annotation: gone",
        "in both",
    ):
        assert fact in str(raised.value)
    with pytest.raises(FeatureError, match="no clip of the list for val"):
        open_pose_pickle(write(make_content(split={"train": [IDS[0]], "val": []})))


def test_ids_without_annotation_may_be_left_out(write):
    path = write(make_content(split={"train": [IDS[0]], "val": [IDS[1], "gone"]}))
    with pytest.raises(FeatureError, match="leave-out"):
        open_pose_pickle(path)
    data = open_pose_pickle(path, missing="leave-out")
    assert data.labels["val"] == {IDS[1]: 1}
    assert data.oddities["ids of the split without an annotation"] == 1


def test_clips_are_matched_with_a_dataset():
    found = match_clips(
        ["a", "b", "x"], ["a", "b", "c"], where="f", labels={"a": 1, "b": 2, "x": 0}, expected={"a": 1, "b": 3, "c": 0}
    )
    assert found.covered == ("a", "b") and found.missing == ("c",)
    assert found.foreign == ("x",) and found.relabelled == ("b",)
    with pytest.raises(FeatureError, match="poses of other clips: not one of its 2"):
        match_clips(["x", "y"], ["a"], where="f")


def test_endless_names_are_described_by_their_kind(tmp_path):
    nested: list = []
    for _ in range(60):  # 2 ** 60 brackets as text
        nested = [nested, nested]
    path = tmp_path / "file.pkl"
    path.write_bytes(pickle.dumps([{"frame_dir": nested, "label": nested, "img_shape": nested}]))
    with pytest.raises(FeatureError, match="frame_dir: expected the clip's id, got list"):
        read_pose_pickle(path)


def test_half_a_surrogate_pair_is_no_id(tmp_path):
    path = tmp_path / "file.pkl"
    path.write_bytes(pickle.dumps([{"frame_dir": "a\ud800"}]))
    with pytest.raises(FeatureError, match="frame_dir"):
        read_pose_pickle(path)
