"""What units that match are called: coefficients of agreement on events, sets and elements."""

from __future__ import annotations

import numpy as np

from finegym.quality.agreement_table import Column, Row, Table
from finegym.quality.alpha import NO_PAIRS, compute_alpha, compute_alpha_of_each
from finegym.quality.comparison import Categories, Comparison, LabelLevel
from finegym.quality.kappa import compute_ac1, compute_cohen, compute_fleiss
from finegym.quality.ratings import Ratings
from finegym.quality.tree_distance import compute_tree_distance
from finegym.quality.units import NO_LABEL
from finegym.quality.values import Bootstrap, Value, divide, make_value, make_values

ANY = "any"
TWO_AGREE = Column("agreement", "pairs that agree", "share")


def measure_labels(comparison: Comparison) -> list[Table]:
    """Coefficients of all, Cohen's kappa of pairs, what changes without an annotator, and each category by itself."""
    levels = {level: rate_groups(comparison, one.of_unit, len(one.ids)) for level, one in comparison.categories.items()}
    return [
        _measure_all(comparison, levels),
        _measure_pairs(comparison, levels),
        _measure_annotators(comparison, levels),
        *(
            _measure_categories(comparison, categories, levels[categories.level])
            for categories in comparison.categories.values()
        ),
    ]


def rate_groups(comparison: Comparison, of_unit: np.ndarray, num_categories: int) -> Ratings:
    """What each annotator calls each performance that two or more of them found.

    Args:
        comparison: of them.
        of_unit: int32 (N,), the category of every unit; -1 for none.
        num_categories: K.
    """
    groups, units = comparison.groups, comparison.units
    rows = np.flatnonzero((groups.members >= 0).sum(axis=1) >= 2)
    values = np.append(of_unit, -1)[groups.members[rows]].astype(np.int32)  # -1, for none, is the last
    return Ratings(values, units.group_of_item[groups.item_index[rows]], num_categories)


def compute_agreement(ratings: Ratings, boot: Bootstrap) -> Value:
    """The share of pairs of annotators that say the same, over pairs."""
    pairable = ratings.pairable
    num_pairs = pairable.num_values * (pairable.num_values - 1) / 2 * pairable.weights
    total = boot.sum_rows(pairable.group, 1, amount=num_pairs)[:, 0]
    equal = boot.sum_rows(pairable.group, 1, amount=pairable.num_equal_pairs * pairable.weights)[:, 0]
    return make_value(divide(equal, total), round(total[0]), NO_PAIRS, boot)


def measure_coefficients(ratings: Ratings, boot: Bootstrap) -> dict[str, Value]:
    """Agreement, alpha, Fleiss' kappa and AC1."""
    return {
        "agreement": compute_agreement(ratings, boot),
        "alpha": compute_alpha(ratings, boot),
        "fleiss": compute_fleiss(ratings, boot),
        "ac1": compute_ac1(ratings, boot),
    }


COEFFICIENTS = (
    TWO_AGREE,
    Column("alpha", "alpha", "coefficient"),
    Column("fleiss", "Fleiss' kappa", "coefficient"),
    Column("ac1", "AC1", "coefficient"),
)


def _measure_all(comparison: Comparison, levels: dict[LabelLevel, Ratings]) -> Table:
    units, boot = comparison.units, comparison.boot
    rows = [
        Row({"level": level}, {**measure_coefficients(ratings, boot), "alpha_tree": None})
        for level, ratings in levels.items()
    ]
    if units.level == "sub-action":
        of_unit = np.where(units.label_index == NO_LABEL, -1, units.label_index)
        ratings = rate_groups(comparison, of_unit, len(units.labels))
        distance = compute_tree_distance(units.codebook, units.labels)
        blank = dict.fromkeys(("agreement", "alpha", "fleiss", "ac1"))
        rows.append(Row({"level": ANY}, {**blank, "alpha_tree": compute_alpha(ratings, boot, distance)}))
    columns = (*COEFFICIENTS, Column("alpha_tree", "alpha, distance of the tree", "coefficient"))
    note = (
        "Of units that match. With the distance of the tree, labels of any level take part, and to differ in the last "
        "question of a path weighs less than to differ in the event."
    )
    return Table("labels", "Labels", ("level",), columns, tuple(rows), note)


