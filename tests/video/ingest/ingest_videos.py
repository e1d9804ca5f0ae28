"""Copies of a video as other people make them: re-encoded, cropped, with a logo, at another rate, in bars, cut out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from finegym.video.reader import VideoReader


def write_frames(path: Path, frames, rate: Fraction | int = 25, crf: int = 23) -> Path:
    """Encode RGB frames, one ``1 / rate`` s after the other."""
    with av.open(str(path), "w") as container:
        stream = None
        for number, picture in enumerate(frames):
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "veryfast"})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.thread_count = 1
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def iterate_shown(source: Path, start_s: float, end_s: float, rate: Fraction | int):
    """The frames shown at ``start_s``, ``start_s + 1 / rate``, … up to ``end_s``."""
    with VideoReader(source) as reader:
        base = reader.index.start_ms
        count = int((end_s - start_s) * rate)
        numbers = [reader.find_frame_at(base + 1000 * (start_s + float(k / Fraction(rate)))) for k in range(count)]
        frames = reader.iterate_frames(numbers[0], numbers[-1] + 1)
        held, picture = numbers[0] - 1, None
        for number in numbers:
            while held < number:
                picture, held = next(frames), held + 1
            yield picture


def crop(picture: np.ndarray, left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Shares cut off each side; scaled back to the size it had."""
    height, width = picture.shape[:2]
    part = picture[round(top * height) : round((1 - bottom) * height), round(left * width) : round((1 - right) * width)]
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)


def add_logo(picture: np.ndarray) -> np.ndarray:
    """A bright badge in a corner and a bar of text below."""
    height, width = picture.shape[:2]
    picture = picture.copy()
    picture[round(0.05 * height) : round(0.17 * height), round(0.82 * width) : round(0.95 * width)] = (240, 200, 30)
    picture[round(0.84 * height) : round(0.93 * height), round(0.06 * width) : round(0.4 * width)] = (20, 40, 160)
    return picture


def letterbox(picture: np.ndarray, share: float = 0.12) -> np.ndarray:
    """Black bars above and below; the picture is squeezed between them, proportions kept by bars at the sides too."""
    height, width = picture.shape[:2]
    bar = round(share * height)
    inner = cv2.resize(picture, (width, height - 2 * bar), interpolation=cv2.INTER_AREA)
    return np.pad(inner, ((bar, bar), (0, 0), (0, 0)))
