"""Building a frame index: one pass over the packets of a file, or over its frames where packets do not tell.

In MP4, Matroska, MPEG-TS, WebM and GIF every packet carries the PTS of its frame: a demux pass, without decoding, is
enough. Everything else is decoded once, and its frames are counted (``counting``).
"""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from finegym.errors import VideoError
from finegym.video.counting import count_frames
from finegym.video.found import FoundFrames, compute_end, compute_promise, find_safe_end
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
        if container_name in CONTAINERS_WITH_PTS:
            frames = _scan_packets(container, stream)
        if frames is not None:
            promised = compute_promise(path, container, stream, frames)
    if frames is None:
        with open_media(path) as container:
            stream = get_video_stream(container, path)
            frames = count_frames(container, stream)
            promised = stream.frames or None
            if promised and len(frames.pts) < promised and not frames.damage and frames.num_packets < promised:
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
        try:
            frame = next(container.decode(stream))
        except (StopIteration, av.error.FFmpegError) as error:
            promise = stream.frames or "no number of frames"
            raise VideoError(f"{path}: frame 0 does not decode (header promises {promise})") from error
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


def _scan_packets(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> FoundFrames | None:
    """Index by packets; ``None`` where packets do not tell the frames apart."""
    pts, dts, durations, keys, hidden, positions, sizes = [], [], [], [], [], [], []
    references = ReferenceScan(stream.codec_context.name, stream.codec_context.extradata)
    damage = ""
    end_s = 0.0
    try:
        for packet in container.demux():
            if packet.size == 0 and packet.pts is None:
                continue
            if packet.pts is not None and packet.time_base:
                end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index or damage:
                continue
            if packet.is_corrupt:
                damage = "the file ends inside a frame"
                continue
            if packet.pts is None:
                return None
            pts.append(packet.pts)
            dts.append(packet.dts)
            durations.append(packet.duration or 0)
            keys.append(packet.is_keyframe)
            hidden.append(packet.is_discard or _is_hidden(packet, stream.codec_context.name))
            positions.append(-1 if packet.pos is None else packet.pos)
            sizes.append(packet.size)
            references.add(bytes(packet))
    except av.error.FFmpegError as error:
        damage = f"reading stops: {error.strerror}"
    if len(set(pts)) != len(pts):
        return None
    order = np.argsort(np.array(pts, np.int64), kind="stable")
    all_pts = np.array(pts, np.int64)[order]
    is_key, is_hidden = np.array(keys, bool)[order], np.array(hidden, bool)[order]
    shown = all_pts[~is_hidden]

    def arrange(values: list[int] | np.ndarray) -> np.ndarray:
        return np.asarray(values)[order][~is_hidden]

    frames = FoundFrames(
        time_base=Fraction(stream.time_base or 1),
        pts=shown,
        is_key=is_key[~is_hidden],
        # Decoding may have to start at a key frame that is itself not shown.
        seek_frames=np.searchsorted(shown, all_pts[is_key]),
        seek_stamps=all_pts[is_key],
        end_pts=compute_end(shown, arrange(durations)),
        num_packets=len(pts),
        is_disposable=arrange(references.find_disposable()),
        position=arrange(positions),
        packet_bytes=arrange(sizes),
        hidden_pts=all_pts[is_hidden],
        end_s=end_s,
        safe_until=find_safe_end(pts, dts),
    )
    if damage:
        frames.lose_tail(damage)
    return frames


def _is_hidden(packet: av.Packet, codec: str) -> bool:
    """Whether a packet's picture is only referred to: VP8 keeps such in packets of their own (RFC 6386, 9.1)."""
    return codec == "vp8" and not bytes(packet)[0] >> 4 & 1
