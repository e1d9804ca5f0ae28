"""A run from recipe to checkpoint: what it leaves, what it learns, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from finished_runs import assert_equal_weights, get_epochs, read_weights

from finegym.errors import AnnotationError, ConfigError, VideoError
from finegym.training import loop
from finegym.training.build_model import build_model
from finegym.training.run import train
from finegym.training.run_folder import RunFolder


def test_a_run_leaves_everything_that_says_what_it_was(make_recipe, make_data, tmp_path):
    run = train(make_recipe(), make_data(), tmp_path / "run")
    assert run.read_recipe() == make_recipe()
    facts = run.read_facts()
    assert facts["classes"] == [["e0", "e0"], ["e1", "e1"]]
    assert (facts["num_train"], facts["num_val"], facts["seed"]) == (12, 4, 3)
    assert facts["codebook"]["sha256"] == "c"
    assert facts["num_parameters"] == 341_792 + 2 * 1025
    rows = run.read_metrics()
    assert [row["kind"] for row in rows] == ["step", "step", "step", "epoch"] * 4
    assert [row["step"] for row in rows if row["kind"] == "step"] == list(range(1, 13))
    last = rows[-1]
    assert last["num_clips"] == 12
    assert last["num_short_clips"] == 0
    assert last["val_num_instances"] == 4
    assert [epochs for epochs, _ in run.list_checkpoints()] == [3, 4]
    assert list(run.tensorboard_path.glob("events*"))
    assert [path.name for path in run.path.rglob(".*")] == []


def test_a_model_overfits_eight_clips(make_recipe, make_data, tmp_path):
    overrides = ("schedule.epochs=40", "optim.learning_rate=0.02", "model.dropout=0.0", "train.evaluate_every=0")
    recipe = make_recipe(*overrides, "data.crop_scales=[1.0]")
    run = train(recipe, make_data(num_train=8), tmp_path / "run")
    epochs = get_epochs(run)
    assert epochs[-1]["train_top1_accuracy"] == 1.0
    assert epochs[-1]["train_loss"] < 0.1 < 0.5 < epochs[0]["train_loss"]


def test_loader_processes_change_no_bit(make_recipe, make_data, tmp_path):
    plain = train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "plain")
    workers = train(make_recipe("schedule.epochs=1", "data.workers=2"), make_data(), tmp_path / "workers")
    assert_equal_weights(plain, workers)


def test_another_seed_is_another_run(make_recipe, make_data, tmp_path):
    first = read_weights(train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "a"))
    second = read_weights(train(make_recipe("schedule.epochs=1", "seed=4"), make_data(), tmp_path / "b"))
    assert not torch.equal(first["classifier.weight"], second["classifier.weight"])


def test_a_frozen_backbone_learns_by_its_head(make_recipe, make_data, tmp_path):
    recipe = make_recipe("model.freeze_backbone=true", "optim.learning_rate=0.1", "schedule.epochs=2")
    weights = read_weights(train(recipe, make_data(), tmp_path / "run"))
    torch.manual_seed(recipe.seed)
    model, _ = build_model(recipe, 2)
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(weights[f"backbone.{key}"], value)


def test_a_loss_that_is_no_number_stops_with_epoch_and_iteration(make_recipe, make_data, tmp_path, monkeypatch):
    calls = 0

    def poison(batch):
        nonlocal calls
        calls += 1
        return batch._replace(inputs=batch.inputs * float("nan")) if calls == 5 else batch

    monkeypatch.setattr(loop, "check_batch", poison)
    with pytest.raises(ConfigError, match=r"loss is nan in epoch 2, iteration 2 .*checkpoint of epoch 1 is kept"):
        train(make_recipe("train.evaluate_every=0"), make_data(), tmp_path / "run")


def test_a_class_without_training_instances_is_an_error_or_is_allowed(make_recipe, make_data, tmp_path):
    data = make_data(num_train=2, num_val=3, num_classes=3)
    with pytest.raises(AnnotationError, match=r"1 of 3 classes have no instance: e2"):
        train(make_recipe(), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    train(make_recipe("data.allow_empty_classes=true", "schedule.epochs=1"), data, tmp_path / "run")


def test_an_empty_side_is_an_error(make_recipe, make_data, tmp_path):
    with pytest.raises(AnnotationError, match="split colours, val lists no instances"):
        train(make_recipe(), make_data(num_val=0), tmp_path / "run")


def test_instances_left_out_are_counted_and_named(make_recipe, make_data, tmp_path, capsys):
    data = make_data()
    data.labels["train"]["gone_E_000000_000009_A_0000_0009"] = 0
    with pytest.raises(AnnotationError, match="1 of 13 instances have no clip"):
        train(make_recipe(), data, tmp_path / "run")
    run = train(make_recipe("data.missing=leave-out", "schedule.epochs=1"), data, tmp_path / "run")
    assert "train: 1 instances without a clip are left out" in capsys.readouterr().err
    assert list(run.read_facts()["left_out"]["train"]) == ["gone_E_000000_000009_A_0000_0009"]


def test_classes_that_name_a_side_need_their_mirror(make_recipe, make_data, tmp_path):
    data = make_data(class_names=("turn to the left", "turn to the right"))
    with pytest.raises(
        ConfigError, match=r"of 2 of 2 classes it is not known .*: 'e0' \(turn to the left\) names a side"
    ):
        train(make_recipe(), data, tmp_path / "run")
    with pytest.raises(ConfigError, match="'e7', which is not in the subset"):
        train(make_recipe('data.flip_swaps=[["e0", "e7"]]'), make_data(), tmp_path / "run")
    train(make_recipe('data.flip_swaps=[["e0", "e1"]]', "schedule.epochs=1"), data, tmp_path / "swapped")
    train(make_recipe("data.flip=false", "schedule.epochs=1"), data, tmp_path / "unflipped")


def test_a_clip_that_does_not_decode_stops_the_run_in_one_line(make_recipe, make_data, tmp_path, monkeypatch):
    data = make_data()

    def fail(*arguments):
        raise VideoError("v.mp4: frame 3 does not decode")

    monkeypatch.setattr(data.source, "read_frames", fail)
    with pytest.raises(VideoError, match=r"4 clips cannot be read: v\d+_E_\S+: v\.mp4: frame 3") as caught:
        train(make_recipe(), data, tmp_path / "run")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_two_processes_learn_as_one_with_twice_the_batch(make_recipe, make_data, tmp_path):
    """On gloo; the backbone is frozen, because batch norm's statistics are each process's own."""
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import conftest
from finegym.training.recipe import parse_recipe
from finegym.training.run import train

overrides = ["model.freeze_backbone=true", "model.dropout=0.0", "schedule.epochs=2", "train.ema_decay=0.5"]
recipe = parse_recipe(conftest.RECIPE, "tiny", [*overrides, f"train.batch_size={{sys.argv[2]}}"])
train(recipe, conftest.build_data(num_train=14), sys.argv[1], device="cpu")
"""
    (tmp_path / "program.py").write_text(program)
    run_two = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for words in ([*run_two, "program.py", "two", "2"], [sys.executable, "program.py", "one", "4"]):
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        result = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
    one, two = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    losses = [[row["loss"] for row in run.read_metrics() if row["kind"] == "step"] for run in (one, two)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert len(losses[0]) == 8
    ours, theirs = get_epochs(one)[-1], get_epochs(two)[-1]
    assert ours["num_clips"] == theirs["num_clips"] == 14
    assert ours["val_loss"] == pytest.approx(theirs["val_loss"], abs=1e-5)
    assert two.read_facts()["num_processes"] == 2
    left, right = read_weights(one), read_weights(two)
    for key in left:
        torch.testing.assert_close(left[key], right[key], atol=1e-5, rtol=1e-4)
