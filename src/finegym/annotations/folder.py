"""A dataset folder: codebook, annotations and what else is known of records and actions, in plain files.

=================  ====================================================================================================
codebook.yaml      what can happen
annotations.json   the official FineGym shape: events, times, stages
elements.txt       ``instance_id element_id`` a line, for sub-actions whose element is known
sets.txt           ``instance_id set_id`` a line, for sub-actions of which only the set is known; absent if none are
records.csv        video_id, path, competition, fps, num_frames, width, height; empty where unknown
actions.csv        action_id, athlete; only actions whose athlete is known
splits/<name>/     ``annotations.splits``
=================  ====================================================================================================

Paths in ``records.csv`` are relative to the folder. Two roads lead to nothing half-written: all texts are made before
the first file is touched, and all are written under temporary names before the first is renamed.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from finegym.annotations.annotation_json import format_annotation_json, read_annotation_json
from finegym.annotations.lists import format_checked_list, make_list, read_id_list
from finegym.annotations.model import Dataset, Video
from finegym.codebook.model import Codebook
from finegym.codebook.yaml_format import read_codebook, write_codebook
from finegym.errors import AnnotationError, CodebookError, FineGymError, join_problems
from finegym.files import replace_file

CODEBOOK_FILE = "codebook.yaml"
ANNOTATIONS_FILE = "annotations.json"
ELEMENTS_FILE = "elements.txt"
SETS_FILE = "sets.txt"
RECORDS_FILE = "records.csv"
ACTIONS_FILE = "actions.csv"

RECORD_COLUMNS = ("video_id", "path", "competition", "fps", "num_frames", "width", "height")
ACTION_COLUMNS = ("action_id", "athlete")

_LINE_END = re.compile(r"[\r\n\0]")


def is_dataset_folder(folder: Path) -> bool:
    """Whether a folder looks like a dataset folder: it holds codebook and annotations."""
    return (Path(folder) / CODEBOOK_FILE).is_file() and (Path(folder) / ANNOTATIONS_FILE).is_file()


def read_dataset(folder: Path) -> Dataset:
    """Read a dataset folder.

    ``elements.txt``, ``sets.txt``, ``records.csv`` and ``actions.csv`` may be missing: then nothing of what they say is
    known. A ``records.csv`` that is there has a row for every record.

    Raises:
        AnnotationError: files are missing or damaged, or contradict each other; the problems of all files are gathered.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise AnnotationError(f"{folder}: expected a dataset folder, but there is none. Check the path.")
    problems: list[str] = []
    codebook = _try_read(lambda: read_codebook(folder / CODEBOOK_FILE), problems)
    element_ids = _read_ids(folder / ELEMENTS_FILE, problems)
    set_ids = _read_ids(folder / SETS_FILE, problems)
    records = _read_table(folder / RECORDS_FILE, RECORD_COLUMNS, problems)
    athletes = _read_table(folder / ACTIONS_FILE, ACTION_COLUMNS, problems)
    videos: tuple[Video, ...] | None = None
    if codebook is not None:
        known = codebook
        videos = _try_read(
            lambda: read_annotation_json(
                folder / ANNOTATIONS_FILE, known, element_ids=element_ids or {}, set_ids=set_ids or {}
            ),
            problems,
        )
    if videos is not None and codebook is not None:
        problems += _check_labels(folder, Dataset(codebook, videos), element_ids or {}, set_ids or {})
        videos = _add_athletes(videos, athletes, folder / ACTIONS_FILE, problems)
        videos = _add_records(videos, records, folder / RECORDS_FILE, problems)
    if problems or videos is None or codebook is None:
        raise AnnotationError(join_problems(problems))
    return Dataset(codebook, videos)