def _measure_pairs(comparison: Comparison, levels: dict[LabelLevel, Ratings]) -> Table:
    boot, rows = comparison.boot, []
    for (first, second), about in zip(comparison.pairs, comparison.name_pairs(), strict=True):
        for level, ratings in levels.items():
            two = Ratings(ratings.values[:, [first, second]], ratings.group, ratings.num_categories)
            cells = {"agreement": compute_agreement(two, boot), "cohen": compute_cohen(two, 0, 1, boot)}
            rows.append(Row(about | {"level": level}, cells))
    columns = (TWO_AGREE, Column("cohen", "Cohen's kappa", "coefficient"))
    return Table("labels_pairs", "Labels, pair by pair", ("first", "second", "level"), columns, tuple(rows))


def _measure_annotators(comparison: Comparison, levels: dict[LabelLevel, Ratings]) -> Table:
    """How often an annotator says what another one says, and alpha of all others."""
    boot, names = comparison.boot, comparison.units.annotators
    rows = []
    for place, name in enumerate(names):
        for level, ratings in levels.items():
            agreement = _compute_agreement_of(ratings, place, boot)
            others = Ratings(np.delete(ratings.values, place, axis=1), ratings.group, ratings.num_categories)
            alpha = (
                compute_alpha(others, boot)
                if len(names) > 2
                else Value(None, undefined="without one of two there is nobody to compare")
            )
            rows.append(Row({"annotator": name, "level": level}, {"agreement": agreement, "alpha_without": alpha}))
    columns = (
        Column("agreement", "says what another says", "share"),
        Column("alpha_without", "alpha of the others", "coefficient"),
    )
    note = "Where alpha of the others is clearly higher than that of all, the annotator is the one who differs."
    return Table(
        "labels_annotators", "Labels, annotator by annotator", ("annotator", "level"), columns, tuple(rows), note
    )


def _compute_agreement_of(ratings: Ratings, annotator: int, boot: Bootstrap) -> Value:
    own = ratings.values[:, [annotator]]
    others = np.delete(ratings.values, annotator, axis=1)
    both = (own >= 0) & (others >= 0)
    equal = boot.sum_rows(ratings.group, 1, amount=(both & (own == others)).sum(axis=1).astype(np.float64))[:, 0]
    total = boot.sum_rows(ratings.group, 1, amount=both.sum(axis=1).astype(np.float64))[:, 0]
    return make_value(divide(equal, total), round(total[0]), NO_PAIRS, boot)


def _measure_categories(comparison: Comparison, categories: Categories, ratings: Ratings) -> Table:
    values = {
        "agreement": _compute_specific_agreement(ratings, comparison.boot),
        "alpha": compute_alpha_of_each(ratings, comparison.boot),
    }
    rows = [
        Row({categories.level: id_}, {key: column[place] for key, column in values.items()}, categories.names[place])
        for place, id_ in enumerate(categories.ids)
    ]
    columns = (
        Column("agreement", "said by both where by one", "share"),
        Column("alpha", "alpha, it or the rest", "coefficient"),
    )
    return Table(
        f"labels_{categories.level}s",
        f"Labels by {categories.level}",
        (categories.level,),
        columns,
        tuple(rows),
        "Specific agreement, 2 both / (first + second) over all pairs, and alpha of this label against all others.",
        worst_by="alpha",
    )


def _compute_specific_agreement(ratings: Ratings, boot: Bootstrap) -> list[Value]:
    """Of pairs of annotators of which one says a category, how far both do: 2 both / (both + both + one of them)."""
    shape = len(boot.weights), ratings.num_categories
    both, said = np.zeros(shape), np.zeros(shape)
    pieces = list(ratings.pairable.iterate_pairs())
    if pieces:
        rows, one, other = (np.concatenate(part) for part in zip(*pieces, strict=True))
        group = ratings.pairable.group[rows]
        equal = one == other
        both = 2 * boot.sum_rows(group[equal], ratings.num_categories, one[equal])
        said = boot.sum_rows(np.tile(group, 2), ratings.num_categories, np.concatenate([one, other]))
    return make_values(divide(both, said), said[0].astype(int), "nobody said it of anything that matches", boot)
