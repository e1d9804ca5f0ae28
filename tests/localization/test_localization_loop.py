"""The loop with the smallest of localizers: one linear layer."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import nn

from finegym.errors import ConfigError
from finegym.localization.localizer import Found, Localizer
from finegym.localization.loop import fit
from finegym.localization.run_folder import LocalizationRun
from finegym.training.optimizers import compute_learning_rate
from finegym.training.run_folder import read_checkpoint


class Means(Localizer):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 1)
        self.dropout = nn.Dropout(0.3)

    def forward(self, batch):
        answers = self.linear(self.dropout(batch["inputs"]))[:, 0]
        return {"square": ((answers - batch["wanted"]) ** 2).mean(), "pull": 1e-3 * self.linear.weight.square().sum()}

    def detect(self, timeline, source):
        return Found(np.empty((0, 2)), np.empty(0, np.int64), np.empty(0))


class Samples:
    """What is drawn depends on the generator only."""

    counts: ClassVar[dict[str, int]] = {}

    def __init__(self, bad=False):
        self.bad = bad

    def __len__(self):
        return 10

    def draw(self, place, rng):
        inputs = rng.normal(size=4).astype(np.float32)
        return inputs, float("nan") if self.bad and place == 7 else float(inputs.sum() + place)

    def collate(self, samples):
        inputs, wanted = zip(*samples, strict=True)
        return {"inputs": torch.from_numpy(np.stack(inputs)), "wanted": torch.tensor(wanted, dtype=torch.float32)}


def train(folder, *, epochs=6, stop_after=None, workers=0, resume=False, evaluate=None, samples=None, **arguments):
    run = LocalizationRun(folder)
    torch.manual_seed(0)
    localizer = Means()
    resumed = None
    if resume:
        resumed = read_checkpoint(run.find_checkpoint())
        localizer.load_state_dict(resumed["model"])
    fit(
        localizer,
        torch.optim.AdamW(localizer.parameters(), lr=0.1),
        samples or Samples(),
        evaluate,
        run,
        Accelerator(cpu=True),
        get_learning_rate=partial(compute_learning_rate, peak=0.1, name="cosine", epochs=epochs),
        epochs=epochs,
        stop_after=stop_after,
        batch_size=4,
        workers=workers,
        seed=5,
        checkpoint_facts={"classes": []},
        resumed=resumed,
        **arguments,
    )
    return run


def read_weights(run):
    content = read_checkpoint(run.find_checkpoint())
    return {key: value.clone() for key, value in content["model"].items()}


def assert_same(left, right):
    assert left.keys() == right.keys()
    assert all(torch.equal(left[key], right[key]) for key in left)


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_run_that_was_stopped_ends_with_the_same_weights_to_the_last_bit(tmp_path, ema_decay):
    whole = read_weights(train(tmp_path / "whole", ema_decay=ema_decay, accumulate=2))
    train(tmp_path / "stopped", stop_after=2, ema_decay=ema_decay, accumulate=2)
    stopped = train(tmp_path / "stopped", resume=True, ema_decay=ema_decay, accumulate=2)
    assert_same(read_weights(stopped), whole)


def test_loader_processes_do_not_change_what_is_drawn(tmp_path):
    here = read_weights(train(tmp_path / "here", epochs=2))
    there = read_weights(train(tmp_path / "there", epochs=2, workers=2))
    assert_same(here, there)


def test_losses_are_weighted_sums_and_every_step_is_written_down(tmp_path):
    run = train(tmp_path, epochs=3)
    rows = run.read_metrics()
    steps = [row for row in rows if row["kind"] == "step"]
    assert len(steps) == 3 * 3, "ten samples in batches of four"
    for row in steps:
        assert row["loss"] == pytest.approx(row["square"] + row["pull"], rel=1e-5)
    epoch = next(row for row in rows if row["kind"] == "epoch")
    assert epoch["train_loss"] == pytest.approx(np.mean([row["loss"] for row in steps[:3]]), rel=1e-6)
    assert epoch["num_samples"] == 10


def test_accumulated_batches_take_one_step_of_their_mean(tmp_path):
    run = train(tmp_path, epochs=1, accumulate=3)
    steps = [row for row in run.read_metrics() if row["kind"] == "step"]
    assert len(steps) == 1
    # By hand: the same three batches, in the same order, with the same dropout.
    from finegym.datasets.recognition import EpochBatches
    from finegym.localization.loading import build_loader
    from finegym.training.state import derive_seed

    torch.manual_seed(0)
    localizer = Means()
    batches = EpochBatches(10, 4, seed=5)
    loader = build_loader(Samples(), batches, seed=5, workers=0, pin_memory=False)
    torch.manual_seed(derive_seed(5, 0, 0))
    losses = [sum(localizer(batch).values()) for batch in loader]
    sum(loss / 3 for loss in losses).backward()
    norm = math.sqrt(sum(p.grad.square().sum().item() for p in localizer.parameters()))
    assert steps[0]["loss"] == pytest.approx(sum(losses).item() / 3, rel=1e-5)
    assert steps[0]["gradient_norm"] == pytest.approx(norm, rel=1e-4)


def test_measured_are_chosen_epochs_and_the_average_of_weights(tmp_path):
    seen = []

    def evaluate(localizer):
        assert not localizer.training
        seen.append({key: value.clone() for key, value in localizer.state_dict().items()})
        return {"val_map": 0.5}

    run = train(tmp_path, epochs=5, evaluate=evaluate, evaluate_every=2, ema_decay=0.8)
    epochs = [row["epoch"] for row in run.read_metrics() if "val_map" in row]
    assert epochs == [2, 4, 5]
    content = read_checkpoint(run.find_checkpoint())
    assert_same(seen[-1], content["model"])
    assert not torch.equal(content["model"]["linear.weight"], content["average"]["training_model"]["linear.weight"])


def test_a_loss_that_is_no_number_stops_the_run_and_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"loss square is nan in epoch 1, iteration \d "):
        train(tmp_path, samples=Samples(bad=True))
