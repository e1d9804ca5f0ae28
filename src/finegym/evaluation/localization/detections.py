"""Segments with labels: what is true, and what a model says, as columns; and the files that both come from.

The files are ActivityNet's: ``{"version", "taxonomy", "database": {video: {"subset", "duration", "annotations":
[{"segment": [start, end], "label"}]}}}`` and ``{"version", "results": {video: [{"label", "score", "segment"}]},
"external_data"}``, seconds on the video's clock. A *video* is whatever has a timeline of its own: a whole record in
the task ``actions``, one action in the task ``sub-actions``. Keys of ours stand beside the official ones, whose readers
pass over them: ``ignored`` (segments that the labels do not cover) and ``record`` (what a video was cut from) of a
video, and ``simulated`` of the file.
"""

from __future__ import annotations

import gzip
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finegym.errors import AnnotationError, join_problems
from finegym.evaluation.localization.json_stream import open_text
from finegym.evaluation.localization.problems import Problem
from finegym.files import replace_file

VERSION = "finegym 1"
_ACTION_ID = re.compile(r"^(?P<record>.+)_E_\d{6}_\d{6}$")


@dataclass(frozen=True)
class Truth:
    """What there is to find in the videos of one subset.

    Attributes:
        video_ids: V, in the order of the file; also those without a segment.
        record_ids: V, the record that each video was cut from, or the video itself.
        durations_s: float64 (V,), NaN where not known.
        classes: K labels that have a segment in the subset, in the order of the taxonomy, others as they appear.
        video_index: int64 (N,), into ``video_ids``.
        segments_s: float64 (N, 2), rows ``[start, end)``, end > start.
        class_index: int64 (N,), into ``classes``.
        ignored_video_index: int64 (I,).
        ignored_segments_s: float64 (I, 2): predictions in them are neither right nor wrong.
        subset: which one.
        other_videos: videos of the file that are in other subsets.
        other_labels: labels of the file that no segment of the subset has; they are in no mean.
        names: of labels, from the taxonomy.
        parents: of labels, likewise; ``None`` for those at the top.
        aliases: labels that predictions may have in place of a class, where labels were lifted (``levels.lift_truth``).
        is_simulated: the file says that nobody filmed its records.
    """

    video_ids: tuple[str, ...]
    record_ids: tuple[str, ...]
    durations_s: np.ndarray
    classes: tuple[str, ...]
    video_index: np.ndarray
    segments_s: np.ndarray
    class_index: np.ndarray
    ignored_video_index: np.ndarray
    ignored_segments_s: np.ndarray
    subset: str = "all"
    other_videos: frozenset[str] = frozenset()
    other_labels: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str | None] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    is_simulated: bool = False

    @property
    def num_past_end(self) -> int:
        """Segments that leave their video; FineGym has 74 sub-actions that end after their action."""
        ends = self.segments_s[:, 1] > self.durations_s[self.video_index] + SLACK_S
        return int((ends | (self.segments_s[:, 0] < 0)).sum())


SLACK_S = 0.0005
"""Files round to milliseconds: a segment that ends half of one after its video does not leave it."""


@dataclass(frozen=True)
class Detections:
    """What a model says, in the order of the file.

    Attributes:
        video_index: int64 (N,), into ``Truth.video_ids``; -1 for videos of which nothing is true.
        segments_s: float64 (N, 2), rows ``[start, end)``.
        class_index: int64 (N,), into ``Truth.classes``.
        scores: float64 (N,), greater is surer.
        num_read: rows of the file.
        num_other_labels: rows with a label that the subset has no segment of, left out: they are in no mean.
        num_missing_videos: videos of the subset that the file does not name.
        problems: what did not fit, and what became of it.
    """

    video_index: np.ndarray
    segments_s: np.ndarray
    class_index: np.ndarray
    scores: np.ndarray
    num_read: int = 0
    num_other_labels: int = 0
    num_missing_videos: int = 0
    problems: tuple[Problem, ...] = ()


def read_truth(path: Path, subset: str | None) -> Truth:
    """Read one subset of an ActivityNet annotation file (``.gz`` is unpacked).

    Args:
        path: the file, as ``finegym annotations convert --to activitynet`` writes it.
        subset: ``training``, ``validation``, …; ``None`` takes every video.

    Raises:
        AnnotationError: the file is none, has no such subset, or segments are reversed, empty or no numbers; all are
            counted and the first ones named.
    """
    return make_truth(_read_content(path), subset, str(path))


