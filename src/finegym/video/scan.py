"""Building a frame index: one pass over the packets of a file, or over its frames where packets do not tell.

In MP4, Matroska, MPEG-TS, WebM and GIF every packet carries the PTS of its frame: a demux pass, without decoding, is
enough. Everything else is decoded once, and its frames are counted (``counting``).
"""

from __future__ import annotations

import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import av.error
import numpy as np

from finegym.errors import VideoError
from finegym.video.counting import count_frames, has_field_packets
from finegym.video.found import FoundFrames, compute_end, compute_promise, find_safe_end, is_cut_short
from finegym.video.index import FrameIndex
from finegym.video.media import get_video_stream, open_media
from finegym.video.nal import ReferenceScan

# Containers whose packets carry real PTS.
CONTAINERS_WITH_PTS = {"mov", "matroska", "gif", "flv", "ogg", "mpegts"}
FULL_RANGE = 2  # FFmpeg's number for planes of 0 to 255


def scan_file(path: Path) -> FrameIndex:
    """Read a file from end to end and index its frames.

    Raises:
        VideoError: the file cannot be opened, holds no video, or not one frame of it decodes.
    """
    path = Path(path)
    look = _look_at_first_frame(path)
    with open_media(path) as container:
        stream = get_video_stream(container, path)
        container_name = container.format.name.split(",")[0]
        frames = None
        if container_name in CONTAINERS_WITH_PTS and not has_field_packets(path):
            frames = _scan_packets(container, stream)
        if frames is not None:
            promised = compute_promise(path, container, stream, frames)
    if frames is None:
        with open_media(path) as container:
            stream = get_video_stream(container, path)
            frames = count_frames(container, stream, has_pts=container_name in CONTAINERS_WITH_PTS)
            promised = stream.frames or None
            if not frames.damage and is_cut_short(path, container_name, promised, frames.num_packets):
                frames.lose_tail("the file ends early")
    if len(frames.pts) == 0:
        raise VideoError(
            f"{path}: frame 0 does not decode (header promises {promised or 'none'}"
            f"{'; ' + frames.damage if frames.damage else ''}). Fetch the file again."
        )
    return FrameIndex(
        path=path,
        pts=frames.pts,
        end_pts=frames.end_pts,
        time_base=frames.time_base,
        is_key=frames.is_key,
        seek_frames=frames.seek_frames,
        seek_stamps=frames.seek_stamps,
        stamps=frames.stamps,
        num_frames_header=promised,
        is_disposable=frames.is_disposable,
        position=frames.position,
        packet_bytes=frames.packet_bytes,
        hidden_pts=frames.hidden_pts,
        damage=frames.damage,
        container=container_name,
        size_bytes=path.stat().st_size,
        **look,
    )


def _look_at_first_frame(path: Path) -> dict:
    """What the first frame tells: size, rotation, pixel format."""
    with open_media(path) as container:
        stream = get_video_stream(container, path)
        frame = _decode_first(container, stream)
        if frame is None:
            promise = stream.frames or "no number of frames"
            raise VideoError(f"{path}: frame 0 does not decode (header promises {promise}), and no other does")
        rotation, is_mirrored = _parse_display_matrix(frame, path)
        width, height = (frame.height, frame.width) if rotation in (90, 270) else (frame.width, frame.height)
        return {
            "width": width,
            "height": height,
            "rotation": rotation,
            "is_mirrored": is_mirrored,
            "codec": stream.codec_context.codec.canonical_name,
            "pixel_format": frame.format.name,
            "colour_matrix": int(frame.colorspace),
            "is_full_range": int(frame.color_range) == FULL_RANGE
            or frame.format.name.startswith(("yuvj", "rgb", "gbr")),
            "has_audio": bool(container.streams.audio),
        }


