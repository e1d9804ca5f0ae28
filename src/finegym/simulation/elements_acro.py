"""Saltos, aerials, handsprings and dismounts from the beam, from their attributes."""

from __future__ import annotations

import numpy as np

from finegym.simulation import apparatus
from finegym.simulation.connections import POINTED_TOGETHER, ROUND_OFF_TIME, rebound_pose, round_off
from finegym.simulation.kinematics import Pose
from finegym.simulation.motion import FEET, HANDS, LEFT_HAND, RIGHT_HAND, Anchor
from finegym.simulation.performer import Performer, Reader, get_foot
from finegym.simulation.poses import (
    ARMS_BACK,
    ARMS_DOWN,
    ARMS_FRONT,
    ARMS_HIGH_V,
    ARMS_UP,
    POINT,
    both,
    join,
    limb,
    other,
)
from finegym.simulation.saltos import (
    BODIES,
    Salto,
    landing_pose,
    push_pose,
    step_up,
    take_off,
    write_flight,
    write_landing,
)
from finegym.simulation.style import Style


def perform_salto(p: Performer, reader: Reader, style: Style, approach: str) -> tuple[float, float]:
    """Saltos and aerials on floor and beam: kind ``salto``. Returns start and end in seconds."""
    direction = reader.text("direction", "forward", "backward", "sideward")
    body = reader.text("body", *BODIES)
    somersaults = reader.number("somersaults", 1, 2)
    twist = reader.number("twist", 0, 4)
    takeoff = reader.text("takeoff", "one-foot", "two-feet", default="two-feet")
    walks = takeoff == "one-foot" and body in {"stretched", "straddled"} and direction != "backward"
    landing = reader.text("landing", "one-foot", "two-feet", default="one-foot" if walks and not twist else "two-feet")
    reader.flag("hands", default=False)
    m = p.motion
    start = m.time
    backward = direction == "backward"
    lead = None
    if landing == "one-foot" or walks:
        stance = p.foot if approach == "run" else other(p.side)
        lead = (stance if takeoff == "one-foot" else p.side) if not backward else p.side
    salto = Salto(
        sense=-1.0 if backward else 1.0,
        somersaults=somersaults,
        twist=twist,
        body=body,
        is_early=backward and twist == 0.5 and body != "stretched",
        is_sideward=direction == "sideward",
        split=lead,
    )
    leave = take_off(p, salto, takeoff, style, approach)
    end = leave + style.flight
    finish = start + style.duration
    one_foot = salto.split is not None and landing == "one-foot"
    in_air = salto
    if not one_foot:
        salto = Salto(salto.sense, somersaults, twist, body, salto.is_early, salto.is_sideward, None)
    pose, pitch = landing_pose(p, salto)
    upright, total = write_flight(p, leave, end, in_air, style, pose, pitch)
    distance = style.travel * (-1.0 if backward else 1.0)
    p.land(end, get_foot(salto.split) if salto.split is not None else FEET, distance)
    write_landing(p, end, salto, upright, total, finish)
    return start, finish


