import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finegym.datasets.sampling import (
    compute_centre_windows,
    compute_segment_centres,
    is_short,
    sample_segments,
    sample_windows,
)


def test_centres_worked_by_hand():
    assert compute_segment_centres(9, 3).tolist() == [1, 4, 7]
    assert compute_segment_centres(10, 3).tolist() == [1, 5, 8]  # 1.67, 5, 8.33
    assert compute_segment_centres(12, 1).tolist() == [6]
    assert compute_segment_centres(1, 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("num_frames", "num_segments"), [(100, 8), (7, 3), (3, 3), (250, 12)])
def test_every_offset_lies_in_its_own_segment(num_frames, num_segments):
    rng = np.random.default_rng(0)
    drawn = np.stack([sample_segments(num_frames, num_segments, rng) for _ in range(2000)])
    for segment in range(num_segments):
        start, end = segment * num_frames / num_segments, (segment + 1) * num_frames / num_segments
        assert drawn[:, segment].min() == int(start)
        assert drawn[:, segment].max() == int(np.ceil(end)) - 1


def test_every_frame_is_drawn_equally_often():
    rng = np.random.default_rng(1)
    drawn = np.concatenate([sample_segments(10, 3, rng) for _ in range(20_000)])
    counts = np.bincount(drawn, minlength=10)
    # 60,000 draws over ten frames; four standard deviations of a binomial count.
    assert np.abs(counts - 6000).max() < 4 * np.sqrt(6000 * 0.9)


@given(num_frames=st.integers(1, 10_000), num_segments=st.integers(1, 64), seed=st.integers(0, 99))
def test_indices_never_decrease_and_stay_inside(num_frames, num_segments, seed):
    for indices in (
        sample_segments(num_frames, num_segments, np.random.default_rng(seed)),
        compute_segment_centres(num_frames, num_segments),
    ):
        assert indices.shape == (num_segments,)
        assert indices.dtype == np.int64
        assert indices[0] >= 0
        assert indices[-1] < num_frames
        assert (np.diff(indices) >= 0).all()


def test_short_clips_repeat_every_frame_in_order():
    assert compute_segment_centres(3, 6).tolist() == [0, 0, 1, 1, 2, 2]
    drawn = sample_segments(3, 6, np.random.default_rng(0))
    assert drawn.tolist() == [0, 0, 1, 1, 2, 2]
    assert is_short(3, 6)
    assert not is_short(6, 6)


def test_an_offset_just_below_one_stays_inside():
    class Highest:
        def random(self, count):
            return np.full(count, np.nextafter(1.0, 0.0))

    assert sample_segments(1_000_003, 7, Highest())[-1] == 1_000_002


def test_the_same_generator_state_draws_the_same():
    first, second = (sample_segments(50, 5, np.random.default_rng(3)) for _ in range(2))
    assert first.tolist() == second.tolist()


@given(
    num_frames=st.integers(1, 500), num_segments=st.integers(1, 16), window=st.integers(1, 12), seed=st.integers(0, 9)
)
def test_windows_lie_inside_and_are_consecutive_where_they_fit(num_frames, num_segments, window, seed):
    for indices in (
        sample_windows(num_frames, num_segments, window, np.random.default_rng(seed)),
        compute_centre_windows(num_frames, num_segments, window),
    ):
        assert indices.shape == (num_segments, window)
        assert indices.min() >= 0
        assert indices.max() < num_frames
        steps = np.diff(indices, axis=1)
        assert (steps == 1).all() if num_frames >= window else np.isin(steps, [0, 1]).all()
        assert (np.diff(indices[:, 0]) >= 0).all()
        if num_frames < window:
            assert set(indices[0]) == set(range(num_frames)), "every frame of a short clip is seen"
    assert is_short(num_frames, num_segments, window) == (num_frames - window + 1 < num_segments)


def test_windows_of_one_frame_are_segments():
    for num_frames in (1, 7, 100):
        drawn = sample_windows(num_frames, 4, 1, np.random.default_rng(5))
        assert drawn[:, 0].tolist() == sample_segments(num_frames, 4, np.random.default_rng(5)).tolist()
        assert (
            compute_centre_windows(num_frames, 4, 1)[:, 0].tolist() == compute_segment_centres(num_frames, 4).tolist()
        )
