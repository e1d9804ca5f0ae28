"""Poses of a clip: shapes are checked."""

import numpy as np
import pytest

from finegym.features.pose.poses import FOUND, MISSING, NUM_JOINTS, Poses


def make_poses(num_frames: int) -> Poses:
    keypoints = np.arange(num_frames * NUM_JOINTS * 2, dtype=np.float32).reshape(1, num_frames, NUM_JOINTS, 2)
    scores = np.ones((1, num_frames, NUM_JOINTS), np.float32)
    status = np.where(np.arange(num_frames) % 2, FOUND, MISSING).astype(np.uint8)[None]
    return Poses(keypoints, scores, np.zeros((1, num_frames, 4), np.float32), status, 640, 360)


def test_arrays_of_other_lengths_are_refused():
    poses = make_poses(5)
    with pytest.raises(AssertionError):
        Poses(poses.keypoints[:, 1:], poses.scores, poses.boxes, poses.status, 640, 360)
