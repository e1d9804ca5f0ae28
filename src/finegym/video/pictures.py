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
# From planes to resized RGB in one step, swscale rounds down: pictures get darker by 1 to 2 of 255. Resizing the planes
# to full chroma first and converting then is right to 0.2 of 255 (50 dB to Pillow's antialiased bilinear, the one step
# 42 dB), and a little faster.
BETWEEN = "yuv444p"
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
        self._resizer, self._converter = VideoReformatter(), VideoReformatter()
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
        if self._colours == "rgb" and is_planar_yuv and (frame.height, frame.width) != (height, width):
            frame = self._reformat(self._resizer, frame, height, width, BETWEEN)
        target = "yuv420p" if self._colours == "grey" and is_planar_yuv else FORMATS[self._colours]
        frame = self._reformat(self._converter, frame, height, width, target)
        if self._colours == "yuv420":
            return frame.to_ndarray()
        plane = frame.planes[0]
        if self._colours == "rgb":
            return np.ndarray((height, width, 3), np.uint8, memoryview(plane), strides=(plane.line_size, 3, 1))
        grey = np.ndarray((height, width), np.uint8, memoryview(plane), strides=(plane.line_size, 1))
        return STRETCH[grey] if is_planar_yuv and not self._index.is_full_range else grey

    @staticmethod
    def _reformat(
        reformatter: VideoReformatter, frame: av.VideoFrame, height: int, width: int, pixel_format: str
    ) -> av.VideoFrame:
        return reformatter.reformat(
            frame, width=width, height=height, format=pixel_format, interpolation="BILINEAR", threads=1
        )

    def _turn(self, picture: np.ndarray) -> np.ndarray:
        if self._index.is_mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, -self._index.rotation // 90)
