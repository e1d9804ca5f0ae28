"""The report: numbers never without their counts; predictions for other classes are refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.splits import Split, write_split
from finegym.annotations.subsets import assign_classes, find_subset
from finegym.codebook.builtin import read_builtin
from finegym.errors import PredictionError
from finegym.evaluation.predictions import Predictions
from finegym.evaluation.report import (
    export_recognition_report,
    find_groups,
    format_recognition_report,
    make_recognition_report,
)

CODEBOOK = read_builtin("artistic-women")
ELEMENTS = [*CODEBOOK.get_elements_of_set("FX-S1")[:4], *CODEBOOK.get_elements_of_set("FX-S2")[:3]]


def make_dataset():
    videos = []
    for number in range(6):
        sub_actions = tuple(
            SubAction(f"A_{k:04d}_{k:04d}", ((k * 1000, k * 1000 + 500),), element.id, element.set_id)
            for k, element in enumerate(ELEMENTS)
        )
        action = Action("E_000000_000010", "FX", 0, 10_000, sub_actions, athlete="Ann" if number < 3 else None)
        videos.append(Video(f"video{number}", (action,), competition=f"cup{number % 2}"))
    return Dataset(CODEBOOK, tuple(videos))


DATASET = make_dataset()
SUBSET = find_subset("FX", CODEBOOK)
TARGETS = assign_classes(DATASET, SUBSET).class_index_by_id
SPLIT = Split("FX", SUBSET, {}, TARGETS)


def make_predictions(rows=None, **metadata):
    ids = tuple(TARGETS)[: len(TARGETS) if rows is None else rows]
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(len(ids), len(SUBSET))).astype(np.float32)
    logits[np.arange(len(ids)), [TARGETS[id_] for id_ in ids]] += 3
    return Predictions(ids, logits, {"split_subset_sha256": SUBSET.sha256, **metadata})


def report(predictions=None, **options):
    options = {"source": "p.parquet", "num_resamples": 100, **options}
    return make_recognition_report(predictions or make_predictions(), SPLIT, DATASET, **options)


def test_text_carries_counts_seed_and_hashes():
    text = format_recognition_report(report(seed=5, is_simulated=True, rollup=True), classes=True)
    assert "FX/val: 42 instances, sha256 " in text
    assert "0 instances without a prediction" in text
    assert "bootstrap of 6 groups (video), 100 resamples, seed 5" in text
    assert "SIMULATED" in text
    assert f"{len(SUBSET) - 7} of {len(SUBSET)} classes have no instance and are in no mean: " in text
    assert ELEMENTS[0].name in text
    assert "note" not in text
    lines = [line.split() for line in text.splitlines()]
    assert ["all", "element", "7", "6", "42", "0"] in [line[:6] for line in lines]
    assert ["FX-S1", "element", "4", "6", "24", "0"] in [line[:6] for line in lines]


def test_json_holds_what_the_text_says_and_no_nan():
    value = export_recognition_report(report(rollup=True))
    again = json.loads(json.dumps(value, allow_nan=False))
    whole = again["results"][0]
    assert (again["num_instances"], again["num_missing"], again["intervals"]["groups"]) == (42, 0, "video")
    assert len(whole["classes"]) == len(SUBSET) and len(whole["absent_classes"]) == len(SUBSET) - 7
    present = [class_ for class_ in whole["classes"] if class_["num_instances"]]
    mean = np.mean([class_["accuracy"]["value"] for class_ in present])
    assert whole["mean_class_accuracy"]["value"] == pytest.approx(mean)
    assert all(class_["accuracy"] is None for class_ in whole["classes"] if not class_["num_instances"])
    assert sum(cell["num_instances"] for cell in whole["confusion"]) == 42
    on_diagonal = {cell["target"]: cell["share"] for cell in whole["confusion"] if cell["target"] == cell["predicted"]}
    for class_ in present:
        if class_["accuracy"]["value"]:
            assert on_diagonal[class_["id"]] == class_["accuracy"]


def test_the_hash_is_that_of_the_file_of_the_split(tmp_path):
    import hashlib

    write_split(SPLIT, tmp_path / "FX")
    assert report().split_sha256 == hashlib.sha256((tmp_path / "FX" / "val.txt").read_bytes()).hexdigest()


def test_missing_instances_are_an_error_or_are_counted():
    with pytest.raises(PredictionError, match=r"p\.parquet: FX/val has 42 instances, predictions cover 40; first miss"):
        report(make_predictions(40))
    counted = report(make_predictions(40), missing="wrong")
    assert counted.num_missing == 2
    assert "2 instances without a prediction, counted as wrong" in format_recognition_report(counted)


def test_logits_of_other_classes_are_refused_although_their_number_fits():
    with pytest.raises(PredictionError, match="its logits are for the classes of subset other"):
        report(make_predictions(split_subset_sha256="0" * 64, subset="other"))


def test_what_a_reader_should_know_is_noted():
    (note,) = report(replace(make_predictions(), metadata={})).notes
    assert "does not say which classes" in note
    notes = report(make_predictions(split_train_sha256="0" * 64, split="FX/train", num_left_out="3")).notes
    assert [note.split(":")[0] for note in notes] == [
        "the model was trained on another train list than this split's",
        "the file was written for FX/train",
        "the model was not shown 3 instances, whose clips were missing",
    ]


def test_the_model_is_named_and_another_list_of_the_same_side_is_noted():
    text = format_recognition_report(
        report(make_predictions(run="r", checkpoint="epoch-0004.pt", model_sha256="a" * 64))
    )
    assert f"model        r epoch-0004.pt, sha256 {'a' * 12}\n" in text
    assert "model        weights not said\n" in format_recognition_report(report())
    (note,) = report(make_predictions(split="FX/val", split_val_sha256="0" * 64)).notes
    assert "predicted from another val list" in note


def test_intervals_over_few_groups_are_called_rough():
    (note,) = report(group_kind="competition").notes
    assert "intervals over fewer than 5 groups by competition, here 2, are rough" in note
    assert "2 of" not in note
    exported = export_recognition_report(report(group_kind="competition"))
    assert exported["notes"] == [note] and exported["results"][0]["classes"][0]["num_groups"] in (0, 2)


def test_a_missing_interval_is_explained():
    only = {id_: class_ for id_, class_ in TARGETS.items() if id_.startswith("video0")}
    split = replace(SPLIT, val=only)
    found = make_recognition_report(make_predictions(7), split, DATASET, source="p.parquet", num_resamples=100)
    assert found.notes == ("no interval for top-1, top-5, mean class, macro F1 (all element): only 1 group, not 2",)
    score = export_recognition_report(found)["results"][0]["top1_accuracy"]
    assert score["low"] is None and score["no_interval"] == "only 1 group, not 2"


def test_groups_come_from_the_dataset():
    ids = list(TARGETS)
    assert find_groups(DATASET, ids[:1], "video") == ["video0"]
    assert set(find_groups(DATASET, ids, "competition")) == {"cup0", "cup1"}
    assert find_groups(DATASET, ids[:1], "action") == ["video0_E_000000_000010"]
    assert find_groups(DATASET, ["abc_E_000000_000001_A_0000_0001"], "video") == ["abc"]
    with pytest.raises(PredictionError, match="the athlete of 21 of 42 instances is not known"):
        find_groups(DATASET, ids, "athlete")
    assert report(group_kind="competition").levels.results[0].result.num_groups == 2
