"""Runs that were stopped, killed or interfered with: what goes on, ends with the same bits."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from finished_runs import assert_equal_weights, get_curve, get_epochs

from finegym.errors import ConfigError, OutputError
from finegym.training import loop
from finegym.training.run import train
from finegym.training.run_folder import RunFolder


def test_a_resumed_run_ends_with_the_same_bits(make_recipe, make_data, tmp_path, capsys):
    whole = train(make_recipe(), make_data(), tmp_path / "whole")
    train(make_recipe(), make_data(), tmp_path / "halves", stop_after=2)
    halves = train(make_recipe(), make_data(), tmp_path / "halves")
    assert "resuming" in capsys.readouterr().err
    assert_equal_weights(whole, halves)
    assert get_epochs(whole) == get_epochs(halves)
    assert [row["step"] for row in halves.read_metrics() if row["kind"] == "step"] == list(range(1, 13))


def test_adamw_resumes_with_the_same_bits_too(make_recipe, make_data, tmp_path):
    recipe = make_recipe("optim.name=adamw", "optim.learning_rate=0.001", "schedule.epochs=2")
    whole = train(recipe, make_data(), tmp_path / "whole")
    train(recipe, make_data(), tmp_path / "halves", stop_after=1)
    assert_equal_weights(whole, train(recipe, make_data(), tmp_path / "halves"))


def test_a_run_killed_in_an_epoch_goes_on_from_its_last_checkpoint(
    make_recipe, make_data, tmp_path, monkeypatch, capsys
):
    whole = train(make_recipe(), make_data(), tmp_path / "whole")
    steps = 0

    def interrupt(batch):
        nonlocal steps
        steps += 1
        if steps == 5:  # second step of the second epoch
            raise KeyboardInterrupt
        return check_batch(batch)

    check_batch = loop.check_batch
    monkeypatch.setattr(loop, "check_batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(make_recipe(), make_data(), tmp_path / "stopped")
    assert "stopped on request; the checkpoint of epoch 1 is kept" in capsys.readouterr().err
    monkeypatch.undo()
    stopped = train(make_recipe(), make_data(), tmp_path / "stopped")
    assert "after epoch 1 of 4; 1 lines of metrics" in capsys.readouterr().err
    assert_equal_weights(whole, stopped)
    assert get_epochs(whole) == get_epochs(stopped)


@pytest.mark.parametrize("sent", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_between_two_steps_loses_nothing(make_recipe, make_data, tmp_path, sent):
    """A process of its own, with a loader process, is hit in the middle of its second epoch."""
    path = tmp_path / "program.py"
    path.write_text(
        textwrap.dedent(
            f"""
            import os, sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            import conftest
            from finegym.training import loop
            from finegym.training.recipe import parse_recipe
            from finegym.training.run import train

            if __name__ == "__main__":
                check_batch, steps = loop.check_batch, 0
                def hit(batch):
                    global steps
                    steps += 1
                    if steps == 5:
                        os.kill(os.getpid(), {int(sent)})
                    return check_batch(batch)
                loop.check_batch = hit
                recipe = parse_recipe(conftest.RECIPE, "tiny", ["data.workers=1", "schedule.epochs=2"])
                train(recipe, conftest.build_data(), {str(tmp_path / "stopped")!r})
            """
        )
    )
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    # Returning at all proves that no loader process is left behind: it would hold the pipes open.
    stopped = subprocess.run([sys.executable, str(path)], env=environment, capture_output=True, timeout=120)
    assert stopped.returncode != 0
    run = RunFolder(tmp_path / "stopped")
    assert [epochs for epochs, _ in run.list_checkpoints()] == [1], stopped.stderr
    recipe = make_recipe("data.workers=1", "schedule.epochs=2")
    resumed = train(recipe, make_data(), run.path)
    whole = train(recipe, make_data(), tmp_path / "whole")
    assert_equal_weights(whole, resumed)
    assert get_curve(whole) == get_curve(resumed)


def test_a_finished_run_is_left_alone(make_recipe, make_data, tmp_path, capsys):
    run = train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.suffix in {".pt", ".jsonl"}}
    train(make_recipe("schedule.epochs=1"), make_data(), tmp_path / "run")
    assert "nothing to do" in capsys.readouterr().err
    after = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.suffix == ".pt"}
    assert after.items() <= before.items()


def test_another_recipe_may_not_go_on_with_a_run(make_recipe, make_data, tmp_path):
    train(make_recipe(), make_data(), tmp_path / "run", stop_after=1)
    with pytest.raises(ConfigError, match=r"began with another recipe: seed, optim\.learning_rate differ"):
        train(make_recipe("seed=9", "optim.learning_rate=0.5"), make_data(), tmp_path / "run")
    with pytest.raises(ConfigError, match="holds a run already"):
        train(make_recipe(), make_data(), tmp_path / "run", resume="never")


def test_another_split_may_not_go_on_with_a_run(make_recipe, make_data, tmp_path):
    train(make_recipe(), make_data(), tmp_path / "run", stop_after=1)
    data = make_data()
    data.facts["split"]["val_sha256"] = "other"
    with pytest.raises(ConfigError, match="another split: the dataset has changed"):
        train(make_recipe(), data, tmp_path / "run")


def test_settings_of_speed_may_change_on_the_way(make_recipe, make_data, tmp_path):
    train(make_recipe("schedule.epochs=2"), make_data(), tmp_path / "run", stop_after=1)
    train(
        make_recipe("schedule.epochs=2", "train.batch_size_test=2", "data.dataset=moved"), make_data(), tmp_path / "run"
    )


def test_a_full_disk_leaves_the_last_checkpoint_whole(make_recipe, make_data, tmp_path, monkeypatch):
    run = train(make_recipe(), make_data(), tmp_path / "run", stop_after=1)
    before = run.find_checkpoint().read_bytes()

    def fill(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    monkeypatch.setattr(RunFolder, "drop_metrics_after", lambda self, epochs: 0)
    with pytest.raises(OutputError, match=r"epoch-0002\.pt.*No space left"):
        train(make_recipe(), make_data(), tmp_path / "run")
    assert [path.read_bytes() == before for _, path in run.list_checkpoints()] == [True]
    assert list(run.checkpoints_path.glob(".*")) == []
