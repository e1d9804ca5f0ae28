"""From the packets of a stored clip to frames: only those that are wanted, and what they are made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from finegym.errors import VideoError
from finegym.video.colours import FULL_RANGE, write_rgb
from finegym.video.pictures import STRETCH, Colours, compute_size
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
    """Decodes clips one after the other. Keeps what is slow to make; for one process, one thread."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._between = np.empty((0, 0, 3), np.uint8)

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
        size = facts.height, facts.width
        if short_side is not None:
            size = compute_size(*size, short_side)
        height, width = size
        shape = {"rgb": (height, width, 3), "grey": (height, width), "yuv420": (height * 3 // 2, width)}[colours]
        frames = np.empty((len(wanted), *shape), np.uint8)
        slots: dict[int, list[int]] = {}
        for slot, number in enumerate(wanted.tolist()):
            slots.setdefault(number, []).append(slot)
        is_jpeg = facts.settings.encoding == "jpeg"
        decoded = iter(packets) if is_jpeg else _decode_h264(facts, packets, set(slots))
        try:
            for number, frame in decoded:
                first, *others = slots[number]
                if isinstance(frame, bytes):
                    self._write_jpeg(frame, (facts.height, facts.width), colours, frames[first])
                else:
                    self._write(frame, size, colours, frames[first])
                for other in others:
                    frames[other] = frames[first]
                del slots[number]
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(f"clip {facts.instance_id}: frame {min(slots)} does not decode: {error}") from error
        if slots:
            raise VideoError(f"clip {facts.instance_id}: frame {min(slots)} does not decode")
        return frames

    def _write_jpeg(self, data: bytes, size: tuple[int, int], colours: Colours, out: np.ndarray) -> None:
        """Decode a JPEG of a size into ``out``, resized and converted where that is asked for."""
        import simplejpeg

        if colours == "rgb" and out.shape[:2] == size:
            simplejpeg.decode_jpeg(data, colorspace="RGB", buffer=out)
            return
        picture = simplejpeg.decode_jpeg(data, colorspace="GRAY" if colours == "grey" else "RGB")
        height = out.shape[0] * 2 // 3 if colours == "yuv420" else out.shape[0]
        if (height, out.shape[1]) != size:
            picture = cv2.resize(picture, (out.shape[1], height), interpolation=cv2.INTER_AREA)
        if colours == "yuv420":
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").to_ndarray(
                format="yuv420p"
            )
        out[:] = picture.reshape(out.shape)

    def _write(self, frame: av.VideoFrame, size: tuple[int, int], colours: Colours, out: np.ndarray) -> None:
        """Resize and convert a frame into ``out``."""
        height, width = size
        # Chroma is interpolated: the record had more of it. Grey is luma as coded, whatever its matrix.
        kind = "yuv444p" if colours == "rgb" else "yuv420p"
        frame = self._reformatter.reformat(
            frame, width=width, height=height, format=kind, interpolation="BILINEAR", threads=1
        )
        if colours == "rgb":
            if self._between.shape != out.shape:
                self._between = np.empty_like(out)
            write_rgb(frame, out, self._between)
        elif colours == "grey":
            luma = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(-1, frame.planes[0].line_size)[
                :, :width
            ]
            out[:] = luma if frame.color_range == FULL_RANGE else STRETCH[luma]
        else:
            out[:] = frame.to_ndarray()


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
