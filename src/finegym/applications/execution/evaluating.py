"""How good an estimator is on routines whose scores are known: beside what one gets for guessing the mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from finegym.applications.execution.metrics import (
    Estimate,
    bootstrap,
    compute_mean_error,
    compute_relative_l2,
    compute_spearman,
)
from finegym.applications.execution.model import Estimated
from finegym.errors import PredictionError
from finegym.simulation.faults import KINDS


@dataclass(frozen=True)
class Row:
    """The routines of one event, or all.

    Attributes:
        name: event, or ``all``.
        num_routines: behind the numbers.
        num_records: they come from.
        spearman: rank correlation of estimated with given scores.
        relative_l2: times 100; the range is that of the given scores of these routines.
        mean_error: in points.
        mean_error_of_mean: in points, of the mean of the given scores themselves: no constant is much better.
    """

    name: str
    num_routines: int
    num_records: int
    spearman: Estimate
    relative_l2: Estimate
    mean_error: Estimate
    mean_error_of_mean: float


@dataclass(frozen=True)
class FaultRow:
    """One fault over all sub-actions.

    Attributes:
        fault: one of ``KINDS``.
        num_sub_actions: looked at.
        num_faulty: of them have it.
        correlation: of estimated with true points (Pearson); NaN where one side is all the same.
        mean_error: in points.
        mean_error_of_mean: in points, of the mean of the true points.
    """

    fault: str
    num_sub_actions: int
    num_faulty: int
    correlation: float
    mean_error: float
    mean_error_of_mean: float


@dataclass(frozen=True)
class Evaluation:
    """Rows of routines and, where faults are known, of faults; and what was left out."""

    rows: tuple[Row, ...]
    faults: tuple[FaultRow, ...]
    num_without_score: int
    num_without_estimate: int


def evaluate(
    estimated: Sequence[Estimated],
    scores: Mapping[str, float],
    deductions: Mapping[tuple[str, str], float] | None = None,
    instance_ids: Sequence[str] = (),
) -> Evaluation:
    """Compare estimated with given scores.

    Args:
        estimated: of routines.
        scores: given, by action id.
        deductions: true points by (instance id, fault), where they are known.
        instance_ids: sub-actions that were looked at, for the deductions.

    Raises:
        PredictionError: fewer than three routines have both.
    """
    used = [one for one in estimated if one.action_id in scores]
    if len(used) < 3:
        raise PredictionError(f"expected at least 3 routines with a score and poses, got {len(used)}.")
    events = sorted({one.event_id for one in used})
    groups = [("all", used)] if len(events) == 1 else [("all", used), *((e, _select(used, e)) for e in events)]
    return Evaluation(
        tuple(_compare(name, members, scores) for name, members in groups),
        () if deductions is None else tuple(_compare_fault(k, used, deductions, instance_ids) for k in KINDS),
        len(estimated) - len(used),
        len(scores) - len(used),
    )


def _select(estimated: Sequence[Estimated], event_id: str) -> list[Estimated]:
    return [one for one in estimated if one.event_id == event_id]


def _compare(name: str, members: Sequence[Estimated], scores: Mapping[str, float]) -> Row:
    true = np.array([scores[one.action_id] for one in members])
    guess = np.array([one.score for one in members])
    records = [one.video_id for one in members]
    relative = partial(compute_relative_l2, low=float(true.min()), high=float(true.max()))
    return Row(
        name,
        len(members),
        len(set(records)),
        bootstrap(compute_spearman, true, guess, records),
        bootstrap(relative, true, guess, records),
        bootstrap(compute_mean_error, true, guess, records),
        float(np.mean(np.abs(true - true.mean()))),
    )


def _compare_fault(
    kind: str, used: Sequence[Estimated], deductions: Mapping[tuple[str, str], float], instance_ids: Sequence[str]
) -> FaultRow:
    found = {share.instance_id: share.points for one in used for share in one.shares if share.fault == kind}
    true = np.array([deductions.get((id_, kind), 0.0) for id_ in instance_ids])
    guess = np.array([found.get(id_, 0.0) for id_ in instance_ids])
    spread = true.std() * guess.std()
    correlation = float(np.mean((true - true.mean()) * (guess - guess.mean())) / spread) if spread else float("nan")
    return FaultRow(
        kind,
        len(true),
        int((true > 0).sum()),
        correlation,
        float(np.mean(np.abs(true - guess))),
        float(np.mean(np.abs(true - true.mean()))),
    )


def format_evaluation(found: Evaluation) -> str:
    """As a table for people."""
    lines = [
        f"{'':8}{'routines':>9}  {'records':>7}  {'Spearman':22}  {'R-l2 x100':22}  {'points off':22}  of the mean"
    ]
    for row in found.rows:
        lines.append(
            f"{row.name:8}{row.num_routines:>9}  {row.num_records:>7}  {row.spearman!s:22}  {row.relative_l2!s:22}  "
            f"{row.mean_error!s:22}  {row.mean_error_of_mean:.3f}"
        )
    if found.faults:
        lines += ["", f"{'fault':18}{'sub-actions':>11}  {'faulty':>6}  {'correlation':>11}  points off  of the mean"]
    for fault in found.faults:
        lines.append(
            f"{fault.fault:18}{fault.num_sub_actions:>11}  {fault.num_faulty:>6}  {fault.correlation:>11.3f}  "
            f"{fault.mean_error:>10.3f}  {fault.mean_error_of_mean:.3f}"
        )
    return "\n".join(lines)


def make_json(found: Evaluation) -> dict[str, object]:
    """For machines; NaN is null."""
    return {name: _without_nan(value) for name, value in asdict(found).items()}


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and np.isnan(value) else value
