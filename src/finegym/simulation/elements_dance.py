"""Leaps, jumps, hops and turns, from their attributes."""

from __future__ import annotations

from finegym.simulation.kinematics import Pose
from finegym.simulation.motion import BACK, FEET
from finegym.simulation.performer import Performer, Reader, get_foot
from finegym.simulation.poses import (
    ARMS_BACK,
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
    make_step,
    make_straddle,
    make_tuck,
    other,
)
from finegym.simulation.style import Style

LEGS = (
    "split",
    "side-split",
    "ring",
    "switch-split",
    "switch-ring",
    "stag-ring",
    "cat",
    "tuck",
    "straddle-pike",
    "wolf",
    "sheep",
    "straight",
    "scissors",
)
POSITIONS = ("free", "leg-horizontal", "leg-held", "leg-held-back", "tuck-stand", "illusion", "back-spin")

_RING_BACK = {"spine_flex": -52.0, "neck_flex": -58.0}


def make_leap_shapes(p: Performer, legs: str, lead: str, style: Style) -> list[tuple[float, Pose]]:
    """The poses of a leap in the air as (share of the flight, pose)."""
    trail, wide = other(lead), style.amplitude
    arms = _leap_arms(lead, style)
    split = join(
        limb(lead, hip_flex=91.0 * wide, ankle=POINT),
        limb(trail, hip_flex=-86.0 * wide, ankle=POINT, hip_rot=25.0),
        {"spine_flex": -14.0},
    )
    ring_leg = limb(trail, hip_flex=-78.0 * wide, knee=104.0, ankle=POINT, hip_rot=15.0)
    ring = join(limb(lead, hip_flex=80.0 * wide, ankle=POINT), ring_leg, _RING_BACK)
    first_swing = join(limb(trail, hip_flex=58.0, ankle=POINT), limb(lead, hip_flex=-26.0, ankle=POINT))
    if legs == "split":
        return _hold(join(split, arms), 0.40, 0.62)
    if legs == "switch-split":
        return [(0.14, join(first_swing, arms)), (0.55, join(split, arms)), (0.68, join(split, arms))]
    if legs == "ring":
        return _hold(join(ring, ARMS_HIGH_V), 0.42, 0.62)
    if legs == "switch-ring":
        return [(0.14, join(first_swing, arms)), (0.56, join(ring, ARMS_HIGH_V)), (0.68, join(ring, ARMS_HIGH_V))]
    if legs == "stag-ring":
        stag = limb(lead, hip_flex=92.0, knee=112.0, ankle=POINT)
        return _hold(join(stag, ring_leg, _RING_BACK, ARMS_HIGH_V), 0.42, 0.62)
    if legs == "side-split":
        return _hold(join(both(hip_flex=22.0, hip_abd=86.0 * wide, hip_rot=20.0, ankle=POINT), ARMS_SIDE), 0.40, 0.62)
    if legs == "straddle-pike":
        return _hold(make_straddle(p.body), 0.42, 0.60)
    if legs == "cat":
        up = limb(lead, hip_flex=108.0, knee=118.0, hip_abd=18.0, ankle=POINT)
        low = limb(trail, hip_flex=10.0, knee=25.0, ankle=POINT)
        swapped = limb(trail, hip_flex=108.0, knee=118.0, hip_abd=18.0, ankle=POINT)
        after = limb(lead, hip_flex=55.0, knee=80.0, hip_abd=10.0, ankle=POINT)
        return [
            (0.16, join(up, low, ARMS_SIDE)),
            (0.52, join(swapped, after, ARMS_SIDE)),
            (0.62, join(swapped, after, ARMS_SIDE)),
        ]
    if legs == "scissors":
        high = join(limb(lead, hip_flex=82.0, ankle=POINT), limb(trail, hip_flex=-8.0, ankle=POINT), arms)
        low = join(limb(trail, hip_flex=86.0, ankle=POINT), limb(lead, hip_flex=10.0, ankle=POINT), arms)
        return [(0.16, high), (0.56, low)]
    if legs == "tuck":
        return _hold(join(make_tuck(p.body), {"spine_flex": 22.0, "neck_flex": 0.0}, ARMS_FRONT), 0.40, 0.62)
    if legs == "wolf":
        straight = limb(lead, hip_flex=98.0, ankle=POINT)
        bent = limb(trail, hip_flex=116.0, knee=142.0, ankle=POINT)
        return _hold(join(straight, bent, ARMS_SIDE, {"spine_flex": 14.0}), 0.42, 0.60)
    if legs == "sheep":
        bend = both(hip_flex=-34.0, knee=132.0, hip_abd=4.0, ankle=POINT, sh_flex=190.0, sh_abd=20.0)
        return _hold(join(bend, {"spine_flex": -62.0, "neck_flex": -60.0}), 0.42, 0.58)
    return _hold(join(both(ankle=POINT), ARMS_UP), 0.30, 0.70)


