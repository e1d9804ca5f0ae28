import numpy as np
import pytest

from finegym.datasets.frame_windows import average_windows, draw_window, list_windows, smooth_scores


def test_random_windows_lie_inside_and_show_every_frame():
    rng = np.random.default_rng(0)
    firsts = [draw_window(30, 6, 3, rng) for _ in range(600)]
    assert set(firsts) == set(range(15))
    assert {draw_window(5, 6, 3, rng) for _ in range(20)} == {0}
    seen = np.bincount(np.concatenate([first + 3 * np.arange(6) for first in firsts]), minlength=30)
    assert seen[[0, 29]].min() > 0.5 * seen.mean()


@pytest.mark.parametrize(
    ("num_frames", "length", "stride", "step"), [(50, 8, 1, 4), (50, 8, 3, 4), (7, 8, 1, 4), (1, 4, 2, 2), (9, 3, 2, 3)]
)
def test_listed_windows_hold_every_frame(num_frames, length, stride, step):
    windows = list_windows(num_frames, length, stride, step)
    assert set(np.concatenate(windows).tolist()) == set(range(num_frames))
    for window in windows:
        assert len(window) <= length
        assert (np.diff(window) == stride).all()


@pytest.mark.parametrize("fades", [False, True])
def test_scores_are_averaged_over_the_windows_that_hold_a_frame(fades):
    windows = [np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([2, 3, 4])]
    rng = np.random.default_rng(0)
    scores = [rng.random((3, 2)) for _ in windows]
    averaged = average_windows(windows, scores, 5, fades=fades)
    for frame in range(5):
        places = [(w.tolist().index(frame), score) for w, score in zip(windows, scores, strict=True) if frame in w]
        weights = [(1, 2, 1)[place] if fades else 1 for place, _ in places]
        expected = np.average([score[place] for place, score in places], axis=0, weights=weights)
        np.testing.assert_allclose(averaged[frame], expected)


@pytest.mark.parametrize("reach", [0, 1, 3, 20])
def test_smooth_scores_are_means_of_the_frames_there_are(reach):
    scores = np.random.default_rng(0).random((9, 2))
    expected = [scores[max(0, frame - reach) : frame + reach + 1].mean(axis=0) for frame in range(9)]
    np.testing.assert_allclose(smooth_scores(scores, reach), expected, atol=1e-12)