def _decode_first(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> av.VideoFrame | None:
    """The first frame that decodes: a recording may begin in the middle of a group."""
    for packet in container.demux(stream):
        with suppress(av.error.FFmpegError):
            for frame in packet.decode():
                return frame
    return None


def _parse_display_matrix(frame: av.VideoFrame, path: Path) -> tuple[int, bool]:
    """Clockwise rotation in degrees, and whether the picture is mirrored left to right before it.

    The matrix maps a coded point (x, y) to (a x + c y, b x + d y), y pointing down (ISO/IEC 14496-12, tkhd).
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")  # PyAV's stubs do not know its type
    if matrix is None:
        return 0, False
    a, b, _, c, d = np.sign(struct.unpack("<9i", bytes(matrix))[:5]).tolist()
    is_mirrored = a * d - b * c < 0
    if is_mirrored:
        a, b = -a, -b
    turns = {(1, 0, 0, 1): 0, (0, 1, -1, 0): 90, (-1, 0, 0, -1): 180, (0, -1, 1, 0): 270}
    if (a, b, c, d) not in turns:
        raise VideoError(f"{path}: is to be shown turned by an angle that is no multiple of 90°; re-encode it upright")
    return turns[a, b, c, d], is_mirrored


class _Packet(NamedTuple):
    """What is asked of a packet."""

    pts: int
    dts: int | None
    duration: int
    is_key: bool
    is_hidden: bool
    position: int
    num_bytes: int
    is_corrupt: bool


def _scan_packets(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> FoundFrames | None:
    """Index by packets; ``None`` where packets do not tell the frames apart."""
    codec = stream.codec_context.name
    references = ReferenceScan(codec, stream.codec_context.extradata)
    packets: list[_Packet] = []
    damage = ""
    end_s = 0.0
    try:
        for packet in container.demux():
            if packet.size == 0 and packet.pts is None:
                continue
            if packet.pts is not None and packet.time_base:
                end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            if packet.pts is None:
                return None
            packets.append(
                _Packet(
                    packet.pts,
                    packet.dts,
                    packet.duration or 0,
                    packet.is_keyframe,
                    packet.is_discard or _is_hidden(packet, codec),
                    -1 if packet.pos is None else packet.pos,
                    packet.size,
                    packet.is_corrupt,
                )
            )
            references.add(bytes(packet))
    except av.error.FFmpegError as error:
        damage = f"reading stops: {error.strerror}"
    is_disposable = references.find_disposable()
    # A packet that is cut short ends a file; only in MPEG-TS, which is sent over lines that lose some, more may follow.
    is_line = container.format.name == "mpegts"
    cut = [place for place, packet in enumerate(packets) if packet.is_corrupt]
    if cut and (not is_line or cut[-1] == len(packets) - 1):
        end = cut[-1] if is_line else cut[0]
        packets, is_disposable = packets[:end], is_disposable[:end]
        damage = damage or "the file ends inside a frame"
    return _arrange(packets, is_disposable, Fraction(stream.time_base or 1), damage, end_s)


def _arrange(
    packets: list[_Packet], is_disposable: np.ndarray, time_base: Fraction, damage: str, end_s: float
) -> FoundFrames | None:
    """Packets in display order; ``None`` where two frames have one PTS."""
    order = sorted(range(len(packets)), key=lambda place: packets[place].pts)
    sorted_packets = [packets[place] for place in order]
    shown = [packet for packet in sorted_packets if not packet.is_hidden]
    pts = np.array([packet.pts for packet in shown], np.int64)
    if np.any(np.diff(pts) == 0):
        return None
    key_pts = np.array([packet.pts for packet in sorted_packets if packet.is_key], np.int64)
    frames = FoundFrames(
        time_base=time_base,
        pts=pts,
        is_key=np.array([packet.is_key for packet in shown], bool),
        # Decoding may have to start at a key frame that is itself not shown.
        seek_frames=np.searchsorted(pts, key_pts),
        seek_stamps=key_pts,
        end_pts=compute_end(pts, np.array([packet.duration for packet in shown], np.int64)),
        num_packets=len(packets),
        is_disposable=is_disposable[order][[not packet.is_hidden for packet in sorted_packets]],
        position=np.array([packet.position for packet in shown], np.int64),
        packet_bytes=np.array([packet.num_bytes for packet in shown], np.int64),
        hidden_pts=np.array([packet.pts for packet in sorted_packets if packet.is_hidden], np.int64),
        end_s=end_s,
        safe_until=find_safe_end([packet.pts for packet in packets], [packet.dts for packet in packets]),
    )
    if damage:
        frames.lose_tail(damage)
    return frames


def _is_hidden(packet: av.Packet, codec: str) -> bool:
    """Whether a packet's picture is only referred to: VP8 keeps such in packets of their own (RFC 6386, 9.1)."""
    return codec == "vp8" and not bytes(packet)[0] >> 4 & 1
