"""What saltos have in common: take-off, shape and rotation in the air, landing.

Rotation is written as two numbers over time, pitch (somersaults) and twist; both run through exactly what the element
prescribes between take-off and the stand after the landing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finegym.simulation.kinematics import Pose
from finegym.simulation.motion import FEET
from finegym.simulation.performer import Performer, get_foot
from finegym.simulation.poses import (
    ABSORB,
    ARMS_BACK,
    ARMS_FRONT,
    ARMS_HIGH_V,
    ARMS_SIDE,
    ARMS_UP,
    LANDING,
    POINT,
    STRETCHED,
    TWISTING,
    both,
    join,
    limb,
    make_pike,
    make_step,
    make_straddle,
    make_tuck,
    other,
)
from finegym.simulation.style import Style

BODIES = ("tucked", "piked", "stretched", "straddled")
LANDING_PITCH = 26.0
ABSORB_PITCH = 34.0


@dataclass(frozen=True, slots=True)
class Salto:
    """What happens between take-off and landing.

    Attributes:
        sense: 1 if the body rotates toward where it faces at take-off, -1 backward.
        somersaults: full turns over, from upright to upright.
        twist: full turns about the long axis.
        body: its shape in the air.
        is_early: the twist is done before the somersault (Arabian).
        is_sideward: rotates sideward, after a quarter turn in the take-off.
        split: the leg that leads, for saltos with the legs split; ``None`` for legs together.
    """

    sense: float
    somersaults: float
    twist: float
    body: str
    is_early: bool = False
    is_sideward: bool = False
    split: str | None = None


def make_shape(p: Performer, salto: Salto, style: Style) -> Pose:
    """The pose of the body in the air."""
    if salto.split is not None:
        lead, trail = salto.split, other(salto.split)
        if salto.is_sideward:
            return join(both(ankle=POINT, hip_abd=62.0 * style.amplitude, hip_flex=6.0), ARMS_SIDE_LOW)
        opening = -salto.sense * 66.0 * style.amplitude
        return join(
            limb(lead, hip_flex=opening, ankle=POINT),
            limb(trail, hip_flex=-opening, ankle=POINT),
            ARMS_SIDE_LOW,
            {"spine_flex": -16.0 if salto.sense > 0 else -8.0},
        )
    if salto.body == "tucked":
        return make_tuck(p.body)
    if salto.body == "piked":
        return make_pike(p.body)
    if salto.body == "straddled":
        return make_straddle(p.body)
    return TWISTING if salto.twist else STRETCHED


ARMS_SIDE_LOW = both(sh_flex=40.0, sh_abd=55.0, elbow=8.0)


def write_flight(
    p: Performer, start: float, end: float, salto: Salto, style: Style, landing: Pose, landing_pitch: float
) -> tuple[float, float]:
    """Keys of a salto between take-off (already keyed) and touch-down.

    Returns:
        pitch and twist, in degrees, at which the body stands after the landing.
    """
    m = p.motion
    time = end - start
    first_pitch, first_twist = m.pitch, m.twist
    upright = 360.0 * salto.sense * salto.somersaults
    total_twist = 360.0 * salto.twist * p.sign
    if salto.is_sideward:
        total_twist = (360.0 * salto.twist if salto.twist else 90.0) * p.sign
    lean_back = np.cos(np.radians(total_twist)) * landing_pitch
    last_pitch = upright + lean_back
    shape = make_shape(p, salto, style)
    sharp = 0.05 * style.crispness
    shape_in, shape_out = (0.30 - sharp, 0.70 + sharp) if salto.somersaults < 1.75 else (0.24 - sharp, 0.76 + sharp)
    m.key(start + shape_in * time, shape)
    m.key(start + shape_out * time, shape)
    m.key(end, landing)
    # Folded bodies turn faster: the share of the turning that is done while opening and closing is small.
    share = {"tucked": 0.13, "piked": 0.15, "straddled": 0.17}.get(salto.body, 0.21) if salto.split is None else 0.22
    change = last_pitch - first_pitch
    m.key(start, pitch=first_pitch)
    m.key(start + 0.22 * time, pitch=first_pitch + share * change)
    m.key(start + 0.78 * time, pitch=first_pitch + (1 - share) * change)
    m.key(end, pitch=last_pitch)
    change = total_twist - first_twist
    if salto.is_early:
        m.key(start, twist=first_twist)
        m.key(start + 0.34 * time, twist=total_twist)
    elif salto.is_sideward:
        m.key(start + 0.22 * time, twist=90.0 * p.sign)
        m.key(start + 0.62 * time, twist=90.0 * p.sign)
        m.key(end, twist=total_twist)
    elif salto.twist:
        m.key(start + 0.06 * time, twist=first_twist)
        m.key(start + 0.22 * time, twist=first_twist + 0.10 * change)
        m.key(start + 0.80 * time, twist=first_twist + 0.93 * change)
        m.key(end - 0.03 * time, twist=total_twist)
    m.key(end, twist=total_twist, lean=-landing_pitch * np.sin(np.radians(total_twist)))
    m.key(start, lean=0.0)
    return upright, total_twist


def write_landing(p: Performer, end: float, salto: Salto, upright: float, twist: float, finish: float) -> None:
    """From touch-down to standing; leaves the clock where she stands, which is after the element's end."""
    m = p.motion
    toward = np.cos(np.radians(twist))
    across = np.sin(np.radians(twist))
    finish = max(finish, end + 0.5)
    time = finish - end
    deep, rise = end + min(0.16, 0.35 * time), finish
    if salto.split is not None:
        lead, trail = salto.split, other(salto.split)
        back = -1.0 if salto.sense < 0 or salto.is_sideward else 1.0
        pose = join(
            limb(lead, plant=1.0, hip_flex=30.0, knee=36.0),
            limb(trail, hip_flex=26.0 * back, knee=8.0, ankle=POINT),
            ARMS_SIDE,
            {"spine_flex": 6.0},
        )
        m.key(deep, pose, pitch=upright + 10.0 * toward, lean=-10.0 * across, twist=twist)
        p.foot = lead
        m.key(rise, p.stand(ARMS_HIGH_V), pitch=upright, lean=0.0, twist=twist)
    else:
        m.key(deep, p.feet(ABSORB), pitch=upright + ABSORB_PITCH * toward, lean=-ABSORB_PITCH * across, twist=twist)
        m.key(rise, p.stand(ARMS_HIGH_V), pitch=upright, lean=0.0, twist=twist)
    m.time = finish
    if salto.split is not None:
        p.shift_to(end + 0.9 * time, FEET)
    m.rebase(finish)
    quarter = round(twist / 90.0) % 2 and not salto.twist
    if quarter:
        face_along(p, -twist)


