"""The estimator: points that each feature costs, learned where scores exist; none of them can be negative.

A routine's deduction is the sum over its sub-actions of weights times features. So the same weights are learned from
scores of whole routines, and say afterwards which sub-action and which fault each tenth belongs to.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from finegym.applications.execution.features import (
    FEATURES,
    OTHER,
    Evidence,
    UsualFlights,
    collect_evidence,
    compute_usual_features,
    fill_unjudged,
    find_usual_flights,
)
from finegym.applications.execution.measures import Frames, measure
from finegym.applications.execution.takes import Take
from finegym.errors import ConfigError, PredictionError
from finegym.files import write_text
from finegym.simulation.faults import FULL_SCORE, KINDS

FORMAT = "finegym-execution/2"
PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_NUM_FOLDS = 5


@dataclass(frozen=True)
class ExecutionModel:
    """A trained estimator.

    Attributes:
        weights: points of each of ``FEATURES``.
        usual_features: of each of ``FEATURES``, on average: what is assumed where it could not be judged.
        usual_flights: seconds in the air of good performances.
        penalty: of the ridge, chosen by cross-validation over records.
        learned_from: ``scores`` of routines, or ``faults`` of sub-actions.
        num_routines: it was trained on.
        num_records: they come from.
        error: mean absolute error in points in the cross-validation.
    """

    weights: tuple[float, ...]
    usual_features: tuple[float, ...]
    usual_flights: UsualFlights
    penalty: float
    learned_from: str
    num_routines: int
    num_records: int
    error: float


@dataclass(frozen=True)
class Share:
    """Points that one fault of one sub-action costs, by estimate.

    Attributes:
        instance_id: of the sub-action.
        fault: one of ``KINDS``, or ``OTHER``.
        points: estimated deduction.
        amount: as measured: degrees, share of the height, metres of the longest step.
        frames: of the record in which it was measured; None for ``OTHER``, and where it was not judged.
        is_judged: false where it could not be: then the points are what the fault costs on average.
    """

    instance_id: str
    fault: str
    points: float
    amount: float
    frames: Frames | None
    is_judged: bool = True


@dataclass(frozen=True)
class Estimated:
    """The estimated execution of one routine.

    Attributes:
        action_id: of the routine.
        event_id: of the codebook.
        video_id: of the record.
        score: 10 minus all shares, not below 0.
        shares: in order of time; those that cost nothing are left out.
        num_sub_actions: looked at.
        unjudged: by fault, sub-actions that could have it and in which it could not be judged.
    """

    action_id: str
    event_id: str
    video_id: str
    score: float
    shares: tuple[Share, ...]
    num_sub_actions: int
    unjudged: Mapping[str, int]


def train_on_scores(takes: Sequence[Take], scores: Mapping[str, float]) -> ExecutionModel:
    """Learn from scores of whole routines.

    Args:
        takes: of the routines; those without a score are not used.
        scores: execution score by action id, 0 to 10.

    Raises:
        PredictionError: fewer than ten routines have takes and a score.
    """
    used = [take for take in takes if take.action_id in scores]
    usual, usual_features, evidence = _look(used)
    action_ids = sorted({take.action_id for take in used})
    if len(action_ids) < 10:
        raise PredictionError(f"expected scores and poses of at least 10 routines, got {len(action_ids)}. Add scores.")
    rows = np.zeros((len(action_ids), len(FEATURES)))
    place = {action_id: row for row, action_id in enumerate(action_ids)}
    records = {take.action_id: take.video_id for take in used}
    for take, one in zip(used, evidence, strict=True):
        rows[place[take.action_id]] += fill_unjudged(one, usual_features)
    target = FULL_SCORE - np.array([scores[action_id] for action_id in action_ids])
    weights, penalty, error = fit(rows, target, [records[action_id] for action_id in action_ids])
    return ExecutionModel(
        tuple(weights.tolist()), tuple(usual_features.tolist()), usual, penalty, "scores", len(action_ids),
        len(set(records.values())), error,
    )  # fmt: skip


def train_on_faults(takes: Sequence[Take], deductions: Mapping[tuple[str, str], float]) -> ExecutionModel:
    """Learn from deductions of sub-actions, each fault by itself; the weight of what is not seen stays zero.

    Args:
        takes: sub-actions whose faults are all known.
        deductions: points by (instance id, fault); what is not there cost nothing.
    """
    usual, usual_features, evidence = _look(takes)
    rows = np.stack([fill_unjudged(one, usual_features) for one in evidence])
    records = [take.video_id for take in takes]
    weights = np.zeros(len(FEATURES))
    errors, penalties = [], []
    for kind in KINDS:
        columns = [number for number, (fault, _) in enumerate(FEATURES) if fault == kind]
        target = np.array([deductions.get((take.instance_id, kind), 0.0) for take in takes])
        weights[columns], penalty, error = fit(rows[:, columns], target, records)
        penalties.append(penalty)
        errors.append(error)
    num_routines = len({take.action_id for take in takes})
    return ExecutionModel(
        tuple(weights.tolist()), tuple(usual_features.tolist()), usual, max(penalties), "faults", num_routines,
        len(set(records)), sum(errors),
    )  # fmt: skip


def _look(takes: Sequence[Take]) -> tuple[UsualFlights, np.ndarray, list[Evidence]]:
    measures = [measure(take) for take in takes]
    usual = find_usual_flights(takes, measures)
    evidence = [collect_evidence(take, one, usual) for take, one in zip(takes, measures, strict=True)]
    return usual, compute_usual_features(evidence), evidence


def fit(rows: np.ndarray, target: np.ndarray, records: Sequence[str]) -> tuple[np.ndarray, float, float]:
    """Ridge regression without an intercept and with weights of at least zero; its penalty by cross-validation.

    Args:
        rows: float64 (N, F), not negative.
        target: float64 (N,), points.
        records: of the rows; a record's rows are never in two folds.

    Returns:
        weights (F,), the penalty, and the mean absolute error of the cross-validation in points (of the training rows
        themselves where all are from one record).
    """
    names = sorted(set(records))
    fold_of = {name: number % _NUM_FOLDS for number, name in enumerate(names)}
    folds = np.array([fold_of[name] for name in records])
    if len(names) < 2:
        weights = solve(rows, target, 1.0)
        return weights, 1.0, float(np.mean(np.abs(rows @ weights - target)))
    errors = []
    for penalty in PENALTIES:
        guess = np.zeros(len(target))
        for fold in set(folds.tolist()):
            out = folds == fold
            guess[out] = rows[out] @ solve(rows[~out], target[~out], penalty)
        errors.append(float(np.mean((guess - target) ** 2)))
        if errors[-1] == min(errors):
            error = float(np.mean(np.abs(guess - target)))
    penalty = PENALTIES[int(np.argmin(errors))]
    return solve(rows, target, penalty), penalty, error


def solve(rows: np.ndarray, target: np.ndarray, penalty: float) -> np.ndarray:
    """Weights ``w >= 0`` that minimise ``|rows w - target|^2 + penalty |w|^2``, float64 (F,)."""
    width = rows.shape[1]
    stacked = np.concatenate([rows, np.sqrt(penalty) * np.eye(width)])
    return np.asarray(nnls(stacked, np.concatenate([target, np.zeros(width)]))[0])


def estimate(model: ExecutionModel, takes: Sequence[Take]) -> list[Estimated]:
    """The execution of every routine that has takes, in their order."""
    by_action: dict[str, list[Take]] = {}
    for take in takes:
        by_action.setdefault(take.action_id, []).append(take)
    return [_estimate_routine(model, action_id, members) for action_id, members in by_action.items()]


def _estimate_routine(model: ExecutionModel, action_id: str, takes: Sequence[Take]) -> Estimated:
    shares: list[Share] = []
    unjudged: Counter[str] = Counter()
    for take in takes:
        evidence = collect_evidence(take, measure(take), model.usual_flights)
        unjudged.update(evidence.unjudged)
        shares += _share(model, take, evidence)
    score = max(FULL_SCORE - sum(share.points for share in shares), 0.0)
    kept = tuple(share for share in shares if share.points > 0)
    counts = {kind: unjudged[kind] for kind in KINDS}
    return Estimated(action_id, takes[0].event_id, takes[0].video_id, score, kept, len(takes), counts)


def _share(model: ExecutionModel, take: Take, evidence: Evidence) -> list[Share]:
    points = dict.fromkeys((*KINDS, OTHER), 0.0)
    features = fill_unjudged(evidence, np.array(model.usual_features))
    for (fault, _), weight, feature in zip(FEATURES, model.weights, features, strict=True):
        points[fault] += weight * float(feature)
    return [
        Share(take.instance_id, fault, value, 0.0, None, is_judged=False)
        if fault in evidence.unjudged
        else Share(take.instance_id, fault, value, evidence.amounts.get(fault, 0.0), evidence.frames.get(fault))
        for fault, value in points.items()
    ]


def write_model(path: Path, model: ExecutionModel) -> None:
    """Write an estimator as JSON that people can read."""
    facts = {
        "format": FORMAT,
        "learned_from": model.learned_from,
        "num_routines": model.num_routines,
        "num_records": model.num_records,
        "penalty": model.penalty,
        "error": round(model.error, 4),
        "weights": [
            {"fault": fault, "limit": limit, "points": weight, "usual": usual}
            for (fault, limit), weight, usual in zip(FEATURES, model.weights, model.usual_features, strict=True)
        ],
        "usual_flights_s": {"elements": dict(model.usual_flights.elements), "sets": dict(model.usual_flights.sets)},
    }
    write_text(path, json.dumps(facts, indent=1) + "\n")


def _read_times(times: Mapping[str, object]) -> dict[str, float]:
    return {str(key): float(time) for key, time in times.items()}  # type: ignore[arg-type]


def read_model(path: Path) -> ExecutionModel:
    """Read an estimator.

    Raises:
        ConfigError: the file is missing or none.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["format"] != FORMAT:
            raise ConfigError(f"{path}: expected format {FORMAT}, got {facts['format']!r}. Train it again.")
        names = tuple((row["fault"], row["limit"]) for row in facts["weights"])
        if names != FEATURES:
            raise ConfigError(f"{path}: has other features than this version measures. Train it again.")
        return ExecutionModel(
            tuple(float(row["points"]) for row in facts["weights"]),
            tuple(float(row["usual"]) for row in facts["weights"]),
            UsualFlights(*(_read_times(facts["usual_flights_s"][name]) for name in ("elements", "sets"))),
            float(facts["penalty"]),
            str(facts["learned_from"]),
            int(facts["num_routines"]),
            int(facts["num_records"]),
            float(facts["error"]),
        )
    except ConfigError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: is no execution model ({error}). Make one with `finegym execution train`."
        ) from error
