"""Execution scores: faults recovered on held-out competitions, from truth, noise and pose stores; the commands."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from finegym.annotations.folder import read_dataset, write_dataset
from finegym.annotations.model import Dataset
from finegym.applications.execution import takes as takes_module
from finegym.applications.execution.evaluating import evaluate, format_evaluation, make_json
from finegym.applications.execution.features import FEATURES, OTHER
from finegym.applications.execution.measures import measure
from finegym.applications.execution.metrics import compute_mean_error
from finegym.applications.execution.model import (
    estimate,
    read_model,
    train_on_faults,
    train_on_scores,
    write_model,
)
from finegym.applications.execution.scores import collect_known
from finegym.applications.execution.takes import make_takes, read_takes
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError, FeatureError, PredictionError
from finegym.features.pose.poses import FOUND, INTERPOLATED, MISSING, Poses
from finegym.simulation.competition import CompetitionSettings
from finegym.simulation.faults import HEIGHT, KINDS, KNEES, STEPS, FaultSettings
from finegym.simulation.truth import read_truth
from finegym.simulation.undrawn import iterate_undrawn_truths
from finegym.simulation.write import get_truth_path

CODEBOOK = read_builtin("artistic-women")


@pytest.fixture(scope="module")
def competitions():
    """Truths of two simulated competitions: to learn from, and of other gymnasts to judge by."""

    def make(seed, num_videos):
        settings = CompetitionSettings(num_videos=num_videos, minutes=3, seed=seed, faults=FaultSettings())
        return list(iterate_undrawn_truths(settings, CODEBOOK))

    return make(1, 9), make(2, 7)


@pytest.fixture(scope="module")
def looked(competitions):
    """Takes with the noise of a pose model, and what is known, of both."""
    return [
        (make_takes(CODEBOOK, truths, noise=0.05, seed=seed), collect_known(CODEBOOK, truths))
        for seed, truths in enumerate(competitions)
    ]


@pytest.mark.parametrize("learned_from", ["scores", "faults"])
def test_known_deductions_are_recovered_on_a_held_out_competition(looked, learned_from):
    (learning, learned), (judging, known) = looked
    if learned_from == "scores":
        model = train_on_scores(learning.takes, learned.scores)
    else:
        model = train_on_faults(learning.takes, learned.deductions)
    assert (model.learned_from, model.num_records) == (learned_from, 9)
    found = evaluate(
        estimate(model, judging.takes), known.scores, known.deductions, [take.instance_id for take in judging.takes]
    )
    every = found.rows[0]
    assert every.num_routines == len(known.scores) > 25
    assert every.spearman.value > 0.75 and every.spearman.low > 0.5
    assert every.mean_error.value < 0.6 * every.mean_error_of_mean
    by_fault = {row.fault: row for row in found.faults}
    assert by_fault[KNEES].correlation > 0.6 and by_fault[STEPS].correlation > 0.6
    assert by_fault[HEIGHT].correlation > 0.2  # weak, as the page says
    assert by_fault[KNEES].num_faulty > 10
    assert "Spearman" in format_evaluation(found) and json.dumps(make_json(found), allow_nan=False)


def test_scores_that_say_nothing_teach_nothing(looked):
    (learning, learned), (judging, known) = looked
    ids = sorted(learned.scores)
    shuffled = dict(zip(ids, np.random.default_rng(0).permutation([learned.scores[i] for i in ids]), strict=True))
    right = train_on_scores(learning.takes, learned.scores)
    wrong = train_on_scores(learning.takes, shuffled)
    assert wrong.error > 1.5 * right.error
    ids = list(known.scores)
    true = np.array([known.scores[id_] for id_ in ids])
    error = {}
    for name, model in (("right", right), ("wrong", wrong)):
        guess = {one.action_id: one.score for one in estimate(model, judging.takes)}
        error[name] = compute_mean_error(true, np.array([guess[id_] for id_ in ids]))
    assert error["wrong"] > 1.5 * error["right"]


def test_each_tenth_belongs_to_a_sub_action_a_fault_and_frames(looked):
    (learning, learned), (judging, known) = looked
    model = train_on_faults(learning.takes, learned.deductions)
    by_id = {take.instance_id: take for take in judging.takes}
    hits = []
    for one in estimate(model, judging.takes):
        assert one.score == pytest.approx(10 - sum(share.points for share in one.shares))
        for share in one.shares:
            take = by_id[share.instance_id]
            assert take.action_id == one.action_id and share.fault in (*KINDS, OTHER) and share.points > 0
            if share.frames is not None:
                start, end = share.frames
                assert take.first_frame <= start < end <= take.first_frame + len(take.joints) + 1
        if one.shares:
            worst = max(one.shares, key=lambda share: share.points)
            if worst.points > 0.25:
                hits.append(known.deductions.get((worst.instance_id, worst.fault), 0.0) > 0)
    assert len(hits) > 10 and np.mean(hits) > 0.8


class Store(dict):
    """As a pose store, in memory; without PTS, as imported poses are."""

    pts = ()

    def read(self, instance_id):
        return self[instance_id]

    def get_facts(self, instance_id):
        return SimpleNamespace(pts=self.pts, time_base="1/1000", first_frame=77)


def make_store(takes):
    store = Store()
    for take in takes:
        count = len(take.joints)
        store[take.instance_id] = Poses(
            take.joints[None].astype(np.float32),
            np.ones((1, count, 17), np.float32),
            np.zeros((1, count, 4), np.float32),
            np.full((1, count), FOUND, np.uint8),
            640,
            360,
        )
    return store


def test_a_pose_store_gives_what_the_truth_gives(competitions, monkeypatch):
    truth = competitions[1][0]
    dataset = Dataset(CODEBOOK, (truth.video,))
    expected = make_takes(CODEBOOK, [truth]).takes
    store = make_store(expected[1:])
    store[expected[1].instance_id].status[0, 1:3] = MISSING, INTERPOLATED
    monkeypatch.setattr(takes_module, "PoseStore", lambda location: store)
    found = read_takes(dataset, None, poses="store")
    assert found.missing == (expected[0].instance_id,)
    assert [take.instance_id for take in found.takes] == [take.instance_id for take in expected[1:]]
    assert np.isnan(found.takes[0].joints[1:3]).all()
    for one, other in zip(found.takes[1:], expected[2:], strict=True):
        assert (one.first_frame, one.set_id, one.lands) == (other.first_frame, other.set_id, other.lands)
        assert measure(one).knee_degrees == pytest.approx(measure(other).knee_degrees, abs=0.1)


def test_poses_know_their_own_times(competitions, monkeypatch):
    """As those of a parsed recording, whose records.csv does not say a frame rate."""
    truth = competitions[1][0]
    dataset = Dataset(CODEBOOK, (replace(truth.video, fps=None),))
    store = make_store(make_takes(CODEBOOK, [truth]).takes)
    monkeypatch.setattr(takes_module, "PoseStore", lambda location: store)
    with pytest.raises(FeatureError, match="frame rate"):
        read_takes(dataset, None, poses="store")
    store.pts = (400, 420, 440, 460)
    take = read_takes(dataset, None, poses="store").takes[0]
    assert (take.fps, take.first_frame) == (50.0, 77)


def test_estimator_survives_the_disk_and_other_files_are_named(looked, tmp_path):
    (learning, learned), (judging, _) = looked
    model = train_on_scores(learning.takes, learned.scores)
    write_model(tmp_path / "model.json", model)
    again = read_model(tmp_path / "model.json")
    assert again.weights == model.weights and again.usual_flights == model.usual_flights
    assert estimate(again, judging.takes[:9]) == estimate(model, judging.takes[:9])
    facts = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(facts | {"weights": facts["weights"][1:]}))
    with pytest.raises(ConfigError, match="other features"):
        read_model(tmp_path / "model.json")
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(ConfigError, match="no execution model"):
        read_model(tmp_path / "model.json")
    with pytest.raises(ConfigError, match="no execution model"):
        read_model(tmp_path / "none.json")


def test_too_few_scores_are_refused(looked):
    (learning, learned), _ = looked
    with pytest.raises(PredictionError, match="at least 10 routines, got 2"):
        train_on_scores(learning.takes, dict(list(learned.scores.items())[:2]))
    with pytest.raises(PredictionError, match="at least 3 routines"):
        evaluate([], learned.scores)


def test_competition_without_faults_teaches_nothing():
    truths = list(iterate_undrawn_truths(CompetitionSettings(num_videos=1, minutes=0.5), CODEBOOK))
    with pytest.raises(FeatureError, match="without faults"):
        collect_known(CODEBOOK, truths)


@pytest.fixture(scope="module")
def folder(competitions, tmp_path_factory):
    """A dataset folder with truth files and scores, without pictures."""
    folder = tmp_path_factory.mktemp("competition")
    truths = competitions[1]
    videos = (replace(truth.video, path=f"records/{truth.video.id}.mp4") for truth in truths)
    write_dataset(Dataset(CODEBOOK, tuple(videos)), folder)
    (folder / "truth").mkdir()
    for truth in truths:
        np.savez(folder / get_truth_path(truth.video.id), **truth.arrays)
    known = collect_known(CODEBOOK, truths)
    rows = [f"{id_},{score}" for id_, score in known.scores.items()]
    (folder / "execution.csv").write_text("\n".join(["action_id,score", *rows]) + "\n")
    return folder


def run(*arguments):
    result = CliRunner().invoke(app, ["execution", *map(str, arguments)])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result


def test_commands_train_score_and_evaluate(folder, tmp_path):
    model = tmp_path / "model.json"
    trained = run("train", folder, "--scores", folder / "execution.csv", "--noise", "0.05", "--out", model)
    assert len(trained.stdout.splitlines()) == len(FEATURES)
    assert "learned from scores" in trained.stderr
    run("train", folder, "--out", tmp_path / "other.json")
    assert json.loads((tmp_path / "other.json").read_text())["learned_from"] == "faults"
    scored = json.loads(run("score", folder, "--model", model, "--json").stdout)
    assert scored["sub_actions_without_poses"] == scored["routines_without_poses"] == [] and scored["origin"] is None
    worst = min(scored["routines"], key=lambda one: one["score"])
    sheet = run("score", folder, "--model", model, "--action", worst["action_id"]).stdout
    assert f"estimated execution {worst['score']:.2f}" in sheet and "frames" in sheet
    found = json.loads(run("evaluate", folder, "--model", model, "--json").stdout)
    assert found["rows"][0]["name"] == "all" and found["rows"][0]["spearman"]["value"] > 0.7
    assert [row["fault"] for row in found["faults"]] == list(KINDS)
    by_scores = run("evaluate", folder, "--model", model, "--scores", folder / "execution.csv")
    assert "left out: 0 without a score" in by_scores.stderr and "Spearman" in by_scores.stdout


def test_routines_without_any_pose_are_counted(folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    run("train", folder, "--out", tmp_path / "model.json")
    dataset = read_dataset(other)
    video = dataset.videos[0]
    blind = f"{video.id}_{video.actions[0].name}"
    path = other / get_truth_path(video.id)
    arrays = dict(np.load(path))
    fps = read_truth(path).fps
    start, end = (round(ms * fps / 1000) for ms in (video.actions[0].start_ms, video.actions[0].end_ms))
    arrays["joints_2d"][start - 2 : end + 2] = np.nan
    np.savez(path, **arrays)
    result = run("score", other, "--model", tmp_path / "model.json", "--json")
    found = json.loads(result.stdout)
    assert found["routines_without_poses"] == [blind]
    assert blind not in {one["action_id"] for one in found["routines"]} and found["sub_actions_without_poses"]
    assert f"1 routine without a score for want of poses: {blind}" in result.stderr
    trained = run("train", other, "--scores", other / "execution.csv", "--out", tmp_path / "third.json")
    assert "and 1 routines whole" in trained.stderr


def test_a_folder_without_truth_asks_for_poses(folder, tmp_path):
    from finegym.annotations.source import open_source

    dataset = open_source(folder).dataset
    with pytest.raises(FeatureError, match="--poses"):
        read_takes(dataset, tmp_path)
