"""Clips that fail or kill their reader, in a module that loader processes import quickly."""

import os
import signal
from types import SimpleNamespace

import torch

from finegym.datasets.recognition import ClipSample


class Numbers:
    """Clips that are their own place; some fail, one kills the process that reads it."""

    def __init__(self, failing=(), killer=None):
        self.selection = SimpleNamespace(instance_ids=tuple(f"v{i}" for i in range(12)))
        self.failing, self.killer = failing, killer

    def __getitem__(self, key):
        _, place = key
        if place == self.killer:
            os.kill(os.getpid(), signal.SIGKILL)
        if place in self.failing:
            return ClipSample(None, 0, place, {}, f"v{place}: frame 3 does not decode")
        return ClipSample(torch.tensor([place]), 0, place, {})


class DiesOnce(Numbers):
    """Nothing is wrong with the clips; the process that reads the fourth is killed from outside, once."""

    def __init__(self, flag):
        super().__init__()
        self.flag = flag

    def __getitem__(self, key):
        if key[1] == 4 and not self.flag.exists():
            self.flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(key)