def _hold(pose: Pose, start: float, end: float) -> list[tuple[float, Pose]]:
    return [(start, pose), (end, pose)]


def _leap_arms(lead: str, style: Style) -> Pose:
    """One arm in front and one to the side, higher or lower by style."""
    lift = 18.0 * style.arms
    return join(
        limb(other(lead), sh_flex=88.0 + lift, sh_abd=10.0, elbow=4.0),
        limb(lead, sh_flex=84.0 + lift, sh_abd=78.0, elbow=4.0),
    )


def perform_leap(p: Performer, reader: Reader, style: Style, approach: str) -> tuple[float, float]:
    """Leaps, jumps and hops: kind ``leap``. Returns start and end in seconds.

    ``approach`` is ``run`` (from the contact of a stride) or ``stand``.
    """
    takeoff = reader.text("takeoff", "one-foot", "two-feet")
    legs = reader.text("legs", *LEGS)
    twist = reader.number("twist", 0, 3)
    m = p.motion
    start = m.time
    leave = start + (0.36 if approach == "run" else 0.46)
    end = leave + style.flight
    finish = start + style.duration
    stand = max(finish, end + 0.5)
    lead = p.side
    if takeoff == "one-foot":
        _leap_off_one_foot(p, start, leave, lead, legs, style, approach)
    else:
        _leap_off_two_feet(p, start, leave, style, approach)
    m.key(leave, twist=0.0)
    m.fly(leave)
    for share, pose in make_leap_shapes(p, legs, lead, style):
        m.key(leave + share * style.flight, pose)
    total = 360.0 * twist * p.sign
    if twist:
        m.key(leave + 0.10 * style.flight, twist=0.08 * total)
        m.key(leave + 0.90 * style.flight, twist=0.95 * total)
    m.key(0.5 * (leave + end), pitch=0.0)
    if takeoff == "one-foot":
        landed = lead if legs not in {"cat", "scissors"} else other(lead)
        _land_on_foot(p, end, stand, landed, style, total)
    else:
        m.key(
            end, p.feet(join(both(plant=1.0, hip_flex=24.0, knee=26.0, ankle=20.0), ARMS_SIDE)), pitch=3.0, twist=total
        )
        p.land(end, FEET, style.travel * 0.25)
        m.key(end + 0.14, p.feet(join(both(plant=1.0, hip_flex=50.0, knee=62.0), ARMS_SIDE)), pitch=12.0)
        m.key(stand, p.stand(ARMS_SIDE), pitch=0.0, twist=total)
        m.time = stand
    m.key(stand, pitch=0.0, twist=total)
    m.rebase(stand)
    return start, finish


