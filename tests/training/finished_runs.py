"""What tests compare of two runs: weights to the last bit, and curves."""

import torch

from finegym.training.run_folder import read_checkpoint


def read_weights(run):
    return read_checkpoint(run.find_checkpoint("last"))["model"]


def assert_equal_weights(left, right):
    left, right = read_weights(left), read_weights(right)
    assert left.keys() == right.keys()
    assert [key for key in left if not torch.equal(left[key], right[key])] == []


def get_curve(run):
    """Every line of metrics, steps and epochs, without what a clock said."""
    clock = {"seconds", "clips_per_second", "share_waiting_for_data"}
    return [{k: v for k, v in row.items() if k not in clock} for row in run.read_metrics()]


def get_epochs(run):
    """Lines of whole epochs, without what a clock said."""
    return [row for row in get_curve(run) if row["kind"] == "epoch"]
