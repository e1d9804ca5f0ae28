"""Few against many, from the loss to the run."""

import numpy as np
import pytest
import torch
from finished_runs import read_weights
from torch import nn

from finegym.errors import ConfigError
from finegym.training.losses import build_loss
from finegym.training.run import train

NUM_MANY, NUM_FEW = 1000, 20


def learn(name, **settings):
    """Mean class accuracy of a linear classifier of two clouds that overlap, one with 50 times the other's points."""
    rng = np.random.default_rng(0)
    counts = np.array([NUM_MANY, NUM_FEW])
    points = np.concatenate([rng.normal(mean, 1, (n, 2)) for mean, n in zip((-0.7, 0.7), counts, strict=True)])
    points, classes = torch.from_numpy(points).float(), torch.repeat_interleave(torch.tensor(counts))
    model = nn.Linear(2, 2)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    loss = build_loss(name, counts, **settings)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=60)

    def step():
        optimizer.zero_grad()
        value = loss(model(points), classes)
        value.backward()
        return value

    optimizer.step(step)
    unseen = [torch.from_numpy(rng.normal(mean, 1, (4000, 2))).float() for mean in (-0.7, 0.7)]
    with torch.inference_mode():
        recalls = [(model(cloud).argmax(dim=1) == k).float().mean().item() for k, cloud in enumerate(unseen)]
    return np.mean(recalls)


def test_adjusted_logits_serve_the_few():
    plain = learn("cross-entropy")
    balanced = learn("balanced-softmax")
    adjusted = learn("logit-adjustment", tau=1.0)
    # The best that can be had: the clouds' means are 2 * 0.7 * sqrt(2) apart, and Phi(0.99) = 0.839.
    assert plain < 0.7
    assert balanced > 0.8
    assert adjusted == pytest.approx(balanced, abs=1e-3)
    assert plain < learn("logit-adjustment", tau=0.5) < adjusted


def make_tail(make_data):
    """Two classes, 10 training clips against 2."""
    data = make_data()
    for number, instance_id in enumerate(data.labels["train"]):
        data.labels["train"][instance_id] = int(number >= 10)
    return data


EVERYTHING = (
    "schedule.epochs=2",
    "sampling.power=0.5",
    "mix.mixup_alpha=0.4",
    "mix.cutmix_alpha=1.0",
    "mix.probability=0.9",
    "loss.name=logit-adjustment",
    "loss.label_smoothing=0.1",
    "optim.layer_decay=0.8",
    "optim.decay_biases_and_norms=false",
    'model.freeze=["backbone.body.conv1.*"]',
)


def test_a_run_with_everything_resumes_with_the_same_bits(make_recipe, make_data, tmp_path, capsys):
    recipe = make_recipe(*EVERYTHING)
    whole = read_weights(train(recipe, make_tail(make_data), tmp_path / "whole"))
    run = train(recipe, make_tail(make_data), tmp_path / "halves", stop_after=1)
    first = read_weights(run)
    halves = read_weights(train(recipe, make_tail(make_data), tmp_path / "halves"))
    assert [key for key in whole if not torch.equal(whole[key], halves[key])] == []
    # What stands still stood still, statistics of its norms included.
    frozen = [key for key in whole if key.startswith("backbone.body.conv1.")]
    assert len(frozen) == 6
    assert all(torch.equal(first[key], halves[key]) for key in frozen)
    assert "model.freeze: 3 tensors stand still, backbone.body.conv1.0.weight" in capsys.readouterr().err
    facts = run.read_facts()
    assert facts["num_parameters"] - facts["num_parameters_trained"] == 24 * 3 * 9 + 24 + 24


def test_a_balanced_epoch_says_how_many_clips_it_showed(make_recipe, make_data, tmp_path):
    recipe = make_recipe("sampling.power=0.0", "schedule.epochs=1", "train.evaluate_every=0")
    run = train(recipe, make_tail(make_data), tmp_path / "run")
    (epoch,) = [row for row in run.read_metrics() if row["kind"] == "epoch"]
    # 6 draws of 10 clips, 6 of 2.
    assert (epoch["num_clips"], epoch["num_distinct_clips"]) == (12, 8)


def test_a_pattern_that_matches_nothing_stops_before_the_run(make_recipe, make_data, tmp_path):
    with pytest.raises(ConfigError, match=r"model\.freeze"):
        train(make_recipe('model.freeze=["backbone.layer9.*"]'), make_data(), tmp_path / "run")
    assert not (tmp_path / "run").exists()
