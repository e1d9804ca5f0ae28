"""The GPUs of this machine, by the names that a run's process is shown one of."""

import pytest
import torch

from finegym.training.gpus import find_gpus


@pytest.mark.parametrize(
    ("visible", "number", "found"),
    [
        (None, 2, ("0", "1")),
        ("4,7", 2, ("4", "7")),
        ("4, GPU-a", 2, ("4", "GPU-a")),
        ("4,-1,7", 1, ("4",)),
        ("", 0, ()),
        ("-1", 0, ()),
        (None, 0, ()),
    ],
)
def test_gpus_are_named_as_their_variable_does(visible, number, found, monkeypatch):
    """Torch counts them up to the first name that is none."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_gpus() == found
