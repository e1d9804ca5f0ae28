"""The score sheet: a routine's difficulty as text and JSON, each tenth beside the element or rule behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finegym.annotations.model import Dataset
from finegym.annotations.text import format_count
from finegym.applications.scoring.code_of_points import CodeOfPoints
from finegym.applications.scoring.conditions import find_unknown
from finegym.applications.scoring.difficulty import DifficultyScore, ScoredElement, score_action
from finegym.errors import AnnotationError, join_problems


@dataclass(frozen=True)
class Sheet:
    """The score of one routine, and which routine it is."""

    action_id: str
    score: DifficultyScore


@dataclass(frozen=True)
class Sheets:
    """The scores of a dataset's routines.

    Attributes:
        sheets: in the order of the records.
        num_not_labelled: routines left out because nobody has looked for their sub-actions.
        num_without_rules: routines left out because the code has no rules for their event.
        unknown: what the rules speak of and the codebook does not have; such rules give nothing.
    """

    sheets: tuple[Sheet, ...]
    num_not_labelled: int
    num_without_rules: int
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        unsure = sum(not sheet.score.is_certain for sheet in self.sheets)
        return (
            f"scored {len(self.sheets):,} routines, of {unsure:,} something is missing; left out: not labelled "
            f"{self.num_not_labelled:,}, no rules for the event {self.num_without_rules:,}"
            + (
                f"; not in the codebook, so that it gives nothing: {join_problems(self.unknown)}"
                if self.unknown
                else ""
            )
        )


def score_dataset(dataset: Dataset, code: CodeOfPoints, action_id: str | None = None) -> Sheets:
    """Score the routines of a dataset.

    Args:
        dataset: records with labelled sub-actions.
        code: the edition of the code of points.
        action_id: score this routine only.

    Raises:
        AnnotationError: ``action_id`` is of no routine, or of one that cannot be scored.
    """
    sheets, not_labelled, without_rules = [], 0, 0
    for video in dataset.videos:
        for action in video.actions:
            id_ = f"{video.id}_{action.name}"
            if action_id is not None and id_ != action_id:
                continue
            if action_id is None and action.sub_actions is None:
                not_labelled += 1
            elif action_id is None and action.event_id not in code.events:
                without_rules += 1
            else:
                sheets.append(Sheet(id_, score_action(action, dataset.codebook, code)))
    if action_id is not None and not sheets:
        example = next((f"{v.id}_{a.name}" for v in dataset.videos for a in v.actions), "none")
        raise AnnotationError(f"no routine {action_id!r} among the annotations; ids look like {example}.")
    return Sheets(tuple(sheets), not_labelled, without_rules, find_unknown(code, dataset.codebook))


def split_points(score: DifficultyScore) -> dict[str, float]:
    """Where a score's points come from: difficulty, requirements, connections, total."""
    return {
        "difficulty": sum(one.thousandths for one in score.elements) / 1000,
        "requirements": sum(one.thousandths for one in score.requirements) / 1000,
        "connections": sum(one.thousandths for one in score.connections) / 1000,
        "total": score.points,
    }


def format_sheets(sheets: Sheets) -> str:
    """One line a routine."""
    header = ("routine", "event", "elements", "difficulty", "requirements", "connections", "total", "missing")
    rows = [make_row(sheet) for sheet in sheets.sheets]
    return _format_columns([header, *rows])


def format_sheet(sheet: Sheet) -> str:
    """One routine whole."""
    score = sheet.score
    lines = [f"{sheet.action_id}  {score.event_id}  by {score.code}", ""]
    lines += [_format_columns([ELEMENT_HEADER, *make_element_rows(score)])]
    rows = make_award_rows(score)
    if rows:
        lines += ["", _format_columns([AWARD_HEADER, *rows])]
    split = split_points(score)
    lines += ["", ", ".join(f"{name} {value:.3f}" for name, value in split.items()), *describe_missing(score)]
    return "\n".join(lines)


