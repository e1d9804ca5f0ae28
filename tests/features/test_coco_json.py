"""COCO keypoint JSON: what we write we read, and what other tools write is read or refused with a reason."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_samples import IDS, assert_same_poses, draw_poses

from finegym.errors import FeatureError
from finegym.features.pose.coco_json import read_coco_poses
from finegym.features.pose.coco_writing import write_coco_poses
from finegym.features.pose.poses import FOUND, INTERPOLATED, MISSING, Poses
from finegym.simulation.skeleton import COCO_JOINTS

BODY = [number for joint in range(17) for number in (10 + joint, 20 + 2 * joint, 2)]


def make_images(num_frames=3, clip="a", first=0, start_id=1):
    return [
        {"id": start_id + n, "file_name": f"{clip}/{first + n:06d}.jpg", "width": 320, "height": 240}
        for n in range(num_frames)
    ]


@pytest.fixture
def read(tmp_path):
    def read(content, **options):
        path = tmp_path / "poses.json"
        path.write_text(json.dumps(content))
        return read_coco_poses(path, **options)

    return read


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 9))
@settings(max_examples=25)
def test_what_we_write_we_read(tmp_path_factory, seed, num_persons, num_frames):
    rng = np.random.default_rng(seed)
    clips = {id_: draw_poses(rng, num_persons, num_frames) for id_ in IDS[:2]}
    path = tmp_path_factory.mktemp("coco") / "poses.json"
    write_coco_poses(path, clips.items())
    found = read_coco_poses(path)
    assert found.instance_ids == IDS[:2]
    for id_, poses in clips.items():
        seen = poses.scores.any(axis=(1, 2))  # who is never seen is not in the file
        seen = seen if seen.any() else np.arange(num_persons) < 1
        arrays = (getattr(poses, name)[seen] for name in ("keypoints", "scores", "boxes", "status"))
        assert_same_poses(found.read(id_), Poses(*arrays, 320, 240), places=2e-3, scores=6e-5)


def test_what_we_write_is_coco(tmp_path):
    poses = draw_poses(np.random.default_rng(3), 1, 4)
    poses.status[0] = [FOUND, MISSING, INTERPOLATED, FOUND]
    poses.scores[0, 3, 5] = 0
    assert write_coco_poses(tmp_path / "c.json", [("a", poses)]) == 3
    content = json.loads((tmp_path / "c.json").read_text())
    assert [image["file_name"] for image in content["images"]] == [f"a/{n:06d}.jpg" for n in range(4)]
    assert content["images"][2] == {"id": 3, "file_name": "a/000002.jpg", "width": 320, "height": 240}
    (category,) = content["categories"]
    assert (category["id"], category["keypoints"]) == (1, list(COCO_JOINTS))
    assert [a["image_id"] for a in content["annotations"]] == [1, 3, 4]
    assert [a.get("interpolated") for a in content["annotations"]] == [None, True, None]
    last = content["annotations"][2]
    assert len(last["keypoints"]) == 51 and set(last["keypoints"][2::3]) <= {0, 2}
    assert last["keypoints"][17] == 0 and last["num_keypoints"] == sum(v > 0 for v in last["keypoints"][2::3])
    x0, y0, x1, y1 = poses.boxes[0, 3].tolist()
    assert last["bbox"] == pytest.approx([x0, y0, x1 - x0, y1 - y0], abs=2e-3)
    assert last["area"] == pytest.approx((x1 - x0) * (y1 - y0), rel=1e-4)


def test_visibility_is_a_score_of_one(read):
    body = BODY.copy()
    body[5] = 1
    body[6:9] = 0, 0, 0
    content = {"images": make_images(), "annotations": [{"id": 1, "image_id": 2, "category_id": 1, "keypoints": body}]}
    found = read(content)
    poses = found.read("a")
    assert poses.status.tolist() == [[MISSING, FOUND, MISSING]]
    assert poses.scores[0, 1].tolist() == [1, 1, 0] + [1] * 14
    assert poses.keypoints[0, 1, 1].tolist() == [11, 22]
    assert poses.boxes[0, 1].tolist() == [10, 20, 27, 53]
    assert found.counts == {
        "persons without track_id, put in the order of their scores": 1,
        "frames without a pose": 2,
    }


def test_results_need_their_images(read, tmp_path):
    body = [number if place % 3 < 2 else 0.25 for place, number in enumerate(BODY)]
    results = [
        {"image_id": 2, "category_id": 1, "keypoints": body, "score": 0.3, "bbox": [1, 2, 30, 40]},
        {"image_id": 2, "category_id": 1, "keypoints": [0.0] * 51, "score": 0.9},
        {
            "image_id": 2,
            "category_id": 1,
            "keypoints": [n + 1 if p % 3 < 2 else n for p, n in enumerate(body)],
            "score": 0.8,
        },
    ]
    with pytest.raises(FeatureError, match="--images"):
        read(results)
    (tmp_path / "images.json").write_text(json.dumps({"images": make_images()}))
    found = read(results, images=tmp_path / "images.json")
    poses = found.read("a")
    assert poses.status.shape == (2, 3) and (poses.scores[:, 1] == 0.25).all()
    assert poses.keypoints[0, 1, 0].tolist() == [11, 21]  # the better one is first
    assert poses.boxes[1, 1].tolist() == [1, 2, 31, 42]
    assert found.counts["annotations without keypoints, not read"] == 1


def test_a_person_keeps_her_place(read):
    annotations = [
        {"image_id": 1, "keypoints": BODY, "track_id": "judge", "score": 0.9},
        {"image_id": 2, "keypoints": BODY, "track_id": 7, "score": 0.1},
        {"image_id": 2, "keypoints": BODY, "track_id": "judge", "score": 0.2},
        {"image_id": 3, "keypoints": BODY, "track_id": 7, "score": 0.3},
    ]
    content = {"images": make_images(), "annotations": annotations}
    assert read(content).read("a").status.tolist() == [[1, 1, 0], [0, 1, 1]]
    for annotation in annotations:
        annotation["track_id"] = {"judge": 12, 7: 7}[annotation["track_id"]]
    assert read(content).read("a").status.tolist() == [[0, 1, 1], [1, 1, 0]]
    annotations.append(annotations[-1])
    with pytest.raises(FeatureError, match="track_id 7 is twice in frame 2 of a"):
        read(content)


def test_frames_may_count_from_one(read):
    content = {"images": make_images(first=1), "annotations": [{"image_id": 1, "keypoints": BODY, "track_id": 0}]}
    found = read(content)
    assert found.count_frames("a") == 4 and found.counts["frames without an image"] == 1
    found = read(content, first_frame=1)
    assert found.read("a").status.tolist() == [[1, 0, 0]] and "frames without an image" not in found.counts


def test_clips_without_poses_are_there(read):
    content = {"images": [*make_images(), *make_images(2, "b/c", start_id=9)], "annotations": []}
    found = read(content)
    assert found.instance_ids == ("a", "b/c") and found.read("b/c").status.tolist() == [[0, 0]]
    assert found.find_missing(["a", "x"]) == {"x": f"not in {found.path}"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["annotations"][0].update(image_id=99), "annotation 0: image_id '99' is none"),
        (lambda c: c["annotations"][0].update(keypoints=BODY[:-1]), "17 times x, y, v"),
        (lambda c: c["annotations"][0].update(keypoints=[None] * 51), "17 times x, y, v"),
        (lambda c: c["annotations"][0].update(keypoints=[float("nan")] * 51), "17 times x, y, v"),
        (lambda c: c["annotations"][0].update(keypoint_scores=[1]), "keypoint_scores: expected 17"),
        (lambda c: c["annotations"][0].update(bbox=[1, 2]), "bbox"),
        (lambda c: c["annotations"][0].update(score="high"), "score: expected a number"),
        (lambda c: c["annotations"][0].update(track_id=[1]), "track_id"),
        (lambda c: c["annotations"].append(3), "annotation 1: expected an object"),
        (lambda c: c["images"][0].update(file_name="frame.jpg"), "image 0: expected file_name <clip id>/<frame"),
        (lambda c: c["images"][1].update(id=1), "image 1: expected an id of its own"),
        (lambda c: c["images"][1].update(width=0), "width and height"),
        (lambda c: c["images"][1].update(width=100), "is 100x240, others of its clip 320x240"),
        (lambda c: c["images"][1].update(file_name="a/0.jpg"), "no frame or twice"),
        (lambda c: c["images"][1].update(file_name="a/999999999.jpg"), "3 images, but their numbers run to 999999999"),
        (lambda c: c.update(categories=[{"keypoints": ["nose", "neck"]}]), "COCO's 17 keypoints"),
        (lambda c: c.pop("images"), "a list of images"),
        (lambda c: c.update(annotations=3), "a list of annotations"),
    ],
)
def test_what_does_not_fit_is_said(read, change, message):
    content = {"images": make_images(), "annotations": [{"image_id": 1, "keypoints": BODY}]}
    change(content)
    with pytest.raises(FeatureError, match=message):
        read(content)


def test_what_is_no_json_is_said(tmp_path):
    (tmp_path / "x.json").write_bytes(b"\x80\x04")
    with pytest.raises(FeatureError, match="expected COCO keypoints as JSON"):
        read_coco_poses(tmp_path / "x.json")
    with pytest.raises(FeatureError, match="cannot be read"):
        read_coco_poses(tmp_path / "none.json")
