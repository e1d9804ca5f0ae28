"""``finegym fuse``: two runs' files become one that ``evaluate`` takes."""

import hashlib
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import assign_classes, find_subset
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError, PredictionError
from finegym.evaluation.predictions import write_predictions

CODEBOOK = read_builtin("artistic-women")


def run(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path):
    """A dataset of six records, four of them for training, and files of two runs that know different classes."""
    elements = CODEBOOK.get_elements_of_set("FX-S1")[:4]
    subs = tuple(
        SubAction(f"A_{k:04d}_{k:04d}", ((k * 1000, k * 1000 + 500),), element.id, element.set_id)
        for k, element in enumerate(elements)
    )
    action = Action("E_000000_000010", "FX", 0, 10_000, subs)
    dataset = Dataset(CODEBOOK, tuple(Video(f"video{number}", (action,)) for number in range(6)))
    write_dataset(dataset, tmp_path / "set")
    subset = find_subset("FX-S1", CODEBOOK)
    targets = assign_classes(dataset, subset).class_index_by_id
    sides = {
        "train": {id_: index for id_, index in targets.items() if id_[:6] < "video4"},
        "val": {id_: index for id_, index in targets.items() if id_[:6] >= "video4"},
    }
    write_split(Split("leaps", subset, **sides), tmp_path / "set" / "splits" / "leaps")
    for name, known in (("rgb", (0, 1)), ("flow", (2, 3))):
        for side, side_targets in sides.items():
            logits = np.zeros((len(side_targets), len(subset)), np.float32)
            for row, index in enumerate(side_targets.values()):
                logits[row, index if index in known else (index + 1) % 4] = 4.0 if index in known else 1.0
            facts = {"subset": subset.name, "split": f"leaps/{side}", "run": name, "split_subset_sha256": subset.sha256}
            facts["model_sha256"] = hashlib.sha256(name.encode()).hexdigest()
            write_predictions(tmp_path / f"{name}-{side}.parquet", list(side_targets), logits, facts)
    return tmp_path


def get_top1(folder, name):
    arguments = ("--dataset", folder / "set", "--split", "leaps", "--json")
    scores = json.loads(run("evaluate", "recognition", folder / name, *arguments).stdout)
    return scores["results"][0]["top1_accuracy"]["value"], scores["notes"]


def test_two_streams_that_know_different_things(folder):
    choose = [word for name in ("rgb", "flow") for word in ("--choose-on", folder / f"{name}-train.parquet")]
    files = [folder / "rgb-val.parquet", folder / "flow-val.parquet"]
    arguments = (*choose, "--dataset", folder / "set", "--split", "leaps", "--out", folder / "both.parquet")
    out = run("fuse", *files, *arguments).stdout
    assert "both.parquet: 8 instances of leaps/val" in out
    assert "chosen on   leaps/train: 16 instances, 0 of them missing and counted as wrong" in out
    assert "top-1 there 100.0 % (alone 50.0, 50.0)" in out
    assert get_top1(folder, "rgb-val.parquet")[0] == 0.5
    accuracy, notes = get_top1(folder, "both.parquet")
    assert accuracy == 1.0
    assert "fusion of rgb + flow by probabilities, weights [1.0, 1.0] chosen on leaps/train" in notes
    as_json = json.loads(run("fuse", *files, *arguments, "--json").stdout)
    assert [part["weight"] for part in as_json["parts"]] == [1.0, 1.0]
    assert as_json["choice"]["found"]["top1_accuracy"] == 1.0
    assert as_json["notes"] == ["the files do not say whether the runs were trained on leaps/train"]


def test_given_weights_need_no_dataset(folder):
    files = [folder / "rgb-val.parquet", folder / "flow-val.parquet"]
    out = run("fuse", *files, "--weight", "1.5", "--scores", "logits", "--out", folder / "both.parquet").stdout
    assert "weight      1.5 " in out and "averaged    logits" in out
    assert "chosen on" not in out


def test_what_is_refused_is_one_line(folder):
    files = [folder / "rgb-val.parquet", folder / "flow-val.parquet"]
    on_val = [word for path in files for word in ("--choose-on", path)]
    with pytest.raises(ConfigError, match="--choose-on needs --dataset and --split"):
        run("fuse", *files, *on_val, "--out", folder / "both.parquet")
    with pytest.raises(PredictionError, match="chosen on 8 of the instances that are to be fused"):
        arguments = ("--dataset", folder / "set", "--split", "leaps", "--side", "val", "--out", folder / "both.parquet")
        run("fuse", *files, *on_val, *arguments)
    assert not (folder / "both.parquet").exists()
