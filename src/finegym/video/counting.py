"""Frames of files whose packets do not tell them apart, by decoding everything and counting: AVI, and packed fields.

XviD packs two frames into one packet ("packed bitstream") and fills up with empty ones, and the PTS that FFmpeg makes
up for AVI are wrong (for XviD with B-frames they put frames in the wrong order). What is right is the order in which
the decoder gives the frames.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from finegym.video.found import FoundFrames, compute_end
from finegym.video.media import get_video_stream, open_media

HEAD_PACKETS = 16


def has_field_packets(path: Path) -> bool:
    """Whether the packets of a file hold half pictures: interlaced H.264 whose fields are packed one by one.

    Told by decoding the first few: of every two packets, one gives its time to a picture. Such packets do not tell the
    frames apart.
    """
    with open_media(path) as container:
        stream = get_video_stream(container, path)
        decoder = stream.codec_context
        if decoder.name != "h264":
            return False
        decoder.thread_count = 1
        fed: list[int | None] = []
        shown: set[int | None] = set()
        with suppress(av.error.FFmpegError):
            for packet in container.demux(stream):
                if packet.size == 0 or len(fed) == HEAD_PACKETS:
                    break
                if fed or packet.is_keyframe:
                    fed += [] if packet.is_discard else [packet.pts]
                    shown |= {frame.pts for frame in decoder.decode(packet)}
            shown |= {frame.pts for frame in decoder.decode(None)}
        return len(fed) >= 4 and all((time in shown) == (place % 2 == 0) for place, time in enumerate(fed))


def count_frames(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, *, has_pts: bool
) -> FoundFrames:
    """Index by decoding everything: the n-th frame out of the decoder is frame n.

    Args:
        container: just opened.
        stream: of the video.
        has_pts: whether the container carries PTS; those of the frames are used where they increase.
    """
    stream.codec_context.thread_count = 1  # the stamps that frames carry depend on it
    packet_dts: list[int] = []
    key_dts: list[int] = []
    dts_behind_damage: set[int | None] = set()
    stamps: list[int | None] = []
    keys: list[bool] = []
    shown: list[int | None] = []
    damage = ""
    num_flushed = 0
    try:
        for packet in container.demux(stream):
            is_end = packet.size == 0 and packet.dts is None
            if packet.is_corrupt:
                damage = "the file ends inside a frame"
            if damage:
                dts_behind_damage.add(packet.dts)
                continue
            if not is_end and packet.dts is not None:
                packet_dts.append(packet.dts)
                if packet.is_keyframe:
                    key_dts.append(packet.dts)
            decoded = packet.decode()
            num_flushed = len(decoded) if is_end else 0
            for frame in decoded:
                stamps.append(frame.dts)
                keys.append(bool(frame.key_frame))
                shown.append(frame.pts)
    except av.error.FFmpegError as error:
        damage = f"decoding stops: {error.strerror}"
    known = [time for time in shown if time is not None]
    if has_pts and len(known) == len(shown) and np.all(np.diff(known) > 0):
        pts = np.array(known, np.int64)
    else:
        pts = _compute_display_times(sorted(packet_dts), stamps)
    is_key = np.array(keys, bool)
    seek_frames = np.flatnonzero(is_key)
    # Where the clock begins again, a seek may end in either part.
    is_ambiguous = len(set(key_dts)) < len(key_dts) or not dts_behind_damage.isdisjoint(key_dts)
    if len(key_dts) < len(seek_frames) or not len(seek_frames) or seek_frames[0] != 0 or is_ambiguous:
        seek_frames, key_dts = np.zeros(1, np.int64), packet_dts[:1] or [0]
    elif len(key_dts) > len(seek_frames):
        key_dts = key_dts[: len(seek_frames)] if damage else packet_dts[:1]
        seek_frames = seek_frames if damage else seek_frames[:1]
    frames = FoundFrames(
        time_base=Fraction(stream.time_base or 1),
        pts=pts,
        is_key=is_key,
        seek_frames=seek_frames,
        seek_stamps=np.array(key_dts, np.int64),
        end_pts=compute_end(pts, np.zeros(len(pts), np.int64)),
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
