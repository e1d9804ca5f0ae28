"""Kinds of proposals, groups and snippets against rules written out for one proposal at a time."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finegym.errors import ConfigError
from finegym.localization.snippets import Snippets
from finegym.localization.ssn_sampling import (
    BACKGROUND,
    FOREGROUND,
    INCOMPLETE,
    Bounds,
    check_pool,
    draw_group,
    draw_snippets,
    make_pool,
    sort_proposals,
)
from finegym.localization.timelines import Timeline
from finegym.segments import compute_tiou

rows = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 40)), max_size=6).map(
    lambda pairs: np.array([[start, start + length] for start, length in pairs], np.int64).reshape(-1, 2)
)


def make_timeline(segments, ignored=(), classes=None, duration=140, name="r"):
    segments = np.array(segments, np.int64).reshape(-1, 2)
    classes = np.arange(len(segments)) if classes is None else np.array(classes)
    ignored = np.array(ignored, np.int64).reshape(-1, 2)
    return Timeline(name, name, None, 0, duration, segments, classes, ignored)


def slow_kind(proposal, timeline, bounds):
    regions = [*timeline.segments_ms.tolist(), *timeline.ignored_ms.tolist()]
    length = proposal[1] - proposal[0]
    tious = [compute_tiou(np.array([proposal]), np.array([region]))[0, 0] for region in regions]
    best = max(range(len(tious)), key=lambda n: tious[n]) if tious else None
    if best is not None and best < len(timeline.segments_ms):
        if tious[best] > bounds.foreground_tiou:
            return FOREGROUND, timeline.class_index[best]
        start, end = regions[best]
        inside = max(0, min(proposal[1], end) - max(proposal[0], start)) / length
        if tious[best] < bounds.incomplete_tiou and inside > bounds.incomplete_inside:
            return INCOMPLETE, timeline.class_index[best]
    is_clear = best is None or tious[best] < bounds.background_tiou
    if is_clear and length > bounds.background_length * timeline.duration_ms:
        return BACKGROUND, 0
    return -1, None


@given(rows, rows, rows)
def test_kinds_equal_the_rules(proposals, segments, ignored):
    timeline = make_timeline(segments, ignored)
    kinds, classes, _ = sort_proposals(proposals.astype(float), timeline, Bounds())
    for proposal, kind, class_index in zip(proposals.tolist(), kinds, classes, strict=True):
        expected = slow_kind(proposal, timeline, Bounds())
        assert kind == expected[0]
        assert kind == -1 or class_index == expected[1]


def make_two():
    """One timeline with all kinds of proposals, one with foreground alone."""
    first = make_timeline([[20, 60]], classes=[3])
    second = make_timeline([[0, 100]], classes=[1], name="s")
    proposals = [np.array([[22.0, 60], [30, 36], [50, 58], [80, 130]]), np.array([[0.0, 90]])]
    return (first, second), make_pool((first, second), proposals, Bounds())


def test_pool_holds_proposals_and_true_segments():
    _, pool = make_two()
    assert pool.kind.tolist() == [FOREGROUND, INCOMPLETE, INCOMPLETE, BACKGROUND, FOREGROUND, FOREGROUND, FOREGROUND]
    assert pool.class_index.tolist() == [3, 3, 3, 0, 3, 1, 1]
    assert pool.find(FOREGROUND, 0).tolist() == [0, 4]
    np.testing.assert_allclose(pool.offsets[0], [(40 - 41) / 38, np.log(40 / 38)])
    np.testing.assert_allclose(pool.offsets[[1, 4, 6]], 0)
    deviations = np.array([pool.offsets[0], [5 / 90, np.log(100 / 90)]])
    np.testing.assert_allclose(pool.stats, [deviations.mean(axis=0), deviations.std(axis=0)], rtol=1e-5)


def test_groups_have_their_counts_and_borrow_what_a_timeline_lacks():
    _, pool = make_two()
    rng = np.random.default_rng(0)
    for place in (0, 1):
        for _ in range(20):
            group = draw_group(pool, place, (1, 3, 1), rng)
            assert pool.kind[group].tolist() == [FOREGROUND, *[INCOMPLETE] * 3, BACKGROUND]
            assert pool.timeline[group[0]] == place
            assert set(pool.timeline[group[1:]]) == {0}  # the second has none of its own


def test_a_kind_that_does_not_exist_is_said():
    timeline = make_timeline([[0, 100]])
    pool = make_pool([timeline], [np.array([[0.0, 95]])], Bounds())
    check_pool(pool, (1, 0, 0))
    with pytest.raises(ConfigError, match="incomplete or background"):
        check_pool(pool, (1, 6, 1))


def test_snippets_are_drawn_in_their_stages():
    snippets = Snippets(np.zeros((100, 1), np.float16), np.arange(100) * 10 + 5, 1000)
    rng = np.random.default_rng(0)
    seen = [draw_snippets(np.array([[400.0, 600]]), snippets, (2, 5, 2), rng) for _ in range(200)]
    indices = np.concatenate(seen)
    assert np.all(np.diff(indices, axis=1) >= 0)
    bounds = [30, 35, 40, 44, 48, 52, 56, 60, 65, 70]  # half of 200 ms on both sides, in equal parts
    for column, (low, high) in zip(indices.T, itertools.pairwise(bounds), strict=True):
        assert low <= column.min() and column.max() <= high and len(set(column)) >= high - low - 1
