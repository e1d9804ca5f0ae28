"""How far each annotator can be trusted, as the model of Dawid and Skene sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.quality.units import Units
from finegym.quality.voting import NO, UNSURE, YES, Poll, Verdicts


@dataclass(frozen=True)
class Trust:
    """How far an annotator can be trusted, as the model of Dawid and Skene sees it; ``None`` where it saw nothing.

    Attributes:
        annotator: who.
        found: share that they mark of what somebody marks and is there; what everybody misses nobody knows of.
        invented: share that they mark of what somebody marks, they or another, and is not there. No share of their
            work: who alone invents a single unit has 1.
        top: share of events (of actions) or sets (of sub-actions) that they name rightly, over those that occur.
        answers: share of yes/no queries that they answer rightly, yes and no alike.
        unsure: share that they do not answer.
    """

    annotator: str
    found: float | None
    invented: float | None
    top: float | None
    answers: float | None
    unsure: float | None


def measure_trust(units: Units, verdicts: Verdicts) -> tuple[Trust, ...]:
    """Read the model's confusion matrices, annotator by annotator."""
    presence, top = verdicts.presence_poll, verdicts.top
    queries = None if verdicts.queries is None else verdicts.queries.poll
    trust = []
    for k, name in enumerate(units.annotators):
        marks = _get_matrix(presence, k)
        names = _get_matrix(top, k)
        answers = None if queries is None else _get_matrix(queries, k)
        trust.append(
            Trust(
                name,
                found=None if marks is None else float(marks[1, 1]),
                invented=None if marks is None else float(marks[0, 1]),
                top=None if names is None or top.fit is None else float(top.fit.prevalence[0] @ np.diagonal(names)),
                answers=None if answers is None else float(answers[NO, NO] + answers[YES, YES]) / 2,
                unsure=None if answers is None else float(answers[:, UNSURE].mean()),
            )
        )
    return tuple(trust)


def _get_matrix(poll: Poll, annotator: int) -> np.ndarray | None:
    """The confusion matrix of one annotator; ``None`` where they gave no vote."""
    has_voted = bool((poll.votes.annotator == annotator).any())
    return poll.fit.confusion[annotator] if poll.fit is not None and has_voted else None
