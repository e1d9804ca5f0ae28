"""Beside a finding: the numbers that decide between explanations of its verdict, from predictions that are there.

A claim that is not confirmed may be wrong here, or the models may have learnt too little to show it. What the two
methods score, what guessing would, and how far training got, tell these apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from finegym.evaluation.queries import find_asked_nodes, list_topics, read_answers, score_topics
from finegym.evaluation.report import find_groups
from finegym.studies import fig5, fig6b, fig6c, longtail, table4, table5
from finegym.studies.measures import count_mean_frames
from finegym.studies.planning import plan_predictions
from finegym.studies.results import METRICS, Answers, Results
from finegym.studies.study import PlannedPrediction
from finegym.studies.tables import Cell

Control = Callable[[Results], str]
"""A sentence; empty where the runs are not there."""
MAX_TOPICS = 6


def say_frames(results: Results) -> str:
    """Mean class accuracy by number of training frames."""
    plans = {number: table5.plan_frames(results.size, number) for number in table5.NUM_FRAMES}
    known = {number: results.score(plan, table5.ROLE, METRICS["mean"]) for number, plan in plans.items()}
    values = _list_values({str(number): cell for number, cell in known.items()})
    if not values:
        return ""
    learnt = say_learnt(results, {f"with {number}": plans[number] for number in table5.NUM_FRAMES})
    return f"In percent by number of frames, {values}; {_say_guessing(results, table5.ROLE)}. {learnt}".rstrip()


def say_third(results: Results) -> str:
    """How long a third of a clip is, and the most frames that were tried."""
    third, most = count_mean_frames(results) / 3, table5.NUM_FRAMES[-1]
    return f"A third of the mean clip is {third:.0f} frames; Table 5 trains with {most} at most. {say_frames(results)}"


def compare_topics(first: str, second: str, role: str) -> Control:
    """What a second method gains over a first one, by what the queries of the trees are about."""

    def say(results: Results) -> str:
        plans = [plan_predictions(results.size, method, role) for method in (first, second)]
        runs = results.read_pairs(plans[0], plans[1], role)
        if not runs[0]:
            return ""
        split, codebook = results.get_split(role), results.dataset.codebook
        nodes = find_asked_nodes(split.subset, codebook)
        seeds = [[read_answers(r.aligned.logits, r.aligned.targets, nodes) for r in each] for each in runs]
        topics = list_topics(seeds[0][0], codebook)
        groups = find_groups(results.dataset, list(split.val), "video")
        before, after = (score_topics(each, topics, groups) for each in seeds)
        gains = sorted(((after[t].value - before[t].value, t) for t in topics), reverse=True)
        shown = gains if len(gains) <= MAX_TOPICS else [*gains[: MAX_TOPICS // 2], *gains[-MAX_TOPICS // 2 :]]
        text = ", ".join(f"{topic} {100 * gain:+.1f}" for gain, topic in shown)
        said = f"Gained on queries about (points of balanced accuracy): {text}."
        return f"{said} {say_learnt(results, {first: plans[0], second: plans[1]})}".rstrip()

    return say


def compare_scores(methods: Sequence[str], role: str) -> Control:
    """What some methods score: whether there is anything left to gain, or to lose."""

    def say(results: Results) -> str:
        cells = {m: results.score(plan_predictions(results.size, m, role), role, METRICS["mean"]) for m in methods}
        values = _list_values(cells)
        return f"Mean class accuracy in percent, {values}; {_say_guessing(results, role)}." if values else ""

    return say


def say_orders(method: str) -> Control:
    """Both accuracies of a method with ordered and shuffled frames, and whether its scores changed at all."""

    def say(results: Results) -> str:
        plans = [plan_predictions(results.size, method, fig6b.ROLE, is_shuffled=it) for it in (False, True)]
        ordered, shuffled = results.read_pairs(plans[0], plans[1], fig6b.ROLE)
        if not ordered:
            return ""
        right = [100 * float(np.mean([each.is_right for each in side])) for side in (ordered, shuffled)]
        change = max(_find_change(*pair) for pair in zip(ordered, shuffled, strict=True))
        scores = f"{right[0]:.1f} % with ordered frames, {right[1]:.1f} % with shuffled"
        moved = (
            f"no score moves by more than {change:.0e}, which is rounding: a mean over frames has no order to lose"
            if change <= fig6b.SAME
            else f"scores move by up to {change:.1f}"
        )
        counts = results.get_split(fig6b.ROLE).count_classes("val")
        frequent = f"always naming the most frequent element {100 * max(counts) / sum(counts):.1f} %"
        return f"{scores}; {_say_guessing(results, fig6b.ROLE)}, {frequent}; {moved}."

    return say


def say_numbers(method: str, role: str) -> Control:
    """Mean class accuracy by number of test frames."""

    def say(results: Results) -> str:
        plans = {number: fig6c.plan_tested(results.size, method, role, number) for number in fig6c.TESTED}
        values = _list_values({str(n): results.score(plan, role, METRICS["mean"]) for n, plan in plans.items()})
        return f"In percent by number of test frames, {values}; {_say_guessing(results, role)}." if values else ""

    return say


def say_localizing(results: Results) -> str:
    """Both tasks by both localizers: a difference that only one of them has would be its own."""
    parts = []
    for method in table4.METHODS:
        found = [table4.evaluate(results, method, task) for task in table4.TASKS]
        known = [100 * each.estimate_average().value for each in found if each is not None]
        if len(known) == len(table4.TASKS):
            parts.append(f"{method} {known[0]:.1f} and {known[1]:.1f}")
    said = "Mean mAP of actions and of sub-actions: " + "; ".join(parts)
    return f"{said}. Actions are told apart by event, sub-actions by set: not only time differs." if parts else ""


def say_poses(results: Results) -> str:
    """Frames without a pose by speed."""
    known = {row.labels[0]: row.get("missing") for row in fig5.make_table(results).rows}
    values = _list_values(known)
    return f"Frames without a pose in percent, {values}." if values else ""


def say_tree(results: Results) -> str:
    """What both heads score, and whether both had converged."""
    plans = {remedy: longtail.plan_remedy(results.size, remedy) for remedy in (longtail.NONE, longtail.TREE)}
    cells = {}
    for remedy, planned in plans.items():
        answers = results.read_seeds(planned, longtail.ROLE)
        for name in ("rare", "mean"):
            cells[f"{'all' if name == 'mean' else name} elements, {remedy}"] = longtail.score_measure(
                results, answers, name
            )
    values = _list_values(cells)
    learnt = say_learnt(results, plans)
    return f"Mean class accuracy in percent, {values}. {learnt}".rstrip() if values else ""


def say_learnt(results: Results, plans: Mapping[str, Sequence[PlannedPrediction]]) -> str:
    """How much of their own training clips methods got right in the last epoch: little, if they have not converged."""
    shares = {}
    for name, planned in plans.items():
        epochs = [epoch for each in planned if (epoch := results.read_last_epoch(each)) is not None]
        known = [epoch["train_top1_accuracy"] for epoch in epochs if "train_top1_accuracy" in epoch]
        if known:
            shares[name] = f"{name} {100 * float(np.mean(known)):.0f} %"
    return f"Training clips that were right in the last epoch: {', '.join(shares.values())}." if shares else ""


def _find_change(one: Answers, other: Answers) -> float:
    return float(np.abs(one.aligned.logits - other.aligned.logits).max())


def _list_values(cells: dict[str, Cell]) -> str:
    return ", ".join(f"{name}: {cell.value:.1f}" for name, cell in cells.items() if cell.value is not None)


def _say_guessing(results: Results, role: str) -> str:
    return f"guessing gives {100 / len(results.get_split(role).subset):.1f} %"
