"""Two methods class by class, as a table and a figure: what figures 6(a) and 6(d) have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finegym.evaluation.class_comparison import ClassComparison, ClassDifference, compare_classes
from finegym.evaluation.report import find_groups
from finegym.report.dot_plot import draw_dots
from finegym.studies.accuracy import INTERVALS, describe_split
from finegym.studies.cells import make_cell, make_dots
from finegym.studies.results import Results, stack_right
from finegym.studies.study import Figure, Outcome, PlannedPrediction
from finegym.studies.tables import Column, Row, Table, make_count

MAX_DRAWN = 24
"""Elements in the figure; of more, those at both ends. The table has all."""


def compare_methods(
    results: Results,
    name: str,
    title: str,
    planned: Mapping[str, Sequence[PlannedPrediction]],
    role: str,
    to_see: str,
    more_notes: tuple[str, ...] = (),
) -> Outcome:
    """A row an element, the largest gain of the second method first, and both means.

    Args:
        results: of the studies.
        name: of table and figure.
        title: likewise.
        planned: two methods' predictions, one a seed.
        role: whose split they are of.
        to_see: a sentence about the figure.
        more_notes: what a reader of this table should know besides.
    """
    (left, left_runs), (right, right_runs) = planned.items()
    columns = (
        Column("instances", "instances", "", 0),
        Column("left", left),
        Column("right", right),
        Column("difference", "second less first", "points"),
    )
    comparison = compare_planned(results, planned, role)
    number = min(len(left_runs), len(right_runs))
    notes = (
        *results.size.notes,
        *more_notes,
        describe_split(role, results.get_split(role)),
        f"{role}: {number} {'seed' if number == 1 else 'seeds'} of both; a difference is paired by seed and instance",
        INTERVALS,
    )
    if comparison is None:
        empty = (Row("mean", ("mean of the elements",)),)
        return Outcome((Table(name, title, ("element",), columns, empty, notes),))
    names = _name_classes(results, role)
    ordered = sorted(comparison.classes, key=lambda each: -each.difference.value)
    rows = (_make_mean_row(comparison), *(_make_row(each, names[each.class_index]) for each in ordered))
    figure = Figure(name, title, to_see + _say_left_out(len(ordered)), _draw(_choose(ordered), names, left, right))
    return Outcome((Table(name, title, ("element",), columns, rows, notes),), (figure,))


def compare_planned(
    results: Results, planned: Mapping[str, Sequence[PlannedPrediction]], role: str
) -> ClassComparison | None:
    """Two methods on one split; ``None`` where one of them was not run."""
    first, second = planned.values()
    left, right = results.read_pairs(first, second, role)
    if not left or not right:
        return None
    aligned = left[0].aligned
    groups = find_groups(results.dataset, aligned.instance_ids, "video")
    return compare_classes(stack_right(left), stack_right(right), aligned.targets, groups)


def _name_classes(results: Results, role: str) -> list[str]:
    """Names with their event: a salto may be one of floor and of beam."""
    codebook = results.dataset.codebook
    return [f"{c.name}, {codebook.get_event_of_element(c.id).id}" for c in results.get_split(role).subset.classes]


def _make_mean_row(comparison: ClassComparison) -> Row:
    count = sum(each.count for each in comparison.classes)
    cells = [make_cell(each, count) for each in comparison.mean_class_accuracy]
    parts = zip(("left", "right", "difference"), cells, strict=True)
    return Row("mean", ("mean of the elements",), {"instances": make_count(count), **dict(parts)})


def _make_row(each: ClassDifference, name: str) -> Row:
    cells = {
        "instances": make_count(each.count),
        "left": make_cell(each.left, each.count),
        "right": make_cell(each.right, each.count),
        "difference": make_cell(each.difference, each.count),
    }
    return Row(f"class {each.class_index}", (name,), cells)


def _choose(ordered: Sequence[ClassDifference]) -> Sequence[ClassDifference]:
    half = MAX_DRAWN // 2
    return ordered if len(ordered) <= MAX_DRAWN else (*ordered[:half], *ordered[-half:])


def _say_left_out(number: int) -> str:
    return f" {number - MAX_DRAWN} elements in the middle are in the table only." if number > MAX_DRAWN else ""


def _draw(chosen: Sequence[ClassDifference], names: Sequence[str], left: str, right: str) -> bytes:
    return draw_dots(
        [f"{names[each.class_index]} ({each.count})" for each in chosen],
        [make_dots(left, [each.left for each in chosen]), make_dots(right, [each.right for each in chosen])],
        value_label="accuracy (%); instances in brackets",
        value_range=(0, 100),
    )
