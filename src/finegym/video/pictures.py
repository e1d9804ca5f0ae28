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
# FFmpeg refuses larger pictures (av_image_check_size2: 2**28, with margins).
MAX_PIXELS = 250_000_000
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
        VideoError: the size is not positive, too large, given twice, or odd where chroma is halved; or the colours are
            unknown.
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
        if height * width > MAX_PIXELS:
            raise VideoError(
                f"{index.path}: pictures of {width} x {height} are too large, at most {MAX_PIXELS:,} pixels can be "
                "made. Ask for a smaller size."
            )
        if colours == "yuv420" and (height % 2 or width % 2):
            raise VideoError(
                f"{index.path}: yuv420 halves the chroma planes, so height and width must be even, got {height} x "
                f"{width}. Give an even size."
            )
        self._index, self._colours, self._size = index, colours, (height, width)
        self._reformatter = VideoReformatter()
        self.shape = {"rgb": (height, width, 3), "grey": (height, width), "yuv420": (height * 3 // 2, width)}[colours]

    def make(self, frame: av.VideoFrame, out: np.ndarray) -> None:
        """Write the picture of a decoded frame into ``out``: uint8, of ``shape``, contiguous.

        Raises:
            VideoError: the frame has another size than the file's first one.
        """
        index = self._index
        height, width = self._size[::-1] if index.rotation in (90, 270) else self._size
        coded = (index.width, index.height) if index.rotation in (90, 270) else (index.height, index.width)
        if (frame.height, frame.width) != coded:
            raise VideoError(
                f"{index.path}: the picture size changes from {coded[1]}x{coded[0]} to "
                f"{frame.width}x{frame.height} on the way. Re-encode the file to one size."
            )
        pixel_format = self._choose_format(frame, (height, width))
        frame = self._reformatter.reformat(
            frame, width=width, height=height, format=pixel_format, interpolation="BILINEAR", threads=1
        )
        for plane, target in zip(frame.planes, self._split(out, pixel_format), strict=False):
            target[...] = self._turn(_view(plane, target.ndim))
        if self._colours == "grey" and pixel_format == FORMATS["yuv420"] and not index.is_full_range:
            out[...] = STRETCH[out]

    def _choose_format(self, frame: av.VideoFrame, size: tuple[int, int]) -> str:
        """What swscale is to make of a frame."""
        is_planar_yuv = frame.format.name.startswith("yuv")
        if is_planar_yuv and self._colours == "grey":
            return FORMATS["yuv420"]
        if is_planar_yuv and self._colours == "rgb" and (frame.height, frame.width) != size:
            return RGB_PLANES
        return FORMATS[self._colours]

    def _split(self, out: np.ndarray, pixel_format: str) -> list[np.ndarray]:
        """Where each plane of a format goes; of grey only the first is wanted."""
        if pixel_format == RGB_PLANES:
            return [out[:, :, channel] for channel in (1, 2, 0)]
        if self._colours != "yuv420":
            return [out]
        height, width = self._size
        luma, u, v = np.split(out.reshape(-1), [height * width, height * width * 5 // 4])
        return [luma.reshape(height, width), u.reshape(height // 2, -1), v.reshape(height // 2, -1)]

    def _turn(self, picture: np.ndarray) -> np.ndarray:
        if self._index.is_mirrored:
            picture = picture[:, ::-1]
        return np.rot90(picture, -self._index.rotation // 90) if self._index.rotation else picture


def _view(plane: av.video.plane.VideoPlane, num_axes: int) -> np.ndarray:
    """A plane as uint8 (H, W) or, packed, (H, W, 3), without a copy; rows may be apart in memory."""
    shape = (plane.height, plane.width, 3)[:num_axes]
    strides = (plane.line_size, 3, 1) if num_axes == 3 else (plane.line_size, 1)
    return np.ndarray(shape, np.uint8, memoryview(plane), strides=strides)
