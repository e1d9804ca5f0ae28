"""``finegym evaluate queries``: the report against its parts, and what goes wrong."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import make_subset
from finegym.cli import main
from finegym.codebook.builtin import read_builtin
from finegym.evaluation.predictions import Predictions, write_predictions
from finegym.evaluation.queries_report import export_queries_report, format_queries_report, make_queries_report

WOMEN = read_builtin("artistic-women")
IDS = ("ub-giant-backward", "ub-giant-forward", "ub-stalder-backward", "ub-stalder-forward")


def make_dataset():
    videos = []
    for number in range(6):
        subs = tuple(
            SubAction(f"A_{2 * place:04d}_{2 * place + 1:04d}", ((2000 * place, 2000 * place + 1500),), id_)
            for place, id_ in enumerate(IDS)
        )
        videos.append(Video(f"record{number:05d}", (Action("E_000000_000010", "UB", 0, 10_000, subs),)))
    return Dataset(WOMEN, tuple(videos))


def make_split(dataset, level="element"):
    ids = IDS if level == "element" else ("UB-S1",)
    subset = make_subset("circles", level, list(ids), WOMEN)
    labels = {
        id_: subset.class_index_by_id[i.sub_action.element_id if level == "element" else "UB-S1"]
        for id_, i in dataset.instances.items()
    }
    return Split("circles", subset, {}, labels)


def predict_forward(split):
    """A model that sees what circle it is, and takes every one for forward."""
    said = [1 if target < 2 else 3 for target in split.val.values()]
    return Predictions(
        tuple(split.val), np.eye(4, dtype=np.float32)[said], {"subset": "circles", "split": "circles/val"}
    )


def test_what_the_model_cannot_see_stands_first():
    dataset = make_dataset()
    split = make_split(dataset)
    report = make_queries_report({"a": predict_forward(split), "b": predict_forward(split)}, split, dataset)
    values = {topic: found.value for topic, found in report.topic_scores.items()}
    assert values == {"direction": 0.5, "circle": 1.0}
    assert (report.num_instances, report.num_groups, report.num_missing) == (24, 6, 0)
    forward = next(query_id for query_id, count in report.confusions.items() if count)
    assert report.confusions == {forward: 12} and "forward" in WOMEN.query_by_id[forward].text
    lines = format_queries_report(report, dataset).splitlines()
    assert "and 2 files" in lines[1] and lines[5].split()[:3] == ["direction", "1", "50.0"]
    facts = json.loads(json.dumps(export_queries_report(report), allow_nan=False))
    assert facts["topic_scores"]["direction"]["value"] == 0.5 and facts["scores"][0]["num_yes"] == 12


def test_queries_with_one_answer_are_null_and_counted():
    dataset = make_dataset()
    split = make_split(dataset)
    few = {id_: index for id_, index in split.val.items() if index in (0, 1)}
    split = replace(split, val=few)
    report = make_queries_report({"a": predict_forward(split)}, split, dataset)
    assert "1 to which only one answer occurs are left out" in format_queries_report(report, dataset)
    values = [each["balanced_accuracy"]["value"] for each in export_queries_report(report)["scores"]]
    assert values.count(None) == 1


@pytest.fixture
def folder(tmp_path):
    dataset = make_dataset()
    write_dataset(dataset, tmp_path / "data")
    for level in ("element", "set"):
        write_split(replace(make_split(dataset, level), name=level), tmp_path / "data" / "splits" / level)
    said = predict_forward(make_split(dataset))
    write_predictions(tmp_path / "p.parquet", said.instance_ids, said.logits, said.metadata)
    write_predictions(tmp_path / "half.parquet", said.instance_ids[:12], said.logits[:12], said.metadata)
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["finegym", "evaluate", "queries", *map(str, words)])
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capsys.readouterr()

    return call


def test_the_verb_prints_the_report_and_writes_json(folder, run):
    words = (folder / "p.parquet", "--dataset", folder / "data", "--split", "element", "--out", folder / "q.json")
    status, out, _ = run(*words)
    assert status == 0 and "chance is 50 %" in out
    assert json.loads((folder / "q.json").read_text())["split"] == "element/val"


@pytest.mark.parametrize(
    ("files", "split", "message"),
    [
        (["p.parquet"], "set", "only elements imply answers"),
        (["p.parquet", "p.parquet"], "element", "given twice"),
        (["half.parquet"], "element", "24 instances, predictions cover 12"),
    ],
)
def test_what_does_not_fit_is_one_line(folder, run, files, split, message):
    status, _, err = run(*(folder / name for name in files), "--dataset", folder / "data", "--split", split)
    assert status == 1 and message in err and err.count("\n") == 1
