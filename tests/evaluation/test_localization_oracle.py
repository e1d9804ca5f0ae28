"""The oracle study: each imprecision against brute force, and what must hold of upper bounds."""

import json

import numpy as np
import pytest

from finegym.annotations.model import Action, Dataset, SubAction, Video
from finegym.annotations.source import Source
from finegym.codebook.builtin import read_builtin
from finegym.evaluation.localization.annotators import find_pairs, study_annotators
from finegym.evaluation.localization.detections import Truth
from finegym.evaluation.localization.oracle import (
    SHORTEST_S,
    STEP,
    choose_windows,
    compute_own_tiou,
    count_windows,
    jitter,
    study_oracle,
)
from finegym.evaluation.localization.oracle_report import (
    draw_oracle_study,
    export_oracle_study,
    format_oracle_study,
    make_oracle_study,
)
from finegym.segments import compute_tiou


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    starts = np.sort(rng.random(60) * 25)
    segments = np.stack([starts, starts + 0.2 + 4 * rng.random(60)], axis=1)
    return Truth(
        video_ids=("a", "b", "empty"),
        record_ids=("a", "b", "empty"),
        durations_s=np.array([30.0, np.nan, 12.0]),
        classes=("x", "y"),
        video_index=rng.integers(0, 2, 60),
        segments_s=segments,
        class_index=rng.integers(0, 2, 60),
        ignored_video_index=np.zeros(0, np.int64),
        ignored_segments_s=np.zeros((0, 2)),
    )


def list_windows(end_s):
    """Every window of a video, one at a time."""
    length, windows = SHORTEST_S, []
    while length <= end_s:
        number = 0
        while number * STEP * length + length <= end_s + 1e-9:
            windows.append([number * STEP * length, number * STEP * length + length])
            number += 1
        length *= 2**0.5
    return np.array(windows)


def test_the_chosen_window_is_the_best_of_all(truth):
    ends = {0: 30.0, 1: truth.segments_s[truth.video_index == 1, 1].max(), 2: 12.0}
    windows = {video: list_windows(end) for video, end in ends.items()}
    chosen = choose_windows(truth)
    tiou = compute_own_tiou(chosen, truth.segments_s)
    for row, (video, segment) in enumerate(zip(truth.video_index, truth.segments_s, strict=True)):
        assert tiou[row] == pytest.approx(compute_tiou(segment[None], windows[video]).max())
        assert np.abs(windows[video] - chosen[row]).sum(axis=1).min() < 1e-9
    assert count_windows(truth) == sum(map(len, windows.values()))


def test_every_boundary_is_exactly_so_far_off(truth):
    moved = jitter(truth, 0.08, np.random.default_rng(0)) - truth.segments_s
    assert np.abs(moved) == pytest.approx(0.08)
    assert 0.3 < (moved > 0).mean() < 0.7


def test_upper_bounds_fall_with_imprecision_and_thresholds(truth):
    (task,) = study_oracle({"task": truth})
    by_name = {row.name: row.result for row in task.rows}
    assert list(by_name) == [
        "1 frame off", "2 frames off", "5 frames off", "rounded to whole seconds", "whole seconds around",
        "sliding windows",
    ]  # fmt: skip
    for result in by_name.values():
        assert (np.diff(result.mean) <= 1e-12).all()
    assert by_name["1 frame off"].average > by_name["2 frames off"].average > by_name["5 frames off"].average
    rounded = next(row for row in task.rows if row.name.startswith("rounded"))
    assert rounded.num_lost == int((truth.segments_s.round()[:, 0] == truth.segments_s.round()[:, 1]).sum()) > 0


