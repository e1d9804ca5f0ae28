"""Which poses are believed, and which gaps between them are bridged."""

import numpy as np
import pytest
from pose_scenes import make_sight, make_whereabouts, stand_still, walk

from finegym.features.pose.gaps import count_status, make_poses
from finegym.features.pose.poses import FOUND, INTERPOLATED, MISSING
from finegym.features.pose.verify import MAX_JUMP, measure_jump, measure_support

SIZE = (144, 256)


def test_a_short_gap_is_bridged_by_straight_lines():
    seen = [make_sight((50, 60)), None, None, None, make_sight((90, 80))]
    poses = make_poses(seen, np.zeros(5), SIZE, max_gap_frames=3)
    assert poses.status[0].tolist() == [FOUND, INTERPOLATED, INTERPOLATED, INTERPOLATED, FOUND]
    # By hand: a quarter of 40 and of 20 pixels a frame.
    for k in range(5):
        assert np.allclose(poses.keypoints[0, k], seen[0].keypoints + np.array([10 * k, 5 * k]), atol=1e-4)
        assert np.allclose(poses.boxes[0, k], poses.boxes[0, 0] + np.array([10, 5, 10, 5]) * k, atol=1e-4)
    assert (poses.width, poses.height) == (256, 144)
    assert count_status(poses) == {"frames": 5, "found": 2, "interpolated": 3, "missing": 0}


@pytest.mark.parametrize(("max_gap", "bridged"), [(0, 0), (2, 0), (3, 3), (9, 3)])
def test_a_longer_gap_stays_open(max_gap, bridged):
    seen = [make_sight((50, 60)), None, None, None, make_sight((90, 80))]
    poses = make_poses(seen, np.zeros(5), SIZE, max_gap_frames=max_gap)
    assert (poses.status == INTERPOLATED).sum() == bridged
    missing = poses.status[0] == MISSING
    assert not poses.keypoints[0, missing].any()
    assert not poses.scores[0, missing].any()
    assert not poses.boxes[0, missing].any()


def test_no_gap_is_bridged_across_a_cut_nor_between_turned_bodies():
    seen = [make_sight((50, 60)), None, make_sight((52, 60))]
    assert make_poses(seen, [0, 0, 1], SIZE, max_gap_frames=5).status[0].tolist() == [1, 0, 1]
    turned = [make_sight((50, 60)), None, make_sight((52, 60), angle=np.pi)]
    assert make_poses(turned, [0, 0, 0], SIZE, max_gap_frames=5).status[0].tolist() == [1, 0, 1]


def test_nothing_is_added_at_the_ends():
    seen = [None, make_sight((50, 60)), None]
    assert make_poses(seen, np.zeros(3), SIZE, max_gap_frames=5).status[0].tolist() == [0, 1, 0]
    assert make_poses([None] * 3, np.zeros(3), SIZE, max_gap_frames=5).status[0].tolist() == [0, 0, 0]


def test_scores_of_a_bridge_are_the_smaller_ones():
    first, last = make_sight((50, 60)), make_sight((54, 60))
    last.scores[3] = 0.2
    scores = make_poses([first, None, last], np.zeros(3), SIZE, max_gap_frames=1).scores[0, 1]
    assert scores[3] == pytest.approx(0.2) and scores[4] == pytest.approx(0.9)


def test_boxes_end_at_the_picture():
    poses = make_poses([make_sight((5, 60))], [0], SIZE, max_gap_frames=0)
    assert poses.boxes[0, 0, 0] == 0 and poses.boxes[0, 0, 2] < 30


def test_a_jump_is_what_the_body_does_not_explain():
    where = make_whereabouts(walk(50, 90, 60, 2), length=40)
    assert measure_jump(make_sight((50, 60)), make_sight((90, 60)), where, 0, 1) == pytest.approx(0, abs=1e-6)
    assert measure_jump(make_sight((50, 60)), make_sight((90, 80)), where, 0, 1) == pytest.approx(0.5, abs=1e-6)


def test_a_pose_alone_is_not_believed_one_among_its_like_is():
    T = 20
    way = walk(40, 200, 60, T)
    seen = [make_sight(place) for place in way]
    assert measure_support(seen, make_whereabouts(way), 0, 25.0).min() > 0.9
    lone = [None] * T
    lone[9] = seen[9]
    assert measure_support(lone, make_whereabouts(way), 0, 25.0).max() == 0
    wrong = list(seen)
    wrong[9] = make_sight(way[9], angle=np.pi)  # upside down for one frame
    support = measure_support(wrong, make_whereabouts(way), 0, 25.0)
    assert support[9] == 0 and np.delete(support, 9).min() > 0.7


def test_support_by_hand():
    """Three frames: the first two agree, the last is far off; each has two others within reach."""
    where = make_whereabouts(stand_still(50, 60, 3))
    seen = [make_sight((50, 60), presence=0.8), make_sight((50, 60), presence=0.6), make_sight((90, 60))]
    assert measure_support(seen, where, 0, 25.0) == pytest.approx([0.6 / 2, 0.8 / 2, 0.0])


def test_nothing_agrees_across_a_cut():
    where = make_whereabouts(stand_still(50, 60, 4), shot=[0, 0, 1, 1])
    support = measure_support([make_sight((50, 60))] * 4, where, 0, 25.0)
    assert support == pytest.approx([0.99 / 3] * 4)


def test_a_clip_of_one_frame_needs_a_sure_model():
    where = make_whereabouts([(50, 60)])
    assert measure_support([make_sight((50, 60), presence=0.99)], where, 0, 25.0).tolist() == [1.0]
    assert measure_support([make_sight((50, 60), presence=0.8)], where, 0, 25.0).tolist() == [0.0]


def test_slow_films_do_not_believe_everything():
    where = make_whereabouts(stand_still(50, 60, 4))
    seen = [make_sight((50 + 50 * 1.2 * MAX_JUMP * (k % 2), 60)) for k in range(4)]
    support = measure_support(seen, where, 0, 5.0)
    assert support.max() == 0
