"""What a model costs on this machine: multiply-adds, parameters, clips a second. Apart, because torch takes seconds."""

from __future__ import annotations

import json
import time
from typing import Any

import torch

from finegym.files import write_text
from finegym.models import count_parameters
from finegym.models.complexity import count_multiply_adds
from finegym.models.folding import fold_batch_norms, set_channels_last
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Results
from finegym.training.build_model import build_model
from finegym.training.data import build_view, open_data
from finegym.training.recipe import Recipe

BATCH_SIZE = 8
NUM_WINDOWS, WINDOW_SECONDS = 5, 0.2


def measure_first_runs(results: Results, methods: tuple[str, ...], role: str, file_name: str) -> None:
    """Count and time the first run of every model, and keep the numbers in its folder; what is there stays."""
    for method in methods:
        for planned in plan_predictions(results.size, method, role)[:1]:
            path = results.store.get_path(planned.run) / file_name
            if results.find_path(planned) is not None and not path.is_file():
                recipe = results.store.resolve(planned.run)
                assert isinstance(recipe, Recipe), "the models are recognisers"
                write_text(path, json.dumps(measure_model(recipe)) + "\n")


def measure_model(recipe: Recipe) -> dict[str, Any]:
    """Multiply-adds of a clip as the recipe tests it, parameters, and clips a second.

    A second is one of a core (CPU time of one thread, so that other programs do not count), or one of the clock on a
    GPU, in the best of five windows. Reading and decoding are not in it. Weights are random: they change no speed.
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
    """Inputs a second, in the best of several windows: others on the machine only slow a model down."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            model(batch)  # does not count: it chooses kernels and gets memory
            return max(_time_window(model, batch, on_gpu=device.type == "cuda") for _ in range(NUM_WINDOWS))
    finally:
        torch.set_num_threads(threads)


def _time_window(model: torch.nn.Module, batch: torch.Tensor, *, on_gpu: bool) -> float:
    clock = time.perf_counter if on_gpu else time.process_time
    passes, began, passed = 0, clock(), 0.0
    while passed < WINDOW_SECONDS:
        model(batch)
        if on_gpu:
            torch.cuda.synchronize()
        passes, passed = passes + 1, clock() - began
    return passes * len(batch) / passed


def _describe(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else "one CPU core"
