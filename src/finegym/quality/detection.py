"""Who found what: units that have a partner, units that have none."""

from __future__ import annotations

import numpy as np

from finegym.quality.agreement_table import Column, Row, Table
from finegym.quality.comparison import Categories, Comparison
from finegym.quality.matching import Pairs, match_units
from finegym.quality.values import divide, make_values, sum_by

NOBODY = "neither found anything"
NONE_OF_FIRST, NONE_OF_SECOND = "the first found nothing", "the second found nothing"
FOUND_NOTHING, OTHERS_NOTHING = "found nothing that others looked for", "the others found nothing"
NOT_DONE_TWICE = "nobody else did an item in which it was found"


def measure_detection(comparison: Comparison) -> list[Table]:
    """F1 of all, of every pair, of every annotator against the others, and of every event, set and element."""
    matches = {
        tiou: match_units(comparison.units, tiou, comparison.overlaps)
        for tiou in sorted({comparison.settings.match_tiou, *comparison.settings.tious})
    }
    pairs = _count_pairs(comparison)
    return [
        _measure_all(comparison, matches, pairs),
        _measure_pairs(comparison, matches, pairs),
        _measure_annotators(comparison, matches, pairs),
        *(_measure_categories(comparison, matches, categories) for categories in comparison.categories.values()),
    ]


def _count_pairs(comparison: Comparison) -> np.ndarray:
    """Units of the first and of the second of every pair in items that both did: float64 (G, P, 2)."""
    units = comparison.units
    num_annotators, num_items, num_groups = len(units.annotators), len(units.items), len(units.groups)
    counts = sum_by(units.annotator_index, units.item_index, num_annotators, num_items)
    found = np.zeros((num_groups, len(comparison.pairs), 2))
    for place, (first, second) in enumerate(comparison.pairs):
        both = units.done[first] & units.done[second]
        for side, annotator in enumerate((first, second)):
            found[:, place, side] = np.bincount(units.group_of_item, counts[annotator] * both, num_groups)
    return found


def _count_matches(comparison: Comparison, matches: Pairs) -> np.ndarray:
    """Matches of every pair of annotators: float64 (G, P)."""
    units = comparison.units
    return sum_by(
        units.group_index[matches.left], comparison.find_pair_of(matches), len(units.groups), len(comparison.pairs)
    )


def _measure_all(comparison: Comparison, matches: dict[float, Pairs], pairs: np.ndarray) -> Table:
    found = comparison.boot.sum(pairs.sum(axis=(1, 2)))
    rows = []
    for tiou, matched in matches.items():
        both = comparison.boot.sum(_count_matches(comparison, matched).sum(axis=1))
        f1 = make_values(divide(2 * both, found)[:, None], [round(found[0])], NOBODY, comparison.boot)[0]
        cells = {"f1": f1, "matched": round(both[0]), "unmatched": round(found[0] - 2 * both[0])}
        rows.append(Row({"tIoU": f"{tiou:g}"}, cells))
    columns = (
        Column("f1", "F1", "share"),
        Column("matched", "matches", "count"),
        Column("unmatched", "without", "count"),
    )
    note = "All pairs of annotators together: twice the matches over the units of both."
    return Table("detection", "Detection", ("tIoU",), columns, tuple(rows), note)


def _measure_pairs(comparison: Comparison, matches: dict[float, Pairs], pairs: np.ndarray) -> Table:
    found = comparison.boot.sum(pairs)
    counts = found[0].round().astype(int)
    rows: list[list[Row]] = [[] for _ in comparison.pairs]
    for tiou in comparison.settings.tious:
        both = comparison.boot.sum(_count_matches(comparison, matches[tiou]))
        number = both[0].round().astype(int)
        values = {
            "precision": make_values(divide(both, found[..., 1]), counts[:, 1], NONE_OF_SECOND, comparison.boot),
            "recall": make_values(divide(both, found[..., 0]), counts[:, 0], NONE_OF_FIRST, comparison.boot),
            "f1": make_values(divide(2 * both, found.sum(axis=2)), counts.sum(axis=1), NOBODY, comparison.boot),
        }
        for place, about in enumerate(comparison.name_pairs()):
            cells = {key: column[place] for key, column in values.items()}
            missed, extra = (int(counts[place, side] - number[place]) for side in (0, 1))
            rows[place].append(Row(about | {"tIoU": f"{tiou:g}"}, cells | {"misses": missed, "extras": extra}))
    columns = (
        Column("precision", "precision", "share"),
        Column("recall", "recall", "share"),
        Column("f1", "F1", "share"),
        Column("misses", "misses", "count"),
        Column("extras", "extras", "count"),
    )
    note = "The first of a pair is taken for the truth: misses are what only it has, extras what only the second has."
    return Table(
        "detection_pairs",
        "Detection, pair by pair",
        ("first", "second", "tIoU"),
        columns,
        tuple(row for part in rows for row in part),
        note,
    )


