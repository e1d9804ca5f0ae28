"""Leaps, jumps and hops, from their attributes."""

from __future__ import annotations

from finegym.simulation.kinematics import Pose
from finegym.simulation.motion import FEET
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
    touch = leave - 0.18
    step = _stride_onto if approach == "run" else _step_onto
    contact = step(p, start, touch, stance)
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


def _stride_onto(p: Performer, start: float, touch: float, stance: str) -> Pose:
    """Out of a run onto the take-off foot; the pose in which it touches the ground."""
    m, swings = p.motion, other(stance)
    if p.foot == stance:
        # The stride before ended on the take-off foot: one more quick step (a chasse) keeps time and leg right.
        push = join(
            limb(stance, plant=1.0, hip_flex=-4.0, knee=14.0, ankle=45.0),
            limb(swings, hip_flex=22.0, knee=24.0, ankle=50.0),
            ARMS_FRONT,
        )
    else:
        push = join(
            limb(p.foot, plant=1.0, hip_flex=-6.0, knee=16.0, ankle=42.0),
            limb(stance, hip_flex=52.0, knee=34.0, ankle=30.0),
            ARMS_FRONT,
        )
    m.key(start + 0.09, push, pitch=4.0)
    m.fly(start + 0.09)
    contact = join(
        limb(stance, plant=1.0, hip_flex=34.0, knee=22.0, ankle=4.0, hip_abd=-3.0),
        limb(swings, hip_flex=-22.0, knee=34.0, ankle=POINT, plant=0.0, hip_abd=-3.0),
        ARMS_BACK,
    )
    m.key(touch, contact, pitch=0.0)
    p.land(touch, get_foot(stance), speed=3.6)
    return contact


def _step_onto(p: Performer, start: float, touch: float, stance: str) -> Pose:
    """From standing onto the take-off foot; the pose in which it takes the weight."""
    m, swings = p.motion, other(stance)
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
    contact = join(make_step(p.body, stance, 0.36, 0.96), ARMS_BACK)
    m.key(touch, contact, pitch=0.0)
    p.shift_to(touch, get_foot(stance))
    return contact


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