def write_dataset(dataset: Dataset, folder: Path) -> None:
    """Write a dataset folder; files of another dataset that are there are replaced, other files stay.

    A ``codebook.yaml`` that already says the same is left as it is, with its comments. ``splits/`` is not touched.

    Raises:
        AnnotationError: something does not fit into the files (repeated ids, empty texts, elements of no codebook).
        OutputError: a file cannot be written; then none was changed.
    """
    folder = Path(folder)
    texts = _format_files(dataset, folder)
    with ExitStack() as stack:
        if not _holds_codebook(folder / CODEBOOK_FILE, dataset.codebook):
            write_codebook(dataset.codebook, stack.enter_context(replace_file(folder / CODEBOOK_FILE)))
        for name, text in texts.items():
            stack.enter_context(replace_file(folder / name)).write_bytes(text.encode("utf-8"))
    if SETS_FILE not in texts:
        (folder / SETS_FILE).unlink(missing_ok=True)


def _format_files(dataset: Dataset, folder: Path) -> dict[str, str]:
    problems = _find_unwritable(dataset)
    if problems:
        raise AnnotationError(f"{folder}: the dataset cannot be written: {join_problems(problems)}. Correct it first.")
    sub_actions = {id_: instance.sub_action for id_, instance in dataset.instances.items()}
    elements = {id_: sub.element_id for id_, sub in sub_actions.items() if sub.element_id is not None}
    sets = {id_: sub.set_id for id_, sub in sub_actions.items() if sub.element_id is None and sub.set_id is not None}
    texts = {
        ANNOTATIONS_FILE: format_annotation_json(dataset.videos, dataset.codebook) + "\n",
        ELEMENTS_FILE: format_checked_list(make_list(elements), folder / ELEMENTS_FILE),
        RECORDS_FILE: _format_table(
            RECORD_COLUMNS,
            ((v.id, v.path, v.competition, v.fps, v.num_frames, v.width, v.height) for v in dataset.videos),
        ),
        ACTIONS_FILE: _format_table(
            ACTION_COLUMNS,
            ((f"{v.id}_{a.name}", a.athlete) for v in dataset.videos for a in v.actions if a.athlete is not None),
        ),
    }
    if sets:
        texts[SETS_FILE] = format_checked_list(make_list(sets), folder / SETS_FILE)
    return texts


def _find_unwritable(dataset: Dataset) -> list[str]:
    """What the files could not say, or would say differently when read back."""
    codebook, problems = dataset.codebook, []
    for instance in dataset.iterate_instances():
        element_id, set_id = instance.sub_action.element_id, instance.sub_action.set_id
        if element_id is None:
            if set_id is not None and set_id not in codebook.set_by_id:
                problems.append(f"{instance.id}: set {set_id!r} is not in codebook {codebook.name}")
        elif element_id not in codebook.element_by_id:
            problems.append(f"{instance.id}: element {element_id!r} is not in codebook {codebook.name}")
        elif set_id not in (None, codebook.element_by_id[element_id].set_id):
            expected = codebook.element_by_id[element_id].set_id
            problems.append(f"{instance.id}: element {element_id!r} is of set {expected!r}, got set {set_id!r}")
    for video in dataset.videos:
        texts = {"id": video.id, "path": video.path, "competition": video.competition}
        texts |= {f"athlete of {action.name}": action.athlete for action in video.actions}
        problems += [
            f"{video.id!r}: {what} is {text!r}; expected text on one line, or None for unknown"
            for what, text in texts.items()
            if text is not None and (text == "" or _LINE_END.search(text))
        ]
        if video.fps is not None and not (math.isfinite(video.fps) and video.fps > 0):
            problems.append(f"{video.id}: fps is {video.fps}; expected a positive number")
    return problems


def _holds_codebook(path: Path, codebook: Codebook) -> bool:
    if not path.is_file():
        return False
    try:
        there = read_codebook(path)
    except CodebookError:
        return False
    return there == codebook and there.source == codebook.source


def _try_read(read: Callable[[], Any], problems: list[str]) -> Any:
    try:
        return read()
    except FineGymError as error:
        problems.append(str(error))
        return None


def _read_ids(path: Path, problems: list[str]) -> Mapping[str, str] | None:
    listed = _try_read(lambda: read_id_list(path), problems) if path.exists() else None
    return None if listed is None else listed.label_by_id


