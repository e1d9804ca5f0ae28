"""Frames of a record and their times, from the maps that ingest stored beside the proxies.

The client says which frames it means; what time that is on the record's clock is decided here, once, and never by a
frame rate. Times are whole milliseconds, rounded as ``FrameIndex.find_frames_between`` rounds: a time that was written
down from a frame finds that frame again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from finegym.errors import VideoError
from finegym.video.ingest.proxy import ProxyMap, read_proxy_map
from finegym.workspace import Workspace


@dataclass(frozen=True, eq=False)
class RecordClock:
    """When each frame of a record is shown.

    Attributes:
        frames: int64 (T,), increasing: frames of the record that proxies show (those that do not decode are missing).
        times_ms: int64 (T,): whole milliseconds on the record's clock.
        end_ms: when the last frame stops being shown.
    """

    frames: np.ndarray
    times_ms: np.ndarray
    end_ms: int

    def is_shown(self, frame: int) -> bool:
        """Whether an annotator can have seen this frame."""
        place = int(np.searchsorted(self.frames, frame))
        return place < len(self.frames) and int(self.frames[place]) == frame

    def get_ms(self, frame: int) -> int:
        """When a frame begins; for the frame behind the last one, when that ends.

        A frame that does not decode begins, for our purposes, with the next one that does: up to there the one before
        it is shown.
        """
        place = int(np.searchsorted(self.frames, frame))
        return int(self.times_ms[place]) if place < len(self.frames) else self.end_ms

    def find_frame(self, time_ms: float) -> int:
        """The first frame that begins at or after a time; behind the last one, the frame after it."""
        place = int(np.searchsorted(self.times_ms, time_ms, side="left"))
        return int(self.frames[place]) if place < len(self.frames) else int(self.frames[-1]) + 1


def compute_times_ms(proxy: ProxyMap) -> np.ndarray:
    """int64 (T,): when each frame of a proxy begins in the record, in whole milliseconds of its clock."""
    return np.rint(proxy.pts * proxy.time_base.numerator * 1000 / proxy.time_base.denominator).astype(np.int64)


def read_record_clock(workspace: Workspace, record_name: str, num_chunks: int, end_ms: float) -> RecordClock:
    """The clock of a record from the maps of all its chunks; kept in memory for the records last asked for.

    Raises:
        VideoError: no chunk has a proxy with a map.
    """
    places = [workspace.get_chunk_file(record_name, "proxy", number, ".npz") for number in range(num_chunks)]
    stamps = tuple((str(place), place.stat().st_mtime_ns) for place in places if place.is_file())
    if not stamps:
        raise VideoError(f"{record_name}: no proxy has a frame map. Ingest the record again, with proxies.")
    return _read_clock(stamps, round(end_ms))


@lru_cache(maxsize=64)
def _read_clock(stamps: tuple[tuple[str, int], ...], end_ms: int) -> RecordClock:
    frames, times = [], []
    for place, _ in stamps:
        proxy = read_proxy_map(Path(place))
        if proxy is None:
            raise VideoError(f"{place}: the frame map is damaged. Ingest the record again.")
        frames.append(proxy.frames)
        times.append(compute_times_ms(proxy))
    all_frames, first = np.unique(np.concatenate(frames), return_index=True)
    return RecordClock(all_frames, np.concatenate(times)[first], end_ms)
