"""Reading the files that annotations are imported from."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from finegym.annotations.annotation_json import read_annotation_json
from finegym.annotations.convert import INSTANCE_COLUMNS
from finegym.annotations.folder import read_dataset
from finegym.annotations.model import Action, SubAction, Video
from finegym.annotations.webvtt import parse_webvtt
from finegym.codebook.model import Codebook
from finegym.errors import AnnotationError
from finegym.labelling.spreadsheets import unguard_cell

ImportFormat = Literal["official", "dataset", "csv", "webvtt"]
_MAX_UNPACKED = 512 * 2**20
_DATASET_FILES = ("codebook.yaml", "annotations.json", "elements.txt", "sets.txt", "records.csv", "actions.csv")


def read_videos(content: bytes, form: ImportFormat, codebook: Codebook, record: str | None) -> tuple[Video, ...]:
    """The records in a file.

    Args:
        content: of the file.
        form: its format; ``dataset`` is a zip as exports make it, ``webvtt`` one file or a zip of one a record.
        codebook: of the project.
        record: which record a single WebVTT file is about.

    Raises:
        AnnotationError: the file is not of the format, or contradicts itself or the codebook.
    """
    if form == "csv":
        return _parse_csv(_decode(content), codebook)
    if form == "webvtt":
        return _read_webvtt(content, codebook, record)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if form == "official":
            (folder / "annotations.json").write_bytes(content)
            try:
                return read_annotation_json(folder / "annotations.json", codebook)
            except AnnotationError as error:
                raise AnnotationError(str(error).replace(f"{folder}/", "")) from error
        for file, data in _unzip(content).items():
            if file in _DATASET_FILES:
                (folder / file).write_bytes(data)
        try:
            return read_dataset(folder).videos
        except AnnotationError as error:
            raise AnnotationError(str(error).replace(f"{folder}/", "")) from error


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnnotationError(f"expected UTF-8 text, got other bytes at offset {error.start}") from error


def _unzip(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(one.file_size for one in archive.infolist()) > _MAX_UNPACKED:
                raise AnnotationError(f"the zip unpacks to more than {_MAX_UNPACKED // 2**20} MB")
            # Names only pick what is known; nothing is ever written where a name in the archive says.
            return {one.filename: archive.read(one) for one in archive.infolist() if not one.is_dir()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise AnnotationError(f"expected a zip file: {error}") from error


def _read_webvtt(content: bytes, codebook: Codebook, record: str | None) -> tuple[Video, ...]:
    if not content.startswith(b"PK"):
        if record is None:
            raise AnnotationError("a single WebVTT file does not say which record it is about: name it (record=…)")
        return (parse_webvtt(_decode(content), record, codebook),)
    files = {name: data for name, data in _unzip(content).items() if name.endswith(".vtt")}
    return tuple(_read_one_webvtt(name, data, codebook) for name, data in files.items())


def _read_one_webvtt(name: str, content: bytes, codebook: Codebook) -> Video:
    try:
        return parse_webvtt(_decode(content), Path(name).stem, codebook)
    except AnnotationError as error:
        raise AnnotationError(f"{name}: {error}") from error


def _parse_csv(text: str, codebook: Codebook) -> tuple[Video, ...]:
    rows = csv.DictReader(io.StringIO(text))
    missing = set(INSTANCE_COLUMNS[:-2]) - set(rows.fieldnames or ())
    if missing:
        raise AnnotationError(f"line 1: columns {', '.join(sorted(missing))} are missing")
    actions: dict[str, dict[str, Action]] = {}
    subs: dict[tuple[str, str], list[SubAction]] = {}
    try:
        for guarded in rows:
            row = {name: unguard_cell(cell) if isinstance(cell, str) else cell for name, cell in guarded.items()}
            _parse_row(row, rows.line_num, codebook, actions, subs)
    except csv.Error as error:
        raise AnnotationError(f"line {rows.line_num}: {error}") from error
    return tuple(
        Video(
            video_id,
            tuple(replace(one, sub_actions=tuple(subs[video_id, one.name]) or None) for one in found.values()),
        )
        for video_id, found in actions.items()
    )


def _parse_row(
    row: dict[str, str],
    line: int,
    codebook: Codebook,
    actions: dict[str, dict[str, Action]],
    subs: dict[tuple[str, str], list[SubAction]],
) -> None:
    video_id, action_id, event_id = row["video_id"], row["action_id"], row["event_id"]
    found = actions.setdefault(video_id, {})
    if not action_id:
        return
    if not action_id.startswith(f"{video_id}_") or event_id not in codebook.event_by_id:
        raise AnnotationError(f"line {line}: action {action_id} of {video_id} with event {event_id} does not fit")
    name = action_id.removeprefix(f"{video_id}_")
    try:
        found.setdefault(name, Action(name, event_id, int(row["action_start_ms"]), int(row["action_end_ms"])))
        sub_list = subs.setdefault((video_id, name), [])
        if not row["instance_id"]:
            return
        stages = _parse_stages(row["stages_ms"])
    except (ValueError, TypeError) as error:
        raise AnnotationError(f"line {line}: times must be whole milliseconds ({error})") from error
    _check_labels(row, line, codebook)
    sub_name = row["instance_id"].removeprefix(f"{action_id}_")
    sub_list.append(SubAction(sub_name, stages, row["element_id"] or None, row["set_id"] or None))


def _parse_stages(text: str) -> tuple[tuple[int, int], ...]:
    stages = []
    for part in text.split():
        start, end = part.rsplit("-", 1)
        stages.append((int(start), int(end)))
    if not stages or any(end <= start for start, end in stages):
        raise ValueError(f"stages_ms {text!r}")
    return tuple(stages)


def _check_labels(row: dict[str, str], line: int, codebook: Codebook) -> None:
    labels: Sequence[tuple[str, object]] = (("set_id", codebook.set_by_id), ("element_id", codebook.element_by_id))
    for column, known in labels:
        if row[column] and row[column] not in known:  # type: ignore[operator]
            raise AnnotationError(f"line {line}: {column} {row[column]} is not in codebook {codebook.name}")
