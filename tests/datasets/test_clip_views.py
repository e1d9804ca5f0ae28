"""Stretches of a clip for 3-D networks, and heatmaps, against references that go frame by frame."""

import pickle

import numpy as np
import pytest
import torch

from finegym.datasets.clip_views import FlowClipView, RgbClipView, Stretch
from finegym.datasets.clips import MemoryClips
from finegym.datasets.flow_clips import MemoryFlow
from finegym.datasets.heatmap_view import HeatmapView
from finegym.datasets.heatmaps import make_heatmaps
from finegym.datasets.skeletons import MIRRORED, MemoryPoses
from finegym.datasets.transforms import Crops
from finegym.datasets.uniform_sampling import compute_uniform
from finegym.features.pose.poses import FOUND, MISSING, Poses

CROPS = Crops(20, 16, (1.0, 0.75))


def build_frames(num_frames, channels=3):
    return np.random.default_rng(0).integers(0, 256, (num_frames, 20, 28, channels), dtype=np.uint8)


def view_rgb(frames, stretch, crops=CROPS):
    return RgbClipView(MemoryClips({"a": frames}), stretch, crops, (0.5,) * 3, (0.25,) * 3)


def test_eight_frames_two_apart_span_fifteen():
    stretch = Stretch(8, 2)
    assert stretch.span == 15
    assert stretch.place(15).tolist() == [[0, 2, 4, 6, 8, 10, 12, 14]]
    assert stretch.place(35).tolist() == [[10, 12, 14, 16, 18, 20, 22, 24]]
    assert (stretch.count_short(15), stretch.count_short(14)) == (0, 1)


def test_training_draws_every_place_and_no_other():
    stretch, rng = Stretch(4, 3), np.random.default_rng(0)
    drawn = {tuple(stretch.draw(13, rng).tolist()) for _ in range(200)}
    assert drawn == {(s, s + 3, s + 6, s + 9) for s in range(4)}


@pytest.mark.parametrize("num_frames", [1, 2, 5, 9])
def test_short_clips_repeat_frames_in_order(num_frames):
    for indices in (Stretch(8, 2).place(num_frames)[0], Stretch(8, 2).draw(num_frames, np.random.default_rng(0))):
        assert len(indices) == 8
        assert (np.diff(indices) >= 0).all()
        assert (indices.min(), indices.max()) == (0, num_frames - 1)


def test_places_of_testing_are_spread_evenly():
    assert Stretch(2, 1, num_clips_test=3).place(10).tolist() == [[1, 2], [4, 5], [7, 8]]


@pytest.mark.parametrize("crops", ["centre", "three", "ten"])
def test_testing_looks_at_every_place_in_every_crop(crops):
    frames, stretch = build_frames(20), Stretch(4, 2, num_clips_test=2)
    view = view_rgb(frames, stretch, Crops(20, 16, views=crops))
    look = view.look("a").inputs
    one = view_rgb(frames[stretch.place(20)[1]], Stretch(4, 1), Crops(20, 16, views=crops)).look("a").inputs
    num_crops = len(one)
    assert look.shape == (2 * num_crops, 4, 3, 16, 16)
    torch.testing.assert_close(look[num_crops:], one)
    assert (
        view.is_mirrored == ((False,) * (num_crops - 5) + (True,) * 5 if crops == "ten" else (False,) * num_crops) * 2
    )


def test_a_training_stretch_is_cut_as_one():
    frames = np.broadcast_to(build_frames(1), (20, 20, 28, 3)).copy()  # nothing moves
    drawn = view_rgb(frames, Stretch(4, 2)).draw("a", np.random.default_rng(3)).inputs
    assert drawn.shape == (4, 3, 16, 16)
    assert all(torch.equal(drawn[0], frame) for frame in drawn)


