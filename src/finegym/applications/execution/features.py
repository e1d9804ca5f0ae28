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
_MIN_TAKES = 4  # of an element or a set, for its usual flight to be known
_SHORTEST_USUAL_S = 0.42  # a flight that is shorter anyway (a flic-flac) has no height to miss
_GOOD_SHARE = 60  # percentile of the flights that counts as of full height

_PLAUSIBLE = (0.70, 1.40)  # times the usual flight: at 0.70, half of the height is missing
_LIMITS = tuple((kind, limit) for kind in KINDS for limit, _ in DEDUCTIONS[kind])

FEATURES: tuple[tuple[str, str], ...] = (*((kind, f"from {limit:g}") for kind, limit in _LIMITS), (OTHER, "each"))
"""(fault, limit) of each column."""


@dataclass(frozen=True)
class UsualFlights:
    """Seconds in the air of good performances: of elements that were seen often enough, and of sets."""

    elements: Mapping[str, float]
    sets: Mapping[str, float]

    def find(self, take: Take) -> float | None:
        """Of the take's element, else of its set; None where neither is known."""
        return self.elements.get(take.element_id, self.sets.get(take.set_id))


@dataclass(frozen=True)
class Evidence:
    """One take as features, and what they rest on.

    Attributes:
        features: float64 (F,), as ``FEATURES``; each 0 to 1, steps as many as there are; 0 for what is not judged.
        amounts: of each fault: degrees, share of the height, metres of the longest step.
        frames: of the record in which each fault was measured.
        possible: faults that a take like this can have.
        unjudged: those of them that could not be looked for.
    """

    features: np.ndarray
    amounts: Mapping[str, float]
    frames: Mapping[str, Frames | None]
    possible: frozenset[str]
    unjudged: frozenset[str]


def find_usual_flights(takes: Sequence[Take], measures: Sequence[Measures]) -> UsualFlights:
    """Flights of good performances: a share of ``_GOOD_SHARE`` of the takes fly no longer."""
    elements: dict[str, list[float]] = {}
    sets: dict[str, list[float]] = {}
    for take, one in zip(takes, measures, strict=True):
        if one.flight_s is not None:
            elements.setdefault(take.element_id, []).append(one.flight_s)
            sets.setdefault(take.set_id, []).append(one.flight_s)
    elements.pop("", None)
    return UsualFlights(_find_good(elements), _find_good(sets))


def _find_good(flights: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {
        key: float(np.percentile(times, _GOOD_SHARE))
        for key, times in sorted(flights.items())
        if len(times) >= _MIN_TAKES
    }


def collect_evidence(take: Take, one: Measures, usual_flights: UsualFlights) -> Evidence:
    """The features of a take.

    A flight far from the usual one is none that she flew: a pose model lost her. Nothing is made of it, nor of the
    knees in its middle. Its end may be right all the same, and the steps after it count.
    """
    usual = usual_flights.find(take)
    flies = usual is not None and usual >= _SHORTEST_USUAL_S
    ratio = one.flight_s / usual if usual is not None and one.flight_s is not None else None
    is_followed = ratio is not None and (not flies or _PLAUSIBLE[0] <= ratio <= _PLAUSIBLE[1])
    values: dict[str, tuple[float, ...] | None] = {}
    if flies:
        # Height grows with the square of the time.
        values[HEIGHT] = (max(1.0 - ratio**2, 0.0),) if ratio is not None and is_followed else None
    if take.num_straight and (flies or take.kind == "circle" or one.knee_degrees is not None):
        trusted = is_followed or usual is None or take.kind == "circle"
        values[KNEES] = (one.knee_degrees,) if one.knee_degrees is not None and trusted else None
    if take.lands:
        values[STEPS] = one.steps_m
    steps = (min(a for a, _ in one.steps), max(b for _, b in one.steps)) if one.steps else None
    return Evidence(
        np.array([_sum_softly(values.get(kind) or (), kind, limit) for kind, limit in _LIMITS] + [1.0]),
        {kind: max(values.get(kind) or (), default=0.0) for kind in KINDS},
        {KNEES: one.knees, HEIGHT: one.flight, STEPS: steps},
        frozenset(values),
        frozenset(kind for kind, value in values.items() if value is None),
    )


def compute_usual_features(evidence: Sequence[Evidence]) -> np.ndarray:
    """What a fault's features are on average where it was possible and could be judged, float64 (F,); 0 if nowhere."""
    usual = np.zeros(len(FEATURES))
    for column, (kind, _) in enumerate(FEATURES):
        judged = [one.features[column] for one in evidence if kind in one.possible - one.unjudged]
        usual[column] = np.mean(judged) if judged else 0.0
    return usual


def fill_unjudged(one: Evidence, usual_features: np.ndarray) -> np.ndarray:
    """The features of a take in which what could not be judged is as it is on average, float64 (F,)."""
    guessed = np.array([kind in one.unjudged for kind, _ in FEATURES])
    return np.where(guessed, usual_features, one.features)


def _sum_softly(values: Sequence[float], kind: str, limit: float) -> float:
    return sum(_pass_softly(value, limit, _SOFTNESS[kind]) for value in values)


def _pass_softly(value: float, limit: float, softness: float) -> float:
    """0 well below a limit, 1 well above it, a half on it: measures have errors."""
    return float(np.clip(0.5 + (value - limit) / (2 * softness), 0.0, 1.0))
