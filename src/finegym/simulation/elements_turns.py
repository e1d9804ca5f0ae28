"""Turns, from their attributes."""

from __future__ import annotations

from finegym.simulation.kinematics import Pose
from finegym.simulation.motion import BACK, FEET
from finegym.simulation.performer import Performer, Reader, get_foot
from finegym.simulation.poses import (
    ARMS_FRONT,
    ARMS_HIGH_V,
    ARMS_SIDE,
    ARMS_UP,
    POINT,
    both,
    join,
    limb,
    make_held_leg,
    make_stance,
    other,
)
from finegym.simulation.style import Style

POSITIONS = ("free", "leg-horizontal", "leg-held", "leg-held-back", "tuck-stand", "illusion", "back-spin")


def perform_turn(p: Performer, reader: Reader, style: Style) -> tuple[float, float]:
    """Turns on one leg, in tuck stand, illusions and spins on the back: kind ``turn``. Returns start and end."""
    position = reader.text("position", *POSITIONS)
    turns = reader.number("turns", 0.5, 5)
    m = p.motion
    start = m.time
    end = start + style.duration
    total = 360.0 * turns * p.sign
    if position == "back-spin":
        _spin_on_back(p, start, end, total)
    elif position == "illusion":
        _turn_illusion(p, start, end, total, style)
    else:
        _turn_on_foot(p, start, end, total, position, style)
    m.time = end
    m.rebase(end)
    return start, end


def _turn_on_foot(p: Performer, start: float, end: float, total: float, position: str, style: Style) -> None:
    """Preparation in fourth position, spin on the ball of one foot, and a controlled finish."""
    m = p.motion
    stance, free = p.side, other(p.side)
    time = end - start
    h0 = m.heading
    spin_in, spin_out = start + 0.34 * time, start + 0.82 * time
    base = 0.945 * p.body.foot
    feet = {stance: (base + 0.16, 0.0), free: (base - 0.20, 34.0)}
    low = join(
        make_stance(p.body, left=feet["left"], right=feet["right"], height=0.90, narrow=5.0),
        limb(stance, sh_flex=85.0, sh_abd=8.0),
        limb(free, sh_flex=86.0, sh_abd=80.0),
    )
    p.shift_to(start, get_foot(stance))
    m.key(start + 0.20 * time, low, pitch=4.0, heading=h0 - 8.0 * p.sign)
    pose, pitch = _turn_pose(p, position, stance, style)
    m.key(spin_in, pose, pitch=pitch)
    m.key(spin_out, pose, pitch=pitch)
    m.key(start + 0.30 * time, heading=h0 + 0.06 * total)
    m.key(start + 0.86 * time, heading=h0 + 0.97 * total)
    m.key(
        start + 0.93 * time,
        join(
            p.stand(ARMS_SIDE), limb(stance, knee=14.0, hip_flex=8.0), limb(free, hip_flex=18.0, knee=30.0, plant=0.3)
        ),
        pitch=2.0,
    )
    m.key(end, p.stand(ARMS_SIDE), pitch=0.0, lean=0.0, heading=h0 + total)
    p.shift_to(end, FEET)


def _turn_pose(p: Performer, position: str, stance: str, style: Style) -> tuple[Pose, float]:
    """The pose held while turning and its pitch."""
    free = other(stance)
    lift = 10.0 * style.sway[0]
    tall = limb(stance, plant=1.0, ankle=42.0, hip_abd=-4.0)
    arms = ARMS_UP if style.arms > 0 else both(sh_flex=75.0, sh_abd=12.0, sh_rot=-30.0, elbow=55.0)
    if position == "leg-horizontal":
        return join(tall, limb(free, hip_flex=92.0, hip_rot=20.0, ankle=POINT), ARMS_SIDE), -3.0
    if position == "leg-held":
        held = make_held_leg(p.body, free)
        keep = {name: value for name, value in held.items() if name.startswith(free)}
        return join(tall, keep, limb(stance, sh_flex=165.0, sh_abd=25.0)), 0.0
    if position == "leg-held-back":
        back = limb(free, hip_flex=-92.0, knee=48.0, ankle=POINT, hip_rot=15.0, sh_flex=200.0, sh_abd=0.0, elbow=10.0)
        return join(
            tall,
            limb(stance, hip_flex=38.0),
            back,
            limb(stance, sh_flex=150.0, sh_abd=30.0),
            {"spine_flex": -48.0, "neck_flex": -25.0},
        ), 38.0
    if position == "tuck-stand":
        squat = limb(stance, plant=1.0, hip_flex=116.0, knee=138.0, ankle=16.0, hip_abd=-4.0)
        straight = limb(free, hip_flex=106.0, hip_abd=6.0, ankle=POINT)
        return join(squat, straight, ARMS_FRONT, {"spine_flex": 16.0}), 24.0
    passe = limb(free, hip_flex=64.0 + lift, hip_abd=28.0, hip_rot=35.0, knee=112.0, ankle=POINT)
    return join(tall, passe, arms), 0.0