def perform_handspring(p: Performer, reader: Reader, style: Style) -> tuple[float, float]:
    """Handsprings, flic-flacs and aerial walkovers on the beam: kind ``handspring``. Returns start and end."""
    direction = reader.text("direction", "forward", "backward", "sideward")
    hands = reader.text("hands", "two", "one", "none")
    landing = reader.text("landing", "one-foot", "two-feet")
    twist = reader.number("twist", 0, 1)
    legs = reader.text("legs", "together", "split", "piked", default="split" if landing == "one-foot" else "together")
    m = p.motion
    start, scale = m.time, style.duration / 1.2
    backward = direction == "backward"
    sideward = direction == "sideward"
    sense = -1.0 if backward else 1.0
    salto = Salto(sense, 1.0, twist, "stretched", is_sideward=sideward)
    lead = p.side if backward or landing == "two-feet" else other(p.side)
    leave = start + 0.40 * scale
    if backward:
        _lean_back(p, start + 0.26 * scale, leave)
    else:
        step_up(p, start, leave, salto, style, "stand")
        _reach_down(p, leave)
    m.fly(leave)
    total = 360.0 * twist * p.sign if not sideward else 180.0 * p.sign
    touch = leave + 0.14 * scale
    push = touch + 0.20 * scale
    down = push + style.flight
    shape = _handspring_shape(lead, legs, sense, sideward, style)
    narrow = _place_arms(p, hands)
    m.key(leave, twist=40.0 * p.sign if sideward else 0.0)
    anchor: Anchor = HANDS if hands == "two" else (LEFT_HAND if p.side == "left" else RIGHT_HAND)
    arch = {"spine_flex": -26.0 if not sideward else 0.0, "neck_flex": -25.0}
    m.key(touch, join(shape, ARMS_UP, narrow, arch), pitch=sense * 150.0, twist=(0.5 if sideward else 1.0) * total)
    if hands != "none":
        p.land(touch, anchor, speed=sense * 2.6)
    m.key(0.5 * (touch + push), join(shape, ARMS_UP, narrow, arch), pitch=sense * 180.0)
    m.key(
        push,
        join(shape, ARMS_UP, narrow, {"spine_flex": 0.0}),
        pitch=sense * 207.0,
        twist=(0.62 if sideward else 1.0) * total,
    )
    if hands != "none":
        m.fly(push)
    ends = Salto(sense, 1.0, twist, "stretched", split=lead if landing == "one-foot" else None)
    pose, pitch = landing_pose(p, ends)
    facing = np.cos(np.radians(total))
    m.key(
        down,
        join(pose, ARMS_FRONT if landing == "two-feet" else ARMS_UP),
        pitch=sense * 360.0 + facing * pitch,
        twist=total,
        lean=0.0,
    )
    p.land(
        down,
        get_foot(lead) if landing == "one-foot" else FEET,
        speed=sense * 3.2 * style.travel / 0.6,
    )
    finish = start + style.duration
    write_landing(p, down, ends, sense * 360.0, total, finish)
    return start, finish


def _lean_back(p: Performer, low_time: float, leave: float) -> None:
    """Keys of the way into a handspring backward: knees bend, then body and arms go back."""
    low = p.feet(join(both(plant=1.0, hip_flex=62.0, knee=66.0), ARMS_DOWN, {"spine_flex": 8.0}))
    p.motion.key(low_time, low, pitch=10.0)
    back = {"spine_flex": -22.0, "neck_flex": -25.0}
    p.motion.key(leave, p.feet(join(both(plant=1.0, hip_flex=2.0, knee=16.0, ankle=44.0), ARMS_UP, back)), pitch=-52.0)


def _reach_down(p: Performer, leave: float) -> None:
    """Key of the way into one forward or sideward: one leg kicks behind, the hands go for the ground."""
    kick = limb(other(p.foot), hip_flex=-58.0, ankle=POINT)
    p.motion.key(leave, join(limb(p.foot, plant=0.6, hip_flex=80.0, knee=10.0, ankle=50.0), kick, ARMS_UP), pitch=86.0)


def _place_arms(p: Performer, hands: str) -> Pose:
    """What differs from arms stretched up, by the number of hands that touch; on the beam they come together."""
    if hands == "none":
        return both(sh_flex=20.0, sh_abd=60.0)
    narrow: Pose = both(sh_abd=-9.0) if p.line_y is not None else {}
    if hands == "one":
        return dict(narrow) | limb(p.side, sh_abd=-17.0) | limb(other(p.side), sh_abd=75.0, sh_flex=60.0)
    return narrow


def _handspring_shape(lead: str, legs: str, sense: float, sideward: bool, style: Style) -> Pose:
    if sideward:
        return both(hip_abd=34.0, ankle=POINT)
    if legs == "split":
        opening = -sense * 62.0 * style.amplitude
        return join(limb(lead, hip_flex=opening, ankle=POINT), limb(other(lead), hip_flex=-0.9 * opening, ankle=POINT))
    if legs == "piked":
        return both(hip_flex=55.0, ankle=POINT)
    return join(POINTED_TOGETHER, both(hip_flex=-6.0))


def perform_beam_dismount(p: Performer, reader: Reader, style: Style) -> tuple[float, float]:
    """Dismounts from the beam: kind ``dismount``. She starts a stride from the end, facing it (or away from it)."""
    entry = reader.text("entry", "round-off", "flic-flac", "run", "stand")
    direction = reader.text("direction", "forward", "backward")
    somersaults = reader.number("somersaults", 0, 3)
    twist = reader.number("twist", 0, 4)
    body = reader.text("body", "tucked", "piked", "stretched")
    m = p.motion
    start = m.time
    prepare = start + 0.85
    backward = direction == "backward"
    salto = Salto(-1.0 if backward else 1.0, somersaults, twist, body)
    _enter_beam_dismount(p, entry, backward, start, prepare)
    m.time = prepare
    leave = prepare + 0.16
    m.key(
        prepare + 0.08,
        p.feet(join(both(plant=1.0, hip_flex=26.0, knee=32.0, ankle=10.0, sh_flex=140.0), {"spine_flex": 6.0})),
        pitch=6.0,
    )
    m.key(leave, push_pose(p, 8.0), pitch=-9.0 if backward else 14.0)
    m.fly(leave)
    gainer = entry == "stand" and backward
    end = leave + style.flight
    finish = start + style.duration
    p.line_y = None
    pose, pitch = landing_pose(p, salto)
    upright, total = write_flight(p, leave, end, salto, style, pose, pitch)
    p.change_surface(leave, apparatus.MAT_TOP)
    p.land(end, FEET, (-1.0 if backward and not gainer else 1.0) * style.travel)
    write_landing(p, end, salto, upright, total, finish)
    return start, finish


