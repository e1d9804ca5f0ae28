"""MPEG-TS and its kin into MP4, packet by packet, without re-encoding.

Such files have no index: every reader fails at seeking in them. The MP4 holds the same packets, so the same pictures,
and keeps the stream's clock, its start included (as an edit list in units of 1/90000 s).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from finegym.errors import OutputError, VideoError
from finegym.files import replace_file
from finegym.video.ingest.record import Damage
from finegym.video.media import get_video_stream, open_media

# FFmpeg's names of containers that are remuxed: MPEG transport and program streams (.ts, .m2ts, .mpg, .vob).
REMUXED_CONTAINERS = frozenset({"mpegts", "mpeg"})
MOVIE_TIMESCALE = 90_000
# A clock that falls back by less than this is a stray packet of another order, not a jump.
JUMP_S = 1.0
# A clock that runs ahead by more than this has jumped too (FFmpeg takes a large step back for an overflow of the
# 33-bit clock, and adds a day); by less, something is missing.
MAX_GAP_S = 600.0


@dataclass(frozen=True)
class Remuxed:
    """What came of it.

    Attributes:
        num_packets: video packets written.
        streams_left_out: what MP4 cannot hold, and packets out of order, in words.
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

    Packets before the first key frame cannot be decoded and are left out. Where the stream's clock jumps (a splice of
    recordings), what follows is moved so that time goes on; ten minutes ahead and less is a gap, and stays one. All of
    this is told as damage.

    Raises:
        VideoError: the source cannot be read, its packets carry no times, or MP4 cannot hold its codec.
        OutputError: the target cannot be written.
    """
    with open_media(source) as old, replace_file(target) as temporary:
        video = get_video_stream(old, source)
        try:
            with av.open(str(temporary), "w", format="mp4", options=_OPTIONS) as new:
                copied, left_out = _add_streams(old, new, video, source)
                clock = _Clock(video.index)
                num_packets = 0
                for packet in old.demux([stream for stream in old.streams if stream.index in copied]):
                    index = packet.stream_index
                    if clock.pass_on(packet, source):
                        packet.stream = copied[index]
                        new.mux_one(packet)
                        num_packets += index == video.index
        except (av.error.FFmpegError, ValueError) as error:
            raise _explain(error, source, target) from error
        if not num_packets:
            raise VideoError(f"{source}: holds no key frame, so nothing in it can be decoded. Fetch it again.")
    if clock.num_dropped:
        left_out.append(f"{clock.num_dropped} packets whose times fall back")
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


class _Clock:
    """Keeps the times of packets increasing, and notes where the stream's did not."""

    def __init__(self, video_index: int) -> None:
        self.damage: list[Damage] = []
        self.num_dropped = 0
        self._video_index = video_index
        self._last: dict[int, Fraction] = {}  # stream → DTS of its last packet, in seconds
        self._end = Fraction(0)  # of the last video frame so far, in seconds
        self._shift = Fraction(0)
        self._first_lost: Fraction | None = None
        self._has_key = False

    def pass_on(self, packet: Any, source: Path) -> bool:
        """Whether the packet is to be written; its times are set."""
        if packet.size == 0:
            return False
        if packet.pts is None or packet.dts is None:
            raise VideoError(f"{source}: a packet carries no time, so the file cannot be remuxed. Convert it to MKV.")
        base = packet.time_base
        is_video = packet.stream_index == self._video_index
        if is_video and not self._has_key and not packet.is_keyframe:
            if self._first_lost is None:
                self._first_lost = packet.pts * base
            return False
        if not self._has_key and not is_video:
            return False  # sound before the first picture would move the start of the clock
        time = packet.dts * base + self._shift
        last = self._last.get(packet.stream_index, time - 1)
        has_jumped = time <= last - JUMP_S or time > max(last, self._end) + MAX_GAP_S
        if has_jumped and is_video and self._last:
            self._jump(time)
            time = packet.dts * base + self._shift
        elif time <= last or (has_jumped and self._last):
            self.num_dropped += 1  # sound goes on when the pictures have
            return False
        if is_video:
            self._note_start(packet.pts * base)
            if packet.is_corrupt:
                self._note_corrupt(packet.pts * base + self._shift, (packet.duration or 0) * base)
            self._end = max(self._end, (packet.pts + (packet.duration or 0)) * base + self._shift)
        self._last[packet.stream_index] = time
        shift = round(self._shift / base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        return True

    def _note_start(self, first: Fraction) -> None:
        if not self._has_key and self._first_lost is not None and self._first_lost < first:
            lost, start = round(1000 * self._first_lost), round(1000 * first)
            self.damage.append(Damage(kind="no_key_frame", start_ms=lost, end_ms=start, note="left out"))
        self._has_key = True

    def _note_corrupt(self, start: Fraction, length: Fraction) -> None:
        """Packets lost on the way; what is left of the frame is kept, as a decoder of the original would see it."""
        start_ms = round(1000 * start)
        end_ms = start_ms + max(1, round(1000 * length))
        note = "packets were lost in the stream"
        self.damage.append(Damage(kind="undecodable", start_ms=start_ms, end_ms=end_ms, note=note))

    def _jump(self, time: Fraction) -> None:
        """Go on right after the last frame."""
        self._shift += self._end - time
        at = round(1000 * self._end)
        note = f"from {float(self._end):.3f} to {float(time):.3f} s"
        self.damage.append(Damage(kind="clock_jump", start_ms=at, end_ms=at + 1, note=note))


def _explain(error: Exception, source: Path, target: Path) -> Exception:
    if isinstance(error, OSError) and error.errno in {28, 27, 122, 30, 13}:
        return OutputError(f"{target}: cannot be written: {error.strerror}. Free space, then run again.")
    return VideoError(f"{source}: cannot be remuxed to MP4: {error}")
