"""What the votes of a group of units come to: is there something, of which set, and which element.

All groups at once, in columns. Elements are found by their trees: the answers to every query give a probability of yes,
and a leaf is as likely as the answers on its path are together; the leaves of a tree, dead ends included, share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from finegym.codebook.model import Codebook, DecisionTree, Leaf, Node
from finegym.codebook.tree import iterate_nodes
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
from finegym.quality.units import NO_LABEL, Units, get_set_of_label, name_no_element

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
        top: votes for events (actions) or sets (sub-actions).
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
    """Believe what the votes say, by one method or the other."""
    presence_poll = _poll_presence(units, groups)
    presence = presence_poll.get_belief(method)[:, 1]
    classes, class_of_label = _list_classes(units)
    top = _poll_top(units, groups, class_of_label, len(classes))
    belief = top.get_belief(method)
    best = belief.argmax(axis=1) if len(classes) else np.zeros(len(groups), np.int64)
    has_vote = np.zeros(len(groups), bool)
    has_vote[groups.group_of_unit[_find_classes(units, class_of_label) >= 0]] = True
    labels: list[str | None] = [classes[k] if voted else None for k, voted in zip(best, has_vote, strict=True)]
    label_belief = np.where(has_vote, belief[np.arange(len(groups)), best] if len(classes) else 1.0, 1.0)
    queries = None
    if units.level == "sub-action":
        queries = _poll_queries(units, groups, class_of_label, np.where(has_vote, best, -1))
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


def _poll_top(units: Units, groups: Groups, class_of_label: np.ndarray, num_classes: int) -> Poll:
    named = _find_classes(units, class_of_label)
    rows = np.flatnonzero(named >= 0)
    votes = Votes(
        groups.group_of_unit[rows],
        units.annotator_index[rows].astype(np.int64),
        named[rows],
        len(groups),
        len(units.annotators),
        num_classes,
        num_classes,
    )
    return _hold_poll(votes, SURE_PRIOR)


def _poll_queries(units: Units, groups: Groups, class_of_label: np.ndarray, class_of_group: np.ndarray) -> QueryPoll:
    """Answers of those whose unit is of the set that its group is of: others were asked by another tree.

    Groups of which nobody has said more than a set are not asked about: their trees are still to be walked.
    """
    named = _find_classes(units, class_of_label)
    agrees = (named >= 0) & (named == class_of_group[groups.group_of_unit])
    is_set = np.array([*(label in units.codebook.set_by_id for label in units.labels), True])  # the last: no label
    is_whole = np.zeros(len(groups), bool)
    is_whole[groups.group_of_unit[agrees & ~is_set[units.label_index]]] = True
    agrees &= is_whole[groups.group_of_unit]
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


@dataclass(frozen=True, eq=False)
class _Leaves:
    """The ends of one tree.

    Attributes:
        labels: of P leaves, a dead end as "no such element".
        yes: bool (P, R), the path says yes to the query.
        no: bool (P, R), it says no.
        queries: R ids.
    """

    labels: tuple[str, ...]
    yes: np.ndarray
    no: np.ndarray
    queries: tuple[str, ...]


class Trees:
    """The trees of a codebook as arrays, each made when it is asked for."""

    def __init__(self, codebook: Codebook) -> None:
        self.codebook = codebook
        self._leaves: dict[str, _Leaves] = {}

    def get_leaves(self, set_id: str) -> _Leaves | None:
        """The leaves of a set's tree; ``None`` where it has no tree."""
        tree = self.codebook.tree_by_set_id.get(set_id)
        if tree is None:
            return None
        if set_id not in self._leaves:
            self._leaves[set_id] = _list_leaves(tree)
        return self._leaves[set_id]


def _list_leaves(tree: DecisionTree) -> _Leaves:
    nodes = list(iterate_nodes(tree))
    queries = tuple(dict.fromkeys(node.query_id for _, node in nodes if isinstance(node, Node)))
    number = {query: index for index, query in enumerate(queries)}
    at = {answers: node.query_id for answers, node in nodes if isinstance(node, Node)}
    leaves = [(answers, node) for answers, node in nodes if isinstance(node, Leaf)]
    said = np.zeros((2, len(leaves), len(queries)), bool)
    for row, (answers, _) in enumerate(leaves):
        for depth, answer in enumerate(answers):
            said[int(answer), row, number[at[answers[:depth]]]] = True
    labels = tuple(leaf.element_id or name_no_element(tree.set_id) for _, leaf in leaves)
    return _Leaves(labels, said[YES], said[NO], queries)


def _find_elements(
    units: Units, queries: QueryPoll, labels: list[str | None], method: Method
) -> list[tuple[int, str, float]]:
    """For every group about which somebody was asked something: the likeliest leaf, and how likely it is."""
    trees, found = Trees(units.codebook), []
    belief = queries.poll.get_belief(method)[:, YES]
    unasked = _get_prevalence(queries, len(units.answers.queries), method)
    groups, first = np.unique(queries.group, return_index=True)
    by_set: dict[str, list[int]] = {}
    for place, group in enumerate(groups.tolist()):
        by_set.setdefault(labels[group] or "", []).append(place)
    stops = np.append(first[1:], len(queries.group))
    numbers = {name: index for index, name in enumerate(units.answers.queries)}
    for set_id, places in by_set.items():
        leaves = trees.get_leaves(set_id)
        if leaves is None:
            continue
        columns = [numbers.get((set_id, query), -1) for query in leaves.queries]
        column_of = {number: column for column, number in enumerate(columns) if number >= 0}
        even = np.array([0.5 if number < 0 else unasked[number] for number in columns])
        yes = np.repeat(even[None], len(places), axis=0)
        for row, place in enumerate(places):
            for question in range(first[place], stops[place]):
                yes[row, column_of[int(queries.query[question])]] = belief[question]
        likely = _compute_leaf_belief(leaves, yes)
        best = likely.argmax(axis=1)
        for row, place in enumerate(places):
            found.append((int(groups[place]), leaves.labels[best[row]], float(likely[row, best[row]])))
    return found


def _compute_leaf_belief(leaves: _Leaves, yes: np.ndarray) -> np.ndarray:
    """float64 (G, P), how likely each leaf is where each query is yes with a probability (G, R)."""
    tiny = 1e-300
    log_yes, log_no = np.log(np.maximum(yes, tiny)), np.log(np.maximum(1 - yes, tiny))
    return np.exp(log_yes @ leaves.yes.T.astype(np.float64) + log_no @ leaves.no.T.astype(np.float64))


def _get_prevalence(queries: QueryPoll, num_queries: int, method: Method) -> np.ndarray:
    """float64 (queries,), how often each is yes: all that is known of a group where nobody was asked it."""
    prevalence = np.full(num_queries, 0.5)
    fit = queries.poll.fit
    if method == "dawid-skene" and fit is not None:
        prevalence[: len(fit.prevalence)] = fit.prevalence[:, YES]
    return prevalence
