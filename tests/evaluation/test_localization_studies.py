"""Intervals, recall and diagnosis against the plain way to compute each."""

import numpy as np
import pytest
from activitynet_reference import compute_tiou
from localization_samples import write_json

from finegym.evaluation.intervals import draw_weights
from finegym.evaluation.localization.bootstrap import compute_map_intervals
from finegym.evaluation.localization.detection_map import compute_detection_map
from finegym.evaluation.localization.detections import Detections, Truth
from finegym.evaluation.localization.diagnosis import KINDS, diagnose
from finegym.evaluation.localization.problems import Rules
from finegym.evaluation.localization.recall import compute_proposal_recall
from finegym.evaluation.localization.report import make_localization_report
from finegym.evaluation.localization.report_page import find_operating_point

TIOUS = (0.3, 0.5, 0.75)


def make_world(seed, *, num_videos=8, num_classes=3, num_found=200, unknown=False):
    """Truth and detections, most of them near a segment; two videos a record; some videos without segments."""
    rng = np.random.default_rng(seed)
    num_segments = 4 * num_videos
    starts = rng.random(num_segments) * 50
    segments = np.stack([starts, starts + 1 + 5 * rng.random(num_segments)], axis=1)
    videos = rng.integers(0, num_videos - 1, num_segments)
    classes = np.concatenate([np.arange(num_classes), rng.integers(0, num_classes, num_segments - num_classes)])
    truth = make_truth(num_videos, videos, segments, classes, num_classes)
    chosen = rng.integers(0, num_segments, num_found)
    found = np.sort(segments[chosen] + rng.normal(0, 0.7, (num_found, 2)), axis=1)
    labels = np.where(rng.random(num_found) < 0.7, classes[chosen], rng.integers(0, num_classes, num_found))
    where = np.where(rng.random(num_found) < 0.8, videos[chosen], rng.integers(-unknown, num_videos, num_found))
    return truth, Detections(where, found, labels, rng.permutation(num_found) / num_found)


def make_truth(num_videos, videos, segments, classes, num_classes, ignored=()):
    return Truth(
        video_ids=tuple(f"v{index}" for index in range(num_videos)),
        record_ids=tuple(f"r{index // 2}" for index in range(num_videos)),
        durations_s=np.full(num_videos, np.nan),
        classes=tuple(f"c{index}" for index in range(num_classes)),
        video_index=np.asarray(videos),
        segments_s=np.asarray(segments, float),
        class_index=np.asarray(classes),
        ignored_video_index=np.array([video for video, _, _ in ignored], np.int64),
        ignored_segments_s=np.array([row[1:] for row in ignored], float).reshape(-1, 2),
    )


def draw_copies(truth, detections, drawn):
    """The files of a resample: record ``r`` is there ``drawn[r]`` times, under as many names."""
    record_of = [int(name[1:]) for name in truth.record_ids]
    rows, found, ignored, number = [], [], [], 0
    for video, record in enumerate(record_of):
        for _ in range(int(drawn[record])):
            for index in np.flatnonzero(truth.video_index == video):
                rows.append((number, truth.segments_s[index], truth.class_index[index]))
            for index in np.flatnonzero(truth.ignored_video_index == video):
                ignored.append((number, *truth.ignored_segments_s[index]))
            found += [(number, index) for index in np.flatnonzero(detections.video_index == video)]
            number += 1
    found += [(-1, index) for index in np.flatnonzero(detections.video_index < 0)]
    present = sorted({int(row[2]) for row in rows})
    renumber = {old: new for new, old in enumerate(present)}
    found = [(video, index) for video, index in found if int(detections.class_index[index]) in renumber]
    classes = [renumber[int(row[2])] for row in rows]
    copies = make_truth(number, [row[0] for row in rows], [row[1] for row in rows], classes, len(present), ignored)
    where = np.array([index for _, index in found], np.int64)
    return copies, Detections(
        np.array([video for video, _ in found], np.int64),
        detections.segments_s[where],
        np.array([renumber[int(detections.class_index[index])] for index in where], np.int64),
        detections.scores[where],
    )


