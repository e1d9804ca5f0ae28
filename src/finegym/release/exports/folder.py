"""From a release, a dataset folder or official files to one format, with a look at the records where frames count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from finegym.annotations.convert import move_paths, require_new
from finegym.annotations.folder import is_dataset_folder
from finegym.annotations.model import Dataset
from finegym.annotations.splits import Split
from finegym.errors import VideoError
from finegym.files import new_folder
from finegym.release.exports.exported import Exported, ExportSettings
from finegym.release.exports.write import EXPORTS, FRAME_FORMATS, check_labels
from finegym.release.read import read_release
from finegym.release.source import open_release_source


@dataclass(frozen=True)
class Opened:
    """What is to be exported.

    Attributes:
        dataset: as it stands in the folder.
        splits: in it.
        is_simulated: nobody filmed it.
    """

    dataset: Dataset
    splits: tuple[Split, ...]
    is_simulated: bool


def open_folder(folder: Path) -> Opened:
    """Read a release, a dataset folder or official FineGym files.

    Raises:
        AnnotationError: it is none of these, or cannot be read.
        ReleaseError: ``release.json`` is damaged.
    """
    if is_dataset_folder(folder):
        released = read_release(folder)
        if released.facts is not None:
            return Opened(released.dataset, released.splits, released.facts.is_simulated)
    source = open_release_source(folder)
    return Opened(source.dataset, source.splits, source.is_simulated)


def export_folder(
    folder: Path,
    out: Path,
    name: str,
    *,
    by_rate: bool = False,
    pad_ms: int = 0,
    allow_loss: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Exported:
    """Write one format into a new folder, all of it or nothing. Paths of media files become relative to it.

    Args:
        folder: a release, a dataset folder or official files.
        out: a folder that is not there, or empty.
        name: of ``EXPORT_FORMATS``.
        by_rate: formats that count frames do it by the frame rate, without a look at the records' files.
        pad_ms: as in ``ExportSettings``; so is the next one.
        allow_loss: likewise.
        say: is told which files could not be looked at.

    Raises:
        AnnotationError: the folder cannot be read, or the format cannot hold a record and it may not be left out.
        OutputError: ``out`` is there already, or cannot be written.
    """
    require_new(out)
    opened = open_folder(folder)
    check_labels(opened.dataset)
    is_counted = name in FRAME_FORMATS and not by_rate
    settings = ExportSettings(
        is_simulated=opened.is_simulated,
        frame_times=read_frame_times(opened.dataset, folder, say) if is_counted else {},
        splits=opened.splits,
        pad_ms=pad_ms,
        allow_loss=allow_loss,
    )
    with new_folder(out) as new:
        exported = EXPORTS[name](move_paths(opened.dataset, folder, out), new, settings)
    return replace(exported, written=tuple(out / path.relative_to(new) for path in exported.written))


def read_frame_times(dataset: Dataset, folder: Path, say: Callable[[str], None]) -> dict[str, np.ndarray]:
    """When every frame of every record is shown, from the files that are there: float64 (F,), ms."""
    from finegym.video.index_cache import read_index

    times: dict[str, np.ndarray] = {}
    for video in dataset.videos:
        path = None if video.path is None else folder / video.path
        if path is None or not path.is_file():
            continue
        try:
            times[video.id] = read_index(path).pts_ms
        except VideoError as error:
            say(f"frames of {video.id} are counted by the frame rate: {error}")
    return times
