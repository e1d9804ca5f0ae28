"""From times to frames, for formats that count frames.

A time becomes the frame that is shown next to it, as in FineGym's published spotting labels: times were rounded when
they were written down, so that the frame meant may begin a little before or after. Where a record's file was looked at,
frames are those of the file; else they follow from its frame rate, which is only right where that is constant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from finegym.annotations.model import Dataset
from finegym.errors import AnnotationError
from finegym.release.exports.exported import ExportSettings

COUNTED = "records whose frames were counted by their frame rate, which may vary, rather than in their file"
UNCOUNTED = "records left out: their frame rate is not known"


@dataclass(frozen=True)
class FrameClock:
    """The frames of a record.

    Attributes:
        fps: frames a second, on average.
        times_ms: float64 (F,), when each is shown; ``None`` where they are counted by the rate.
    """

    fps: float
    times_ms: np.ndarray | None = None

    def find_frame(self, time_ms: int) -> int:
        """The frame that is shown next to a time.

        Example:
            >>> clock = FrameClock(25.0)
            >>> [clock.find_frame(time) for time in (0, 40, 59, 61)]
            [0, 1, 1, 2]
        """
        if self.times_ms is None or not len(self.times_ms):
            return round(time_ms / 1000 * self.fps)
        after = int(np.searchsorted(self.times_ms, time_ms, side="left"))
        if after == len(self.times_ms):
            return after if time_ms - self.times_ms[-1] > 500 / self.fps else after - 1
        is_before = after > 0 and time_ms - self.times_ms[after - 1] < self.times_ms[after] - time_ms
        return after - 1 if is_before else after

    def count_frames(self, start_ms: int, time_ms: int) -> int:
        """From the frame of one time to that of another; without a look at the file, from the time between them."""
        if self.times_ms is None:
            # In seconds as floats: so the published frames were made, also those between two.
            return round((time_ms - start_ms) / 1000 * self.fps)
        return self.find_frame(time_ms) - self.find_frame(start_ms)

    def find_frames(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """An interval as frames ``[start, end)``; never empty, however short it is."""
        start = self.find_frame(start_ms)
        return start, max(start + 1, self.find_frame(end_ms))


def make_clocks(
    dataset: Dataset, settings: ExportSettings
) -> tuple[dict[str, FrameClock], Dataset, dict[str, list[str]]]:
    """The frames of every record.

    Returns:
        Clocks by record, the dataset of records that have one, and what to say of the others: reason → record ids.

    Raises:
        AnnotationError: frame rates are not known, and records may not be left out; or of no record.
    """
    clocks: dict[str, FrameClock] = {}
    notes: dict[str, list[str]] = {UNCOUNTED: [], COUNTED: []}
    for video in dataset.videos:
        times = settings.frame_times.get(video.id)
        fps = video.fps or _find_rate(times)
        if fps is None:
            notes[UNCOUNTED].append(video.id)
            continue
        clocks[video.id] = FrameClock(fps, times)
        if times is None:
            notes[COUNTED].append(video.id)
    check_left_out(dataset, notes[UNCOUNTED], "frame rate", settings)
    kept = replace(dataset, videos=tuple(video for video in dataset.videos if video.id in clocks))
    return clocks, kept, notes


def check_left_out(dataset: Dataset, ids: list[str], what: str, settings: ExportSettings) -> None:
    """Records without something that a format needs may be left out only where that is allowed, and not all of them.

    Raises:
        AnnotationError: not so.
    """
    if ids and (not settings.allow_loss or len(ids) == len(dataset.videos)):
        remedy = "" if len(ids) == len(dataset.videos) else ", or pass --allow-loss to leave these records out, counted"
        raise AnnotationError(
            f"the format counts frames, but the {what} of {len(ids):,} records is not known, such as of {ids[0]}. Put "
            f"it into records.csv of the dataset's folder (finegym annotations convert --to folder makes one){remedy}."
        )


def _find_rate(times_ms: np.ndarray | None) -> float | None:
    if times_ms is None or len(times_ms) < 2:
        return None
    return float(1000 * (len(times_ms) - 1) / (times_ms[-1] - times_ms[0]))


def find_times_between(dataset: Dataset, clocks: dict[str, FrameClock]) -> list[str]:
    """Ids of actions and sub-actions of which a time lies between two frames: half a frame is lost at most."""
    found = []
    for video in dataset.videos:
        clock = clocks[video.id]
        for action in video.actions:
            id_ = f"{video.id}_{action.name}"
            if _is_between((action.start_ms, action.end_ms), clock):
                found.append(id_)
            for sub in action.sub_actions or ():
                if _is_between([time for stage in sub.stages for time in stage], clock):
                    found.append(f"{id_}_{sub.name}")
    return found


def _is_between(times_ms: tuple[int, ...] | list[int], clock: FrameClock) -> bool:
    return any(abs(_get_time(clock.find_frame(time), clock) - time) >= 1 for time in times_ms)


def _get_time(frame: int, clock: FrameClock) -> float:
    if clock.times_ms is not None and frame < len(clock.times_ms):
        return float(clock.times_ms[frame])
    return frame * 1000 / clock.fps
