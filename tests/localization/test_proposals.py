"""Windows, grids, stages and refinement by hand and against slow references."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finegym.localization.proposals import (
    compute_offsets,
    find_stages,
    find_ticks,
    make_actionness_proposals,
    make_sliding_windows,
    make_uniform_proposals,
    refine,
)
from finegym.localization.snippets import Snippets
from finegym.segments import compute_tiou

SETTINGS = {"threshold_step": 0.05, "fill_step": 0.05, "max_tiou": 0.95}


def make_snippets(count=20, step=40):
    return Snippets(np.zeros((count, 1), np.float16), np.arange(count) * step + step // 2, count * step)


def test_sliding_windows_find_every_segment():
    windows = make_sliding_windows(10_000, min_ms=500, max_ms=9000, growth=1.5, stride=0.25)
    assert windows.min() == 0 and windows.max() <= 10_000
    rng = np.random.default_rng(0)
    lengths = np.exp(rng.uniform(np.log(500), np.log(8000), 300))
    starts = rng.uniform(0, 10_000 - lengths)
    best = compute_tiou(np.column_stack([starts, starts + lengths]), windows).max(axis=1)
    assert best.min() > 0.6
    assert make_sliding_windows(100, min_ms=500, max_ms=900).tolist() == [[0, 100]]


def test_uniform_proposals_are_all_pairs_of_ticks():
    got = make_uniform_proposals(60, 6).tolist()
    assert got == [[i * 10, j * 10] for i in range(6) for j in range(i + 1, 7)]


def test_tag_in_milliseconds_reaches_half_way_to_the_next_snippet():
    curve = np.zeros(20)
    curve[5:8] = 0.9
    assert make_actionness_proposals(curve, make_snippets(), **SETTINGS).tolist() == [[200, 320]]
    curve[:] = 0.9
    late = Snippets(np.zeros((20, 1), np.float16), np.arange(20) * 40 + 7, 811)
    assert make_actionness_proposals(curve, late, **SETTINGS).tolist() == [[0, 811]]


def test_stages_are_half_a_length_and_end_with_the_timeline():
    stages, scales = find_stages(np.array([[100.0, 300]]), 350)
    assert (stages.tolist(), scales.tolist()) == ([[0, 100, 300, 350]], [[1, 0.5]])
    stages, scales = find_stages(np.array([[100.0, 300], [20.0, 60.0]]), 1000)
    assert stages.tolist() == [[0, 100, 300, 400], [0, 20, 60, 80]]
    assert scales.tolist() == [[1, 1], [1, 1]]


def test_ticks_are_the_snippets_inside():
    snippets = make_snippets()  # centres 20, 60, 100, ...
    stages, _ = find_stages(np.array([[200.0, 400.0], [130.0, 131.0], [799.0, 800.0]]), 800)
    ticks = find_ticks(stages, snippets)
    times = snippets.times_ms
    assert ticks[0].tolist() == [2, 5, 10, 12]
    for bounds, row in zip(stages[:1], ticks[:1], strict=True):
        for stage in range(3):
            inside = np.flatnonzero((times >= bounds[stage]) & (times < bounds[stage + 1]))
            assert list(range(row[stage], row[stage + 1])) == inside.tolist()
    assert ticks[1, 1:3].tolist() == [3, 4]  # none inside: the nearest
    assert ticks[2].tolist() == [19, 19, 20, 20]


pairs = st.tuples(st.floats(0, 500), st.floats(1, 400), st.floats(0, 500), st.floats(1, 400))


@given(pairs)
def test_refinement_undoes_offsets(pair):
    start, length, true_start, true_length = pair
    segment, truth = np.array([[start, start + length]]), np.array([[true_start, true_start + true_length]])
    np.testing.assert_allclose(refine(segment, compute_offsets(segment, truth), 1000), truth, atol=1e-6)


def test_refinement_stays_in_the_timeline():
    got = refine(np.array([[100.0, 200.0], [100, 200]]), np.array([[-5.0, 0.0], [0, np.log(4)]]), 250)
    np.testing.assert_allclose(got, [[0, 0], [0, 250]])
