import numpy as np
import pytest
import torch

from finegym.datasets.transforms import (
    VIEWS,
    crop_views,
    flip,
    flip_flow,
    flip_flow_codes,
    normalise,
    resize,
    resize_short_side,
    sample_multi_scale_crop,
    to_tensor,
)


def test_to_tensor_moves_channels_and_copies_nothing():
    frames = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    tensor = to_tensor(frames)
    assert tensor.shape == (2, 3, 4, 5)
    assert tensor[1, 2, 3, 4] == frames[1, 3, 4, 2]
    assert tensor.data_ptr() == frames.ctypes.data


def test_multi_scale_crops_stay_inside_and_take_every_size():
    rng = np.random.default_rng(0)
    sizes = set()
    for _ in range(2000):
        top, left, height, width = sample_multi_scale_crop(256, 340, (1.0, 0.875, 0.75, 0.66), rng)
        assert 0 <= top <= 256 - height
        assert 0 <= left <= 340 - width
        sizes.add((height, width))
    # 256, 224, 192, 168; neighbours in the list may be mixed, others not.
    steps = [256, 224, 192, 168]
    assert sizes == {(a, b) for i, a in enumerate(steps) for j, b in enumerate(steps) if abs(i - j) <= 1}


def test_multi_scale_crops_reach_the_corners_and_the_centre():
    rng = np.random.default_rng(0)
    places = {sample_multi_scale_crop(100, 100, (0.5,), rng)[:2] for _ in range(500)}
    assert {(0, 0), (0, 50), (50, 0), (50, 50), (25, 25), (12, 37)} <= places
    assert len(places) == 13


def test_resize_of_a_constant_is_that_constant():
    frames = torch.full((2, 3, 9, 13), 77, dtype=torch.uint8)
    for size in ((4, 4), (20, 31)):
        small = resize(frames, *size)
        assert small.dtype == torch.uint8
        assert small.shape == (2, 3, *size)
        assert (small == 77).all()


def test_shrinking_averages_rather_than_picks():
    stripes = torch.zeros(1, 1, 64, 64, dtype=torch.uint8)
    stripes[..., ::2] = 200
    small = resize(stripes, 8, 8)
    assert (small.float() - 100).abs().max() <= 5  # the kernel is cut off at the border


def test_short_side_keeps_the_shape_of_the_picture():
    assert resize_short_side(torch.zeros(1, 3, 240, 320, dtype=torch.uint8), 120).shape == (1, 3, 120, 160)
    assert resize_short_side(torch.zeros(1, 3, 321, 199, dtype=torch.uint8), 100).shape == (1, 3, 161, 100)


def test_flip_mirrors_pixels_and_flipping_twice_is_nothing():
    frames = torch.arange(12, dtype=torch.uint8).reshape(1, 1, 3, 4)
    assert flip(frames)[0, 0, 0].tolist() == [3, 2, 1, 0]
    assert torch.equal(flip(flip(frames)), frames)


def test_flow_that_moves_right_moves_left_in_the_mirror():
    flow = torch.zeros(1, 4, 2, 2)
    flow[:, 0::2], flow[:, 1::2] = 3.0, 5.0
    mirrored = flip_flow(flow)
    assert (mirrored[:, 0::2] == -3).all()
    assert (mirrored[:, 1::2] == 5).all()
    assert (flow[:, 0::2] == 3).all()


def test_mirrored_codes_stand_for_the_opposite_of_dx():
    codes = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 1, 256).expand(1, 2, 1, 256)
    values = lambda codes: codes.float() * 40 / 255 - 20  # noqa: E731
    mirrored = flip_flow_codes(codes)
    torch.testing.assert_close(values(mirrored), flip_flow(values(codes)), atol=1e-5, rtol=0)
    assert torch.equal(flip_flow_codes(mirrored), codes)


def number_pixels(height, width):
    return torch.arange(height * width).reshape(1, 1, height, width)


def test_centre_crop_is_in_the_middle():
    view = crop_views(number_pixels(4, 6), 2, "centre")
    assert view.shape == (1, 1, 1, 2, 2)
    assert view[0, 0, 0].tolist() == [[8, 9], [14, 15]]


@pytest.mark.parametrize("portrait", [False, True])
def test_three_crops_go_along_the_long_side(portrait):
    frames = number_pixels(4, 10)
    if portrait:
        frames = frames.transpose(-1, -2)
    views = crop_views(frames, 4, "three")
    assert views.shape == (3, 1, 1, 4, 4)
    assert [view[0, 0, 0, 0].item() for view in views] == [0, 3, 6]


def test_ten_crops_are_five_and_their_mirrors():
    views = crop_views(number_pixels(5, 7), 3, "ten")
    assert views.shape == (10, 1, 1, 3, 3)
    assert [view[0, 0, 0, 0].item() for view in views[:5]] == [0, 4, 14, 18, 9]
    for view, mirrored, is_mirrored in zip(views[:5], views[5:], VIEWS["ten"][5:], strict=True):
        assert torch.equal(view.flip(-1), mirrored)
        assert is_mirrored


@pytest.mark.parametrize("crops", sorted(VIEWS))
def test_views_are_as_many_as_listed(crops):
    assert len(crop_views(number_pixels(5, 7), 3, crops)) == len(VIEWS[crops])


def test_normalise_equals_the_formula():
    frames = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (frames.numpy() / 255.0 - mean[:, None, None]) / std[:, None, None]
    got = normalise(frames, mean.tolist(), std.tolist())
    assert got.dtype == torch.float32
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-5)
