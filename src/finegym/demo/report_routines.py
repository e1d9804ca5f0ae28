"""The part of the demo's page about localization: which routines were found in records that nobody had labelled."""

from __future__ import annotations

from finegym.annotations.text import format_count
from finegym.demo.routines import BACKBONE, RoutinesOutcome
from finegym.evaluation.localization.report_page import iterate_records
from finegym.evaluation.localization.report_text import tabulate_map
from finegym.report.page import Prose, Section, Table


def describe_routines(outcome: RoutinesOutcome, badge: str) -> Section:
    """Numbers, and a timeline of truth and prediction for every record of the validation side."""
    report = outcome.report
    absent = [name for index, name in enumerate(report.truth.classes) if not (report.truth.class_index == index).any()]
    text = (
        f"An ActionFormer looked along {format_count(outcome.num_train, 'whole record')}, two snippets a second "
        f"({BACKBONE} with ImageNet's weights, {outcome.num_snippets:,} snippets in all), for {outcome.epochs} epochs. "
        "Walk-ons, replays, scoreboards and interrupted routines are there too, and nothing says where. Then it had to "
        "find the "
        f"{format_count(len(report.truth.class_index), 'routine')} of "
        f"{format_count(len(report.truth.video_ids), 'other record')}, with start, end and event."
        + (f" No routine there is of {', '.join(absent)}." if absent else "")
    )
    table = Table(
        ["tIoU", "mAP %"],
        tabulate_map(report),
        caption="Detection mAP by how well a routine must be hit: finegym evaluate localization",
    )
    pictures = [picture for _, each in iterate_records(report, None) for picture in each]
    notes = [Prose(f"Note: {note}.") for note in report.notes]
    return Section("Localization: routines in records", [Prose(text), table, *notes, *pictures], badge=badge)
