"""The formats that a release is also written in, and the one call that writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from finegym.annotations.model import Dataset
from finegym.errors import AnnotationError, join_problems
from finegym.release.exports.activitynet import export_activitynet
from finegym.release.exports.coco import export_coco
from finegym.release.exports.cvat import export_cvat
from finegym.release.exports.elan import export_elan
from finegym.release.exports.exported import Exported, ExportSettings
from finegym.release.exports.label_studio import export_label_studio
from finegym.release.exports.parquet import export_parquet
from finegym.release.exports.spotting import export_spotting
from finegym.release.exports.via import export_via
from finegym.release.exports.webvtt import export_webvtt

EXPORTS: dict[str, Callable[[Dataset, Path, ExportSettings], Exported]] = {
    "activitynet": export_activitynet,
    "coco": export_coco,
    "parquet": export_parquet,
    "elan": export_elan,
    "cvat": export_cvat,
    "label-studio": export_label_studio,
    "via": export_via,
    "webvtt": export_webvtt,
    "spotting": export_spotting,
}
EXPORT_FORMATS = tuple(EXPORTS)
FRAME_FORMATS = ("cvat", "label-studio", "spotting")
"""Formats that count frames: they need the frame rates of records."""


def write_exports(
    dataset: Dataset, folder: Path, formats: Sequence[str] | None = None, settings: ExportSettings | None = None
) -> dict[str, Exported]:
    """Write a dataset in other tools' formats, each into a folder of its name. The same dataset gives the same bytes.

    Args:
        dataset: what to write.
        folder: to write into; files that are there are replaced.
        formats: of ``EXPORT_FORMATS``. By default all; of those that count frames nothing is written, and that is said,
            where they are not known of any record.
        settings: see there.

    Returns:
        What was written, and what was not, by format.

    Raises:
        AnnotationError: a label is not in the codebook, an id occurs twice, or a format cannot hold a record at all and
            leaving it out is not allowed.
        OutputError: a file cannot be written.
    """
    settings = settings or ExportSettings()
    check_labels(dataset)
    done: dict[str, Exported] = {}
    for name in EXPORT_FORMATS if formats is None else formats:
        if formats is None and name in FRAME_FORMATS and not _has_frames(dataset, settings):
            done[name] = Exported((), {}, ("everything: frame rate, length and picture size of no record are known",))
        else:
            done[name] = EXPORTS[name](dataset, folder / name, settings)
    return done


def _has_frames(dataset: Dataset, settings: ExportSettings) -> bool:
    return any(
        (video.fps or video.id in settings.frame_times) and video.width and video.height and video.num_frames
        for video in dataset.videos
    )


def check_labels(dataset: Dataset) -> None:
    """Events, sets and elements are in the codebook, sets are those of their elements, and ids are unique.

    Raises:
        AnnotationError: not so; every problem is named.
    """
    codebook, problems = dataset.codebook, []
    for video in dataset.videos:
        problems += [
            f"{video.id}_{action.name}: event {action.event_id!r} is not in codebook {codebook.name}"
            for action in video.actions
            if action.event_id not in codebook.event_by_id
        ]
    for id_, instance in dataset.instances.items():
        sub = instance.sub_action
        element = codebook.element_by_id.get(sub.element_id or "")
        if sub.element_id is not None and element is None:
            problems.append(f"{id_}: element {sub.element_id!r} is not in codebook {codebook.name}")
        elif element is not None and sub.set_id not in (None, element.set_id):
            problems.append(f"{id_}: element {element.id!r} is of set {element.set_id!r}, got set {sub.set_id!r}")
        elif sub.set_id is not None and sub.set_id not in codebook.set_by_id:
            problems.append(f"{id_}: set {sub.set_id!r} is not in codebook {codebook.name}")
    if problems:
        raise AnnotationError(f"the dataset contradicts its codebook: {join_problems(problems)}. Correct it first.")
