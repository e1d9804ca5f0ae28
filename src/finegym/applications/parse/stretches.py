"""What of a recording may be a replay or slow motion: the one pass over it from which recognisers get cuts, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from finegym.applications.parse.files import Stretch
from finegym.video.ingest.replays import Replay
from finegym.video.ingest.shots import Shots, read_shots, write_shots
from finegym.video.ingest.shots_in_parts import find_shots_in_parts


def look_for_shots(video: Path, path: Path) -> Shots:
    """The shots of a recording, kept in a ``shots.json``; one that an earlier call made of the same file is read."""
    if path.is_file() and (known := read_shots(path)).is_of(video):
        return known
    shots = find_shots_in_parts(video)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_shots(path, shots)
    return shots


def list_stretches(shots: Shots) -> tuple[Stretch, ...]:
    """Candidates for replays and slow motion, in order of time."""
    kinds: tuple[tuple[Literal["replay", "slow motion"], Sequence], ...] = (
        ("replay", shots.replays),
        ("slow motion", shots.slow_motion),
    )
    found = [
        Stretch(
            kind=kind,
            start_ms=one.start_ms,
            end_ms=one.end_ms,
            score=one.score,
            reasons=tuple(one.reasons),
            original_start_ms=one.original_start_ms if isinstance(one, Replay) else None,
            original_end_ms=one.original_end_ms if isinstance(one, Replay) else None,
            speed=one.speed,
        )
        for kind, rows in kinds
        for one in rows
    ]
    return tuple(sorted(found, key=lambda one: one.start_ms))
