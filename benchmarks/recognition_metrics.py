"""Recognition metrics with intervals: ours against scikit-learn and torchmetrics, on a problem of Gym99's size.

The peers have no grouped bootstrap; for them it is written the plain way: draw groups, concatenate their rows, call the
metrics. All give the same numbers, or the benchmark stops.

Run it on a quiet machine: ``python benchmarks/recognition_metrics.py``.
"""

from __future__ import annotations

import importlib.metadata
import statistics
import time

import numpy as np
import sklearn.metrics
import torch
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_f1_score

from finegym.evaluation.recognition import evaluate_recognition

NUM_INSTANCES, NUM_CLASSES, NUM_GROUPS, NUM_RESAMPLES, ROUNDS = 8521, 99, 155, 100, 5


def make_problem(seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.choice(NUM_CLASSES, NUM_INSTANCES, p=rng.dirichlet(np.full(NUM_CLASSES, 0.7)))
    targets[:NUM_CLASSES] = np.arange(NUM_CLASSES)
    logits = rng.normal(size=(NUM_INSTANCES, NUM_CLASSES)).astype(np.float32)
    logits[np.arange(NUM_INSTANCES), targets] += 3
    return logits, targets, rng.integers(0, NUM_GROUPS, NUM_INSTANCES)


def draw_rows(groups):
    """The rows of every resample, drawn as ``evaluate_recognition`` draws them."""
    members = [np.flatnonzero(groups == group) for group in np.unique(groups.astype(str)).astype(int)]
    weights = np.random.default_rng(0).multinomial(
        len(members), np.full(len(members), 1 / len(members)), size=NUM_RESAMPLES
    )
    for draw in weights:
        yield np.concatenate([np.tile(rows, times) for rows, times in zip(members, draw, strict=True) if times])


def run_finegym(logits, targets, groups):
    names = [str(k) for k in range(NUM_CLASSES)]
    result = evaluate_recognition(
        logits, targets, [str(group) for group in groups], names, num_resamples=NUM_RESAMPLES, seed=0
    )
    scores = (result.top1_accuracy, result.top5_accuracy, result.mean_class_accuracy, result.macro_f1)
    return np.array([(score.value, score.low, score.high) for score in scores])


def run_with_intervals(compute, groups):
    value = np.array(compute(np.arange(NUM_INSTANCES)))
    samples = np.array([compute(rows) for rows in draw_rows(groups)])
    return np.column_stack([value, *np.percentile(samples, [2.5, 97.5], axis=0)])


def run_sklearn(logits, targets, groups):
    predicted, labels = logits.argmax(axis=1), np.arange(NUM_CLASSES)

    def compute(rows):
        truth, guess = targets[rows], predicted[rows]
        present = np.unique(truth)
        return (
            sklearn.metrics.accuracy_score(truth, guess),
            sklearn.metrics.top_k_accuracy_score(truth, logits[rows], k=5, labels=labels),
            sklearn.metrics.recall_score(truth, guess, labels=present, average="macro", zero_division=0),
            sklearn.metrics.f1_score(truth, guess, labels=present, average="macro", zero_division=0),
        )

    return run_with_intervals(compute, groups)


def run_torchmetrics(logits, targets, groups):
    scores, truth = torch.from_numpy(logits), torch.from_numpy(targets)

    def compute(rows):
        rows = torch.from_numpy(rows)
        some, true = scores[rows], truth[rows]
        present = torch.bincount(true, minlength=NUM_CLASSES) > 0
        # torchmetrics' macro averages also count classes that are only predicted: average over those present here.
        recall = multiclass_accuracy(some, true, NUM_CLASSES, average="none")[present].mean()
        f1 = multiclass_f1_score(some, true, NUM_CLASSES, average="none")[present].mean()
        top1 = multiclass_accuracy(some, true, NUM_CLASSES, average="micro")
        top5 = multiclass_accuracy(some, true, NUM_CLASSES, average="micro", top_k=5)
        return float(top1), float(top5), float(recall), float(f1)

    return run_with_intervals(compute, groups)


def main():
    torch.set_num_threads(1)
    problem = make_problem()
    programs = {"finegym": run_finegym, "scikit-learn": run_sklearn, "torchmetrics": run_torchmetrics}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    results = {}
    order = np.random.default_rng(1)
    for _ in range(ROUNDS):
        for name in order.permutation(list(programs)).tolist():
            start = time.process_time()
            results[name] = programs[name](*problem)
            seconds[name].append(time.process_time() - start)
    for name in programs:
        np.testing.assert_allclose(results[name], results["finegym"], atol=2e-6)
    print(f"{NUM_INSTANCES} instances, {NUM_CLASSES} classes, {NUM_GROUPS} groups, {NUM_RESAMPLES} resamples")
    print("four scores with intervals (finegym also those of every class and cell); CPU seconds, median of", ROUNDS)
    ours = statistics.median(seconds["finegym"])
    for name in programs:
        version = importlib.metadata.version(name)
        spread = f"{min(seconds[name]):.3f} to {max(seconds[name]):.3f}"
        median = statistics.median(seconds[name])
        print(f"{name:13} {version:8} {median:8.3f} s ({spread})  {median / ours:7.1f} x")


if __name__ == "__main__":
    main()
