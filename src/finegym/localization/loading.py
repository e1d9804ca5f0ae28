"""Batches of training samples, drawn in this process or in loader processes: the same ones in either."""

from __future__ import annotations

import multiprocessing
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from finegym.datasets.recognition import EpochBatches, end_with_parent
from finegym.localization.localizer import TrainingSamples

SAMPLES = 4  # a stream of random numbers; 0 to 3 are recognition's


class _Drawn(TorchDataset[Any]):
    """Samples by ``(epoch, place)``."""

    def __init__(self, samples: TrainingSamples, seed: int) -> None:
        self._samples, self._seed = samples, seed

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, key: tuple[int, int]) -> Any:
        epoch, place = key
        return self._samples.draw(place, np.random.default_rng([self._seed, epoch, place, SAMPLES]))


def build_loader(
    samples: TrainingSamples, batches: EpochBatches, *, seed: int, workers: int, pin_memory: bool
) -> DataLoader[Any]:
    """A loader whose processes live as long as it does. Set ``batches.epoch`` before each pass.

    Args:
        samples: what an epoch learns from.
        batches: of ``(epoch, place)``.
        seed: of the run.
        workers: loader processes; 0 draws in this one.
        pin_memory: for the way to a GPU.
    """
    arguments: dict[str, Any] = {"collate_fn": samples.collate, "num_workers": workers, "pin_memory": pin_memory}
    # A generator of its own: loaders draw from the global one, and how often depends on the number of processes.
    arguments["generator"] = torch.Generator()
    if workers:
        # fork is unsafe with the threads of polars and torch; a fork server imports once, then forks a clean process.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["finegym.datasets.recognition"])
        arguments |= {"multiprocessing_context": context, "persistent_workers": True}
        arguments["worker_init_fn"] = end_with_parent
    return DataLoader(_Drawn(samples, seed), batch_sampler=batches, **arguments)
