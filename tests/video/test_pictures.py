"""Colours and sizes, against other libraries."""

import cv2
import numpy as np
import pytest
from numbered import draw_number, read_number, write_numbered
from PIL import Image

from finegym.errors import VideoError
from finegym.video.pictures import compute_size
from finegym.video.reader import VideoReader


def compute_psnr(left, right):
    return 10 * np.log10(255**2 / np.mean((left.astype(float) - right) ** 2))


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [((720, 1280), 256, (256, 456)), ((480, 270), 256, (456, 256)), ((9, 9), 4, (4, 4))],
)
def test_short_side_is_exact_and_the_long_one_even(size, short_side, expected):
    assert compute_size(*size, short_side) == expected


@pytest.fixture
def reader(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 6, size=(640, 360), options={"crf": "1"})
    with VideoReader(path) as reader:
        yield reader


def test_resized_pictures_are_those_of_an_antialiased_bilinear_filter_and_no_darker(reader):
    """Against Pillow, on the full-sized pictures."""
    whole = reader.read_frames([2, 4])
    small = reader.read_frames([2, 4], size=(120, 212))
    for full, picture in zip(whole, small, strict=True):
        expected = np.asarray(Image.fromarray(full).resize((212, 120), Image.Resampling.BILINEAR))
        assert compute_psnr(picture, expected) > 36
        assert np.abs((picture.astype(float) - expected).mean(axis=(0, 1))).max() < 0.7


def test_planes_are_those_that_are_coded(reader):
    planes = reader.read_frames([3], colours="yuv420")
    assert planes.shape == (1, 540, 640)
    as_rgb = cv2.cvtColor(planes[0], cv2.COLOR_YUV2RGB_I420)  # BT.601, as files that name no matrix are taken
    assert compute_psnr(as_rgb, reader.read_frames([3])[0]) > 38
    assert reader.index.colour_matrix == 2
    assert not reader.index.is_full_range


def test_grey_is_luma_stretched_to_the_whole_range(reader):
    grey = reader.read_frames([1, 5], colours="grey")
    luma = reader.read_frames([1, 5], colours="yuv420")[:, :360].astype(float)
    assert grey.shape == (2, 360, 640)
    np.testing.assert_allclose(grey, ((luma - 16) * 255 / 219).clip(0, 255), atol=1.01)
    small = reader.read_frames([1, 5], colours="grey", short_side=90)
    assert small.shape == (2, 90, 160)
    assert [read_number(picture) for picture in small] == [1, 5]


def test_colours_are_converted_with_the_matrix_that_the_file_names(tmp_path):
    """The same planes, named BT.709 and not named at all: by the formulas of ITU-R BT.709 and BT.601."""
    for matrix, (red, blue) in (("bt709", (0.2126, 0.0722)), (None, (0.299, 0.114))):
        options = {"crf": "1"} | ({"colorspace": matrix} if matrix else {})
        path = write_numbered(tmp_path / f"{matrix}.mp4", 3, size=(640, 360), options=options)
        with VideoReader(path) as reader:
            assert reader.index.colour_matrix == (1 if matrix else 2)
            planes = reader.read_frames([1], colours="yuv420")[0].astype(float).reshape(-1)
            for size in (None, (320, 576)):
                rgb = reader.read_frames([1], size=size)[0][-20, -20].astype(float)
                # The red corner at the bottom right is flat: any of its samples will do.
                y, u, v = (plane[-5] for plane in np.split(planes, [640 * 360, 640 * 450]))
                y, u, v = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
                r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
                expected = [r, (y - red * r - blue * b) / (1 - red - blue), b]
                np.testing.assert_allclose(rgb, np.clip(expected, 0, 1) * 255, atol=3)


@pytest.mark.parametrize(
    ("matrix", "prepare"),
    [
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, 1)),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture, 3)),
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
        ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
    ],
)
def test_planes_and_grey_of_turned_video_are_upright(tmp_path, matrix, prepare):
    path = write_numbered(tmp_path / "turned.mp4", 4, size=(128, 160), matrix=matrix, prepare=prepare)
    with VideoReader(path) as reader:
        planes, grey = (reader.read_frames([2], colours=colours)[0] for colours in ("yuv420", "grey"))
        rgb = reader.read_frames([2])[0]
    assert planes.shape == (240, 128)
    assert read_number(grey) == 2
    assert compute_psnr(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420), rgb) > 34
    assert np.abs(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420).astype(int) - draw_number(2, 128, 160)).mean() < 10


def test_planes_of_other_formats_are_brought_to_yuv420(tmp_path):
    path = write_numbered(tmp_path / "ten.mp4", 4, pixel_format="yuv422p10le")
    with VideoReader(path) as reader:
        planes = reader.read_frames([3], colours="yuv420", size=(60, 80))
    assert planes.shape == (1, 90, 80)
    assert planes.dtype == np.uint8
    assert read_number(planes[0, :60]) == 3


def test_a_full_range_file_is_known_as_one(tmp_path):
    path = write_numbered(tmp_path / "a.avi", 4, codec="mjpeg", pixel_format="yuvj420p")
    with VideoReader(path) as reader:
        assert reader.index.is_full_range
        planes = reader.read_frames([1], colours="yuv420")[0, :120]
        grey = reader.read_frames([1], colours="grey")[0]
    np.testing.assert_array_equal(planes, grey)
    # A white block, drawn as 235 of 255; coded in 16 to 235 it would be 218.
    assert abs(int(planes[45, 150]) - 235) <= 2


def test_what_cannot_be_made_is_said(reader, tmp_path):
    with pytest.raises(VideoError, match=r"colours must be one of rgb, grey, yuv420, got 'bgr'"):
        reader.read_frames([1], colours="bgr")
    with pytest.raises(VideoError, match="must be even, got 91 x 160"):
        reader.read_frames([1], colours="yuv420", size=(91, 160))
    odd = write_numbered(tmp_path / "odd.mp4", 3, codec="mpeg4", size=(163, 121))
    with VideoReader(odd) as other, pytest.raises(VideoError, match="must be even, got 121 x 163"):
        other.read_frames([1], colours="yuv420")
