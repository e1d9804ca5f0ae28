import numpy as np
import pytest
import torch

from finegym.localization.actionformer_decoding import decode_points, suppress_doubles, vote
from finegym.localization.actionformer_targets import assign_points
from finegym.models.actionformer import make_points

SETTINGS = {"sigma": 0.5, "min_score": 0.001, "max_segments": 100, "vote_tiou": 0.7}


def test_targets_decode_to_the_segments_they_were_made_from():
    segments = torch.tensor([[3.2, 8.7], [10.1, 30.4], [31.0, 33.5]])
    points = make_points(48, 4)
    targets = assign_points(points, segments, torch.empty(0, 2), first_reach=4.0, centre_radius=1.5)
    scores = torch.nn.functional.one_hot(targets.segment + 1, 4)[:, 1:].float()
    found = decode_points(points, scores, targets.offsets, min_score=0.01, max_points=100)
    rows, classes, values = suppress_doubles(*found, **SETTINGS)
    assert (values[:3] == 1).all() and len(set(classes[:3])) == 3
    for row, number in zip(rows[:3], classes[:3], strict=True):
        np.testing.assert_allclose(row, segments[number], atol=1e-5)


def test_decoding_equals_loops():
    torch.manual_seed(0)
    points = make_points(21, 3)
    scores, offsets = torch.rand(len(points), 4) ** 3, torch.rand(len(points), 2)
    offsets[::5] = 0.0  # of no length
    expected = []
    for stride in (1.0, 2.0, 4.0):
        level = []
        for (position, its_stride), row, (back, on) in zip(points.tolist(), scores, offsets.tolist(), strict=True):
            if its_stride == stride and (back + on) * stride > 0.05:
                level += [
                    (-float(s), position - back * stride, position + on * stride, k)
                    for k, s in enumerate(row)
                    if s >= 0.2
                ]
        expected += sorted(level)[:7]
    segments, classes, values = decode_points(points, scores, offsets, min_score=0.2, max_points=7)
    assert len(values) == len(expected)
    rows = np.array(expected)
    np.testing.assert_allclose(values, -rows[:, 0])
    np.testing.assert_allclose(segments, rows[:, 1:3], atol=1e-5)
    assert classes.tolist() == rows[:, 3].tolist()


def test_nothing_above_the_lowest_score_is_nothing():
    found = decode_points(make_points(5, 2), torch.zeros(8, 3), torch.ones(8, 2), min_score=0.1, max_points=9)
    assert found[0].shape == (0, 2) and not len(found[1]) and not len(found[2])
    assert [len(part) for part in suppress_doubles(*found, **SETTINGS)] == [0, 0, 0]


def test_classes_do_not_suppress_each_other_and_the_best_stay():
    segments = np.array([[0.0, 10.0], [0.0, 10.0], [0.0, 10.0], [20.0, 30.0]])
    settings = SETTINGS | {"vote_tiou": 0.0}
    found = suppress_doubles(segments, np.array([0, 0, 1, 1]), np.array([0.9, 0.8, 0.7, 0.1]), **settings)
    assert found[1].tolist() == [0, 1, 0, 1]
    assert found[2] == pytest.approx([0.9, 0.7, 0.8 * np.exp(-2), 0.1])
    fewer = suppress_doubles(
        segments, np.array([0, 0, 1, 1]), np.array([0.9, 0.8, 0.7, 0.1]), **settings | {"max_segments": 2}
    )
    assert fewer[2].tolist() == [0.9, 0.7]


def test_votes_are_weighted_by_score_and_overlap():
    candidates = np.array([[0.0, 10.0], [0.0, 8.0], [50.0, 60.0], [2.0, 12.0]])
    scores = np.array([0.6, 0.3, 0.9, 0.5])
    # Overlaps with the first: 1, 0.8, 0, 8/12 = 0.667 (too little).
    weights = np.array([0.6, 0.24])
    expected = [[0.0, (0.6 * 10 + 0.24 * 8) / weights.sum()]]
    np.testing.assert_allclose(vote(candidates[:1], candidates, scores, 0.7), expected)
