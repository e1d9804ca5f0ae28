"""What every run begins with, of whatever kind: device and processes, the folder, the checkpoint to go on from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from finegym.errors import ConfigError
from finegym.training.build_model import restore_normalisation
from finegym.training.run_folder import Kind, RunFiles, read_checkpoint


def is_first_process() -> bool:
    """Whether this process is the one that speaks; torchrun numbers them."""
    return os.environ.get("RANK", "0") == "0"


def load_checkpoint(model: torch.nn.Module, content: dict[str, Any], path: Path, classes: list[list[str]]) -> None:
    """Load a checkpoint's weights, strictly.

    Raises:
        ConfigError: its classes are others than these, or its tensors do not fit the model.
    """
    if content["classes"] != classes:
        differing = sum(left != right for left, right in zip(content["classes"], classes, strict=False))
        detail = f"{differing} of them differ" if len(content["classes"]) == len(classes) else "the counts differ"
        raise ConfigError(
            f"checkpoint {path} knows {len(content['classes'])} classes, the split has {len(classes)}: {detail}. "
            "Give the split that the run was trained on."
        )
    try:
        model.load_state_dict(content["model"])
    except RuntimeError as error:
        first = str(error).splitlines()[1:2] or [str(error)]
        raise ConfigError(f"checkpoint {path} is of another model: {first[0].strip()}") from error
    restore_normalisation(model, content)


def start_or_resume(
    run: RunFiles[Kind],
    recipe: Kind,
    facts: dict[str, Any],
    model: torch.nn.Module,
    accelerator: Accelerator,
    *,
    epochs: int,
) -> dict[str, Any] | None:
    """Write a run's beginning, or load where it stopped; of whatever kind of recipe.

    Args:
        run: the folder.
        recipe: the settings.
        facts: for ``run.json``, and to be compared with those of the beginning.
        model: is given the last checkpoint's weights, if there is one.
        accelerator: of the run; its first process writes.
        epochs: of the whole run, for the user.

    Returns:
        The content of the last checkpoint, ``None`` if there is none.

    Raises:
        ConfigError: the folder holds another run, or its checkpoint does not fit.
        OutputError: the folder cannot be written.
    """
    resumed = None
    if run.exists() and run.recipe_path.exists():
        run.check_same(recipe, facts)
    checkpoints = run.list_checkpoints()
    if checkpoints:
        path = checkpoints[-1][1]
        resumed = read_checkpoint(path)
        load_checkpoint(model, resumed, path, facts["classes"])
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        epochs_done = 0 if resumed is None else resumed["epochs_done"]
        dropped = run.drop_metrics_after(epochs_done) if run.exists() else 0
        if resumed is None:
            run.write_start(recipe, facts)
        else:
            again = f"; {dropped} lines of metrics of an unfinished epoch are dropped" if dropped else ""
            say(accelerator, f"resuming {run.path} after epoch {epochs_done} of {epochs}{again}")
    accelerator.wait_for_everyone()
    return resumed


def build_accelerator(mixed_precision: str, device: str) -> Accelerator:
    """Device, precision and processes.

    Raises:
        ConfigError: they cannot be had here.
    """
    try:
        return Accelerator(mixed_precision=mixed_precision, cpu=device == "cpu")
    except ValueError as error:
        reason = str(error).splitlines()[0]
        if "already been initialized" in reason:
            reason = "an earlier run of this process had another; start a new process"
        raise ConfigError(f"train.mixed_precision = {mixed_precision!r} cannot be had here: {reason}") from error


def say(accelerator: Accelerator, line: str) -> None:
    """Print a line to stderr, once for all processes."""
    if accelerator.is_main_process:
        print(line, file=sys.stderr, flush=True)