def make_truth(content: Mapping[str, Any], subset: str | None, where: str) -> Truth:
    """One subset of what an annotation file holds.

    Args:
        content: with ``database``, and a ``taxonomy`` if there is one.
        subset: as for ``read_truth``.
        where: it comes from, for messages.

    Raises:
        AnnotationError: as ``read_truth``.
    """
    database: dict[str, dict[str, Any]] = content["database"]
    taxonomy = content.get("taxonomy")
    nodes = [
        node for node in (taxonomy if isinstance(taxonomy, list) else ()) if isinstance(node, dict) and "nodeId" in node
    ]
    names = {str(node["nodeId"]): str(node.get("nodeName", "")) for node in nodes}
    present = {str(entry.get("subset")) for entry in database.values()}
    if subset is not None and subset not in present:
        raise AnnotationError(
            f"{where}: no video is in subset {subset!r}; the file has {', '.join(sorted(present)) or 'no videos'}. "
            "Choose one with --split."
        )
    chosen = {id_: entry for id_, entry in database.items() if subset is None or entry.get("subset") == subset}
    rows, ignored = _collect(where, chosen)
    seen = dict.fromkeys(label for _, _, label in rows)
    classes = (*[label for label in names if label in seen], *[label for label in seen if label not in names])
    index_of = {label: index for index, label in enumerate(classes)}
    labels = {
        str(item["label"])
        for entry in database.values()
        for item in entry.get("annotations") or ()
        if isinstance(item, dict) and "label" in item
    } | set(names)
    return Truth(
        video_ids=tuple(chosen),
        record_ids=tuple(str(entry.get("record") or get_record(id_)) for id_, entry in chosen.items()),
        durations_s=np.array([to_float(entry.get("duration")) for entry in chosen.values()], np.float64),
        classes=classes,
        video_index=np.array([video for video, _, _ in rows], np.int64),
        segments_s=np.array([segment for _, segment, _ in rows], np.float64).reshape(-1, 2),
        class_index=np.array([index_of[label] for _, _, label in rows], np.int64),
        ignored_video_index=np.array([video for video, _, _ in ignored], np.int64),
        ignored_segments_s=np.array([segment for _, segment, _ in ignored], np.float64).reshape(-1, 2),
        subset=subset or "all",
        other_videos=frozenset(database.keys() - chosen.keys()),
        other_labels=frozenset(labels - seen.keys()),
        names=names,
        parents={str(node["nodeId"]): _get_parent(node) for node in nodes},
        is_simulated=content.get("simulated") is True,
    )


def write_detections(
    path: Path,
    detections: Detections,
    video_ids: Sequence[str],
    classes: Sequence[str],
    *,
    external_data: Mapping[str, Any] | None = None,
) -> None:
    """Write ActivityNet's prediction file, whole or not at all; ``.gz`` is packed.

    Every video is named, also those without a detection: a reader can tell "nothing found" from "not looked at". Times
    keep four decimals, scores all of theirs.

    Args:
        path: where to.
        detections: rows; ``video_index`` into ``video_ids``, ``class_index`` into ``classes``.
        video_ids: all videos that were looked at.
        classes: labels.
        external_data: what made them: run, checkpoint, settings.
    """
    order = np.argsort(detections.video_index, kind="stable")
    bounds = np.searchsorted(detections.video_index[order], np.arange(len(video_ids) + 1))
    labels = [json.dumps(label, ensure_ascii=False) for label in classes]
    with replace_file(path) as temporary:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(temporary, "wt", encoding="utf-8") as file:
            head = json.dumps({"version": VERSION, "external_data": dict(external_data or {})}, ensure_ascii=False)
            file.write(head[:-1] + ', "results": {')
            for video, video_id in enumerate(video_ids):
                rows = order[bounds[video] : bounds[video + 1]]
                segments = detections.segments_s[rows].round(4).tolist()
                scores, indices = detections.scores[rows].tolist(), detections.class_index[rows].tolist()
                body = ",\n".join(
                    f'{{"label": {labels[index]}, "score": {score!r}, "segment": [{start!r}, {end!r}]}}'
                    for index, score, (start, end) in zip(indices, scores, segments, strict=True)
                )
                comma = "," if video else ""
                file.write(f"{comma}\n{json.dumps(video_id, ensure_ascii=False)}: [{body}]")
            file.write("\n}}\n")


def _read_content(path: Path) -> dict[str, Any]:
    try:
        with open_text(path) as file:
            content = json.load(file)
    except (OSError, ValueError, EOFError, RecursionError) as error:
        raise AnnotationError(f"{path}: cannot be read as ActivityNet's annotation JSON: {error}") from error
    database = content.get("database") if isinstance(content, dict) else None
    if not isinstance(database, dict) or not all(map(_is_entry, database.values())):
        raise AnnotationError(
            f"{path}: has no 'database' of videos with lists of annotations. Give ActivityNet's layout, as `finegym "
            "annotations convert --to activitynet` writes it."
        )
    return dict(content)


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key) or [], list) for key in ("annotations", "ignored"))


def _collect(where: str, database: Mapping[str, Mapping[str, Any]]) -> tuple[list[Row], list[Row]]:
    """Segments and ignored segments, as rows of video index, segment and label."""
    problems: list[str] = []
    rows: list[Row] = []
    ignored: list[Row] = []
    for video, (id_, entry) in enumerate(database.items()):
        for target, key in ((rows, "annotations"), (ignored, "ignored")):
            for number, item in enumerate(entry.get(key) or ()):
                segment = _parse_segment(item)
                if segment is None or (key == "annotations" and not isinstance(item.get("label"), str)):
                    problems.append(f"{id_}, {key} {number}: {item}")
                else:
                    target.append((video, segment, str(item.get("label", ""))))
    if problems:
        raise AnnotationError(
            f"{where}: {len(problems)} segments are no label with [start, end], end after start: "
            f"{join_problems(problems)}. Correct the file."
        )
    return rows, ignored


Row = tuple[int, tuple[float, float], str]


def _parse_segment(item: Any) -> tuple[float, float] | None:
    segment: Iterable[Any] = item.get("segment", ()) if isinstance(item, dict) else ()
    try:
        start, end = (float(edge) for edge in segment)
    except (TypeError, ValueError, OverflowError):
        return None
    return (start, end) if math.isfinite(start) and math.isfinite(end) and end > start else None


def get_record(video_id: str) -> str:
    """The record of an action's id; other ids stand for themselves."""
    match = _ACTION_ID.match(video_id)
    return match["record"] if match else video_id


def _get_parent(node: Mapping[str, Any]) -> str | None:
    parent = node.get("parentId")
    return None if parent is None else str(parent)


def to_float(value: Any) -> float:
    """A number as it is, everything else NaN."""
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else math.nan
