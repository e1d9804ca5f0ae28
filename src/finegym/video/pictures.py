"""From a decoded frame to an upright array: RGB, grey or planes, resized in the same step."""

from __future__ import annotations

from typing import Literal

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from finegym.errors import VideoError
from finegym.video.index import FrameIndex

Colours = Literal["rgb", "grey", "yuv420"]
FORMATS = {"rgb": "rgb24", "grey": "gray", "yuv420": "yuv420p"}
# Resized RGB is made as three planes: where swscale resizes to packed RGB in one step it rounds down, and pictures get
# darker by 1 to 2 of 255 (42 dB to Pillow's antialiased bilinear; by planes 51 dB, and faster).
RGB_PLANES = "gbrp"
# Luma of 16 to 235, stretched to 0 to 255 (ITU-T H.273).
STRETCH = ((np.arange(256) - 16) * 255 / 219).round().clip(0, 255).astype(np.uint8)


def compute_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """``(height, width)`` with the short side as asked and the long one in proportion, rounded to even numbers.

    Example:
        >>> compute_size(720, 1280, 256)
        (256, 456)
    """
    scale = short_side / min(height, width)

    def fit(length: int) -> int:
        return short_side if length == min(height, width) else max(2, 2 * round(length * scale / 2))

    return fit(height), fit(width)


class PictureMaker:
    """Makes arrays of one size and kind from the decoded frames of one file.

    Args:
        index: of the file.
        short_side: pixels of the shorter side, the other one in proportion; exclusive with ``size``.
        size: ``(height, width)``; neither keeps the file's size.
        colours: ``rgb``, ``grey`` or ``yuv420``; see ``VideoReader.read_frames``.

    Attributes:
        shape: of one picture: (H, W, 3), (H, W) or (H * 3 // 2, W).

    Raises:
        VideoError: the size is not positive, given twice, or odd where chroma is halved; or the colours are unknown.
    """

    def __init__(
        self, index: FrameIndex, short_side: int | None, size: tuple[int, int] | None, colours: Colours
    ) -> None:
        if short_side is not None and size is not None:
            raise VideoError(f"{index.path}: give short_side or size, not both (got {short_side} and {size})")
        if colours not in FORMATS:
            raise VideoError(f"{index.path}: colours must be one of {', '.join(FORMATS)}, got {colours!r}")
        if short_side is not None:
            size = compute_size(index.height, index.width, short_side)
        height, width = size or (index.height, index.width)
        if min(height, width) < 1:
            raise VideoError(f"{index.path}: frames must have at least one pixel, got {height} x {width} asked for")
        if colours == "yuv420" and (height % 2 or width % 2):
            raise VideoError(
                f"{index.path}: yuv420 halves the chroma planes, so height and width must be even, got {height} x "
                f"{width}. Give an even size."
            )
        self._index, self._colours, self._size = index, colours, (height, width)
        self._reformatter = VideoReformatter()
        self.shape = {"rgb": (height, width, 3), "grey": (height, width), "yuv420": (height * 3 // 2, width)}[colours]

    def make(self, frame: av.VideoFrame) -> np.ndarray:
        """The picture of a decoded frame: uint8, of ``shape``; rows may be apart in memory.

        Raises:
            VideoError: the frame has another size than the file's first one.
        """
        index, (height, width) = self._index, self._size
        is_turned = index.rotation in (90, 270)
        expected = (index.width, index.height) if is_turned else (index.height, index.width)
        if (frame.height, frame.width) != expected:
            raise VideoError(
                f"{index.path}: the picture size changes from {expected[1]}x{expected[0]} to "
                f"{frame.width}x{frame.height} on the way. Re-encode the file to one size."
            )
        if is_turned:
            height, width = width, height
        picture = self._convert(frame, height, width)
        if not (index.rotation or index.is_mirrored):
            return picture
        if self._colours != "yuv420":
            return self._turn(picture)
        planes = picture.reshape(-1)
        size, half = height * width, (height // 2, width // 2)
        luma, u, v = np.split(planes, [size, size * 5 // 4])
        turned = [self._turn(plane) for plane in (luma.reshape(height, width), u.reshape(half), v.reshape(half))]
        return np.concatenate([plane.reshape(-1) for plane in turned]).reshape(self.shape)

    def _convert(self, frame: av.VideoFrame, height: int, width: int) -> np.ndarray:
        """The picture as coded, in the wanted size and colours; may be a view of memory that FFmpeg made for it."""
        is_planar_yuv = frame.format.name.startswith("yuv")
        is_resized = (frame.height, frame.width) != (height, width)
        pixel_format = FORMATS[self._colours]
        if is_planar_yuv and self._colours == "grey":
            pixel_format = FORMATS["yuv420"]
        elif is_planar_yuv and self._colours == "rgb" and is_resized:
            pixel_format = RGB_PLANES
        frame = self._reformatter.reformat(
            frame, width=width, height=height, format=pixel_format, interpolation="BILINEAR", threads=1
        )
        if self._colours == "yuv420":
            return frame.to_ndarray()
        if self._colours == "grey":
            grey = _view(frame.planes[0], (height, width))
            return STRETCH[grey] if is_planar_yuv and not self._index.is_full_range else grey
        if pixel_format != RGB_PLANES:
            return _view(frame.planes[0], (height, width, 3))
        picture = np.empty((height, width, 3), np.uint8)
        for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
            picture[:, :, channel] = _view(plane, (height, width))
        return picture

    def _turn(self, picture: np.ndarray) -> np.ndarray:
        if self._index.is_mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, -self._index.rotation // 90)


def _view(plane: av.video.plane.VideoPlane, shape: tuple[int, ...]) -> np.ndarray:
    """A plane as uint8 of this shape, without a copy; rows may be padded."""
    row = shape[2] if len(shape) == 3 else 1
    strides = (plane.line_size, row, 1)[: len(shape)]
    return np.ndarray(shape, np.uint8, memoryview(plane), strides=strides)
