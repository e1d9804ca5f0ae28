"""Agreement frame by frame, for comparison with work that reports that: every frame is a thing, "nothing" a label.

It rewards long units and empty time, and one frame more or less of a long unit is nothing: read the other measures
first. No frame is ever looked at: between two bounds of anybody nothing changes, so that a run of frames is one row
with a weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from finegym.annotations.text import format_count
from finegym.quality.agreement_table import Column, Row, Table
from finegym.quality.comparison import Comparison
from finegym.quality.kappa import compute_cohen
from finegym.quality.labels import COEFFICIENTS, measure_coefficients
from finegym.quality.ratings import Ratings
from finegym.quality.units import Units

DEFAULT_FPS = 25.0
ANYTHING = "any unit"


@dataclass(frozen=True)
class Runs:
    """Runs of frames in which no annotator's work changes: W runs.

    Attributes:
        unit: int64 (W, A), the row of the unit that each annotator has there; -1 for none, -2 where he did not look.
        item_index: int32 (W,).
        num_frames: float64 (W,).
        num_vanished: units that are on no frame of the grid.
        num_painted_over: units of which a part lies under a later one of the same annotator.
        num_items_without_fps: items on a grid of ``DEFAULT_FPS`` because nobody knows theirs.
    """

    unit: np.ndarray
    item_index: np.ndarray
    num_frames: np.ndarray
    num_vanished: int
    num_painted_over: int
    num_items_without_fps: int

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the grid."""
        found = (
            (self.num_items_without_fps, "item", f"on a grid of {DEFAULT_FPS:g} frames a second, theirs is not known"),
            (self.num_vanished, "unit", "on no frame of the grid"),
            (self.num_painted_over, "unit", "partly under a later one of the same annotator, which counts there"),
        )
        return tuple(f"{format_count(number, noun)} {text}" for number, noun, text in found if number)


def find_runs(units: Units) -> Runs:
    """Cut the items that two annotators or more did into runs."""
    rates = np.array([DEFAULT_FPS if item.fps is None else item.fps for item in units.items]) / 1000
    rate = rates[units.item_index]
    first, stop = np.rint(units.start_ms * rate).astype(np.int64), np.rint(units.end_ms * rate).astype(np.int64)
    begin = np.rint([item.start_ms * rate for item, rate in zip(units.items, rates, strict=True)]).astype(np.int64)
    end = np.rint([item.end_ms * rate for item, rate in zip(units.items, rates, strict=True)]).astype(np.int64)
    np.minimum.at(begin, units.item_index, first)
    np.maximum.at(end, units.item_index, stop)
    is_shared = units.done.sum(axis=0) >= 2
    end = np.where(is_shared, end, begin)
    base = np.concatenate([[0], np.cumsum(end - begin)])  # items one after the other
    kept = np.flatnonzero(is_shared[units.item_index] & (stop > first))
    shift = (base[:-1] - begin)[units.item_index[kept]]
    firsts, stops = first[kept] + shift, stop[kept] + shift
    bounds = np.unique(np.concatenate([firsts, stops, base]))
    num_runs = max(len(bounds) - 1, 0)
    item = (np.searchsorted(base, bounds[:-1], side="right") - 1).astype(np.int32)
    unit = np.where(units.done[:, item].T, -1, -2).astype(np.int64)
    from_run, to_run = np.searchsorted(bounds, firsts), np.searchsorted(bounds, stops)
    counts = to_run - from_run
    rows = np.repeat(from_run - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    painters = np.repeat(kept, counts)
    # Units stand in order of their start: what is written last is the later one.
    unit[rows, units.annotator_index[painters]] = painters
    covered = painters[unit[rows, units.annotator_index[painters]] != painters]
    return Runs(
        unit=unit.reshape(num_runs, len(units.annotators)),
        item_index=item,
        num_frames=np.diff(bounds).astype(np.float64),
        num_vanished=int((is_shared[units.item_index] & (stop <= first)).sum()),
        num_painted_over=len(np.unique(covered)),
        num_items_without_fps=sum(one.fps is None and bool(is_shared[i]) for i, one in enumerate(units.items)),
    )


def measure_frames(comparison: Comparison) -> tuple[list[Table], tuple[str, ...]]:
    """Coefficients over frames, and what is to be known of the grid."""
    units, boot = comparison.units, comparison.boot
    runs = find_runs(units)
    levels = {ANYTHING: np.zeros(len(units), np.int32)}
    levels |= {level: categories.of_unit for level, categories in comparison.categories.items()}
    rows, pair_rows = [], []
    for level, of_unit in levels.items():
        ratings = rate_frames(units, runs, of_unit)
        rows.append(Row({"level": level}, measure_coefficients(ratings, boot)))
        for (first, second), about in zip(comparison.pairs, comparison.name_pairs(), strict=True):
            pair_rows.append(Row(about | {"level": level}, {"cohen": compute_cohen(ratings, first, second, boot)}))
    note = (
        "Every frame of the items that two annotators did; a frame without a unit is a label of its own. Read these "
        "beside the measures above, not instead of them: they reward long units and empty time."
    )
    return [
        Table("frames", "Frame by frame", ("level",), COEFFICIENTS, tuple(rows), note),
        Table(
            "frames_pairs", "Frame by frame, pair by pair", ("first", "second", "level"),
            (Column("cohen", "Cohen's kappa", "coefficient"),), tuple(pair_rows),
        ),
    ], runs.notes  # fmt: skip


def rate_frames(units: Units, runs: Runs, of_unit: np.ndarray) -> Ratings:
    """What each annotator says of every run: a category, "nothing", or "a unit without such a label".

    Runs of one record in which everybody says the same are one row.
    """
    num = int(of_unit.max(initial=-1)) + 1
    category = np.concatenate([np.where(of_unit < 0, num + 1, of_unit), [-1, num]]).astype(np.int32)  # -2, -1
    values = category[runs.unit]
    group = units.group_of_item[runs.item_index]
    keyed = np.column_stack([group, values])
    _, first, numbers = np.unique(_number_rows(keyed), return_index=True, return_inverse=True)
    weight = np.bincount(numbers, runs.num_frames, len(first))
    return Ratings(values[first], group[first], num + 2, weight)


def _number_rows(rows: np.ndarray) -> np.ndarray:
    """A number for every row: the same for the same rows. Sorting numbers is ten times as fast as sorting rows."""
    number = np.zeros(len(rows), np.int64)
    for column in rows.T.astype(np.int64):
        _, number = np.unique(number * (column.max(initial=0) + 3) + column + 2, return_inverse=True)
    return number
