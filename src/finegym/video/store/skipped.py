"""``skipped.csv``: what a build could not make, each with the reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path


def read_skipped(path: Path, order: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """What an earlier build could not make and this one says nothing of, with the reasons.

    Args:
        path: of ``skipped.csv``; need not be there.
        order: every id that may be skipped.
        known: ids of which this build says what became of them.
    """
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["instance_id"]: row["reason"] for row in csv.DictReader(file)}
    return {name: rows[name] for name in order if name in rows and name not in known}


def format_skipped(failed: Mapping[str, str], order: Sequence[str]) -> str:
    """The text of the file, in an order of ids; empty where nothing failed."""
    if not failed:
        return ""
    buffer = io.StringIO()
    rows = [(instance_id, failed[instance_id]) for instance_id in order if instance_id in failed]
    csv.writer(buffer, lineterminator="\n").writerows([("instance_id", "reason"), *rows])
    return buffer.getvalue()
