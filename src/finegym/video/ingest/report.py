"""What a run came to: for a terminal, for machines, and as a page for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict

from finegym import __version__
from finegym.files import write_text
from finegym.video.ingest.corpus import summarise, write_corpus
from finegym.video.ingest.duplicates import Duplicates, find_duplicates, write_duplicates
from finegym.video.ingest.record import Record
from finegym.video.ingest.report_page import write_report_page
from finegym.video.ingest.run import Run, read_records
from finegym.workspace import Workspace

FORMAT = "finegym-ingest-report/1"


def write_reports(workspace: Workspace, run: Run) -> dict[str, object]:
    """Write ``corpus.csv``, ``skipped.csv``, ``duplicates.json``, ``report.json`` and ``report.html``.

    They cover the whole workspace; only what failed or was left is of this run.

    Returns:
        The content of ``report.json``.

    Raises:
        OutputError: a file cannot be written.
    """
    records = read_records(workspace)
    write_corpus(workspace.corpus_file, records)
    _write_skipped(workspace, run)
    duplicates = find_duplicates(workspace, records)
    write_duplicates(workspace, duplicates)
    facts = describe_run(workspace, run, records, duplicates)
    write_report_page(workspace, run, records, duplicates)
    write_text(workspace.report_file, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    return facts


def describe_run(
    workspace: Workspace, run: Run, records: Mapping[str, Record], duplicates: Duplicates
) -> dict[str, object]:
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
            "changed": run.changed,
            "moved": run.moved,
            "still_being_written": run.growing,
            "failed": run.failed,
            "not_there": run.sources.absent,
            "other_files": [str(path) for path in run.sources.other_files],
            "renamed": run.sources.renamed,
            "alike": run.sources.alike,
            "num_repeated": run.sources.num_repeated,
        },
        "lost": run.lost,
        "accepted": accepted,
        "disqualified": {i: list(record.reasons) for i, record in records.items() if record.verdict != "accepted"},
        "damage": {
            i: [found.model_dump() for found in record.damage] for i, record in records.items() if record.damage
        },
        "duplicates": duplicates.model_dump(mode="json", exclude={"format"}),
        "corpus": [asdict(row) for row in summarise(records, len(run.failed))],
    }


def _write_skipped(workspace: Workspace, run: Run) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("place", "state", "reason"))
    writer.writerows((place, "failed", reason) for place, reason in run.failed.items())
    writer.writerows((place, "still being written", reason) for place, reason in run.growing.items())
    writer.writerows((place, "not there", reason) for place, reason in run.sources.absent.items())
    writer.writerows((path, "no media", "by its suffix") for path in run.sources.other_files)
    write_text(workspace.skipped_file, buffer.getvalue())
