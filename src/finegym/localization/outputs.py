"""What may be written over: nothing but a file that finegym has written as the same kind. Asked before work begins."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Literal

from finegym.errors import OutputError
from finegym.evaluation.localization.json_stream import open_text
from finegym.localization.spotter_files import format_spots

_DETECTIONS = re.compile(r'\{"version": "finegym \d+", "external_data": \{')
_NESTED = re.compile(r'\{\s*"format": "finegym-routines/\d+"')
_HEAD_CHARACTERS = 100


def check_detections_path(path: Path) -> None:
    """Whether a file of detections may be written there.

    Raises:
        OutputError: something else is there.
    """
    _check_head(path, _DETECTIONS, "file of detections")


def check_nested_path(path: Path) -> None:
    """Whether a file of actions with their sub-actions may be written there.

    Raises:
        OutputError: something else is there.
    """
    _check_head(path, _NESTED, "file of nested actions")


def check_spots_path(path: Path, mark: Literal["score", "comment"]) -> None:
    """Whether a file of events may be written there.

    Published labels have our layout, so a file has to be ours to the byte.

    Args:
        path: where to.
        mark: what every event has: ``score`` where events were found, ``comment`` where they are true.

    Raises:
        OutputError: something else is there.
    """
    if path.exists() and not _is_spots(path, mark):
        raise _refuse(path, f"file of {'found' if mark == 'score' else 'true'} events")


def _check_head(path: Path, head: re.Pattern[str], kind: str) -> None:
    if not path.exists():
        return
    try:
        with open_text(path) as file:
            is_ours = head.match(file.read(_HEAD_CHARACTERS)) is not None
    except (OSError, ValueError, EOFError, zlib.error):  # a folder, no text, a damaged .gz
        is_ours = False
    if not is_ours:
        raise _refuse(path, kind)


def _is_spots(path: Path, mark: str) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
        spots = json.loads(text)
        return text == format_spots(spots) and all(mark in event for entry in spots for event in entry["events"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _refuse(path: Path, kind: str) -> OutputError:
    return OutputError(f"{path}: is there already and no {kind} of finegym's. Move it away, or give another path.")
