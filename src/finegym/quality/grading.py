"""Grading: what somebody marked in a gold item, compared with the reference, segment by segment.

Pure arithmetic, the same in the app, on the command line and in tests. Every verdict names the page of the guidelines
that says what is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from finegym.codebook.model import Codebook
from finegym.codebook.tree import get_paths
from finegym.quality.units import Answer, Unit, find_no_element_set, get_set_of_label
from finegym.segments import compute_tiou

Verdict = Literal["right", "wrong label", "wrong bounds", "extra", "missed"]
Part = Literal["found", "bounds", "event", "set", "element", "answers"]
PARTS: tuple[Part, ...] = ("found", "bounds", "event", "set", "element", "answers")


@dataclass(frozen=True)
class Tolerance:
    """How far from the reference an edge may be.

    Attributes:
        default_ms: for every set that is not named, and for routines.
        by_set_ms: by set id.
        min_tiou: a segment that overlaps the reference less is another segment: one missed, one extra.
    """

    default_ms: int = 200
    by_set_ms: Mapping[str, int] = field(default_factory=dict, hash=False)
    min_tiou: float = 0.1

    def get_ms(self, set_id: str | None) -> int:
        """For a sub-action of a set."""
        return self.by_set_ms.get(set_id or "", self.default_ms)


@dataclass(frozen=True)
class QueryGrade:
    """One query on the path of the reference; ``given`` is ``None`` where the person was not asked it."""

    query_id: str
    expected: Answer
    given: Answer | None

    @property
    def is_right(self) -> bool:
        return self.given == self.expected


@dataclass(frozen=True)
class UnitGrade:
    """What became of one segment.

    Attributes:
        reference: the segment as it should be; ``None``: an extra.
        given: the segment as it was marked; ``None``: missed.
        verdict: a wrong label counts before wrong bounds.
        start_off_ms: how late the start is, negative: early; 0 where one side is missing.
        end_off_ms: how late the end is, likewise.
        tolerance_ms: what was allowed.
        levels: right or wrong at each level (event, set, element) that the reference says.
        queries: along the path of the reference.
        guideline_key: the page that says what is right.
        text: a sentence or two to the person.
    """

    reference: Unit | None
    given: Unit | None
    verdict: Verdict
    start_off_ms: int
    end_off_ms: int
    tolerance_ms: int
    levels: Mapping[Part, bool]
    queries: tuple[QueryGrade, ...]
    guideline_key: str
    text: str

    @property
    def is_within(self) -> bool:
        """Whether both edges are near enough."""
        return max(abs(self.start_off_ms), abs(self.end_off_ms)) <= self.tolerance_ms


@dataclass(frozen=True)
class Share:
    """So many right out of so many; ``value`` is ``None`` where there was nothing to get right."""

    right: int
    total: int

    @property
    def value(self) -> float | None:
        return self.right / self.total if self.total else None

    def __add__(self, other: Share) -> Share:
        return Share(self.right + other.right, self.total + other.total)


@dataclass(frozen=True)
class Grade:
    """The grade of one item, or of several together.

    Attributes:
        units: in order of time.
    """

    units: tuple[UnitGrade, ...]

    @property
    def score(self) -> Share:
        """Segments that are right in everything, of those that are there or were marked."""
        return Share(sum(unit.verdict == "right" for unit in self.units), len(self.units))

    def get_share(self, part: Part) -> Share:
        """Right ones of one part.

        ``found``: of the segments that are there or were marked, those that are both. ``bounds``: of those found, with
        both edges within the tolerance. ``event``, ``set``, ``element``: of those found whose reference says so much,
        with the right one. ``answers``: of the queries on the way to their elements that the person was asked (a wrong
        answer leads elsewhere), those answered rightly.
        """
        found = [unit for unit in self.units if unit.reference is not None and unit.given is not None]
        if part == "found":
            return Share(len(found), len(self.units))
        if part == "bounds":
            return Share(sum(unit.is_within for unit in found), len(found))
        if part == "answers":
            answers = [query.is_right for unit in found for query in unit.queries if query.given is not None]
            return Share(sum(answers), len(answers))
        labels = [unit.levels[part] for unit in found if part in unit.levels]
        return Share(sum(labels), len(labels))


class Grader:
    """Compares with references by one codebook and one tolerance.

    Args:
        codebook: the trees that the references were made with.
        tolerance: for edges.
    """

    def __init__(self, codebook: Codebook, tolerance: Tolerance) -> None:
        self.codebook = codebook
        self.tolerance = tolerance
        self._paths = {id_: path for tree in codebook.trees for id_, path in get_paths(tree).items()}

    def grade(self, reference: Sequence[Unit], given: Sequence[Unit], fps: float | None = None) -> Grade:
        """Grade one item.

        Segments are paired one to one so that the overlaps together are largest; labels play no part in it.

        Args:
            reference: the gold segments of the item.
            given: what the person marked in it.
            fps: of the record, for the words; ``None``: they say milliseconds only.
        """
        pairs = match_segments(reference, given, self.tolerance.min_tiou)
        grades = [self._grade_pair(reference[i], given[j], fps) for i, j in pairs]
        taken_reference, taken_given = {i for i, _ in pairs}, {j for _, j in pairs}
        grades += [self._grade_missed(unit) for i, unit in enumerate(reference) if i not in taken_reference]
        grades += [self._grade_extra(unit) for j, unit in enumerate(given) if j not in taken_given]
        return Grade(tuple(sorted(grades, key=_get_time)))

    def _grade_pair(self, reference: Unit, given: Unit, fps: float | None) -> UnitGrade:
        set_id = self._get_set(reference)
        tolerance_ms = self.tolerance.get_ms(set_id)
        start_off, end_off = given.start_ms - reference.start_ms, given.end_ms - reference.end_ms
        levels = self._compare_labels(reference.label, given.label)
        queries = self._compare_answers(reference, given) if levels.get("set", True) else ()
        is_label_right = all(levels.values())
        is_within = max(abs(start_off), abs(end_off)) <= tolerance_ms
        verdict: Verdict = "wrong label" if not is_label_right else "right" if is_within else "wrong bounds"
        wrong = next((query for query in queries if not query.is_right), None)
        key = f"query:{wrong.query_id}" if wrong and not is_label_right else self._get_page(reference)
        text = self._describe_label(reference, given, levels, wrong) if not is_label_right else ""
        text += _describe_edges(start_off, end_off, tolerance_ms, fps)
        return UnitGrade(
            reference, given, verdict, start_off, end_off, tolerance_ms, levels, queries, key, text.strip() or "Right."
        )

    def _grade_missed(self, unit: Unit) -> UnitGrade:
        tolerance_ms = self.tolerance.get_ms(self._get_set(unit))
        text = f"Missed: {self._name(unit.label)} from {unit.start_ms / 1000:.2f} s to {unit.end_ms / 1000:.2f} s."
        return UnitGrade(unit, None, "missed", 0, 0, tolerance_ms, {}, (), self._get_page(unit), text)

    def _grade_extra(self, unit: Unit) -> UnitGrade:
        tolerance_ms = self.tolerance.get_ms(self._get_set(unit))
        text = "Nothing is there by the reference, or it is marked already by a segment that fits better."
        return UnitGrade(None, unit, "extra", 0, 0, tolerance_ms, {}, (), self._get_page(unit), text)

    def _compare_labels(self, reference: str | None, given: str | None) -> dict[Part, bool]:
        """Right or wrong at every level that the reference says; "no such element" counts as an element of its set."""
        if reference is None:
            return {}
        if reference in self.codebook.event_by_id:
            return {"event": given == reference}
        set_id = get_set_of_label(self.codebook, reference)
        given_set = None if given is None else get_set_of_label(self.codebook, given)
        levels: dict[Part, bool] = {"set": given_set == set_id}
        if reference != set_id:
            levels["element"] = given == reference
        return levels

    def _compare_answers(self, reference: Unit, given: Unit) -> tuple[QueryGrade, ...]:
        expected = self._get_answers(reference)
        answered = dict(self._get_answers(given))
        return tuple(QueryGrade(query, answer, answered.get(query)) for query, answer in expected)

    def _get_answers(self, unit: Unit) -> tuple[tuple[str, Answer], ...]:
        """Those that were given, else those on the path to the label."""
        if unit.answers is not None:
            return unit.answers
        path = self._paths.get(unit.label or "", ())
        return tuple((step.query_id, "yes" if step.answer else "no") for step in path)

    def _describe_label(
        self, reference: Unit, given: Unit, levels: Mapping[Part, bool], wrong: QueryGrade | None
    ) -> str:
        text = f"This is {self._name(reference.label)}, not {self._name(given.label)}. "
        if wrong is not None and levels.get("set", True):
            query = self.codebook.query_by_id.get(wrong.query_id)
            said = f"you said {wrong.given}" if wrong.given else "you were not asked"
            text += f'"{query.text if query else wrong.query_id}" is {wrong.expected}; {said}. '
        return text

    def _get_set(self, unit: Unit) -> str | None:
        return None if unit.label is None else get_set_of_label(self.codebook, unit.label)

    def _get_page(self, unit: Unit) -> str:
        """The page of the guidelines about what a segment is."""
        if unit.label is None:
            return "general"
        if unit.label in self.codebook.event_by_id:
            return f"event:{unit.label}"
        return f"set:{get_set_of_label(self.codebook, unit.label)}"

    def _name(self, label: str | None) -> str:
        if label is None:
            return "something without a label"
        if label in self.codebook.element_by_id:
            return f'"{self.codebook.element_by_id[label].name}"'
        if (set_id := find_no_element_set(label)) is not None:
            return f"no element of {set_id}"
        known = self.codebook.event_by_id.get(label) or self.codebook.set_by_id.get(label)
        return f"{known.name} ({label})" if known else label


def add_grades(grades: Sequence[Grade]) -> Grade:
    """Several items as one."""
    return Grade(tuple(unit for grade in grades for unit in grade.units))


def match_segments(left: Sequence[Unit], right: Sequence[Unit], min_tiou: float) -> list[tuple[int, int]]:
    """Pairs ``(i, j)`` one to one, with a tIoU above zero and of at least ``min_tiou``, of the largest sum of tIoU."""
    if not left or not right:
        return []
    tiou = compute_tiou(_get_edges(left), _get_edges(right))
    tiou[(tiou < min_tiou) | (tiou <= 0)] = 0.0
    rows, columns = linear_sum_assignment(tiou, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if tiou[i, j] > 0]


def _get_edges(units: Sequence[Unit]) -> np.ndarray:
    return np.array([(unit.start_ms, unit.end_ms) for unit in units], np.float64)


def _get_time(grade: UnitGrade) -> tuple[int, int, int]:
    unit = grade.reference or grade.given
    assert unit is not None
    return unit.start_ms, unit.end_ms, grade.reference is None


def _describe_edges(start_off_ms: int, end_off_ms: int, tolerance_ms: int, fps: float | None) -> str:
    """What is wrong with the edges; empty where both are near enough."""
    words = []
    for verb, off_ms in (("starts", start_off_ms), ("ends", end_off_ms)):
        if abs(off_ms) > tolerance_ms:
            frames = f" ({abs(off_ms) * fps / 1000:.0f} frames)" if fps else ""
            words.append(f"{verb} {abs(off_ms)} ms{frames} too {'late' if off_ms > 0 else 'early'}")
    text = f"{', '.join(words)}; {tolerance_ms} ms are allowed." if words else ""
    return text[:1].upper() + text[1:]
