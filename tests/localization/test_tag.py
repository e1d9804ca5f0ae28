"""Actionness grouping against the paper's procedure, basin by basin in plain Python."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finegym.localization.tag import find_groups, make_grid, make_tag_proposals
from finegym.segments import compute_tiou

curves = st.lists(st.integers(0, 10), min_size=1, max_size=40).map(lambda values: np.array(values) / 10)


def slow_groups(curve, thresholds, fills):
    """For every level and share: each basin takes the basins after it (and, once more, before it) one by one."""
    found = set()
    for threshold in thresholds:
        basins, t = [], 0
        while t < len(curve):
            stop = t
            while stop < len(curve) and curve[stop] > threshold:
                stop += 1
            if stop > t:
                basins.append((t, stop))
            t = stop + 1
        for fill in fills:
            for seed in range(len(basins)):
                for direction in (1, -1):
                    group = [seed]
                    while 0 <= group[-1] + direction < len(basins):
                        wider = [*group, group[-1] + direction]
                        members = [basins[n] for n in sorted(wider)]
                        inside = sum(stop - start for start, stop in members)
                        if inside / (members[-1][1] - members[0][0]) < fill:
                            break
                        group = wider
                    found.add((basins[min(group)][0], basins[max(group)][1]))
    return sorted(found)


@given(curves)
def test_groups_equal_the_papers_procedure(curve):
    thresholds, fills = np.array([0.15, 0.45, 0.75]), np.array([0.25, 0.5, 0.6, 0.95])
    assert find_groups(curve, thresholds, fills).tolist() == [
        list(row) for row in slow_groups(curve, thresholds, fills)
    ]


def test_groups_worked_by_hand():
    #        basins above 0.5:  [1, 3)      [4, 5)              [8, 10)
    curve = np.array([0, 0.9, 0.9, 0, 0.9, 0, 0, 0, 0.9, 0.9])

    def at(fill):
        return find_groups(curve, np.array([0.5]), np.array([fill])).tolist()

    assert at(0.8) == [[1, 3], [4, 5], [8, 10]]
    assert at(0.75) == [[1, 3], [1, 5], [4, 5], [8, 10]]  # 3 of 4 snippets
    assert at(0.56) == at(0.75)
    # All three are 5 of 9. From the last one backwards, [4, 10) is 3 of 6: that way it takes none.
    assert at(0.55) == [[1, 3], [1, 5], [1, 10], [4, 5], [8, 10]]
    assert at(0.5) == [[1, 3], [1, 5], [1, 10], [4, 5], [4, 10], [8, 10]]


def test_proposals_are_different_and_cover_what_is_there():
    rng = np.random.default_rng(0)
    truth = np.array([[20, 60], [70, 90], [150, 300]])
    curve = np.full(400, 0.1)
    for start, stop in truth:
        curve[start:stop] = 0.8
    curve = (curve + rng.normal(0, 0.25, 400)).clip(0, 1)
    segments, means = make_tag_proposals(curve)
    assert np.all(np.diff(means) <= 0)
    np.testing.assert_allclose(means, [curve[start:stop].mean() for start, stop in segments])
    overlap = compute_tiou(segments, segments) - np.eye(len(segments))
    assert overlap.max() <= 0.95
    assert compute_tiou(truth, segments).max(axis=1).min() > 0.85


def test_a_flat_curve_is_one_proposal_or_none():
    assert make_tag_proposals(np.full(7, 0.5))[0].tolist() == [[0, 7]]
    assert make_tag_proposals(np.zeros(7))[0].tolist() == []


def test_the_grid_is_the_papers():
    np.testing.assert_allclose(make_grid(0.05), np.linspace(0.05, 0.95, 19))
    np.testing.assert_allclose(make_grid(0.3), [0.3, 0.6, 0.9])
