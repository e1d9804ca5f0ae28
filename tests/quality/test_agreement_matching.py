"""Matching against slow searches through everything."""

import itertools

import numpy as np
import pytest
from agreement_samples import ELEMENTS, draw_sample, make_sample

from finegym.quality.matching import find_overlaps, group_units, match_units
from finegym.segments import compute_tiou


def search_best(units, first, second, item, min_tiou):
    """The largest sum of tIoU of a one-to-one matching of two annotators in one item, trying every one."""
    rows = [np.flatnonzero((units.annotator_index == a) & (units.item_index == item)) for a in (first, second)]
    if not all(len(part) for part in rows):
        return 0.0
    segments = np.column_stack([units.start_ms, units.end_ms])
    tiou = compute_tiou(segments[rows[0]], segments[rows[1]])
    tiou = np.where(tiou >= min_tiou, tiou, 0.0)
    if len(rows[0]) > len(rows[1]):
        tiou = tiou.T
    columns = range(tiou.shape[1])
    return max(sum(tiou[row, c] for row, c in enumerate(order)) for order in itertools.permutations(columns, len(tiou)))


@pytest.mark.parametrize("seed", range(4))
def test_overlaps_are_all_pairs_that_share_time(seed):
    units = draw_sample(seed)
    expected = {
        (a, b)
        for a in range(len(units))
        for b in range(len(units))
        if units.annotator_index[a] < units.annotator_index[b]
        and units.item_index[a] == units.item_index[b]
        and min(units.end_ms[a], units.end_ms[b]) > max(units.start_ms[a], units.start_ms[b])
    }
    pairs = find_overlaps(units)
    assert set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == expected
    segments = np.column_stack([units.start_ms, units.end_ms])
    tiou = compute_tiou(segments, segments)
    assert np.array_equal(pairs.tiou, tiou[pairs.left, pairs.right])


@pytest.mark.parametrize("min_tiou", [0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_matching_is_one_to_one_and_no_other_has_a_larger_sum(seed, min_tiou):
    units = draw_sample(seed)
    matches = match_units(units, min_tiou)
    assert (matches.tiou >= min_tiou).all()
    for first, second in itertools.combinations(range(3), 2):
        mine = (units.annotator_index[matches.left] == first) & (units.annotator_index[matches.right] == second)
        assert len(set(matches.left[mine])) == len(set(matches.right[mine])) == mine.sum()
        for item in range(len(units.items)):
            here = mine & (units.item_index[matches.left] == item)
            best = search_best(units, first, second, item, min_tiou)
            assert matches.tiou[here].sum() == pytest.approx(best, abs=1e-12)


def test_a_neighbour_that_reaches_over_takes_no_partner_away():
    # bea's first reaches into ada's second, but fits ada's first better.
    units = make_sample([
        ("ada", "i", 0, 1000, None), ("ada", "i", 1000, 2000, None),
        ("bea", "i", 300, 1500, None), ("bea", "i", 1500, 2000, None),
    ])  # fmt: skip
    matches = match_units(units, 0.3)
    ids = [(units.unit_ids[a], units.unit_ids[b]) for a, b in zip(matches.left, matches.right, strict=True)]
    assert ids == [("u0", "u2"), ("u1", "u3")]


def test_nothing_matches_over_items_or_with_oneself():
    units = make_sample([("ada", "i", 0, 1000, None), ("ada", "i", 0, 1000, None), ("bea", "k", 0, 1000, None)])
    assert len(match_units(units, 0.1)) == 0
    assert len(group_units(units)) == 3


def test_no_units_are_no_trouble():
    units = make_sample([], items=["i"])
    assert len(find_overlaps(units)) == len(match_units(units)) == len(group_units(units)) == 0


@pytest.mark.parametrize("seed", range(6))
def test_every_unit_is_in_one_group_with_one_unit_an_annotator(seed):
    units = draw_sample(seed)
    groups = group_units(units, match_units(units, 0.1))
    rows = groups.members[groups.members >= 0]
    assert sorted(rows.tolist()) == list(range(len(units)))
    for number, members in enumerate(groups.members):
        for annotator, row in enumerate(members):
            if row >= 0:
                assert units.annotator_index[row] == annotator
                assert units.item_index[row] == groups.item_index[number]
                assert groups.group_of_unit[row] == number
    first = [min(row for row in members if row >= 0) for members in groups.members.tolist()]
    assert first == sorted(first)


def test_groups_join_what_is_connected_where_nobody_is_twice():
    # ada and cleo do not match each other, both match bea.
    units = make_sample(
        [("ada", "i", 0, 1000, None), ("bea", "i", 400, 1400, None), ("cleo", "i", 800, 1800, None)],
        annotators=("ada", "bea", "cleo"),
    )
    groups = group_units(units, match_units(units, 0.3))
    assert groups.members.tolist() == [[0, 1, 2]]


def test_a_group_does_not_take_two_units_of_one_annotator():
    # bea matches ada's first; cleo matches bea and ada's second. The closer pairs stay together.
    units = make_sample(
        [("ada", "i", 0, 1000, None), ("bea", "i", 100, 1300, None), ("cleo", "i", 600, 1600, None),
         ("ada", "i", 1000, 1700, None)],
        annotators=("ada", "bea", "cleo"),
    )  # fmt: skip
    groups = group_units(units, match_units(units, 0.3))
    ids = [{units.unit_ids[row] for row in members if row >= 0} for members in groups.members.tolist()]
    assert ids == [{"u0", "u1"}, {"u2", "u3"}]


def test_labels_do_not_decide():
    units = make_sample([("ada", "i", 0, 1000, ELEMENTS[0]), ("bea", "i", 0, 1000, ELEMENTS[99])])
    assert len(match_units(units, 0.9)) == 1