def _turn_illusion(p: Performer, start: float, end: float, total: float, style: Style) -> None:
    """The trunk swings down while the free leg passes the vertical above, turning on a straight leg."""
    m = p.motion
    stance, free = p.side, other(p.side)
    time = end - start
    h0 = m.heading
    p.shift_to(start, get_foot(stance))
    up = join(limb(stance, plant=1.0, ankle=14.0, hip_abd=-4.0), limb(free, hip_flex=30.0, ankle=POINT), ARMS_HIGH_V)
    m.key(start + 0.16 * time, up, pitch=-4.0, heading=h0)
    rounds = max(1, round(abs(total) / 360.0))
    span = 0.66 * time / rounds
    for index in range(rounds):
        begin = start + 0.20 * time + index * span
        middle = join(
            limb(stance, plant=1.0, hip_flex=118.0, ankle=8.0, hip_abd=-4.0),
            limb(free, hip_flex=-62.0 * style.amplitude, ankle=POINT),
            both(sh_flex=120.0, sh_abd=25.0),
            {"spine_flex": 34.0},
        )
        before = join(
            limb(stance, plant=1.0, hip_flex=60.0, ankle=10.0, hip_abd=-4.0),
            limb(free, hip_flex=-50.0, ankle=POINT),
            ARMS_FRONT,
        )
        m.key(begin + 0.25 * span, before, pitch=60.0)
        m.key(begin + 0.50 * span, middle, pitch=118.0)
        m.key(begin + 0.75 * span, before, pitch=60.0)
        m.key(begin + span, up, pitch=0.0)
    m.key(start + 0.24 * time, heading=h0 + 0.05 * total)
    m.key(start + 0.84 * time, heading=h0 + 0.97 * total)
    m.key(end, p.stand(ARMS_SIDE), pitch=0.0, lean=0.0, heading=h0 + total)
    p.shift_to(end, FEET)


def _spin_on_back(p: Performer, start: float, end: float, total: float) -> None:
    """Down onto the back, spinning with the legs over the body, and up again."""
    m = p.motion
    time = end - start
    h0 = m.heading
    sit = p.feet(join(both(plant=1.0, hip_flex=112.0, knee=132.0, sh_flex=70.0, sh_abd=20.0), {"spine_flex": 42.0}))
    m.key(start + 0.14 * time, sit, pitch=14.0, heading=h0)
    rolled = join(
        both(hip_flex=118.0, knee=18.0, hip_abd=18.0, ankle=POINT, sh_flex=30.0, sh_abd=55.0, elbow=40.0),
        {"spine_flex": 38.0, "neck_flex": 35.0},
    )
    m.fly(start + 0.18 * time)
    m.key(start + 0.30 * time, rolled, pitch=-84.0)
    m.support(start + 0.30 * time, BACK, z=p.surface + 0.12)
    m.key(start + 0.26 * time, heading=h0 + 0.04 * total)
    m.key(start + 0.66 * time, join(rolled, both(hip_abd=30.0)), pitch=-88.0)
    m.key(start + 0.72 * time, heading=h0 + 0.98 * total)
    m.fly(start + 0.76 * time)
    m.key(start + 0.86 * time, sit, pitch=16.0, heading=h0 + total)
    p.land(start + 0.86 * time, FEET, 0.1)
    m.key(end, p.stand(ARMS_SIDE), pitch=0.0, lean=0.0, heading=h0 + total)
