"""Segmentation metrics: hand-worked cases, and the plain loops of the definition on random labels."""

import numpy as np
import pytest

from finegym.evaluation.localization.segmentation import (
    BACKGROUND,
    OVERLAPS,
    compute_edit_score,
    compute_scores,
    count_video,
    find_label_segments,
    resample_scores,
)


def find_runs(labels):
    """[label, start, end] of every run that is no background."""
    runs = []
    for frame, label in enumerate(labels):
        if runs and runs[-1][0] == label and runs[-1][2] == frame:
            runs[-1][2] = frame + 1
        else:
            runs.append([label, frame, frame + 1])
    return [run for run in runs if run[0] != BACKGROUND]


def count_reference(predicted, truth, overlap):
    """True positives, false positives and false negatives, a segment at a time."""
    hits = [0] * len(truth)
    tp = fp = 0
    for label, start, end in predicted:
        best, where = -1.0, None
        for index, (other, first, last) in enumerate(truth):
            iou = (min(end, last) - max(start, first)) / (max(end, last) - min(start, first)) * (label == other)
            if iou > best:
                best, where = iou, index
        if where is not None and best >= overlap and not hits[where]:
            tp, hits[where] = tp + 1, 1
        else:
            fp += 1
    return tp, fp, len(truth) - sum(hits)


def distance(left, right):
    """Levenshtein's distance, by its recursion."""
    if not left or not right:
        return len(left) + len(right)
    return min(
        distance(left[1:], right) + 1,
        distance(left, right[1:]) + 1,
        distance(left[1:], right[1:]) + (left[0] != right[0]),
    )


def make_labels(rng, num_frames):
    runs = rng.integers(1, 12, num_frames)
    return np.repeat(rng.integers(-1, 3, num_frames), runs)[:num_frames]


def test_hand_worked():
    truth = np.array([-1, 0, 0, 0, 0, 1, 1, -1, 2, 2])
    predicted = np.array([-1, 0, 0, -1, 0, 1, 1, 1, 1, 2])
    counts = count_video(truth, predicted)
    assert (counts.num_frames, counts.num_correct, counts.num_predicted, counts.num_true) == (10, 7, 4, 3)
    # 0 0 1 2 against 0 1 2: one is too many. 0 half covered (2 of 4), then taken; 1 by 2 of 4; 2 by 1 of 2.
    assert counts.edit == 0.75
    assert counts.right == (3, 3, 3)
    scores = compute_scores([counts])
    assert scores.frame_accuracy == 0.7 and scores.f1 == pytest.approx((6 / 7,) * 3)


def test_perfect_and_empty():
    labels = make_labels(np.random.default_rng(0), 50)
    scores = compute_scores([count_video(labels, labels)])
    assert (scores.frame_accuracy, scores.edit, *scores.f1) == (1,) * 5
    nothing = np.full(50, BACKGROUND)
    scores = compute_scores([count_video(nothing, nothing)])
    assert (scores.frame_accuracy, scores.edit, *scores.f1) == (1, 1, 0, 0, 0)
    scores = compute_scores([count_video(labels, nothing)])
    assert (scores.edit, *scores.f1) == (0, 0, 0, 0)
    assert count_video(nothing, labels).right == (0, 0, 0)
    assert np.isnan(compute_scores([]).frame_accuracy)
    assert find_label_segments(np.zeros(0, np.int64))[0].shape == (0, 2)


def test_as_the_loops_of_the_definition():
    rng = np.random.default_rng(1)
    for _ in range(20):
        pairs = [(make_labels(rng, n), make_labels(rng, n)) for n in rng.integers(5, 60, 4).tolist()]
        pairs += [(t, np.where(rng.random(len(t)) < 0.2, BACKGROUND, t)) for t, _ in pairs]
        scores = compute_scores([count_video(truth, predicted) for truth, predicted in pairs])
        correct = sum(a == b for t, p in pairs for a, b in zip(t.tolist(), p.tolist(), strict=True))
        assert scores.frame_accuracy == pytest.approx(correct / sum(len(t) for t, _ in pairs))
        for place, overlap in enumerate(OVERLAPS):
            counts = [count_reference(find_runs(p.tolist()), find_runs(t.tolist()), overlap) for t, p in pairs]
            tp, fp, fn = (sum(column) for column in zip(*counts, strict=True))
            precision, recall = tp / max(tp + fp, 1), tp / max(tp + fn, 1)
            f1 = 2 * precision * recall / (precision + recall) if tp else 0
            assert scores.f1[place] == pytest.approx(f1)


def test_edit_is_levenshtein():
    rng = np.random.default_rng(2)
    for _ in range(30):
        left, right = (rng.integers(0, 3, rng.integers(0, 6)).tolist() for _ in range(2))
        expected = 1 - distance(left, right) / max(len(left), len(right), 1)
        assert compute_edit_score(left, right) == pytest.approx(expected)


def test_resamples_are_videos_drawn_anew():
    rng = np.random.default_rng(3)
    videos = [count_video(make_labels(rng, 40), make_labels(rng, 40)) for _ in range(4)]
    weights = np.array([[1, 1, 1, 1], [2, 0, 1, 1], [0, 0, 0, 4]])
    for scores, drawn in zip(resample_scores(videos, weights), weights, strict=True):
        copies = [video for video, times in zip(videos, drawn, strict=True) for _ in range(times)]
        expected = compute_scores(copies)
        assert (scores.frame_accuracy, scores.edit) == pytest.approx((expected.frame_accuracy, expected.edit))
        assert scores.f1 == pytest.approx(expected.f1)
