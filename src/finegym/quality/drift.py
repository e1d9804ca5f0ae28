"""Drift: whether somebody who passed has become worse, by the gold items that appear silently in their work.

A cumulative sum watches every gold segment as it comes: it grows where the work looks like that of somebody who has got
worse, shrinks towards zero where it does not, and raises an alarm at a height that chance alone reaches seldom. Unlike
the share of the last so many, it needs no window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finegym.errors import ConfigError
from finegym.quality.grading import UnitGrade

Kind = Literal["right", "start early", "start late", "end early", "end late"]
KINDS: tuple[Kind, ...] = ("right", "start early", "start late", "end early", "end late")


@dataclass(frozen=True)
class DriftRules:
    """What counts as drift.

    Attributes:
        good_share: share of gold segments that are right in everything while all is well.
        bad_share: share at which the lead wants to know; less than ``good_share``.
        noise_ms: standard deviation of edges while all is well.
        bad_bias_ms: a constant shift of edges at which the lead wants to know.
        false_alarm_every: while all is well, chance alone raises an alarm no oftener than once in so many segments
            (on average, for each of the five sums).
    """

    good_share: float = 0.85
    bad_share: float = 0.65
    noise_ms: float = 80.0
    bad_bias_ms: float = 80.0
    false_alarm_every: int = 500

    def __post_init__(self) -> None:
        if not 0 < self.bad_share < self.good_share < 1:
            raise ConfigError(
                f"drift: expected 0 < bad share < good share < 1, got {self.bad_share:g} and {self.good_share:g}"
            )
        if self.noise_ms <= 0 or self.bad_bias_ms <= 0 or self.false_alarm_every < 2:
            raise ConfigError(
                f"drift: expected positive noise and bias and a false alarm every 2 or more, got {self.noise_ms:g} ms, "
                f"{self.bad_bias_ms:g} ms and {self.false_alarm_every}"
            )

    @property
    def height(self) -> float:
        """Where a sum raises an alarm: chance takes at least exp(height) segments on average to lift it there."""
        return math.log(self.false_alarm_every)


@dataclass(frozen=True)
class Alarm:
    """A sum reached its height.

    Attributes:
        kind: which: segments that are not right, or edges that have moved.
        at: number of the segment (from 0) that lifted it there.
        since: number of the segment after which the sum last left zero: about when it began.
        text: a sentence to the lead.
    """

    kind: Kind
    at: int
    since: int
    text: str


@dataclass(frozen=True)
class Drift:
    """How somebody's sums stand.

    Attributes:
        num_segments: gold segments seen.
        sums: after every segment, by kind: what a chart shows beside ``height``.
        height: where an alarm is raised.
        alarms: the first one of each kind, in the order in which they came.
    """

    num_segments: int
    sums: dict[Kind, tuple[float, ...]]
    height: float
    alarms: tuple[Alarm, ...]


def watch_drift(grades: Sequence[UnitGrade], rules: DriftRules) -> Drift:
    """Follow somebody's gold segments in the order in which they were marked.

    After an alarm has been dealt with, the lead's answer starts the sums anew: give the segments after it only.

    Args:
        grades: of gold segments in time order; extras and missed ones count as not right and say nothing of edges.
        rules: what counts as drift.

    Source:
        Page, "Continuous inspection schemes", Biometrika 41, 1954: the sums. Lorden, "Procedures for reacting to a
        change in distribution", Annals of Mathematical Statistics 42, 1971: their height.
    """
    gains = [_compute_gains(grade, rules) for grade in grades]
    sums: dict[Kind, tuple[float, ...]] = {}
    alarms = []
    for kind in KINDS:
        sums[kind], alarm = _accumulate([gain[kind] for gain in gains], rules.height)
        if alarm is not None:
            at, since = alarm
            alarms.append(Alarm(kind, at, since, _describe(kind, grades[since : at + 1])))
    return Drift(len(grades), sums, rules.height, tuple(sorted(alarms, key=lambda alarm: alarm.at)))


def _compute_gains(grade: UnitGrade, rules: DriftRules) -> dict[Kind, float]:
    """How much likelier a segment is after each kind of drift than while all is well, as logarithms."""
    good, bad = rules.good_share, rules.bad_share
    right = math.log(bad / good) if grade.verdict == "right" else math.log((1 - bad) / (1 - good))
    if grade.reference is None or grade.given is None:
        return {"right": right, "start early": 0.0, "start late": 0.0, "end early": 0.0, "end late": 0.0}
    # Normal with and without a shift of the mean. An edge far off is a wrong segment, not a shift: it is cut off.
    scale, shift = rules.bad_bias_ms / rules.noise_ms**2, rules.bad_bias_ms / 2
    start, end = (
        max(-3 * rules.noise_ms, min(3 * rules.noise_ms, off)) for off in (grade.start_off_ms, grade.end_off_ms)
    )
    return {
        "right": right,
        "start early": scale * (-start - shift),
        "start late": scale * (start - shift),
        "end early": scale * (-end - shift),
        "end late": scale * (end - shift),
    }


def _accumulate(gains: Sequence[float], height: float) -> tuple[tuple[float, ...], tuple[int, int] | None]:
    """Running sums that never fall below zero; and when one first reaches the height, since when it was above zero."""
    total, since, alarm = 0.0, 0, None
    sums = []
    for at, gain in enumerate(gains):
        if total == 0.0:
            since = at
        total = max(0.0, total + gain)
        sums.append(total)
        if alarm is None and total >= height:
            alarm = at, since
    return tuple(sums), alarm


def _describe(kind: Kind, grades: Sequence[UnitGrade]) -> str:
    """What happened in the segments that lifted the sum."""
    if kind == "right":
        num_right = sum(grade.verdict == "right" for grade in grades)
        return f"{num_right} of the last {len(grades)} gold segments are right."
    edge, _ = kind.split()
    offs = sorted(
        grade.start_off_ms if edge == "start" else grade.end_off_ms
        for grade in grades
        if grade.reference is not None and grade.given is not None
    )
    median = offs[len(offs) // 2]
    return (
        f"{edge.capitalize()}s of the last {len(offs)} gold segments are {abs(median)} ms {kind.split()[1]} (median)."
    )
