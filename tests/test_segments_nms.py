"""Suppression of doubles against references that go through all pairs in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finegym.errors import SegmentError
from finegym.segments import nms, soft_nms

scored = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12), st.integers(0, 8), st.integers(0, 2)), max_size=14)


def unpack(rows):
    segments = np.array([[start, start + length] for start, length, _, _ in rows], float).reshape(-1, 2)
    return segments, np.array([row[2] / 8 for row in rows]), np.array([row[3] for row in rows], int)


def overlap(a, b):
    shared = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return shared / (a[1] - a[0] + b[1] - b[0] - shared)


def slow_nms(segments, scores, max_tiou, classes):
    kept = []
    for row in sorted(range(len(segments)), key=lambda n: (-scores[n], n)):
        if all(classes[row] != classes[k] or overlap(segments[row], segments[k]) <= max_tiou for k in kept):
            kept.append(row)
    return kept


def slow_soft_nms(segments, scores, sigma, classes, min_score):
    left, result = {n: float(s) for n, s in enumerate(scores)}, []
    while left:
        best = min(left, key=lambda n: (-left[n], n))
        value = left.pop(best)
        if value < min_score:
            break
        result.append((best, value))
        for n in left:
            if classes[n] == classes[best]:
                left[n] *= math.exp(-(overlap(segments[n], segments[best]) ** 2) / sigma)
    return result


@given(scored, st.sampled_from([0.0, 0.2, 0.5, 0.95, 1.0]))
def test_nms_equals_all_pairs(rows, max_tiou):
    segments, scores, classes = unpack(rows)
    assert nms(segments, scores, max_tiou, classes).tolist() == slow_nms(segments, scores, max_tiou, classes)
    alone = np.zeros(len(rows), int)
    assert nms(segments, scores, max_tiou).tolist() == slow_nms(segments, scores, max_tiou, alone)


@given(scored, st.sampled_from([0.1, 0.5, 2.0]))
def test_soft_nms_equals_one_at_a_time(rows, sigma):
    segments, scores, classes = unpack(rows)
    kept, values = soft_nms(segments, scores, sigma, classes, min_score=0.01)
    expected = slow_soft_nms(segments, scores, sigma, classes, 0.01)
    assert np.all(np.diff(values) <= 0)
    assert dict(zip(kept.tolist(), values.tolist(), strict=True)) == pytest.approx(dict(expected))


def test_soft_nms_worked_by_hand():
    # tIoU of the second with the first is 1/3: 0.8 exp(-(1/9) / 0.5) = 0.6406; the third meets neither.
    kept, values = soft_nms(np.array([[0.0, 10], [5, 15], [40, 50]]), np.array([0.9, 0.8, 0.7]), 0.5)
    assert kept.tolist() == [0, 2, 1]
    np.testing.assert_allclose(values, [0.9, 0.7, 0.8 * math.exp(-2 / 9)])


def test_soft_nms_keeps_as_many_of_a_class_as_asked():
    segments, scores = np.array([[0.0, 1], [2, 3], [4, 5]]), np.array([0.5, 0.9, 0.7])
    kept, _ = soft_nms(segments, scores, 0.5, max_segments=2)
    assert kept.tolist() == [1, 2]
    kept, _ = soft_nms(segments, scores, 0.5, np.array([0, 1, 1]), max_segments=1)
    assert kept.tolist() == [1, 0]


def test_segments_that_touch_do_not_meet():
    assert nms(np.array([[0, 5], [5, 9]]), np.array([1.0, 0.5]), 0.0).tolist() == [0, 1]


def test_bad_input_is_refused():
    with pytest.raises(SegmentError, match="finite scores"):
        nms(np.array([[0, 1]]), np.array([np.nan]), 0.5)
    with pytest.raises(SegmentError, match="0 to 1, got 2"):
        nms(np.array([[0, 1]]), np.array([1.0]), 2)
    with pytest.raises(SegmentError, match="as many classes"):
        nms(np.array([[0, 1]]), np.array([1.0]), 0.5, np.array([0, 1]))
    with pytest.raises(SegmentError, match="positive sigma and scores of at least 0"):
        soft_nms(np.array([[0, 1]]), np.array([-1.0]), 0.5)
