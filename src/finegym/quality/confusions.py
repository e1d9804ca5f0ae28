"""What is taken for what: labels and answers that two annotators give to one performance, and where it happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.quality.comparison import Comparison, LabelLevel, name_label
from finegym.quality.queries import collect_votes


@dataclass(frozen=True)
class Confusion:
    """Two labels that two annotators gave to the same performances; which of them gave which is not told apart.

    Attributes:
        first: the label that comes first in the codebook.
        second: the other; the same where they agree.
        count: pairs of annotators and performances.
        item_ids: in which items, in their order.
        unit_ids: the two units of every pair, that with the first label first.
        first_name: what people call it.
        second_name: likewise.
    """

    first: str
    second: str
    count: int
    item_ids: tuple[str, ...]
    unit_ids: tuple[tuple[str, str], ...]
    first_name: str
    second_name: str


@dataclass(frozen=True)
class SplitQuery:
    """A query to which annotators gave both answers for the same performances.

    Attributes:
        set_id: whose tree asks it.
        query_id: what is asked.
        num_split: performances with a yes and a no.
        num_asked: performances for which two annotators or more gave an answer.
        item_ids: items of the split ones, in their order.
        unit_ids: units of every split performance.
    """

    set_id: str
    query_id: str
    num_split: int
    num_asked: int
    item_ids: tuple[str, ...]
    unit_ids: tuple[tuple[str, ...], ...]


def list_confusions(comparison: Comparison, level: LabelLevel, *, with_agreeing: bool = False) -> list[Confusion]:
    """Pairs of labels of units that match, the most frequent first.

    Args:
        comparison: of the annotators.
        level: of the labels.
        with_agreeing: pairs of the same label too: then all together are a confusion matrix.
    """
    categories, matches, units = comparison.categories[level], comparison.matches, comparison.units
    one, other = categories.of_unit[matches.left], categories.of_unit[matches.right]
    kept = np.flatnonzero((one >= 0) & (other >= 0) & (with_agreeing | (one != other)))
    is_turned = one[kept] > other[kept]
    left = np.where(is_turned, matches.right[kept], matches.left[kept])
    right = np.where(is_turned, matches.left[kept], matches.right[kept])
    num = max(len(categories.ids), 1)
    key = categories.of_unit[left].astype(np.int64) * num + categories.of_unit[right]
    pairs, numbers, counts = np.unique(key, return_inverse=True, return_counts=True)
    places = np.split(np.argsort(numbers, kind="stable"), np.cumsum(counts)[:-1]) if len(pairs) else []
    found = []
    for place in np.argsort(-counts, kind="stable").tolist():
        first, second = divmod(int(pairs[place]), num)
        rows = [(int(left[row]), int(right[row])) for row in places[place].tolist()]
        found.append(
            Confusion(
                first=categories.ids[first],
                second=categories.ids[second],
                count=len(rows),
                item_ids=_list_items(comparison, [row for row, _ in rows]),
                unit_ids=tuple((units.unit_ids[a], units.unit_ids[b]) for a, b in rows),
                first_name=name_label(units, categories.ids[first]),
                second_name=name_label(units, categories.ids[second]),
            )
        )
    return found


def list_split_queries(comparison: Comparison) -> list[SplitQuery]:
    """Queries with a yes and a no for the same performance, by the share of performances where that is so."""
    votes, groups, units = collect_votes(comparison), comparison.groups, comparison.units
    is_asked, is_split = votes.yes + votes.no >= 2, (votes.yes > 0) & (votes.no > 0)
    num_asked = np.bincount(votes.query[is_asked], minlength=len(units.answers.queries))
    cells_of: dict[int, list[int]] = {}
    for cell in np.flatnonzero(is_split).tolist():
        cells_of.setdefault(int(votes.query[cell]), []).append(int(votes.group[cell]))
    found = []
    for query, split in cells_of.items():
        members = [[row for row in groups.members[group].tolist() if row >= 0] for group in split]
        found.append(
            SplitQuery(
                *units.answers.queries[query],
                num_split=len(split),
                num_asked=int(num_asked[query]),
                item_ids=_list_items(comparison, [rows[0] for rows in members]),
                unit_ids=tuple(tuple(units.unit_ids[row] for row in rows) for rows in members),
            )
        )
    return sorted(found, key=lambda one: (-one.num_split / one.num_asked, -one.num_split, one.query_id))


def _list_items(comparison: Comparison, rows: list[int]) -> tuple[str, ...]:
    items = sorted({int(comparison.units.item_index[row]) for row in rows})
    return tuple(comparison.units.items[item].id for item in items)
