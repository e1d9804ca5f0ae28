"""When several people agree well enough, and when somebody has to decide: the rules, with a reason for each case.

Two people who differ cannot outvote each other: whatever they differ in goes to a third, who sees neither. Of three or
more, the votes decide, as long as they leave little doubt; what they leave open is adjudicated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from finegym.errors import ConfigError
from finegym.quality.grading import Tolerance
from finegym.quality.matching import MATCH_TIOU

Decision = Literal["agreed", "left out", "one annotator", "third annotator", "adjudicate", "decided"]
DECISIONS: tuple[Decision, ...] = ("agreed", "left out", "one annotator", "third annotator", "adjudicate", "decided")
ReasonKind = Literal["presence", "start", "end", "label"]


@dataclass(frozen=True)
class AdjudicationRules:
    """What counts as agreement.

    Attributes:
        min_confidence: how likely a unit's presence, and its label, must be at least, for the votes to decide.
        tolerance: edges settle where more than half of those who found the unit put them so close together; its
            ``min_tiou`` is from where on two people's units are one.
        num_enough: so many annotators decide by vote; of fewer, differences go to one more.
    """

    min_confidence: float = 0.9
    tolerance: Tolerance = field(default_factory=lambda: Tolerance(min_tiou=MATCH_TIOU))
    num_enough: int = 3

    def __post_init__(self) -> None:
        if not 0.5 < self.min_confidence <= 1 or self.num_enough < 3 or not 0 < self.tolerance.min_tiou <= 1:
            raise ConfigError(
                "adjudication: expected a confidence above 0.5 up to 1, three annotators or more to be enough, and a "
                f"tIoU above 0 up to 1, got {self.min_confidence:g}, {self.num_enough} and "
                f"{self.tolerance.min_tiou:g}"
            )


@dataclass(frozen=True)
class Reason:
    """Why a unit is not agreed on: what is open, and in words."""

    kind: ReasonKind
    text: str


@dataclass(frozen=True)
class Ruling:
    """What somebody decided about a unit that the votes left open.

    Attributes:
        is_there: whether there is something at all; what follows then says what.
        start_ms: where it begins.
        end_ms: where it ends.
        label: what it is.
        by: who decided.
        reason: why.
    """

    is_there: bool
    start_ms: int
    end_ms: int
    label: str | None
    by: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """What is known of one unit before anything is decided.

    Attributes:
        num_done: annotators who did its item.
        presence: how likely it is that there is something.
        starts_ms: of those who found it.
        ends_ms: likewise.
        labels: likewise; ``None`` of those who gave none.
        label_belief: how likely the label is that the votes lead to.
        set_id: its set, for the tolerance.
        split_votes: where votes for the label are split, in words.
    """

    num_done: int
    presence: float
    starts_ms: Sequence[int]
    ends_ms: Sequence[int]
    labels: Sequence[str | None]
    label_belief: float
    set_id: str | None
    split_votes: Sequence[str] = ()

    @property
    def num_found(self) -> int:
        return len(self.starts_ms)


def decide(evidence: Evidence, rules: AdjudicationRules) -> tuple[Decision, tuple[Reason, ...]]:
    """What becomes of a unit, and why, where it is not agreed on."""
    if evidence.num_done == 1:
        return "one annotator", ()
    if evidence.num_done < rules.num_enough:
        reasons = _find_differences(evidence, rules)
        return ("third annotator" if reasons else "agreed"), reasons
    if 1 - evidence.presence >= rules.min_confidence:
        return "left out", ()
    reasons = _find_doubts(evidence, rules)
    return ("adjudicate" if reasons else "agreed"), reasons


def count_together(times_ms: Sequence[int], within_ms: int) -> int:
    """The largest number of times no two of which lie farther apart.

    Example:
        >>> count_together([0, 90, 100, 180, 400], 100)
        3
    """
    ordered, best, first = sorted(times_ms), 0, 0
    for last, time_ms in enumerate(ordered):
        while time_ms - ordered[first] > within_ms:
            first += 1
        best = max(best, last - first + 1)
    return best


def _find_differences(evidence: Evidence, rules: AdjudicationRules) -> tuple[Reason, ...]:
    """Anything in which so few annotators differ."""
    reasons = []
    if evidence.num_found < evidence.num_done:
        reasons.append(Reason("presence", f"found by {evidence.num_found} of {evidence.num_done}"))
    reasons += _find_open_edges(evidence, rules, evidence.num_found)
    if len(set(evidence.labels)) > 1:
        reasons.append(Reason("label", _describe_split("labels differ", evidence.split_votes)))
    return tuple(reasons)


def _find_doubts(evidence: Evidence, rules: AdjudicationRules) -> tuple[Reason, ...]:
    """What the votes leave open."""
    reasons = []
    if evidence.presence < rules.min_confidence:
        text = f"found by {evidence.num_found} of {evidence.num_done}, {evidence.presence:.0%} likely to be there"
        reasons.append(Reason("presence", text))
    reasons += _find_open_edges(evidence, rules, evidence.num_found // 2 + 1)
    if evidence.label_belief < rules.min_confidence:
        text = f"{evidence.label_belief:.0%} likely to be the right label"
        reasons.append(Reason("label", _describe_split(text, evidence.split_votes)))
    return tuple(reasons)


def _find_open_edges(evidence: Evidence, rules: AdjudicationRules, num_needed: int) -> list[Reason]:
    """Edges that fewer than ``num_needed`` annotators put close together."""
    within_ms = rules.tolerance.get_ms(evidence.set_id)
    kinds: tuple[tuple[ReasonKind, Sequence[int]], ...] = (("start", evidence.starts_ms), ("end", evidence.ends_ms))
    reasons = []
    for kind, times_ms in kinds:
        num_together = count_together(times_ms, within_ms)
        if num_together < num_needed:
            spread_ms = max(times_ms) - min(times_ms)
            text = f"{kind}s are up to {spread_ms} ms apart, {num_together} of {len(times_ms)} within {within_ms} ms"
            reasons.append(Reason(kind, text))
    return reasons


def _describe_split(text: str, split_votes: Sequence[str]) -> str:
    return f"{text}: {', '.join(split_votes)}" if split_votes else text
