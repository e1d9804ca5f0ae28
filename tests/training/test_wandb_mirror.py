"""Weights & Biases is a mirror of metrics.jsonl: every step once, whatever stops a run. Its files are read as bytes."""

import json
import struct

import pytest

from finegym.errors import ConfigError
from finegym.training.run import train
from finegym.training.wandb_mirror import open_mirror

wandb = pytest.importorskip("wandb")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """Nothing leaves this machine, and nothing of the user's settings is read."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / name.lower()))


def read_history(folder):
    """(run id, step, values) of every line of history in the offline files of a run, oldest file first.

    Blocks of 32768 bytes hold parts of records: checksum, length, kind (1 whole, 2 first, 3 middle, 4 last); the first
    block begins with 7 bytes of wandb's own.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    rows = []
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        content, place, part = path.read_bytes(), 7, b""
        while place + 7 <= len(content):
            if 32768 - place % 32768 < 7:
                place += 32768 - place % 32768
                continue
            length, kind = struct.unpack_from("<HB", content, place + 4)
            part += content[place + 7 : place + 7 + length]
            place += 7 + length
            if kind in (1, 4):
                record, part = Record.FromString(part), b""
                if record.HasField("history"):
                    values = {
                        item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item
                    }
                    rows.append((path.stem, values.pop("_step"), values))
    return rows


def check_mirror(run):
    """Every step of metrics.jsonl is there once, under one id, with its loss; the last of an epoch with the epoch's."""
    rows = read_history(run.path)
    metrics = run.read_metrics()
    steps = {row["step"]: row for row in metrics if row["kind"] == "step"}
    assert [step for _, step, _ in rows] == sorted(steps)
    assert len({name for name, _, _ in rows}) == 1
    for _, step, values in rows:
        assert values["loss"] == steps[step]["loss"]
    last = [values for _, _, values in rows if "val_loss" in values]
    assert [values["val_loss"] for values in last] == [row["val_loss"] for row in metrics if row["kind"] == "epoch"]


def test_a_run_that_is_stopped_killed_and_resumed_has_every_step_once(make_recipe, make_data, tmp_path):
    recipe, data = make_recipe(), make_data(num_train=8)
    run = train(recipe, data, tmp_path / "run", stop_after=1, wandb_project="gym")
    # As after a kill in the middle of the second epoch: a step that will be computed again.
    run.append_metrics(kind="step", epoch=2, step=3, loss=9.0, learning_rate=0.1, gradient_norm=1.0)
    train(recipe, data, tmp_path / "run", stop_after=3, wandb_project="gym")
    train(recipe, data, tmp_path / "run", wandb_project="gym")
    train(recipe, data, tmp_path / "run", wandb_project="gym")  # done already
    assert run.read_last_epoch()["epoch"] == 4
    check_mirror(run)
    assert json.loads((run.path / "wandb.json").read_text())["epochs_sent"] == 4


def test_a_run_that_began_without_is_mirrored_from_its_beginning(make_recipe, make_data, tmp_path):
    recipe, data = make_recipe("schedule.epochs=2"), make_data(num_train=8)
    run = train(recipe, data, tmp_path / "run", stop_after=1)
    train(recipe, data, tmp_path / "run", wandb_project="gym")
    check_mirror(run)


def test_another_project_a_damaged_file_and_a_missing_package_are_one_line(
    make_recipe, make_data, tmp_path, monkeypatch
):
    recipe = make_recipe("schedule.epochs=1")
    run = train(recipe, make_data(num_train=8), tmp_path / "run")
    (run.path / "wandb.json").write_text('{"project": "gym", "id": "a", "epochs_sent": 0}')
    with (
        pytest.raises(ConfigError, match=r"was mirrored to project 'gym' .*, not 'other'"),
        open_mirror(run, "other", "tiny", {}),
    ):
        pass
    (run.path / "wandb.json").write_text("{")
    with pytest.raises(ConfigError, match=r"wandb\.json cannot be read"), open_mirror(run, "gym", "tiny", {}):
        pass
    monkeypatch.setattr("finegym.training.wandb_mirror.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'finegym\[wandb\]'"), open_mirror(run, "gym", "tiny", {}):
        pass


def test_without_a_login_it_says_so_before_the_first_step(make_recipe, make_data, tmp_path, monkeypatch):
    def refuse(**_):
        raise wandb.errors.UsageError("No API key configured. Use `wandb login` to log in.")

    monkeypatch.setattr(wandb, "init", refuse)
    with pytest.raises(ConfigError, match=r"cannot begin: No API key .* or set WANDB_MODE=offline"):
        train(make_recipe(), make_data(num_train=8), tmp_path / "run", wandb_project="gym")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
