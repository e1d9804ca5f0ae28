"""Execution scores: metrics against SciPy, measures on made-up bodies, faults recovered on held-out ones."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import spearmanr
from typer.testing import CliRunner

from finegym.annotations.folder import write_dataset
from finegym.annotations.model import Dataset
from finegym.applications.execution import takes as takes_module
from finegym.applications.execution.evaluating import evaluate, format_evaluation, make_json
from finegym.applications.execution.features import FEATURES, OTHER
from finegym.applications.execution.measures import (
    BODY_M,
    MASSES,
    fill_gaps,
    find_free_fall,
    find_steps,
    measure,
    measure_body,
    measure_knees,
)
from finegym.applications.execution.metrics import (
    bootstrap,
    compute_mean_error,
    compute_relative_l2,
    compute_spearman,
)
from finegym.applications.execution.model import (
    estimate,
    fit,
    read_model,
    solve,
    train_on_faults,
    train_on_scores,
    write_model,
)
from finegym.applications.execution.scores import collect_known, read_scores
from finegym.applications.execution.takes import add_noise, count_straight, make_takes, read_takes
from finegym.cli.app import app
from finegym.codebook.builtin import read_builtin
from finegym.errors import ConfigError, FeatureError, PredictionError
from finegym.features.pose.poses import FOUND, MISSING, Poses
from finegym.simulation.competition import CompetitionSettings
from finegym.simulation.faults import HEIGHT, KINDS, KNEES, STEPS, FaultSettings
from finegym.simulation.skeleton import JOINT_INDEX
from finegym.simulation.undrawn import iterate_undrawn_truths
from finegym.simulation.write import get_truth_path

CODEBOOK = read_builtin("artistic-women")


# Metrics -------------------------------------------------------------------------------------------------------------
def test_spearman_by_hand_and_against_scipy():
    # Ranks 1 2 3 4 against 1 3 2 4: 1 - 6 * 2 / (4 * 15) = 0.8.
    assert compute_spearman(np.array([1.0, 2, 3, 4]), np.array([5.0, 7, 6, 8])) == pytest.approx(0.8)
    rng = np.random.default_rng(0)
    for _ in range(20):
        true, guess = rng.integers(0, 6, 15) / 10, rng.normal(size=15).round(1)
        assert compute_spearman(true, guess) == pytest.approx(spearmanr(true, guess).statistic)
    assert np.isnan(compute_spearman(np.ones(4), np.arange(4.0)))


def test_relative_l2_by_hand_and_by_a_loop():
    true, guess = np.array([9.0, 8.0, 7.0, 5.0]), np.array([8.0, 8.0, 9.0, 5.4])
    # Range 4: (1/4)^2 = 0.0625, 0, 0.25, 0.01; their mean times 100.
    assert compute_relative_l2(true, guess, 5.0, 9.0) == pytest.approx(100 * 0.3225 / 4)
    total = 0.0
    for left, right in zip(true, guess, strict=True):
        total += (abs(left - right) / (9.0 - 5.0)) ** 2
    assert compute_relative_l2(true, guess, 5.0, 9.0) == pytest.approx(100 * total / len(true))
    assert np.isnan(compute_relative_l2(true, guess, 5.0, 5.0))


def test_bootstrap_draws_whole_records():
    rng = np.random.default_rng(1)
    true = rng.normal(size=60)
    guess = true + 0.5 * rng.normal(size=60)
    records = [str(i // 3) for i in range(60)]
    found = bootstrap(compute_mean_error, true, guess, records)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(np.abs(true - guess).mean())
    # Every row copied within its record is no news: the interval stays, where one over rows would shrink.
    copied = bootstrap(compute_mean_error, np.repeat(true, 4), np.repeat(guess, 4), np.repeat(records, 4).tolist())
    assert (copied.low, copied.high) == pytest.approx((found.low, found.high))
    few = bootstrap(compute_mean_error, true, guess, [str(i % 4) for i in range(60)])
    assert np.isnan(few.low) and str(few) == f"{few.value:.3f}"


# Regression ----------------------------------------------------------------------------------------------------------
def test_weights_are_those_of_a_general_optimiser_and_never_negative():
    rng = np.random.default_rng(2)
    rows = rng.uniform(size=(50, 4))
    target = rows @ np.array([0.3, 0.0, 0.5, -0.4]) + 0.05 * rng.normal(size=50)
    for penalty in (0.1, 3.0):
        weights = solve(rows, target, penalty)

        def loss(w, penalty=penalty):
            return np.sum((rows @ w - target) ** 2) + penalty * np.sum(w**2)

        best = minimize(loss, np.full(4, 0.1), bounds=[(0, None)] * 4, tol=1e-12).x
        np.testing.assert_allclose(weights, best, atol=1e-4)
        assert weights.min() >= 0 and weights[3] == 0


def test_fit_recovers_points_and_keeps_records_whole():
    rng = np.random.default_rng(3)
    rows = rng.integers(0, 3, (80, 3)).astype(float)
    weights, penalty, error = fit(rows, rows @ np.array([0.1, 0.3, 0.5]), [str(i // 8) for i in range(80)])
    np.testing.assert_allclose(weights, [0.1, 0.3, 0.5], atol=2e-3)
    assert penalty == 0.01 and error < 0.01


# Measures ------------------------------------------------------------------------------------------------------------
def make_path(leave_s, land_s, fps, num_frames):
    time = np.arange(num_frames) / fps
    return np.where((time > leave_s) & (time < land_s), 0.5 * 9.81 * (time - leave_s) * (land_s - time), 0.0)


@pytest.mark.parametrize("fps", [25.0, 30000 / 1001, 50.0])
@pytest.mark.parametrize("flight_s", [0.5, 0.8, 1.1])
def test_free_fall_ends_where_the_parabola_does(fps, flight_s):
    path = make_path(0.63, 0.63 + flight_s, fps, int(3 * fps))
    found = find_free_fall(path, fps)
    assert found is not None
    assert found[0] / fps == pytest.approx(0.63, abs=1.2 / fps)
    assert found[1] / fps == pytest.approx(0.63 + flight_s, abs=1.2 / fps)
    # A camera that pans evenly adds a line, which is no acceleration.
    panned = find_free_fall(path + 0.4 * np.arange(len(path)) / fps, fps)
    assert panned == pytest.approx(found)
    noisy = find_free_fall(path + 0.01 * np.random.default_rng(0).normal(size=len(path)), fps)
    assert noisy is not None and (noisy[1] - noisy[0]) / fps == pytest.approx(flight_s, abs=0.13)


def test_what_does_not_fall_freely_has_no_flight():
    time = np.arange(80) / 25
    assert find_free_fall(np.zeros(80), 25.0) is None
    assert find_free_fall(0.1 * np.sin(2 * time), 25.0) is None
    assert find_free_fall(np.zeros(3), 25.0) is None


def make_body(num_frames, knee_degrees=0.0, ankles_apart=0.0):
    """A body of 100 px trunk and 100 px legs, seen from the side."""
    joints = np.zeros((num_frames, 17, 2))
    joints[:, :5] = (0.0, -140.0)
    for side in ("left", "right"):
        bend = np.radians(knee_degrees)
        shift = 0.5 * ankles_apart * (1 if side == "left" else -1)
        joints[:, JOINT_INDEX[f"{side}_shoulder"]] = (0.0, -100.0)
        joints[:, JOINT_INDEX[f"{side}_elbow"]] = (0.0, -60.0)
        joints[:, JOINT_INDEX[f"{side}_wrist"]] = (0.0, -20.0)
        joints[:, JOINT_INDEX[f"{side}_knee"]] = (0.0, 50.0)
        joints[:, JOINT_INDEX[f"{side}_ankle"], 0] = -50.0 * np.sin(bend) + shift
        joints[:, JOINT_INDEX[f"{side}_ankle"], 1] = 50.0 + 50.0 * np.cos(bend)
    return joints


def test_lengths_and_knees_of_a_made_up_body():
    assert measure_body(make_body(5)) == pytest.approx(200.0)
    assert MASSES.sum() == pytest.approx(1.0) and MASSES.min() >= 0
    for degrees in (0.0, 30.0, 90.0):
        assert measure_knees(make_body(5, degrees), 2) == pytest.approx(degrees)
    one_leg = make_body(5, 90.0)
    one_leg[:, JOINT_INDEX["left_ankle"]] = (0.0, 100.0)
    assert measure_knees(one_leg, 2) == pytest.approx(45.0)
    assert measure_knees(one_leg, 1) == pytest.approx(0.0)


def test_steps_are_where_the_feet_part():
    apart = np.zeros(60)
    apart[23:35] = np.hanning(14)[1:13] * 80.0
    apart[38:50] = -np.hanning(14)[1:13] * 40.0
    smooth = np.convolve(apart, np.full(5, 0.2))  # five frames, 0.2 s
    joints = make_body(60)
    joints[:, JOINT_INDEX["left_ankle"], 0] += apart
    steps = find_steps(joints, 0.01, 25.0, 5)
    assert len(steps) == 2
    (first, first_frames), (second, second_frames) = steps
    assert first == pytest.approx(0.01 * smooth.max()) and second == pytest.approx(-0.01 * smooth.min())
    assert 0.65 < first < 0.80
    assert first_frames[0] < 29 < first_frames[1] and second_frames[0] < 44 < second_frames[1]
    assert find_steps(make_body(60), 0.01, 25.0, 5) == ()
    assert find_steps(make_body(60, ankles_apart=30.0), 0.01, 25.0, 5) == ()  # apart all the time: a stance
    assert find_steps(make_body(8), 0.01, 25.0, 6) == ()


def test_gaps_are_bridged_and_noise_is_as_large_as_it_says():
    joints = make_body(200)
    holes = joints.copy()
    holes[10:13] = np.nan
    np.testing.assert_allclose(fill_gaps(holes), joints)
    noisy = add_noise(joints, 0.05, np.random.default_rng(0))
    assert 0 < np.isnan(noisy).all(axis=(1, 2)).sum() < 15
    assert np.nanstd(noisy - joints) == pytest.approx(5.0, rel=0.1)  # 5 % of 100 px


def test_what_is_expected_of_the_legs_follows_from_the_element():
    attributes = CODEBOOK.attributes_by_element_id
    assert count_straight(attributes["fx-back-salto-stretched-2"]) == 2
    assert count_straight(attributes["fx-double-back-salto-tucked"]) == 0
    assert count_straight(attributes["fx-turn-2"]) == 0


# The whole ------------------------------------------------------------------------------------------------------------
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


def test_a_pose_store_gives_what_the_truth_gives(competitions, monkeypatch):
    truth = competitions[1][0]
    dataset = Dataset(CODEBOOK, (truth.video,))
    expected = make_takes(CODEBOOK, [truth]).takes

    class Store(dict):
        def read(self, instance_id):
            return self[instance_id]

    store = Store()
    for take in expected[1:]:
        count = len(take.joints)
        store[take.instance_id] = Poses(
            take.joints[None].astype(np.float32),
            np.ones((1, count, 17), np.float32),
            np.zeros((1, count, 4), np.float32),
            np.full((1, count), FOUND, np.uint8),
            640,
            360,
        )
    store[expected[1].instance_id].status[0, 1] = MISSING
    monkeypatch.setattr(takes_module, "PoseStore", lambda location: store)
    found = read_takes(dataset, None, poses="store")
    assert found.missing == (expected[0].instance_id,)
    assert [take.instance_id for take in found.takes] == [take.instance_id for take in expected[1:]]
    assert np.isnan(found.takes[0].joints[1]).all()
    for one, other in zip(found.takes[1:], expected[2:], strict=True):
        assert (one.first_frame, one.set_id, one.lands) == (other.first_frame, other.set_id, other.lands)
        assert measure(one).knee_degrees == pytest.approx(measure(other).knee_degrees, abs=0.1)


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


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("id,score\nA,9\n", "expected the header"),
        ("", "expected the header"),
        ("action_id,score\nA,9\nA,8\n", "line 3: A has a score already"),
        ("action_id,score\nA,11\nB,x\n", "line 2.*line 3"),
        ("action_id,score\nA,nan\n", "line 2"),
    ],
)
def test_bad_score_files_are_named_line_by_line(tmp_path, text, fact):
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=fact):
        read_scores(path)


def test_competition_without_faults_teaches_nothing():
    truths = list(iterate_undrawn_truths(CompetitionSettings(num_videos=1, minutes=0.5), CODEBOOK))
    with pytest.raises(FeatureError, match="without faults"):
        collect_known(CODEBOOK, truths)


# The commands ---------------------------------------------------------------------------------------------------------
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
    assert scored["sub_actions_without_poses"] == []
    worst = min(scored["routines"], key=lambda one: one["score"])
    sheet = run("score", folder, "--model", model, "--action", worst["action_id"]).stdout
    assert f"estimated execution {worst['score']:.2f}" in sheet and "frames" in sheet
    found = json.loads(run("evaluate", folder, "--model", model, "--json").stdout)
    assert found["rows"][0]["name"] == "all" and found["rows"][0]["spearman"]["value"] > 0.7
    assert [row["fault"] for row in found["faults"]] == list(KINDS)
    by_scores = run("evaluate", folder, "--model", model, "--scores", folder / "execution.csv")
    assert "left out: 0 without a score" in by_scores.stderr and "Spearman" in by_scores.stdout


def test_a_folder_without_truth_asks_for_poses(folder, tmp_path):
    from finegym.annotations.source import open_source

    dataset = open_source(folder).dataset
    with pytest.raises(FeatureError, match="--poses"):
        read_takes(dataset, tmp_path)


def test_body_is_as_long_as_that_of_the_simulation():
    from finegym.simulation.athlete import Athlete
    from finegym.simulation.kinematics import compute_joints, make_body, make_vector

    body = make_body(Athlete("A"))
    joints = compute_joints(body, make_vector({})[None], np.eye(3)[None])[0]
    shoulder, hip, ankle = (joints[JOINT_INDEX[f"left_{name}"]] for name in ("shoulder", "hip", "ankle"))
    trunk_and_leg = abs(shoulder[2] - hip[2]) + np.linalg.norm(hip - ankle)
    assert trunk_and_leg * 1.55 / body.height == pytest.approx(BODY_M, abs=0.06)
