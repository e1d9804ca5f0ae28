"""Poses and annotations for tests."""

import numpy as np

from finegym.features.pose.poses import Poses

IDS = tuple(f"A0xAXXysHUo_E_002184_002237_A_{n:04d}_{n + 1:04d}" for n in range(6))


def draw_poses(rng, num_persons=1, num_frames=8, width=320, height=240) -> Poses:
    """Random poses in which some persons are missing and some interpolated, and some joints are not seen."""
    M, T = num_persons, num_frames
    status = rng.choice([0, 1, 1, 1, 2], size=(M, T)).astype(np.uint8)
    there = status > 0
    scores = rng.uniform(0.05, 1, (M, T, 17)).astype(np.float32)
    scores[rng.random((M, T, 17)) < 0.1] = 0
    scores[~there] = 0
    keypoints = (rng.random((M, T, 17, 2)) * (width, height)).astype(np.float32)
    keypoints[scores == 0] = 0
    corner = rng.random((M, T, 2)) * 50
    boxes = np.concatenate([corner, corner + 100], axis=-1).astype(np.float32)
    boxes[~there] = 0
    return Poses(keypoints, scores, boxes, status, width, height)


def make_annotation(frame_dir=IDS[0], label=3, num_persons=1, num_frames=5, dtype=np.float16, seed=0, **changes):
    """A pose pickle's annotation as pyskl publishes it."""
    rng = np.random.default_rng(seed)
    annotation = {
        "frame_dir": frame_dir,
        "label": label,
        "img_shape": (240, 320),
        "original_shape": (240, 320),
        "total_frames": num_frames,
        "keypoint": (rng.random((num_persons, num_frames, 17, 2)) * 200).astype(dtype),
        "keypoint_score": rng.uniform(0.1, 1, (num_persons, num_frames, 17)).astype(dtype),
    }
    return annotation | changes


def make_content(**changes):
    """A pose pickle of four clips, two a side."""
    annotations = [make_annotation(IDS[n], label=n % 2, num_frames=4 + n, seed=n) for n in range(4)]
    return {"split": {"train": list(IDS[:2]), "val": list(IDS[2:4])}, "annotations": annotations} | changes


def assert_same_poses(left: Poses, right: Poses, places=0.0, scores=0.0):
    for name, tolerance in (("keypoints", places), ("scores", scores), ("boxes", places), ("status", 0)):
        found, expected = getattr(left, name), getattr(right, name)
        assert found.shape == expected.shape and found.dtype == expected.dtype, name
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=name)
    assert (left.width, left.height) == (right.width, right.height)
