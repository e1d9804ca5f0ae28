"""The clock of a stream that is remuxed: increasing, past overflows and splices, and with nothing lost unsaid.

A decoder takes packets in the order of the file, and each picture refers to those before it: a packet that is left out
spoils what follows up to the next key frame. So where times fall back, times are moved, not packets dropped; and where
a stream goes on with another recording between its key frames, everything up to the next one is left out and told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from finegym.errors import VideoError
from finegym.video.ingest.record import Damage

# A clock that runs ahead by more than this has jumped (FFmpeg takes a large step back for an overflow of the 33-bit
# clock, and adds a day); by less, something is missing.
MAX_GAP_S = 600.0
# So many packets in a row may be out of step with the clock before they count as a splice.
MAX_STRAY = 3
OVERFLOW_S = Fraction(2**33, 90_000)


def join_fields(packets: Iterable[Any], video_index: int) -> Iterator[Any]:
    """Packets, where one of the video without times (the second field of a picture) joins the one before it."""
    held = None
    for packet in packets:
        if packet.stream_index != video_index:
            yield packet
        elif held is not None and packet.size and packet.pts is None and packet.dts is None:
            held = _join(held, packet)
        else:
            if held is not None:
                yield held
            held = packet
    if held is not None:
        yield held


def _join(first: Any, second: Any) -> Any:
    whole = av.Packet(bytes(first) + bytes(second))
    whole.stream, whole.time_base = first.stream, first.time_base
    whole.pts, whole.dts = first.pts, first.dts
    whole.duration = (first.duration or 0) + (second.duration or 0)
    whole.is_keyframe = first.is_keyframe
    whole.is_corrupt = first.is_corrupt or second.is_corrupt
    return whole


class Clock:
    """Keeps the times of packets increasing, and notes where the stream's did not.

    Attributes:
        damage: leading packets without a key frame, splices, packets lost on the way.
        num_dropped: packets of sound whose times fall back.
        num_moved: packets of video that were moved by a tick or a few, because their times fall back.
        num_leading: packets of video that are shown before the first key frame, which they may refer past.
    """

    def __init__(self, video_index: int) -> None:
        self.damage: list[Damage] = []
        self.num_dropped = self.num_moved = self.num_leading = 0
        self._video_index = video_index
        self._last: dict[int, Fraction] = {}  # stream → DTS of its last packet, in seconds
        self._end = Fraction(0)  # of the last video frame so far, in seconds
        self._shift = Fraction(0)
        self._first_lost: Fraction | None = None  # waiting for a key frame since this time, in seconds
        self._num_lost = 0
        self._first_key: Fraction | None = None
        self._splice_key: Fraction | None = None  # frames shown before it belong to what was cut off
        self._splice_start = Fraction(0)
        self._is_splice_noted = False
        self._recent: deque[int] = deque(maxlen=64)  # PTS written, in ticks
        self._num_stray = 0

    def pass_on(self, packet: Any, source: Path) -> bool:
        """Whether the packet is to be written; its times are set."""
        if packet.size == 0:
            return False
        if packet.pts is None or packet.dts is None:
            if self._first_key is None:
                return False  # the second half of a picture whose first half was cut off
            raise VideoError(f"{source}: a packet carries no time, so the file cannot be remuxed. Convert it to MKV.")
        if packet.stream_index == self._video_index:
            return self._pass_video(packet)
        if self._first_key is None:
            return False  # sound before the first picture would move the start of the clock
        return self._pass_sound(packet)

    def finish(self) -> None:
        """Note what still waits for a key frame when the stream is over."""
        if self._first_lost is not None and self._first_key is not None:
            self._note_lost(self._end, self._end)

    def _pass_sound(self, packet: Any) -> bool:
        time = packet.dts * packet.time_base + self._shift
        last = self._last.get(packet.stream_index, time - 1)
        if time <= last or time < 0 or time > max(last, self._end) + MAX_GAP_S:
            self.num_dropped += 1  # sound goes on when the pictures have
            return False
        self._write_times(packet, time, packet.pts * packet.time_base + self._shift)
        return True

    def _pass_video(self, packet: Any) -> bool:
        time, shown = (stamp * packet.time_base + self._shift for stamp in (packet.dts, packet.pts))
        if packet.is_keyframe:
            self._begin_at_key(time, shown)
            time, shown = (stamp * packet.time_base + self._shift for stamp in (packet.dts, packet.pts))
        elif self._is_lost(packet, time, shown):
            return False
        tick = packet.time_base
        last = self._last.get(packet.stream_index, time - tick)
        ticks = round(shown / tick)
        is_moved = time < last + tick or ticks in self._recent
        if is_moved:
            while ticks in self._recent:
                ticks += 1
            time, shown = max(time, last + tick), ticks * tick
        self.num_moved += is_moved
        self._num_stray = self._num_stray + 1 if is_moved else 0
        length = (packet.duration or 0) * packet.time_base
        if packet.is_corrupt:
            self._note_corrupt(shown, length)
        self.num_leading += self._first_key is not None and shown < self._first_key
        self._end = max(self._end, shown + length)
        self._recent.append(ticks)
        self._write_times(packet, time, shown)
        return True

    def _begin_at_key(self, time: Fraction, shown: Fraction) -> None:
        """Move the clock where the stream begins, or goes on with another recording."""
        if self._first_key is None:
            self._begin(shown)
            return
        start, has_jumped = self._end, self._is_jump(time)
        if has_jumped:
            self._shift += self._end - time
            shown += self._end - time
            note = f"from {float(self._end):.3f} to {float(time):.3f} s"
            self.damage.append(_make_damage("clock_jump", self._end, self._end, note))
        self._splice_start, self._is_splice_noted = start, self._first_lost is not None
        if self._first_lost is not None:
            self._note_lost(start, shown)
        self._splice_key = shown if has_jumped or self._first_lost is not None else None
        self._first_lost, self._num_lost = None, 0

    def _begin(self, shown: Fraction) -> None:
        if shown < 0:  # FFmpeg counts backwards from the overflow
            self._shift = OVERFLOW_S
            shown += OVERFLOW_S
            note = f"the 33-bit clock overflows at {float(OVERFLOW_S):.3f} s; times go on past it"
            self.damage.append(_make_damage("clock_jump", shown, shown, note))
        if self._first_lost is not None and self._first_lost + self._shift < shown:
            self._note_lost(self._first_lost + self._shift, shown)
        self._first_key = self._end = shown
        self._first_lost, self._num_lost = None, 0

    def _is_jump(self, time: Fraction) -> bool:
        last = self._last[self._video_index]
        return time <= last or time > max(last, self._end) + MAX_GAP_S

    def _is_lost(self, packet: Any, time: Fraction, shown: Fraction) -> bool:
        """Whether a packet refers to pictures that are not there."""
        if self._first_key is not None and self._first_lost is None:
            if self._splice_key is not None and shown < self._splice_key:
                self._note_leading(self._splice_key)
                return True
            last = self._last[self._video_index]
            is_stray = time <= last and shown > last and self._num_stray < MAX_STRAY
            if not self._is_jump(time) or is_stray:
                return False
        if self._first_lost is None:
            self._first_lost = shown
        self._num_lost += 1
        return True

    def _note_leading(self, key: Fraction) -> None:
        """Pictures after a splice that refer to what was cut off before it; one entry for all of them."""
        if not self._is_splice_noted:
            note = "left out: they refer to pictures that were cut off"
            self.damage.append(_make_damage("no_key_frame", self._splice_start, key, note))
            self._is_splice_noted = True

    def _note_lost(self, start: Fraction, end: Fraction) -> None:
        packets = "1 packet" if self._num_lost == 1 else f"{self._num_lost} packets"
        self.damage.append(_make_damage("no_key_frame", start, end, f"{packets} left out"))

    def _note_corrupt(self, start: Fraction, length: Fraction) -> None:
        """Packets lost on the way; what is left of the frame is kept, as a decoder of the original would see it."""
        self.damage.append(_make_damage("undecodable", start, start + length, "packets were lost in the stream"))

    def _write_times(self, packet: Any, time: Fraction, shown: Fraction) -> None:
        self._last[packet.stream_index] = time
        packet.dts, packet.pts = round(time / packet.time_base), round(shown / packet.time_base)


def _make_damage(kind: Any, start: Fraction, end: Fraction, note: str) -> Damage:
    start_ms = round(1000 * start)
    return Damage(kind=kind, start_ms=start_ms, end_ms=max(start_ms + 1, round(1000 * end)), note=note)
