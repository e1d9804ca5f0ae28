"""The numbers that the paper's findings are about: differences of two runs, paired by seed and instance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from finegym.evaluation.estimates import (
    DIFFERENCE,
    Estimate,
    estimate_mean_over_classes,
)
from finegym.studies import fig5, fig6b, fig6c, longtail, table4, table5
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Results, stack_right
from finegym.studies.study import PlannedPrediction

FLOW, RGB = "TSN Flow", "TSN RGB"
NO_MORE = "Table 5 trains with no more frames than a third of the clip"


class Measured(NamedTuple):
    """A number that a claim is about.

    Attributes:
        found: the number.
        num_instances: that it was computed on: clips, segments or frames.
    """

    found: Estimate
    num_instances: int


def measure_more_frames(results: Results) -> Measured | None:
    """As many frames as are a third of a clip, less one frame."""
    few, many = (table5.plan_frames(results.size, number) for number in (1, find_third(results)))
    return compare_plans(results, few, many, table5.ROLE)


def measure_beyond_a_third(results: Results) -> Measured | None:
    """The most frames, less as many as are a third of a clip; not known where the most are no more than that."""
    third, most = find_third(results), table5.NUM_FRAMES[-1]
    few, many = (table5.plan_frames(results.size, number) for number in (third, most))
    if most <= third:
        is_run = bool(results.read_seeds(many, table5.ROLE))
        return Measured(Estimate(float("nan"), None, None, 0, 0, NO_MORE), 0) if is_run else None
    return compare_plans(results, few, many, table5.ROLE)


def measure_flow(role: str) -> Callable[[Results], Measured | None]:
    """Flow less RGB on a split."""

    def measure(results: Results) -> Measured | None:
        rgb, flow = (plan_predictions(results.size, method, role) for method in (RGB, FLOW))
        return compare_plans(results, rgb, flow, role)

    return measure


def measure_shuffling(method: str) -> Callable[[Results], Measured | None]:
    """What a method loses with shuffled frames."""

    def measure(results: Results) -> Measured | None:
        found = fig6b.estimate_orders(results, method)
        return Measured(found["top1/loss"], len(results.get_split(fig6b.ROLE).val)) if found else None

    return measure


def measure_other_number(method: str, role: str) -> Callable[[Results], Measured | None]:
    """What a method gains from 12 frames, trained with 3."""

    def measure(results: Results) -> Measured | None:
        found = fig6c.estimate_change(results, method, role)
        return Measured(found, len(results.get_split(role).val)) if found else None

    return measure


def measure_localizing(results: Results) -> Measured | None:
    """Mean mAP of actions less that of sub-actions, by SSN."""
    actions, subs = (table4.evaluate(results, "SSN", task) for task in table4.TASKS)
    if actions is None or subs is None:
        return None
    found = table4.estimate_difference(actions, subs)
    return None if found is None else Measured(found, actions.num_segments + subs.num_segments)


def measure_poses(results: Results) -> Measured | None:
    """Fast frames without a pose, less slow ones."""
    found = fig5.estimate_fast_and_slow(results)
    return None if found is None else Measured(*found)


def measure_remedy(remedy: str, measure: str) -> Callable[[Results], Measured | None]:
    """What a remedy against the long tail gains over none."""

    def measure_gain(results: Results) -> Measured | None:
        gain = longtail.estimate_gain(results, remedy, measure)
        return None if gain is None else Measured(*gain)

    return measure_gain


def count_mean_frames(results: Results) -> float:
    """Frames of a clip, a mean over the instances that Table 5 is tested on."""
    instances = results.dataset.instances
    chosen = [instances[instance_id] for instance_id in results.get_split(table5.ROLE).val]
    return float(np.mean([(i.sub_action.end_ms - i.sub_action.start_ms) * (i.video.fps or 0) / 1000 for i in chosen]))


def find_third(results: Results) -> int:
    """Of the numbers of frames that Table 5 trains with, the largest within a third of the mean clip."""
    third = count_mean_frames(results) / 3
    return max((number for number in table5.NUM_FRAMES if number <= third), default=table5.NUM_FRAMES[0])


def compare_plans(
    results: Results, before: Sequence[PlannedPrediction], after: Sequence[PlannedPrediction], role: str
) -> Measured | None:
    """Mean class accuracy of some runs less that of others, paired by seed and instance."""
    left, right = results.read_pairs(before, after, role)
    if not left:
        return None
    targets = left[0].aligned.targets
    gained = stack_right(right).astype(np.float64) - stack_right(left)
    found = estimate_mean_over_classes(gained, targets, results.get_groups(role), DIFFERENCE)
    return Measured(found, len(targets))
