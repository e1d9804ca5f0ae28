"""Figure 5: what a person detector, a pose model and optical flow make of a vault, and how poses fail where it is fast.

The picture is of one vault; the table counts all frames of all clips by how fast the gymnast moves. True speeds and the
truth of poses are known of a simulation only; there a pose is right where most of its joints are near the true ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Dataset, Instance
from finegym.evaluation.estimates import Estimate, estimate_contrast, estimate_share, resample_groups
from finegym.features.pose.poses import FOUND
from finegym.features.pose.quality import FrameQuality, iterate_frames
from finegym.features.pose.store import PoseStore
from finegym.studies.broadcast import MODEL, describe_lack, find_broadcast, find_pose_store
from finegym.studies.cells import make_cell
from finegym.studies.results import Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, Study
from finegym.studies.tables import Cell, Column, Row, Table, make_count

EVENT, NUM_FRAMES, TILE_WIDTH = "VT", 8, 220
SPEEDS = ((0.0, 1.0), (1.0, 2.0), (2.0, float("inf")))  # body lengths a second
SLOW, FAST = SPEEDS[0], SPEEDS[-1]
COLUMNS = (
    Column("frames", "frames", "", 0),
    Column("missing", "no pose found"),
    Column("pck", "joints right, of found poses"),
)
TITLE = "Figure 5: detection, pose and flow where motion is fast"


def make(results: Results) -> Outcome:
    """Draw a vault, and count what the pose model found."""
    folder = find_broadcast(results.folder, results.size.is_simulated)
    figure = None if describe_lack(folder) else _draw(read_dataset(folder), folder)
    return Outcome((make_table(results),), () if figure is None else (figure,))


def make_table(results: Results) -> Table:
    """Frames without a pose, and poses that are right, by how fast she is."""
    folder = find_broadcast(results.folder, results.size.is_simulated)
    lack = describe_lack(folder)
    notes = [*_describe_data(results.size), f"poses are {MODEL}'s", "intervals are over records"]
    if lack:
        rows = tuple(Row(name, (name,), {"missing": Cell(None, why_empty=lack)}) for name in map(_name, SPEEDS))
        return Table("fig5", TITLE, ("speed of the gymnast",), COLUMNS, rows, (*notes, lack))
    frames, records = collect_frames(folder, results.size.is_simulated)
    rows = tuple(Row(_name(speed), (_name(speed),), _make_cells(frames, records, speed)) for speed in SPEEDS)
    return Table("fig5", TITLE, ("speed of the gymnast",), COLUMNS, rows, tuple(notes))


def estimate_fast_and_slow(results: Results) -> tuple[Estimate, int] | None:
    """How much more often a pose is missing in fast frames than in slow ones, and of how many frames that is."""
    folder = find_broadcast(results.folder, results.size.is_simulated)
    if describe_lack(folder):
        return None
    frames, records = collect_frames(folder, results.size.is_simulated)
    is_missing = (frames.status != FOUND)[None]
    fast, slow = (_select(frames, speed) for speed in (FAST, SLOW))
    if not fast.any() or not slow.any():
        return None
    return estimate_contrast(is_missing, fast, slow, resample_groups(records)), int((fast | slow).sum())


def collect_frames(folder: Path, is_simulated: bool) -> tuple[FrameQuality, list[str]]:
    """Every frame of all clips, and the record of each."""
    parts: list[FrameQuality] = []
    records: list[str] = []
    for facts, frames in iterate_frames(PoseStore(find_pose_store(folder)), folder if is_simulated else None):
        parts.append(frames)
        records += [facts.video_id] * len(frames.status)
    joined = (np.concatenate([getattr(part, key) for part in parts]) for key in FrameQuality.__annotations__)
    return FrameQuality(*joined), records


def _describe_data(size: Size) -> list[str]:
    if size.broadcast is not None:
        picture = "x".join(map(str, size.broadcast.picture_size))
        return [f"SIMULATED, in the size of a broadcast: {picture}", "speeds are true ones, in body lengths a second"]
    return [
        "speeds, in body lengths a second, are those of the found poses: frames without one count as their neighbours"
    ]


def _select(frames: FrameQuality, speed: tuple[float, float]) -> np.ndarray:
    chosen: np.ndarray = (frames.speed >= speed[0]) & (frames.speed < speed[1])
    return chosen


def _name(speed: tuple[float, float]) -> str:
    low, high = speed
    return f"{low:g} to {high:g} lengths/s" if np.isfinite(high) else f"{low:g} lengths/s and more"


def _make_cells(frames: FrameQuality, records: list[str], speed: tuple[float, float]) -> dict[str, Cell]:
    chosen = _select(frames, speed)
    cells = {"frames": make_count(int(chosen.sum()))}
    for column, values, kept in (
        ("missing", frames.status != FOUND, chosen),
        ("pck", frames.pck, chosen & (frames.status == FOUND) & np.isfinite(frames.pck)),
    ):
        if kept.any():
            groups = resample_groups([records[place] for place in np.flatnonzero(kept).tolist()])
            cells[column] = make_cell(estimate_share(values[kept][None], groups), int(kept.sum()))
    return cells


def _draw(dataset: Dataset, folder: Path) -> Figure | None:
    """The vault in the middle of the dataset's order, of those whose record is there."""
    from finegym.features.pose.figure5 import draw_figure5  # with OpenCV and Numba, which planning does not need
    from finegym.report.images import encode_jpeg

    vaults = list(_iterate_vaults(dataset, folder))
    if not vaults:
        return None
    instance = vaults[len(vaults) // 2]
    assert instance.video.path is not None
    part = instance.sub_action
    sheet, counts = draw_figure5(
        folder / instance.video.path,
        start_ms=part.start_ms,
        end_ms=part.end_ms,
        num_frames=NUM_FRAMES,
        tile_width=TILE_WIDTH,
        is_upright=True,
    )
    to_see = (
        "Time runs down. Left: persons that the detector finds in the whole frame; middle: the pose; right: optical "
        f"flow. Red is where one fails: of {counts['frames']} frames {counts['detection']} have a detection and "
        f"{counts['pose']} a pose. Flow needs neither: it shows the pan of the camera, and her against it."
    )
    return Figure("fig5", TITLE, to_see, encode_jpeg(sheet), "jpg")


def _iterate_vaults(dataset: Dataset, folder: Path) -> Iterator[Instance]:
    for instance in dataset.instances.values():
        if instance.action.event_id == EVENT and instance.video.path and (folder / instance.video.path).is_file():
            yield instance


STUDY = Study("fig5", TITLE, ("found-poses",), lambda size: (), make)
