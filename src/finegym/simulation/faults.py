"""Faults of execution that a simulated performance can have, what each costs, and how it is put into the motion.

Three faults, each with one number: knees that should be straight and bend in flight (degrees), height that is missing
(share of the flight's height), steps after a landing (metres each). They are drawn from a stream of their own: without
faults, every performance is what it was before this file existed. Between two performances with the same generator,
one with faults and one without, nothing else differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from finegym.errors import ConfigError
from finegym.simulation.connections import close_feet
from finegym.simulation.kinematics import CHANNEL_INDEX
from finegym.simulation.motion import FEET, Bend, Motion
from finegym.simulation.performer import Performer, get_foot
from finegym.simulation.poses import ARMS_SIDE, POINT, join, limb, make_stance, other
from finegym.simulation.style import Style

KNEES, HEIGHT, STEPS = "bent knees", "missing height", "steps on landing"
KINDS = (KNEES, HEIGHT, STEPS)
UNITS = MappingProxyType({KNEES: "degrees", HEIGHT: "share of the height", STEPS: "metres"})
FULL_SCORE = 10.0

DEDUCTIONS = MappingProxyType(
    {
        KNEES: ((15.0, 0.10), (35.0, 0.30), (60.0, 0.50)),
        HEIGHT: ((0.10, 0.10), (0.25, 0.30)),
        STEPS: ((0.10, 0.10), (0.55, 0.30)),
    }
)
"""Rows (from how much, points) of each fault: small 0.10, medium 0.30, large 0.50.

Source: FIG, Code of Points, Women's Artistic Gymnastics, section 8, **from memory**: bent knees 0.10/0.30/0.50,
insufficient height 0.10/0.30, extra steps 0.10 each, a very large step 0.30. Public pages that bear it out, none of
them the FIG's: small, medium and large are 0.10, 0.30, 0.50, height in flight is 0.10/0.30
(islenskifimleikastiginn.is/?p=402); bent legs 0.1/0.3/0.5 (docest.com/doc/64136). For steps no page was found. Where
small ends and medium begins is a judge's eye there and a number here. The code calls a step of about a metre very
large: the simulated gymnast does not step as far."""

_MOST = MappingProxyType({KNEES: 80.0, HEIGHT: 0.40, STEPS: 0.80})
_LEAST_FLIGHT_S = MappingProxyType({KNEES: 0.20, HEIGHT: 0.40})
_STRAIGHT_KNEE = 30.0  # degrees; a knee that is bent more than this in the air is meant to be
_STEP_S, _CLOSE_S = 0.26, 0.24


@dataclass(frozen=True)
class FaultSettings:
    """How well a competition's gymnasts perform.

    Attributes:
        severity: 0 without a fault; 1 usual; more faults and larger ones with more, up to 2.
    """

    severity: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.severity <= 2:
            raise ConfigError(f"severity of faults must be between 0 and 2, got {self.severity:g}")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was performed.

    Attributes:
        kind: one of ``KINDS``.
        amount: in the unit of ``UNITS``.
        start: when it can be seen first, seconds on the performance's clock.
        end: and until when.
    """

    kind: str
    amount: float
    start: float
    end: float

    @property
    def deduction(self) -> float:
        """Points."""
        return compute_deduction(self.kind, self.amount)


@dataclass(frozen=True, slots=True)
class FaultDraw:
    """What an element shall suffer; where it does not fit (no flight, no landing), nothing becomes of it.

    Attributes:
        knees: degrees.
        height: share of the height of the flight that is missing.
        steps: metres; forward, negative backward.
    """

    knees: float = 0.0
    height: float = 0.0
    steps: tuple[float, ...] = ()

    def apply(self, style: Style) -> Style:
        """The numbers of the performance with this draw: height is the square of the time in the air."""
        return replace(style, flight=style.flight * math.sqrt(1.0 - self.height), steps=self.steps)


def compute_deduction(kind: str, amount: float) -> float:
    """Points that a fault costs.

    Example:
        >>> [compute_deduction("bent knees", degrees) for degrees in (10, 20, 40, 70)]
        [0.0, 0.1, 0.3, 0.5]
    """
    return max((points for least, points in DEDUCTIONS[kind] if abs(amount) >= least), default=0.0)


def compute_execution(faults: list[Fault]) -> float:
    """The execution score of a routine with these faults: ten minus what they cost, rounded to tenths."""
    return round(max(FULL_SCORE - sum(fault.deduction for fault in faults), 0.0), 1)


def draw_faults(settings: FaultSettings, count: int, rng: np.random.Generator) -> list[FaultDraw]:
    """Draw what the elements of one routine shall suffer.

    A gymnast has a good or a bad day, so that faults come together and scores of routines spread.
    """
    day = settings.severity * float(rng.uniform(0.2, 1.8))
    return [_draw_element(day, rng.uniform(size=6), rng.uniform(-1.0, 1.0, size=3)) for _ in range(count)]


def _draw_element(day: float, dice: np.ndarray, steps: np.ndarray) -> FaultDraw:
    """Six numbers of [0, 1) for whether and how much of each fault, three of [-1, 1) for the steps."""
    chance = min(0.42 * day, 0.95)
    strength = dice[3:] ** (1.6 / max(day, 1e-6))  # most faults are small, more so on a good day
    knees = _scale(KNEES, strength[0]) if dice[0] < chance else 0.0
    height = _scale(HEIGHT, strength[1]) if dice[1] < chance else 0.0
    if dice[2] >= min(1.6 * chance, 0.95):
        return FaultDraw(knees, height)
    number = 1 + int(strength[2] > 0.55) + int(strength[2] > 0.85)
    sign = 1.0 if steps[0] >= 0 else -1.0
    lengths = tuple(sign * _scale(STEPS, abs(float(step)) ** (1.2 / max(day, 1e-6))) for step in steps[:number])
    return FaultDraw(knees, height, lengths)


