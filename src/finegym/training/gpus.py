"""The GPUs of this machine by name, so that runs side by side take one each."""

from __future__ import annotations

import os

import torch


def find_gpus() -> tuple[str, ...]:
    """GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them; empty without any.

    Example:
        >>> run_jobs(items, train, key=str, workers=4, gpus=find_gpus())  # doctest: +SKIP
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    named = visible.split(",") if visible else [str(number) for number in range(torch.cuda.device_count())]
    return tuple(name.strip() for name in named[: torch.cuda.device_count()])
