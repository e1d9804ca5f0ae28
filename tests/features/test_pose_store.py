"""The poses of a clip come back from disk as they were, or an error says why not."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pose_samples import IDS, assert_same_poses, draw_poses
from safetensors.numpy import load, save

from finegym.errors import FeatureError
from finegym.features.imported import ImportedClip, write_features
from finegym.features.make import MadeClip
from finegym.features.pose.poses import Poses
from finegym.features.pose.store import PoseStore, decode_poses, encode_poses
from finegym.features.store import FeatureSettings


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 12), st.integers(1, 4000))
def test_poses_come_back_exactly(seed, num_persons, num_frames, width):
    poses = draw_poses(np.random.default_rng(seed), num_persons, num_frames, width)
    assert_same_poses(decode_poses(encode_poses(poses, "{}"), "here"), poses)


def test_the_file_is_plain_safetensors():
    poses = draw_poses(np.random.default_rng(0), 1, 40)
    data = encode_poses(poses, '{"a": 1}')
    assert load(data)["keypoints"].shape == (1, 40, 17, 2)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header["__metadata__"] == {"finegym": '{"a": 1}'}
    assert len(data) < 10_000


def test_a_part_that_is_not_contiguous_is_stored():
    poses = draw_poses(np.random.default_rng(0), 2, 9)
    arrays = [array[:, 2:5] for array in (poses.keypoints, poses.scores, poses.boxes, poses.status)]
    part = Poses(*arrays, poses.width, poses.height)
    assert_same_poses(decode_poses(encode_poses(part, ""), ""), part)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "safetensors"),
        (lambda data: b"", "safetensors"),
        (lambda data: save({**load(data), "more": np.zeros(1)}), "expected the arrays"),
        (lambda data: save({**load(data), "scores": np.zeros((1, 8, 16), np.float32)}), "expected scores of float32"),
        (lambda data: save({**load(data), "status": np.zeros(8, np.uint8)}), "expected keypoints"),
        (lambda data: save({**load(data), "boxes": np.zeros((1, 8, 4))}), "expected boxes of float32"),
    ],
)
def test_a_damaged_file_is_said(change, message):
    with pytest.raises(FeatureError, match=f"here: .*{message}"):
        decode_poses(change(encode_poses(draw_poses(np.random.default_rng(0)), "")), "here")


def write_store(folder, clips, kind="pose"):
    made = (
        ImportedClip(
            MadeClip(id_, p.height, p.width, {}, ".safetensors", lambda facts, p=p: [encode_poses(p, facts)]),
            id_[:11],
            p.num_frames,
        )
        for id_, p in clips.items()
    )
    return write_features(folder, FeatureSettings(kind=kind), made)


def test_a_store_is_read(tmp_path):
    rng = np.random.default_rng(0)
    clips = {id_: draw_poses(rng, 1, 3 + n) for n, id_ in enumerate(IDS[:3])}
    write_store(tmp_path / "store", clips)
    store = PoseStore(tmp_path / "store")
    assert set(store.instance_ids) == set(clips)
    for read_from in (store, pickle.loads(pickle.dumps(store))):
        for id_, poses in clips.items():
            assert_same_poses(read_from.read(id_), poses)
            assert read_from.count_frames(id_) == poses.num_frames
    assert store.find_missing([IDS[0], "other"]) == {"other": f"not in the pose store {store}"}
    with pytest.raises(FeatureError, match="other"):
        store.read("other")


def test_a_store_of_something_else_is_refused(tmp_path):
    write_store(tmp_path / "store", {IDS[0]: draw_poses(np.random.default_rng(0))}, kind="flow")
    with pytest.raises(FeatureError, match="expected a store of pose"):
        PoseStore(tmp_path / "store")
