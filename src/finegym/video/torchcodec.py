"""torchcodec behind the same reader: ``VideoReader(path, backend="torchcodec")``, an optional extra.

Whatever it gives is compared with the frame index: a frame whose time is not the one that the index has for its number
is an error, never a neighbour. It wants FFmpeg's shared libraries on the machine, which its wheel does not bring.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import av
import numpy as np

from finegym.errors import ConfigError, VideoError
from finegym.video.decoding import Numbered
from finegym.video.index import FrameIndex

BATCH_FRAMES = 32
TOLERANCE_MS = 0.5  # torchcodec gives seconds as floats; two frames are never as close as this


class TorchcodecDecoder:
    """Decodes by torchcodec in its exact mode; the same interface as the decoders of ``decoding``.

    Args:
        index: of a file whose frames are told apart by PTS and are shown as they are coded.
        threads: of the decoder.

    Raises:
        VideoError: the file has no PTS of its own, or is shown turned or mirrored.
        ConfigError: torchcodec is not installed, or finds no FFmpeg.
    """

    def __init__(self, index: FrameIndex, threads: int) -> None:
        if index.is_counted or index.rotation or index.is_mirrored:
            why = "has no time stamps" if index.is_counted else "is to be shown turned or mirrored"
            raise VideoError(f"{index.path}: {why}, which torchcodec does not read exactly. Use the backend pyav.")
        self._index, self._threads, self.reason = index, threads, ""
        self._decoder: Any = None
        self._load = _import_decoder()

    def close(self) -> None:
        self._decoder = None

    def find(self, wanted: Sequence[int]) -> Iterator[Numbered]:
        for first in range(0, len(wanted), BATCH_FRAMES):
            numbers = list(wanted[first : first + BATCH_FRAMES])
            try:
                if self._decoder is None:
                    self._decoder = self._load(
                        str(self._index.path), dimension_order="NHWC", num_ffmpeg_threads=self._threads
                    )
                batch = self._decoder.get_frames_at(numbers)
            except (RuntimeError, IndexError, ValueError) as error:
                self.reason = str(error).splitlines()[0]
                return
            self._check_times(numbers, np.asarray(batch.pts_seconds) * 1000)
            for number, picture in zip(numbers, batch.data.numpy(), strict=True):
                yield number, av.VideoFrame.from_ndarray(picture, format="rgb24")

    def _check_times(self, numbers: list[int], times_ms: np.ndarray) -> None:
        expected = self._index.pts_ms[numbers]
        wrong = np.flatnonzero(np.abs(times_ms - expected) > TOLERANCE_MS)
        if wrong.size:
            k = wrong[0]
            raise VideoError(
                f"{self._index.path}: torchcodec gives the frame of {times_ms[k]:.1f} ms for frame {numbers[k]}, which "
                f"is shown at {expected[k]:.1f} ms. Use the backend pyav."
            )


def _import_decoder() -> Any:
    try:
        from torchcodec.decoders import VideoDecoder  # type: ignore[attr-defined]
    except ImportError as error:
        raise ConfigError(
            "the backend torchcodec is not installed. Install it with: pip install 'finegym[torchcodec]'"
        ) from error
    except (RuntimeError, OSError) as error:
        raise ConfigError(
            "torchcodec finds no FFmpeg libraries (it takes versions 4 to 9). Install FFmpeg (on Debian: ffmpeg), or "
            "use the backend pyav."
        ) from error
    return VideoDecoder
