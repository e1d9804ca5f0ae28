"""One prediction file, every level: element scores rolled up to sets and events, and looked at inside one of them.

Rolling up: the probability of a set is the sum of the softmax probabilities of its elements, that of an event the sum
over its sets; a model that confuses two leaps still knows that it saw a leap. Inside: only the instances of one event
or set, and only its classes compete; how well the model tells apart what looks alike, whatever else it mixes up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finegym.annotations.subsets import Subset
from finegym.codebook.model import Codebook
from finegym.errors import PredictionError
from finegym.evaluation.recognition import RecognitionResult, evaluate_recognition, roll_up

EVERYTHING = "all"
UPPER_LEVELS = {"element": ("set", "event"), "set": ("event",), "event": ()}


@dataclass(frozen=True)
class ScopedResult:
    """Scores on one level, over everything or inside one event or set.

    Attributes:
        scope: ``"all"``, or the id of the event or set.
        level: what is told apart: ``"element"``, ``"set"`` or ``"event"``.
        class_ids: K ids, in the order of the result's classes.
        result: the scores.
    """

    scope: str
    level: str
    class_ids: tuple[str, ...]
    result: RecognitionResult


@dataclass(frozen=True)
class LevelResults:
    """Scores on every level.

    Attributes:
        results: the subset's own level over everything, levels above it, then inside every event and set.
        left_out: scope → why there is no result inside it.
    """

    results: tuple[ScopedResult, ...]
    left_out: dict[str, str]


def find_parents(subset: Subset, codebook: Codebook, level: str) -> tuple[str, ...]:
    """The event or set of every class of a subset, by class index.

    Raises:
        PredictionError: the codebook lacks classes of the subset; the message names them.
    """
    known = {"element": codebook.element_by_id, "set": codebook.set_by_id, "event": codebook.event_by_id}[subset.level]
    unknown = [class_.id for class_ in subset.classes if class_.id not in known]
    if unknown:
        raise PredictionError(
            f"codebook {codebook.name} lacks {len(unknown)} {subset.level}s of subset {subset.name}, first: "
            f"{unknown[0]}. Give the dataset that the split belongs to."
        )
    parents = []
    for class_ in subset.classes:
        set_id = codebook.element_by_id[class_.id].set_id if subset.level == "element" else class_.id
        parents.append(set_id if level == "set" else codebook.set_by_id[set_id].event_id)
    return tuple(parents)


def evaluate_levels(
    logits: np.ndarray,
    targets: np.ndarray,
    groups: Sequence[str],
    subset: Subset,
    codebook: Codebook,
    *,
    num_resamples: int = 1000,
    seed: int = 0,
) -> LevelResults:
    """Scores of a subset's own level, of the levels above it, and inside every event and set.

    Args:
        logits: float (N, K), K classes of the subset; a row of NaN is a missing prediction and counts as wrong.
        targets: int64 (N,), class indices.
        groups: N names; instances of one group are resampled together.
        subset: what the class indices mean.
        codebook: knows the set of every element and the event of every set.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        PredictionError: the codebook lacks classes of the subset.
    """
    names, class_ids = subset.class_names, tuple(class_.id for class_ in subset.classes)
    whole = evaluate_recognition(logits, targets, groups, names, num_resamples=num_resamples, seed=seed)
    upper: list[ScopedResult] = [ScopedResult(EVERYTHING, subset.level, class_ids, whole)]
    inside: list[ScopedResult] = []
    left_out: dict[str, str] = {}
    for level in UPPER_LEVELS[subset.level]:
        parent_ids = find_parents(subset, codebook, level)
        by_id = codebook.set_by_id if level == "set" else codebook.event_by_id
        scopes = tuple(id_ for id_ in by_id if id_ in set(parent_ids))
        if len(scopes) < 2:
            left_out[scopes[0] if scopes else level] = f"all classes are of one {level}: the same as {EVERYTHING}"
            continue
        parents = np.array([scopes.index(id_) for id_ in parent_ids], dtype=np.int64)
        rolled = evaluate_recognition(
            roll_up(logits, parents, len(scopes)),
            parents[targets],
            groups,
            [by_id[id_].name for id_ in scopes],
            num_resamples=num_resamples,
            seed=seed,
        )
        upper.append(ScopedResult(EVERYTHING, level, scopes, rolled))
        within: list[ScopedResult] = []
        for index, scope in enumerate(scopes):
            classes, rows = np.flatnonzero(parents == index), np.flatnonzero(parents[targets] == index)
            if len(classes) < 2 or len(rows) == 0:
                left_out[scope] = "only one class" if len(classes) < 2 else "no instances"
                continue
            if level == "set" and (event_id := _find_event_of_only_set(scope, parent_ids, codebook)):
                left_out[scope] = f"the only set of {event_id}: the same as {event_id}"
                continue
            place = np.full(len(parents), -1)
            place[classes] = np.arange(len(classes))
            result = evaluate_recognition(
                logits[np.ix_(rows, classes)],
                place[targets[rows]],
                [groups[row] for row in rows.tolist()],
                [names[k] for k in classes],
                num_resamples=num_resamples,
                seed=seed,
            )
            within.append(ScopedResult(scope, subset.level, tuple(class_ids[k] for k in classes), result))
        inside = within + inside  # events before sets
    return LevelResults((*upper, *inside), left_out)


def _find_event_of_only_set(set_id: str, set_ids: Sequence[str], codebook: Codebook) -> str | None:
    """The event of a set if it has no other set among ``set_ids``, but there are other events."""
    event_of = {id_: codebook.set_by_id[id_].event_id for id_ in set(set_ids)}
    own = event_of[set_id]
    is_only = sum(event_id == own for event_id in event_of.values()) == 1
    return own if is_only and len(set(event_of.values())) > 1 else None
