import json

import numpy as np
import pytest
from breaking_clips import DiesOnce, Numbers
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.datasets.recognition import EpochBatches
from finegym.errors import VideoError
from finegym.training.loading import BadClips, ClipLoader
from finegym.training.run import train


def load(clips, limit, workers=0):
    bad = BadClips(limit)
    batches = EpochBatches(12, 4, seed=0)
    loader = ClipLoader(clips, batches, bad, workers=workers, pin_memory=False)
    epochs = []
    for batches.epoch in range(2):
        epochs.append([batch.places.tolist() for batch in loader])
    expected = []
    for batches.epoch in range(2):
        expected.append([[place for _, place in keys] for keys in batches])
    return epochs, expected, bad


def test_sound_clips_pass_in_order():
    epochs, expected, bad = load(Numbers(), 0)
    assert epochs == expected
    assert bad.reasons == {}


def test_permitted_failures_are_left_out_and_named_once():
    epochs, expected, bad = load(Numbers(failing=(3, 7)), 2)
    assert epochs == [[[p for p in keys if p not in (3, 7)] for keys in epoch] for epoch in expected]
    assert bad.reasons == {"v3": "frame 3 does not decode", "v7": "frame 3 does not decode"}


def test_one_failure_more_than_permitted_stops():
    with pytest.raises(VideoError, match=r"2 clips cannot be read: v\d: frame 3 .*--max-bad-clips 2"):
        load(Numbers(failing=(3, 7)), 1)


def test_not_even_permission_goes_on_with_no_clip_at_all():
    with pytest.raises(VideoError, match="none of the clips can be read"):
        load(Numbers(failing=range(12)), 12)


def test_a_clip_that_kills_its_reader_is_found_named_and_left_out():
    epochs, expected, bad = load(Numbers(killer=5), 1, workers=1)
    assert epochs == [[[p for p in keys if p != 5] for keys in epoch] for epoch in expected]
    assert bad.reasons == {"v5": "kills the process that reads it"}


@pytest.mark.slow
def test_a_killer_that_is_not_permitted_stops_the_run_by_name():
    with pytest.raises(VideoError, match="1 clips cannot be read: v5: kills the process that reads it"):
        load(Numbers(killer=5), 0, workers=1)


@pytest.mark.slow
def test_a_reader_that_dies_of_something_else_stops_the_run(tmp_path):
    with pytest.raises(VideoError, match=r"a loader process died .* Is memory short"):
        load(DiesOnce(tmp_path / "flag"), 5, workers=1)


def break_clips(data, monkeypatch, names):
    read = data.source.read_frames

    def fail(instance_id, *arguments):
        if instance_id in names:
            raise VideoError("v.mp4: frame 3 does not decode")
        return read(instance_id, *arguments)

    monkeypatch.setattr(data.source, "read_frames", fail)


def test_a_run_goes_on_without_bad_clips_and_says_so(make_recipe, make_data, tmp_path, monkeypatch, capsys):
    data = make_data()
    bad = [next(iter(data.labels["train"])), next(iter(data.labels["val"]))]
    break_clips(data, monkeypatch, bad)
    run = train(make_recipe("schedule.epochs=2"), data, tmp_path / "run", max_bad_clips=2)
    assert "left out, cannot be read: v0_E" in capsys.readouterr().err
    last = run.read_last_epoch()
    assert (last["num_clips"], last["val_num_instances"], last["num_bad_clips"]) == (11, 3, 2)
    assert sorted(last["bad_clips"]) == sorted(bad)
    assert np.isfinite(last["train_loss"])


def test_a_batch_of_bad_clips_only_is_no_step(make_recipe, make_data, tmp_path, monkeypatch):
    data = make_data()
    break_clips(data, monkeypatch, list(data.labels["train"])[:3])
    recipe = make_recipe("schedule.epochs=1", "train.batch_size=1", "train.evaluate_every=0")
    run = train(recipe, data, tmp_path / "run", max_bad_clips=3)
    steps = [row["step"] for row in run.read_metrics() if row["kind"] == "step"]
    assert len(steps) == 9
    assert set(steps) < set(range(1, 13))


def test_the_command_permits_and_reports(make_recipe, make_data, tmp_path, monkeypatch):
    data = make_data()
    break_clips(data, monkeypatch, list(data.labels["train"])[:1])
    monkeypatch.setattr("finegym.training.data.open_data", lambda section: data)
    monkeypatch.setattr("finegym.training.recipe_text.read_task", lambda path: "recognition")
    monkeypatch.setattr("finegym.training.recipe.read_recipe", lambda path, o: make_recipe("schedule.epochs=1"))
    words = ["train", "r.toml", "--out", str(tmp_path / "run"), "--max-bad-clips", "1"]
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["num_bad_clips"] == 1
    assert "bad clips   1 could not be read" in CliRunner().invoke(app, words).stdout
