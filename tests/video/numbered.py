"""Test videos in which every frame carries its own number, as sixteen black and white blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

NUM_BITS = 16


def draw_number(number: int, width: int = 160, height: int = 120) -> np.ndarray:
    """uint8 (H, W, 3): two rows of eight blocks (most significant first) above a background that moves."""
    y, x = np.mgrid[:height, :width]
    background = 128 + 40 * np.sin((x + 3 * number) / 9) + 40 * np.sin((y - 2 * number) / 7)
    picture = np.repeat(background[:, :, None], 3, axis=2)
    # A red corner, bottom right: turned and mirrored pictures differ.
    picture[-height // 6 :, -width // 6 :] = (220, 20, 20)
    for bit in range(NUM_BITS):
        top, left = (bit // 8) * height // 4, (bit % 8) * width // 8
        value = 235 if number >> (NUM_BITS - 1 - bit) & 1 else 16
        picture[top : top + height // 4, left : left + width // 8] = value
    return picture.clip(0, 255).astype(np.uint8)


def read_number(picture: np.ndarray) -> int:
    """The number drawn in an upright picture of any size."""
    height, width = picture.shape[:2]
    number = 0
    for bit in range(NUM_BITS):
        # The middle half of the block: compression and resizing blur its edges.
        top, left = (bit // 8) * height / 4, (bit % 8) * width / 8
        rows = slice(int(top + height / 16), int(top + height * 3 / 16))
        columns = slice(int(left + width / 32), int(left + width * 3 / 32) + 1)
        number = number << 1 | int(picture[rows, columns].mean() > 125)
    return number


def read_numbers(frames: np.ndarray) -> list[int]:
    """The numbers drawn in (T, H, W, 3)."""
    return [read_number(frame) for frame in frames]


def write_numbered(
    path: Path,
    num_frames: int = 60,
    *,
    codec: str = "libx264",
    rate: Fraction | int = 25,
    times: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    size: tuple[int, int] = (160, 120),
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    b_frames: int | None = None,
    gop: int | None = None,
    matrix: Sequence[int] | None = None,
    prepare: Callable[[np.ndarray], np.ndarray] = np.asarray,
    first_number: int = 0,
) -> Path:
    """Encode frames 0, 1, … with their numbers drawn in.

    Args:
        path: the suffix chooses the container.
        times: PTS of each frame in ``time_base`` units; default one unit of ``1 / rate`` each.
        size: (width, height) as drawn.
        matrix: a b c d of the display matrix to be stored.
        prepare: applied to every picture before it is encoded; turns what the matrix turns back.
        first_number: drawn in frame 0.
    """
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = prepare(draw_number(0, *size)).shape[:2]
        stream.pix_fmt = pixel_format
        if b_frames is not None:
            stream.codec_context.max_b_frames = b_frames
        if gop is not None:
            stream.codec_context.gop_size = gop
        if time_base is not None:
            stream.codec_context.time_base = time_base
        if matrix is not None:
            a, b, c, d = (65536 * entry for entry in matrix)
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for number in range(num_frames):
            picture = np.ascontiguousarray(prepare(draw_number(first_number + number, *size)))
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = 1 / Fraction(rate) if time_base is None else time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> None:
    """A moment of silence, and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def copy_stream(
    source: Path, target: Path, *, keep: Callable[[av.Packet], bool] = lambda packet: True, shift_s: float = 0.0
) -> Path:
    """Copy packets without decoding, moved in time; negative times become an edit list in MP4."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        video = old.streams.video[0]
        stream = new.add_stream_from_template(video)
        shift = round(shift_s / video.time_base)
        for packet in old.demux(video):
            if packet.size == 0 or not keep(packet):
                continue
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = stream
            new.mux(packet)
    return target
