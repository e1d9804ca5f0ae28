"""Interval arithmetic against hand-worked cases and a brute-force reference."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finegym.errors import SegmentError
from finegym.segments import check_segments, compute_overlaps, compute_tiou, find_runs

segments = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=8).map(
    lambda rows: np.array([[start, start + length] for start, length in rows], dtype=float).reshape(-1, 2)
)


def brute_tiou(a, b):
    cells_a, cells_b = set(range(int(a[0]), int(a[1]))), set(range(int(b[0]), int(b[1])))
    return len(cells_a & cells_b) / len(cells_a | cells_b)


@given(segments, segments)
def test_tiou_equals_counting_cells(left, right):
    expected = [[brute_tiou(a, b) for b in right] for a in left]
    np.testing.assert_allclose(compute_tiou(left, right), np.array(expected).reshape(len(left), len(right)))


@given(segments)
def test_overlaps_equal_all_pairs(rows):
    expected = [(i, j) for i in range(len(rows)) for j in range(i + 1, len(rows)) if brute_tiou(rows[i], rows[j]) > 0]
    assert compute_overlaps(rows) == expected


def test_touching_is_not_sharing():
    assert compute_overlaps(np.array([[0, 5], [5, 9]])) == []
    assert compute_tiou(np.array([[0.0, 5.0]]), np.array([[5.0, 9.0]]))[0, 0] == 0


def test_bad_rows_are_named():
    with pytest.raises(SegmentError, match=r"segment 1 is \[5, 5\).*1 such rows"):
        check_segments(np.array([[0, 1], [5, 5]]))
    with pytest.raises(SegmentError, match="segment 0"):
        check_segments(np.array([[0.0, np.nan]]))
    with pytest.raises(SegmentError, match=r"shape \(N, 2\)"):
        check_segments(np.zeros((3, 3)))


@given(st.sets(st.integers(0, 60)))
def test_runs_hold_the_numbers_and_have_gaps_between(numbers):
    runs = find_runs(np.array(sorted(numbers), np.int64)).tolist()
    assert {number for first, stop in runs for number in range(first, stop)} == numbers
    assert all(first < stop for first, stop in runs)
    assert all(left[1] < right[0] for left, right in pairwise(runs))
