"""Running what is missing: resumable, shared, and out loud about what failed."""

import json
import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from pretended_runs import make_dataset, make_logits, write_store_facts

from finegym.annotations.balance import Thresholds
from finegym.annotations.folder import write_dataset
from finegym.annotations.splits import read_split
from finegym.errors import ConfigError, FineGymError, VideoError
from finegym.evaluation.predictions import write_predictions
from finegym.studies import runner
from finegym.studies.data import prepare_data
from finegym.studies.recipes import find_recipes
from finegym.studies.run_store import RunStore
from finegym.studies.runner import open_store, run_studies, sort_jobs
from finegym.studies.size_paper import PAPER
from finegym.studies.sizes import Choice, Size
from finegym.studies.splits import make_simulated_splits, write_splits
from finegym.studies.table2 import STUDY as TABLE_2
from finegym.studies.table5 import STUDY as TABLE_5
from finegym.studies.writing import read_results

GIVEN = Size(
    "given",
    {"TSN RGB": Choice("smoke/tsn_smoke"), "TSN Flow": Choice("smoke/tsn_smoke", ("optim.learning_rate=0.5",))},
    seeds=dict.fromkeys(("event", "set", "balanced"), (0, 1)),
)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A size on data that is there; trainings and predictions are pretended, and noted."""
    made = make_dataset()
    dataset = replace(made, videos=tuple(replace(v, competition=v.id) for v in made.videos))
    folder = tmp_path / "set"
    write_dataset(dataset, folder)
    write_splits(folder, make_simulated_splits(dataset, Thresholds(10, 3), 0))
    write_store_facts(folder)
    monkeypatch.setattr(runner, "prepare_data", lambda *arguments, **more: dataset)
    found = open_store(GIVEN, tmp_path / "studies", find_recipes(), folder)
    found.trained, found.predicted, found.fails = [], [], set()

    def train_one(recipe, path):
        if (recipe.data.split, recipe.seed) in found.fails:
            raise VideoError("a clip does not decode")
        found.trained.append((recipe.data.split, recipe.seed, recipe.data.num_segments))
        path.mkdir(parents=True)
        (path / "split").write_text(recipe.data.split)

    def predict_one(planned, path, out):
        found.predicted.append(out)
        split = read_split(folder / "splits" / (path / "split").read_text())
        write_predictions(out, list(split.val), make_logits(split, 1.0), {"subset": "x", "split": "x"})

    monkeypatch.setattr(runner, "train_one", train_one)
    monkeypatch.setattr(runner, "predict_one", predict_one)
    return found


def test_everything_is_run_once_and_written(store):
    ran = run_studies([TABLE_2, TABLE_5], GIVEN, store)
    assert len(store.trained) == len(set(store.trained)) + 4  # table 2: RGB and flow of 2 levels, 2 seeds
    assert len(ran.runs.done) == 8 + 10 and not ran.runs.failed and not ran.failed
    facts = read_results(store.folder / "results" / "table2")
    values = {(cell["row"], cell["column"]): cell["value"] for cell in facts["tables"][0]["cells"]}
    assert set(values.values()) == {100.0}
    assert (store.folder / "results" / "table2" / "table2.tex").is_file()
    cost = json.loads(next(store.folder.glob("runs/*/cost.json")).read_text())
    assert cost["threads"] >= 1 and cost["cpu_s"] >= 0 and cost["is_whole"]


def test_what_is_there_is_not_done_again(store):
    run_studies([TABLE_2], GIVEN, store)
    trained, predicted = len(store.trained), len(store.predicted)
    again = run_studies([TABLE_2], GIVEN, store)
    assert (len(store.trained), len(store.predicted)) == (trained, predicted)
    assert (len(again.runs.done), len(again.runs.skipped)) == (0, 8)
    # One file lost: one prediction, no training.
    store.predicted[0].unlink()
    once = run_studies([TABLE_2], GIVEN, store)
    assert (len(store.trained), len(store.predicted), len(once.runs.done)) == (trained, predicted + 1, 1)


def test_a_failed_run_leaves_its_cells_to_the_other_seeds_or_empty(store):
    store.fails = {("event", 0), ("set", 0), ("set", 1)}
    ran = run_studies([TABLE_2], GIVEN, store)
    assert len(ran.runs.failed) == 6
    assert "does not decode" in next(iter(ran.runs.failed.values()))
    (table,) = ran.outcomes["table2"].tables
    row = table.rows[0]
    assert len(row.get("event/top1").by_seed) == 1
    assert row.get("set/top1").value is None
    # The next call tries them again.
    store.fails = set()
    assert len(run_studies([TABLE_2], GIVEN, store).runs.done) == 6


def test_out_of_memory_is_one_runs_failure(store, monkeypatch):
    done = runner.predict_one

    def predict_one(planned, path, out):
        if "event" in path.name:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB\nand so on")
        done(planned, path, out)

    monkeypatch.setattr(runner, "predict_one", predict_one)
    ran = run_studies([TABLE_2], GIVEN, store)
    assert len(ran.runs.failed) == 4 and len(ran.runs.done) == 4
    assert {reason.count("Tried to allocate 20.00 GiB)") for reason in ran.runs.failed.values()} == {1}


def test_a_bug_is_one_runs_failure_and_is_kept(store, monkeypatch):
    done = runner.train_one

    def train_one(recipe, path):
        if recipe.data.split == "event" and recipe.seed == 1:
            raise ZeroDivisionError("nobody thought of this")
        done(recipe, path)

    monkeypatch.setattr(runner, "train_one", train_one)
    ran = run_studies([TABLE_2], GIVEN, store)
    assert len(ran.runs.failed) == 2 and len(ran.runs.done) == 6
    for name, reason in ran.runs.failed.items():
        assert "ZeroDivisionError: nobody thought of this" in reason
        assert "Traceback" in (store.folder / "errors" / f"{name}.txt").read_text()
    # It goes when the run does not fail any more.
    monkeypatch.setattr(runner, "train_one", done)
    assert len(run_studies([TABLE_2], GIVEN, store).runs.done) == 2
    assert not list((store.folder / "errors").iterdir())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("first\nsecond"), "broke down with RuntimeError: first. The traceback"),
        (KeyError(), "KeyError: no more is said."),
        (torch.OutOfMemoryError(), r"out of memory \(no more is said\)"),
        (MemoryError("Unable to allocate 4 GiB"), r"out of memory \(Unable to allocate 4 GiB\)"),
    ],
)
def test_whatever_breaks_down_is_said_in_a_line_and_can_be_sent_back(store, monkeypatch, error, said):
    def train_one(recipe, path):
        raise error

    monkeypatch.setattr(runner, "train_one", train_one)
    ((job, *_),) = sort_jobs(TABLE_2.plan(GIVEN), store)
    with pytest.raises(FineGymError, match=said) as caught:
        runner.do_job(job, store, 1)
    assert "\n" not in str(caught.value)
    sent = pickle.loads(pickle.dumps(caught.value))
    assert (type(sent), str(sent)) == (type(caught.value), str(caught.value))


def test_a_study_that_cannot_be_made_does_not_stop_the_others(store):
    store_of = run_studies([TABLE_2], GIVEN, store)
    assert not store_of.failed
    planned = TABLE_2.plan(GIVEN)[0]
    write_predictions(store.get_prediction_path(planned), ["else"], np.zeros((1, 4)), {"subset": "x", "split": "x"})
    ran = run_studies([TABLE_2, TABLE_5], GIVEN, store)
    assert list(ran.failed) == ["table2"] and "cover" in ran.failed["table2"]
    assert list(ran.outcomes) == ["table5"]


def test_jobs_can_be_sent_to_other_processes(store):
    """To a pool, or to Ray."""
    ((job, *_),) = sort_jobs(TABLE_2.plan(GIVEN), store)
    sent_job, sent_store = pickle.loads(pickle.dumps((job, store_without_notes(store))))
    assert sent_job == job and sent_store.get_name(sent_job.run) == store.get_name(job.run)
    assert pickle.loads(pickle.dumps(partial(runner.do_job, store=sent_store, threads=1))).keywords["threads"] == 1


def store_without_notes(store):
    return RunStore(store.folder, store.dataset, store.recipes)


def test_given_data_is_looked_at_before_anything_is_run(tmp_path):
    with pytest.raises(ConfigError, match="no dataset folder"):
        prepare_data(PAPER, tmp_path, {"clips"}, workers=1, say=print)
    dataset = make_dataset()
    write_dataset(dataset, tmp_path / "set")
    with pytest.raises(ConfigError, match="gym288, gym99"):
        prepare_data(PAPER, tmp_path / "set", {"clips"}, workers=1, say=print)
