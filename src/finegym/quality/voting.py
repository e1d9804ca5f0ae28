"""What the votes of a group of units come to: is there something, of which set, and which element.

All groups at once, in columns. Elements are found by their trees: the answers to every query give a probability of yes,
and a leaf is as likely as the answers on its path are together; the leaves of a tree, dead ends included, share one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from finegym.quality.dawid_skene import (
    SURE_PRIOR,
    WEAK_PRIOR,
    DawidSkene,
    Prior,
    Votes,
    compute_vote_shares,
    fit_dawid_skene,
)
from finegym.quality.matching import Groups
from finegym.quality.tree_leaves import compute_leaf_belief, list_leaves
from finegym.quality.units import NO_LABEL, Units, get_set_of_label

Method = Literal["dawid-skene", "majority"]
NO, YES, UNSURE = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Poll:
    """Questions that were put to several people, and what is believed of each.

    Attributes:
        votes: what they said.
        shares: float64 (Q, K), of the votes.
        fit: the model of Dawid and Skene on the same votes; ``None`` where there were none.
    """

    votes: Votes
    shares: np.ndarray
    fit: DawidSkene | None

    def get_belief(self, method: Method) -> np.ndarray:
        """float64 (Q, K), how likely each class is."""
        return self.shares if method == "majority" or self.fit is None else self.fit.posterior


@dataclass(frozen=True, eq=False)
class QueryPoll:
    """The poll of queries: a question is one query about one group.

    Attributes:
        poll: classes no and yes; a third answer, unsure, names none.
        group: int64 (Q,), ascending.
        query: int64 (Q,), index into the units' queries.
    """

    poll: Poll
    group: np.ndarray
    query: np.ndarray


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What the votes come to, for G groups.

    Attributes:
        presence: how likely it is that there is something: float64 (G,).
        label: what it is; ``None`` where nobody said.
        label_belief: float64 (G,), how likely that label is; 1 where nobody said anything.
        classes: names of the classes of ``top``: events or sets.
        presence_poll: who found what.
        top: votes for events (actions) or sets (sub-actions); a question is a group that somebody labelled.
        queries: votes of those who agree on the set; ``None`` for actions.
    """

    presence: np.ndarray
    label: tuple[str | None, ...]
    label_belief: np.ndarray
    classes: tuple[str, ...]
    presence_poll: Poll
    top: Poll
    queries: QueryPoll | None


def count_votes(units: Units, groups: Groups, method: Method) -> Verdicts:
    """Believe what the votes say, by one method or the other.

    What one person alone looked at is taken as it is: it says nothing of how far anybody can be trusted.
    """
    num_done = units.done.sum(axis=0)[groups.item_index]
    shared, alone = np.flatnonzero(num_done > 1), np.flatnonzero(num_done < 2)
    presence, label_belief = np.ones(len(groups)), np.ones(len(groups))
    labels: list[str | None] = [None] * len(groups)
    for group, row in zip(alone.tolist(), groups.members[alone].max(axis=1, initial=-1).tolist(), strict=True):
        number = int(units.label_index[row])
        labels[group] = None if number == NO_LABEL else units.labels[number]
    group_of_unit = np.full(len(groups), -1, np.int64)
    group_of_unit[shared] = np.arange(len(shared))
    inner = Groups(groups.members[shared], groups.item_index[shared], group_of_unit[groups.group_of_unit])
    counted = _count_shared(units, inner, method)
    presence[shared], label_belief[shared] = counted.presence, counted.label_belief
    for group, label in zip(shared.tolist(), counted.label, strict=True):
        labels[group] = label
    queries = counted.queries and replace(counted.queries, group=shared[counted.queries.group])
    return replace(counted, presence=presence, label=tuple(labels), label_belief=label_belief, queries=queries)


def _count_shared(units: Units, groups: Groups, method: Method) -> Verdicts:
    """The same for groups in items of two people or more; units in none of them are of group -1."""
    presence_poll = _poll_presence(units, groups)
    presence = presence_poll.get_belief(method)[:, 1]
    classes, class_of_label = _list_classes(units)
    top, named = _poll_top(units, groups, class_of_label, len(classes))
    belief = top.get_belief(method)
    best = np.full(len(groups), -1)
    best[named] = belief.argmax(axis=1) if len(named) else 0
    labels: list[str | None] = [classes[k] if k >= 0 else None for k in best.tolist()]
    label_belief = np.ones(len(groups))
    label_belief[named] = belief.max(axis=1) if len(named) else 1.0
    queries = None
    if units.level == "sub-action":
        queries = _poll_queries(units, groups, class_of_label, best)
        for group, label, likely in _find_elements(units, queries, labels, method):
            labels[group] = label
            label_belief[group] *= likely
    return Verdicts(presence, tuple(labels), label_belief, classes, presence_poll, top, queries)


def _poll_presence(units: Units, groups: Groups) -> Poll:
    """Everybody who did an item says of every group in it whether they found it."""
    done = units.done[:, groups.item_index].T  # (G, A)
    group, annotator = np.nonzero(done | (groups.members >= 0))
    found = (groups.members[group, annotator] >= 0).astype(np.int64)
    return _hold_poll(Votes(group, annotator, found, len(groups), len(units.annotators), 2, 2))


