"""H.264 of which each picture is coded as two fields, uncompressed (I_PCM): what no encoder at hand writes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numbered import draw_number

WIDTH, HEIGHT = 160, 128


class _Bits:
    """Syntax elements of ITU-T H.264, 7.2."""

    def __init__(self) -> None:
        self.bits: list[int] = []

    def u(self, *sized: tuple[int, int]) -> _Bits:
        """Unsigned numbers: (bits, value)."""
        for size, value in sized:
            self.bits += [value >> (size - 1 - place) & 1 for place in range(size)]
        return self

    def ue(self, *values: int) -> _Bits:
        """Exponential Golomb codes."""
        for value in values:
            self.u((2 * (value + 1).bit_length() - 1, value + 1))
        return self

    def align(self, first: int = 0) -> _Bits:
        self.bits += [first] if first else []
        self.bits += [0] * (-len(self.bits) % 8)
        return self

    def to_nal(self, header: int) -> bytes:
        """Behind a start code, with emulation prevention bytes."""
        content, zeros = bytearray([header]), 0
        for byte in np.packbits(self.align(1).bits).tobytes():
            if zeros >= 2 and byte <= 3:
                content.append(3)
                zeros = 0
            content.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\0\0\0\1" + bytes(content)


def _write_parameters() -> bytes:
    sps = _Bits().u((8, 77), (8, 0x40), (8, 30)).ue(0, 0, 2, 1).u((1, 0)).ue(WIDTH // 16 - 1, HEIGHT // 32 - 1)
    sps.u((1, 0), (1, 0), (1, 1), (1, 0), (1, 1), (4, 0), (1, 1), (32, 1), (32, 50), (1, 1), (4, 0))
    pps = _Bits().ue(0, 0).u((2, 0)).ue(0, 0, 0).u((3, 0)).ue(0, 0, 0).u((3, 0))
    return sps.to_nal(0x67) + pps.to_nal(0x68)


def _write_field(planes: list[np.ndarray], is_bottom: bool, number: int) -> bytes:
    is_idr = number == 0 and not is_bottom
    bits = _Bits().ue(0, 7, 0).u((4, number % 16), (1, 1), (1, is_bottom))
    if is_idr:
        bits.ue(0).u((2, 0)).ue(0)
    else:
        bits.u((1, 0)).ue(0)
    for top in range(0, HEIGHT // 2, 16):
        for left in range(0, WIDTH, 16):
            bits.ue(25).align()
            for plane, size in zip(planes, (16, 8, 8), strict=True):
                y, x = top * size // 16, left * size // 16
                bits.bits += np.unpackbits(plane[y : y + size, x : x + size].clip(1, 254).reshape(-1)).tolist()
    return bits.to_nal(0x65 if is_idr else 0x61)


def write_fields(path: Path, num_frames: int, *, is_each_timed: bool = False) -> Path:
    """A transport stream; without times of its own, the second field of a picture is in the PES of the first."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height = WIDTH, HEIGHT
        for number in range(num_frames):
            picture = av.VideoFrame.from_ndarray(draw_number(number, WIDTH, HEIGHT), format="rgb24")
            whole = picture.to_ndarray(format="yuv420p")
            planes = [whole[:HEIGHT], *whole[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)]
            top, bottom = (
                _write_field([plane[parity::2] for plane in planes], bool(parity), number) for parity in (0, 1)
            )
            start, rest = b"\0\0\0\1\x09\x10", b"\0\0\0\1\x09\x30"
            first, second = start + _write_parameters() + top, rest + bottom
            for place, content in enumerate([first, second] if is_each_timed else [first + second]):
                packet = av.Packet(content)
                packet.pts = packet.dts = 9000 + 3600 * number + 1800 * place
                packet.time_base, packet.stream = Fraction(1, 90_000), stream
                packet.is_keyframe = number == 0 and place == 0
                container.mux(packet)
    return path
