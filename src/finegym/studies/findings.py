"""What the paper found, as claims with a test each: confirmed, not confirmed, or not decided at this size.

A claim says between which bounds a number lies (a difference of two accuracies, in points, as a rule). It is confirmed
where the number's whole 95 % interval, over seeds and records, lies there; not confirmed where none of it does; and not
decided otherwise. The bounds were written down before anything was run. "Much" is more than 5 points, "nothing" within
1 point, "does not lose" at most 2 points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from finegym.evaluation.estimates import (
    DIFFERENCE,
    Estimate,
    estimate,
    estimate_mean_over_classes,
    judge,
    resample_groups,
)
from finegym.evaluation.report import find_groups
from finegym.report.dot_plot import draw_dots
from finegym.studies import fig5, fig6b, fig6c, table4, table5
from finegym.studies.cells import make_cell, make_dots, stack_right
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Outcome, PlannedPrediction, Study
from finegym.studies.tables import NOT_RUN, Cell, Column, Row, Table

MUCH, NOTHING, SPARED = 0.05, 0.01, 0.02
FLOW, RGB = "TSN Flow", "TSN RGB"
TITLE = "The paper's findings, tested"
COLUMN = Column("difference", "difference", "points")


class Measured(NamedTuple):
    """A number that a claim is about.

    Attributes:
        found: the number.
        num_instances: that it was computed on: clips, segments or frames.
    """

    found: Estimate
    num_instances: int


@dataclass(frozen=True)
class Finding:
    """A claim.

    Attributes:
        id: of its row.
        says: what the paper says.
        measured: what is subtracted from what.
        low: the least that the claim allows, as a share.
        high: the most.
        measure: the number; ``None`` where runs are not there.
    """

    id: str
    says: str
    measured: str
    low: float
    high: float
    measure: Callable[[Results], Measured | None]


def measure_more_frames(results: Results) -> Measured | None:
    """As many frames as are a third of a clip, less one frame."""
    few, many = (table5.plan_frames(results.size, number) for number in (1, _find_third(results)))
    return _compare(results, few, many, table5.ROLE)


def measure_beyond_a_third(results: Results) -> Measured | None:
    """The most frames, less as many as are a third of a clip; ``None`` where the most are no more than that."""
    third, most = _find_third(results), table5.NUM_FRAMES[-1]
    if most <= third:
        return None
    few, many = (table5.plan_frames(results.size, number) for number in (third, most))
    return _compare(results, few, many, table5.ROLE)


def measure_flow(role: str) -> Callable[[Results], Measured | None]:
    """Flow less RGB on a split."""

    def measure(results: Results) -> Measured | None:
        rgb, flow = (plan_predictions(results.size, method, role) for method in (RGB, FLOW))
        return _compare(results, rgb, flow, role)

    return measure


def measure_shuffling(method: str) -> Callable[[Results], Measured | None]:
    """What a method loses with shuffled frames."""

    def measure(results: Results) -> Measured | None:
        found = fig6b.estimate_orders(results, method)
        return Measured(found["top1/loss"], len(results.get_split(fig6b.ROLE).val)) if found else None

    return measure


def measure_other_number(method: str) -> Callable[[Results], Measured | None]:
    """What a method gains from 12 frames, trained with 3."""

    def measure(results: Results) -> Measured | None:
        found = fig6c.estimate_change(results, method)
        return Measured(found, len(results.get_split(fig6c.ROLE).val)) if found else None

    return measure


def measure_localizing(results: Results) -> Measured | None:
    """Mean mAP of actions less that of sub-actions, by SSN."""
    actions, subs = (table4.evaluate(results, "SSN", task) for task in table4.TASKS)
    if actions is None or subs is None:
        return None
    number = min(len(actions.by_tiou), len(subs.by_tiou))
    by_seed = (actions.by_tiou[:number] - subs.by_tiou[:number]).mean(axis=1)
    resampled = (actions.resampled[:number] - subs.resampled[:number]).mean(axis=2)
    found = estimate(by_seed, resampled, min(actions.num_records, subs.num_records), DIFFERENCE)
    return Measured(found, actions.num_segments + subs.num_segments)


def measure_poses(results: Results) -> Measured | None:
    """Fast frames without a pose, less slow ones."""
    found = fig5.estimate_fast_and_slow(results)
    return None if found is None else Measured(*found)


FINDINGS = (
    Finding(
        "frames-help",
        "More frames help, until about a third of the clip.",
        "TSN trained with about a third of a clip's frames, less with one: mean class accuracy",
        0.0,
        inf,
        measure_more_frames,
    ),
    Finding(
        "frames-suffice",
        "About a third of the clip is enough.",
        "TSN trained with 12 frames, less with a third of a clip's: mean class accuracy, at most 2 points",
        -inf,
        SPARED,
        measure_beyond_a_third,
    ),
    Finding(
        "flow-elements",
        "Flow beats RGB at the element level.",
        "TSN of flow less of RGB on elements: mean class accuracy",
        0.0,
        inf,
        measure_flow("balanced"),
    ),
    Finding(
        "flow-events",
        "Flow does not beat RGB at the event level.",
        "TSN of flow less of RGB on events: mean class accuracy",
        -inf,
        0.0,
        measure_flow("event"),
    ),
    Finding(
        "order-trn",
        "Shuffled test frames cost TRN much.",
        "TRN with ordered less with shuffled frames on UB-S1: top-1, more than 5 points",
        MUCH,
        inf,
        measure_shuffling("TRN RGB"),
    ),
    Finding(
        "order-tsn",
        "Shuffled test frames cost TSN nothing.",
        "TSN with ordered less with shuffled frames on UB-S1: top-1, within 1 point",
        -NOTHING,
        NOTHING,
        measure_shuffling("TSN RGB"),
    ),
    Finding(
        "number-tsm",
        "TSM breaks when the number of frames changes.",
        "TSM trained with 3 frames, tested with 12 less with 3: mean class accuracy, more than 5 points down",
        -inf,
        -MUCH,
        measure_other_number("TSM RGB"),
    ),
    Finding(
        "number-tsn",
        "TSN does not.",
        "TSN trained with 3 frames, tested with 12 less with 3: mean class accuracy, at most 2 points down",
        -SPARED,
        inf,
        measure_other_number("TSN RGB"),
    ),
    Finding(
        "sub-actions",
        "Sub-actions are harder to localize than actions.",
        "SSN on actions less on sub-actions: mAP, mean of tIoU 0.5 to 0.95",
        0.0,
        inf,
        measure_localizing,
    ),
    Finding(
        "poses",
        "Poses fail where motion is fastest.",
        "frames without a found pose: of those faster than 2 body lengths a second, less of those slower than 1",
        0.0,
        inf,
        measure_poses,
    ),
)


def plan(size: Size) -> tuple[PlannedPrediction, ...]:
    """Everything that the claims are about: runs of the other studies."""
    return tuple(_iterate_plans(size))


def make(results: Results) -> Outcome:
    """Test every claim by what is there."""
    measured = [finding.measure(results) for finding in FINDINGS]
    found = [None if each is None else each.found for each in measured]
    verdicts = [_judge(finding, each) for finding, each in zip(FINDINGS, found, strict=True)]
    rows = tuple(
        Row(finding.id, (finding.says, verdict, finding.measured), {COLUMN.id: _make_cell(each)})
        for finding, verdict, each in zip(FINDINGS, verdicts, measured, strict=True)
    )
    third = _find_third(results)
    notes = (
        *results.size.notes,
        "confirmed: the whole 95 % interval, over seeds and records, is within what the claim says; not confirmed: "
        "none of it is; not decided: some of it is, so that more seeds or records are needed",
        f"a third of a clip: of the numbers of frames that Table 5 trains with, {third} is the largest that does not "
        f"exceed a third of the mean clip ({count_mean_frames(results):.0f} frames)",
        "poses are those of fig5; where its weights are not there, that claim is not run",
    )
    table = Table("findings", TITLE, ("the paper says", "verdict", "measured here"), (COLUMN,), rows, notes)
    return Outcome((table,), _draw(found, verdicts))


def count_mean_frames(results: Results) -> float:
    """Frames of a clip, a mean over the instances that Table 5 is tested on."""
    instances = results.dataset.instances
    chosen = [instances[instance_id] for instance_id in results.get_split(table5.ROLE).val]
    return float(np.mean([(i.sub_action.end_ms - i.sub_action.start_ms) * (i.video.fps or 0) / 1000 for i in chosen]))


def _find_third(results: Results) -> int:
    third = count_mean_frames(results) / 3
    return max((number for number in table5.NUM_FRAMES if number <= third), default=table5.NUM_FRAMES[0])


def _compare(
    results: Results, before: Sequence[PlannedPrediction], after: Sequence[PlannedPrediction], role: str
) -> Measured | None:
    """Mean class accuracy of some runs less that of others, paired by seed and instance."""
    left, right = (results.read_seeds(each, role) for each in (before, after))
    number = min(len(left), len(right))
    if not number:
        return None
    aligned = left[0].aligned
    groups = resample_groups(find_groups(results.dataset, aligned.instance_ids, "video"))
    gained = stack_right(right[:number]).astype(np.float64) - stack_right(left[:number])
    found = estimate_mean_over_classes(gained, aligned.targets, groups, DIFFERENCE)
    return Measured(found, len(aligned.targets))


def _iterate_plans(size: Size) -> Iterator[PlannedPrediction]:
    for role in ("balanced", "event"):
        for method in (RGB, FLOW):
            yield from plan_predictions(size, method, role)
    for module in (table5, fig6b, fig6c):
        yield from module.plan(size)
    for task in table4.TASKS:
        yield from plan_predictions(size, f"SSN {task}", table4.ROLE)


def _judge(finding: Finding, found: Estimate | None) -> str:
    return "not run" if found is None else judge(found, finding.low, finding.high)


def _make_cell(measured: Measured | None) -> Cell:
    return NOT_RUN if measured is None else make_cell(*measured)


def _draw(found: list[Estimate | None], verdicts: list[str]) -> tuple[Figure, ...]:
    known = [place for place, each in enumerate(found) if each is not None]
    if not known:
        return ()
    content = draw_dots(
        [f"{FINDINGS[place].says} {verdicts[place].capitalize()}." for place in known],
        [make_dots("difference", [found[place] for place in known])],
        value_label="difference (points)",
        line_at=0,
        line_label="no difference",
    )
    to_see = (
        "A claim of a sign is confirmed where its whole 95 % interval is on one side of the dashed line. What is "
        "subtracted from what, and how much a claim asks for, stands in the table."
    )
    return (Figure("findings", TITLE, to_see, content),)


STUDY = Study("findings", TITLE, ("clips", "flow", "snippets", "found-poses"), plan, make)
