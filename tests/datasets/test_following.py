import itertools

import cv2
import numpy as np
import pytest

from finegym.datasets.following import JUMP_COST, _find_best_path, crop_along, find_path


def make_scene(num_frames=60, pan=2.0, height=112, width=160):
    """A hall that the camera pans over, lettering that stays in its corner, somebody who walks and waves."""
    rng = np.random.default_rng(0)
    hall = cv2.GaussianBlur(rng.integers(0, 255, (height, width + 300), dtype=np.uint8), (0, 0), 2)
    frames, middles = [], []
    for t in range(num_frames):
        left = 20 + round(pan * t)
        picture = hall[:, left : left + width].copy()
        row, column = 60 + 10 * np.sin(t / 9), 50 + 40 * np.sin(t / 20) + 20
        cv2.ellipse(picture, (round(column), round(row)), (6, 14), 40 * np.sin(t / 2), 0, 360, 250, -1)
        picture[96:108, 120:156:4] = 255
        frames.append(np.repeat(picture[:, :, None], 3, axis=2))
        middles.append((row, column))
    return np.stack(frames), np.array(middles)


@pytest.mark.parametrize("pan", [0.0, 2.0])
def test_the_path_follows_the_one_who_moves(pan):
    frames, middles = make_scene(pan=pan)
    path = find_path(frames)
    assert path.shape == (60, 2)
    distance = np.linalg.norm(path - middles, axis=1)
    assert np.median(distance) < 8 and np.quantile(distance, 0.95) < 16


def test_the_best_path_is_that_of_all_paths():
    for seed in range(5):
        values = np.random.default_rng(seed).normal(0, 1, (4, 2, 3))
        places = list(itertools.product(range(2), range(3)))
        scores = {}
        for path in itertools.product(places, repeat=4):
            moved = sum((np.subtract(a, b) ** 2).sum() for a, b in itertools.pairwise(path))
            scores[path] = sum(values[t][place] for t, place in enumerate(path)) - JUMP_COST * moved
        assert _find_best_path(values).tolist() == [list(place) for place in max(scores, key=scores.get)]


def test_squares_are_moved_inside_the_picture():
    frames = np.arange(3 * 6 * 8 * 3, dtype=np.uint8).reshape(3, 6, 8, 3)
    squares = crop_along(frames, np.array([[3.0, 4.0], [0.0, 0.0], [6.0, 8.0]]), 4)
    np.testing.assert_array_equal(squares[0], frames[0, 1:5, 2:6])
    np.testing.assert_array_equal(squares[1], frames[1, :4, :4])
    np.testing.assert_array_equal(squares[2], frames[2, 2:, 4:])
    assert crop_along(frames[:0], np.empty((0, 2)), 4).shape == (0, 4, 4, 3)


def test_one_frame_has_a_path():
    assert find_path(make_scene()[0][:1]).shape == (1, 2)