def test_flow_of_a_stretch_keeps_its_two_components_and_counts_what_is_blank():
    codes, valid = build_frames(12, channels=2), np.ones(12, dtype=bool)
    valid[5] = False
    view = FlowClipView(MemoryFlow({"a": codes}, {"a": valid}), Stretch(4, 1), CROPS)
    inputs, counts = view.look("a")
    assert inputs.shape == (1, 4, 2, 16, 16)
    np.testing.assert_array_equal(inputs[0, :, 1], codes[4:8, 2:18, 6:22, 1])
    assert counts == {"short_clips": 0, "blank_frames": 1}
    mirrored = view.mirror(inputs[0])
    np.testing.assert_array_equal(mirrored[:, 0], 255 - inputs[0, :, 0].flip(-1))
    np.testing.assert_array_equal(mirrored[:, 1], inputs[0, :, 1].flip(-1))
    torch.testing.assert_close(view.normalise(inputs), (inputs / 255 - 0.5) / 0.226)


# Heatmaps.


def build_poses(num_frames=30, num_persons=1):
    rng = np.random.default_rng(1)
    keypoints = rng.uniform(10, 90, (num_persons, num_frames, 17, 2)).astype(np.float32)
    scores = rng.uniform(0.3, 1, (num_persons, num_frames, 17)).astype(np.float32)
    status = np.full((num_persons, num_frames), FOUND, np.uint8)
    status[:, 3] = MISSING
    scores[:, 3] = keypoints[:, 3] = 0
    return Poses(keypoints, scores, np.zeros((num_persons, num_frames, 4), np.float32), status, 120, 100)


@pytest.mark.parametrize("limbs", [False, True])
def test_heatmaps_are_those_of_the_slow_road(limbs):
    poses = build_poses(num_persons=2)
    view = HeatmapView(MemoryPoses({"a": poses}), 6, num_clips_test=2, num_persons=2, size=14, limbs=limbs)
    look = view.look("a").inputs
    assert look.shape == (2, 2, 6, 17, 3)
    volumes = view.normalise(look)
    assert volumes.shape == (2, 17, 6, 14, 14)
    for volume, indices in zip(volumes, compute_uniform(30, 6, 2), strict=True):
        np.testing.assert_allclose(volume, make_heatmaps(poses, indices, size=14, limbs=limbs), atol=1e-6)


def test_a_mirrored_volume_is_the_volume_of_mirrored_joints():
    view = HeatmapView(MemoryPoses({"a": build_poses()}), 6, size=14)
    inputs = view.draw("a", np.random.default_rng(0)).inputs
    mirrored = view.normalise(view.mirror(inputs)[None])
    torch.testing.assert_close(mirrored, view.normalise(inputs[None]).flip(-1)[:, list(MIRRORED)], atol=1e-5, rtol=0)


def test_persons_and_blank_frames_are_counted():
    view = HeatmapView(MemoryPoses({"a": build_poses(8), "b": build_poses(8, 3)}), 8, num_persons=2, size=14)
    alone, crowd = view.look("a"), view.look("b")
    assert alone.inputs.shape == crowd.inputs.shape == (1, 2, 8, 17, 3)
    assert (alone.inputs[0, 1] == 0).all()
    assert alone.counts == {"short_clips": 0, "blank_frames": 1, "persons_left_out": 0, "persons_padded": 1}
    assert crowd.counts == {"short_clips": 0, "blank_frames": 1, "persons_left_out": 1, "persons_padded": 0}
    assert view.normalise(alone.inputs)[0, :, 3].max() == 0  # nobody has a pose there


def test_crops_of_training_differ_and_can_be_switched_off():
    source = MemoryPoses({"a": build_poses()})
    moving, still = HeatmapView(source, 6, size=14), HeatmapView(source, 30, size=14, random_crop=False)
    drawn = [moving.draw("a", np.random.default_rng(seed)).inputs for seed in (0, 1)]
    assert not torch.equal(*drawn)
    torch.testing.assert_close(still.draw("a", np.random.default_rng(0)).inputs, still.look("a").inputs[0])


def test_views_can_be_sent_to_loader_processes():
    views = [view_rgb(build_frames(9), Stretch(4, 2)), HeatmapView(MemoryPoses({"a": build_poses()}), 6)]
    for view in views:
        again = pickle.loads(pickle.dumps(view))
        assert torch.equal(again.look("a").inputs, view.look("a").inputs)
