"""MPEG-TS and its kin into MP4, packet by packet, without re-encoding.

Such files have no index: every reader fails at seeking in them. The MP4 holds the same packets, so the same pictures,
and keeps the stream's clock, its start included (as an edit list in units of 1/90000 s).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error

from finegym.errors import OutputError, VideoError
from finegym.files import replace_file
from finegym.video.index_cache import read_index
from finegym.video.ingest.record import Damage
from finegym.video.ingest.remux_clock import Clock, join_fields
from finegym.video.media import get_video_stream, open_media

# FFmpeg's names of containers that are remuxed: MPEG transport and program streams (.ts, .m2ts, .mpg, .vob).
REMUXED_CONTAINERS = frozenset({"mpegts", "mpeg"})
MOVIE_TIMESCALE = 90_000


@dataclass(frozen=True)
class Remuxed:
    """What came of it.

    Attributes:
        num_packets: video packets written.
        streams_left_out: what MP4 cannot hold: streams, sound and times out of order, in words.
        damage: leading packets without a key frame, jumps of the clock.
    """

    num_packets: int
    streams_left_out: tuple[str, ...]
    damage: tuple[Damage, ...]


def is_remuxed(path: Path) -> bool:
    """Whether a file's container must be remuxed.

    Raises:
        VideoError: the file cannot be opened.
    """
    with open_media(path) as container:
        return container.format.name.split(",")[0] in REMUXED_CONTAINERS


def remux(source: Path, target: Path) -> Remuxed:
    """Copy video and sound of ``source`` into the MP4 ``target``, whole or not at all.

    Packets before the first key frame cannot be decoded and are left out. Where the stream's clock falls back or jumps
    (a splice of recordings), what follows is moved so that time goes on; ten minutes ahead and less is a gap, and stays
    one. All of this is told as damage. Every packet that was written is a frame of the copy, or this fails.

    Raises:
        VideoError: the source cannot be read, its packets carry no times, or MP4 cannot hold its codec or times.
        OutputError: the target cannot be written.
    """
    with open_media(source) as old, replace_file(target) as temporary:
        video = get_video_stream(old, source)
        try:
            with av.open(str(temporary), "w", format="mp4", options=_OPTIONS) as new:
                copied, left_out = _add_streams(old, new, video, source)
                clock = Clock(video.index)
                num_packets = 0
                packets = old.demux([stream for stream in old.streams if stream.index in copied])
                for packet in join_fields(packets, video.index):
                    index = packet.stream_index
                    if clock.pass_on(packet, source):
                        packet.stream = copied[index]
                        new.mux_one(packet)
                        num_packets += index == video.index
        except (av.error.FFmpegError, ValueError) as error:
            raise _explain(error, source, target) from error
        if not num_packets:
            raise VideoError(f"{source}: holds no key frame, so nothing in it can be decoded. Fetch it again.")
    clock.finish()
    _check_frames(source, target, num_packets, clock.num_leading)
    if clock.num_dropped:
        left_out.append(f"{clock.num_dropped} packets of sound whose times fall back")
    if clock.num_moved:
        left_out.append(f"the times of {clock.num_moved} video packets, which did not increase")
    return Remuxed(num_packets, tuple(left_out), tuple(clock.damage))


_OPTIONS = {"movie_timescale": str(MOVIE_TIMESCALE), "movflags": "faststart"}


def _add_streams(old: Any, new: Any, video: Any, source: Path) -> tuple[dict[int, Any], list[str]]:
    """Streams of the copy by index in the source, and those that are left behind."""
    copied: dict[int, Any] = {}
    left_out = []
    for stream in old.streams:
        name = stream.codec_context.name if stream.codec_context is not None else "unknown"
        is_wanted = stream.index == video.index or stream.type == "audio"
        is_sound_without_form = stream.type == "audio" and not stream.codec_context.sample_rate
        if not is_wanted or is_sound_without_form or name not in new.supported_codecs:
            if stream.index == video.index:
                raise VideoError(f"{source}: MP4 cannot hold {name}; re-encode the file or convert it to MKV")
            left_out.append(f"stream {stream.index} ({stream.type}, {name})")
            continue
        copied[stream.index] = new.add_stream_from_template(stream, opaque=True)
    return copied, left_out


def _check_frames(source: Path, target: Path, num_packets: int, num_leading: int) -> None:
    """Whether everything that was written can be found again; else the file is removed."""
    try:
        index = read_index(target)
        whole = index.num_frames + index.num_discarded
        # Frames are counted where each packet holds a field, half a picture; one may be alone at either end.
        is_whole = abs(2 * whole - num_packets) <= 2 if index.is_counted else whole == num_packets
        if is_whole and index.num_discarded <= num_leading and not index.damage:
            return
        problem = f"{num_packets} packets give {index.num_frames} frames and {index.num_discarded} hidden ones"
    except VideoError as error:
        problem = str(error)
    target.unlink(missing_ok=True)
    raise VideoError(
        f"{source}: its times are in such disorder that MP4 does not keep it ({problem}). Convert it to MKV."
    )


def _explain(error: Exception, source: Path, target: Path) -> Exception:
    if isinstance(error, OSError) and error.errno in {28, 27, 122, 30, 13}:
        return OutputError(f"{target}: cannot be written: {error.strerror}. Free space, then run again.")
    return VideoError(f"{source}: cannot be remuxed to MP4: {error}")
