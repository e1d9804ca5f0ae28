"""``torch.compile`` for training, with an error that says what to do where it does not work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from finegym.errors import ConfigError


def compile_forward(model: nn.Module) -> Callable[[torch.Tensor], Any]:
    """The forward pass of a model, compiled when it is first called. Evaluation and prediction use the model itself.

    Args:
        model: as ``accelerate`` prepared it; its parameters stay its own.

    Returns:
        What takes inputs and returns what the model would. It raises ConfigError where the model cannot be compiled.
    """
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import InductorError

    compiled = torch.compile(model)

    def forward(inputs: torch.Tensor) -> Any:
        try:
            return compiled(inputs)
        except (TorchDynamoException, InductorError) as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            reason = " ".join(lines[:2]) or type(error).__name__  # which backend, and what it said
            raise ConfigError(
                f"train.compile = true: {type(model).__name__} cannot be compiled here ({reason}). "
                "Set train.compile = false."
            ) from error

    return forward
