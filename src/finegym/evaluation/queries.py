"""What a model of elements cannot see: its predictions read as answers to the queries of the decision trees.

A prediction of an element implies an answer to every query on the element's path. So that an early mistake does not
hide the later answers, each query is looked at by itself:

- **Which instances count.** A query stands at nodes of trees. An instance counts at a node if the path of its true
  element passes it, and if the subset has classes on both sides of it; otherwise there is nothing to answer.
- **What the model answers.** The side of its highest score among the classes below the node. Where the predicted
  element lies below the node, that is the answer on the predicted element's path; where it does not (the model went
  another way before), it is the answer of the element that it would have named, had the earlier answers been given.
- **Chance.** Yes and no are rarely equally frequent, so that always answering "no" may look good. *Balanced accuracy*,
  the mean of the shares right among the true yes and among the true no, is 50 % for any guess that does not look.

Missing predictions are wrong answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finegym.annotations.subsets import Subset
from finegym.codebook.model import Attributes, Codebook, Leaf, Node
from finegym.codebook.tree import get_elements_below, iterate_nodes
from finegym.codebook.wording import AMOUNT
from finegym.errors import PredictionError
from finegym.evaluation.estimates import (
    Estimate,
    GroupWeights,
    estimate_mean_over_classes,
    estimate_share,
    resample_groups,
)
from finegym.evaluation.recognition import MISSING, compute_predicted


@dataclass(frozen=True)
class AskedNode:
    """A node of a tree that has classes of a subset on both sides.

    Attributes:
        set_id: whose tree it is in.
        query_id: what it asks.
        yes: class indices below yes.
        no: class indices below no.
    """

    set_id: str
    query_id: str
    yes: tuple[int, ...]
    no: tuple[int, ...]


@dataclass(frozen=True)
class Answers:
    """What a model answered to one query, of the M instances that count.

    Attributes:
        rows: int64 (M,), places in the split.
        is_yes: bool (M,), the true answer.
        is_right: bool (M,), whether the model gives it.
        is_reached: bool (M,), whether the predicted element lies below the node that asks.
    """

    rows: np.ndarray
    is_yes: np.ndarray
    is_right: np.ndarray
    is_reached: np.ndarray


@dataclass(frozen=True)
class QueryScore:
    """How well a query is answered, over all seeds.

    Attributes:
        query_id: of the codebook.
        num_yes: instances whose true answer is yes.
        num_no: instances whose true answer is no.
        balanced_accuracy: mean of the shares right among yes and no; chance is 0.5. Where only one answer occurs it is
            not known, and ``no_interval`` says so.
        accuracy: share right.
        share_reached: of the instances, how many are predicted as an element below the node.
    """

    query_id: str
    num_yes: int
    num_no: int
    balanced_accuracy: Estimate
    accuracy: Estimate
    share_reached: float


def find_asked_nodes(subset: Subset, codebook: Codebook) -> tuple[AskedNode, ...]:
    """The nodes at which a subset's classes part, in the order of the codebook's trees.

    Raises:
        PredictionError: the subset is not one of elements, or the codebook does not have them all.
    """
    if subset.level != "element":
        raise PredictionError(
            f"subset {subset.name} is one of {subset.level}s: only elements imply answers to queries. Give "
            "predictions of elements."
        )
    index_of = {class_.id: index for index, class_ in enumerate(subset.classes)}
    unknown = [id_ for id_ in index_of if id_ not in codebook.element_by_id]
    if unknown:
        raise PredictionError(
            f"codebook {codebook.name} lacks {len(unknown)} elements of subset {subset.name}, first: {unknown[0]}. "
            "Give the dataset that the split belongs to."
        )
    nodes = []
    for tree in codebook.trees:
        for _, node in iterate_nodes(tree):
            if isinstance(node, Node):
                yes, no = (_find_classes(side, index_of) for side in (node.yes, node.no))
                if yes and no:
                    nodes.append(AskedNode(tree.set_id, node.query_id, yes, no))
    return tuple(nodes)


def find_unreached(subset: Subset, codebook: Codebook) -> tuple[str, ...]:
    """Elements of a subset that no tree leads to: their instances answer nothing."""
    reached = {id_ for tree in codebook.trees for id_ in get_elements_below(tree.root)}
    return tuple(class_.id for class_ in subset.classes if class_.id not in reached)


def read_answers(logits: np.ndarray, targets: np.ndarray, nodes: Sequence[AskedNode]) -> dict[str, Answers]:
    """What a prediction says to every query.

    Args:
        logits: float (N, K); a row of NaN is a missing prediction.
        targets: int64 (N,), class indices.
        nodes: ``find_asked_nodes(subset, codebook)``.

    Returns:
        Query id → answers, in the order of the trees; queries at several nodes have those of all of them.
    """
    predicted = compute_predicted(logits)
    parts: dict[str, list[Answers]] = {}
    for node in nodes:
        below = np.array(sorted((*node.yes, *node.no)))
        rows = np.flatnonzero(np.isin(targets, below))
        said = compute_predicted(logits[np.ix_(rows, below)])
        is_yes = np.isin(targets[rows], node.yes)
        says_yes = np.isin(below[said], node.yes)
        parts.setdefault(node.query_id, []).append(
            Answers(rows, is_yes, (says_yes == is_yes) & (said != MISSING), np.isin(predicted[rows], below))
        )
    return {query_id: _join(some) for query_id, some in parts.items()}


def score_queries(answers: Sequence[Mapping[str, Answers]], groups: Sequence[str]) -> tuple[QueryScore, ...]:
    """Scores of every query that some instance answers, means over seeds.

    Args:
        answers: ``read_answers`` of every seed, of the same targets and nodes.
        groups: of the N instances of the split, such as their records; they are resampled.
    """
    scores = []
    for query_id, first in answers[0].items():
        if len(first.rows):
            same = [one[query_id] for one in answers]
            is_right = np.array([one.is_right for one in same], np.float64)
            weights = resample_rows(groups, first.rows)
            scores.append(
                QueryScore(
                    query_id,
                    int(first.is_yes.sum()),
                    int((~first.is_yes).sum()),
                    _estimate_balanced(is_right, first.is_yes, weights),
                    estimate_share(is_right, weights),
                    float(np.mean([one.is_reached for one in same])),
                )
            )
    return tuple(scores)


def list_topics(answers: Mapping[str, Answers], codebook: Codebook) -> dict[str, tuple[str, ...]]:
    """Topic → its queries to which both answers occur; the topics with the most queries first."""
    topics: dict[str, list[str]] = {}
    for query_id, each in answers.items():
        if each.is_yes.any() and not each.is_yes.all():
            topics.setdefault(find_topic(codebook, query_id), []).append(query_id)
    return {topic: tuple(topics[topic]) for topic in sorted(topics, key=lambda topic: -len(topics[topic]))}


def score_topics(
    seeds: Sequence[Mapping[str, Answers]], topics: Mapping[str, tuple[str, ...]], groups: Sequence[str]
) -> dict[str, Estimate]:
    """The mean over a topic's queries of their balanced accuracies.

    Each query and answer is a class, so that a mean over classes is that mean over queries.
    """
    found = {}
    for topic, query_ids in topics.items():
        first = [seeds[0][query_id] for query_id in query_ids]
        targets = np.concatenate([2 * place + each.is_yes for place, each in enumerate(first)])
        rows = np.concatenate([each.rows for each in first])
        right = np.array([np.concatenate([seed[query_id].is_right for query_id in query_ids]) for seed in seeds])
        weights = resample_groups([groups[row] for row in rows.tolist()])
        found[topic] = estimate_mean_over_classes(right, targets, weights, num_instances=len(np.unique(rows)))
    return found


def find_topic(codebook: Codebook, query_id: str) -> str:
    """What a query is about.

    The attribute that its answer establishes; without one, the first attribute of which the elements below yes have
    other values than those below no; without one, what its text counts (``turn``); else ``other``.
    """
    query = codebook.query_by_id[query_id]
    attributes = [*query.yes, *query.no, *_find_differing(codebook, query_id)]
    if attributes:
        return attributes[0]
    amount = AMOUNT.search(query.text)
    return amount.group(2).removesuffix("s") if amount else "other"


def resample_rows(groups: Sequence[str], rows: np.ndarray) -> GroupWeights:
    """Resamples of the groups of some instances only."""
    return resample_groups([groups[row] for row in rows.tolist()])


def _find_differing(codebook: Codebook, query_id: str) -> list[str]:
    """Attributes that all elements on both sides of a query have, no value of which is on both."""
    sides: tuple[list[Attributes], list[Attributes]] = ([], [])
    for tree in codebook.trees:
        for _, node in iterate_nodes(tree):
            if isinstance(node, Node) and node.query_id == query_id:
                for side, below in zip(sides, (node.yes, node.no), strict=True):
                    side += [codebook.attributes_by_element_id[id_] for id_ in get_elements_below(below)]
    everyone = [*sides[0], *sides[1]]
    shared = [name for name in (everyone[0] if everyone else {}) if all(name in each for each in everyone)]
    return [name for name in shared if not {each[name] for each in sides[0]} & {each[name] for each in sides[1]}]


def _estimate_balanced(is_right: np.ndarray, is_yes: np.ndarray, weights: GroupWeights) -> Estimate:
    if is_yes.all() or not is_yes.any():
        why = f"the true answer is always {'yes' if is_yes.all() else 'no'}"
        return Estimate(float("nan"), None, None, len(is_right), weights.num_groups, why)
    return estimate_mean_over_classes(is_right, is_yes.astype(np.int64), weights)


def _find_classes(node: Node | Leaf, index_of: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(index_of[id_] for id_ in get_elements_below(node) if id_ in index_of)


def _join(parts: Sequence[Answers]) -> Answers:
    joined = (np.concatenate([getattr(p, name) for p in parts]) for name in Answers.__dataclass_fields__)
    return Answers(*joined)