def _enter_beam_dismount(p: Performer, entry: str, backward: bool, start: float, prepare: float) -> None:
    """What comes before the take-off."""
    m = p.motion
    if entry == "round-off":
        p.foot = p.side
        p.shift_to(start, get_foot(p.foot))
        m.time = prepare - ROUND_OFF_TIME
        m.key(
            m.time - 0.1,
            join(p.stand(ARMS_UP), limb(p.free, hip_flex=40.0, knee=20.0, plant=0.0, ankle=40.0)),
            pitch=0.0,
            heading=m.heading,
        )
        m.key(
            m.time,
            join(
                p.stand(ARMS_UP),
                limb(p.foot, hip_flex=30.0, knee=25.0),
                limb(p.free, hip_flex=-15.0, plant=0.0, ankle=40.0),
            ),
            pitch=8.0,
        )
        round_off(p, 2.6)
    elif entry == "flic-flac":
        _quick_flic(p, start, prepare)
    elif entry == "run":
        _steps_to_two_feet(p, start, prepare)
    else:
        m.key(start + 0.5 * (prepare - start), p.stand(ARMS_HIGH_V) | both(ankle=20.0), pitch=0.0)
        m.key(
            prepare,
            p.feet(join(both(plant=1.0, hip_flex=42.0, knee=44.0), ARMS_BACK)),
            pitch=18.0 if not backward else 8.0,
        )


def _quick_flic(p: Performer, start: float, end: float) -> None:
    m = p.motion
    time = end - start
    m.key(start + 0.3 * time, p.feet(join(both(plant=1.0, hip_flex=55.0, knee=60.0), ARMS_DOWN)), pitch=8.0)
    leave = start + 0.46 * time
    m.key(leave, p.feet(join(both(plant=1.0, knee=14.0, ankle=44.0), ARMS_UP, {"spine_flex": -20.0})), pitch=-54.0)
    m.fly(leave)
    touch, push = start + 0.62 * time, start + 0.80 * time
    m.key(touch, join(POINTED_TOGETHER, ARMS_UP, both(sh_abd=-9.0), {"spine_flex": -26.0}), pitch=-145.0)
    p.land(touch, HANDS, speed=-2.4)
    m.key(push, join(POINTED_TOGETHER, ARMS_UP, both(sh_abd=-9.0), {"spine_flex": 6.0}), pitch=-210.0)
    m.fly(push)
    m.key(end, rebound_pose(p), pitch=-346.0)
    p.land(end, FEET, speed=-2.8)
    m.rebase(end)


def _steps_to_two_feet(p: Performer, start: float, end: float) -> None:
    m = p.motion
    time = end - start
    stance = p.side
    p.shift_to(start, get_foot(other(stance)))
    m.key(
        start + 0.45 * time,
        join(
            p.stand(ARMS_FRONT),
            limb(stance, plant=1.0, hip_flex=32.0, knee=18.0),
            limb(other(stance), hip_flex=-18.0, knee=20.0, ankle=40.0, plant=0.6),
        ),
        pitch=4.0,
    )
    p.shift_to(start + 0.45 * time, get_foot(stance))
    hop = start + 0.72 * time
    m.key(
        hop,
        join(
            p.stand(ARMS_FRONT),
            limb(stance, hip_flex=2.0, knee=10.0, ankle=42.0),
            limb(other(stance), plant=0.0, hip_flex=38.0, knee=50.0, ankle=POINT),
        ),
        pitch=4.0,
    )
    m.fly(hop)
    m.key(end, p.feet(join(both(plant=1.0, hip_flex=26.0, knee=22.0, ankle=12.0), ARMS_UP)), pitch=-6.0)
    p.land(end, FEET, speed=1.8)
