"""Detection mAP: hand-worked cases, the official definition on random files, and its treatment of what is absent."""

from pathlib import Path

import activitynet_reference
import numpy as np
import pytest
from hypothesis import given, settings
from localization_samples import make_database, make_results, worlds, write_json

from finegym.errors import SegmentError
from finegym.evaluation.localization.detection_map import TIOUS, compute_detection_map, rank_detections
from finegym.evaluation.localization.detections import Detections, read_truth
from finegym.evaluation.localization.matching import (
    Pairs,
    compute_average_precision,
    iterate_pairs,
    match_pairs,
)
from finegym.evaluation.localization.problems import Rules
from finegym.evaluation.localization.reading import read_detections


def evaluate(tmp_path, database, results, *, rules=None, subset="validation", **settings):
    truth = read_truth(write_json(tmp_path / "truth.json", {"database": database}), subset)
    detections = read_detections(write_json(tmp_path / "found.json", {"results": results}), truth, rules)
    return compute_detection_map(truth, detections, **settings)


def test_thresholds_are_those_of_the_official_program():
    assert tuple(np.linspace(0.5, 0.95, 10)) == TIOUS


def test_hand_worked(tmp_path):
    """Two of three segments found at 0.5: ranks 1 and 3 of four, so AP = (1 + 2/3) / 3."""
    database = make_database(v0=[(0, 10, "leap"), (20, 30, "leap")], v1=[(0, 10, "leap")])
    results = make_results(
        v0=[(1, 10, "leap", 0.9), (0, 9, "leap", 0.8), (22, 30, "leap", 0.7)], v1=[(50, 60, "leap", 0.6)]
    )
    result = evaluate(tmp_path, database, results, tious=(0.5, 0.85, 0.95))
    assert result.average_precision[:, 0] == pytest.approx([(1 + 2 / 3) / 3, 1 / 3, 0])
    assert result.mean == pytest.approx([5 / 9, 1 / 3, 0])
    assert result.average == pytest.approx((5 / 9 + 1 / 3) / 3)


def test_perfect_predictions_score_one_and_none_score_zero(tmp_path):
    database = make_database(v0=[(0, 2, "leap"), (3, 5, "turn")], v1=[(1, 9, "leap")], v2=[])
    results = make_results(v0=[(0, 2, "leap", 0.1), (3, 5, "turn", 0.2)], v1=[(1, 9, "leap", 0.3)])
    assert evaluate(tmp_path, database, results).average == 1
    assert evaluate(tmp_path, database, {}).mean.tolist() == [0] * 10


def test_a_class_without_predictions_stays_in_the_mean_and_one_without_segments_is_in_none(tmp_path):
    database = make_database(v0=[(0, 2, "leap"), (3, 5, "turn")])
    database["v1"] = {"subset": "training", "duration": 9, "annotations": [{"segment": [0, 1], "label": "salto"}]}
    result = evaluate(tmp_path, database, make_results(v0=[(0, 2, "leap", 0.9), (0, 2, "salto", 0.8)]))
    assert result.classes == ("leap", "turn")
    assert result.mean == pytest.approx([0.5] * 10)


def test_predictions_where_nothing_is_true_are_false_positives(tmp_path):
    database = make_database(v0=[(0, 2, "leap")], v1=[])
    found = [(0, 2, "leap", 0.5)]
    for video, rules in (("v1", Rules()), ("elsewhere", Rules(unknown_videos="count"))):
        results = make_results(v0=found) | make_results(**{video: [(0, 2, "leap", 0.9)]})
        assert evaluate(tmp_path, database, results, rules=rules).average == 0.5


def test_a_prediction_takes_the_free_segment_that_it_overlaps_most(tmp_path):
    """The second one overlaps [0, 10] most; that is taken, and [4, 14] still reaches 0.5 of it."""
    database = make_database(v0=[(0, 10, "leap"), (4, 14, "leap")])
    results = make_results(v0=[(0, 10, "leap", 0.9), (1, 11, "leap", 0.8)])
    result = evaluate(tmp_path, database, results, tious=(0.5, 0.6))
    assert result.average_precision[:, 0].tolist() == [1, 0.5]
    assert [places.tolist() for places in result.hit_truth] == [[0, 1], [0]]


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_as_the_official_definition(tmp_path_factory, world):
    database, results = world
    folder = tmp_path_factory.getbasetemp()
    expected = activitynet_reference.evaluate(database, results, "validation")
    result = evaluate(folder, database, results, rules=Rules(unknown_videos="count"), subset="validation")
    for index, label in enumerate(result.classes):
        assert result.average_precision[:, index] == pytest.approx(expected[label], abs=1e-12)
    assert result.classes and set(result.classes) == set(expected)


def test_equal_scores_in_the_order_of_the_file(tmp_path):
    database = make_database(v0=[(0, 2, "leap")])
    results = make_results(v0=[(0, 2, "leap", 0.5), (8, 9, "leap", 0.5)])
    result = evaluate(tmp_path, database, results, ties="first")
    assert result.average == 1 and result.num_tied == 2
    results["v0"].reverse()
    assert evaluate(tmp_path, database, results, ties="first").average == 0.5