def test_the_oracle_is_recall_where_nothing_else_is_near():
    """One segment a video: AP at a threshold is the share of segments that still reach it."""
    rng = np.random.default_rng(1)
    segments = np.stack([np.full(40, 3.0), 3.2 + 2 * rng.random(40)], axis=1)
    names = tuple(f"v{i}" for i in range(40))
    none = np.zeros(0, np.int64)
    truth = Truth(names, names, np.full(40, 9.0), ("x",), np.arange(40), segments, np.zeros(40, np.int64), none,
                  np.zeros((0, 2)))  # fmt: skip
    (task,) = study_oracle({"task": truth}, frames=(4,), tious=(0.5, 0.8), seed=3)
    moved = jitter(truth, 4 / 25, np.random.default_rng(3))
    tiou = np.array(
        [compute_tiou(a[None], b[None])[0, 0] if a[1] > a[0] else 0 for a, b in zip(moved, segments, strict=True)]
    )
    assert task.rows[0].result.mean == pytest.approx([(tiou >= 0.5).mean(), (tiou >= 0.8).mean()])


def make_source(tmp_path):
    codebook = read_builtin("artistic-women")
    element = codebook.get_elements_of_set(codebook.sets[0].id)[0]

    def make_action(number, start_ms, end_ms):
        inside = ((start_ms + 100, end_ms - 100),)
        name = f"E_{number:06d}_{number + 9:06d}"
        return Action(name, "VT", start_ms, end_ms, (SubAction("A_0000_0008", inside, element.id, element.set_id),))

    actions = (make_action(1, 1000, 9000), make_action(2, 1400, 9000), make_action(50, 50_000, 58_000))
    return Source(tmp_path, "folder", Dataset(codebook, (Video("r", actions), Video("s", (make_action(3, 0, 8000),)))))


def test_two_annotations_are_compared(tmp_path):
    source = make_source(tmp_path)
    actions = source.dataset.videos[0].actions
    assert find_pairs(actions) == [(actions[0], actions[1])]
    whole, inside = study_annotators(source.dataset)
    assert (whole.name, inside.name) == ("actions annotated twice", "their sub-actions")
    # 7.6 of 8 seconds are common, and 7.4 of 7.8: 0.95 and 0.949.
    assert whole.rows[0].result.mean.tolist() == [1] * 10
    assert inside.rows[0].result.mean.tolist() == [1] * 9 + [0]
    assert study_annotators(Dataset(source.dataset.codebook, source.dataset.videos[1:])) == ()


def test_study_as_text_json_and_figure(tmp_path):
    study = make_oracle_study(make_source(tmp_path), frames=(1,), tious=(0.5, 0.9))
    text = format_oracle_study(study)
    assert "actions, events: 4 segments of 1 classes in 2 timelines of 2 records" in text
    assert "sliding windows" in text and "SIMULATED" not in text
    exported = json.loads(json.dumps(export_oracle_study(study), allow_nan=False))
    names = ["actions, events", "sub-actions, sets", "sub-actions, elements"]
    assert [task["name"] for task in exported["tasks"]] == names
    assert exported["tasks"][0]["rows"][0]["ap"] == {"VT": [1.0, 1.0]}
    svg = draw_oracle_study(study)
    assert svg == draw_oracle_study(study) and b"1 frame off" in svg and b"a second annotation" in svg
    assert draw_oracle_study(study, "png")[:4] == b"\x89PNG"


def test_bounds_on_the_real_annotations(shared):
    from finegym.annotations.source import open_source

    study = make_oracle_study(open_source(shared / "finegym"))
    average = {task.name: {row.name: 100 * row.result.average for row in task.rows} for task in study.tasks}
    assert average["actions, events"]["rounded to whole seconds"] == pytest.approx(98.0, abs=0.05)
    assert average["sub-actions, sets"]["rounded to whole seconds"] == pytest.approx(46.9, abs=0.05)
    assert average["sub-actions, sets"]["5 frames off"] == pytest.approx(50.8, abs=0.1)
    assert average["sub-actions, elements"]["sliding windows"] == pytest.approx(69.6, abs=0.05)
    assert [len(task.truth.class_index) for task in study.annotators] == [70, 70]
