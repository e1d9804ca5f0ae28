"""Planes to RGB against hand-worked colours and against swscale at its most accurate."""

import av
import numpy as np
import pytest

from finegym.video.colours import build_matrix, write_rgb


def convert(planes, matrix=2, colour_range=1, pixel_format="yuv444p"):
    """RGB of a picture of (3, H, W) planes."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(planes), format=pixel_format)
    frame.colorspace, frame.color_range = matrix, colour_range
    out = np.empty((*planes.shape[1:], 3), np.uint8)
    write_rgb(frame, out, np.empty_like(out))
    return out


@pytest.mark.parametrize(
    ("matrix", "colour_range", "planes", "rgb"),
    [
        (1, 1, (235, 128, 128), (255, 255, 255)),
        (1, 1, (16, 128, 128), (0, 0, 0)),
        (1, 1, (63, 102, 240), (255, 0, 0)),  # BT.709: 16 + 219 * 0.2126, 128 - 224 * 0.2126 / 1.8556, 128 + 224 / 2
        (1, 1, (32, 240, 118), (0, 0, 255)),
        (5, 1, (81, 90, 240), (255, 0, 0)),  # BT.601
        (6, 1, (145, 54, 34), (0, 255, 0)),
        (2, 1, (81, 90, 240), (255, 0, 0)),  # not said: BT.601
        (9, 1, (74, 97, 240), (255, 0, 0)),  # BT.2020
        (5, 2, (76, 85, 255), (255, 0, 0)),  # full range
        (1, 2, (200, 128, 128), (200, 200, 200)),
        (1, 1, (10, 128, 128), (0, 0, 0)),  # below black
        (1, 1, (250, 128, 128), (255, 255, 255)),
    ],
)
def test_known_colours(matrix, colour_range, planes, rgb):
    picture = convert(np.broadcast_to(np.array(planes, np.uint8)[:, None, None], (3, 4, 6)), matrix, colour_range)
    assert np.abs(picture.astype(int) - rgb).max() <= 1


def test_every_colour_is_the_real_number_to_three_quarters():
    rng = np.random.default_rng(0)
    planes = rng.integers(0, 256, (3, 64, 70), np.uint8)
    for matrix, colour_range in ((1, 1), (1, 2), (5, 1), (9, 1)):
        exact = build_matrix(matrix, colour_range == 2) @ np.vstack([planes.reshape(3, -1), np.ones(64 * 70)])
        expected = exact.T.reshape(64, 70, 3).clip(0, 255)
        error = convert(planes, matrix, colour_range) - expected
        # OpenCV multiplies in fixed point with ten bits; what counts is that nothing gets darker on the whole.
        assert np.abs(error).max() <= 0.75
        assert np.abs(error.mean(axis=(0, 1))).max() < 0.1


def test_swscale_agrees_but_for_its_rounding():
    smooth = np.mgrid[60:190:2, 60:190:2].astype(np.uint8)
    planes = np.stack([smooth[0], smooth[1], 250 - smooth[1]])
    for matrix in (1, 5, 9):
        frame = av.VideoFrame.from_ndarray(planes, format="yuv444p")
        frame.colorspace, frame.color_range = matrix, 1
        theirs = frame.to_ndarray(format="rgb24").astype(int)
        assert np.abs(convert(planes, matrix) - theirs).max() <= 2


def test_the_frame_may_have_rows_apart_in_memory():
    planes = np.random.default_rng(1).integers(0, 256, (3, 30, 45), np.uint8)
    frame = av.VideoFrame(45, 30, "yuv444p")
    assert frame.planes[0].line_size > 45
    for plane, values in zip(frame.planes, planes, strict=True):
        np.frombuffer(memoryview(plane), np.uint8).reshape(30, -1)[:, :45] = values
    frame.colorspace, frame.color_range = 1, 1
    out = np.empty((30, 45, 3), np.uint8)
    write_rgb(frame, out, np.empty_like(out))
    np.testing.assert_array_equal(out, convert(planes, 1))
