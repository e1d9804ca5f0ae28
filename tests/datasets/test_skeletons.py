"""Skeleton samples: each step against a slow loop or a case worked by hand."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finegym.datasets.skeletons import (
    MIRRORED,
    PARENTS,
    STREAMS,
    TORSO,
    MemoryPoses,
    choose_persons,
    get_skeleton,
    make_stream,
    make_test_skeletons,
    make_training_skeleton,
    mirror_skeleton,
    normalise_skeleton,
    turn_skeleton,
)
from finegym.datasets.uniform_sampling import NO_FRAME, compute_uniform, sample_uniform
from finegym.features.pose.poses import NUM_JOINTS, Poses
from finegym.features.pose.presence import make_poses
from finegym.simulation.skeleton import COCO_JOINTS

WIDTH, HEIGHT = 320, 240


def draw(seed=0, num_persons=2, num_frames=7, unseen=0.2) -> Poses:
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0.1, 1, (num_persons, num_frames, NUM_JOINTS))
    scores[rng.random(scores.shape) < unseen] = 0
    scores[rng.random(scores.shape[:2]) < unseen] = 0  # whole persons
    return make_poses(rng.random((*scores.shape, 2)) * (WIDTH, HEIGHT), scores, WIDTH, HEIGHT)


def test_joints_have_the_names_that_tables_mean():
    for joint, partner in enumerate(MIRRORED):
        name = COCO_JOINTS[joint]
        swapped = name.replace("left", "LEFT").replace("right", "left").replace("LEFT", "right")
        assert COCO_JOINTS[partner] == swapped
        assert MIRRORED[PARENTS[joint]] == PARENTS[partner]  # a mirrored bone is a bone
    bones = {COCO_JOINTS[joint]: COCO_JOINTS[parent] for joint, parent in enumerate(PARENTS)}
    assert bones["left_wrist"] == "left_elbow" and bones["left_elbow"] == "left_shoulder"
    assert bones["right_ankle"] == "right_knee" and bones["right_knee"] == "right_hip" and bones["nose"] == "nose"
    assert [COCO_JOINTS[joint] for joint in TORSO] == ["left_shoulder", "right_shoulder", "left_hip", "right_hip"]


@given(st.integers(1, 60), st.integers(1, 30), st.integers(0, 2**32))
def test_training_draws_one_frame_of_each_part(num_frames, clip_len, seed):
    drawn = sample_uniform(num_frames, clip_len, np.random.default_rng(seed))
    assert drawn.shape == (clip_len,) and drawn.dtype == np.int64
    if num_frames >= clip_len:
        for part, frame in enumerate(drawn):
            assert part * num_frames // clip_len <= frame < (part + 1) * num_frames // clip_len
        assert (np.diff(drawn) > 0).all()
    else:
        assert (np.diff(drawn) % num_frames == 1 % num_frames).all() and (drawn < num_frames).all()


def test_every_frame_of_a_part_is_drawn_alike():
    rng = np.random.default_rng(0)
    drawn = np.array([sample_uniform(12, 3, rng)[1] for _ in range(4000)])
    assert np.bincount(drawn)[4:].tolist() == pytest.approx([1000] * 4, abs=120) and drawn.min() == 4


@given(st.integers(1, 60), st.integers(1, 30), st.integers(1, 5))
def test_testing_takes_the_same_frames_every_time(num_frames, clip_len, num_clips):
    clips = compute_uniform(num_frames, clip_len, num_clips)
    assert clips.shape == (num_clips, clip_len) and clips.min() >= 0 and clips.max() < num_frames
    for k, clip in enumerate(clips):
        if num_frames >= clip_len:
            for part, frame in enumerate(clip):
                low, high = part * num_frames // clip_len, (part + 1) * num_frames // clip_len
                assert frame == low + int((k + 0.5) / num_clips * (high - low))
        else:
            assert clip.tolist() == [(k * num_frames // num_clips + n) % num_frames for n in range(clip_len)]


def test_short_clips_do_what_was_asked():
    rng = np.random.default_rng(0)
    for indices in (sample_uniform(3, 7, rng, "repeat"), compute_uniform(3, 7, 1, "repeat")[0]):
        assert indices.tolist() == [0, 0, 0, 1, 1, 2, 2]
    for indices in (sample_uniform(3, 5, rng, "zero"), compute_uniform(3, 5, 2, "zero")[1]):
        assert indices.tolist() == [0, 1, 2, NO_FRAME, NO_FRAME]
    assert compute_uniform(3, 3, 1, "zero").tolist() == [[0, 1, 2]]


def test_the_best_persons_are_chosen():
    poses = draw(num_persons=4)
    totals = poses.scores.sum(axis=(1, 2))
    assert choose_persons(poses, 2).tolist() == np.argsort(-totals)[:2].tolist()
    assert len(choose_persons(poses, 9)) == 4
    same = Poses(*(np.zeros((3, *array.shape[1:]), array.dtype) for array in poses_arrays(poses)), WIDTH, HEIGHT)
    assert choose_persons(same, 2).tolist() == [0, 1]


def poses_arrays(poses):
    return poses.keypoints, poses.scores, poses.boxes, poses.status


def find_sample(poses, indices, num_persons, stream):
    """The joint and bone streams by a loop over every number."""
    chosen = sorted(range(len(poses.status)), key=lambda m: -poses.scores[m].sum())[:num_persons]
    T = poses.num_frames

    def joint(m, t, v):
        if poses.status[m, t] == 0 or poses.scores[m, t, v] <= 0:
            return None
        x, y = poses.keypoints[m, t, v]
        return np.array([(x - WIDTH / 2) / (WIDTH / 2), (y - HEIGHT / 2) / (HEIGHT / 2), poses.scores[m, t, v]])

    def compare(left, right):
        if left is None or right is None:
            return None
        return np.array([*(left[:2] - right[:2]), (left[2] + right[2]) / 2])

    def bone(m, t, v):
        return compare(joint(m, t, v), joint(m, t, PARENTS[v]))

    def look(m, t, v):
        of = bone if stream.startswith("bone") else joint
        if not stream.endswith("motion"):
            return of(m, t, v)
        return compare(of(m, t + 1, v), of(m, t, v)) if t + 1 < T else None

    found = np.zeros((3, len(indices), NUM_JOINTS, num_persons))
    for m, person in enumerate(chosen):
        for t, frame in enumerate(indices):
            for v in range(NUM_JOINTS):
                value = None if frame == NO_FRAME else look(person, frame, v)
                found[:, t, v, m] = 0 if value is None else value
    return found


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(("num_frames", "clip_len", "short"), [(9, 4, "loop"), (3, 5, "loop"), (3, 5, "zero")])
def test_a_sample_is_what_a_loop_over_its_numbers_gives(stream, num_frames, clip_len, short):
    poses = draw(num_persons=3, num_frames=num_frames)
    sample = make_test_skeletons(poses, clip_len=clip_len, num_clips=2, num_persons=2, stream=stream, short=short)
    assert sample.array.shape == (2, 3, clip_len, NUM_JOINTS, 2) and sample.array.dtype == np.float32
    assert (sample.num_left_out, sample.num_padded, sample.is_short) == (1, 0, num_frames < clip_len)
    for indices, clip in zip(compute_uniform(num_frames, clip_len, 2, short), sample.array, strict=True):
        np.testing.assert_allclose(clip, find_sample(poses, indices, 2, stream), atol=1e-6)


def test_a_training_sample_shows_the_frames_that_were_drawn():
    poses = draw(num_frames=20)
    sample = make_training_skeleton(poses, np.random.default_rng(5), clip_len=6, num_persons=2)
    rng = np.random.default_rng(5)
    rng.uniform(1, 1), rng.uniform(0, 0)
    np.testing.assert_allclose(sample.array, find_sample(poses, sample_uniform(20, 6, rng), 2, "joint"), atol=1e-6)
    again = make_training_skeleton(poses, np.random.default_rng(5), clip_len=6, num_persons=2)
    np.testing.assert_array_equal(sample.array, again.array)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("centre", ["frame", "torso"])
def test_every_sample_is_float32(stream, centre):
    options = {"clip_len": 4, "num_persons": 3, "stream": stream, "centre": centre}
    turned = make_training_skeleton(draw(), np.random.default_rng(0), **options, max_scale=0.1, max_degrees=5)
    assert turned.array.dtype == make_test_skeletons(draw(), **options).array.dtype == np.float32


def test_what_is_missing_is_zero_and_counted():
    poses = draw(num_persons=1, num_frames=6, unseen=0)
    poses.status[0, [1, 4]] = 0  # the arrays still hold something there: it must not be seen
    for stream in STREAMS:
        sample = make_test_skeletons(poses, clip_len=6, num_persons=3, stream=stream)
        assert sample.num_blank == 2 and sample.num_padded == 2 and sample.num_left_out == 0
        assert not sample.array[0, :, [1, 4]].any() and not sample.array[..., 1:].any()
        assert sample.array[0, 2, 2].any()
    motion = make_test_skeletons(poses, clip_len=6, stream="joint-motion").array[0, :, :, 0, 0]
    assert [bool(column.any()) for column in motion.T] == [False, False, True, False, False, False]
    assert make_test_skeletons(poses, clip_len=12).num_blank == 4  # played twice
    assert make_test_skeletons(poses, clip_len=12, short="zero").num_blank == 2  # what follows the end is no frame


def test_normalisation_by_hand():
    skeleton = np.zeros((1, 1, NUM_JOINTS, 3), np.float32)
    skeleton[0, 0, 0] = 320, 240, 0.5
    skeleton[0, 0, 1] = 80, 120, 1
    normalised = normalise_skeleton(skeleton, WIDTH, HEIGHT)
    assert normalised[0, 0, 0].tolist() == [1, 1, 0.5] and normalised[0, 0, 1].tolist() == [-0.5, 0, 1]
    assert not normalised[0, 0, 2:].any()  # not seen: not the frame's corner


def test_centred_on_the_torso_by_hand():
    skeleton = np.zeros((1, 3, NUM_JOINTS, 3), np.float32)
    for t, (x, y) in enumerate([(100, 50), (200, 80)]):
        skeleton[0, t, 5] = x - 10, y, 1
        skeleton[0, t, 12] = x + 10, y, 1  # the middle of the torso is (x, y)
        skeleton[0, t, 15] = x, y + 30, 1
        skeleton[0, t, 0] = x, y - 30, 1  # bounds of 20 x 60: a diagonal of 63.2
    skeleton[0, 2, 9] = 7, 7, 1  # a wrist alone
    found = normalise_skeleton(skeleton, WIDTH, HEIGHT, "torso")
    size = np.median([np.hypot(20, 60), np.hypot(20, 60), 0])
    np.testing.assert_allclose(found[0, 0, 15], [0, 60 / size, 1], atol=1e-6)
    np.testing.assert_allclose(found[0, 0], found[0, 1], atol=1e-6)  # a pan changes nothing
    np.testing.assert_allclose(found[0, 2, 9], [0, 0, 1])
    assert not found[0, 0, 16].any()
    assert np.isfinite(normalise_skeleton(np.zeros_like(skeleton), WIDTH, HEIGHT, "torso")).all()


def test_zoom_changes_nothing_where_the_torso_is_the_centre():
    poses = draw(unseen=0.1)
    skeleton = get_skeleton(poses, np.arange(2))
    zoomed = turn_skeleton(skeleton, WIDTH, HEIGHT, 1.7, 0)
    np.testing.assert_allclose(
        normalise_skeleton(zoomed, WIDTH, HEIGHT, "torso"),
        normalise_skeleton(skeleton, WIDTH, HEIGHT, "torso"),
        atol=1e-4,
    )


def test_turning_by_hand():
    skeleton = np.zeros((1, 1, NUM_JOINTS, 3), np.float32)
    skeleton[0, 0, 3] = 159.5 + 10, 119.5, 0.7
    turned = turn_skeleton(skeleton, WIDTH, HEIGHT, 2, 90)
    np.testing.assert_allclose(turned[0, 0, 3], [159.5, 119.5 - 20, 0.7], atol=1e-4)  # to the right becomes up
    assert not turned[0, 0, 4].any()


def test_turning_keeps_lengths():
    skeleton = get_skeleton(draw(unseen=0), np.arange(2))
    turned = turn_skeleton(skeleton, WIDTH, HEIGHT, 1.25, 33)
    lengths, found = (np.linalg.norm(s[..., 1:, :2] - s[..., :-1, :2], axis=-1) for s in (skeleton, turned))
    np.testing.assert_allclose(found, 1.25 * lengths, rtol=1e-4)


def test_training_turns_within_its_bounds():
    poses = draw(num_persons=1, num_frames=4, unseen=0)
    plain = get_skeleton(poses, np.arange(1))[0, :, :, :2] - [159.5, 119.5]
    for seed in range(30):
        array = make_training_skeleton(
            poses, np.random.default_rng(seed), clip_len=4, max_scale=0.2, max_degrees=15
        ).array[:2, ..., 0]  # (2, T, V)
        pixels = np.moveaxis(array, 0, -1) * (160, 120) + (160, 120) - [159.5, 119.5]
        scale = np.linalg.norm(pixels, axis=-1) / np.linalg.norm(plain, axis=-1)
        angle = np.angle((pixels @ [1, 1j]) / (plain @ [1, 1j]), deg=True)
        assert np.ptp(scale) < 1e-2 and 0.8 <= scale.mean() <= 1.2
        assert np.ptp(angle) < 0.5 and -15 <= angle.mean() <= 15


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("centre", ["frame", "torso"])
def test_a_mirrored_sample_is_the_sample_of_the_mirrored_poses(stream, centre):
    poses = draw()
    keypoints = poses.keypoints[:, :, list(MIRRORED)].copy()
    keypoints[..., 0] = WIDTH - keypoints[..., 0]
    scores = poses.scores[:, :, list(MIRRORED)]
    mirrored = Poses(keypoints, scores, poses.boxes, poses.status, WIDTH, HEIGHT)
    options = {"clip_len": 5, "num_persons": 2, "stream": stream, "centre": centre}
    found = mirror_skeleton(make_test_skeletons(poses, **options).array)
    np.testing.assert_allclose(found, make_test_skeletons(mirrored, **options).array, atol=1e-5)


def test_mirroring_serves_numpy_and_torch_and_leaves_its_argument():
    array = make_test_skeletons(draw(), clip_len=5).array[0]
    before = array.copy()
    np.testing.assert_array_equal(mirror_skeleton(mirror_skeleton(array)), array)
    np.testing.assert_array_equal(mirror_skeleton(torch.from_numpy(array)).numpy(), mirror_skeleton(array))
    np.testing.assert_array_equal(array, before)


def test_a_still_clip_has_no_motion():
    poses = draw(num_frames=1, unseen=0)
    still = Poses(*(np.repeat(array, 5, axis=1) for array in poses_arrays(poses)), WIDTH, HEIGHT)
    for stream in ("joint-motion", "bone-motion"):
        array = make_stream(normalise_skeleton(get_skeleton(still, np.arange(2)), WIDTH, HEIGHT), stream)
        assert not array[..., :2].any() and array[:, :-1, :, 2].all()


def test_a_clip_of_one_frame_is_a_sample():
    for stream in STREAMS:
        sample = make_test_skeletons(draw(num_frames=1), clip_len=4, stream=stream)
        assert sample.array.shape == (1, 3, 4, NUM_JOINTS, 1) and sample.is_short and np.isfinite(sample.array).all()


def test_poses_in_memory_are_a_source():
    source = pickle.loads(pickle.dumps(MemoryPoses({"a": draw()})))
    assert source.count_frames("a") == 7 and source.read("a").width == WIDTH
    assert source.find_missing(["a", "b"]) == {"b": "not in memory"}
