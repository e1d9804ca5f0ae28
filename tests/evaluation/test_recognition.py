"""Recognition metrics against a hand-worked case, scikit-learn, torchmetrics and a loop."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from finegym.evaluation.recognition import (
    MISSING,
    compute_confusion,
    compute_mean_class_accuracy,
    compute_ranks,
    evaluate_recognition,
    roll_up,
)


def make_case(seed: int, num_instances: int = 200, num_classes: int = 7, absent: int | None = 3):
    rng = np.random.default_rng(seed)
    classes = np.array([k for k in range(num_classes) if k != absent])
    targets = rng.choice(classes, num_instances)
    logits = rng.normal(size=(num_instances, num_classes))
    logits[np.arange(num_instances), targets] += rng.random(num_instances) * 3
    groups = [f"video{k}" for k in rng.integers(0, 12, num_instances)]
    return logits.astype(np.float32), targets, groups, [f"class{k}" for k in range(num_classes)]


def test_hand_worked_case():
    # Class 0: 2 of 3 right; class 1: 0 of 1; class 2 has no instance but is predicted once.
    logits = np.array([[3, 1, 0], [2, 1, 0], [0, 1, 2], [5, 1, 0]], dtype=float)
    targets = np.array([0, 0, 0, 1])
    result = evaluate_recognition(logits, targets, ["a", "a", "b", "b"], ["x", "y", "z"])
    assert result.top1_accuracy.value == pytest.approx(2 / 4)
    assert result.mean_class_accuracy.value == pytest.approx((2 / 3 + 0) / 2)
    # F1 of x: precision 2/3, recall 2/3; of y: 0; z is in no mean.
    assert result.macro_f1.value == pytest.approx((2 / 3 + 0) / 2)
    assert result.absent_classes == ("z",)
    assert result.confusion.tolist() == [[2, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert result.top5_accuracy is None, "with three classes everything is among the first five"
    assert np.isnan(result.class_accuracy[2]) and result.class_count.tolist() == [3, 1, 0]


@pytest.mark.parametrize("seed", range(5))
def test_equals_scikit_learn_and_torchmetrics(seed):
    import torch
    from torchmetrics.functional.classification import multiclass_accuracy

    logits, targets, groups, names = make_case(seed)
    result = evaluate_recognition(logits, targets, groups, names, num_resamples=10)
    predicted, labels = logits.argmax(axis=1), np.arange(len(names))
    present = np.unique(targets)
    assert result.top1_accuracy.value == pytest.approx(sklearn.metrics.accuracy_score(targets, predicted))
    top5 = sklearn.metrics.top_k_accuracy_score(targets, logits, k=5, labels=labels)
    assert result.top5_accuracy is not None and result.top5_accuracy.value == pytest.approx(top5)
    recall = sklearn.metrics.recall_score(targets, predicted, labels=present, average="macro")
    assert result.mean_class_accuracy.value == pytest.approx(recall)
    f1 = sklearn.metrics.f1_score(targets, predicted, labels=present, average="macro")
    assert result.macro_f1.value == pytest.approx(f1)
    confusion = sklearn.metrics.confusion_matrix(targets, predicted, labels=labels)
    assert (result.confusion == confusion).all()
    micro = multiclass_accuracy(torch.tensor(logits), torch.tensor(targets), num_classes=7, average="micro")
    assert result.top1_accuracy.value == pytest.approx(float(micro))


def test_absent_class_is_never_averaged_in_as_zero():
    logits, targets, groups, names = make_case(0)
    with_absent = evaluate_recognition(logits, targets, groups, names).mean_class_accuracy
    keep = [0, 1, 2, 4, 5, 6]
    logits[:, 3] = -100  # the absent class cannot be predicted either way
    renamed = np.array([keep.index(t) for t in targets])
    without = evaluate_recognition(logits[:, keep], renamed, groups, [names[k] for k in keep]).mean_class_accuracy
    assert without.value >= with_absent.value > without.value - 0.1


def test_perfect_predictions_score_1_everywhere():
    _, targets, groups, names = make_case(1)
    result = evaluate_recognition(np.eye(7)[targets], targets, groups, names)
    for score in (result.top1_accuracy, result.mean_class_accuracy, result.macro_f1, result.top5_accuracy):
        assert score is not None and (score.value, score.low, score.high) == (1.0, 1.0, 1.0)


def test_shuffled_labels_are_near_chance():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 10, 5000)
    result = evaluate_recognition(
        np.eye(10)[rng.permutation(targets)], targets, [str(k % 50) for k in range(5000)], [str(k) for k in range(10)]
    )
    assert abs(result.top1_accuracy.value - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 5000)
    assert result.top1_accuracy.low < 0.1 < result.top1_accuracy.high


def test_missing_instances_count_as_wrong_and_are_counted():
    logits, targets, groups, names = make_case(2)
    whole = evaluate_recognition(logits, targets, groups, names)
    right = np.flatnonzero(logits.argmax(axis=1) == targets)[:10]
    logits[right] = np.nan
    result = evaluate_recognition(logits, targets, groups, names)
    assert result.num_missing == 10 and result.num_instances == 200
    assert result.top1_accuracy.value == pytest.approx(whole.top1_accuracy.value - 10 / 200)
    assert result.confusion.sum() == 190


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_ranks_equal_a_stable_sort(seed):
    rng = np.random.default_rng(seed)
    logits = rng.integers(0, 4, (6, 5)).astype(float)  # many ties
    targets = rng.integers(0, 5, 6)
    order = [sorted(range(5), key=lambda k, row=row: (-row[k], k)) for row in logits]
    assert compute_ranks(logits, targets).tolist() == [o.index(t) for o, t in zip(order, targets, strict=True)]


def test_constant_predictions_are_not_right_everywhere():
    assert compute_ranks(np.zeros((3, 4)), np.array([0, 1, 3])).tolist() == [0, 1, 3]


def test_confusion_leaves_missing_out():
    assert compute_confusion(np.array([0, 1]), np.array([1, MISSING]), 2).tolist() == [[0, 1], [0, 0]]


def test_mean_class_accuracy_of_nothing_is_nan():
    assert np.isnan(compute_mean_class_accuracy(np.zeros(3), np.zeros(3)))


def test_bootstrap_equals_a_loop_over_resampled_instances():
    logits, targets, groups, names = make_case(3, num_instances=60)
    result = evaluate_recognition(logits, targets, groups, names, num_resamples=200, seed=7)
    unique = sorted(set(groups))
    weights = np.random.default_rng(7).multinomial(len(unique), np.full(len(unique), 1 / len(unique)), size=200)
    right = logits.argmax(axis=1) == targets
    top1, mean_class = [], []
    for draw in weights:
        rows = [
            i for g, times in zip(unique, draw, strict=True) for _ in range(times) for i in range(60) if groups[i] == g
        ]
        top1.append(np.mean([right[i] for i in rows]))
        classes = {int(targets[i]) for i in rows}
        mean_class.append(np.mean([np.mean([right[i] for i in rows if targets[i] == k]) for k in classes]))
    for score, samples in ((result.top1_accuracy, top1), (result.mean_class_accuracy, mean_class)):
        assert [score.low, score.high] == pytest.approx(np.percentile(samples, [2.5, 97.5]))


def test_intervals_of_classes_and_cells_equal_a_loop_over_resampled_instances():
    logits, targets, groups, names = make_case(6, num_instances=80)
    result = evaluate_recognition(logits, targets, groups, names, num_resamples=150, seed=2)
    unique = sorted(set(groups))
    weights = np.random.default_rng(2).multinomial(len(unique), np.full(len(unique), 1 / len(unique)), size=150)
    predicted = logits.argmax(axis=1)
    for row, column in [(0, 0), (1, 1), (2, 0), (5, 2)]:
        shares = []
        for draw in weights:
            times = dict(zip(unique, draw, strict=True))
            drawn = [i for i in range(80) for _ in range(times[groups[i]]) if targets[i] == row]
            if drawn:
                shares.append(np.mean([predicted[i] == column for i in drawn]))
        expected = np.percentile(shares, [2.5, 97.5])
        if result.confusion[row, column]:
            np.testing.assert_allclose(result.confusion_interval[row, column], expected)
        else:
            assert np.isnan(result.confusion_interval[row, column]).all()
        if row == column:
            np.testing.assert_allclose(result.class_interval[row], expected)
    assert np.isnan(result.class_interval[3]).all(), "class 3 is absent"


def test_a_class_in_one_group_has_no_interval():
    logits, targets = np.eye(2)[[0, 0, 1, 0]], np.array([0, 0, 1, 1])
    result = evaluate_recognition(logits, targets, ["a", "b", "c", "c"], ["x", "y"], num_resamples=100)
    assert result.class_interval[0].tolist() == [1, 1]
    assert np.isnan(result.class_interval[1]).all() and np.isnan(result.confusion_interval[1]).all()
    assert result.top1_accuracy.low is not None


def test_one_group_has_no_interval():
    logits, targets, _, names = make_case(4)
    score = evaluate_recognition(logits, targets, ["same"] * 200, names).top1_accuracy
    assert (score.low, score.high) == (None, None)
    assert score.no_interval


def test_a_mean_over_other_classes_is_no_interval_of_this_one():
    # The rare class is right and in one of four groups: 1 in 3 resamples lacks it and means another thing.
    targets = np.array([0] * 40 + [1])
    logits = np.eye(2)[[0, 1, 1, 1] * 10 + [1]]
    groups = [str(k % 4) for k in range(41)]
    result = evaluate_recognition(logits, targets, groups, ["common", "rare"])
    score = result.mean_class_accuracy
    assert (score.value, score.low, score.high) == (0.625, None, None)
    assert "lack more than 10% of the classes" in score.no_interval
    assert result.macro_f1.no_interval == score.no_interval
    assert result.top1_accuracy.low is not None and not result.top1_accuracy.no_interval
    assert result.class_groups.tolist() == [4, 1]


@pytest.mark.parametrize("seed", range(20))
def test_a_score_lies_in_its_interval(seed):
    rng = np.random.default_rng(seed)
    num_groups, num_classes = int(rng.integers(2, 30)), int(rng.integers(2, 9))
    targets = rng.integers(0, num_classes, 80)
    logits = rng.normal(size=(80, num_classes)) + 2 * rng.random() * np.eye(num_classes)[targets]
    groups = [str(group) for group in rng.integers(0, num_groups, 80)]
    result = evaluate_recognition(logits, targets, groups, [str(k) for k in range(num_classes)], num_resamples=300)
    for score in (result.top1_accuracy, result.mean_class_accuracy, result.macro_f1):
        assert (score.low is None) == bool(score.no_interval)
        assert score.low is None or score.low <= score.value <= score.high


def test_nothing_to_evaluate_is_no_crash():
    result = evaluate_recognition(np.zeros((0, 2)), np.zeros(0, int), [], ["a", "b"])
    assert result.num_instances == 0 and result.absent_classes == ("a", "b")
    assert np.isnan(result.top1_accuracy.value), "no instances, no accuracy"


def test_roll_up_sums_probabilities_of_children():
    logits, *_ = make_case(5)
    parents = np.array([0, 0, 1, 1, 1, 2, 0])
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = np.stack([probabilities[:, parents == p].sum(axis=1) for p in range(3)], axis=1)
    np.testing.assert_allclose(np.exp(roll_up(logits, parents, 3)), expected, rtol=1e-5)


def test_roll_up_keeps_missing_rows_missing():
    rolled = roll_up(np.array([[np.nan, np.nan], [0.0, 1.0]]), np.array([0, 1]), 2)
    assert np.isnan(rolled[0]).all() and np.isfinite(rolled[1]).all()
