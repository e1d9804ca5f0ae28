"""Ours: accuracy against what a model costs: multiply-adds, parameters, clips a second."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finegym.files import write_text
from finegym.models import count_parameters
from finegym.models.complexity import count_multiply_adds
from finegym.models.folding import fold_batch_norms, set_channels_last
from finegym.report.scatter import Point, draw_scatter
from finegym.studies.accuracy import METRICS, TWO_STREAM, describe_seeds, describe_split, split_method
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.table3a import METHODS
from finegym.studies.tables import Column, Row, Table, make_count
from finegym.training.build_model import build_model
from finegym.training.data import build_view, open_data
from finegym.training.recipe import Recipe

ROLE = "balanced"
MODELS = tuple(method for method in METHODS if method != "Random" and not method.endswith(TWO_STREAM))
COST_FILE = "speed.json"
BATCH_SIZE, MIN_SECONDS = 8, 0.5
COLUMNS = (
    *(Column(f"{ROLE}/mean", "balanced mean"), Column(f"{ROLE}/top1", "balanced top-1")),
    *(Column("gmacs", "multiply-adds a clip", "10⁹", 3), Column("parameters", "parameters", "10⁶", 2)),
    *(Column("clips_per_s", "clips a second", "", 1), Column("train_cpu_s", "training, CPU s", "", 0)),
)


def measure(results: Results) -> None:
    """Count and time the first run of every model, and keep the numbers in its folder; what is there stays."""
    for method in MODELS:
        for planned in plan_predictions(results.size, method, ROLE)[:1]:
            path = results.store.get_path(planned.run) / COST_FILE
            if results.find_path(planned) is not None and not path.is_file():
                recipe = results.store.resolve(planned.run)
                assert isinstance(recipe, Recipe), "the models are recognisers"
                write_text(path, json.dumps(measure_model(recipe)) + "\n")


def measure_model(recipe: Recipe) -> dict[str, Any]:
    """Multiply-adds of a clip as the recipe tests it, parameters, and clips a second.

    A second is one of a core (CPU time of one thread, so that other programs do not count), or one of the clock on a
    GPU. Reading and decoding are not in it. Weights are random: they change no speed.
    """
    data = open_data(recipe.data)
    model, _ = build_model(recipe, len(data.class_ids), load_weights=False)
    view = build_view(recipe, data.source, model.normalisation)
    look = view.look(next(iter(data.labels["val"])))
    inputs = view.normalise(look.inputs[:1])  # (1, T, …)
    facts = {
        "parameters": count_parameters(model),
        "multiply_adds": count_multiply_adds(model, inputs.shape) * len(look.inputs),
    }
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folded = fold_batch_norms(model)
    set_channels_last(folded)
    batch = inputs.expand(BATCH_SIZE, *inputs.shape[1:]).contiguous().to(device)
    speed = _time(folded.to(device).eval(), batch, device) / len(look.inputs)
    return {**facts, "clips_per_s": speed, "device": _describe(device), "torch": torch.__version__}


def _time(model: torch.nn.Module, batch: torch.Tensor, device: torch.device) -> float:
    """Inputs a second; the first pass does not count."""
    on_gpu, threads = device.type == "cuda", torch.get_num_threads()
    clock = time.perf_counter if on_gpu else time.process_time
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            model(batch)
            passes, began, passed = 0, clock(), 0.0
            while passed < MIN_SECONDS:
                model(batch)
                if on_gpu:
                    torch.cuda.synchronize()
                passes, passed = passes + 1, clock() - began
    finally:
        torch.set_num_threads(threads)
    return passes * len(batch) / passed


def _describe(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else "one CPU core"


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
        *results.size.notes,
        describe_split(ROLE, results.get_split(ROLE)),
        *describe_seeds(results.size, MODELS, {ROLE: ROLE}),
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
