import math

import pytest
import torch

from finegym.localization.actionformer_targets import assign_points
from finegym.models.actionformer import make_points

NOTHING = torch.empty(0, 2)


def assign_slowly(points, segments, ignored, first_reach, centre_radius):
    """Point by point and segment by segment, with a level's range written as two numbers."""
    strides = sorted({stride for _, stride in points.tolist()})
    result = []
    for position, stride in points.tolist():
        level = strides.index(stride)
        lower = 0 if level == 0 else first_reach * 2 ** (level - 1)
        upper = math.inf if level == len(strides) - 1 else first_reach * 2**level
        candidates = []
        for row, (start, end) in enumerate(segments.tolist()):
            is_inside = start < position < end
            is_central = abs(position - (start + end) / 2) < centre_radius * stride
            if is_inside and is_central and lower <= max(position - start, end - position) <= upper:
                candidates.append((end - start, row))
        row = min(candidates)[1] if candidates else -1
        offsets = [0.0, 0.0]
        if row >= 0:
            start, end = segments[row].tolist()
            offsets = [(position - start) / stride, (end - position) / stride]
        is_ignored = row < 0 and any(start <= position < end for start, end in ignored.tolist())
        result.append((row, offsets, is_ignored))
    return result


@pytest.mark.parametrize("seed", range(6))
def test_targets_equal_loops_over_points_and_segments(seed):
    generator = torch.Generator().manual_seed(seed)
    points = make_points(61, 4)
    starts = torch.rand(12, generator=generator) * 60
    lengths = torch.rand(12, generator=generator) ** 2 * 40 + 0.5
    rows = torch.stack([starts, starts + lengths], dim=1).round(decimals=1)  # ties with positions occur
    settings = {"first_reach": 3.0, "centre_radius": 1.5}
    targets = assign_points(points, rows[:9], rows[9:], **settings)
    expected = assign_slowly(points, rows[:9], rows[9:], **settings)
    assert targets.segment.tolist() == [row for row, _, _ in expected]
    torch.testing.assert_close(targets.offsets, torch.tensor([offsets for _, offsets, _ in expected]))
    assert targets.is_ignored.tolist() == [ignored for _, _, ignored in expected]
    assert (targets.segment >= 0).any() and targets.is_ignored.any()


def test_a_worked_case():
    # Two levels over six snippets, at 0 to 5 and at 0, 2, 4. [1.5, 4.5) has its centre at 3, where both ends are 1.5
    # away: within the 2 that the finest level is for. At 2 and 4 the farther end is 2.5 away, which is the coarser
    # level's, where both are less than 1.2 strides (2.4) from the centre.
    targets = assign_points(make_points(6, 2), torch.tensor([[1.5, 4.5]]), NOTHING, first_reach=2.0, centre_radius=1.2)
    assert targets.segment.tolist() == [*(-1, -1, -1, 0, -1, -1), *(-1, 0, 0)]
    assert targets.offsets[[3, 7, 8]].tolist() == [[1.5, 1.5], [0.25, 1.25], [1.25, 0.25]]


def test_longer_segments_belong_to_coarser_levels():
    points = make_points(64, 5)
    strides = {}
    for length in (3.0, 10.0, 20.0, 40.0, 60.0):
        segment = torch.tensor([[31.7 - length / 2, 31.7 + length / 2]])
        targets = assign_points(points, segment, NOTHING, first_reach=4.0, centre_radius=1.5)
        strides[length] = set(points[targets.segment >= 0, 1].tolist())
        assert strides[length], length
    assert max(strides[3.0]) == 1 and min(strides[60.0]) == 8
    assert [min(each) for each in strides.values()] == sorted(min(each) for each in strides.values())


def test_the_shortest_of_nested_segments_has_the_point():
    rows = torch.tensor([[0.0, 8.0], [2.0, 6.0]])
    targets = assign_points(make_points(9, 1), rows, NOTHING, first_reach=4.0, centre_radius=9.0)
    assert targets.segment.tolist() == [-1, 0, 0, 1, 1, 1, 0, 0, -1]


def test_background_is_ignored_inside_ignore_regions_only():
    rows, ignored = torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 5.0]])
    targets = assign_points(make_points(7, 1), rows, ignored, first_reach=4.0, centre_radius=9.0)
    assert targets.segment.tolist() == [-1, -1, 0, -1, -1, -1, -1]
    assert targets.is_ignored.tolist() == [False, False, False, True, True, False, False]


def test_without_segments_all_is_background():
    targets = assign_points(make_points(4, 2), NOTHING, NOTHING, first_reach=4.0, centre_radius=1.5)
    assert (targets.segment == -1).all() and not targets.is_ignored.any() and not targets.offsets.any()
