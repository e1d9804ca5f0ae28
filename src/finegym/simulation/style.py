"""How one performance of an element varies: drawn for the *set*, never for the element.

Two elements of a set must differ in what the codebook says they differ in and in nothing else. So durations, flight
times, travel and jitter come from the same distribution for every element of a set, and take the same number of draws:
with the same generator, two elements of a set get the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.simulation.athlete import Athlete


@dataclass(frozen=True, slots=True)
class Style:
    """Numbers of one performance.

    Attributes:
        duration: length of the element in seconds.
        flight: time in the air in seconds; the height follows from it.
        travel: distance covered in the air in metres.
        depth: how deep knees bend for take-off and landing, about 1.
        amplitude: how far legs open and swings go, about 1.
        arms: -1 low to 1 high.
        crispness: 0 soft to 1 crisp.
        sway: small numbers (4,) in -1 to 1 for whatever needs one more.
        steps: lengths of the steps that follow the landing in metres, forward positive: a fault (see ``faults``).
    """

    duration: float
    flight: float
    travel: float
    depth: float
    amplitude: float
    arms: float
    crispness: float
    sway: tuple[float, float, float, float]
    steps: tuple[float, ...] = ()


# Mean duration, time in the air and travel by set. Durations follow what FineGym's annotations show (means 1.26 s on
# floor, 1.07 s on beam, 1.76 s on bars, 7.1 s on vault); flight times what the heights of elite gymnasts imply.
_MEANS: dict[str, tuple[float, float, float]] = {
    "VT-S1": (7.0, 0.98, 2.6),
    "FX-S1": (1.18, 0.54, 1.25),
    "FX-S2": (1.75, 0.0, 0.0),
    "FX-S3": (1.20, 0.66, 1.3),
    "FX-S4": (1.35, 0.80, 1.9),
    "FX-S5": (1.36, 0.94, 1.5),
    "BB-S1": (1.12, 0.50, 0.75),
    "BB-S2": (1.55, 0.0, 0.0),
    "BB-S3": (1.25, 0.64, 0.75),
    "BB-S4": (1.28, 0.24, 0.6),
    "BB-S5": (2.2, 0.98, 1.2),
    "UB-S1": (1.75, 0.0, 0.0),
    "UB-S2": (2.3, 0.66, 0.9),
    "UB-S3": (2.05, 0.55, 0.0),
    "UB-S4": (2.85, 1.08, 2.2),
}
_MEANS_BY_KIND = {
    "vault": "VT-S1",
    "leap": "FX-S1",
    "turn": "FX-S2",
    "salto": "FX-S5",
    "handspring": "BB-S4",
    "dismount": "BB-S5",
    "circle": "UB-S1",
    "release": "UB-S2",
    "transition": "UB-S3",
}
_DURATION_SPREAD = 0.06
# Time an element takes before it leaves the ground, at most, and after it lands, at least, in seconds: an element is
# never shorter than these and its flight, whichever element of the set it is.
_LEAD_IN = {"leap": 0.46, "salto": 0.50, "handspring": 0.90, "dismount": 1.02}
_LANDING = 0.20


def sample_style(set_id: str, kind: str, athlete: Athlete, rng: np.random.Generator) -> Style:
    """Draw the numbers of one performance of an element of a set."""
    duration, flight, travel = _MEANS.get(set_id) or _MEANS[_MEANS_BY_KIND[kind]]
    draws = np.clip(rng.normal(size=6), -2.0, 2.0)
    sway = rng.uniform(-1.0, 1.0, size=4)
    flight *= 1.0 + 0.05 * draws[1]
    duration *= (1.0 + _DURATION_SPREAD * draws[0]) / athlete.speed
    if kind in _LEAD_IN and not set_id.startswith("UB"):
        lead_in = 0.36 if set_id.startswith("FX") and kind != "handspring" else _LEAD_IN[kind]
        duration = max(duration, lead_in + flight + _LANDING)
    return Style(
        duration=float(duration),
        flight=float(flight),
        travel=float(travel * (1.0 + 0.10 * draws[2])),
        depth=float(1.0 + 0.10 * draws[3]),
        amplitude=float(np.clip(athlete.amplitude * (1.0 + 0.02 * draws[4]), 0.88, 1.06)),
        arms=float(np.clip(athlete.arm_style + 0.3 * draws[5], -1.0, 1.0)),
        crispness=float(athlete.crispness),
        sway=(float(sway[0]), float(sway[1]), float(sway[2]), float(sway[3])),
    )
