"""Drawn poses: colours, words, films."""

from fractions import Fraction

import numpy as np
from pose_scenes import make_sight

from finegym.features.film import write_film
from finegym.features.pose.gaps import make_poses
from finegym.features.pose.overlay import COLOURS, draw_poses
from finegym.features.pose.poses import FOUND, INTERPOLATED, MISSING
from finegym.video.reader import VideoReader


def has_colour(picture, colour):
    return (np.abs(picture.astype(int) - colour).max(axis=-1) < 3).sum() > 50


def test_each_status_has_its_colour_and_missing_ones_no_box():
    seen = [make_sight((100, 80)), None, make_sight((104, 80)), None, None]
    poses = make_poses(seen, np.zeros(5), (144, 256), max_gap_frames=1)
    frame = np.zeros((144, 256, 3), np.uint8)
    for index, status in ((0, FOUND), (1, INTERPOLATED), (3, MISSING)):
        picture = draw_poses(frame, poses, index)
        assert has_colour(picture, COLOURS[status])
        assert not any(has_colour(picture, c) for s, c in COLOURS.items() if s != status)
        # Below the line of words nothing is drawn where nobody is.
        assert picture[30:].any() == (status != MISSING)
    assert not frame.any()


def test_small_frames_are_enlarged_and_the_box_with_them():
    poses = make_poses([make_sight((100, 80))], [0], (144, 256), max_gap_frames=0)
    picture = draw_poses(np.zeros((144, 256, 3), np.uint8), poses, 0)
    assert picture.shape[1] >= 500
    rows, _ = np.nonzero(picture[30:].any(axis=-1))
    scale = picture.shape[1] // 256
    assert abs(rows.min() + 30 - scale * poses.boxes[0, 0, 1]) < 3


def test_a_film_has_every_picture_and_odd_sizes_lose_a_row(tmp_path):
    pictures = [np.full((51, 65, 3), 40 * k, np.uint8) for k in range(5)]
    assert write_film(tmp_path / "a.mp4", iter(pictures), Fraction(25)) == 5
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert reader.index.num_frames == 5
        frames = reader.read_frames(range(5))
    assert frames.shape == (5, 50, 64, 3)
    assert np.abs(frames.mean(axis=(1, 2, 3)) - 40 * np.arange(5)).max() < 3
