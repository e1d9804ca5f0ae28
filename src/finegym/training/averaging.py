"""The moving average of a model's weights (EMA): what is evaluated and predicted from, where a recipe asks for it.

The checkpoint's ``model`` is the average, so that whatever reads a checkpoint predicts from it; the weights that moved
are beside it, so that a resumed run goes on from both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def build_average(model: nn.Module, decay: float) -> AveragedModel | None:
    """The average of a model's weights; ``None`` where the decay is 0.

    After a step it is ``decay`` of what it was and ``1 - decay`` of the weights; after the first, the weights.
    Statistics of batch norms are not averaged twice: they are the model's.

    Args:
        model: unwrapped, on its device.
        decay: in [0, 1).
    """
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay)) if decay else None


def share_statistics(average: AveragedModel, num_processes: int) -> None:
    """Give all processes the first one's statistics of batch norms, which are each process's own in training."""
    if num_processes > 1:
        for buffer in average.module.buffers():
            torch.distributed.broadcast(buffer, src=0)


def export_average(average: AveragedModel, model: nn.Module) -> dict[str, Any]:
    """What a checkpoint holds where weights are averaged."""
    return {
        "model": copy_state(average.module),
        "average": {"training_model": copy_state(model), "num_updates": int(average.n_averaged)},
    }


def restore_average(average: AveragedModel, model: nn.Module, content: dict[str, Any]) -> None:
    """Go on from a checkpoint: the average as it was, and the weights that moved."""
    average.module.load_state_dict(content["model"])
    average.n_averaged.fill_(content["average"]["num_updates"])
    model.load_state_dict(content["average"]["training_model"])


def copy_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors of a model, on the CPU."""
    return {key: value.detach().cpu() for key, value in model.state_dict().items()}