@pytest.mark.parametrize("ignored", [(), ((0, 0.0, 60.0), (3, 10.0, 40.0), (6, 0.0, 90.0))])
def test_intervals_are_those_of_files_with_copies_of_records(ignored):
    truth, detections = make_world(0, unknown=True)
    truth = make_truth(8, truth.video_index, truth.segments_s, truth.class_index, 3, ignored)
    settings = {"use_ignored": bool(ignored), "ties": "first"}
    result = compute_detection_map(truth, detections, TIOUS, **settings)
    intervals = compute_map_intervals(truth, detections, result, num_resamples=300, seed=5)
    samples = []
    for drawn in draw_weights(4, 300, 5):
        copies, found = draw_copies(truth, detections, drawn)
        samples.append(compute_detection_map(copies, found, TIOUS, **settings).mean)
    for level, score in enumerate(intervals.mean):
        expected = np.percentile(np.array(samples)[:, level], [2.5, 97.5])
        assert (score.low, score.high) == pytest.approx(expected, abs=1e-12)
        assert score.low <= score.value == result.mean[level] <= score.high
    expected = np.percentile(np.mean(samples, axis=1), [2.5, 97.5])
    assert (intervals.average.low, intervals.average.high) == pytest.approx(expected, abs=1e-12)
    assert intervals.num_records == 4


def test_one_record_has_no_interval():
    truth, detections = make_world(1, num_videos=2)
    result = compute_detection_map(truth, detections)
    score = compute_map_intervals(truth, detections, result).average
    assert score.low is None and "only 1 record" in score.no_interval and score.value == result.average


def recall_the_plain_way(truth, detections, num_of_video, tiou):
    found = 0
    for video in np.unique(truth.video_index):
        rows = np.flatnonzero(detections.video_index == video)
        rows = rows[np.argsort(-detections.scores[rows], kind="stable")][: num_of_video[video]]
        for segment in truth.segments_s[truth.video_index == video]:
            found += bool(len(rows)) and bool((compute_tiou(segment, detections.segments_s[rows]) >= tiou).any())
    return found / len(truth.class_index)


def test_recall_at_numbers_of_proposals():
    for seed in range(5):
        truth, detections = make_world(seed, unknown=True)
        result = compute_proposal_recall(truth, detections, num_proposals=(1, 3, 20), tious=TIOUS)
        for level, tiou in enumerate(TIOUS):
            for place, number in enumerate((1, 3, 20)):
                expected = recall_the_plain_way(truth, detections, [number] * 8, tiou)
                assert result.recall[level, place] == pytest.approx(expected)
        assert result.mean == pytest.approx(result.recall.mean(axis=0))


@pytest.mark.parametrize("max_average", [5, 12.5, 100])
def test_the_official_curve_takes_a_share_of_every_video(max_average):
    truth, detections = make_world(3, unknown=True)
    result = compute_proposal_recall(truth, detections, tious=TIOUS, max_average=max_average)
    videos = np.unique(truth.video_index)
    ratio = max_average * len(videos) / len(detections.scores)
    there = {video: int((detections.video_index == video).sum()) for video in videos}
    kept = {video: min(int(there[video] * ratio), there[video]) for video in videos}
    shares = np.arange(1, 101) / 100 * (max_average * len(videos) / sum(kept.values()))
    for place in (0, 9, 49, 99):
        used = {video: min(int(kept[video] * shares[place]), kept[video]) for video in videos}
        expected = np.mean([recall_the_plain_way(truth, detections, used, tiou) for tiou in TIOUS])
        assert result.average_recall[place] == pytest.approx(expected)
    assert result.average_number == pytest.approx(shares * sum(kept.values()) / len(videos))
    assert 0 < result.area <= result.average_recall[-1] + 1e-12


def test_nothing_proposed_and_nothing_to_be_found():
    truth, detections = make_world(0)
    nothing = Detections(np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0, np.int64), np.zeros(0))
    result = compute_proposal_recall(truth, nothing)
    assert result.mean.tolist() == [0] * 5 and np.isnan(result.area)
    empty = make_truth(8, np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0, np.int64), 0)
    assert np.isnan(compute_proposal_recall(empty, detections).mean).all()


def test_kinds_of_mistakes_by_hand():
    segments = [(0, 10), (20, 30), (40, 50), (60, 70), (80, 81)]
    truth = make_truth(2, [0] * 5, segments, [0, 0, 0, 1, 1], 2)
    rows = [
        (0, 0, 10, 0),  # right
        (0, 0, 9, 0),  # double
        (0, 60, 70, 0),  # wrong label
        (0, 20, 24, 0),  # localization: 0.4
        (0, 62, 64, 0),  # confusion: 0.2
        (0, 32, 38, 0),  # background
        (1, 0, 10, 0),  # background: another video
        (0, 60, 69, 1),  # right
    ]
    detections = Detections(
        np.array([row[0] for row in rows]), np.array([row[1:3] for row in rows], float),
        np.array([row[3] for row in rows]), 1 - np.arange(8) / 10,
    )  # fmt: skip
    result = compute_detection_map(truth, detections, (0.5,))
    found = diagnose(truth, detections, result)
    # Class 0 has three segments: its first three predictions, its first six, all seven; class 1 has one prediction.
    assert found.counts[:3].tolist() == [[2, 1, 1, 0, 0, 0], [2, 1, 1, 1, 1, 1], [2, 1, 1, 1, 1, 2]]
    assert found.counts[9].tolist() == found.counts[2].tolist()
    assert found.num_missed == 3
    assert [group.num_missed for group in found.lengths] == [1, 1, 1, 0]
    # What is right stands first in both classes: removing others gains nothing; without missed segments AP is 1.
    assert [found.gains[kind] for kind in KINDS[1:]] == [0] * 5
    assert found.gains["missed"] == pytest.approx(1 - (1 / 3 + 1 / 2) / 2)


