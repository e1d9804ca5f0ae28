"""Interlaced H.264 whose two fields come in packets of their own: no encoder at hand writes it, so it is put together.

Every macroblock is I_PCM (ITU-T H.264, 7.3.5), which is samples as they are; what remains are a few headers.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numbered import draw_number

WIDTH, HEIGHT = 160, 128
BASELINE_MAIN, SEQUENCE, PICTURE, KEY_SLICE, SLICE = 77, 7, 8, 5, 1


class Bits:
    """Bits that are written one after the other."""

    def __init__(self) -> None:
        self.bits: list[int] = []

    def put(self, *values: int, width: int = 1) -> Bits:
        for value in values:
            self.bits += [value >> place & 1 for place in range(width)][::-1]
        return self

    def golomb(self, *values: int) -> Bits:
        for value in values:
            length = (value + 1).bit_length()
            self.put(value + 1, width=2 * length - 1)
        return self

    def align(self) -> Bits:
        return self.put(*[0] * (-len(self.bits) % 8))

    def make_unit(self, kind: int) -> bytes:
        """A NAL unit for reference, with its start code and the bytes that keep it from holding another one."""
        payload = np.packbits(self.put(1).align().bits).tobytes()
        escaped, zeros = bytearray(), 0
        for byte in payload:
            if zeros >= 2 and byte <= 3:
                escaped.append(3)
                zeros = 0
            escaped.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\0\0\0\1" + bytes([3 << 5 | kind]) + bytes(escaped)


def make_headers() -> bytes:
    sequence = Bits().put(BASELINE_MAIN, 0x40, 30, width=8).golomb(0, 0, 2, 1).put(0)
    sequence.golomb(WIDTH // 16 - 1, HEIGHT // 32 - 1).put(0, 0, 1, 0, 0)
    picture = Bits().golomb(0, 0).put(0, 0).golomb(0, 0, 0).put(0, 0, 0).golomb(0, 0, 0).put(0, 0, 0)
    return sequence.make_unit(SEQUENCE) + picture.make_unit(PICTURE)


def make_field(planes: list[np.ndarray], *, is_bottom: bool, is_key: bool, number: int, key_number: int) -> bytes:
    """One field, uint8 planes Y, U and V of half the height; two key pictures in a row have different numbers."""
    bits = Bits().golomb(0, 7, 0).put(number % 16, width=4).put(1, int(is_bottom))
    if is_key:
        bits.golomb(key_number).put(0, 0)
    else:
        bits.put(0)
    bits.golomb(0)
    for top in range(0, HEIGHT // 2, 16):
        for left in range(0, WIDTH, 16):
            bits.golomb(25).align()
            for plane, scale in zip(planes, (1, 2, 2), strict=True):
                size = 16 // scale
                block = plane[top // scale :][:size, left // scale :][:, :size]
                bits.bits += np.unpackbits(block.clip(1, 254).reshape(-1)).tolist()
    return bits.make_unit(KEY_SLICE if is_key else SLICE)


def write_field_coded(path: Path, num_frames: int = 16) -> Path:
    """Numbered pictures at 25 a second, two packets each, 20 ms apart; a key picture every eight."""
    raw = path.with_suffix(".h264")
    units = []
    for number in range(num_frames):
        picture = av.VideoFrame.from_ndarray(draw_number(number, WIDTH, HEIGHT), format="rgb24")
        packed = picture.reformat(format="yuv420p").to_ndarray()
        planes = [packed[:HEIGHT], *packed[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)]
        is_key = number % 8 == 0
        for parity in (0, 1):
            field = make_field(
                [plane[parity::2] for plane in planes],
                is_bottom=bool(parity),
                is_key=is_key and not parity,
                number=number % 8,
                key_number=number // 8 % 2,
            )
            delimiter = b"\0\0\0\1\x09\x10"
            units.append(delimiter + (make_headers() if is_key and not parity else b"") + field)
    raw.write_bytes(b"".join(units))
    with av.open(str(raw), format="h264") as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for place, data in enumerate(units):
            packet = av.Packet(data)
            packet.pts = packet.dts = place
            packet.time_base = Fraction(1, 50)
            packet.is_keyframe = place % 16 == 0
            packet.stream = stream
            new.mux(packet)
    return path
