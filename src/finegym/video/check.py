"""Whether every frame of a file decodes: the slow look, at everything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finegym.errors import VideoError
from finegym.segments import find_runs
from finegym.video.decoding import find_damaged_frames
from finegym.video.index_cache import read_index


@dataclass(frozen=True)
class FileCheck:
    """What became of decoding a file from end to end.

    Attributes:
        path: the file.
        num_frames: that can be told apart.
        damaged: rows ``(first, stop)`` of frame numbers that do not decode, or are made from one that does not.
        problems: in words, one a line; empty for a sound file.
    """

    path: Path
    num_frames: int
    damaged: tuple[tuple[int, int], ...]
    problems: tuple[str, ...]


def check_file(path: Path) -> FileCheck:
    """Decode a file from end to end; what is wrong with it is told, not raised."""
    try:
        index = read_index(path)
        runs: np.ndarray = find_runs(find_damaged_frames(index))
    except VideoError as error:
        return FileCheck(path, 0, (), (str(error),))
    seconds = index.pts_ms / 1000
    problems = [
        f"{path}: frames {first} to {stop - 1} ({seconds[first]:.3f} to {seconds[stop - 1]:.3f} s) do not decode"
        for first, stop in runs.tolist()
    ]
    if index.damage:
        problems.append(f"{path}: {index.describe_missing(index.num_frames)}")
    return FileCheck(path, index.num_frames, tuple(map(tuple, runs.tolist())), tuple(problems))
