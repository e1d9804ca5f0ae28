"""Videos at a glance: a page with evenly spread frames of each, and what the file holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finegym.annotations.text import format_count
from finegym.errors import VideoError, join_problems
from finegym.report.images import draw_sheet, encode_jpeg
from finegym.report.page import Picture, Prose, Section, write_page
from finegym.video.reader import VideoReader


def write_sheet_page(paths: Sequence[Path], out: Path, *, num_frames: int = 8) -> None:
    """Write one self-contained page about some videos.

    Args:
        paths: the videos.
        out: the page.
        num_frames: frames shown of each, evenly spread; fewer where the video has fewer.

    Raises:
        VideoError: files cannot be read (all of them are named); nothing is written then.
    """
    sections, problems = [], []
    for path in paths:
        try:
            sections.append(_describe(Path(path), num_frames))
        except VideoError as error:
            problems.append(str(error))
    if problems:
        raise VideoError(join_problems(problems))
    lead = (
        f"{format_count(len(sections), 'video')}, {format_count(num_frames, 'frame')} of each; every frame is named by "
        "its number and its time."
    )
    write_page(out, "Videos at a glance", sections, lead=lead, footer="made by finegym video page")


def _describe(path: Path, num_frames: int) -> Section:
    with VideoReader(path) as reader:
        index = reader.index
        if not index.num_frames:
            raise VideoError(f"{path}: no frame decodes. Get the file anew.")
        wanted = np.unique(np.linspace(0, index.num_frames - 1, num_frames).round().astype(int)).tolist()
        frames = reader.read_frames(wanted)
        labels = [f"frame {number}, {index.pts_ms[number] / 1000:.2f} s" for number in wanted]
    seconds = (index.end_ms - index.start_ms) / 1000
    facts = (
        f"{index.codec}, {index.width}x{index.height}, {index.num_frames} frames in {seconds:.2f} s "
        f"({index.fps_average:.4g} a second on average{'' if index.is_constant_rate else ', variable'})"
        + (f"; damaged: {index.damage}" if index.damage else "")
    )
    sheet = draw_sheet(list(frames), labels, columns=4, tile_width=226)
    return Section(path.name, [Prose(facts), Picture(encode_jpeg(sheet), "", f"Frames of {path.name}")])
