"""WebVTT, a file a record: subtitles that every player shows. The format is that of ``annotations.webvtt``."""

from __future__ import annotations

from pathlib import Path

from finegym.annotations.model import Dataset
from finegym.annotations.webvtt import format_webvtt
from finegym.files import write_text
from finegym.release.exports.exported import Exported, ExportSettings, list_simulated, make_exported, name_files
from finegym.release.exports.facts import UNUSED, Fact, find_unused_labels

CARRIED: frozenset[Fact] = frozenset(
    {
        "records without actions",
        "action names",
        "unlooked",
        "sub-action names",
        "elements",
        "sets",
        "unlabelled",
        "stages",
        "label names",
    }
)


def export_webvtt(dataset: Dataset, folder: Path, settings: ExportSettings) -> Exported:
    """Write every record's actions, sub-actions and stages as cues.

    Raises:
        OutputError: a file cannot be written.
    """
    names = name_files((video.id for video in dataset.videos), ".vtt")
    for video in dataset.videos:
        write_text(folder / names[video.id], format_webvtt(video, dataset.codebook))
    left_out = {UNUSED: find_unused_labels(dataset)} | list_simulated(dataset, settings)
    return make_exported(dataset, [folder / name for name in names.values()], CARRIED, left_out)
