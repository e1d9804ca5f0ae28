"""Building a frame index: one pass over the packets of a file, or over its frames where packets do not tell.

In MP4, Matroska, WebM and GIF every packet carries the PTS of its frame: a demux pass, without decoding, is enough. AVI
has no PTS. Its packets are in decoding order, XviD packs two frames into one packet ("packed bitstream") and fills up
with empty ones, and the PTS that FFmpeg makes up are wrong (for XviD with B-frames they put frames in the wrong order).
What is right is the order in which the decoder gives the frames; so an AVI is decoded once, and frames are counted.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from finegym.errors import VideoError
from finegym.video.index import FrameIndex
from finegym.video.nal import ReferenceScan

# Containers whose packets carry real PTS. Everything else is decoded once.
CONTAINERS_WITH_PTS = {"mov", "matroska", "gif", "flv", "ogg", "mpegts"}
# MPEG-TS promises nothing; but its packets have one of these sizes, and H.264 reorders at most sixteen frames.
TRANSPORT_PACKET_BYTES, TAIL_FRAMES = (188, 192, 204), 16
FULL_RANGE = 2  # FFmpeg's number for planes of 0 to 255
# A Matroska file that ends this much before its header says has lost its tail (where its size does not tell).
TAIL_TOLERANCE_S = 0.5


@contextmanager
def open_media(path: Path) -> Iterator[av.container.InputContainer]:
    """Open a media file for reading; what cannot be opened is a ``VideoError`` that says why."""
    path = Path(path)
    if not path.is_file():
        raise VideoError(f"{path}: {'is a folder, not a video' if path.is_dir() else 'there is no such file'}")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: is empty (0 bytes). Fetch it again.")
    try:
        # "file:" keeps FFmpeg from reading a name such as "a:b.mp4" as a protocol.
        container = av.open(f"file:{path}", metadata_errors="replace")  # titles in any encoding
    except av.error.PermissionError as error:
        raise VideoError(f"{path}: may not be read: permission denied") from error
    except av.error.FFmpegError as error:
        raise VideoError(
            f"{path}: is not a video that FFmpeg can read ({error.strerror}). If the name is right, the file is "
            "damaged or was cut off before its index was written: fetch it again."
        ) from error
    with container:
        yield container


def get_video_stream(container: av.container.InputContainer, path: Path) -> av.video.stream.VideoStream:
    """The video stream of a container; cover pictures of sound files do not count.

    Raises:
        VideoError: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    raise VideoError(f"{path}: holds no video (it holds: {kinds})")


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
            promised = _compute_promise(path, container, stream, frames)
    if frames is None:
        with open_media(path) as container:
            stream = get_video_stream(container, path)
            frames = _scan_frames(container, stream)
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


@dataclass
class _Frames:
    """What a pass found out."""

    time_base: Fraction
    pts: np.ndarray
    is_key: np.ndarray
    seek_frames: np.ndarray
    seek_stamps: np.ndarray
    end_pts: int
    num_packets: int
    stamps: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    is_disposable: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    position: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    packet_bytes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    hidden_pts: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    damage: str = ""
    end_s: float = 0.0
    safe_until: int = 0
    num_flushed: int = 0

    def lose_tail(self, damage: str) -> None:
        """Keep only the frames before which nothing can be missing."""
        self.damage = damage
        if len(self.stamps):
            # What the decoder held back came out when it was told that the file ends: frames may be missing between.
            keep = max(0, len(self.pts) - self.num_flushed)
        else:
            keep = int(np.searchsorted(self.pts, self.safe_until, side="right"))
        if keep < len(self.pts):
            self.end_pts = int(self.pts[keep])
        for name in ("pts", "is_key", "stamps", "is_disposable", "position", "packet_bytes"):
            setattr(self, name, getattr(self, name)[:keep])
        kept = self.seek_frames < keep
        self.seek_frames, self.seek_stamps = self.seek_frames[kept], self.seek_stamps[kept]


