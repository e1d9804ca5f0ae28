"""Records that are there twice, whole or in part: ``duplicates.json``, for a person to confirm.

Files with one SHA-256 are exact duplicates. Of the others, all that have been looked at are compared with each other
(``fingerprint``, ``votes``, ``sharing``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterator, Mapping
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from finegym.files import write_text
from finegym.video.ingest.fingerprint import FORMAT as HASH_FORMAT
from finegym.video.ingest.fingerprint import read_fingerprint
from finegym.video.ingest.record import Record
from finegym.video.ingest.sharing import SharedPart, find_shared_parts
from finegym.video.ingest.signals import Signals, read_signals
from finegym.video.ingest.votes import find_candidates
from finegym.workspace import Workspace

FORMAT: Literal["finegym-duplicates/1"] = "finegym-duplicates/1"


class Pair(BaseModel):
    """A part that two records share.

    Attributes:
        left: id of one record; of exact copies, the one that is compared with the others.
        right: id of the other.
        kind: ``exact``: the files are equal byte for byte; ``shared``: the pictures are.
        left_start_ms: on the left record's clock.
        left_end_ms: likewise, exclusive.
        right_start_ms: on the right record's clock.
        right_end_ms: likewise, exclusive.
        score: mean correlation of the changes of the picture; 1 for exact duplicates.
        share_of_shorter: how much of the shorter record it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    left: str
    right: str
    kind: Literal["exact", "shared"]
    left_start_ms: int
    left_end_ms: int
    right_start_ms: int
    right_end_ms: int
    score: float
    share_of_shorter: float


class Duplicates(BaseModel):
    """The content of ``duplicates.json``.

    Attributes:
        format: name and version of this file's format.
        pairs: sorted by records and time.
        num_compared: records whose pictures were compared.
        not_compared: records that nobody looked at yet (quick runs), or in which nothing moves.
        num_left_out: offsets that were not looked at because a pair had too many.
        content_sha256: of what was compared; while it stays, nothing is compared again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["finegym-duplicates/1"] = FORMAT
    pairs: tuple[Pair, ...]
    num_compared: int
    not_compared: tuple[str, ...]
    num_left_out: int = 0
    content_sha256: str = ""


def find_duplicates(workspace: Workspace, records: Mapping[str, Record]) -> Duplicates:
    """Compare all records of a workspace with each other; what an earlier run found out about the same is kept."""
    content = [
        (i, record.source.sha256, record.media.sha256, record.settings.is_quick) for i, record in records.items()
    ]
    content_sha256 = hashlib.sha256(json.dumps([FORMAT, HASH_FORMAT, content]).encode()).hexdigest()
    kept = _read_kept(workspace)
    if kept is not None and kept.content_sha256 == content_sha256:
        return kept
    every = {i: read_fingerprint(workspace.get_hashes_file(i), record.media.sha256) for i, record in records.items()}
    fingerprints = {i: found for i, found in every.items() if found is not None and len(found.steps)}
    exact = list(_find_exact(records, fingerprints))
    # Of equal files one is enough: what it shares with others, its copies share too.
    copies = {pair.right for pair in exact}
    fingerprints = {i: found for i, found in fingerprints.items() if i not in copies}
    ids = list(fingerprints)
    candidates, num_left_out = find_candidates(list(fingerprints.values()))

    @lru_cache(maxsize=2)
    def load(record_id: str) -> Signals | None:
        return read_signals(workspace.get_signals_file(record_id), records[record_id].media.sha256)

    shared = []
    for candidate in candidates:
        left, right = ids[candidate.left], ids[candidate.right]
        left_signals, right_signals = load(left), load(right)
        if left_signals is not None and right_signals is not None:
            boxes = fingerprints[left].box, fingerprints[right].box
            parts = find_shared_parts(candidate, left_signals, boxes[0], right_signals, boxes[1])
            shared += [_make_pair(left, right, part, records) for part in parts]
    pairs = sorted([*exact, *_drop_contained(shared)], key=lambda pair: (pair.left, pair.right, pair.left_start_ms))
    return Duplicates(
        pairs=tuple(pairs),
        num_compared=len(ids),
        not_compared=tuple(record_id for record_id in records if record_id not in fingerprints.keys() | copies),
        num_left_out=num_left_out,
        content_sha256=content_sha256,
    )


def _read_kept(workspace: Workspace) -> Duplicates | None:
    try:
        return Duplicates.model_validate_json(workspace.duplicates_file.read_bytes())
    except (OSError, ValidationError):
        return None


def write_duplicates(workspace: Workspace, duplicates: Duplicates) -> None:
    """Write ``duplicates.json`` whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(workspace.duplicates_file, duplicates.model_dump_json(indent=2) + "\n")


def _find_exact(records: Mapping[str, Record], looked_at: Container[str]) -> Iterator[Pair]:
    """Each file that is equal to another one, with that one: the first that somebody looked at, else the first."""
    first_of: dict[str, str] = {}
    for record_id, record in records.items():
        first = first_of.setdefault(record.source.sha256, record_id)
        if first not in looked_at and record_id in looked_at:
            first_of[record.source.sha256] = record_id
    for record_id, record in records.items():
        first = first_of[record.source.sha256]
        if first != record_id:
            one, other = records[first].probe.clock, record.probe.clock
            yield Pair(
                left=first,
                right=record_id,
                kind="exact",
                left_start_ms=round(one.start_ms),
                left_end_ms=round(one.end_ms),
                right_start_ms=round(other.start_ms),
                right_end_ms=round(other.end_ms),
                score=1.0,
                share_of_shorter=1.0,
            )


def _make_pair(left: str, right: str, part: SharedPart, records: Mapping[str, Record]) -> Pair:
    shorter_ms = min(records[left].probe.duration_ms, records[right].probe.duration_ms)
    return Pair(
        left=left,
        right=right,
        kind="shared",
        left_start_ms=part.left_start_ms,
        left_end_ms=part.left_end_ms,
        right_start_ms=part.right_start_ms,
        right_end_ms=part.right_end_ms,
        score=part.score,
        share_of_shorter=round(min(1.0, (part.left_end_ms - part.left_start_ms) / max(1, shorter_ms)), 3),
    )


def _drop_contained(pairs: list[Pair]) -> Iterator[Pair]:
    """Pairs without those that lie within a longer one of the same records, seen at a neighbouring offset."""
    kept: list[Pair] = []
    for pair in sorted(pairs, key=lambda pair: pair.left_start_ms - pair.left_end_ms):
        if not any(_lies_within(pair, other) for other in kept):
            kept.append(pair)
            yield pair


def _lies_within(pair: Pair, other: Pair, slack_ms: int = 1000) -> bool:
    return (
        (pair.left, pair.right) == (other.left, other.right)
        and other.left_start_ms - slack_ms <= pair.left_start_ms
        and pair.left_end_ms <= other.left_end_ms + slack_ms
        and other.right_start_ms - slack_ms <= pair.right_start_ms
        and pair.right_end_ms <= other.right_end_ms + slack_ms
    )
