"""The state of a training that moves, as a checkpoint holds it, and what else the loops share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from finegym.training.averaging import copy_state, export_average, restore_average
from finegym.training.run_folder import RunFiles

DROPOUT = 2  # a stream of random numbers; 0 and 1 are the datasets', 3 is mixing's


def export_state(
    model: nn.Module, average: AveragedModel | None, optimizer: torch.optim.Optimizer, accelerator: Accelerator
) -> dict[str, Any]:
    """Everything that moves in training, as a checkpoint holds it."""
    scaler = accelerator.scaler
    return {
        "model": copy_state(model),
        "optimizer": optimizer.state_dict(),
        "scaler": None if scaler is None else scaler.state_dict(),
        **({} if average is None else export_average(average, model)),
    }


def restore_state(
    content: dict[str, Any],
    model: nn.Module,
    average: AveragedModel | None,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
) -> None:
    """Go on from ``export_state``; the checkpoint's ``model`` is loaded already."""
    saved = content["optimizer"]
    # How steps are computed is this program's choice, not that of the one which wrote the checkpoint.
    groups = [
        {**group, "fused": own["fused"]}
        for group, own in zip(saved["param_groups"], optimizer.param_groups, strict=True)
    ]
    optimizer.load_state_dict({**saved, "param_groups": groups})
    if accelerator.scaler is not None:
        accelerator.scaler.load_state_dict(content["scaler"])
    if average is not None:
        restore_average(average, model, content)


def derive_seed(seed: int, epoch: int, rank: int) -> int:
    """What torch's generator starts an epoch with (dropout)."""
    return int(np.random.SeedSequence([seed, epoch, rank, DROPOUT]).generate_state(1, np.uint32)[0])


def describe_kept(run: RunFiles[Any]) -> str:
    """What of a run is kept, for the end of a message."""
    kept = run.list_checkpoints()
    return f"; the checkpoint of epoch {kept[-1][0]} is kept" if kept else ""


def write_scalars(writer: SummaryWriter | None, values: dict[str, Any], step: int) -> None:
    """Numbers for TensorBoard; dicts among them are left out."""
    if writer is not None:
        for name, value in values.items():
            if not isinstance(value, dict):
                writer.add_scalar(name, value, step)
