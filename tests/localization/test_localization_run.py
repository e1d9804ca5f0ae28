"""From a dataset to a run to detection files, on films whose colours say what happens in them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from tiny_localizer import RECIPE, make_recipe, write_folder_with_snippets
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset
from finegym.cli.app import app
from finegym.errors import ConfigError, FeatureError, FineGymError, OutputError
from finegym.evaluation.localization.detection_map import compute_detection_map
from finegym.evaluation.localization.reading import read_detections
from finegym.features.snippets.build import build_snippets
from finegym.files import hash_samples
from finegym.localization.localize import open_dataset
from finegym.localization.localize_inputs import localize_inputs, localize_nested_inputs
from finegym.localization.localizer import Found
from finegym.localization.nested import choose_actions
from finegym.localization.opening import open_localizer
from finegym.localization.run import train
from finegym.localization.snippet_items import list_items
from finegym.localization.snippet_makers import open_backbone
from finegym.localization.timelines import Timeline, read_timelines
from finegym.localization.truth import make_truth
from finegym.training.run_folder import read_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A dataset of four films with the snippets of an untrained network."""
    folder = tmp_path_factory.mktemp("dataset")
    write_folder_with_snippets(folder)
    return folder


@pytest.fixture(scope="module")
def runs(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return {
        task: train(make_recipe(folder, task=task), out / task, device="cpu") for task in ("actions", "sub-actions")
    }


def test_a_run_says_what_it_was(runs, folder):
    run = runs["actions"]
    facts, last = run.read_facts(), run.read_last_epoch()
    assert (facts["task"], facts["num_train"], facts["num_val"]) == ("actions", 3, 1)
    assert [id_ for id_, _ in facts["classes"]] == ["VT", "FX"]
    assert facts["features"][0]["feature_size"] == 1024
    assert last["epoch"] == 3 and 0 <= last["val_map"] <= 1 and last["val_num_segments"] == 2
    assert (run.path / "codebook.yaml").is_file() and list(run.tensorboard_path.iterdir())


def test_a_run_that_was_stopped_ends_with_the_same_weights(folder, runs, tmp_path):
    recipe = make_recipe(folder)
    train(recipe, tmp_path / "run", stop_after=1, device="cpu")
    again = train(recipe, tmp_path / "run", device="cpu")
    ends = [read_checkpoint(run.find_checkpoint()) for run in (again, runs["actions"])]
    for part in ("model",):
        assert all(torch.equal(ends[0][part][key], ends[1][part][key]) for key in ends[1][part])
    with pytest.raises(ConfigError, match=r"another recipe: optim.learning_rate differ"):
        train(make_recipe(folder, "optim.learning_rate=0.1"), tmp_path / "run", device="cpu")


def test_what_is_found_in_a_dataset_is_what_validation_measured(runs, folder, tmp_path):
    for task, level in (("actions", "event"), ("sub-actions", "element")):
        opened = open_localizer(runs[task].path, device="cpu")
        out = tmp_path / f"{task}.json"
        result = localize_inputs(opened, [folder], out)
        assert result.num_timelines == {"actions": 1, "sub-actions": 2}[task]
        truth = make_truth(read_timelines(folder, "toy", task=task, level=level, side="val"))
        detections = read_detections(out, truth)
        score = compute_detection_map(truth, detections, use_ignored=True, ties="first")
        # Files keep tenths of milliseconds.
        assert score.average == pytest.approx(runs[task].read_last_epoch()["val_map"], abs=1e-3)
        assert not out.with_name(out.name + ".parts").exists()


def test_finding_goes_on_where_it_was_stopped(runs, folder, tmp_path, monkeypatch):
    opened = open_localizer(runs["sub-actions"].path, device="cpu")
    whole, stopped = tmp_path / "whole.json", tmp_path / "stopped.json"
    localize_inputs(opened, [folder], whole, side="train")
    detect, seen = opened.localizer.detect, []

    def die_at_the_fourth(timeline, source):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(timeline.timeline_id)
        return detect(timeline, source)

    monkeypatch.setattr(opened.localizer, "detect", die_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        localize_inputs(opened, [folder], stopped, side="train")
    assert not stopped.exists()
    monkeypatch.setattr(opened.localizer, "detect", detect)
    result = localize_inputs(opened, [folder], stopped, side="train")
    assert (result.num_timelines, result.num_before) == (6, 3)
    assert stopped.read_text() == whole.read_text()


def test_a_video_nobody_has_labelled_gives_what_the_dataset_gives(runs, folder, tmp_path):
    opened = open_localizer(runs["actions"].path, device="cpu")
    localize_inputs(opened, [folder], tmp_path / "dataset.json")
    localize_inputs(opened, [folder / "records/rec3.mp4"], tmp_path / "video.json")
    there, here = (json.loads((tmp_path / f"{name}.json").read_text())["results"] for name in ("dataset", "video"))
    assert here == there and here["rec3"]


def test_sub_actions_are_looked_for_in_the_actions_that_were_found(runs, folder, tmp_path):
    opened = [open_localizer(runs[task].path, device="cpu") for task in ("actions", "sub-actions")]
    from_video, from_dataset = tmp_path / "video", tmp_path / "dataset"
    localize_nested_inputs(*opened, [folder / "records/rec3.mp4"], from_video, min_score=0.02, min_sub_score=0.05)
    localize_nested_inputs(*opened, [folder], from_dataset, min_score=0.02, min_sub_score=0.05)
    nested = json.loads((from_video / "routines.json").read_text())["records"]
    assert nested == json.loads((from_dataset / "routines.json").read_text())["records"]
    assert nested["rec3"], "the threshold is low enough"
    results = json.loads((from_video / "sub-actions.json").read_text())["results"]
    assert list(results) == [action["action_id"] for action in nested["rec3"]]
    for action in nested["rec3"]:
        sure = [row for row in results[action["action_id"]] if row["score"] >= 0.05]
        assert len(action["sub_actions"]) == len(sure)
        for part in action["sub_actions"]:
            assert action["start_ms"] <= part["start_ms"] < part["end_ms"] <= action["end_ms"]
    with pytest.raises(ConfigError, match="is a run of the task sub-actions; expected one of actions"):
        localize_nested_inputs(*opened[::-1], [folder], tmp_path / "wrong", min_score=0.02, min_sub_score=0.05)


def test_actions_too_short_for_a_snippet_are_left_out_and_named(runs, folder, tmp_path, monkeypatch, capsys):
    opened = [open_localizer(runs[task].path, device="cpu") for task in ("actions", "sub-actions")]
    found = Found(np.array([[400.0, 1400], [2005, 2010]]), np.array([0, 1]), np.array([0.9, 0.8]))
    monkeypatch.setattr(opened[0].localizer, "detect", lambda timeline, source: found)
    localize_nested_inputs(*opened, [folder], tmp_path / "out", min_score=0.5, min_sub_score=0.0)
    nested = json.loads((tmp_path / "out/routines.json").read_text())["records"]
    assert [action["start_ms"] for action in nested["rec3"]] == [400]
    assert "1 actions are left out, no snippet lies in them: rec3_E_000002_000002, 5 ms" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="must be numbers, got nan"):
        localize_nested_inputs(*opened, [folder], tmp_path / "out", min_score=float("nan"), min_sub_score=0.0)


def test_parts_of_another_run_leave_the_snippets_of_this_one(runs, folder, tmp_path):
    opened = open_localizer(runs["actions"].path, device="cpu")
    localize_inputs(opened, [folder / "records/rec3.mp4"], tmp_path / "whole.json")
    parts = tmp_path / "again.json.parts"
    parts.mkdir()
    (parts / "made-by.json").write_text("another run")
    (parts / "rec3.npz").write_bytes(b"PK cut off")
    localize_inputs(opened, [folder / "records/rec3.mp4"], tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "whole.json").read_text()
    assert not parts.exists()


def test_a_video_that_was_replaced_is_looked_through_again(runs, folder, tmp_path, monkeypatch):
    opened = open_localizer(runs["actions"].path, device="cpu")
    films = [tmp_path / f"{name}.mp4" for name in ("first", "other")]
    for film, name in zip(films, ("rec3", "rec2"), strict=True):
        shutil.copy(folder / f"records/{name}.mp4", film)
    whole, stopped = tmp_path / "whole.json", tmp_path / "stopped.json"
    detect, seen = opened.localizer.detect, []

    def die_at_the_second(timeline, source):
        if seen:
            raise KeyboardInterrupt
        seen.append(timeline.timeline_id)
        return detect(timeline, source)

    with monkeypatch.context() as patch:
        patch.setattr(opened.localizer, "detect", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            localize_inputs(opened, films, stopped)
    first, other = json.loads((tmp_path / "stopped.json.parts/made-by.json").read_text())["videos"].values()
    assert first == hash_samples(films[0]) != other
    shutil.copy(folder / "records/rec1.mp4", films[0])  # as long as the one before
    assert localize_inputs(opened, films, stopped).num_before == 0
    localize_inputs(opened, films, whole)
    assert stopped.read_text() == whole.read_text()


def test_a_run_trained_anew_under_the_same_name_is_another(runs, folder, tmp_path):
    where = tmp_path / "run"
    shutil.copytree(runs["actions"].path, where)
    before = open_localizer(where, device="cpu").identify()
    shutil.rmtree(where)
    train(make_recipe(folder, "optim.learning_rate=0.002"), where, device="cpu")
    after = open_localizer(where, device="cpu").identify()
    assert {key for key in before if before[key] != after[key]} == {"checkpoint_sha256"}


def test_a_features_run_that_nothing_reads_is_refused(runs, folder, tmp_path):
    opened = open_localizer(runs["actions"].path, device="cpu")
    for given, message in ((folder, "--features-run is for videos"), (folder / "records/rec3.mp4", "of no run")):
        with pytest.raises(ConfigError, match=message):
            localize_inputs(opened, [given], tmp_path / "out.json", features_runs=[tmp_path])


def test_frames_are_those_of_the_dataset_that_is_given(runs, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "moved")
    timelines, _ = open_dataset(open_localizer(runs["actions"].path, device="cpu"), tmp_path / "moved")
    assert [each.path for each in timelines.timelines] == [str(tmp_path / "moved/records/rec3.mp4")]


def test_inputs_are_not_written_over(runs, folder):
    opened = open_localizer(runs["actions"].path, device="cpu")
    film, codebook = folder / "records/rec3.mp4", (folder / "codebook.yaml").read_bytes()
    before = film.read_bytes()
    with pytest.raises(ConfigError, match="is one of the videos"):
        localize_inputs(opened, [film], film)
    with pytest.raises(ConfigError, match="is a dataset folder"):
        train(make_recipe(folder), folder, device="cpu")
    assert film.read_bytes() == before and (folder / "codebook.yaml").read_bytes() == codebook


def test_files_that_are_not_its_own_are_not_written_over(runs, folder, tmp_path):
    opened = [open_localizer(runs[task].path, device="cpu") for task in ("actions", "sub-actions")]
    convert = ["annotations", "convert", str(folder), "--to", "activitynet", "--task", "actions", "--level", "event"]
    out = tmp_path / "truth.json"
    assert CliRunner().invoke(app, [*convert, "--split", "toy", "--out", str(out)]).exit_code == 0
    before = out.read_bytes()
    for given in (folder, folder / "records/rec3.mp4"):
        with pytest.raises(OutputError, match=r"truth.json: is there already and no file of detections of finegym's"):
            localize_inputs(opened[0], [given], out)
    assert out.read_bytes() == before and not list(tmp_path.glob("*.parts"))
    found = tmp_path / "found.json"
    first, second = (localize_inputs(opened[0], [folder], found).num_detections for _ in range(2))
    assert first == second
    for name, content in (("actions.json", before), ("sub-actions.json", b"\xff"), ("routines.json", before)):
        nested = tmp_path / name.replace(".json", "")
        localize_nested_inputs(*opened, [folder], nested, min_score=0.02, min_sub_score=0.05)
        localize_nested_inputs(*opened, [folder], nested, min_score=0.02, min_sub_score=0.05)
        (nested / name).write_bytes(content)
        with pytest.raises(OutputError, match=rf"{name}: is there already"):
            localize_nested_inputs(*opened, [folder], nested, min_score=0.02, min_sub_score=0.05)
        assert (nested / name).read_bytes() == content


def test_of_actions_that_share_their_time_the_surest_is_taken():
    record = Timeline("r", "r", "r.mp4", 0, 60_000)
    segments = np.array([[0, 10_000], [6_000, 12_000], [9_000, 30_000], [40_000, 41_000], [20_000.4, 21_000]])
    found = Found(segments, np.array([0, 1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.05, 0.95]))
    chosen = choose_actions(record, found, 0.1)
    # [6, 12) lies by two thirds in [0, 10); [20, 21) lies in [9, 30), which is less sure.
    assert [(each.timeline.timeline_id, each.class_index) for each in chosen] == [
        ("r_E_000000_000010", 0),
        ("r_E_000020_000021", 0),
    ]


def test_other_features_than_those_of_training_are_refused(runs, folder, tmp_path):
    other = open_backbone("shufflenet_v2_x0_5", weights="none", short_side=32, crop_size=24)
    items, _ = list_items(read_dataset(folder), "record")
    copied = tmp_path / "dataset"
    copied.mkdir()
    for path in folder.iterdir():
        if path.name != "features":
            (copied / path.name).symlink_to(path)
    build_snippets(items, copied, copied / "features" / "snippets", other.make_settings("record", 4), other)
    opened = open_localizer(runs["actions"].path, device="cpu")
    with pytest.raises(FeatureError, match=r"other snippets than .* was trained on: .*crop_size was 32, is 24"):
        localize_inputs(opened, [copied], tmp_path / "out.json")
    facts = json.loads(runs["actions"].facts_path.read_text())
    facts["feature_origins"] = [other.describe_origin()]
    opened.facts.update(facts)
    with pytest.raises(FeatureError, match="another recogniser now"):
        localize_inputs(opened, [folder / "records/rec3.mp4"], tmp_path / "out.json")


def test_missing_snippets_are_said_before_training(folder, tmp_path):
    maker = open_backbone("shufflenet_v2_x0_5", weights="none", short_side=32, crop_size=32)
    items, _ = list_items(read_dataset(folder), "record")
    build_snippets(items[:1], folder, folder / "features" / "few", maker.make_settings("record", 4), maker)
    with pytest.raises(FeatureError, match="3 timelines cannot be looked at: rec1: not in"):
        train(make_recipe(folder, 'snippets.stores=["few"]'), tmp_path / "run", device="cpu")


def test_the_command_line(runs, folder, tmp_path):
    runner = CliRunner()
    out = tmp_path / "found.json"
    result = runner.invoke(
        app, ["localize", str(folder), "--run", str(runs["actions"].path), "--out", str(out), "--json"]
    )
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["files"][0]["timelines"] == 1 and out.is_file()
    nested = ["--actions", str(runs["actions"].path), "--sub-actions", str(runs["sub-actions"].path)]
    result = runner.invoke(
        app,
        [
            "localize",
            str(folder),
            *nested,
            "--out",
            str(tmp_path / "both"),
            "--min-score",
            "0.02",
            "--min-sub-score",
            "0",
        ],
    )
    assert result.exit_code == 0 and "routines.json" in result.stdout
    for arguments, message in (
        ([str(folder)], "give --run, or --actions and --sub-actions"),
        ([str(folder), *nested[:2]], "give --run, or --actions and --sub-actions"),
        ([str(tmp_path), "--run", str(runs["actions"].path)], "no dataset"),
        ([str(folder / "records/rec0.mp4"), "--run", str(runs["actions"].path), "--split", "toy"], "for a dataset"),
        ([str(folder), "--run", str(folder)], "is no run"),
    ):
        failed = runner.invoke(app, ["localize", *arguments])
        assert isinstance(failed.exception, FineGymError) and message in str(failed.exception)
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.format(task="actions", folder=folder, level="event", epochs=1))
    trained = runner.invoke(app, ["train", str(recipe), "--out", str(tmp_path / "run"), "--device", "cpu"])
    assert trained.exit_code == 0, trained.output
    assert "mAP" in trained.stdout and "finegym localize" in trained.stdout
    refused = runner.invoke(app, ["train", str(recipe), "--out", str(tmp_path / "run"), "--overfit", "4"])
    assert "only for recognisers: --overfit" in str(refused.exception)