def _scale(kind: str, share: float) -> float:
    """An amount between the smallest that costs anything and the largest that is simulated."""
    least = 1.02 * DEDUCTIONS[kind][0][0]
    return float(least + min(share, 1.0) * (_MOST[kind] - least))


def commit_faults(p: Performer, draw: FaultDraw, style: Style, kind: str, start: float, end: float) -> list[Fault]:
    """Put into the motion what can be, once an element is written; steps are taken where she stands then.

    Args:
        p: who has just performed the element; nothing has been written after it.
        draw: what it shall suffer.
        style: with which it was performed (its flight is already short of height).
        kind: of the element.
        start: of the element, seconds.
        end: of the element, seconds.

    Returns:
        What became visible, in order of time.
    """
    if draw == FaultDraw():
        return []
    m = p.motion
    found: list[Fault] = []
    flight = find_flight(m, start, max(end, m.time))
    window = (start + 0.10 * (end - start), start + 0.70 * (end - start)) if kind == "circle" else flight
    if draw.knees and window is not None and window[1] - window[0] >= _LEAST_FLIGHT_S[KNEES]:
        bent = _bend_knees(m, draw.knees, *window)
        found += [Fault(KNEES, draw.knees, *window)] if bent else []
    if draw.height and flight is not None and _is_styled(flight, style):
        found.append(Fault(HEIGHT, draw.height, *flight))
    if kind in ("salto", "dismount") and style.steps and _has_landed(p, flight):
        take_steps(p, style.steps)
    found += [Fault(STEPS, length, *times) for length, *times in p.steps_taken if times[0] >= start]
    return sorted(found, key=lambda fault: fault.start)


def _is_styled(flight: tuple[float, float], style: Style) -> bool:
    """Whether a flight is worth a look, and as long as the style says: a jump from bar to bar, for one, is not."""
    length = flight[1] - flight[0]
    return length >= _LEAST_FLIGHT_S[HEIGHT] and 0.75 * style.flight <= length <= 1.01 * style.flight


def find_flight(motion: Motion, start: float, end: float) -> tuple[float, float] | None:
    """The longest flight that begins within a stretch of time, in seconds; None where there is none."""
    ends = [phase.start for phase in motion.phases[1:]]
    flights = [
        (phase.start, until)
        for phase, until in zip(motion.phases, ends, strict=False)
        if phase.is_flight and start - 1e-9 <= phase.start < end
    ]
    return max(flights, key=lambda flight: flight[1] - flight[0], default=None)


def _has_landed(p: Performer, flight: tuple[float, float] | None) -> bool:
    """On both feet and not on the beam."""
    if flight is None or p.line_y is not None:
        return False
    landing = next(phase for phase in p.motion.phases if phase.start == flight[1])
    return landing.anchor == FEET


def _bend_knees(motion: Motion, degrees: float, start: float, end: float) -> bool:
    """Bend the knees that would be straight; False where both are bent anyway."""
    middle = np.linspace(start + 0.3 * (end - start), start + 0.7 * (end - start), 9)
    knees = [CHANNEL_INDEX["left_knee"], CHANNEL_INDEX["right_knee"]]
    straight = motion.compute_channels(middle)[:, knees].max(axis=0) < min(_STRAIGHT_KNEE, degrees)
    if not straight.any():
        return False
    motion.bends.append(
        Bend(start, end, degrees, tuple(knee for knee, is_so in zip(knees, straight, strict=True) if is_so))
    )
    return True


def take_steps(p: Performer, lengths: tuple[float, ...]) -> None:
    """Steps out of a landing, from standing on both feet; the last one is closed. Lengths in metres, forward positive.

    What is taken is noted in ``p.steps_taken``.
    """
    m, body = p.motion, p.body
    base = body.foot * np.cos(np.radians(body.foot_drop))
    swing = other(p.side)
    for length in lengths:
        stance = other(swing)
        begin = m.time
        p.shift_to(begin, get_foot(stance))
        lifted = make_stance(body, left=(base, 0.0), right=(base, 0.0), height=0.95)
        free = limb(swing, hip_flex=40.0 if length > 0 else 0.0, knee=48.0, ankle=0.7 * POINT, plant=0.0)
        m.key(begin + 0.5 * _STEP_S, join(lifted, free, ARMS_SIDE, {"spine_flex": 14.0}), pitch=0.0, heading=m.heading)
        m.time += _STEP_S
        feet = {stance: (base - length / 2, 24.0 if length > 0 else 4.0), swing: (base + length / 2, 2.0)}
        contact = make_stance(body, left=feet["left"], right=feet["right"], height=0.93)
        m.key(m.time, join(contact, ARMS_SIDE, {"spine_flex": 8.0}), pitch=0.0, lean=0.0, heading=m.heading)
        p.shift_to(m.time, get_foot(swing))
        p.foot = swing
        p.steps_taken.append((length, begin, m.time))
        swing = stance
    close_feet(p, _CLOSE_S, ARMS_SIDE)