def test_many_equal_scores_are_sorted_as_numpy_sorts_them():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, 5000) / 5
    class_index = rng.integers(0, 3, 5000)
    ranked, bounds, num_tied = rank_detections(class_index, scores, 3, "numpy")
    assert num_tied == 5000
    for index in range(3):
        rows = np.flatnonzero(class_index == index)
        assert ranked[bounds[index] : bounds[index + 1]].tolist() == rows[scores[rows].argsort()[::-1]].tolist()


def test_ignored_segments_take_false_positives_out_and_leave_hits(tmp_path):
    database = make_database(v0=[(0, 10, "leap")])
    database["v0"]["ignored"] = [{"segment": [20, 26]}, {"segment": [24, 30]}, {"segment": [0, 10]}]
    # Half of the first lies in ignored time, less of the second; the third is right, although it lies in some too.
    results = make_results(v0=[(25, 35, "leap", 0.9), (25.5, 35.5, "leap", 0.8), (0, 10, "leap", 0.7)])
    assert evaluate(tmp_path, database, results).average == pytest.approx(1 / 3)
    assert evaluate(tmp_path, database, results, use_ignored=True).average == pytest.approx(1 / 2)


@given(worlds())
@settings(max_examples=100, deadline=None)
def test_ignoring_is_leaving_out(tmp_path_factory, world):
    """Leave ignored detections that are not right out of the file, and the file without ignored segments says it."""
    database, results = world
    folder = tmp_path_factory.getbasetemp()
    for entry in database.values():
        entry["ignored"] = [{"segment": [2, 5]}, {"segment": [11, 13]}]
    truth = read_truth(write_json(folder / "truth.json", {"database": database}), "validation")
    found = read_detections(write_json(folder / "found.json", {"results": results}), truth, Rules("ignore"))
    result = compute_detection_map(truth, found, (0.5,), ties="first", use_ignored=True)
    keep = ~result.is_ignored
    keep[result.hits[0]] = True
    rows = np.sort(result.ranked[keep])
    fewer = Detections(*(getattr(found, name)[rows] for name in ("video_index", "segments_s", "class_index", "scores")))
    plain = compute_detection_map(truth, fewer, (0.5,), ties="first")
    assert result.average_precision == pytest.approx(plain.average_precision, abs=1e-12)


def test_pairs_come_in_blocks_and_are_the_same():
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 9, 200), rng.integers(0, 7, 50)
    expected = [(a, b) for a in range(200) for b in range(50) if left[a] == right[b]]
    for max_pairs in (1, 7, 10**6):
        blocks = list(iterate_pairs(left, right, max_pairs))
        assert [pair for a, b in blocks for pair in zip(a.tolist(), b.tolist(), strict=True)] == expected
        assert max(len(a) for a, _ in blocks) <= max(max_pairs, 50)
    assert list(iterate_pairs(left, right[:0])) == []


def test_matching_is_the_loop_over_lefts():
    rng = np.random.default_rng(1)
    for _ in range(200):
        num_left, num_right = rng.integers(1, 12, 2).tolist()
        wishes = [rng.permutation(num_right)[: rng.integers(0, num_right + 1)] for _ in range(num_left)]
        taken, expected = set(), []
        for left, wish in enumerate(wishes):
            right = next((r for r in wish.tolist() if r not in taken), None)
            if right is not None:
                taken.add(right)
                expected.append((left, right))
        lefts = np.repeat(np.arange(num_left), [len(wish) for wish in wishes])
        pairs = Pairs(lefts, np.concatenate(wishes).astype(np.int64), np.ones(len(lefts)))
        found = match_pairs(pairs, num_left, num_right)
        assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


def test_average_precision_of_the_envelope():
    hits = np.array([0, 1, 0, 1, 1], bool)
    ranks = np.flatnonzero(hits) + 1
    assert compute_average_precision(ranks, 4) == pytest.approx(activitynet_reference.compute_area(hits, 4))
    assert compute_average_precision(ranks, 4) == pytest.approx(3 * 0.6 / 4)


def test_thresholds_are_checked(tmp_path):
    for tious in ((), (0.0,), (1.5,)):
        with pytest.raises(SegmentError, match="0, 1"):
            evaluate(tmp_path, make_database(v0=[(0, 1, "leap")]), {}, tious=tious)


def test_real_annotations_against_themselves(shared, tmp_path):
    """Every routine of the real file found: AP 1 at every threshold, whatever overlaps."""
    from finegym.annotations.activitynet import convert_to_activitynet
    from finegym.annotations.source import open_source

    path = Path(tmp_path / "truth.json")
    convert_to_activitynet(open_source(shared / "finegym"), path, level="event")
    truth = read_truth(path, None)
    detections = Detections(truth.video_index, truth.segments_s, truth.class_index, np.ones(len(truth.class_index)))
    assert len(truth.class_index) > 5000
    assert compute_detection_map(truth, detections).average == 1