def test_gains_are_those_of_files_without_the_mistakes():
    truth, detections = make_world(7)
    result = compute_detection_map(truth, detections, (0.5,), ties="first")
    found = diagnose(truth, detections, result)
    own_tiou = np.zeros((len(detections.scores), 2))
    for index in range(len(detections.scores)):
        for row in np.flatnonzero(truth.video_index == detections.video_index[index]):
            tiou = compute_tiou(detections.segments_s[index], truth.segments_s[[row]])[0]
            side = int(truth.class_index[row] != detections.class_index[index])
            own_tiou[index, side] = max(own_tiou[index, side], tiou)
    right = set(result.ranked[result.hits[0]].tolist())
    kinds = []
    for index, (own, other) in enumerate(own_tiou):
        best = "own" if own >= other else "other"
        near = max(own, other) >= 0.5
        far = max(own, other) < 0.1
        name = {"own": ("double", "localization"), "other": ("wrong label", "confusion")}[best][0 if near else 1]
        kinds.append("right" if index in right else "background" if far else name)
    assert {"double", "localization", "wrong label", "confusion", "background"} <= set(kinds)
    for kind in KINDS[1:]:
        rows = np.array([index for index, name in enumerate(kinds) if name != kind])
        names = ("video_index", "segments_s", "class_index", "scores")
        fewer = Detections(*(getattr(detections, name)[rows] for name in names))
        gain = compute_detection_map(truth, fewer, (0.5,)).average - result.average
        assert found.gains[kind] == pytest.approx(gain, abs=1e-12) and gain >= 0
    assert found.counts[-1].sum() == len(detections.scores) and found.counts[-1][0] == len(right)
    keep = np.setdiff1d(np.arange(len(truth.class_index)), np.setdiff1d(np.arange(32), result.hit_truth[0]))
    fewer = make_truth(8, truth.video_index[keep], truth.segments_s[keep], truth.class_index[keep], 3)
    assert found.gains["missed"] == pytest.approx(
        compute_detection_map(fewer, detections, (0.5,)).average - result.average
    )


def test_detections_are_right_in_the_same_places_as_in_the_map():
    truth, detections = make_world(2)
    result = compute_detection_map(truth, detections, TIOUS)
    assert diagnose(truth, detections, result, 1).counts[-1][0] == len(result.hits[1])


def test_pictures_show_predictions_from_the_score_of_the_best_f1(tmp_path):
    truth, detections = make_world(4)
    found = {
        f"v{video}": [
            {"label": f"c{label}", "score": score, "segment": segment}
            for where, label, score, segment in zip(
                detections.video_index.tolist(), detections.class_index.tolist(), detections.scores.tolist(),
                detections.segments_s.tolist(), strict=True,
            )
            if where == video
        ]
        for video in range(8)
    }  # fmt: skip
    database = {name: {"subset": "all", "annotations": []} for name in truth.video_ids}
    for where, label, segment in zip(truth.video_index, truth.class_index, truth.segments_s.tolist(), strict=True):
        database[f"v{where}"]["annotations"].append({"label": f"c{label}", "segment": segment})
    paths = [write_json(tmp_path / f"{name}.json", content) for name, content in
             (("found", {"results": found}), ("truth", {"database": database}))]  # fmt: skip
    report = make_localization_report(*paths, None, num_resamples=10, rules=Rules(outside="keep"))
    point = find_operating_point(report)

    def compute_f1(score):
        shown = report.detections.scores >= score
        return 2 * (point.is_right & shown).sum() / (shown.sum() + len(report.truth.class_index))

    assert point.f1 == pytest.approx(max(map(compute_f1, report.detections.scores)))
    assert compute_f1(point.min_score) == pytest.approx(point.f1)
    shown = report.detections.scores >= point.min_score
    assert point.num_shown == shown.sum() and point.is_found.sum() == (point.is_right & shown).sum()
    assert point.is_right.sum() == len(report.result.hits[0])
