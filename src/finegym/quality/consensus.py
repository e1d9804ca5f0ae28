"""Consensus: what several people annotated becomes one annotation, with every vote kept and every doubt named.

Units that are one performance are grouped by their times; edges become medians; events and sets are voted on, elements
found by the votes on every query of their tree. What the votes leave open is for a third annotator or for adjudication.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from finegym.codebook.model import Codebook
from finegym.errors import AnnotationError
from finegym.quality.adjudication import AdjudicationRules, Decision, Evidence, Reason, Ruling, decide
from finegym.quality.matching import Groups, group_units, match_units
from finegym.quality.trust import Trust, measure_trust
from finegym.quality.units import NO_LABEL, Answer, Item, Level, Units, get_set_of_label
from finegym.quality.voting import NO, UNSURE, YES, Method, Verdicts, count_votes

_ANSWER_NAMES: dict[int, Answer] = {0: "no", 1: "yes", -1: "unsure"}


@dataclass(frozen=True)
class ConsensusSettings:
    """How a consensus is found.

    Attributes:
        method: how votes count: all the same (``majority``), or by how far each annotator can be trusted.
        rules: what counts as agreement.
    """

    method: Method = "dawid-skene"
    rules: AdjudicationRules = field(default_factory=AdjudicationRules)


@dataclass(frozen=True)
class Vote:
    """What one annotator who did the item says of a unit; without a unit id: not found."""

    annotator: str
    unit_id: str | None
    start_ms: int | None
    end_ms: int | None
    label: str | None
    answers: Mapping[str, Answer] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class QueryVotes:
    """What was answered to one query of the set's tree by those who were asked it.

    Attributes:
        query_id: which.
        num_yes: votes.
        num_no: votes.
        num_unsure: votes.
        majority: the answer with more votes; ``None`` for a tie.
        yes_belief: how likely yes is, by the method of the consensus.
    """

    query_id: str
    num_yes: int
    num_no: int
    num_unsure: int
    majority: Answer | None
    yes_belief: float


@dataclass(frozen=True)
class ConsensusUnit:
    """What several people's units come to.

    Attributes:
        item_id: in which item.
        start_ms: median of those who found it.
        end_ms: likewise.
        label: what the votes lead to; ``None`` where nobody gave one.
        presence: how likely it is that there is something.
        label_belief: how likely the label is.
        votes: one of everybody who did the item.
        queries: in the order in which they were first asked.
        decision: what becomes of it.
        reasons: why it is not agreed on.
        ruling: what somebody decided about it; then ``decision`` is ``decided``, edges and label are theirs.
    """

    item_id: str
    start_ms: int
    end_ms: int
    label: str | None
    presence: float
    label_belief: float
    votes: tuple[Vote, ...]
    queries: tuple[QueryVotes, ...]
    decision: Decision
    reasons: tuple[Reason, ...]
    ruling: Ruling | None = None

    @property
    def num_found(self) -> int:
        return sum(vote.unit_id is not None for vote in self.votes)


@dataclass(frozen=True, eq=False)
class Consensus:
    """The consensus of several people on the same items.

    Attributes:
        level: ``action`` or ``sub-action``.
        codebook: of the labels.
        annotators: who.
        items: all of them, also those in which nothing was found.
        num_done: by item id, annotators who did it.
        units: in order of items and time, also those that are left out.
        trust: of every annotator.
        settings: how it was found.
        is_simulated: nobody filmed it.
    """

    level: Level
    codebook: Codebook
    annotators: tuple[str, ...]
    items: tuple[Item, ...]
    num_done: Mapping[str, int]
    units: tuple[ConsensusUnit, ...]
    trust: tuple[Trust, ...]
    settings: ConsensusSettings
    is_simulated: bool

    def count_decisions(self) -> dict[Decision, int]:
        """Units of every decision that occurs."""
        return dict(Counter(unit.decision for unit in self.units))

    def list_open(self) -> list[ConsensusUnit]:
        """Units that somebody has to look at."""
        return [unit for unit in self.units if unit.decision in ("third annotator", "adjudicate")]


def make_consensus(units: Units, settings: ConsensusSettings | None = None) -> Consensus:
    """Find the consensus of several people on the same items.

    Args:
        units: what they annotated, at one level.
        settings: how; the defaults where nothing is said.
    """
    settings = settings or ConsensusSettings()
    groups = group_units(units, match_units(units, settings.rules.tolerance.min_tiou))
    verdicts = count_votes(units, groups, settings.method)
    queries = _collect_queries(units, verdicts, len(groups), settings.method)
    found = _Builder(units, groups, verdicts, settings)
    made = tuple(found.build(group, queries.get(group, ())) for group in range(len(groups)))
    return Consensus(
        units.level,
        units.codebook,
        units.annotators,
        units.items,
        {item.id: int(number) for item, number in zip(units.items, units.done.sum(axis=0), strict=True)},
        made,
        measure_trust(units, verdicts),
        settings,
        units.is_simulated,
    )


def settle(consensus: Consensus, rulings: Mapping[int, Ruling]) -> Consensus:
    """Put decisions into a consensus; the votes and the reasons why it was asked stay.

    Args:
        consensus: it.
        rulings: by the place of the unit in ``consensus.units``.

    Raises:
        AnnotationError: there is no such unit.
    """
    wrong = [place for place in rulings if not 0 <= place < len(consensus.units)]
    if wrong:
        raise AnnotationError(f"rulings on units {wrong[:5]}: the consensus has {len(consensus.units)} units, from 0")
    units = list(consensus.units)
    for place, ruling in rulings.items():
        units[place] = replace(
            units[place],
            start_ms=ruling.start_ms,
            end_ms=ruling.end_ms,
            label=ruling.label,
            decision="decided",
            ruling=ruling,
        )
    return replace(consensus, units=tuple(units))


class _Builder:
    """Turns columns into units, one group at a time."""

    def __init__(self, units: Units, groups: Groups, verdicts: Verdicts, settings: ConsensusSettings) -> None:
        self.units, self.groups, self.verdicts, self.settings = units, groups, verdicts, settings
        self.members = groups.members.tolist()
        self.items = groups.item_index.tolist()
        self.starts, self.ends = units.start_ms.tolist(), units.end_ms.tolist()
        self.labels = [None if k == NO_LABEL else units.labels[k] for k in units.label_index.tolist()]
        self.done = [np.flatnonzero(column).tolist() for column in units.done.T]
        self.first_answer = units.answers.start.tolist()
        self.queries = [units.answers.queries[k][1] for k in units.answers.query_index.tolist()]
        self.answers = [_ANSWER_NAMES[code] for code in units.answers.answer.tolist()]
        self.presence, self.label_belief = verdicts.presence.tolist(), verdicts.label_belief.tolist()

    def build(self, group: int, queries: tuple[QueryVotes, ...]) -> ConsensusUnit:
        rows = [row for row in self.members[group] if row >= 0]
        item, label = self.items[group], self.verdicts.label[group]
        starts, ends = [self.starts[row] for row in rows], [self.ends[row] for row in rows]
        labels = [self.labels[row] for row in rows]
        set_id = None if label is None else get_set_of_label(self.units.codebook, label)
        split = [] if len(set(labels)) == 1 else _describe_votes(labels, queries)
        evidence = Evidence(
            len(self.done[item]), self.presence[group], starts, ends, labels, self.label_belief[group], set_id, split
        )
        decision, reasons = decide(evidence, self.settings.rules)
        start_ms, end_ms = _find_median(starts), _find_median(ends)
        return ConsensusUnit(
            item_id=self.units.items[item].id,
            start_ms=start_ms,
            # Medians of starts and of ends may cross where people disagree widely (and then it is adjudicated).
            end_ms=max(end_ms, start_ms + 1),
            label=label,
            presence=self.presence[group],
            label_belief=self.label_belief[group],
            votes=tuple(self._get_vote(group, annotator) for annotator in self.done[item]),
            queries=queries,
            decision=decision,
            reasons=reasons,
        )

    def _get_vote(self, group: int, annotator: int) -> Vote:
        name, row = self.units.annotators[annotator], self.members[group][annotator]
        if row < 0:
            return Vote(name, None, None, None, None)
        given = {self.queries[k]: self.answers[k] for k in range(self.first_answer[row], self.first_answer[row + 1])}
        return Vote(name, self.units.unit_ids[row], self.starts[row], self.ends[row], self.labels[row], given)


def _find_median(times_ms: Sequence[int]) -> int:
    """The median; of an even number the middle between the middle two, in whole milliseconds."""
    ordered = sorted(times_ms)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def _collect_queries(
    units: Units, verdicts: Verdicts, num_groups: int, method: Method
) -> dict[int, tuple[QueryVotes, ...]]:
    """Votes on every query that was asked about a group, by group."""
    polled = verdicts.queries
    if polled is None or not len(polled.group):
        return {}
    votes = polled.poll.votes
    counts = np.bincount(votes.question * 3 + votes.answer, minlength=3 * votes.num_questions).reshape(-1, 3)
    belief = polled.poll.get_belief(method)[:, YES].tolist()
    names = [units.answers.queries[query][1] for query in polled.query.tolist()]
    found: dict[int, list[QueryVotes]] = {}
    for group, name, row, yes in zip(polled.group.tolist(), names, counts.tolist(), belief, strict=True):
        num_no, num_yes, num_unsure = row[NO], row[YES], row[UNSURE]
        majority: Answer | None = None if num_yes == num_no else "yes" if num_yes > num_no else "no"
        found.setdefault(group, []).append(QueryVotes(name, num_yes, num_no, num_unsure, majority, yes))
    return {group: tuple(rows) for group, rows in found.items()}


def _describe_votes(labels: Sequence[str | None], queries: Sequence[QueryVotes]) -> list[str]:
    """Where votes are split, in words: by query, and by label where no query says it."""
    split = [
        f"{query.query_id} {query.num_yes} yes, {query.num_no} no"
        + (f", {query.num_unsure} unsure" if query.num_unsure else "")
        for query in queries
        if sum(count > 0 for count in (query.num_yes, query.num_no, query.num_unsure)) > 1
    ]
    return split or [f"{number} x {label or 'no label'}" for label, number in Counter(labels).most_common()]
