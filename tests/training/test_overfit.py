import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.datasets.recognition import EvaluationClips, Selection
from finegym.errors import ConfigError
from finegym.training.overfit import (
    find_odd_clips,
    format_verdict,
    is_learned,
    judge,
    make_overfit_recipe,
    select_clips,
)
from finegym.training.predict import predict
from finegym.training.run import train


def judge_run(run):
    return judge(run.read_metrics(), run.read_facts(), run.read_recipe())


def test_eight_clips_are_learned_by_heart(make_recipe, make_data, tmp_path):
    recipe, data = make_recipe("train.batch_size=2"), make_data(num_train=20, num_classes=3)
    run = train(recipe, data, tmp_path / "run", overfit=8)
    verdict = judge_run(run)
    assert verdict.is_learned, format_verdict(verdict)
    assert (verdict.num_clips, verdict.num_classes) == (8, 3)
    assert verdict.val_top1_accuracy == 1.0
    assert verdict.val_loss < 0.05
    assert verdict.look_at == ()
    assert "learned by heart" in format_verdict(verdict)
    assert run.read_facts()["num_train"] == run.read_facts()["num_val"] == 8


def test_an_overfit_run_is_marked_and_gives_no_predictions(make_recipe, make_data, tmp_path):
    run = train(make_recipe(), make_data(), tmp_path / "run", overfit=4, stop_after=2)
    assert run.read_facts()["overfit"]["num_clips"] == 4
    with pytest.raises(ConfigError, match="is an overfit test: it learned 4 clips by heart"):
        predict(run, run.read_recipe(), make_data(), tmp_path / "val.parquet")
    with pytest.raises(ConfigError, match="began with another recipe"):
        train(make_recipe(), make_data(), tmp_path / "run")


def test_a_learning_rate_too_small_is_suspected(make_recipe, make_data, tmp_path):
    run = train(make_recipe("optim.learning_rate=1e-7"), make_data(), tmp_path / "run", overfit=4, stop_after=10)
    verdict = judge_run(run)
    assert not verdict.is_learned
    assert any("loss did not fall" in line and "1e-06" in line for line in verdict.look_at)
    assert "NOT learned by heart" in format_verdict(verdict)


def test_nothing_random_is_left_in_the_recipe(make_recipe):
    recipe = make_overfit_recipe(
        make_recipe("mix.mixup_alpha=0.5", "sampling.power=0.5", "data.num_segments_test=5"), 8
    )
    assert recipe.model.dropout == recipe.mix.mixup_alpha == recipe.optim.weight_decay == 0
    assert not recipe.data.flip
    assert recipe.sampling.power == 1
    assert recipe.data.num_segments_test == recipe.data.num_segments == 3
    assert recipe.train.batch_size == 8


def test_classes_take_turns(make_recipe, make_data):
    data = select_clips(make_data(num_train=12, num_classes=3), make_recipe(), 5)
    assert list(data.labels["train"].values()) == [0, 1, 2, 0, 1]
    assert data.labels["train"] == data.labels["val"]
    with pytest.raises(ConfigError, match="train has 12 of 3"):
        select_clips(make_data(num_train=12, num_classes=3), make_recipe(), 13)
    with pytest.raises(ConfigError, match="at least two classes"):
        select_clips(make_data(num_train=4, num_classes=1), make_recipe(), 2)


class _Stills:
    """A view of one value a clip."""

    is_mirrored = (False,)

    def look(self, instance_id):
        value = {"black": [0, 0], "a": [1, 2], "b": [1, 2], "c": [3, 4]}[instance_id]
        return torch.tensor([value]), {}


def test_clips_that_nothing_can_learn_are_named():
    selection = Selection(("black", "a", "b", "c"), np.array([0, 0, 1, 1]), {})
    odd = find_odd_clips(EvaluationClips(selection, _Stills()))
    assert odd == ["black is blank: every value is 0", "b and a look the same to the model, but are of two classes"]


@pytest.mark.parametrize(
    ("train_loss", "val_loss", "accuracy", "expected"),
    [(0.01, 0.01, 1.0, True), (0.01, 0.4, 1.0, False), (0.4, 0.01, 1.0, False), (0.01, 0.01, 0.875, False)],
)
def test_by_heart_means_both_modes_and_every_clip(train_loss, val_loss, accuracy, expected):
    row = {"train_loss": train_loss, "val_loss": val_loss, "val_top1_accuracy": accuracy}
    assert is_learned(row) is expected


def test_evaluation_mode_that_lags_behind_is_blamed_on_batch_norm(make_recipe):
    steps = [{"kind": "step", "loss": 0.01, "gradient_norm": 1.0}] * 10
    epoch = {"kind": "epoch", "step": 10, "train_loss": 0.01, "val_loss": 2.0, "val_top1_accuracy": 0.5}
    facts = {
        "overfit": {"num_clips": 8, "num_classes": 2, "odd_clips": []},
        "num_parameters": 1,
        "num_parameters_trained": 1,
    }
    [line] = judge([*steps, epoch], facts, make_recipe()).look_at
    assert "running statistics lag behind" in line


def test_the_command_says_so_in_its_exit_status(make_recipe, make_data, tmp_path, monkeypatch):
    monkeypatch.setattr("finegym.training.data.open_data", lambda section: make_data())
    monkeypatch.setattr("finegym.training.recipe_text.read_task", lambda path: "recognition")
    monkeypatch.setattr("finegym.training.recipe.read_recipe", lambda path, overrides: make_recipe())
    words = ["train", "r.toml", "--out", str(tmp_path / "run"), "--overfit", "4", "--stop-after", "1", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["is_learned"] is False
