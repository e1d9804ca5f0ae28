"""Retrieval by attributes: an order worked by hand, chance by shuffling, resamples that repeat, wrong queries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from test_attributes_evaluating import ROWS, make_data, predict
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.splits import write_split
from finegym.applications.attributes_evaluating import compute_average_precision
from finegym.applications.attributes_retrieval import (
    compute_chance,
    format_retrieval_report,
    make_retrieval_report,
    resample_average_precision,
)
from finegym.cli.app import app
from finegym.errors import ConfigError, FineGymError, PredictionError
from finegym.evaluation.predictions import write_predictions


def test_a_query_by_hand():
    """Two twists or more has only "tuck-2": 0.3, 0.4, 0.1, 0.1, 0.1 and 0.6 likely, the true one second."""
    predictions, split, dataset = predict(ROWS)
    report = make_retrieval_report(
        predictions, split, dataset, name="p", queries=["kind=salto & twist>=2", "kind=turn"]
    )
    first, second = report.scores
    assert (first.num_elements, first.num_known, first.num_right) == (1, 1, 1)
    assert first.average_precision.value == pytest.approx(1 / 2)
    assert first.chance == pytest.approx(sum(1 / place for place in range(1, 7)) / 6)
    assert (first.num_listed, first.num_listed_right) == (1, 0)  # the last one, at 0.6
    assert second.average_precision.value == pytest.approx(1.0)
    text = format_retrieval_report(report)
    assert "kind=salto & twist>=2" in text and "6 instances" in text and "0 of 1" in text


def test_without_a_query_every_value_is_looked_for():
    predictions, split, dataset = predict(ROWS)
    scores = make_retrieval_report(predictions, split, dataset, name="p").scores
    assert {"kind=salto", "kind=turn", "body=tucked", "body=piked", "twist=2"} <= {one.query for one in scores}


@pytest.mark.parametrize(("num_right", "num_instances"), [(1, 1), (1, 4), (3, 7), (7, 7), (5, 40)])
def test_chance_is_what_shuffling_has(num_right, num_instances):
    rng = np.random.default_rng(0)
    is_right = np.arange(num_instances) < num_right
    drawn = [compute_average_precision(rng.random(num_instances), is_right) for _ in range(4000)]
    error = np.std(drawn) / len(drawn) ** 0.5
    assert compute_chance(num_right, num_instances) == pytest.approx(np.mean(drawn), abs=5 * error + 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_a_resample_is_worth_what_the_repeated_instances_are(seed):
    rng = np.random.default_rng(seed)
    scores, is_right = rng.integers(0, 6, 30) / 5, rng.random(30) < 0.3
    weights = rng.integers(0, 4, (5, 30)).astype(float)
    found = resample_average_precision(scores, is_right, weights)
    for row, value in zip(weights.astype(int), found, strict=True):
        repeated = np.repeat(np.arange(30), row)
        assert value == pytest.approx(compute_average_precision(scores[repeated], is_right[repeated]))
    plain = resample_average_precision(scores, is_right, np.ones((1, 30)))
    assert plain[0] == pytest.approx(compute_average_precision(scores, is_right))
    assert np.isnan(resample_average_precision(scores, is_right, (~is_right)[None].astype(float))).all()


def test_missing_predictions_come_last():
    predictions, split, dataset = predict(ROWS, leave_out=(1,))
    with pytest.raises(PredictionError):
        make_retrieval_report(predictions, split, dataset, name="p", queries=["twist>=2"])
    report = make_retrieval_report(predictions, split, dataset, name="p", queries=["twist>=2"], missing="wrong")
    assert report.num_missing == 1 and report.scores[0].average_precision.value == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("query", "fact"),
    [
        ("twists>=2", 'did you mean "twist"'),
        ("kind=turn & twist>=2", "kind=turn: 1, twist>=2: 1"),
        ("kind=salto &", "no condition"),
    ],
)
def test_wrong_queries_say_what_exists(query, fact):
    predictions, split, dataset = predict(ROWS)
    with pytest.raises(ConfigError, match=fact):
        make_retrieval_report(predictions, split, dataset, name="p", queries=[query])


def test_the_command(tmp_path):
    dataset, split = make_data()
    write_dataset(dataset, tmp_path / "data")
    write_split(split, tmp_path / "data" / "splits" / "all")
    predictions, _, _ = predict(ROWS)
    write_predictions(tmp_path / "val.parquet", predictions.instance_ids, predictions.logits, {})
    words = ["evaluate", "retrieval", str(tmp_path / "val.parquet"), "--dataset", str(tmp_path / "data")]
    words += ["--split", "all", "--query", "kind=salto & twist>=2"]
    result = CliRunner().invoke(app, [*words, "--json", "--out", str(tmp_path / "report.json")])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert json.loads(result.stdout)["scores"][0]["num_right"] == 1
    none = CliRunner().invoke(app, ["attributes", "find", str(tmp_path / "data"), "--where", "kind=turn & twist>=2"])
    assert isinstance(none.exception, FineGymError) and "elements of one alone" in str(none.exception)
