"""What a download would do: what is there, what is missing, what is to be asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from finegym.annotations.record_ids import find_media
from finegym.errors import ConfigError, join_problems
from finegym.video.download_manifest import MANIFEST_FILE, DownloadRow, read_manifest
from finegym.video.download_site import quote_id


@dataclass(frozen=True)
class Plan:
    """What a run would do, record by record.

    Attributes:
        rows: the manifest as it stands, records of other lists included.
        there: ids whose file is the one of the manifest.
        found: ids whose file is there, but not in the manifest.
        changed: ids whose file is not the one of the manifest, and why; left alone.
        missing: ids that the site did not give before; not asked for again.
        wanted: ids to ask for.
    """

    rows: dict[str, DownloadRow]
    there: list[str] = field(default_factory=list)
    found: dict[str, Path] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)


def plan_downloads(ids: Sequence[str], out: Path, *, retry_missing: bool = False, verify: bool = False) -> Plan:
    """Look what is there and what is to be asked for; nothing is written.

    Args:
        ids: of records, each once.
        out: the folder of media and manifest.
        retry_missing: ask again for what the site did not give before.
        verify: compare the files with their SHA-256, not only with their size.

    Raises:
        ConfigError: an id cannot be the name of a file.
        VideoError: the manifest is damaged.
    """
    check_ids(ids)
    manifest = out / MANIFEST_FILE
    plan = Plan(read_manifest(manifest) if manifest.exists() else {})
    media = find_media(out) if out.is_dir() else {}
    for video_id in ids:
        row = plan.rows.get(video_id)
        if row is not None and row.path and (out / row.path).is_file():
            difference = _compare(out / row.path, row, verify)
            if difference:
                plan.changed[video_id] = difference
            else:
                plan.there.append(video_id)
                plan.rows[video_id] = replace(row, status="there", reason="")
        elif video_id in media:
            plan.found[video_id] = media[video_id]
        elif row is not None and row.status == "missing" and not retry_missing:
            plan.missing.append(video_id)
        else:
            plan.wanted.append(video_id)
    return plan


def check_ids(ids: Sequence[str]) -> None:
    """Make sure that every id can be the name of a file in the folder, and of nothing else.

    Raises:
        ConfigError: some cannot; they are named.
    """
    bad = [repr(video_id) for video_id in ids if not _can_be_file_name(video_id)]
    if bad:
        raise ConfigError(
            f"{len(bad)} of {len(ids)} ids cannot be the name of a file: {join_problems(bad, 3)}. Expected ids such as "
            "A0xAXXysHUo, not addresses or paths."
        )


def compute_sha256(path: Path) -> str:
    """Of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compare(path: Path, row: DownloadRow, verify: bool) -> str:
    """How a file differs from its row; empty where it does not."""
    size = path.stat().st_size
    if size != row.size_bytes:
        return f"{path.name} has {size:,} bytes, the manifest says {row.size_bytes:,}"
    if verify and compute_sha256(path) != row.sha256:
        return f"{path.name} has another SHA-256 than the manifest says"
    return ""


def _can_be_file_name(video_id: str) -> bool:
    if not video_id or video_id[0] == "." or re.search(r"[/\\\x00-\x1f\x7f\ud800-\udfff]", video_id):
        return False
    return len(quote_id(video_id)) <= 200  # most file systems allow 255 bytes, suffix included