def _leap_off_one_foot(
    p: Performer, start: float, leave: float, lead: str, legs: str, style: Style, approach: str
) -> None:
    """A step onto the take-off foot while the other leg swings up."""
    m = p.motion
    swings = other(lead) if legs.startswith("switch") else lead
    stance = other(swings)
    if approach == "run":
        if p.foot == stance:
            # The stride before ended on the take-off foot: one more quick step (a chasse) keeps time and leg right.
            m.key(
                start + 0.09,
                join(
                    limb(stance, plant=1.0, hip_flex=-4.0, knee=14.0, ankle=45.0),
                    limb(swings, hip_flex=22.0, knee=24.0, ankle=50.0),
                    ARMS_FRONT,
                ),
                pitch=4.0,
            )
        else:
            m.key(
                start + 0.09,
                join(
                    limb(p.foot, plant=1.0, hip_flex=-6.0, knee=16.0, ankle=42.0),
                    limb(stance, hip_flex=52.0, knee=34.0, ankle=30.0),
                    ARMS_FRONT,
                ),
                pitch=4.0,
            )
        m.fly(start + 0.09)
    else:
        p.shift_to(start, get_foot(swings))
        m.key(
            start + 0.14,
            join(
                p.stand(ARMS_FRONT),
                limb(stance, hip_flex=36.0, knee=30.0, ankle=40.0, plant=0.0),
                limb(swings, hip_flex=0.0, knee=6.0, ankle=8.0),
            ),
            pitch=0.0,
        )
    touch = leave - 0.18
    if approach == "run":
        contact = join(
            limb(stance, plant=1.0, hip_flex=34.0, knee=22.0, ankle=4.0, hip_abd=-3.0),
            limb(swings, hip_flex=-22.0, knee=34.0, ankle=POINT, plant=0.0, hip_abd=-3.0),
            ARMS_BACK,
        )
    else:
        contact = join(make_step(p.body, stance, 0.36, 0.96), ARMS_BACK)
    m.key(touch, contact, pitch=0.0)
    if approach == "run":
        p.land(touch, get_foot(stance), speed=3.6)
    else:
        p.shift_to(touch, get_foot(stance))
    m.key(
        touch + 0.09,
        join(
            contact,
            limb(stance, hip_flex=14.0, knee=34.0),
            limb(swings, hip_flex=18.0, knee=34.0, plant=0.0, ankle=POINT),
            both(sh_flex=20.0),
        ),
    )
    off = join(
        limb(stance, plant=0.9, hip_flex=-24.0, knee=10.0, ankle=48.0, hip_abd=-3.0),
        limb(swings, hip_flex=62.0 if legs != "cat" else 80.0, knee=6.0 if legs != "cat" else 90.0, ankle=POINT),
        _leap_arms(lead, style),
    )
    m.key(leave, off, pitch=2.0)
    p.foot = stance


def _leap_off_two_feet(p: Performer, start: float, leave: float, style: Style, approach: str) -> None:
    m = p.motion
    depth = style.depth
    if approach == "run":
        swing = limb(p.free, hip_flex=30.0, knee=40.0, ankle=POINT, plant=0.0)
        m.key(start + 0.10, join(p.stand(ARMS_FRONT), both(ankle=44.0, knee=12.0), swing), pitch=2.0)
        m.fly(start + 0.10)
        touch = leave - 0.15
        m.key(touch, p.feet(join(both(plant=1.0, hip_flex=24.0, knee=24.0, ankle=10.0), ARMS_BACK)), pitch=0.0)
        p.land(touch, FEET, speed=3.2)
        low = touch + 0.07
    else:
        p.shift_to(start, FEET)
        low = start + 0.58 * (leave - start)
    m.key(low, p.feet(join(both(plant=1.0, hip_flex=38.0 * depth, knee=54.0 * depth), ARMS_BACK)), pitch=12.0)
    m.key(leave, p.feet(join(both(plant=1.0, hip_flex=0.0, knee=8.0, ankle=50.0), ARMS_FRONT)), pitch=0.0)


def _land_on_foot(p: Performer, end: float, finish: float, foot: str, style: Style, total: float) -> None:
    """On one foot, the other trailing; then the other comes in to stand."""
    m = p.motion
    trail = other(foot)
    free = limb(trail, hip_flex=-42.0, ankle=POINT, knee=4.0, hip_rot=15.0)
    m.key(
        end,
        join(limb(foot, plant=1.0, hip_flex=22.0, knee=16.0, ankle=28.0, hip_abd=-4.0), free, ARMS_SIDE),
        pitch=4.0,
        twist=total,
    )
    p.land(end, get_foot(foot), style.travel)
    deep = join(limb(foot, plant=1.0, hip_flex=40.0, knee=46.0, ankle=0.0, hip_abd=-4.0), free, ARMS_SIDE)
    m.key(end + 0.13, deep, pitch=9.0)
    m.layer(0.45 * (end + 0.13) + 0.55 * finish, **limb(trail, hip_flex=20.0, knee=35.0))
    m.key(finish, p.stand(ARMS_SIDE), pitch=0.0, twist=total)
    p.foot = foot
    m.time = finish
    p.shift_to(finish, FEET)


# Turns ---------------------------------------------------------------------------------------------------------------
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
