"""Measures as features whose weights are points: each says how surely a fault passes one of its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finegym.applications.execution.measures import Frames, Measures
from finegym.applications.execution.takes import Take
from finegym.simulation.faults import DEDUCTIONS, HEIGHT, KINDS, KNEES, STEPS

OTHER = "not seen"
"""What a routine loses for each sub-action whatever its poses show."""

_SOFTNESS: Mapping[str, float] = {KNEES: 10.0, HEIGHT: 0.08, STEPS: 0.12}
_MIN_TAKES = 4  # of a set, for its usual flight to be known
_SHORTEST_USUAL_S = 0.42  # a flight that is shorter anyway (a flic-flac) has no height to miss
_GOOD_SHARE = 75  # percentile of a set's flights that counts as of full height

FEATURES: tuple[tuple[str, str], ...] = (
    *((kind, f"from {limit:g}") for kind in KINDS for limit, _ in DEDUCTIONS[kind]),
    (OTHER, "each"),
)
"""(fault, limit) of each column."""


@dataclass(frozen=True)
class Evidence:
    """One take as features, and what they rest on.

    Attributes:
        features: float64 (F,), as ``FEATURES``; each 0 to 1, steps as many as there are.
        amounts: of each fault: degrees, share of the height, metres of the longest step.
        frames: of the record in which each fault was measured.
        no_flight: a flight was expected, and none was seen or its set is not known.
    """

    features: np.ndarray
    amounts: Mapping[str, float]
    frames: Mapping[str, Frames | None]
    no_flight: bool


def find_usual_flights(takes: Sequence[Take], measures: Sequence[Measures]) -> dict[str, float]:
    """Flight in seconds of a set's good performances: three quarters of the takes fly no longer."""
    flights: dict[str, list[float]] = {}
    for take, one in zip(takes, measures, strict=True):
        if one.flight_s is not None:
            flights.setdefault(take.set_id, []).append(one.flight_s)
    return {
        set_id: float(np.percentile(times, _GOOD_SHARE))
        for set_id, times in sorted(flights.items())
        if len(times) >= _MIN_TAKES and np.percentile(times, _GOOD_SHARE) >= _SHORTEST_USUAL_S
    }


def collect_evidence(take: Take, one: Measures, usual_flights: Mapping[str, float]) -> Evidence:
    """The features of a take."""
    usual = usual_flights.get(take.set_id)
    missing = 0.0
    if usual is not None and one.flight_s is not None:
        missing = max(1.0 - (one.flight_s / usual) ** 2, 0.0)  # height grows with the square of the time
    amounts = {KNEES: one.knee_degrees, HEIGHT: missing, STEPS: max(one.steps_m, default=0.0)}
    columns = []
    for kind in KINDS:
        for limit, _ in DEDUCTIONS[kind]:
            values = one.steps_m if kind == STEPS else (amounts[kind],)
            columns.append(sum(_pass_softly(value, limit, _SOFTNESS[kind]) for value in values))
    steps = (min(a for a, _ in one.steps), max(b for _, b in one.steps)) if one.steps else None
    frames = {KNEES: one.knees, HEIGHT: one.flight, STEPS: steps}
    no_flight = (usual is None) != (one.flight_s is None)
    return Evidence(np.array([*columns, 1.0]), amounts, frames, no_flight)


def _pass_softly(value: float, limit: float, softness: float) -> float:
    """0 well below a limit, 1 well above it, a half on it: measures have errors."""
    return float(np.clip(0.5 + (value - limit) / (2 * softness), 0.0, 1.0))
