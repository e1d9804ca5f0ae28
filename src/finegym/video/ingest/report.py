"""What a run came to: for a terminal, for machines, and as a page for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from finegym import __version__
from finegym.files import write_text
from finegym.video.ingest.corpus import CorpusRow, summarise, write_corpus
from finegym.video.ingest.record import Record
from finegym.video.ingest.run import Run, read_records
from finegym.workspace import Workspace

FORMAT = "finegym-ingest-report/1"


def write_reports(workspace: Workspace, run: Run) -> dict[str, object]:
    """Write ``corpus.csv``, ``skipped.csv`` and ``report.json``; they cover the whole workspace.

    Returns:
        The content of ``report.json``.

    Raises:
        OutputError: a file cannot be written.
    """
    records = read_records(workspace)
    write_corpus(workspace.corpus_file, records)
    _write_skipped(workspace, run)
    facts = describe_run(workspace, run, records)
    write_text(workspace.report_file, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    return facts


def describe_run(workspace: Workspace, run: Run, records: Mapping[str, Record]) -> dict[str, object]:
    """The content of ``report.json``."""
    accepted = [record_id for record_id, record in records.items() if record.verdict == "accepted"]
    return {
        "format": FORMAT,
        "version": __version__,
        "workspace": str(workspace.folder),
        "this_run": {
            "done": run.done,
            "kept": run.kept,
            "judged_anew": run.judged_anew,
            "moved": run.moved,
            "still_being_written": run.growing,
            "failed": run.failed,
            "other_files": [str(path) for path in run.sources.other_files],
            "renamed": run.sources.renamed,
            "num_repeated": run.sources.num_repeated,
        },
        "lost": run.lost,
        "accepted": accepted,
        "disqualified": {i: list(record.reasons) for i, record in records.items() if record.verdict != "accepted"},
        "damage": {
            i: [found.model_dump() for found in record.damage] for i, record in records.items() if record.damage
        },
        "corpus": [asdict(row) for row in summarise(records, len(run.failed))],
    }


def _write_skipped(workspace: Workspace, run: Run) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("place", "state", "reason"))
    writer.writerows((place, "failed", reason) for place, reason in run.failed.items())
    writer.writerows((place, "still being written", reason) for place, reason in run.growing.items())
    writer.writerows((path, "no media", "by its suffix") for path in run.sources.other_files)
    write_text(workspace.skipped_file, buffer.getvalue())


def format_share(row: CorpusRow) -> str:
    """``62 %``, or a dash where there is nothing to share."""
    return "–" if row.share_high is None else f"{row.share_high:.0%}"


def format_rows(rows: Sequence[CorpusRow]) -> list[tuple[str, ...]]:
    """The corpus table as text, without its header."""
    return [
        (
            row.name,
            str(row.num_records),
            f"{row.hours:.2f}",
            format_share(row),
            str(row.num_accepted),
            str(row.num_disqualified),
            "" if row.num_failed is None else str(row.num_failed),
        )
        for row in rows
    ]


CORPUS_HEADER = ("competition", "records", "hours", "720p and above", "accepted", "disqualified", "failed")