def describe_missing(score: DifficultyScore) -> list[str]:
    """What a score does not know, in words; empty where it is certain."""
    found = []
    if score.num_unknown:
        found.append(f"{format_count(score.num_unknown, 'sub-action')} without an element gave nothing")
    if score.num_without_value:
        found.append(f"{format_count(score.num_without_value, 'element')} without a known value gave nothing")
    unsure = [one.id for one in score.requirements if not one.is_certain]
    if unsure:
        found.append(f"the codebook does not say enough to decide {', '.join(unsure)}; nothing was given")
    return found


def make_json(sheets: Sheets, code: CodeOfPoints) -> dict[str, Any]:
    """All sheets for machines; points as numbers, times in milliseconds on the record's clock."""
    return {
        "format": "finegym-difficulty/1",
        "code_of_points": {"name": code.name, "title": code.title, "source": code.source},
        "not_in_the_codebook": list(sheets.unknown),
        "left_out": {"not_labelled": sheets.num_not_labelled, "no_rules": sheets.num_without_rules},
        "routines": [_make_json_sheet(sheet) for sheet in sheets.sheets],
    }


ELEMENT_HEADER = ("", "start", "element", "code", "points", "why")
AWARD_HEADER = ("rule", "points", "of", "elements")


def make_row(sheet: Sheet) -> tuple[str, ...]:
    """A routine in one row: id, event, elements, where the points come from, total, what is missing."""
    score, split = sheet.score, split_points(sheet.score)
    return (
        sheet.action_id,
        score.event_id,
        str(len(score.elements)),
        *(f"{value:.3f}" for value in split.values()),
        "; ".join(describe_missing(score)),
    )


def make_element_rows(score: DifficultyScore) -> list[tuple[str, ...]]:
    """Rows of the sheet, one an element: number, start, name, entry, points, what became of it."""
    return [
        (
            str(number),
            f"{one.start_ms / 1000:.2f} s",
            "?" if one.facts is None else one.facts.name,
            _get_entry(one),
            f"{one.thousandths / 1000:.3f}",
            f"{one.status}, dismount" if one.is_dismount else one.status,
        )
        for number, one in enumerate(score.elements, start=1)
    ]


def _get_entry(one: ScoredElement) -> str:
    """The entry in the code of points where one is known, else the letter."""
    if one.facts is None:
        return ""
    return one.facts.key if one.facts.key != one.facts.element_id else one.facts.letter or ""


def make_award_rows(score: DifficultyScore) -> list[tuple[str, ...]]:
    """Rows of the sheet, one a requirement or connection: text, points, at most, numbers of its elements."""
    return [
        (
            one.text,
            f"{one.thousandths / 1000:.3f}" if one.is_certain else "cannot tell",
            f"{one.at_most / 1000:.3f}",
            " + ".join(str(index + 1) for index in one.elements),
        )
        for one in (*score.requirements, *score.connections)
    ]


def _make_json_sheet(sheet: Sheet) -> dict[str, Any]:
    score = sheet.score
    return {
        "action_id": sheet.action_id,
        "event_id": score.event_id,
        "points": split_points(score),
        "is_certain": score.is_certain,
        "missing": describe_missing(score),
        "elements": [_make_json_element(one) for one in score.elements],
        "requirements": [
            {
                "id": one.id,
                "text": one.text,
                "points": one.thousandths / 1000,
                "at_most": one.at_most / 1000,
                "elements": list(one.elements),
                "is_certain": one.is_certain,
            }
            for one in score.requirements
        ],
        "connections": [
            {"text": one.text, "points": one.thousandths / 1000, "elements": list(one.elements)}
            for one in score.connections
        ],
    }


def _make_json_element(one: ScoredElement) -> dict[str, Any]:
    return {
        "name": one.name,
        "start_ms": one.start_ms,
        "end_ms": one.end_ms,
        "element_id": one.facts.element_id if one.facts else None,
        "letter": one.facts.letter if one.facts else None,
        "points": one.thousandths / 1000,
        "status": one.status,
        "is_dismount": one.is_dismount,
    }


def _format_columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
