"""A page with the frames beside every cut, and stills of every candidate, for a person to confirm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finegym.annotations.text import format_count
from finegym.report.images import draw_sheet, encode_jpeg
from finegym.report.page import Picture, Prose, Section, Table, write_page
from finegym.video.ingest.cuts import Cut
from finegym.video.ingest.replays import Replay
from finegym.video.ingest.shots import Shots
from finegym.video.ingest.slow_motion import SlowMotion
from finegym.video.reader import VideoReader

_TILE_WIDTH = 226
_OLD, _MIXED, _NEW = (45, 50, 56), (140, 95, 20), (15, 105, 95)
_CUTS_A_PICTURE = 10


def write_shots_page(path: Path, shots: Shots, out: Path, *, most_cuts: int = 300) -> int:
    """Write one self-contained page about the editing of a record.

    Args:
        path: of the record.
        shots: of the record.
        out: the page.
        most_cuts: where a record has more cuts, those with the lowest scores are shown; the page says so.

    Returns:
        The number of cuts shown.

    Raises:
        VideoError: a frame does not decode.
        OutputError: the page cannot be written.
    """
    chosen = sorted(sorted(shots.cuts, key=lambda cut: cut.score)[:most_cuts], key=lambda cut: cut.frame)
    with VideoReader(path) as reader:
        cuts = [
            _show_cuts(reader, chosen[first : first + _CUTS_A_PICTURE])
            for first in range(0, len(chosen), _CUTS_A_PICTURE)
        ]
        replays = [_show_stretch(reader, replay) for replay in shots.replays]
        slow = [_show_stretch(reader, stretch) for stretch in shots.slow_motion]
    shown = "" if len(chosen) == len(shots.cuts) else f" Shown are the {len(chosen)} with the lowest scores."
    advice = (
        "A row a cut: the old shot (grey), what lies between (brown), the new one (green). A score "
        f"of 0.5 is the limit.{shown}"
    )
    sections = [
        Section("Cuts", [Prose(advice), *cuts, _list_cuts(shots.cuts)]),
        Section("Replay candidates", [*replays, _list_replays(shots.replays)]),
        Section("Slow-motion candidates", [*slow, _list_slow_motion(shots.slow_motion)]),
    ]
    gradual = sum(cut.is_gradual for cut in shots.cuts)
    lead = (
        f"{path.name}: {shots.num_frames} frames from {shots.start_ms / 1000:.2f} to {shots.end_ms / 1000:.2f} s; "
        f"{format_count(len(shots.cuts), 'cut')} ({gradual} of them gradual), {len(shots.replays)} replay and "
        f"{len(shots.slow_motion)} slow-motion candidates. Candidates prove nothing: look."
    )
    write_page(out, "Cuts and candidates", sections, lead=lead, footer="made by finegym video shots")
    return len(chosen)


def _show_cuts(reader: VideoReader, cuts: Sequence[Cut]) -> Picture:
    """Five frames a cut, a row each."""
    last = reader.index.num_frames - 1
    numbers, colours = [], []
    for cut in cuts:
        before, after = cut.begin_frame - 1, cut.end_frame
        middle = cut.frame if cut.is_gradual else after
        row = [before - 2, before, middle, after + (0 if cut.is_gradual else 1), after + 3]
        numbers += [min(max(0, number), last) for number in row]
        colours += [_OLD, _OLD, _MIXED if cut.is_gradual else _NEW, _NEW, _NEW]
    frames = reader.read_frames(numbers, short_side=min(160, reader.index.height, reader.index.width))
    labels = [f"frame {number}, {reader.index.pts_ms[number] / 1000:.2f} s" for number in numbers]
    sheet = draw_sheet(list(frames), labels, columns=5, tile_width=_TILE_WIDTH, colours=colours)
    times = ", ".join(f"{cut.time_ms / 1000:.2f} s ({cut.score:.2f})" for cut in cuts)
    return Picture(encode_jpeg(sheet, 75), f"Cuts at {times}", f"Frames beside {len(cuts)} cuts")


def _show_stretch(reader: VideoReader, stretch: Replay | SlowMotion) -> Picture:
    numbers = np.linspace(stretch.start_frame, stretch.end_frame - 1, 5).round().astype(int)
    frames = reader.read_frames(numbers, short_side=min(160, reader.index.height, reader.index.width))
    labels = [f"frame {number}, {reader.index.pts_ms[number] / 1000:.2f} s" for number in numbers]
    sheet = draw_sheet(list(frames), labels, columns=5, tile_width=_TILE_WIDTH)
    caption = (
        f"{stretch.start_ms / 1000:.2f} to {stretch.end_ms / 1000:.2f} s, score {stretch.score:.2f}: "
        f"{', '.join(stretch.reasons)}"
    )
    if isinstance(stretch, Replay) and stretch.original_start_ms is not None and stretch.original_end_ms is not None:
        caption += f" at {stretch.original_start_ms / 1000:.2f} to {stretch.original_end_ms / 1000:.2f} s"
    return Picture(encode_jpeg(sheet, 75), caption, f"Frames of {caption}")


def _list_cuts(cuts: Sequence[Cut]) -> Table:
    rows = [[*row.values()] for row in map(describe_cut, cuts)]
    return Table(["frame", "seconds", "kind", "first mixed", "first new", "score"], rows, "All cuts")


def _list_replays(replays: Sequence[Replay]) -> Table:
    rows = [
        [f"{r.start_ms / 1000:.2f}", f"{r.end_ms / 1000:.2f}", f"{r.score:.2f}", ", ".join(r.reasons), r.speed or ""]
        for r in replays
    ]
    return Table(["from, s", "to, s", "score", "reasons", "speed"], rows, "All replay candidates")


def _list_slow_motion(stretches: Sequence[SlowMotion]) -> Table:
    rows = [
        [f"{s.start_ms / 1000:.2f}", f"{s.end_ms / 1000:.2f}", f"{s.score:.2f}", ", ".join(s.reasons), s.speed]
        for s in stretches
    ]
    return Table(["from, s", "to, s", "score", "reasons", "speed"], rows, "All slow-motion candidates")


def describe_cut(cut: Cut) -> dict[str, object]:
    """A cut as the cells of a table."""
    return {
        "frame": cut.frame,
        "seconds": f"{cut.time_ms / 1000:.3f}",
        "kind": "gradual" if cut.is_gradual else "cut",
        "first_mixed": cut.begin_frame if cut.is_gradual else "",
        "first_new": cut.end_frame,
        "score": f"{cut.score:.2f}",
    }
