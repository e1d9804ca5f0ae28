"""Ours: accuracy against what a model costs: multiply-adds, parameters, clips a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from finegym.report.scatter import Point, draw_scatter
from finegym.studies.accuracy import TWO_STREAM, make_notes, split_method
from finegym.studies.planning import plan_predictions
from finegym.studies.results import METRICS, Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.table3a import METHODS
from finegym.studies.tables import Column, Row, Table, make_count

ROLE = "balanced"
MODELS = tuple(method for method in METHODS if method != "Random" and not method.endswith(TWO_STREAM))
COST_FILE = "speed.json"
COLUMNS = (
    *(Column(f"{ROLE}/mean", "balanced mean"), Column(f"{ROLE}/top1", "balanced top-1")),
    *(Column("gmacs", "multiply-adds a clip", "10⁹", 3), Column("parameters", "parameters", "10⁶", 2)),
    *(Column("clips_per_s", "clips a second", "", 1), Column("train_cpu_s", "training, CPU s", "", 0)),
)


def measure(results: Results) -> None:
    """Count and time the first run of every model, where that was not done."""
    from finegym.studies.efficiency_measure import measure_first_runs  # with torch, which planning does not need

    measure_first_runs(results, MODELS, ROLE, COST_FILE)


def make(results: Results) -> Outcome:
    """Put accuracies, counts and speeds side by side."""
    rows, devices = [], set()
    for method in MODELS:
        planned = plan_predictions(results.size, method, ROLE)
        cells = {f"{ROLE}/{name}": results.score(planned, ROLE, metric) for name, metric in METRICS.items()}
        costs = [results.store.get_path(each.run) for each in planned]
        speed = _read(costs[0] / COST_FILE) if costs else None
        if speed is not None:
            devices.add(str(speed["device"]))
            cells |= {
                "gmacs": make_count(speed["multiply_adds"] / 1e9),
                "parameters": make_count(speed["parameters"] / 1e6),
                "clips_per_s": make_count(speed["clips_per_s"]),
            }
        known = [cost for path in costs if (cost := _read(path / "cost.json")) is not None]
        trained = [cost["cpu_s"] for cost in known if cost.get("is_whole", True)]
        if trained:
            cells["train_cpu_s"] = make_count(float(np.mean(trained)))
        rows.append(Row(method, split_method(method), cells))
    notes = (
        *make_notes(results, MODELS, (ROLE,)),
        f"clips a second: the network alone, on {' and '.join(sorted(devices)) or 'nothing yet'}",
        "training: CPU seconds of a run, reading of clips included; runs that were stopped meanwhile do not count",
    )
    table = Table("efficiency", "Accuracy and cost", ("method", "modality"), COLUMNS, tuple(rows), notes)
    figure = _draw(table)
    if figure is None:
        return Outcome((table,))
    to_see = "Up and to the left is better: models of like cost differ in what they know of time."
    return Outcome((table,), (Figure("efficiency", "Accuracy against multiply-adds", to_see, figure),))


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return facts


def _draw(table: Table) -> bytes | None:
    points = []
    for row in table.rows:
        score, cost = row.get(f"{ROLE}/top1"), row.get("gmacs")
        if score.value is not None and cost.value is not None:
            points.append(Point(" ".join(row.labels), cost.value, score.value, score.low, score.high, row.labels[-1]))
    if not points:
        return None
    return draw_scatter(points, x_label="multiply-adds of a clip (10⁹)", y_label="top-1 accuracy (%)")


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """Every model on the balanced setting: the runs of Table 3a."""
    return tuple(planned for method in MODELS for planned in plan_predictions(size, method, ROLE))


STUDY = Study(
    "efficiency",
    "Accuracy against multiply-adds, parameters and speed",
    ("clips", "flow", "poses"),
    plan,
    make,
    measure,
)