def _check_labels(
    folder: Path, dataset: Dataset, element_ids: Mapping[str, str], set_ids: Mapping[str, str]
) -> list[str]:
    codebook = dataset.codebook
    annotated = {instance.id for instance in dataset.iterate_instances()}
    problems = []
    for file, labels, known, what in (
        (ELEMENTS_FILE, element_ids, codebook.element_by_id, "element"),
        (SETS_FILE, set_ids, codebook.set_by_id, "set"),
    ):
        for id_, label in labels.items():
            if id_ not in annotated:
                problems.append(
                    f"{folder / file}: {id_} is not in {ANNOTATIONS_FILE}. Correct the id or remove the line"
                )
            if label not in known:
                problems.append(f"{folder / file}: {id_} has {what} {label!r}, which {CODEBOOK_FILE} does not define")
    problems += [
        f"{folder / SETS_FILE}: {id_} is in {ELEMENTS_FILE} too, which already says its set. Remove one line"
        for id_ in set_ids.keys() & element_ids.keys()
    ]
    return problems


def _read_table(path: Path, columns: tuple[str, ...], problems: list[str]) -> dict[str, tuple[int, list[str]]] | None:
    """Rows by their first column, each with its line number; ``None`` where there is no file."""
    if not path.exists():
        return None
    rows: dict[str, tuple[int, list[str]]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if header is None or tuple(header) != columns:
                problems.append(f"{path}: expected the header {','.join(columns)}, got {','.join(header or [])!r}")
                return rows
            for row in reader:
                if len(row) != len(columns):
                    problems.append(f"{path}, line {reader.line_num}: expected {len(columns)} fields, got {len(row)}")
                elif row[0] in rows:
                    problems.append(f"{path}, line {reader.line_num}: {row[0]} is already on line {rows[row[0]][0]}")
                else:
                    rows[row[0]] = (reader.line_num, row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(f"{path}: expected a CSV file in UTF-8, but: {error}")
    return rows


def _format_table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return buffer.getvalue()


def _add_records(
    videos: tuple[Video, ...], records: dict[str, tuple[int, list[str]]] | None, path: Path, problems: list[str]
) -> tuple[Video, ...]:
    if records is None:
        return videos
    known = {video.id for video in videos}
    problems += [
        f"{path}, line {line}: record {id_} is not in {ANNOTATIONS_FILE}"
        for id_, (line, _) in records.items()
        if id_ not in known
    ]
    problems += [
        f"{path}: no row for record {id_} of {ANNOTATIONS_FILE}; its fields may be empty"
        for id_ in sorted(known - records.keys())
    ]
    return tuple(
        replace(video, **_parse_record(*records[video.id], path, problems)) if video.id in records else video
        for video in videos
    )


def _parse_record(line: int, row: list[str], path: Path, problems: list[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {"path": row[1] or None, "competition": row[2] or None}
    for name, text in zip(RECORD_COLUMNS[3:], row[3:], strict=True):
        try:
            value = (float(text) if name == "fps" else int(text)) if text else None
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError
        except ValueError:
            problems.append(f"{path}, line {line}: {name}: expected a positive number or nothing, got {text!r}")
            value = None
        facts[name] = value
    return facts


def _add_athletes(
    videos: tuple[Video, ...], athletes: dict[str, tuple[int, list[str]]] | None, path: Path, problems: list[str]
) -> tuple[Video, ...]:
    if not athletes:
        return videos
    known = {f"{video.id}_{action.name}" for video in videos for action in video.actions}
    problems += [
        f"{path}, line {line}: action {id_} is not in {ANNOTATIONS_FILE}"
        for id_, (line, _) in athletes.items()
        if id_ not in known
    ]
    return tuple(
        replace(
            video,
            actions=tuple(
                replace(action, athlete=athletes[id_][1][1] or None)
                if (id_ := f"{video.id}_{action.name}") in athletes
                else action
                for action in video.actions
            ),
        )
        for video in videos
    )
