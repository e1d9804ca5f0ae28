"""All score sheets as one page: what was scored at a glance, routines by event, each one's sheet behind a line."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from finegym.applications.scoring.code_of_points import CodeOfPoints
from finegym.applications.scoring.sheet import (
    AWARD_HEADER,
    ELEMENT_HEADER,
    Sheet,
    Sheets,
    describe_missing,
    make_award_rows,
    make_element_rows,
    make_row,
    split_points,
)
from finegym.report.page import Folded, Link, Prose, Section, Table, write_page

_HOW_TO_CORRECT = (
    "The rules are a file that you can correct: finegym score --print-code NAME > mine.yaml, then finegym score "
    "DATASET --code mine.yaml."
)
_SPLIT_HEADER = ("elements", "difficulty", "requirements", "connections", "missing")


def write_sheets(path: Path, sheets: Sheets, code: CodeOfPoints, footer: str, origin: str | None = None) -> None:
    """Write a page: what was scored, then event by event the routines, highest first, and each one's sheet, folded.

    Args:
        path: the file.
        sheets: the scores.
        code: the edition they are by.
        footer: of the page.
        origin: what to know of the labels before the scores are believed.
    """
    by_event = {event_id: _select_event(sheets, event_id) for event_id in code.events}
    groups = {event_id: members for event_id, members in by_event.items() if members}
    overview = Table(
        ("event", "routines", "median", "highest", "something missing"),
        [
            (
                event_id,
                len(members),
                f"{median(one.score.points for one in members):.3f}",
                f"{members[0].score.points:.3f}",
                sum(not one.score.is_certain for one in members),
            )
            for event_id, members in groups.items()
        ],
    )
    origins = [Prose(f"{origin}.")] if origin else []
    sections = [Section("At a glance", [*origins, Prose(f"{sheets}."), overview, Prose(_HOW_TO_CORRECT)])]
    for event_id, members in groups.items():
        table = Table(("total", "routine", *_SPLIT_HEADER), [_make_page_row(sheet) for sheet in members])
        sections.append(Section(event_id, [table, *map(_fold_sheet, members)]))
    lead = f"{code.title}: {code.source}. Difficulty only: execution and penalties are a jury's."
    write_page(path, "Difficulty scores", sections, lead=lead, footer=footer)


def _select_event(sheets: Sheets, event_id: str) -> list[Sheet]:
    """The sheets of an event, highest score first."""
    return sorted((one for one in sheets.sheets if one.score.event_id == event_id), key=lambda one: -one.score.points)


def _make_page_row(sheet: Sheet) -> tuple[object, ...]:
    id_, _, count, *parts, total, missing = make_row(sheet)
    return (total, Link(id_, id_), count, *parts, missing)


def _fold_sheet(sheet: Sheet) -> Folded:
    split = split_points(sheet.score)
    blocks: list[Prose | Table] = [Prose(", ".join(f"{name} {value:.3f}" for name, value in split.items()))]
    blocks.append(Table(ELEMENT_HEADER, make_element_rows(sheet.score)))
    if rows := make_award_rows(sheet.score):
        blocks.append(Table(AWARD_HEADER, rows))
    blocks += [Prose(text) for text in describe_missing(sheet.score)]
    return Folded(f"{sheet.score.points:.3f}  {sheet.action_id}", sheet.action_id, blocks)