def face_along(p: Performer, turn: float) -> None:
    """Turn a quarter on the balls of the feet, to face along the apparatus again."""
    m = p.motion
    start = m.heading
    m.key(m.time + 0.2, p.stand(ARMS_HIGH_V) | both(ankle=35.0), heading=start + 0.6 * turn)
    m.time += 0.4
    m.key(m.time, p.stand(), heading=start + turn, pitch=0.0, lean=0.0)


def landing_pose(p: Performer, salto: Salto) -> tuple[Pose, float]:
    """Pose and forward pitch at touch-down."""
    if salto.split is None:
        return p.feet(LANDING), LANDING_PITCH
    lead, trail = salto.split, other(salto.split)
    if salto.is_sideward:
        free = limb(trail, hip_abd=52.0, hip_flex=5.0, ankle=POINT)
        return join(limb(lead, plant=1.0, hip_flex=16.0, knee=16.0, ankle=20.0), free, ARMS_SIDE), 8.0
    back = 1.0 if salto.sense > 0 else -1.0
    free = limb(trail, hip_flex=62.0 * back, ankle=POINT)
    return join(limb(lead, plant=1.0, hip_flex=14.0, knee=18.0, ankle=20.0), free, ARMS_SIDE), -8.0 * back + 4.0


def take_off(p: Performer, salto: Salto, takeoff: str, style: Style, approach: str) -> float:
    """From the element's start to leaving the ground; returns the time of take-off.

    ``approach`` is what came before: ``rebound`` (a round-off), ``run`` (the contact of a stride) or ``stand``. How
    long it takes does not depend on the element.
    """
    m = p.motion
    start = m.time
    if approach == "rebound":
        leave = start + 0.13
        m.key(
            start + 0.06,
            p.feet(join(both(plant=1.0, hip_flex=26.0, knee=30.0, ankle=10.0, sh_flex=150.0), {"spine_flex": 6.0})),
            pitch=4.0,
        )
        m.key(leave, push_pose(p, 6.0), pitch=-9.0 * 1.0)
        m.fly(leave)
        return leave
    leave = start + (0.36 if approach == "run" else 0.50)
    if takeoff == "two-feet":
        _gather(p, start, leave, salto, style, approach)
    else:
        step_up(p, start, leave, salto, style, approach)
    m.fly(leave)
    return leave


