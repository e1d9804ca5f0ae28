import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from finegym.cli.app import app
from finegym.errors import ConfigError, PredictionError, VideoError
from finegym.evaluation.predictions import write_predictions
from finegym.features.pose.poses import FOUND, Poses
from finegym.training import run_page
from finegym.training.clip_pictures import draw_bare_poses
from finegym.training.predict import predict
from finegym.training.run import train
from finegym.training.run_page import write_run_page
from finegym.training.run_page_clips import judge_predictions


@pytest.fixture
def trained(make_recipe, make_data, tmp_path, monkeypatch):
    """A run of two epochs with predictions, and its data."""
    data = make_data(num_val=6)
    monkeypatch.setattr(run_page, "open_data", lambda section: data)
    run = train(make_recipe("schedule.epochs=2"), data, tmp_path / "run")
    predict(run, run.read_recipe(), data, run.predictions_path / "val.parquet")
    return run, data


def get_headings(text):
    return re.findall(r"<h2>([^<]+?) *</h2>", text)


def test_the_page_shows_curves_classes_clips_and_recipe(trained, tmp_path):
    run, _ = trained
    tally = write_run_page(run, run.read_recipe(), tmp_path / "page.html", num_worst=4)
    assert (tally.epochs, tally.num_judged, tally.num_worst, dict(tally.unread)) == (2, 6, 4, {})
    text = (tmp_path / "page.html").read_text()
    assert get_headings(text) == ["Learning", "Speed", "Classes", "Worst clips", "Facts", "Recipe"]
    assert text.count("data:image/jpeg") == 4
    assert text.count("data:image/svg") == 4 + 2 + 1
    assert "clips a second" in text
    assert "waiting for data" in text
    assert "[schedule]" in text
    assert "http" not in re.sub(r"data:image[^\"]+", "", text)


def test_losses_and_order_agree_with_a_slow_count(make_data, tmp_path):
    data = make_data(num_val=3)
    logits = np.array([[2.0, 0.0], [3.0, -1.0], [0.0, 0.0]], np.float32)
    write_predictions(tmp_path / "p.parquet", list(data.labels["val"]), logits, {"subset": "s", "split": "colours/val"})
    judged = judge_predictions(tmp_path / "p.parquet", data, "val")
    targets = list(data.labels["val"].values())
    slow = [-np.log(np.exp(row[k]) / np.exp(row).sum()) for row, k in zip(logits, targets, strict=True)]
    np.testing.assert_allclose(judged.losses, slow, rtol=1e-6)
    assert judged.find_worst(3) == sorted(range(3), key=lambda row: -slow[row])
    np.testing.assert_allclose(judged.probabilities.sum(axis=1), 1)


def test_instances_without_a_prediction_are_counted(trained, tmp_path):
    run, data = trained
    first = next(iter(data.labels["val"]))
    write_predictions(tmp_path / "p.parquet", [first], np.zeros((1, 2), np.float32), {"subset": "s", "split": "x"})
    write_run_page(run, run.read_recipe(), tmp_path / "page.html", predictions=tmp_path / "p.parquet")
    assert "5 instances have no prediction" in (tmp_path / "page.html").read_text()
    write_predictions(tmp_path / "p.parquet", [first], np.zeros((1, 3), np.float32), {"subset": "s", "split": "x"})
    with pytest.raises(PredictionError, match="2 classes, the file has 3"):
        write_run_page(run, run.read_recipe(), tmp_path / "page.html", predictions=tmp_path / "p.parquet")


def test_a_clip_that_cannot_be_read_is_named(trained, tmp_path, monkeypatch):
    run, data = trained

    def fail(*arguments):
        raise VideoError("v.mp4: frame 3 does not decode")

    monkeypatch.setattr(data.source, "read_frames", fail)
    tally = write_run_page(run, run.read_recipe(), tmp_path / "page.html", num_worst=2)
    assert tally.num_worst == 0
    assert len(tally.unread) == 2
    assert "It cannot be shown: v.mp4: frame 3 does not decode" in (tmp_path / "page.html").read_text()


def test_without_predictions_the_page_says_how_to_make_them(make_recipe, make_data, tmp_path):
    run = train(make_recipe(), make_data(), tmp_path / "run", stop_after=1)
    tally = write_run_page(run, run.read_recipe(), tmp_path / "page.html")
    assert tally.num_judged == 0
    assert "finegym predict" in (tmp_path / "page.html").read_text()
    with pytest.raises(ConfigError, match=r"no\.parquet does not exist"):
        write_run_page(run, run.read_recipe(), tmp_path / "page.html", predictions=tmp_path / "no.parquet")


def test_an_overfit_run_says_that_it_is_no_result(make_recipe, make_data, tmp_path):
    run = train(make_recipe(), make_data(), tmp_path / "run", overfit=4, stop_after=1)
    result = CliRunner().invoke(app, ["run", "page", str(run.path), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["num_judged"] == 0
    assert get_headings((run.path / "page.html").read_text())[0] == "Not a result"


def test_poses_without_frames_are_drawn_on_grey():
    scores = np.ones((1, 3, 17), np.float32)
    points = np.random.default_rng(0).uniform(20, 80, (1, 3, 17, 2)).astype(np.float32)
    boxes = np.tile(np.float32([20, 20, 80, 80]), (1, 3, 1))
    picture = draw_bare_poses(Poses(points, scores, boxes, np.full((1, 3), FOUND, np.uint8), 100, 100))
    assert picture.dtype == np.uint8
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10
