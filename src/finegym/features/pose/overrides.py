"""Boxes given by hand: from that time on, track this person.

A CSV file with the columns ``record, time_ms, x0, y0, x1, y1``, or a JSON list of objects with these keys. ``record``
is the record's id; the box is in pixels of the record, half-open.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finegym.errors import ConfigError, join_problems

COLUMNS = ("record", "time_ms", "x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class GivenBox:
    """A person pointed at.

    Attributes:
        record: id of the record.
        time_ms: on the record's clock.
        corners: x0, y0, x1, y1 in pixels, half-open.
    """

    record: str
    time_ms: float
    corners: tuple[float, float, float, float]

    @property
    def box(self) -> np.ndarray:
        """float64 (4,)."""
        return np.array(self.corners)

    @property
    def centre(self) -> np.ndarray:
        """float64 (2,), x and y."""
        x0, y0, x1, y1 = self.corners
        return np.array([(x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2])

    @property
    def length(self) -> float:
        """The longer side."""
        x0, y0, x1, y1 = self.corners
        return max(x1 - x0, y1 - y0)


def read_given_boxes(path: Path) -> tuple[GivenBox, ...]:
    """Read boxes given by hand, in order of records and times.

    Raises:
        ConfigError: the file is missing or no such table; every row that is wrong is named.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = json.loads(text) if path.suffix.lower() == ".json" else list(csv.DictReader(text.splitlines()))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}. Give a CSV or JSON file of boxes.") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not UTF-8 text or not JSON ({error}). Give a CSV or JSON file of boxes.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{path}: expected a list of objects with {', '.join(COLUMNS)}")
    boxes, problems = [], []
    for number, row in enumerate(rows, 1):
        try:
            boxes.append(_parse_row(row))
        except ConfigError as error:
            problems.append(f"row {number}: {error}")
    if problems:
        raise ConfigError(f"{path}: {join_problems(problems)}")
    return tuple(sorted(boxes, key=lambda box: (box.record, box.time_ms)))


def _parse_row(row: dict[str, Any]) -> GivenBox:
    missing = [name for name in COLUMNS if row.get(name) in (None, "")]
    if missing:
        raise ConfigError(f"{', '.join(missing)} missing; every row has {', '.join(COLUMNS)}")
    try:
        time_ms, x0, y0, x1, y1 = (float(row[name]) for name in COLUMNS[1:])
    except (TypeError, ValueError) as error:
        raise ConfigError(f"times and corners are numbers, got {[row[name] for name in COLUMNS[1:]]}") from error
    if not np.isfinite([time_ms, x0, y0, x1, y1]).all() or x1 <= x0 or y1 <= y0:
        raise ConfigError(f"expected x1 > x0 and y1 > y0, got {x0:g}, {y0:g}, {x1:g}, {y1:g} at {time_ms:g} ms")
    return GivenBox(str(row["record"]), time_ms, (x0, y0, x1, y1))
