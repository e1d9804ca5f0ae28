"""What the paper found, as claims with a test each: confirmed, not confirmed, or not decided at this size.

A claim says between which bounds a number lies (a difference of two accuracies, in points, as a rule). It is confirmed
where the number's whole 95 % interval lies there; not confirmed where none of it does; and not decided otherwise. With
one training each the interval is over records only, and the finding says so. The bounds were written down before
anything was run; the same claims on UB-S1, and the one on the tree head, came after first runs. "Much" is more than 5
points, "nothing" within 1 point, "does not lose" at most 2 points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from finegym.evaluation.estimates import Estimate, judge
from finegym.report.dot_plot import draw_dots
from finegym.studies import fig6b, fig6c, longtail, table4, table5
from finegym.studies.accuracy import INTERVALS
from finegym.studies.cells import make_cell, make_dots
from finegym.studies.controls import (
    Control,
    compare_scores,
    compare_topics,
    say_frames,
    say_localizing,
    say_numbers,
    say_orders,
    say_poses,
    say_third,
    say_tree,
)
from finegym.studies.measures import (
    FLOW,
    RGB,
    Measured,
    count_mean_frames,
    find_third,
    measure_beyond_a_third,
    measure_flow,
    measure_localizing,
    measure_more_frames,
    measure_other_number,
    measure_poses,
    measure_remedy,
    measure_shuffling,
)
from finegym.studies.planning import plan_predictions
from finegym.studies.results import Results
from finegym.studies.sizes import Size
from finegym.studies.study import Figure, Need, Outcome, PlannedPrediction, Study
from finegym.studies.tables import NOT_RUN, Cell, Column, Row, Table

MUCH, NOTHING, SPARED = 0.05, 0.01, 0.02
TITLE = "The paper's findings, tested"
COLUMN = Column("difference", "difference", "points")


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
        control: the numbers that decide between explanations, in a sentence.
    """

    id: str
    says: str
    measured: str
    low: float
    high: float
    measure: Callable[[Results], Measured | None]
    control: Control


FINDINGS = (
    Finding(
        "frames-help",
        "More frames help, until about a third of the clip.",
        "TSN trained with about a third of a clip's frames, less with one: mean class accuracy",
        0.0,
        inf,
        measure_more_frames,
        say_frames,
    ),
    Finding(
        "frames-suffice",
        "About a third of the clip is enough.",
        "TSN trained with 12 frames, less with a third of a clip's: mean class accuracy, at most 2 points",
        -inf,
        SPARED,
        measure_beyond_a_third,
        say_third,
    ),
    Finding(
        "flow-elements",
        "Flow beats RGB at the element level.",
        "TSN of flow less of RGB on elements: mean class accuracy",
        0.0,
        inf,
        measure_flow("balanced"),
        compare_topics(RGB, FLOW, "balanced"),
    ),
    Finding(
        "flow-events",
        "Flow does not beat RGB at the event level.",
        "TSN of flow less of RGB on events: mean class accuracy",
        -inf,
        0.0,
        measure_flow("event"),
        compare_scores((RGB, FLOW), "event"),
    ),
    Finding(
        "order-trn",
        "Shuffled test frames cost TRN much.",
        "TRN with ordered less with shuffled frames on UB-S1: top-1, more than 5 points",
        MUCH,
        inf,
        measure_shuffling("TRN RGB"),
        say_orders("TRN RGB"),
    ),
    Finding(
        "order-tsn",
        "Shuffled test frames cost TSN nothing.",
        "TSN with ordered less with shuffled frames on UB-S1: top-1, within 1 point",
        -NOTHING,
        NOTHING,
        measure_shuffling("TSN RGB"),
        say_orders("TSN RGB"),
    ),
    *(
        finding
        for role, where in (("balanced", ""), ("UB-S1", ", on UB-S1"))
        for finding in (
            Finding(
                f"number-tsm/{role}",
                f"TSM breaks when the number of frames changes{where}.",
                "TSM trained with 3 frames, tested with 12 less with 3: mean class accuracy, more than 5 points down",
                -inf,
                -MUCH,
                measure_other_number("TSM RGB", role),
                say_numbers("TSM RGB", role),
            ),
            Finding(
                f"number-tsn/{role}",
                f"TSN keeps its accuracy when the number of frames changes{where}.",
                "TSN trained with 3 frames, tested with 12 less with 3: mean class accuracy, at most 2 points down",
                -SPARED,
                inf,
                measure_other_number("TSN RGB", role),
                say_numbers("TSN RGB", role),
            ),
        )
    ),
    Finding(
        "sub-actions",
        "Sub-actions are harder to localize than actions.",
        "SSN on actions less on sub-actions: mAP, mean of tIoU 0.5 to 0.95",
        0.0,
        inf,
        measure_localizing,
        say_localizing,
    ),
    Finding(
        "poses",
        "Poses fail where motion is fastest.",
        "frames without a found pose: of those faster than 2 body lengths a second, less of those slower than 1",
        0.0,
        inf,
        measure_poses,
        say_poses,
    ),
    Finding(
        "tree-head",
        "Ours: the tree head helps rare elements.",
        "tree head less a flat one on the long tail: mean class accuracy of elements with at most 10 training clips",
        0.0,
        inf,
        measure_remedy(longtail.TREE, "rare"),
        say_tree,
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
        Row(
            finding.id,
            (finding.says, verdict, finding.measured),
            {COLUMN.id: _make_cell(each)},
            " ".join(text for text in (finding.control(results), _say_seeds(finding, each)) if text),
        )
        for finding, verdict, each in zip(FINDINGS, verdicts, measured, strict=True)
    )
    third = find_third(results)
    notes = (
        *results.size.notes,
        "confirmed: the whole 95 % interval is within what the claim says; not confirmed: none of it is; not decided: "
        "some of it is, so that more seeds or records are needed",
        INTERVALS,
        f"a third of a clip: of the numbers of frames that Table 5 trains with, {third} is the largest that does not "
        f"exceed a third of the mean clip ({count_mean_frames(results):.0f} frames)",
        "where that is the most that Table 5 trains with, whether a third is enough cannot be tested",
        "poses are those of fig5; where its weights are not there, that claim is not run",
    )
    table = Table("findings", TITLE, ("the paper says", "verdict", "measured here"), (COLUMN,), rows, notes)
    return Outcome((table,), _draw(found, verdicts))


def _iterate_plans(size: Size) -> Iterator[PlannedPrediction]:
    for role in ("balanced", "event"):
        for method in (RGB, FLOW):
            yield from plan_predictions(size, method, role)
    for module in (table5, fig6b, fig6c):
        yield from module.plan(size)
    for remedy in (longtail.NONE, longtail.TREE):
        yield from longtail.plan_remedy(size, remedy)
    for task in table4.TASKS:
        yield from plan_predictions(size, f"SSN {task}", table4.ROLE)


def find_needs(size: Size) -> tuple[Need, ...]:
    """What of the data the claims are about."""
    return ("clips", "flow", "snippets", "found-poses", *longtail.find_needs(size))


def _judge(finding: Finding, found: Estimate | None) -> str:
    return "not run" if found is None else judge(found, finding.low, finding.high)


def _say_seeds(finding: Finding, measured: Measured | None) -> str:
    """Where another training might say otherwise; not where none is in it, or nothing could be lost by any."""
    found = None if measured is None else measured.found
    if found is None or found.num_seeds != 1 or found.low == found.high or finding.measure is measure_poses:
        return ""
    return "One training each: the interval is over records, and another training may say otherwise."


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


STUDY = Study("findings", TITLE, find_needs, plan, make)
