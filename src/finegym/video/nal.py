"""Which coded pictures no other picture refers to: the ones that a decoder may be spared.

H.264 says it in ``nal_ref_idc`` of every slice (ITU-T H.264, 7.4.1). H.265 says it in the NAL unit type: types 0, 2, …
14 are sub-layer non-reference pictures (ITU-T H.265, table 7-1), which pictures of *higher* temporal layers may still
use; so only those of the highest layer in the file can be left out. Both codecs come with each NAL unit behind its
length (MP4, Matroska) or behind a start code (Annex B: MPEG-TS, some AVI).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

CODECS = {"h264", "hevc"}


class ReferenceScan:
    """Collects, packet by packet, which pictures others refer to.

    Args:
        codec: FFmpeg's name of the codec; for any but ``h264`` and ``hevc`` every picture counts as referred to.
        extradata: the stream's configuration record, which says how NAL units are told apart.
    """

    def __init__(self, codec: str, extradata: bytes | None) -> None:
        self._length_size = _parse_length_size(codec, extradata or b"")
        self._classify: Callable[[Iterator[bytes]], tuple[bool, int]] = {
            "h264": _classify_h264,
            "hevc": _classify_hevc,
        }.get(codec, _classify_other)
        self._found: list[tuple[bool, int]] = []

    def add(self, packet: bytes) -> None:
        """Look at the next packet."""
        self._found.append(self._classify(_iterate_headers(packet, self._length_size)))

    def find_disposable(self) -> np.ndarray:
        """Whether a picture can be left out without changing another one: bool (P,), in the order of the packets."""
        # What is not of the highest layer may be referred to from above.
        highest = max((layer for _, layer in self._found), default=0)
        return np.array([not is_reference and layer == highest for is_reference, layer in self._found], bool)


def _parse_length_size(codec: str, extradata: bytes) -> int:
    """Bytes of the length in front of each NAL unit; 0: start codes (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1)."""
    if codec == "h264" and len(extradata) > 4 and extradata[0] == 1:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) > 21 and extradata[0] == 1:
        return (extradata[21] & 3) + 1
    return 0


def _iterate_headers(packet: bytes, length_size: int) -> Iterator[bytes]:
    """The first two bytes of every NAL unit."""
    if length_size:
        position = 0
        while position + length_size < len(packet):
            length = int.from_bytes(packet[position : position + length_size])
            yield packet[position + length_size : position + length_size + 2]
            position += length_size + length
    else:
        position = packet.find(b"\0\0\1")
        while position >= 0:
            yield packet[position + 3 : position + 5]
            position = packet.find(b"\0\0\1", position + 3)


def _classify_h264(headers: Iterator[bytes]) -> tuple[bool, int]:
    """Whether a slice of the picture is for reference, and its layer; a packet without slices is not left out."""
    # Every slice is asked: the two fields of one picture may differ.
    marks = [header[0] >> 5 & 3 for header in headers if header and header[0] & 31 in (1, 2, 5)]
    return not marks or any(marks), 0


def _classify_hevc(headers: Iterator[bytes]) -> tuple[bool, int]:
    """Whether a slice of the picture is for reference in its temporal layer, and the layer."""
    slices = [header for header in headers if len(header) == 2 and header[0] >> 1 & 63 < 32]
    kinds = [header[0] >> 1 & 63 for header in slices]
    is_reference = not kinds or any(kind > 14 or kind % 2 for kind in kinds)
    return is_reference, max(((header[1] & 7) - 1 for header in slices), default=0)


def _classify_other(headers: Iterator[bytes]) -> tuple[bool, int]:
    return True, 0
