"""``finegym evaluate recognition``: a table, JSON, and the errors that keep evaluation sets from shrinking."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.official import read_official_dataset
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import assign_classes, find_subset
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.errors import AnnotationError, PredictionError
from finegym.evaluation.predictions import write_predictions


def run(*arguments):
    result = CliRunner().invoke(app, ["evaluate", "recognition", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def folder(tmp_path):
    """A dataset folder with a split and a perfect prediction file beside it."""
    codebook = read_builtin("artistic-women")
    elements = [set_elements[0] for set_ in codebook.sets if (set_elements := codebook.get_elements_of_set(set_.id))]
    floor = [element for element in elements if element.set_id.startswith("FX")]
    videos = [
        Video(
            f"video{number}",
            (
                Action(
                    "E_000000_000010",
                    "FX",
                    0,
                    10_000,
                    tuple(
                        SubAction(f"A_{k:04d}_{k:04d}", ((k * 1000, k * 1000 + 500),), element.id, element.set_id)
                        for k, element in enumerate(floor)
                    ),
                ),
            ),
        )
        for number in range(4)
    ]
    dataset = Dataset(codebook, tuple(videos))
    write_dataset(dataset, tmp_path / "set")
    subset = find_subset("set", codebook)
    targets = assign_classes(dataset, subset).class_index_by_id
    write_split(Split("sets", subset, {}, targets), tmp_path / "set" / "splits" / "sets")
    write_predictions(
        tmp_path / "p.parquet",
        list(targets),
        np.eye(len(subset), dtype=np.float32)[list(targets.values())] * 5,
        {"subset": "set", "split": "sets/val", "split_subset_sha256": subset.sha256},
    )
    return tmp_path


def test_a_table_for_people(folder):
    out = run(folder / "p.parquet", "--dataset", folder / "set", "--split", "sets", "--rollup", "--classes").stdout
    assert "sets/val: 20 instances" in out
    assert "100.0 (100.0–100.0)" in out
    assert "10 of 15 classes have no instance and are in no mean" in out
    assert "SIMULATED" not in out
    (folder / "set" / "truth").mkdir()
    assert "SIMULATED" in run(folder / "p.parquet", "--dataset", folder / "set", "--split", "sets").stdout


def test_json_for_machines_and_in_a_file(folder):
    path = folder / "out" / "scores.json"
    split_folder = folder / "set" / "splits" / "sets"
    arguments = (folder / "p.parquet", "--dataset", folder / "set", "--split", split_folder, "--json", "--out", path)
    printed = json.loads(run(*arguments).stdout)
    assert printed == json.loads(path.read_text())
    assert printed["results"][0]["top1_accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert printed["predictions"] == str(folder / "p.parquet")


def test_a_file_that_lacks_instances_is_an_error_that_lists_them(folder):
    from finegym.evaluation.predictions import read_predictions

    whole = read_predictions(folder / "p.parquet")
    write_predictions(folder / "q.parquet", whole.instance_ids[2:], whole.logits[2:], whole.metadata)
    arguments = (folder / "q.parquet", "--dataset", folder / "set", "--split", "sets")
    message = rf"sets/val has 20 instances, predictions cover 18; first missing: {whole.instance_ids[0]}"
    with pytest.raises(PredictionError, match=message):
        run(*arguments)
    scores = json.loads(run(*arguments, "--missing", "wrong", "--json").stdout)
    assert scores["num_missing"] == 2
    assert scores["results"][0]["top1_accuracy"]["value"] == 18 / 20


def test_an_unknown_split_names_those_there_are(folder):
    with pytest.raises(AnnotationError, match=r"has no split 'gym99', and that is no split folder.*; there are: sets"):
        run(folder / "p.parquet", "--dataset", folder / "set", "--split", "gym99")


def test_gym99_is_evaluated_from_the_official_files(shared, tmp_path):
    """Predictions that know the set but not the element: right about sets and events, one in many about elements."""
    official = read_official_dataset(shared / "finegym")
    val = official.lists["gym99"]["val"].label_by_id
    glabels = official.files.class_glabels["gym99"]
    element_by_glabel = {element.glabel: element for element in official.dataset.codebook.elements}
    sets = np.array([element_by_glabel[glabel].set_id for glabel in glabels])
    targets = np.array(list(val.values()))
    logits = np.where(sets[None, :] == sets[targets][:, None], 0, -30).astype(np.float32)
    write_predictions(tmp_path / "p.parquet", list(val), logits, {"subset": "gym99", "split": "gym99/val"})
    arguments = (tmp_path / "p.parquet", "--dataset", shared / "finegym", "--split", "gym99", "--rollup", "--json")
    scores = json.loads(run(*arguments, "--resamples", 100).stdout)
    assert (scores["num_instances"], scores["num_missing"]) == (8521, 0)
    older = (tmp_path / "p.parquet", "--dataset", shared / "finegym", "--split", "gym99-v1.0", "--resamples", 100)
    assert "gym99-v1.0/val: 8,521 instances" in run(*older).stdout
    results = {(result["scope"], result["level"]): result for result in scores["results"]}
    assert results["all", "element"]["num_classes"] == 99 and not results["all", "element"]["absent_classes"]
    assert results["all", "set"]["top1_accuracy"]["value"] == 1 and results["all", "set"]["num_classes"] == 14
    assert results["all", "event"]["mean_class_accuracy"]["value"] == 1
    counts = {"VT": (6, 446), "FX": (35, 2226), "BB": (33, 3035), "UB": (25, 2814)}
    for event, (num_classes, num_instances) in counts.items():
        inside = results[event, "element"]
        assert (inside["num_classes"], inside["num_instances"]) == (num_classes, num_instances)
    # A constant inside a set is right about its first class only.
    assert results["FX-S1", "element"]["mean_class_accuracy"]["value"] == pytest.approx(1 / 11)
