"""Detections timeline by timeline on disk, so that finding them can be stopped and gone on with.

Beside the file that is to be written stands ``FILE.parts/``: ``made-by.json`` says what makes the detections, and each
timeline that is done has a file. When all are done they become the file, and the folder goes.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from finegym.errors import OutputError
from finegym.evaluation.localization.detections import write_detections
from finegym.files import remove_stale, replace_file, write_text
from finegym.localization.localizer import Found
from finegym.localization.timelines import Timeline, Timelines
from finegym.localization.truth import make_detections
from finegym.training.progress import Progress
from finegym.video.store.format import make_key

MADE_BY = "made-by.json"


def find_all(
    timelines: Sequence[Timeline],
    detect: Callable[[Timeline], Found],
    parts: Path,
    made_by: dict[str, Any],
    *,
    show_progress: bool = True,
) -> tuple[list[Found], int]:
    """What is in every timeline; those that an earlier call has done are read.

    Args:
        timelines: to look through.
        detect: finds what is in one.
        parts: folder of what is done.
        made_by: decides what is found; parts of another are not gone on with.
        show_progress: whether a bar is drawn on a terminal.

    Returns:
        What was found, in the order of the timelines, and how many of them had been done before.

    Raises:
        OutputError: the parts cannot be written.
    """
    text = json.dumps(made_by, sort_keys=True, indent=1) + "\n"
    if (parts / MADE_BY).is_file() and (parts / MADE_BY).read_text(encoding="utf-8") != text:
        print(f"{parts}: was begun with another run, checkpoint or video; begun anew", file=sys.stderr, flush=True)
        for path in parts.glob("*.npz"):  # snippets beside them may be what is looked at now
            path.unlink()
    write_text(parts / MADE_BY, text)
    remove_stale(parts)
    found, num_before = [], 0
    with Progress("finding", len(timelines), show=show_progress) as progress:
        for timeline in timelines:
            path = parts / f"{make_key(timeline.timeline_id)}.npz"
            there = _read_part(path, timeline)
            num_before += there is not None
            if there is None:
                there = detect(timeline)
                _write_part(path, timeline, there)
            found.append(there)
            progress.advance(f"{sum(len(each.scores) for each in found)} found")
    return found, num_before


def write_found(out: Path, found: Sequence[Found], timelines: Timelines, external_data: dict[str, Any]) -> None:
    """Write what was found in timelines as ActivityNet's prediction file."""
    write_detections(
        out,
        make_detections(found),
        [timeline.timeline_id for timeline in timelines.timelines],
        [class_.id for class_ in timelines.classes.classes],
        external_data=external_data,
    )


def remove_parts(parts: Path) -> None:
    """Remove the parts, when the file is written."""
    shutil.rmtree(parts, ignore_errors=True)


def get_parts(out: Path) -> Path:
    """Where the parts of a file lie.

    Raises:
        OutputError: something else than a folder is there.
    """
    parts = out.with_name(out.name + ".parts")
    if parts.exists() and not parts.is_dir():
        raise OutputError(f"{parts}: is in the way of the parts of {out}. Move it away.")
    return parts


def _write_part(path: Path, timeline: Timeline, found: Found) -> None:
    buffer = io.BytesIO()
    span = np.array([timeline.start_ms, timeline.end_ms], np.int64)
    np.savez(buffer, span=span, segments_ms=found.segments_ms, class_index=found.class_index, scores=found.scores)
    with replace_file(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _read_part(path: Path, timeline: Timeline) -> Found | None:
    """A part that is there, whole, and of these times."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if arrays["span"].tolist() != [timeline.start_ms, timeline.end_ms]:
                return None
            return Found(arrays["segments_ms"], arrays["class_index"], arrays["scores"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # not there, most of the time
        return None
