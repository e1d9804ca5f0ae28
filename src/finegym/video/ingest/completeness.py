"""What is missing or dead in a record, as stretches on its own clock.

Two passes: over packets and time stamps (hundreds of times faster than real time), and over the signals that the quick
pass saw of the pictures, which confirms what packets only hint at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from finegym.segments import find_runs
from finegym.video.decoding import find_damaged_frames
from finegym.video.index import FrameIndex
from finegym.video.ingest.packet_pass import Packets
from finegym.video.ingest.record import Damage
from finegym.video.ingest.signals import Signals

# A frame that stands this long, and this many times longer than frames usually do, marks a gap.
GAP_MS = 250
GAP_STEPS = 4
# Missing time within this is rounding of headers and tables.
TOLERANCE_MS = 1000
# Frames whose packets have fewer bytes than this share of the usual ones, for so long, hint at a picture that stands.
TINY_SHARE = 0.1
FROZEN_MS = 2000
# Largest and mean change of a thumbnail's pixels from frame to frame that is still no change (coding noise).
FROZEN_MAX_CHANGE = 2
FROZEN_MEAN_CHANGE = 0.05
BLACK_MS = 400
# Coded luma of black is 16 (limited range) or 0; noise and dim letters add some.
BLACK_MEAN = 24
BLACK_BRIGHTEST = 40


def check_clock(index: FrameIndex, packets: Packets, metadata: Mapping[str, str]) -> list[Damage]:
    """What time stamps and packet sizes tell, without decoding.

    Args:
        index: of the media.
        packets: of the media.
        metadata: ``duration_s`` is what a table promises.
    """
    return [
        *_find_end(index, metadata),
        *_find_gaps(index),
        *_find_leading(index, packets),
        *_find_tiny_packets(packets),
    ]


def check_pictures(index: FrameIndex, signals: Signals) -> list[Damage]:
    """What the pictures tell: frozen, black, and not decodable."""
    if not len(signals.luma):
        return [*_find_undecodable(index, signals)]
    times = np.append(signals.times_ms, index.end_ms)
    luma = signals.luma.reshape(len(signals.luma), -1)
    is_black = np.array([row.mean() < BLACK_MEAN and row.max() < BLACK_BRIGHTEST for row in luma])
    is_still = np.zeros(len(luma), bool)
    for place in range(1, len(luma)):
        change = np.abs(luma[place].astype(np.int16) - luma[place - 1])
        is_still[place - 1] = change.max() <= FROZEN_MAX_CHANGE and change.mean() <= FROZEN_MEAN_CHANGE
    black = [Damage(kind="black", start_ms=a, end_ms=b) for a, b in _find_stretches(is_black, times, BLACK_MS)]
    # A black picture stands still too; it is told once.
    frozen = [
        Damage(kind="frozen", start_ms=a, end_ms=b) for a, b in _find_stretches(is_still & ~is_black, times, FROZEN_MS)
    ]
    return [*black, *frozen, *_find_undecodable(index, signals)]


def _find_end(index: FrameIndex, metadata: Mapping[str, str]) -> Iterator[Damage]:
    end_ms = index.end_ms
    if index.damage:
        promised = index.num_frames_header or 0
        lost_ms = max(0, promised - index.num_frames) * 1000 / index.fps_average
        yield Damage(
            kind="truncated", start_ms=round(end_ms), end_ms=round(end_ms + max(1.0, lost_ms)), note=index.damage
        )
        end_ms += lost_ms
    if "duration_s" in metadata:
        promised_ms = index.start_ms + 1000 * float(metadata["duration_s"])
        if promised_ms - end_ms > TOLERANCE_MS:
            note = f"duration_s promises {metadata['duration_s']} s"
            yield Damage(kind="missing", start_ms=round(end_ms), end_ms=round(promised_ms), note=note)


def _find_gaps(index: FrameIndex) -> Iterator[Damage]:
    steps = np.diff(index.pts_ms)
    if not len(steps):
        return
    usual = float(np.median(steps))
    for place in np.flatnonzero((steps >= GAP_MS) & (steps > GAP_STEPS * usual)).tolist():
        # The frame before the gap is shown for its usual time; from then on something is missing.
        start, end = index.pts_ms[place] + usual, index.pts_ms[place + 1]
        yield Damage(kind="gap", start_ms=round(start), end_ms=round(end), note=f"after frame {place}")


def _find_leading(index: FrameIndex, packets: Packets) -> Iterator[Damage]:
    if not packets.is_key.any() or not index.num_frames or index.stamps.size:
        return
    first_key_ms = float(packets.pts_ms[np.argmax(packets.is_key)])
    if index.start_ms < first_key_ms and not packets.is_key[0]:
        yield Damage(kind="no_key_frame", start_ms=round(index.start_ms), end_ms=round(first_key_ms))


def _find_tiny_packets(packets: Packets) -> Iterator[Damage]:
    """Runs of packets far smaller than usual: a standing picture costs next to nothing to code."""
    if len(packets.pts) < 2:
        return
    order = np.argsort(packets.pts, kind="stable")
    times, sizes = packets.pts_ms[order], packets.size_bytes[order]
    is_inner = ~packets.is_key[order]
    usual = float(np.median(sizes[is_inner])) if is_inner.any() else 0.0
    # A key frame in a standing stretch is as large as ever: it does not end the run.
    is_tiny = (sizes < TINY_SHARE * usual) | ~is_inner
    times = np.append(times, times[-1] + float(np.median(np.diff(times))))
    for start, end in _find_stretches(is_tiny, times, FROZEN_MS):
        inside = is_inner & (times[:-1] >= start) & (times[:-1] < end)
        if inside.sum() >= 2:
            yield Damage(kind="frozen_hint", start_ms=start, end_ms=end, note=f"{int(inside.sum())} tiny packets")


def _find_undecodable(index: FrameIndex, signals: Signals) -> Iterator[Damage]:
    """Frames that do not decode, with those made from them: where the quick pass met damage, everything is decoded."""
    if not len(signals.damaged):
        return
    frames = np.union1d(signals.damaged, find_damaged_frames(index))
    ends = np.append(index.pts_ms[1:], index.end_ms)
    for first, stop in find_runs(frames).tolist():
        note = f"frames {first} to {stop - 1}" if stop - first > 1 else f"frame {first}"
        start, end = index.pts_ms[first], ends[stop - 1]
        yield Damage(kind="undecodable", start_ms=round(start), end_ms=round(end), note=note)


def _find_stretches(flags: np.ndarray, times_ms: np.ndarray, shortest_ms: float) -> list[tuple[int, int]]:
    """``[start_ms, end_ms)`` of runs of flags that last long enough; ``times_ms`` has one entry more."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    runs = zip(times_ms[edges[::2]].tolist(), times_ms[edges[1::2]].tolist(), strict=True)
    return [(round(start), round(end)) for start, end in runs if end - start >= shortest_ms]