def push_pose(p: Performer, knee: float) -> dict[str, float]:
    """Just leaving the ground: stretched, arms up, heels high."""
    return p.feet(join(both(plant=1.0, hip_flex=4.0, knee=knee, ankle=48.0), ARMS_UP, {"spine_flex": -6.0}))


def _gather(p: Performer, start: float, leave: float, salto: Salto, style: Style, approach: str) -> None:
    """Two feet: out of a hurdle, or from standing with a swing of the arms."""
    m = p.motion
    pitch = 14.0 if salto.sense > 0 else -8.0
    turn = 30.0 * p.sign if salto.is_sideward else 0.0
    depth = style.depth
    low = p.feet(
        join(both(plant=1.0, hip_flex=40.0 * depth, knee=48.0 * depth, ankle=4.0), ARMS_BACK, {"spine_flex": 10.0})
    )
    if approach == "run":
        swing = limb(p.free, hip_flex=40.0, knee=60.0, ankle=POINT)
        m.key(start + 0.12, join(push_pose(p, 14.0), swing, ARMS_FRONT), pitch=4.0)
        m.fly(start + 0.12)
        touch = leave - 0.12
        m.key(touch, p.feet(join(both(plant=1.0, hip_flex=26.0, knee=20.0, ankle=14.0), ARMS_UP)), pitch=-8.0)
        p.land(touch, FEET, speed=4.2)
        m.key(leave - 0.06, p.feet(join(both(plant=1.0, hip_flex=26.0, knee=34.0, ankle=8.0), ARMS_UP)), pitch=2.0)
    else:
        p.shift_to(start, FEET)
        m.key(start + 0.48 * (leave - start), low, pitch=16.0, twist=0.0)
    m.key(leave, push_pose(p, 8.0), pitch=pitch, twist=turn)


def step_up(p: Performer, start: float, leave: float, salto: Salto, style: Style, approach: str) -> None:
    """One foot: a step onto it, the other leg swings up."""
    m = p.motion
    stance = other(p.foot) if approach == "run" else p.side
    swing = other(stance)
    touch = leave - 0.22
    forward = salto.sense > 0 or salto.is_sideward
    if approach == "run":
        first = p.foot
        m.key(
            start + 0.09,
            join(
                limb(first, plant=1.0, hip_flex=-6.0, knee=16.0, ankle=42.0),
                limb(stance, hip_flex=62.0, knee=40.0, ankle=20.0),
                ARMS_FRONT,
            ),
            pitch=4.0,
        )
        m.fly(start + 0.09)
    else:
        p.shift_to(start, get_foot(swing))
        m.key(
            start + 0.14,
            join(
                p.stand(ARMS_HIGH_V),
                limb(stance, hip_flex=44.0, knee=36.0, ankle=40.0, plant=0.0),
                limb(swing, knee=6.0, hip_flex=2.0),
            ),
            pitch=0.0,
        )
    contact = join(
        limb(stance, plant=1.0, hip_flex=38.0, knee=20.0, hip_abd=-3.0),
        limb(swing, plant=0.4, hip_flex=-22.0, knee=24.0, ankle=40.0, hip_abd=-3.0),
        ARMS_HIGH_V if forward else ARMS_FRONT,
    )
    if approach != "run":
        contact = join(contact, make_step(p.body, stance, 0.38, 0.955, pitch=8.0))
    m.key(touch, contact, pitch=8.0, twist=0.0)
    if approach == "run":
        p.land(touch, get_foot(stance), speed=3.8)
    else:
        p.shift_to(touch, get_foot(stance))
    p.foot = stance
    if forward:
        kick = limb(swing, hip_flex=-48.0, ankle=POINT)
        pose = join(limb(stance, plant=0.7, hip_flex=62.0, knee=16.0, ankle=48.0), kick, ARMS_BACK, {"spine_flex": 6.0})
        m.key(
            touch + 0.11,
            join(contact, limb(stance, hip_flex=62.0, knee=44.0), limb(swing, hip_flex=-30.0, plant=0.0, ankle=POINT)),
            pitch=32.0,
        )
        m.key(leave, pose, pitch=64.0, twist=(40.0 * p.sign if salto.is_sideward else 0.0))
    else:
        m.key(
            touch + 0.11,
            join(contact, limb(stance, hip_flex=26.0, knee=34.0), limb(swing, hip_flex=20.0, plant=0.0, ankle=POINT)),
            pitch=2.0,
        )
        pose = join(
            limb(stance, plant=1.0, hip_flex=0.0, knee=8.0, ankle=48.0),
            limb(swing, hip_flex=72.0, ankle=POINT, knee=4.0),
            ARMS_UP,
        )
        m.key(leave, pose, pitch=-8.0)