def _list_classes(units: Units) -> tuple[tuple[str, ...], np.ndarray]:
    """Events or sets that were named, and which of them each label is of, int64 (L,), -1 for none."""
    names = [label if units.level == "action" else get_set_of_label(units.codebook, label) for label in units.labels]
    classes = tuple(dict.fromkeys(name for name in names if name is not None))
    number = {name: index for index, name in enumerate(classes)}
    return classes, np.array([-1 if name is None else number[name] for name in names], np.int64)


def _find_classes(units: Units, class_of_label: np.ndarray) -> np.ndarray:
    """int64 (N,), class of every unit, -1 for none."""
    labels = np.where(units.label_index == NO_LABEL, len(class_of_label), units.label_index)
    return np.append(class_of_label, -1)[labels]


def _poll_top(units: Units, groups: Groups, class_of_label: np.ndarray, num_classes: int) -> tuple[Poll, np.ndarray]:
    """Votes for classes, and the groups that have any: int64, one a question."""
    named = _find_classes(units, class_of_label)
    rows = np.flatnonzero((named >= 0) & (groups.group_of_unit >= 0))
    places, question = np.unique(groups.group_of_unit[rows], return_inverse=True)
    votes = Votes(
        question,
        units.annotator_index[rows].astype(np.int64),
        named[rows],
        len(places),
        len(units.annotators),
        num_classes,
        num_classes,
    )
    return _hold_poll(votes, SURE_PRIOR), places


def _poll_queries(units: Units, groups: Groups, class_of_label: np.ndarray, class_of_group: np.ndarray) -> QueryPoll:
    """Answers of those whose unit is of the set that its group is of: others were asked by another tree.

    Groups of which nobody has said more than a set are not asked about: their trees are still to be walked.
    """
    named = _find_classes(units, class_of_label)
    agrees = (named >= 0) & (groups.group_of_unit >= 0)
    agrees[agrees] = named[agrees] == class_of_group[groups.group_of_unit[agrees]]
    is_set = np.array([*(label in units.codebook.set_by_id for label in units.labels), True])  # the last: no label
    is_whole = np.zeros(len(groups), bool)
    is_whole[groups.group_of_unit[agrees & ~is_set[units.label_index]]] = True
    agrees[agrees] = is_whole[groups.group_of_unit[agrees]]
    owner = np.repeat(np.arange(len(units)), np.diff(units.answers.start))
    counts = agrees[owner]
    owner, query = owner[counts], units.answers.query_index[counts].astype(np.int64)
    answer = units.answers.answer[counts].astype(np.int64)
    num_queries = max(1, len(units.answers.queries))
    asked, question = np.unique(groups.group_of_unit[owner] * num_queries + query, return_inverse=True)
    votes = Votes(
        question,
        units.annotator_index[owner].astype(np.int64),
        np.where(answer < 0, UNSURE, answer),
        len(asked),
        len(units.annotators),
        2,
        3,
        asked % num_queries,
    )
    return QueryPoll(_hold_poll(votes), asked // num_queries, asked % num_queries)


def _hold_poll(votes: Votes, prior: Prior = WEAK_PRIOR) -> Poll:
    has_votes = len(votes.question) > 0 and votes.num_classes > 0
    return Poll(votes, compute_vote_shares(votes), fit_dawid_skene(votes, prior) if has_votes else None)


def _find_elements(
    units: Units, queries: QueryPoll, labels: list[str | None], method: Method
) -> list[tuple[int, str, float]]:
    """For every group about which somebody was asked something: the likeliest leaf, and how likely it is."""
    found = []
    belief = queries.poll.get_belief(method)[:, YES]
    unasked = _get_prevalence(queries, len(units.answers.queries), method)
    groups, first = np.unique(queries.group, return_index=True)
    by_set: dict[str, list[int]] = {}
    for place, group in enumerate(groups.tolist()):
        by_set.setdefault(labels[group] or "", []).append(place)
    stops = np.append(first[1:], len(queries.group))
    numbers = {name: index for index, name in enumerate(units.answers.queries)}
    for set_id, places in by_set.items():
        if set_id not in units.codebook.tree_by_set_id:
            continue
        leaves = list_leaves(units.codebook.tree_by_set_id[set_id])
        columns = [numbers.get((set_id, query), -1) for query in leaves.queries]
        column_of = {number: column for column, number in enumerate(columns) if number >= 0}
        even = np.array([0.5 if number < 0 else unasked[number] for number in columns])
        yes = np.repeat(even[None], len(places), axis=0)
        for row, place in enumerate(places):
            for question in range(first[place], stops[place]):
                yes[row, column_of[int(queries.query[question])]] = belief[question]
        likely = compute_leaf_belief(leaves, yes)
        best = likely.argmax(axis=1)
        for row, place in enumerate(places):
            found.append((int(groups[place]), leaves.labels[best[row]], float(likely[row, best[row]])))
    return found


def _get_prevalence(queries: QueryPoll, num_queries: int, method: Method) -> np.ndarray:
    """float64 (queries,), how often each is yes: all that is known of a group where nobody was asked it."""
    prevalence = np.full(num_queries, 0.5)
    fit = queries.poll.fit
    if method == "dawid-skene" and fit is not None:
        prevalence[: len(fit.prevalence)] = fit.prevalence[:, YES]
    return prevalence
