"""Table 4 and Figure 5: mAP against the report of `finegym evaluate`, and what is said where poses are not there."""

import json
from dataclasses import replace

import numpy as np
import pytest
from pretended_runs import make_dataset

from finegym.annotations.activitynet import make_activitynet
from finegym.annotations.balance import Thresholds
from finegym.annotations.folder import write_dataset
from finegym.annotations.source import open_source
from finegym.evaluation.localization.report import make_localization_report
from finegym.localization.localizer import Found
from finegym.localization.parts import write_found
from finegym.localization.timelines import read_timelines
from finegym.studies import broadcast, measures, table4
from finegym.studies.planning import plan_predictions
from finegym.studies.recipes import find_recipes
from finegym.studies.results import Results
from finegym.studies.run_store import RunStore
from finegym.studies.size_simulated import TINY
from finegym.studies.splits import make_simulated_splits, write_splits

LEVELS = {"actions": "event", "sub-actions": "set"}


@pytest.fixture
def results(tmp_path, monkeypatch):
    made = make_dataset()
    dataset = replace(made, videos=tuple(replace(v, competition=v.id) for v in made.videos))
    folder = tmp_path / "data"
    write_dataset(dataset, folder)
    write_splits(folder, make_simulated_splits(dataset, Thresholds(3, 1), 0))
    found = Results(TINY, RunStore(tmp_path, folder, find_recipes()))
    paths = {}
    for task, spread_ms in (("actions", 3000), ("sub-actions", 700)):
        (planned,) = plan_predictions(TINY, f"SSN {task}", "records")
        paths[planned.run.recipe] = tmp_path / f"{task}.json"
        write_noisy(folder, task, spread_ms, paths[planned.run.recipe])
    monkeypatch.setattr(Results, "find_path", lambda self, planned: paths.get(planned.run.recipe))
    return found


def write_noisy(folder, task, spread_ms, out):
    """Detections near the truth, with sure and unsure ones and some of other classes."""
    rng = np.random.default_rng(0)
    timelines = read_timelines(folder, "records", task=task, level=LEVELS[task], side="val")
    found = []
    for timeline in timelines.timelines:
        segments = timeline.segments_ms.repeat(2, axis=0) + rng.normal(0, spread_ms, (2 * len(timeline.segments_ms), 2))
        segments = np.sort(segments, axis=1) + np.array([0, 1])
        other = rng.integers(0, len(timelines.classes), len(segments))
        labels = np.where(rng.random(len(segments)) < 0.8, timeline.class_index.repeat(2), other)
        found.append(Found(segments.clip(0, timeline.duration_ms), labels, rng.random(len(segments))))
    write_found(out, found, timelines, {})


@pytest.mark.parametrize("task", table4.TASKS)
def test_map_is_that_of_the_report_on_files(results, tmp_path, task):
    content, _ = make_activitynet(open_source(results.folder), level=LEVELS[task], setting="records", task=task)
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps(content))
    report = make_localization_report(tmp_path / f"{task}.json", truth, "validation", ties="first", use_ignored=True)
    found = table4.evaluate(results, "SSN", task)
    np.testing.assert_allclose(found.by_tiou[0], report.result.mean, atol=1e-12)
    assert 0.05 < found.estimate_average().value < 0.95
    assert found.num_segments == len(report.truth.class_index)
    assert found.num_records == report.intervals.num_records
    # The report has percentiles of the same resamples; over two records the study has no interval.
    low, high = np.percentile(found.resampled[0].mean(axis=1), [2.5, 97.5])
    assert (report.intervals.average.low, report.intervals.average.high) == pytest.approx((low, high))
    assert (found.num_records, found.estimate_average().no_interval) == (2, "fewer than 5 records")


def test_rows_are_those_of_the_paper_and_of_actionformer(results):
    outcome = table4.make(results)
    rows = {row.id: row for row in outcome.tables[0].rows}
    assert list(rows) == ["actions", "sub-actions", "actions/ActionFormer", "sub-actions/ActionFormer"]
    values = [rows["actions"].get(column.id).value for column in outcome.tables[0].columns[:-1]]
    assert values == sorted(values, reverse=True)
    assert rows["actions/ActionFormer"].cells == {}
    (figure,) = outcome.figures
    assert b"sub-actions, SSN" in figure.content and b"ActionFormer" not in figure.content


def test_the_finding_on_localizing_is_the_difference_of_both_tasks(results):
    measured = measures.measure_localizing(results)
    actions, subs = (table4.evaluate(results, "SSN", task).estimate_average().value for task in table4.TASKS)
    assert measured.found.value == pytest.approx(actions - subs)
    assert measured.num_instances == sum(table4.evaluate(results, "SSN", task).num_segments for task in table4.TASKS)


def test_tasks_are_paired_by_seed_not_by_place_in_what_is_there():
    rng = np.random.default_rng(0)
    maps, resampled = rng.random((3, 2)), rng.random((3, 50, 2))
    all_seeds = table4.Found((0, 1, 2), maps + 0.1, resampled, 9, 40)
    without_first = table4.Found((1, 2), maps[1:], resampled[1:], 8, 60)
    found = table4.estimate_difference(all_seeds, without_first)
    assert found.by_seed == pytest.approx((0.1, 0.1))
    assert (found.num_seeds, found.num_groups) == (2, 8)
    assert table4.estimate_difference(all_seeds, table4.Found((3,), maps[:1], resampled[:1], 9, 60)) is None


def test_missing_poses_are_explained(tmp_path, monkeypatch):
    assert broadcast.find_broadcast(tmp_path / "smoke" / "data", True) == tmp_path / "smoke" / "broadcast"
    assert broadcast.find_broadcast(tmp_path, False) == tmp_path
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(tmp_path / "none"))
    lack = broadcast.describe_lack(tmp_path)
    assert "blazepose-detector, blazepose-full are not there" in lack and "finegym weights fetch blazepose" in lack
    monkeypatch.setattr(broadcast, "look_at_weights", lambda name: type("State", (), {"state": "ok"}))
    assert f"`finegym features pose {tmp_path}`" in broadcast.describe_lack(tmp_path)


def test_without_weights_the_records_are_made_and_nothing_fails(tmp_path, monkeypatch):
    simulated = []
    monkeypatch.setattr(broadcast, "simulate", lambda *arguments, **more: simulated.append(arguments))
    monkeypatch.setenv("FINEGYM_WEIGHTS_FOLDER", str(tmp_path / "none"))
    broadcast.make_broadcast(TINY.broadcast, tmp_path, workers=1)
    assert simulated == [(TINY.broadcast, tmp_path)]
