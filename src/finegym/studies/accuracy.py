"""What Tables 2 and 3 share: methods in rows, two accuracies a split in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finegym.evaluation.intervals import Score
from finegym.evaluation.recognition import RecognitionResult
from finegym.report.plots import Bar, draw_bars
from finegym.studies.planning import plan_all, plan_predictions
from finegym.studies.results import Results
from finegym.studies.sizes import Size
from finegym.studies.study import PlannedPrediction
from finegym.studies.tables import Cell, Column, Row, Table, make_count

TWO_STREAM, RANDOM = "2Stream", "Random"


def get_mean(result: RecognitionResult) -> Score:
    """Mean class accuracy."""
    return result.mean_class_accuracy


def get_top1(result: RecognitionResult) -> Score:
    """Top-1 accuracy."""
    return result.top1_accuracy


METRICS = {"mean": get_mean, "top1": get_top1}


def plan_accuracies(size: Size, methods: Sequence[str], roles: Mapping[str, str]) -> tuple[PlannedPrediction, ...]:
    """Every method on every split; two streams are fused of what the others predict."""
    return plan_all(size, [method for method in methods if not method.endswith(TWO_STREAM)], roles)


def make_columns(roles: Mapping[str, str]) -> tuple[Column, ...]:
    """Mean class and top-1 accuracy a split; ``roles`` gives their names for people."""
    return tuple(
        Column(f"{role}/{metric}", f"{name} {title}")
        for role, name in roles.items()
        for metric, title in (("mean", "mean"), ("top1", "top-1"))
    )


def make_rows(results: Results, methods: Sequence[str], roles: Mapping[str, str]) -> tuple[Row, ...]:
    """A row a method, all that is there of it."""
    return tuple(Row(method, _split(method), _score(results, method, roles)) for method in methods)


def _split(method: str) -> tuple[str, str]:
    """``"NL I3D RGB"`` by name and modality."""
    name, _, modality = method.rpartition(" ")
    return (name, modality) if name else (modality, "-")


def _score(results: Results, method: str, roles: Mapping[str, str]) -> dict[str, Cell]:
    cells = {}
    for role in roles:
        if method == RANDOM:
            cells[f"{role}/mean"] = make_count(100 / len(results.get_split(role).subset))
            continue
        for name, metric in METRICS.items():
            cells[f"{role}/{name}"] = score_method(results, method, role, metric)
    return cells


def score_method(results: Results, method: str, role: str, metric) -> Cell:
    """One cell of a method on a split, over its seeds; 2Stream is RGB and flow of the same seed."""
    if not method.endswith(TWO_STREAM):
        return results.score(plan_predictions(results.size, method, role), role, metric)
    name = method.removesuffix(TWO_STREAM)
    parts = [plan_predictions(results.size, f"{name}{modality}", role) for modality in ("RGB", "Flow")]
    return results.score_fused(parts, role, metric)


def make_notes(results: Results, methods: Sequence[str], roles: Mapping[str, str]) -> tuple[str, ...]:
    """What belongs under a table: what was scaled down, how large the splits are, what the intervals mean."""
    size = results.size
    splits = [results.get_split(role) for role in roles]
    counts = [
        f"{role}: {len(split.subset)} classes, {len(split.train)} training and {len(split.val)} validation instances"
        for role, split in zip(roles, splits, strict=True)
    ]
    seeds = {role: len(size.get_seeds(role)) for role in roles}
    kinds = [
        f"{', '.join(role for role in roles if seeds[role] == number)}: {number} "
        + ("seeds, intervals are Student's t over them" if number > 1 else "seed, intervals resample records")
        for number in sorted(set(seeds.values()), reverse=True)
    ]
    smaller = [note for method in methods if (note := size.choices[method].note if method in size.choices else "")]
    streams = ["2Stream: mean of the probabilities, equal weights"] if any(TWO_STREAM in m for m in methods) else []
    return (*size.notes, *smaller, *counts, *kinds, *streams)


def draw_accuracies(table: Table, metric: str, title: str) -> bytes:
    """Bars of one metric, split by split, with their intervals; what was not run has no bar."""
    bars = [
        Bar(" ".join((*row.labels, "·", column.id.partition("/")[0])), cell.value, cell.low, cell.high, row.labels[-1])
        for column in table.columns
        if column.id.endswith(f"/{metric}")
        for row in table.rows
        if (cell := row.get(column.id)).value is not None
    ]
    return draw_bars(bars, value_label="accuracy (%)", title=title, value_range=(0.0, 100.0))