def _find_safe_end(pts: list[int], dts: list[int | None]) -> int:
    """The PTS up to which no frame can be missing, if packets are missing only after the last one there.

    Two bounds, the lower one counts. A missing packet has a later DTS than those there, and no PTS is before its DTS;
    but Matroska has no DTS, FFmpeg makes them up. And a missing packet is shown before at most as many of those there
    as any packet so far was shown before packets that preceded it.
    """
    held: list[int] = []
    depth = 0
    for time in pts:
        place = bisect_left(held, time)
        depth = max(depth, len(held) - place)
        held.insert(place, time)
    known = [time for time in dts if time is not None]
    if len(held) <= depth or not known:
        return min(held, default=0) - 1
    return min(held[len(held) - depth - 1], max(known))


def _scan_packets(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> _Frames | None:
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

    frames = _Frames(
        time_base=Fraction(stream.time_base or 1),
        pts=shown,
        is_key=is_key[~is_hidden],
        # Decoding may have to start at a key frame that is itself not shown.
        seek_frames=np.searchsorted(shown, all_pts[is_key]),
        seek_stamps=all_pts[is_key],
        end_pts=_compute_end(shown, arrange(durations)),
        num_packets=len(pts),
        is_disposable=arrange(references.find_disposable()),
        position=arrange(positions),
        packet_bytes=arrange(sizes),
        hidden_pts=all_pts[is_hidden],
        end_s=end_s,
        safe_until=_find_safe_end(pts, dts),
    )
    if damage:
        frames.lose_tail(damage)
    return frames


def _is_hidden(packet: av.Packet, codec: str) -> bool:
    """Whether a packet's picture is only referred to: VP8 keeps such in packets of their own (RFC 6386, 9.1)."""
    return codec == "vp8" and not bytes(packet)[0] >> 4 & 1


def _compute_end(pts: np.ndarray, durations: np.ndarray) -> int:
    """When the last frame stops being shown; where the file does not say, it lasts as long as frames usually do."""
    if len(pts) == 0:
        return 0
    last = int(durations[-1])
    if last <= 0:
        last = max(1, int(np.median(np.diff(pts)))) if len(pts) > 1 else 1
    return int(pts[-1]) + last


def _compute_promise(
    path: Path, container: av.container.InputContainer, stream: av.video.stream.VideoStream, frames: _Frames
) -> int | None:
    """How many frames the container promises; a broken promise is noted as damage."""
    # In MP4 the entries are what is left of the sample table once edit lists are applied; Matroska promises a duration.
    if container.format.name.startswith("mov"):
        promised = len(stream.index_entries) - len(frames.hidden_pts)
        if promised > len(frames.pts) and not frames.damage:
            frames.lose_tail("the file ends early")
        return promised
    if container.format.name == "gif":
        if not _has_gif_trailer(path):
            frames.safe_until = int(frames.pts[-1]) - 1  # the last picture may be cut short
            frames.lose_tail("the file ends early")
        return None
    if container.format.name == "mpegts":
        if all(path.stat().st_size % size for size in TRANSPORT_PACKET_BYTES):
            frames.lose_tail("the file ends inside a packet")
        elif _has_holes_at_end(frames.pts):
            frames.lose_tail("frames are missing at its end")
        return None
    if stream.frames:
        if stream.frames > frames.num_packets and not frames.damage:
            frames.lose_tail("the file ends early")
        return stream.frames
    if container.duration is None or stream.average_rate is None:
        return None
    # Matroska writers disagree whether the duration counts from 0 or from the first frame: the earlier end is promised.
    is_short = container.duration / av.time_base - frames.end_s > TAIL_TOLERANCE_S
    if not frames.damage and (is_short or path.stat().st_size < _read_matroska_end(path)):
        frames.lose_tail("the file ends early")
    return round(container.duration / av.time_base * stream.average_rate) if frames.damage else None


def _has_holes_at_end(pts: np.ndarray) -> bool:
    """Whether among the last frames some are shown much longer than usual: a cut takes B-frames before what follows."""
    steps = np.diff(pts)
    return bool(len(steps) and steps[-TAIL_FRAMES:].max() > 1.5 * np.median(steps))


def _has_gif_trailer(path: Path) -> bool:
    """Whether a GIF ends as it should; some programs write zeros after the trailer."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        return file.read().rstrip(b"\0\r\n").endswith(b";")


def _read_matroska_end(path: Path) -> int:
    """Where a Matroska or WebM file promises to end, in bytes; 0 where it does not (or is none).

    The first element is the EBML header, the second the segment, which holds everything else (RFC 8794, RFC 9559).
    """
    with path.open("rb") as file:
        head = file.read(4096)
    position = 0
    for name in (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"):
        if not head.startswith(name, position) or len(head) < position + 12:
            return 0
        position += 4
        length = 9 - head[position].bit_length()
        size = int.from_bytes(head[position : position + length]) & (1 << 7 * length) - 1
        if size == (1 << 7 * length) - 1:
            return 0  # "unknown": a live recording
        position += length + size
    return position


def _scan_frames(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> _Frames:
    """Index by decoding everything: the n-th frame out of the decoder is frame n."""
    stream.codec_context.thread_count = 1  # the stamps that frames carry depend on it
    packet_dts: list[int] = []
    key_dts: list[int] = []
    stamps: list[int | None] = []
    keys: list[bool] = []
    damage = ""
    num_flushed = 0
    try:
        for packet in container.demux(stream):
            is_end = packet.size == 0 and packet.dts is None
            if packet.is_corrupt:
                damage = "the file ends inside a frame"
                break
            if not is_end and packet.dts is not None:
                packet_dts.append(packet.dts)
                if packet.is_keyframe:
                    key_dts.append(packet.dts)
            decoded = packet.decode()
            num_flushed = len(decoded) if is_end else 0
            for frame in decoded:
                stamps.append(frame.dts)
                keys.append(bool(frame.key_frame))
    except av.error.FFmpegError as error:
        damage = f"decoding stops: {error.strerror}"
    pts = _compute_display_times(sorted(packet_dts), stamps)
    is_key = np.array(keys, bool)
    seek_frames = np.flatnonzero(is_key)
    if len(key_dts) < len(seek_frames) or not len(seek_frames) or seek_frames[0] != 0:
        seek_frames, key_dts = np.zeros(1, np.int64), packet_dts[:1] or [0]
    elif len(key_dts) > len(seek_frames):
        key_dts = key_dts[: len(seek_frames)] if damage else packet_dts[:1]
        seek_frames = seek_frames if damage else seek_frames[:1]
    frames = _Frames(
        time_base=Fraction(stream.time_base or 1),
        pts=pts,
        is_key=is_key,
        seek_frames=seek_frames,
        seek_stamps=np.array(key_dts, np.int64),
        end_pts=_compute_end(pts, np.zeros(len(pts), np.int64)),
        num_packets=len(packet_dts),
        stamps=np.array([-1 if stamp is None else stamp for stamp in stamps], np.int64),
        num_flushed=num_flushed,
    )
    if damage:
        frames.damage = damage
    return frames


def _compute_display_times(packet_dts: list[int], stamps: list[int | None]) -> np.ndarray:
    """PTS of frames in display order, from the decoding times of the packets.

    One frame a packet: frames leave in the rhythm in which packets enter, so the n-th frame is shown at the n-th DTS
    (up to a constant delay, which is left out: AVI players start with the first frame at 0). Fewer frames than packets
    (some only repeat the frame before): each frame has the DTS of the packet that pushed it out, less the delay.
    """
    if not stamps:
        return np.empty(0, np.int64)
    if len(stamps) >= len(packet_dts):
        times = list(packet_dts)
    else:
        known = [stamp for stamp in stamps if stamp is not None]
        delay = known[0] - packet_dts[0] if known else 0
        times = [stamp - delay for stamp in known]
    step = max(1, int(np.median(np.diff(packet_dts)))) if len(packet_dts) > 1 else 1
    while len(times) < len(stamps):
        times.append(times[-1] + step if times else 0)
    pts = np.array(times[: len(stamps)], np.int64)
    if np.any(np.diff(pts) <= 0):
        pts = pts[0] + step * np.arange(len(stamps), dtype=np.int64)
    return pts
