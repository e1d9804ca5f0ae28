"""How far people give the same answers: agreement on every query of every tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from finegym.quality.agreement_table import Cell, Column, Row, Table
from finegym.quality.alpha import make_alpha_against_rest
from finegym.quality.comparison import Comparison
from finegym.quality.values import Value, divide, make_values

NOT_TWICE = "no two annotators answered it for the same unit"
ALL_SAME = "all answers are the same: disagreement by chance cannot be told"
NO_ANSWERS = "gave no answer that another one gave one to as well"


@dataclass(frozen=True)
class Votes:
    """Answers to one query about one performance: C cells.

    Attributes:
        group: int64 (C,), which of ``Comparison.groups``.
        query: int32 (C,), which of ``Units.answers.queries``.
        yes: int64 (C,), how many said yes.
        no: int64 (C,), likewise.
        unsure: int64 (C,), likewise.
        cell_of_answer: int64 (M,), by answer; -1 where only one annotator found the performance.
        annotator_of_answer: int32 (M,).
    """

    group: np.ndarray
    query: np.ndarray
    yes: np.ndarray
    no: np.ndarray
    unsure: np.ndarray
    cell_of_answer: np.ndarray
    annotator_of_answer: np.ndarray


def collect_votes(comparison: Comparison) -> Votes:
    """Count the answers to every query about every performance that two or more annotators found."""
    units, groups, answers = comparison.units, comparison.groups, comparison.units.answers
    unit = np.repeat(np.arange(len(units)), np.diff(answers.start))
    is_shared = ((groups.members >= 0).sum(axis=1) >= 2)[groups.group_of_unit[unit]]
    num_queries = max(len(answers.queries), 1)
    key = groups.group_of_unit[unit[is_shared]] * num_queries + answers.query_index[is_shared]
    cells, numbers = np.unique(key, return_inverse=True)
    said = answers.answer[is_shared]
    cell_of_answer = np.full(len(unit), -1)
    cell_of_answer[is_shared] = numbers
    yes, no, unsure = (np.bincount(numbers[said == code], minlength=len(cells)) for code in (1, 0, -1))
    group, query = np.divmod(cells, num_queries)
    return Votes(group, query.astype(np.int32), yes, no, unsure, cell_of_answer, units.annotator_index[unit])


def measure_queries(comparison: Comparison) -> list[Table]:
    """Alpha of every query of every tree, and how every annotator answers."""
    if not comparison.units.answers.queries:
        return []
    votes = collect_votes(comparison)
    return [_measure_each(comparison, votes), _measure_annotators(comparison, votes)]


def _measure_each(comparison: Comparison, votes: Votes) -> Table:
    queries = comparison.units.answers.queries
    cells: dict[str, Sequence[Cell]] = {
        **_compute_coefficients(comparison, votes),
        **_count_answers(votes, len(queries)),
    }
    rows = [
        Row(
            {"set": queries[place][0], "query": queries[place][1]},
            {key: column[place] for key, column in cells.items()},
            _get_text(comparison, queries[place][1]),
        )
        for place in _order_queries(comparison)
    ]
    columns = (
        Column("agreement", "pairs that agree", "share"),
        Column("alpha", "alpha", "coefficient"),
        Column("yes", "yes", "count"),
        Column("no", "no", "count"),
        Column("unsure", "unsure", "count"),
        Column("alone", "asked of one only", "count"),
    )
    note = (
        "Of units that match and whose annotators both came to the query; an unsure is no answer and is counted. Where "
        "it was asked of one annotator only, the others had gone another way before."
    )
    return Table("queries", "Queries", ("set", "query"), columns, tuple(rows), note, worst_by="alpha")


def _compute_coefficients(comparison: Comparison, votes: Votes) -> dict[str, list[Value]]:
    """Agreement and alpha of every query, over performances with two answers or more."""
    units, boot, num = comparison.units, comparison.boot, len(comparison.units.answers.queries)
    number = votes.yes + votes.no
    twice = np.flatnonzero(number >= 2)
    record = units.group_of_item[comparison.groups.item_index[votes.group[twice]]]
    yes, no, number = votes.yes[twice], votes.no[twice], number[twice]

    def add(amount: np.ndarray) -> np.ndarray:
        return boot.sum_rows(record, num, votes.query[twice], amount.astype(np.float64))

    equal, pairs = add((yes * (yes - 1) + no * (no - 1)) / 2), add(number * (number - 1) / 2)
    counts = pairs[0].round().astype(int)
    alpha = make_alpha_against_rest(add(yes * no / (number - 1)), add(yes), add(number), boot)
    reasons = [ALL_SAME if count else NOT_TWICE for count in counts.tolist()]
    return {
        "agreement": make_values(divide(equal, pairs), counts, NOT_TWICE, boot),
        "alpha": [
            replace(value, undefined=reason) if value.undefined else value
            for value, reason in zip(alpha, reasons, strict=True)
        ],
    }


def _count_answers(votes: Votes, num_queries: int) -> dict[str, list[int]]:
    """How often each answer was given to each query, and how often only one of those who found the unit came to it."""
    is_alone = votes.yes + votes.no + votes.unsure == 1
    counted = {"yes": votes.yes, "no": votes.no, "unsure": votes.unsure, "alone": is_alone}
    return {key: np.bincount(votes.query, amount, num_queries).astype(int).tolist() for key, amount in counted.items()}


def _measure_annotators(comparison: Comparison, votes: Votes) -> Table:
    """How often an annotator's answers are those of another one, and how often there is none."""
    units, boot, names = comparison.units, comparison.boot, comparison.units.annotators
    said, cell, annotator = units.answers.answer, votes.cell_of_answer, votes.annotator_of_answer
    rows = np.flatnonzero((cell >= 0) & (said >= 0))
    mine = np.where(said[rows] == 1, votes.yes[cell[rows]], votes.no[cell[rows]]) - 1.0
    others = votes.yes[cell[rows]] + votes.no[cell[rows]] - 1.0
    record = units.group_of_item[comparison.groups.item_index[votes.group[cell[rows]]]]
    equal = boot.sum_rows(record, len(names), annotator[rows], mine)
    pairs = boot.sum_rows(record, len(names), annotator[rows], others)
    agreement = make_values(divide(equal, pairs), pairs[0].round().astype(int), NO_ANSWERS, boot)
    unit = np.repeat(np.arange(len(units)), np.diff(units.answers.start))
    given = boot.sum_rows(units.group_index[unit], len(names), annotator)
    blank = boot.sum_rows(units.group_index[unit], len(names), annotator, (said < 0).astype(np.float64))
    unsure = make_values(divide(blank, given), given[0].astype(int), "answered nothing", boot)
    columns = (Column("agreement", "answers as another does", "share"), Column("unsure", "unsure", "share"))
    made = [
        Row({"annotator": name}, {"agreement": agreement[place], "unsure": unsure[place]})
        for place, name in enumerate(names)
    ]
    return Table("queries_annotators", "Answers, annotator by annotator", ("annotator",), columns, tuple(made))


def _order_queries(comparison: Comparison) -> list[int]:
    """Sets in the order of the codebook, queries of a set in that in which they were first met."""
    rank = {set_.id: place for place, set_ in enumerate(comparison.units.codebook.sets)}
    queries = comparison.units.answers.queries
    return sorted(range(len(queries)), key=lambda place: (rank[queries[place][0]], place))


def _get_text(comparison: Comparison, query_id: str) -> str:
    query = comparison.units.codebook.query_by_id.get(query_id)
    return query.text if query else query_id
