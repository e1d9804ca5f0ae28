"""Where units begin and end: differences of the bounds of units that match, with their sign and without.

Without the sign they say how precise people are; with it they say whether somebody follows another rule: an annotator
who always starts 200 ms early has misread the guidelines, one who is off by 200 ms in either direction is careless.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.quality.agreement_table import Cell, Column, Row, Table
from finegym.quality.comparison import Categories, Comparison
from finegym.quality.values import Value, compute_quantile, divide, make_values

EDGES = ("start", "end")
NO_MATCH = "nothing matches"
NO_FPS = "the frame rate is not known"
EXTREME = "resamples of a minimum say nothing"
ROUNDING_MS = 1.0
"""Bounds are whole milliseconds: two on the same frame grid may be off by one."""


@dataclass(frozen=True)
class _Offsets:
    """Differences of one kind of bound, a row a match and the row of a table that it belongs to.

    Attributes:
        ms: float64 (M,), signed.
        fps: float64 (M,), NaN where unknown.
        group: int32 (M,), records.
        row: int64 (M,).
        num_rows: R.
    """

    ms: np.ndarray
    fps: np.ndarray
    group: np.ndarray
    row: np.ndarray
    num_rows: int


def measure_boundaries(comparison: Comparison) -> list[Table]:
    """Differences of bounds: of all matches, of every pair and annotator (signed), of every event, set and element."""
    matches, units = comparison.matches, comparison.units
    pair, num_pairs = comparison.find_pair_of(matches), len(comparison.pairs)
    ones = np.ones(len(matches))
    annotators = np.concatenate([units.annotator_index[matches.left], units.annotator_index[matches.right]])
    names = [{"annotator": name} for name in units.annotators]
    return [
        _make_table(
            comparison, "boundaries", "Boundaries", ("matches",), [{"matches": "all"}],
            _Rows(np.zeros(len(matches), np.int64), np.arange(len(matches)), ones, 1), is_signed=False,
            note="Differences of the bounds of units that match, without sign; all pairs of annotators together.",
        ),
        _make_table(
            comparison, "boundaries_pairs", "Boundaries, pair by pair", ("first", "second"),
            list(comparison.name_pairs()), _Rows(pair, np.arange(len(matches)), ones, num_pairs), is_signed=True,
            note="Signed differences are the second annotator's bound minus the first's: less than 0 is earlier.",
        ),
        _make_table(
            comparison, "boundaries_annotators", "Boundaries, annotator by annotator", ("annotator",), names,
            _Rows(annotators, np.tile(np.arange(len(matches)), 2), np.concatenate([-ones, ones]), len(names)),
            is_signed=True,
            note="Signed differences are the annotator's bound minus that of each other one: a steady bias shows that "
            "somebody follows another rule.",
        ),
        *(_measure_categories(comparison, categories) for categories in comparison.categories.values()),
    ]  # fmt: skip


@dataclass(frozen=True)
class _Rows:
    """Which matches go into which row of a table, and with which sign."""

    row: np.ndarray
    match: np.ndarray
    sign: np.ndarray
    num_rows: int


def _make_table(
    comparison: Comparison, key: str, title: str, about: tuple[str, ...], names: list[dict[str, str]], rows: _Rows,
    *, is_signed: bool, note: str,
) -> Table:  # fmt: skip
    units, matches, boot = comparison.units, comparison.matches, comparison.boot
    group = units.group_index[matches.left][rows.match]
    tious = boot.sum_rows(group, rows.num_rows, rows.row, matches.tiou[rows.match])
    counts = boot.sum_rows(group, rows.num_rows, rows.row)
    overlap = make_values(divide(tious, counts), counts[0].astype(int), NO_MATCH, boot)
    least = np.full(rows.num_rows, np.inf)
    np.minimum.at(least, rows.row, matches.tiou[rows.match])
    least_overlap = [
        Value(None, undefined=NO_MATCH) if value == np.inf else Value(value, count=one.count, no_interval=EXTREME)
        for value, one in zip(least.tolist(), overlap, strict=True)
    ]
    made = []
    edges = dict(zip(EDGES, (units.start_ms, units.end_ms), strict=True))
    cells = {
        edge: _measure_edge(
            comparison,
            _Offsets(
                (times[matches.right] - times[matches.left])[rows.match] * rows.sign,
                units.fps[matches.left][rows.match],
                group,
                rows.row,
                rows.num_rows,
            ),
            is_signed,
        )
        for edge, times in edges.items()
    }
    for place, name in enumerate(names):
        overlaps = {"mean_tiou": overlap[place], "min_tiou": least_overlap[place]}
        for edge in edges:
            made.append(Row(name | {"edge": edge}, cells[edge][place] | overlaps))
    signed = (
        Column("median_ms", "median", "ms"),
        Column("bias_ms", "bias", "ms"),
        Column("bias_frames", "bias", "frames"),
    )
    columns = (
        *(signed if is_signed else ()),
        Column("abs_median_ms", "median |d|", "ms"),
        Column("mae_ms", "MAE", "ms"),
        Column("mae_frames", "MAE", "frames"),
        Column("p95_ms", "p95 |d|", "ms"),
        *(
            Column(f"within_{k}", f"within {k} frame{'s' if k > 1 else ''}", "share")
            for k in comparison.settings.frames
        ),
        Column("mean_tiou", "mean tIoU", "tiou"),
        Column("min_tiou", "min tIoU", "tiou"),
    )
    return Table(key, title, (*about, "edge"), columns, tuple(made), note)


def _measure_edge(comparison: Comparison, offsets: _Offsets, is_signed: bool) -> list[dict[str, Cell]]:
    """Cells of every row."""
    size = np.abs(offsets.ms)
    means = {"mae_ms": size, "mae_frames": size * offsets.fps / 1000}
    if is_signed:
        means |= {"bias_ms": offsets.ms, "bias_frames": offsets.ms * offsets.fps / 1000}
    for number in comparison.settings.frames:
        is_near = (size <= 1000 * number / offsets.fps + ROUNDING_MS).astype(np.float64)
        means[f"within_{number}"] = np.where(np.isnan(offsets.fps), np.nan, is_near)
    columns: dict[str, list[Value]] = {key: _average(comparison, offsets, amount) for key, amount in means.items()}
    quantiles = {"abs_median_ms": (size, 0.5), "p95_ms": (size, 0.95)}
    if is_signed:
        quantiles["median_ms"] = (offsets.ms, 0.5)
    order = np.argsort(offsets.row, kind="stable")
    parts = np.split(order, np.searchsorted(offsets.row[order], np.arange(1, offsets.num_rows)))
    for key, (values, share) in quantiles.items():
        columns[key] = [
            compute_quantile(values[part], offsets.group[part], share, comparison.boot, NO_MATCH) for part in parts
        ]
    return [{key: column[row] for key, column in columns.items()} for row in range(offsets.num_rows)]


def _average(comparison: Comparison, offsets: _Offsets, amount: np.ndarray) -> list[Value]:
    """Means of the amounts that are known."""
    boot, known = comparison.boot, ~np.isnan(amount)
    group, row = offsets.group[known], offsets.row[known]
    sums = boot.sum_rows(group, offsets.num_rows, row, amount[known])
    counts = boot.sum_rows(group, offsets.num_rows, row)
    there = np.bincount(offsets.row, minlength=offsets.num_rows)
    reasons = [NO_FPS if number else NO_MATCH for number in there.tolist()]
    return make_values(divide(sums, counts), counts[0].astype(int), reasons, boot)


def _measure_categories(comparison: Comparison, categories: Categories) -> Table:
    """Mean differences by label; a match whose two units are labelled differently counts for both labels."""
    units, matches, boot = comparison.units, comparison.matches, comparison.boot
    one, other = categories.of_unit[matches.left], categories.of_unit[matches.right]
    places = np.concatenate([np.flatnonzero(one >= 0), np.flatnonzero((other >= 0) & (other != one))])
    category = np.concatenate([one[one >= 0], other[(other >= 0) & (other != one)]])
    group = units.group_index[matches.left[places]]
    number = len(categories.ids)
    counts = boot.sum_rows(group, number, category)
    amounts = {
        "start_mae_ms": np.abs(units.start_ms[matches.right] - units.start_ms[matches.left]),
        "end_mae_ms": np.abs(units.end_ms[matches.right] - units.end_ms[matches.left]),
        "mean_tiou": matches.tiou,
    }
    values = {
        key: make_values(
            divide(boot.sum_rows(group, number, category, amount[places]), counts),
            counts[0].astype(int),
            NO_MATCH,
            boot,
        )
        for key, amount in amounts.items()
    }
    columns = (
        Column("start_mae_ms", "start MAE", "ms"),
        Column("end_mae_ms", "end MAE", "ms"),
        Column("mean_tiou", "mean tIoU", "tiou"),
    )
    rows = [
        Row({categories.level: id_}, {key: column[place] for key, column in values.items()}, categories.names[place])
        for place, id_ in enumerate(categories.ids)
    ]
    return Table(
        f"boundaries_{categories.level}s",
        f"Boundaries by {categories.level}",
        (categories.level,),
        columns,
        tuple(rows),
        "Matches of which at least one unit has the label.",
        worst_by="mean_tiou",
    )
