"""How weights move, and how fast: optimizers and learning-rate schedules.

A schedule is a plain function of the progress in epochs. It has no state, so there is none to lose at a resume.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from torch import nn


def build_optimizer(
    parameters: Iterable[nn.Parameter] | list[dict[str, Any]],
    name: Literal["sgd", "adamw"],
    *,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """SGD with momentum (the TSN family's) or AdamW over the parameters that are trained.

    Groups of ``build_parameter_groups`` are taken as they are; their own ``weight_decay`` counts. A step is one fused
    kernel, not a handful a tensor: of small networks that is a tenth of the time.

    Momentum begins at zero, which is what torch's first step comes to. Its fused one would leave the buffers unset
    where a gradient scaler skips that step (float16), and refuses parameters whose first gradient comes later.
    """
    trained: Any = [p for p in parameters if isinstance(p, dict) or p.requires_grad]
    if name == "adamw":
        return torch.optim.AdamW(trained, lr=learning_rate, weight_decay=weight_decay, fused=True)
    optimizer = torch.optim.SGD(trained, lr=learning_rate, momentum=momentum, weight_decay=weight_decay, fused=True)
    for group in optimizer.param_groups if momentum else ():
        for parameter in group["params"]:
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def compute_learning_rate(
    progress: float,
    *,
    peak: float,
    name: Literal["step", "cosine"],
    epochs: int,
    milestones: Sequence[int] = (),
    gamma: float = 0.1,
    warmup_epochs: float = 0.0,
) -> float:
    """Learning rate at a point of a run.

    Args:
        progress: epochs done, fractions included: 1.5 is the middle of the second epoch.
        peak: the rate after warm-up.
        name: ``step``: times ``gamma`` at every milestone. ``cosine``: half a cosine from the end of warm-up down to 0
            at the end.
        epochs: length of the run.
        milestones: in epochs.
        gamma: factor of a step.
        warmup_epochs: the rate rises linearly from 0 over these.

    Example:
        >>> [compute_learning_rate(p, peak=1.0, name="step", epochs=8, milestones=(3, 6)) for p in (0, 2.9, 3, 6)]
        [1.0, 1.0, 0.1, 0.010000000000000002]
    """
    if progress < warmup_epochs:
        return peak * progress / warmup_epochs
    if name == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * (progress - warmup_epochs) / (epochs - warmup_epochs)))
    return peak * gamma ** sum(progress >= milestone for milestone in milestones)
