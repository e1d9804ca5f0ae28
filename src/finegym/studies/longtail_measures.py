"""What the long tail is measured by: classes by how rare they are, queries of the trees, and how sure a model sounds.

Each measure gives the number with every seed and in resamples of the records, so that two remedies can be subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from finegym.evaluation.estimates import (
    GroupWeights,
    Sampled,
    count_draws,
    sample_mean_over_classes,
    sample_share,
)
from finegym.evaluation.queries import AskedNode, find_asked_nodes, read_answers
from finegym.studies.results import Answers, Results, stack_right

NUM_BINS = 15  # of confidence, as in ``evaluation.calibration``
NO_END = 10**9
BINS = {"rare": (1, 10), "middling": (11, 30), "frequent": (31, NO_END)}
"""Of training instances a class, first and last."""


@dataclass(frozen=True)
class Tail:
    """What of a split the measures need.

    Attributes:
        counts: training instances a class.
        nodes: of the decision trees, at which its classes part.
        groups: resamples of the records of its val side.
    """

    counts: Sequence[int]
    nodes: tuple[AskedNode, ...]
    groups: GroupWeights


@dataclass(frozen=True)
class Reading:
    """What a measure says of some runs.

    Attributes:
        sampled: the number, a share.
        num_instances: that it was computed on.
        num_groups: records that hold these.
        num_draws: as how many independent answers it counts at most; ``None`` where it is no share of right ones.
    """

    sampled: Sampled
    num_instances: int
    num_groups: int
    num_draws: float | None


Measure = Callable[[Sequence[Answers], Tail], Reading | None]
"""Of runs that differ in their seed; ``None`` where there is nothing to measure."""


def collect_tail(results: Results, role: str) -> Tail:
    """Of a role's split."""
    split = results.get_split(role)
    nodes = find_asked_nodes(split.subset, results.dataset.codebook)
    return Tail(split.count_classes("train"), nodes, results.get_groups(role))


def describe_bin(first: int, last: int) -> str:
    """A range in words.

    Example:
        >>> describe_bin(11, 30), describe_bin(31, NO_END)
        ('11 to 30', '31 and more')
    """
    return f"{first} and more" if last == NO_END else f"{first} to {last}"


def measure_classes(first: int, last: int) -> Measure:
    """Mean of the accuracies of the classes with so many training instances, at least and at most."""

    def measure(answers: Sequence[Answers], tail: Tail) -> Reading | None:
        targets, counts = answers[0].aligned.targets, np.asarray(tail.counts)
        rows = np.flatnonzero((counts[targets] >= first) & (counts[targets] <= last))
        if not len(rows):
            return None
        groups, inside = _keep(tail.groups, rows), targets[rows]
        sampled = sample_mean_over_classes(stack_right(answers)[:, rows], inside, groups)
        return Reading(sampled, len(rows), _count_groups(groups), count_draws(inside))

    return measure


def measure_top1(answers: Sequence[Answers], tail: Tail) -> Reading:
    """The share of instances that are right."""
    right = stack_right(answers)
    return Reading(sample_share(right, tail.groups), right.shape[1], _count_groups(tail.groups), right.shape[1])


def measure_queries(answers: Sequence[Answers], tail: Tail) -> Reading | None:
    """Mean over the queries of their balanced accuracy; see ``evaluation.queries`` for what an answer is."""
    seeds = [read_answers(each.aligned.logits, each.aligned.targets, tail.nodes) for each in answers]
    asked = [id_ for id_, each in seeds[0].items() if each.is_yes.any() and not each.is_yes.all()]
    if not asked:
        return None
    # Each query and true answer is a class: the mean over classes is that over queries of balanced accuracies.
    targets = np.concatenate([2 * place + seeds[0][id_].is_yes for place, id_ in enumerate(asked)])
    rows = np.concatenate([seeds[0][id_].rows for id_ in asked])
    groups = _keep(tail.groups, rows)
    right = np.array([np.concatenate([seed[id_].is_right for id_ in asked]) for seed in seeds])
    sampled = sample_mean_over_classes(right, targets, groups)
    return Reading(sampled, len(targets), _count_groups(groups), count_draws(targets, len(np.unique(rows))))


def measure_ece(answers: Sequence[Answers], tail: Tail) -> Reading:
    """Expected calibration error of the probabilities as they come, without a temperature."""
    found = [_sample_ece(each.aligned.logits, each.is_right, tail.groups) for each in answers]
    by_seed, resampled = (np.array(part) for part in zip(*found, strict=True))
    return Reading(Sampled(by_seed, resampled), len(answers[0].is_right), _count_groups(tail.groups), None)


MEASURES: Mapping[str, Measure] = {
    "mean": measure_classes(0, NO_END),
    "top1": measure_top1,
    **{name: measure_classes(*edges) for name, edges in BINS.items()},
    "queries": measure_queries,
    "ece": measure_ece,
}
"""By column of the tables."""


def _sample_ece(logits: np.ndarray, is_right: np.ndarray, groups: GroupWeights) -> tuple[float, np.ndarray]:
    """The error, and that of every resample (R,); bins as in ``evaluation.calibration``."""
    confidence = softmax(logits.astype(np.float64), axis=1).max(axis=1)
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(int) - 1, 0, NUM_BINS - 1)
    inside = bins[None, :] == np.arange(NUM_BINS)[:, None]  # (M, N)
    gaps = groups.sum_by_group(inside * (is_right - confidence))  # (M, G)
    sizes = np.bincount(groups.group_of, minlength=groups.num_groups)
    resampled = np.abs(gaps @ groups.weights.T).sum(axis=0) / np.maximum(groups.weights @ sizes, 1)
    return float(np.abs(gaps.sum(axis=1)).sum() / len(is_right)), resampled


def _keep(groups: GroupWeights, rows: np.ndarray) -> GroupWeights:
    """The same resamples, of some instances."""
    return replace(groups, group_of=groups.group_of[rows])


def _count_groups(groups: GroupWeights) -> int:
    return len(np.unique(groups.group_of))
