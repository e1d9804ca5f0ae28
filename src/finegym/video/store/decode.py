"""From the packets of a stored clip to frames: only those that are wanted, and what they are made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from finegym.errors import VideoError
from finegym.video.pictures import FORMATS, Colours, compute_size
from finegym.video.store.format import DISPOSABLE, KEY, ClipFacts


def choose_packets(facts: ClipFacts, wanted: Sequence[int]) -> list[int]:
    """The packets, in decoding order, from which the wanted frames can be decoded.

    Args:
        facts: of the clip.
        wanted: frame numbers, from 0.
    """
    if facts.settings.encoding == "jpeg":
        return sorted(set(wanted))
    frames = set(wanted)
    chosen: list[int] = []
    waiting: list[int] = []  # references since the last wanted frame or the last key frame
    for packet, (frame, role) in enumerate(zip(facts.packet_frames, facts.packet_roles, strict=True)):
        if role == KEY:
            waiting = []
        if role != DISPOSABLE:
            waiting.append(packet)
        if frame in frames:
            chosen += waiting if role != DISPOSABLE else [*waiting, packet]
            waiting = []
            frames.remove(frame)
            if not frames:
                break
    return chosen


class ClipDecoder:
    """Decodes clips one after the other. Keeps what is slow to make; for one process, one thread.

    Attributes:
        reformatter: swscale's tables for the sizes seen last.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def decode(
        self,
        facts: ClipFacts,
        packets: Sequence[tuple[int, bytes]],
        wanted: np.ndarray,
        short_side: int | None,
        colours: Colours,
    ) -> np.ndarray:
        """The wanted frames.

        Args:
            facts: of the clip.
            packets: number and bytes of those that ``choose_packets`` named.
            wanted: int64 (T,), frame numbers, any order, repeats allowed.
            short_side: resize so that the shorter side has this many pixels; ``None``: as stored.
            colours: as for ``VideoReader.read_frames``.

        Returns:
            uint8 (T, H, W, 3), (T, H, W) or (T, H * 3 // 2, W).

        Raises:
            VideoError: a frame does not decode.
        """
        height, width = facts.height, facts.width
        if short_side is not None:
            height, width = compute_size(height, width, short_side)
        shape = {"rgb": (height, width, 3), "grey": (height, width), "yuv420": (height * 3 // 2, width)}[colours]
        frames = np.empty((len(wanted), *shape), np.uint8)
        missing = set(wanted.tolist())
        is_jpeg = facts.settings.encoding == "jpeg"
        decoded = _decode_jpeg(packets) if is_jpeg else _decode_h264(facts, packets, missing)
        try:
            for number, frame in decoded:
                if isinstance(frame, np.ndarray) and (colours, frame.shape) == ("rgb", shape):
                    picture = frame
                else:
                    picture = self._convert(frame, height, width, colours)
                frames[wanted == number] = picture
                missing.discard(number)
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(f"clip {facts.instance_id}: frame {min(missing)} does not decode: {error}") from error
        if missing:
            raise VideoError(f"clip {facts.instance_id}: frame {min(missing)} does not decode")
        return frames

    def _convert(self, frame: av.VideoFrame | np.ndarray, height: int, width: int, colours: Colours) -> np.ndarray:
        if isinstance(frame, np.ndarray):
            frame = av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture: np.ndarray = self._reformatter.reformat(
            frame, width=width, height=height, format=FORMATS[colours], interpolation="BILINEAR", threads=1
        ).to_ndarray()
        return picture


def _decode_jpeg(packets: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, np.ndarray]]:
    import simplejpeg

    for number, data in packets:
        yield number, simplejpeg.decode_jpeg(data, colorspace="RGB")


def _decode_h264(
    facts: ClipFacts, packets: Sequence[tuple[int, bytes]], wanted: set[int]
) -> Iterator[tuple[int, av.VideoFrame]]:
    context = av.CodecContext.create("h264", "r")
    context.extradata = bytes.fromhex(facts.extradata)
    context.thread_count = 1
    for number, data in packets:
        packet = av.Packet(data)
        packet.pts = facts.packet_frames[number]
        for frame in context.decode(packet):
            if frame.pts in wanted and not frame.is_corrupt:
                yield frame.pts, frame
    for frame in context.decode(None):
        if frame.pts in wanted and not frame.is_corrupt:
            yield frame.pts, frame
