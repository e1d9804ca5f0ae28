"""The colour wheel against torchvision's, and against the directions that one can name."""

import numpy as np
import torch
from torchvision.utils import flow_to_image

from finegym.features.flow.colour_wheel import draw_flow, draw_legend, make_colour_wheel


def test_the_wheel_has_the_published_hues():
    wheel = make_colour_wheel()
    assert wheel.shape == (55, 3)
    assert wheel[[0, 15, 21, 25, 36, 49]].tolist() == [
        [255, 0, 0],
        [255, 255, 0],
        [0, 255, 0],
        [0, 255, 255],
        [0, 0, 255],
        [255, 0, 255],
    ]
    assert wheel[1].tolist() == [255, 17, 0]  # floor(255 / 15)


def test_pictures_are_those_of_torchvision():
    field = np.random.default_rng(0).normal(0, 4, (40, 50, 2)).astype(np.float32)
    expected = flow_to_image(torch.from_numpy(field).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    assert np.abs(draw_flow(field).astype(int) - expected).max() <= 1


def test_directions_have_their_hues():
    field = np.array([[[5.0, 0.0], [0.0, 5.0], [-5.0, 0.0], [0.0, -5.0], [0.0, 0.0]]])
    right, down, left, up, still = draw_flow(field, 5.0)[0].astype(int)
    assert right.tolist() == [255, 0, 0] and still.tolist() == [255, 255, 255]
    assert down[0] == 255 and down[1] > 200 and down[2] == 0  # yellow
    assert left[0] == 0 and left[1] > 180 and left[2] == 255  # cyan
    assert up[2] == 255 and up[1] == 0 and up[0] < 150  # blue, towards violet


def test_slow_motion_is_pale_and_too_fast_motion_is_dark():
    slow, full, fast = draw_flow(np.array([[[1.0, 0.0], [4.0, 0.0], [9.0, 0.0]]]), 4.0)[0].astype(int)
    assert slow.tolist() == [255, 191, 191] and full.tolist() == [255, 0, 0] and fast.tolist() == [191, 0, 0]


def test_still_and_empty_fields_are_white_and_empty():
    assert (draw_flow(np.zeros((3, 4, 2))) == 255).all()
    assert draw_flow(np.zeros((0, 4, 2))).shape == (0, 4, 3)


def test_the_legend_is_the_wheel_and_white_around_it():
    legend = draw_legend(41, 61)
    assert legend.shape == (41, 61, 3)
    assert (legend[0, 0] == 255).all() and (legend[20, 30] == 255).all()  # corner and middle
    assert legend[20, 49].tolist()[0] == 255 and legend[20, 49].tolist()[1] < 20  # right: red
