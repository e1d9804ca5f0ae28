"""What is true, and how far each annotator can be trusted, from what they say alone: the model of Dawid and Skene.

Every question has one true class that nobody knows. An annotator who is asked a question of class k gives answer l with
a probability that is theirs alone: their confusion matrix. Expectation maximisation finds the matrices that explain all
answers best, and with them the classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Votes:
    """Answers of annotators to questions.

    Attributes:
        question: int64 (V,), index of the question, 0 to Q - 1; somebody may answer a question more than once.
        annotator: int64 (V,), index of who answered, 0 to A - 1.
        answer: int64 (V,), 0 to L - 1. The first K answers name the K classes; others (unsure) name none.
        num_questions: Q; each needs a vote.
        num_annotators: A.
        num_classes: K.
        num_answers: L, at least K.
        kind: int64 (Q,), kinds of questions, each with its own frequencies of the classes; ``None``: one kind.
    """

    question: np.ndarray
    annotator: np.ndarray
    answer: np.ndarray
    num_questions: int
    num_annotators: int
    num_classes: int
    num_answers: int
    kind: np.ndarray | None = None

    @property
    def kinds(self) -> np.ndarray:
        """int64 (Q,)."""
        return np.zeros(self.num_questions, np.int64) if self.kind is None else self.kind


@dataclass(frozen=True, eq=False)
class DawidSkene:
    """What the model makes of votes.

    Attributes:
        posterior: float64 (Q, K), how likely each class is for each question.
        prevalence: float64 (kinds, K), how frequent each class is.
        confusion: float64 (A, K, L), how often each annotator answers l where k is true.
        num_rounds: of expectation and maximisation.
        is_converged: whether the last round changed no class's probability by more than the tolerance.
    """

    posterior: np.ndarray
    prevalence: np.ndarray
    confusion: np.ndarray
    num_rounds: int
    is_converged: bool


@dataclass(frozen=True)
class Prior:
    """Answers that each annotator is taken to have given already, and classes each kind of question is to have had.

    With none, few answers make a matrix extreme: somebody who was right three times in three would be right always.

    Attributes:
        right: answers that named the true class, for every class.
        wrong: answers that did not, for every class, spread over the other answers.
        frequency: questions of each class, for every kind.
    """

    right: float = 0.0
    wrong: float = 0.0
    frequency: float = 0.0


NO_PRIOR = Prior()
"""The model of 1979: maximum likelihood."""
WEAK_PRIOR = Prior(4.0, 1.0, 1.0)
"""Five answers, four of them right: enough that a beginner counts for a little, soon outvoted by what they do."""

SURE_PRIOR = Prior(2.0, 0.1, 1.0)
"""For what is seldom mistaken, and has too many classes for five answers each to be little."""


def fit_dawid_skene(
    votes: Votes, prior: Prior = NO_PRIOR, *, max_rounds: int = 200, tolerance: float = 1e-6
) -> DawidSkene:
    """Find classes and confusion matrices.

    The first guess is the share of the votes, as in the paper; a question that got no vote for any class starts even.

    Args:
        votes: the answers.
        prior: added to the counts.
        max_rounds: stop then, converged or not.
        tolerance: of every class probability of every question.

    Source:
        Dawid and Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm", Applied
        Statistics 28, 1979, equations 2.3 to 2.5. Beyond it: several kinds of questions share the matrices, answers may
        name no class, and a prior may be added (then the posterior mode is found rather than the likelihood's).
    """
    posterior = compute_vote_shares(votes)
    for number in range(1, max_rounds + 1):
        prevalence, confusion = _maximise(votes, posterior, prior)
        updated = _expect(votes, prevalence, confusion)
        change = float(np.abs(updated - posterior).max(initial=0.0))
        posterior = updated
        if change <= tolerance:
            return DawidSkene(posterior, prevalence, confusion, number, True)
    prevalence, confusion = _maximise(votes, posterior, prior)
    return DawidSkene(posterior, prevalence, confusion, max_rounds, False)


def compute_vote_shares(votes: Votes) -> np.ndarray:
    """float64 (Q, K), the share of the votes that each class got; even where nobody named one."""
    named = votes.answer < votes.num_classes
    flat = votes.question[named] * votes.num_classes + votes.answer[named]
    counts = np.bincount(flat, minlength=votes.num_questions * votes.num_classes).astype(np.float64)
    counts = counts.reshape(votes.num_questions, votes.num_classes)
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full_like(counts, 1 / max(1, votes.num_classes)), where=total > 0)


def _maximise(votes: Votes, posterior: np.ndarray, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (kinds, K) and matrices (A, K, L) that explain votes and classes best."""
    num_classes, num_answers = votes.num_classes, votes.num_answers
    kinds = votes.kinds
    num_kinds = int(kinds.max(initial=0)) + 1
    prevalence = np.full((num_kinds, num_classes), prior.frequency)
    counts = _make_pseudo_counts(votes, prior)
    cell = votes.annotator * num_answers + votes.answer
    for k in range(num_classes):
        prevalence[:, k] += np.bincount(kinds, posterior[:, k], num_kinds)
        given = np.bincount(cell, posterior[votes.question, k], votes.num_annotators * num_answers)
        counts[:, k] += given.reshape(votes.num_annotators, num_answers)
    return _normalise(prevalence), _normalise(counts)


def _make_pseudo_counts(votes: Votes, prior: Prior) -> np.ndarray:
    num_classes, num_answers = votes.num_classes, votes.num_answers
    counts = np.full((num_classes, num_answers), prior.wrong / max(1, num_answers - 1))
    counts[np.arange(num_classes), np.arange(num_classes)] = prior.right
    return np.repeat(counts[None], votes.num_annotators, axis=0)


def _normalise(counts: np.ndarray) -> np.ndarray:
    """Rows that sum to 1; rows without a count are even: nothing is known of them, and nothing follows from them."""
    total = counts.sum(axis=-1, keepdims=True)
    return np.divide(counts, total, out=np.full_like(counts, 1 / counts.shape[-1]), where=total > 0)


def _expect(votes: Votes, prevalence: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """How likely each class is for each question, (Q, K)."""
    with np.errstate(divide="ignore"):
        log_prevalence, log_confusion = np.log(prevalence), np.log(confusion)
    weights = log_prevalence[votes.kinds]
    for k in range(votes.num_classes):
        given = log_confusion[votes.annotator, k, votes.answer]
        weights[:, k] += np.bincount(votes.question, given, votes.num_questions)
    weights -= weights.max(axis=1, keepdims=True)
    return _normalise(np.exp(weights))
