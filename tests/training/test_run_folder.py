"""Reading a run folder: checkpoints, metrics and TensorBoard's curve, whole or damaged."""

import json

import pytest
import torch

from finegym.errors import ConfigError
from finegym.training.predict import predict
from finegym.training.run import train
from finegym.training.run_folder import RunFolder, read_checkpoint


def test_checkpoints_that_are_none_are_named(make_recipe, make_data, tmp_path):
    with pytest.raises(ConfigError, match="is no run"):
        RunFolder(tmp_path / "nothing").read_recipe()
    with pytest.raises(ConfigError, match="no checkpoint yet"):
        RunFolder(tmp_path / "nothing").find_checkpoint()
    run = train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "run")
    with pytest.raises(ConfigError, match="expected last or one of 1"):
        run.find_checkpoint("9")
    path = run.find_checkpoint()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ConfigError, match=r"epoch-0001\.pt cannot be read"):
        predict(run, run.read_recipe(), make_data(), tmp_path / "p.parquet")
    torch.save({"some": 1}, path)
    with pytest.raises(ConfigError, match="is no checkpoint of finegym"):
        read_checkpoint(path)


def test_metrics_that_were_cut_off_are_read_up_to_there(tmp_path):
    run = RunFolder(tmp_path)
    run.append_metrics(kind="step", epoch=1)
    with run.metrics_path.open("a") as file:
        file.write('{"kind": "st')
    assert run.read_metrics() == [{"kind": "step", "epoch": 1}]
    assert run.drop_metrics_after(1) == 0
    assert [json.loads(line) for line in run.metrics_path.read_text().splitlines()] == [{"kind": "step", "epoch": 1}]
    run.metrics_path.write_text("nonsense\n{}\n")
    with pytest.raises(ConfigError, match="line 1: not JSON"):
        run.read_metrics()


def test_tensorboard_holds_the_same_curve(make_recipe, make_data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train(make_recipe("schedule.epochs=2"), make_data(), tmp_path / "run")
    events = EventAccumulator(str(run.tensorboard_path))
    events.Reload()
    losses = [row["loss"] for row in run.read_metrics() if row["kind"] == "step"]
    assert [event.value for event in events.Scalars("loss")] == pytest.approx(losses)
