"""The corpus as tables: a row a record, and a row a competition."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finegym.files import write_text
from finegym.video.ingest.record import KINDS, Record

COLUMNS = (
    "record_id",
    "competition",
    "path",
    "media",
    "verdict",
    "reasons",
    "minutes",
    "width",
    "height",
    "resolution_class",
    "codec",
    "fps",
    "bit_rate_kbps",
    "audio",
    "damage",
    "chunks",
    "cuts",
    "sha256",
)
HIGH_LINES = 720


@dataclass(frozen=True)
class CorpusRow:
    """One competition, or all of them.

    Attributes:
        name: of the competition; ``all`` for the last row.
        num_records: that were read.
        hours: of them.
        share_high: share of the hours whose short side has 720 lines or more; ``None`` without hours.
        num_accepted: by the rules.
        num_disqualified: by the rules.
        num_failed: files that could not be read in the last run; only known for all.
    """

    name: str
    num_records: int
    hours: float
    share_high: float | None
    num_accepted: int
    num_disqualified: int
    num_failed: int | None = None


def summarise(records: Mapping[str, Record], num_failed: int) -> list[CorpusRow]:
    """A row a competition (where competitions are known) and one for all."""
    by_competition: dict[str, list[Record]] = {}
    for record in records.values():
        by_competition.setdefault(record.metadata.get("competition", ""), []).append(record)
    rows = []
    if set(by_competition) - {""}:
        rows = [_sum_up(name or "not known", found) for name, found in sorted(by_competition.items())]
    return [*rows, _sum_up("all", list(records.values()), num_failed)]


CORPUS_HEADER = ("competition", "records", "hours", "720p and above", "accepted", "disqualified", "failed")


def make_rows(rows: Sequence[CorpusRow]) -> list[tuple[str | int | float, ...]]:
    """The corpus table under ``CORPUS_HEADER``."""
    return [
        (
            row.name,
            row.num_records,
            round(row.hours, 3),
            "–" if row.share_high is None else f"{row.share_high:.0%}",
            row.num_accepted,
            row.num_disqualified,
            "" if row.num_failed is None else row.num_failed,
        )
        for row in rows
    ]


def _sum_up(name: str, records: Sequence[Record], num_failed: int | None = None) -> CorpusRow:
    total_ms = sum(record.probe.duration_ms for record in records)
    high_ms = sum(record.probe.duration_ms for record in records if _is_high(record))
    num_accepted = sum(record.verdict == "accepted" for record in records)
    return CorpusRow(
        name=name,
        num_records=len(records),
        hours=total_ms / 3_600_000,
        share_high=high_ms / total_ms if total_ms else None,
        num_accepted=num_accepted,
        num_disqualified=len(records) - num_accepted,
        num_failed=num_failed,
    )


def _is_high(record: Record) -> bool:
    return min(record.probe.width, record.probe.height) >= HIGH_LINES


def describe_damage(record: Record) -> str:
    """``gap 2 (1.2 s), black 1 (3.0 s)``; empty for a sound record."""
    parts = []
    for kind in KINDS:
        count = sum(found.kind == kind for found in record.damage)
        if count:
            parts.append(f"{kind} {count} ({record.sum_damage_ms(kind) / 1000:.1f} s)")
    return ", ".join(parts)


def write_corpus(path: Path, records: Mapping[str, Record]) -> None:
    """Write ``corpus.csv``: a row a record, sorted by id.

    Raises:
        OutputError: it cannot be written.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record_id, record in records.items():
        probe = record.probe
        writer.writerow(
            [
                record_id,
                record.metadata.get("competition", ""),
                record.source.path,
                record.media.path,
                record.verdict,
                "; ".join(record.reasons),
                f"{probe.duration_ms / 60_000:.3f}",
                probe.width,
                probe.height,
                probe.resolution_class,
                probe.codec,
                f"{probe.clock.fps_average:g}",
                round(probe.bit_rate_bps / 1000),
                "; ".join(f"{audio.codec} {audio.rate_hz} Hz {audio.channels} ch" for audio in probe.audio),
                describe_damage(record),
                record.num_chunks,
                "" if record.num_cuts is None else record.num_cuts,
                record.source.sha256,
            ]
        )
    write_text(path, buffer.getvalue())
