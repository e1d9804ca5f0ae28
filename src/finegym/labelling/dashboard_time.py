"""Agreement over time: each stretch of time holds the items that were signed off by everybody in it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from finegym.labelling.clock import format_time
from finegym.labelling.dashboard_values import get_cell, make_undefined
from finegym.labelling.quality_shapes import MAX_ITEMS, MeasuredShape, Metric, PeriodShape
from finegym.labelling.quality_source import Vote, make_vote_units
from finegym.labelling.settings import Stage
from finegym.labelling.tables.projects import Project
from finegym.quality.agreement import measure_agreement
from finegym.quality.comparison import AgreementSettings, LabelLevel

DAY_MS = 86_400_000
_LENGTHS_MS = (DAY_MS, 7 * DAY_MS, 28 * DAY_MS, 91 * DAY_MS, 364 * DAY_MS)
MAX_PERIODS = 16
_SETTINGS = AgreementSettings(tious=(0.5,), num_resamples=200)
LEVEL_OF: dict[Stage, LabelLevel] = {"routines": "event", "sub-actions": "set", "elements": "element"}


def show_over_time(session: Session, project: Project, stage: Stage, votes: Sequence[Vote]) -> list[PeriodShape]:
    """Detection, labels and boundaries, period by period; stretches in which nothing was finished are left out.

    Periods are days where these are few enough, else weeks, four weeks, quarters, years.
    """
    finished: dict[str, int] = {}
    for vote in votes:
        finished[vote.item_id] = max(finished.get(vote.item_id, 0), vote.signed_off_at_ms)
    length_ms = choose_length_ms(min(finished.values()), max(finished.values()))
    periods: dict[int, list[Vote]] = {}
    for vote in votes:
        periods.setdefault(finished[vote.item_id] // length_ms, []).append(vote)
    return [
        shown
        for number in sorted(periods)
        for shown in _measure(session, project, stage, periods[number], number * length_ms, length_ms)
    ]


def choose_length_ms(first_ms: int, last_ms: int) -> int:
    """The shortest length of a period with which there are few enough of them.

    Example:
        >>> choose_length_ms(0, 3 * DAY_MS) == DAY_MS
        True
        >>> choose_length_ms(0, 60 * DAY_MS) == 7 * DAY_MS
        True
    """
    for length_ms in _LENGTHS_MS:
        if last_ms // length_ms - first_ms // length_ms < MAX_PERIODS:
            return length_ms
    return _LENGTHS_MS[-1]


def _measure(
    session: Session, project: Project, stage: Stage, votes: Sequence[Vote], start_ms: int, length_ms: int
) -> list[PeriodShape]:
    agreement = measure_agreement(make_vote_units(session, project, stage, votes), _SETTINGS)
    values: dict[Metric, MeasuredShape] = {
        "label_alpha": get_cell(agreement, "labels", (LEVEL_OF[stage],), "alpha"),
    }
    if stage != "elements":  # there everybody labels the same sub-actions
        values["detection_f1"] = get_cell(agreement, "detection", ("0.5",), "f1")
        edges = [get_cell(agreement, "boundaries", ("all", edge), "mae_ms") for edge in ("start", "end")]
        values["boundary_mae_ms"] = _average(edges)
    ids = [item.id for item in agreement.units.items]
    return [
        PeriodShape(
            **value.model_dump(),
            start=str(format_time(start_ms)),
            end=str(format_time(start_ms + length_ms)),
            metric=metric,
            num_items=len(ids),
            item_ids=ids[:MAX_ITEMS],
        )
        for metric, value in values.items()
    ]


def _average(edges: Sequence[MeasuredShape]) -> MeasuredShape:
    """Of starts and ends, which are as many; an interval of both together is not theirs."""
    known = [one.value for one in edges if one.value is not None]
    if len(known) < len(edges):
        return make_undefined(next(one.why for one in edges if one.value is None))
    why = "starts and ends together: their own intervals are in the tables of agreement"
    return MeasuredShape(value=sum(known) / len(known), low=None, high=None, count=edges[0].count, why=why)
