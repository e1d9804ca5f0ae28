"""Results out as files, and annotations in from them: the official JSON, a dataset folder, CSV, WebVTT."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy.orm import Session

from finegym.annotations.annotation_json import format_annotation_json
from finegym.annotations.convert import convert_to_csv
from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Dataset
from finegym.annotations.source import Source
from finegym.annotations.webvtt import format_webvtt
from finegym.labelling.results import What, list_accepted_actions, load_results, make_results
from finegym.labelling.spreadsheets import guard_csv
from finegym.labelling.tables.projects import Project

__all__ = ["ExportFormat", "Exported", "export_project", "find_known_routines", "list_accepted_actions"]

ExportFormat = Literal["official", "dataset", "csv", "webvtt"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same work gives the same bytes


@dataclass(frozen=True)
class Exported:
    """A file to hand out, how much is in it, and where what is not in it stands: see ``Results``."""

    name: str
    media_type: str
    content: bytes
    counts: dict[str, int]
    left_out: tuple[str, ...] = ()
    old_labels: tuple[str, ...] = ()


def export_project(session: Session, project: Project, form: ExportFormat, what: What = "accepted") -> Exported:
    """The results of a project as one file.

    ``official`` is the published JSON's shape (events, times, stages); ``dataset`` a zip of a dataset folder, with
    elements, records and codebook; ``csv`` a row a sub-action, for spreadsheets; ``webvtt`` a zip of one file a record.
    Routines that nobody has given an event yet (``latest``), or whose event the codebook lost since, are left out and
    counted; so are elements that it lost.

    Raises:
        AnnotationError: the results do not fit the format.
    """
    results = make_results(session, project, what)
    exported = export_dataset(results.dataset, form)
    counts = {**exported.counts, "left_out": len(results.left_out), "old_labels": len(results.old_labels)}
    return replace(exported, counts=counts, left_out=results.left_out, old_labels=results.old_labels)


def export_dataset(dataset: Dataset, form: ExportFormat) -> Exported:
    """A dataset as one file."""
    counts = {
        "records": len(dataset.videos),
        "actions": sum(len(video.actions) for video in dataset.videos),
        "sub_actions": len(dataset.instances),
        "elements": sum(one.sub_action.element_id is not None for one in dataset.instances.values()),
    }
    if form == "official":
        text = format_annotation_json(dataset.videos, dataset.codebook) + "\n"
        return Exported("annotations.json", "application/json", text.encode(), counts)
    if form == "webvtt":
        files = {f"{video.id}.vtt": format_webvtt(video, dataset.codebook).encode() for video in dataset.videos}
        return Exported("webvtt.zip", "application/zip", _make_zip(files), counts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if form == "csv":
            convert_to_csv(Source(folder, "folder", dataset), folder / "sub_actions.csv")
            text = guard_csv((folder / "sub_actions.csv").read_bytes().decode())
            return Exported("sub_actions.csv", "text/csv", text.encode(), counts)
        write_dataset(dataset, folder / "dataset")
        files = {path.name: path.read_bytes() for path in sorted((folder / "dataset").iterdir()) if path.is_file()}
        return Exported("dataset.zip", "application/zip", _make_zip(files), counts)


def find_known_routines(session: Session, project: Project) -> dict[str, list[tuple[int, int]]]:
    """Times of the routines that a project knows, by record name: for chunks that end between them."""
    return {
        result.record.name: [(state.start_ms, state.end_ms) for state in result.actions]
        for result in load_results(session, project.id, "latest")
        if result.actions
    }


def _make_zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()