def _measure_annotators(comparison: Comparison, matches: dict[float, Pairs], pairs: np.ndarray) -> Table:
    """Every annotator against each other one, taken together."""
    names, sides = comparison.units.annotators, _mark_sides(comparison)
    # Units of a pair by side, (G, P, 2), to units of an annotator and of those beside: (G, A).
    own = comparison.boot.sum(np.einsum("gps,psa->ga", pairs, sides))
    other = comparison.boot.sum(np.einsum("gps,psa->ga", pairs[..., ::-1], sides))
    counts = own[0].round().astype(int), other[0].round().astype(int)
    rows: list[list[Row]] = [[] for _ in names]
    for tiou in comparison.settings.tious:
        both = comparison.boot.sum(_count_matches(comparison, matches[tiou]) @ sides.sum(axis=1))
        number = both[0].round().astype(int)
        values = {
            "precision": make_values(divide(both, own), counts[0], FOUND_NOTHING, comparison.boot),
            "recall": make_values(divide(both, other), counts[1], OTHERS_NOTHING, comparison.boot),
            "f1": make_values(divide(2 * both, own + other), sum(counts), NOBODY, comparison.boot),
        }
        for place, name in enumerate(names):
            cells = {key: column[place] for key, column in values.items()}
            missed, extra = int(counts[1][place] - number[place]), int(counts[0][place] - number[place])
            about = {"annotator": name, "tIoU": f"{tiou:g}"}
            rows[place].append(Row(about, cells | {"misses": missed, "extras": extra}))
    columns = (
        Column("precision", "found by others too", "share"),
        Column("recall", "finds of others' units", "share"),
        Column("f1", "F1", "share"),
        Column("misses", "misses", "count"),
        Column("extras", "extras", "count"),
    )
    return Table(
        "detection_annotators",
        "Detection, annotator by annotator",
        ("annotator", "tIoU"),
        columns,
        tuple(row for part in rows for row in part),
        "Each annotator against every other one in turn, taken together.",
    )


def _mark_sides(comparison: Comparison) -> np.ndarray:
    """Who is the first and who the second of every pair: float64 (P, 2, A), ones and zeros."""
    places = np.array(comparison.pairs, np.int64).reshape(-1, 2)
    return (places[..., None] == np.arange(len(comparison.units.annotators))).astype(np.float64)


def _measure_categories(comparison: Comparison, matches: dict[float, Pairs], categories: Categories) -> Table:
    """Of units that somebody labels so: the share that another annotator found too, whatever he called it."""
    units, num = comparison.units, len(categories.ids)
    category = categories.of_unit
    others = units.done.sum(axis=0)[units.item_index] - 1.0
    rows_of = np.flatnonzero(category >= 0)
    looked = comparison.boot.sum_rows(units.group_index[rows_of], num, category[rows_of], others[rows_of])
    counts = looked[0].round().astype(int)
    columns, values = [], {}
    for tiou in comparison.settings.tious:
        ends = np.concatenate([matches[tiou].left, matches[tiou].right])
        ends = ends[category[ends] >= 0]
        found = comparison.boot.sum_rows(units.group_index[ends], num, category[ends])
        columns.append(Column(f"found_{tiou:g}", f"found at {tiou:g}", "share"))
        values[columns[-1].key] = make_values(divide(found, looked), counts, NOT_DONE_TWICE, comparison.boot)
        missed = (counts - found[0].round().astype(int)).tolist()
        if tiou == comparison.settings.tious[0]:
            columns.append(Column("missed", "not found", "count"))
            values["missed"] = missed
    rows = [
        Row({categories.level: id_}, {key: column[place] for key, column in values.items()}, categories.names[place])
        for place, id_ in enumerate(categories.ids)
    ]
    note = "Of the units that one annotator gives this label, the share that another one found too, under any label."
    return Table(
        f"detection_{categories.level}s",
        f"Detection by {categories.level}",
        (categories.level,),
        tuple(columns),
        tuple(rows),
        note,
        worst_by=f"found_{comparison.settings.tious[0]:g}",
    )
