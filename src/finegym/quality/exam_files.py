"""Exams outside the app: rules from a TOML file, whole sets of answers graded at once, results as JSON and text."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finegym.annotations.text import format_count, format_share, format_table
from finegym.codebook.model import Codebook
from finegym.errors import AnnotationError, ConfigError, join_problems
from finegym.quality.exams import ExamResult, ExamRules, check_rules, judge
from finegym.quality.grading import PARTS, Grader, Part, Share, Tolerance, UnitGrade, add_grades
from finegym.quality.units import ANSWER_CODES, NO_LABEL, Answer, Unit, Units

EXAM_FORMAT = "finegym-exam/1"
_ANSWERS: dict[int, Answer] = {code: answer for answer, code in ANSWER_CODES.items()}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ToleranceTable(_Strict):
    default_ms: int = Tolerance.default_ms
    by_set_ms: dict[str, int] = Field(default_factory=dict)
    min_tiou: float = Tolerance.min_tiou


class _RulesFile(_Strict):
    pass_marks: dict[Part, float] = Field(default_factory=dict)
    tolerance: _ToleranceTable = Field(default_factory=_ToleranceTable)
    num_items: int | None = None
    num_tries: int | None = ExamRules.num_tries
    cool_down_hours: float = ExamRules.cool_down_hours
    renew_on: Literal["codebook", "guidelines", "either", "never"] = ExamRules.renew_on


@dataclass(frozen=True)
class Candidate:
    """What one candidate's answers came to.

    Attributes:
        name: of the candidate.
        num_items: gold items that they did.
        result: their grade against the marks.
    """

    name: str
    num_items: int
    result: ExamResult


@dataclass(frozen=True)
class ExamReport:
    """An exam that several people sat.

    Attributes:
        reference: who the gold is of.
        num_items: gold items.
        rules: of the exam.
        candidates: in their order.
        is_simulated: nobody filmed it.
    """

    reference: str
    num_items: int
    rules: ExamRules
    candidates: tuple[Candidate, ...]
    is_simulated: bool


def read_exam_rules(path: Path, codebook: Codebook) -> ExamRules:
    """Read an exam's rules from a TOML file.

    Raises:
        ConfigError: the file cannot be read, says something unknown, or rules that cannot be; all at once.
    """
    try:
        parsed = _RulesFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: expected an exam's rules as TOML, but: {error}") from error
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise ConfigError(f"{path}: {join_problems(problems)}") from error
    table = parsed.tolerance
    rules = ExamRules(
        parsed.pass_marks,
        Tolerance(table.default_ms, table.by_set_ms, table.min_tiou),
        parsed.num_items,
        parsed.num_tries,
        parsed.cool_down_hours,
        parsed.renew_on,
    )
    check_rules(rules, codebook)
    return rules


def list_units(units: Units, annotator: str) -> dict[str, list[Unit]]:
    """What one annotator marked, by the id of every item that they did."""
    number = units.annotators.index(annotator)
    rows: dict[str, list[Unit]] = {
        item.id: [] for item, done in zip(units.items, units.done[number].tolist(), strict=True) if done
    }
    answers = units.answers
    for row in (units.annotator_index == number).nonzero()[0].tolist():
        item, label = units.items[units.item_index[row]], int(units.label_index[row])
        given = tuple(
            (answers.queries[answers.query_index[k]][1], _ANSWERS[int(answers.answer[k])])
            for k in range(answers.start[row], answers.start[row + 1])
        )
        rows[item.id].append(
            Unit(
                annotator,
                item.id,
                int(units.start_ms[row]),
                int(units.end_ms[row]),
                None if label == NO_LABEL else units.labels[label],
                units.unit_ids[row],
                given,
            )
        )
    return rows


def grade_candidates(units: Units, reference: str, rules: ExamRules) -> ExamReport:
    """Grade everybody against one of the annotators, on the items that both did.

    Args:
        units: of the reference and the candidates.
        reference: whose units are gold.
        rules: of the exam.

    Raises:
        AnnotationError: somebody did none of the gold items.
    """
    gold = list_units(units, reference)
    fps = {item.id: item.fps for item in units.items}
    grader = Grader(units.codebook, rules.tolerance)
    candidates = []
    for name in units.annotators:
        if name == reference:
            continue
        given = list_units(units, name)
        shared = [item_id for item_id in gold if item_id in given]
        if not shared:
            raise AnnotationError(f"{name} did none of the {len(gold)} gold items of {reference}: nothing to grade.")
        grade = add_grades([grader.grade(gold[id_], given[id_], fps[id_]) for id_ in shared])
        candidates.append(Candidate(name, len(shared), judge(grade, rules)))
    return ExamReport(reference, len(gold), rules, tuple(candidates), units.is_simulated)


def export_exam(report: ExamReport) -> dict[str, Any]:
    """An exam as plain values, segment by segment."""
    return {
        "format": EXAM_FORMAT,
        "reference": report.reference,
        "num_items": report.num_items,
        "is_simulated": report.is_simulated,
        "pass_marks": dict(report.rules.pass_marks),
        "candidates": [_export_candidate(one) for one in report.candidates],
    }


def _export_candidate(candidate: Candidate) -> dict[str, Any]:
    result = candidate.result
    return {
        "name": candidate.name,
        "num_items": candidate.num_items,
        "is_passed": result.is_passed,
        "reason": result.reason,
        "score": _export_share(result.score),
        "parts": {
            part.part: {**_export_share(part.share), "pass_mark": part.pass_mark, "is_passed": part.is_passed}
            for part in result.parts
        },
        "segments": [_export_segment(unit) for unit in result.grade.units],
    }


def _export_share(share: Share) -> dict[str, Any]:
    return {"right": share.right, "total": share.total, "value": share.value}


def _export_segment(unit: UnitGrade) -> dict[str, Any]:
    return {
        "item": _get_unit(unit).item,
        "verdict": unit.verdict,
        "reference": None if unit.reference is None else _export_unit(unit.reference),
        "given": None if unit.given is None else _export_unit(unit.given),
        "start_off_ms": unit.start_off_ms,
        "end_off_ms": unit.end_off_ms,
        "tolerance_ms": unit.tolerance_ms,
        "queries": [{"query": q.query_id, "expected": q.expected, "given": q.given} for q in unit.queries],
        "guideline": unit.guideline_key,
        "text": unit.text,
    }


def _export_unit(unit: Unit) -> dict[str, Any]:
    return {"id": unit.id, "start_ms": unit.start_ms, "end_ms": unit.end_ms, "label": unit.label}


def format_exam(report: ExamReport, max_segments: int = 0) -> str:
    """An exam as text: parts against their marks, who passed, and (some of) what was not right.

    Args:
        report: it.
        max_segments: of each candidate, so many segments that are not right are listed.
    """
    badge = " (simulated)" if report.is_simulated else ""
    texts = [
        f"{format_count(report.num_items, 'gold item')} of {report.reference}, "
        f"{format_count(len(report.candidates), 'candidate')}{badge}",
        format_table(*tabulate_exam(report), left=(0,)),
    ]
    texts += [f"{one.name}: {one.result.reason}" for one in report.candidates if one.result.reason]
    for one in report.candidates if max_segments else ():
        wrong = [unit for unit in one.result.grade.units if unit.verdict != "right"]
        lines = [_describe_wrong(unit) for unit in wrong[:max_segments]]
        hidden = len(wrong) - len(lines)
        texts.append("\n".join([f"{one.name}, not right", *lines, *([f"and {hidden} more"] if hidden > 0 else [])]))
    return "\n\n".join(texts)


def tabulate_exam(report: ExamReport) -> tuple[Sequence[str], list[list[str | None]]]:
    """Header and rows: candidate, share of every part that somebody has, score, passed or not."""
    results: Mapping[str, Mapping[Part, Share]] = {
        one.name: {part.part: part.share for part in one.result.parts} for one in report.candidates
    }
    parts = [part for part in PARTS if any(part in shares for shares in results.values())]
    rows = [
        [
            one.name,
            str(one.num_items),
            *(format_share(results[one.name].get(part, Share(0, 0)).value) for part in parts),
            format_share(one.result.score.value),
            "yes" if one.result.is_passed else "no",
        ]
        for one in report.candidates
    ]
    marks = report.rules.pass_marks
    header = [f"{part} (of {marks[part]:.0%})" if part in marks else part for part in parts]
    return ["candidate", "items", *header, "all right", "passed"], rows


def _get_unit(unit: UnitGrade) -> Unit:
    one = unit.reference or unit.given
    assert one is not None
    return one


def _describe_wrong(grade: UnitGrade) -> str:
    unit = _get_unit(grade)
    return f"{unit.item} {unit.start_ms / 1000:.2f} s  {grade.verdict}: {grade.text} See {grade.guideline_key}."
