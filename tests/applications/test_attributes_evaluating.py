"""Evaluation of attributes: a case worked by hand, average precision against another library, perfect predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from test_attributes import TOY
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import make_subset
from finegym.applications.attributes_evaluating import (
    compute_average_precision,
    format_attributes_report,
    make_attributes_report,
)
from finegym.cli.app import app
from finegym.errors import PredictionError
from finegym.evaluation.predictions import Predictions, write_predictions

IDS = ("tuck", "tuck-2", "pike", "spin")
TRUTH = ("tuck", "tuck-2", "pike", "spin", "tuck", "pike")


def make_data():
    """Two records of three sub-actions each."""
    videos = []
    for number in range(2):
        subs = tuple(
            SubAction(
                f"A_{place:04d}_{place + 1:04d}", ((1000 * place, 1000 * place + 900),), TRUTH[3 * number + place]
            )
            for place in range(3)
        )
        videos.append(Video(f"rec{number}", (Action("E_000000_000010", "FX", 0, 10_000, subs),)))
    dataset = Dataset(TOY, tuple(videos))
    subset = make_subset("all", "element", list(IDS), TOY)
    side = {id_: IDS.index(one.sub_action.element_id) for id_, one in dataset.instances.items()}
    return dataset, Split("all", subset, {}, side)


def predict(rows, leave_out=()):
    dataset, split = make_data()
    kept = [place for place in range(len(rows)) if place not in leave_out]
    ids = tuple(id_ for place, id_ in enumerate(split.val) if place in kept)
    logits = np.log(np.array(rows, dtype=np.float32)[kept])
    return Predictions(ids, logits, {}), split, dataset


ROWS = [
    [0.3, 0.3, 0.4, 0.0001],  # tuck: the likeliest element is pike, yet tucked is likelier than piked
    [0.6, 0.4, 0.0001, 0.0001],  # tuck-2: tucked, but said to be without twists
    [0.1, 0.1, 0.8, 0.0001],  # pike
    [0.3, 0.1, 0.2, 0.4],  # spin: kind is salto with 0.6
    [0.9, 0.1, 0.0001, 0.0001],  # tuck
    [0.1, 0.6, 0.3, 0.0001],  # pike: said to be tucked
]


def test_a_case_by_hand():
    predictions, split, dataset = predict(ROWS)
    report = make_attributes_report(predictions, split, dataset, name="p")
    scores = {score.name: score for score in report.scores}
    assert scores["kind"].accuracy.value == pytest.approx(5 / 6)
    assert scores["kind"].mean_value_accuracy.value == pytest.approx((5 / 5 + 0 / 1) / 2)
    assert scores["kind"].majority == pytest.approx(5 / 6)
    assert (scores["body"].num_instances, scores["body"].num_values) == (5, 2)
    assert scores["body"].accuracy.value == pytest.approx(4 / 5)  # of the pikes one is wrong
    assert scores["body"].mean_value_accuracy.value == pytest.approx((3 / 3 + 1 / 2) / 2)
    # Twists: of the tucks. 0.3 against 0.3 is a tie, and the first value (0) counts; 0.9; the two twists are missed.
    assert (scores["twist"].num_instances, scores["twist"].accuracy.value) == (3, pytest.approx(2 / 3))
    assert report.all_right.value == pytest.approx(3 / 6)  # rows 0, 2, 4
    assert report.element_accuracy.value == pytest.approx(3 / 6)  # rows 2, 3, 4
    # Counter is yes of pikes alone; their probabilities 0.8 and 0.3 have 0.4 (a tuck) between: (1/1 + 2/3) / 2.
    precisions = {(name, value): (count, found) for name, value, count, found in report.average_precisions}
    assert precisions["counter", "yes"] == (2, pytest.approx((1 + 2 / 3) / 2))
    assert report.mean_average_precision == pytest.approx(np.mean([found for _, found in precisions.values()]))
    assert "body" in format_attributes_report(report)


def test_missing_predictions_are_wrong_and_come_last():
    predictions, split, dataset = predict(ROWS, leave_out=(2,))
    with pytest.raises(PredictionError, match="--missing wrong"):
        make_attributes_report(predictions, split, dataset, name="p")
    report = make_attributes_report(predictions, split, dataset, name="p", missing="wrong")
    scores = {score.name: score for score in report.scores}
    assert report.num_missing == 1
    assert scores["body"].accuracy.value == pytest.approx(3 / 5)
    precisions = {(name, value): found for name, value, _, found in report.average_precisions}
    assert precisions["counter", "yes"] == pytest.approx((1 / 2 + 2 / 6) / 2)  # 0.4, 0.3 (pike), …, missing


def test_perfect_predictions_are_perfect():
    rows = np.full((6, 4), 1e-4)
    rows[np.arange(6), [IDS.index(one) for one in TRUTH]] = 1
    predictions, split, dataset = predict(rows)
    report = make_attributes_report(predictions, split, dataset, name="p")
    assert report.all_right.value == report.element_accuracy.value == report.mean_average_precision == 1
    assert all(score.accuracy.value == 1 for score in report.scores)


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_agrees_with_torchmetrics(seed):
    from torchmetrics.functional.classification import binary_average_precision

    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 12, size=60) / 12  # many ties
    is_positive = rng.random(60) < 0.3
    wanted = binary_average_precision(torch.from_numpy(scores), torch.from_numpy(is_positive.astype(int)))
    assert compute_average_precision(scores, is_positive) == pytest.approx(float(wanted), abs=1e-6)


def test_splits_of_sets_are_refused():
    predictions, _, dataset = predict(ROWS)
    subset = make_subset("sets", "set", ["FX-S1", "FX-S2"], TOY)
    split = Split("sets", subset, {}, dict.fromkeys(dataset.instances, 0))
    with pytest.raises(PredictionError, match="one of sets"):
        make_attributes_report(predictions, split, dataset, name="p")


def test_the_command(tmp_path):
    predictions, split, dataset = predict(ROWS)
    write_dataset(dataset, tmp_path / "set")
    write_split(split, tmp_path / "set" / "splits" / "all")
    path = tmp_path / "val.parquet"
    write_predictions(path, predictions.instance_ids, predictions.logits, {"subset": "all", "split": "all/val"})
    words = ["evaluate", "attributes", str(path), "--dataset", str(tmp_path / "set"), "--split", "all"]
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert {score["name"]: score["num_instances"] for score in report["scores"]} == {
        "kind": 6,
        "body": 5,
        "twist": 3,
        "counter": 2,
    }
    assert "all attributes right 50.0" in CliRunner().invoke(app, words).stdout
