"""What happens between elements: runs, steps, pivots, dance, round-offs that lead into saltos.

None of it knows which element comes next.
"""

from __future__ import annotations

import numpy as np

from finegym.simulation.kinematics import Pose
from finegym.simulation.motion import FEET, HANDS
from finegym.simulation.performer import Performer, get_foot
from finegym.simulation.poses import (
    ARMS_DOWN,
    ARMS_FRONT,
    ARMS_HIGH_V,
    ARMS_SIDE,
    ARMS_UP,
    POINT,
    both,
    join,
    limb,
    make_stance,
    other,
)

ARM_POSITIONS = (ARMS_DOWN, ARMS_FRONT, ARMS_HIGH_V, ARMS_SIDE, ARMS_UP)


def swing_arms(side: str, forward: float, backward: float, elbow: float) -> dict[str, float]:
    """Arms as in running: the arm of a side forward, the other back."""
    return join(
        limb(side, sh_flex=forward, sh_abd=8.0, elbow=elbow),
        limb(other(side), sh_flex=-backward, sh_abd=12.0, elbow=elbow * 0.8),
    )


def hold_still(p: Performer, duration: float, arms: Pose = ARMS_DOWN) -> None:
    """Stand."""
    m = p.motion
    m.time += duration
    m.key(m.time, p.stand(arms), heading=m.heading, pitch=0.0, lean=0.0)


def wave_arms(p: Performer, duration: float, rng: np.random.Generator) -> None:
    """Stand and move the arms through positions of dance, with a breath in the trunk."""
    m = p.motion
    first, second = rng.integers(len(ARM_POSITIONS), size=2)
    bend, rise = rng.uniform(-12.0, 12.0), rng.uniform(0.0, 30.0)
    m.key(
        m.time + 0.5 * duration,
        join(
            p.stand(
                limb("left", **_arm(ARM_POSITIONS[first], "left"))
                | limb("right", **_arm(ARM_POSITIONS[second], "right"))
            ),
            both(ankle=rise),
            {"spine_side": bend, "head_turn": 2 * bend},
        ),
        pitch=0.0,
        lean=0.0,
        heading=m.heading,
    )
    hold_still(p, duration, ARM_POSITIONS[second])


def _arm(pose: Pose, side: str) -> dict[str, float]:
    return {name: pose.get(f"{side}_{name}", 0.0) for name in ("sh_flex", "sh_abd", "elbow")}


def walk(p: Performer, distance: float, step_time: float, arms: Pose = ARMS_SIDE, stop: bool = True) -> None:
    """Walk a distance ahead in steps of about a foot and a half, toes first, and close the feet."""
    m, body = p.motion, p.body
    count = max(1, round(abs(distance) / 0.42))
    length = distance / count
    base = body.foot * np.cos(np.radians(body.foot_drop))
    narrow = 3.0 if p.line_y is None else 5.0
    swing = other(p.side)
    for _ in range(count):
        stance = other(swing)
        p.shift_to(m.time, get_foot(stance))
        feet = {stance: (base, 6.0), swing: (base, 0.0)}
        passing = make_stance(body, left=feet["left"], right=feet["right"], height=0.995, narrow=narrow)
        m.key(
            m.time + 0.5 * step_time,
            join(passing, limb(swing, hip_flex=30.0, knee=42.0, ankle=POINT * 0.8, plant=0.0, hip_abd=-narrow), arms),
            pitch=0.0,
            lean=0.0,
            heading=m.heading,
        )
        m.time += step_time
        feet = {stance: (base - length / 2, 38.0), swing: (base + length / 2, 0.0)}
        contact = make_stance(body, left=feet["left"], right=feet["right"], height=0.975, narrow=narrow)
        m.key(m.time, join(contact, arms), pitch=0.0, lean=0.0)
        p.shift_to(m.time, get_foot(swing))
        p.foot = swing
        swing = stance
    if stop:
        close_feet(p, 0.6 * step_time, arms)


def close_feet(p: Performer, duration: float, arms: Pose = ARMS_DOWN) -> None:
    """Bring the rear foot to the front one and stand."""
    m = p.motion
    free = p.free
    p.shift_to(m.time, get_foot(p.foot))
    m.layer(m.time + 0.5 * duration, **limb(free, knee=28.0, hip_flex=14.0, plant=0.5))
    m.time += duration
    m.key(m.time, p.stand(arms), heading=m.heading, pitch=0.0, lean=0.0)
    p.shift_to(m.time, FEET)


def pivot(p: Performer, turn: float, duration: float, arms: Pose = ARMS_UP) -> None:
    """Turn on both feet on the balls of the feet, degrees to the left."""
    m = p.motion
    start = m.heading
    m.key(m.time, heading=start)
    m.key(m.time + 0.25 * duration, join(p.stand(arms), both(ankle=40.0)), heading=start + 0.08 * turn)
    m.key(m.time + 0.75 * duration, join(p.stand(arms), both(ankle=40.0)), heading=start + 0.95 * turn)
    m.time += duration
    m.key(m.time, p.stand(), heading=start + turn, pitch=0.0, lean=0.0)


def run_stride(p: Performer, speed: float, contact: float, flight: float, lean: float) -> None:
    """One stride of a run: from the contact of one foot to the contact of the other."""
    m = p.motion
    stance, swing = p.foot, p.free
    sweep = float(np.clip(0.88 * speed * contact, 0.15, 0.54))
    ahead, behind = 0.40 * sweep, 0.60 * sweep
    start = m.time
    poses = run_poses(p, stance, ahead, behind, lean)
    m.key(start, poses[0], pitch=lean, lean=0.0, heading=m.heading)
    m.key(start + 0.45 * contact, poses[1])
    m.key(start + contact, poses[2], pitch=lean)
    m.fly(start + contact)
    m.time = start + contact + flight
    m.key(m.time, run_poses(p, swing, ahead, behind, lean)[0], pitch=lean, heading=m.heading)
    p.land(m.time, get_foot(swing), behind + ahead + speed * flight)
    p.foot = swing


def run_poses(p: Performer, stance: str, ahead: float, behind: float, lean: float) -> tuple[Pose, Pose, Pose]:
    """Contact, mid-stance and toe-off of a running stance."""
    swing = other(stance)
    base = 0.9 * p.body.foot

    def make(toe_x: float, heel: float, height: float, free: Pose, arms: Pose) -> dict[str, float]:
        legs = make_stance(p.body, left=(toe_x, heel), right=(toe_x, heel), height=height, pitch=lean)
        free_leg = limb(swing, plant=0.0, hip_abd=-2.0, hip_rot=0.0, **free)
        return join(legs, free_leg, arms, {"spine_flex": 4.0})

    return (
        make(base + ahead, 14.0, 0.965, {"hip_flex": 4.0, "knee": 92.0, "ankle": 30.0}, swing_arms(swing, 48, 52, 80)),
        make(base, 10.0, 0.95, {"hip_flex": 48.0, "knee": 112.0, "ankle": 20.0}, swing_arms(swing, 5, 10, 80)),
        make(
            base - behind, 46.0, 0.99, {"hip_flex": 78.0, "knee": 78.0, "ankle": 15.0}, swing_arms(stance, 50, 50, 82)
        ),
    )


def run(p: Performer, strides: int, speed: float, *, start_speed: float = 2.0) -> None:
    """Run from standing; ends at the contact of a foot, still running.

    The caller goes on from there: a take-off, a hurdle or :func:`stop_running`.
    """
    m = p.motion
    p.foot = p.side if strides % 2 == 0 else other(p.side)
    p.shift_to(m.time, get_foot(p.foot))
    m.time += 0.22
    m.key(m.time, run_poses(p, p.foot, 0.0, 0.2, 10.0)[1], pitch=10.0, heading=m.heading)
    for stride in range(strides):
        share = (stride + 1) / strides
        now = start_speed + (speed - start_speed) * min(1.0, 1.3 * share)
        run_stride(p, now, float(np.clip(0.52 / now, 0.09, 0.2)), 0.07 + 0.012 * now, 12.0 - 6.0 * share)


def stop_running(p: Performer, duration: float = 0.6) -> None:
    """From the contact of a running stride to standing."""
    m = p.motion
    m.key(
        m.time + 0.4 * duration,
        join(p.stand(ARMS_SIDE), both(knee=30.0, hip_flex=22.0), limb(p.free, plant=0.0, knee=60.0, ankle=30.0)),
        pitch=4.0,
    )
    m.time += 0.55 * duration
    close_feet(p, 0.45 * duration, ARMS_SIDE)


ROUND_OFF_TIME = 0.70


def round_off(p: Performer, speed: float = 4.6, hands_surface: float | None = None) -> None:
    """From the contact of a stride over the hands to both feet, facing back; ends at that contact.

    Args:
        p: who does it.
        speed: how fast she travels, m/s.
        hands_surface: height of what the hands push off from, if not that of the feet.
    """
    m = p.motion
    sign = p.sign
    start, stance, swing = m.time, p.foot, p.free
    narrow: Pose = both(sh_abd=-9.0) if p.line_y is not None else {}
    reach = join(ARMS_UP, {"spine_flex": 10.0})
    lunge = join(
        limb(stance, hip_flex=58.0, knee=52.0, plant=1.0, ankle=4.0),
        limb(swing, hip_flex=-18.0, knee=10.0, ankle=POINT),
        reach,
    )
    m.key(start + 0.11, lunge, pitch=40.0, twist=4.0 * sign)
    push = join(
        limb(stance, hip_flex=52.0, knee=14.0, plant=0.8, ankle=46.0), limb(swing, hip_flex=-42.0, ankle=POINT), reach
    )
    m.key(start + 0.22, push, pitch=84.0, twist=14.0 * sign)
    m.fly(start + 0.22)
    spread = join(both(hip_abd=30.0, ankle=POINT), ARMS_UP, narrow)
    m.key(start + 0.32, spread, pitch=142.0, twist=84.0 * sign)
    p.land(start + 0.32, HANDS, surface=hands_surface, speed=speed)
    m.key(start + 0.42, join(POINTED_TOGETHER, both(hip_abd=6.0), ARMS_UP, narrow), pitch=178.0, twist=110.0 * sign)
    m.key(start + 0.50, join(POINTED_TOGETHER, both(hip_flex=14.0), ARMS_UP, narrow), pitch=214.0, twist=150.0 * sign)
    m.fly(start + 0.50)
    m.key(start + 0.62, join(POINTED_TOGETHER, both(hip_flex=62.0), ARMS_UP), pitch=300.0, twist=178.0 * sign)
    m.key(start + ROUND_OFF_TIME, rebound_pose(p), pitch=346.0, twist=180.0 * sign)
    p.land(start + ROUND_OFF_TIME, FEET, speed=0.9 * speed)
    m.time = start + ROUND_OFF_TIME
    m.rebase(m.time)


POINTED_TOGETHER = both(ankle=POINT, hip_abd=0.0)


def rebound_pose(p: Performer) -> dict[str, float]:
    """Feet strike in front of the body, hips a little bent, arms forward and rising."""
    return p.feet(
        join(both(plant=1.0, hip_flex=34.0, knee=26.0, ankle=8.0, sh_flex=125.0, sh_abd=8.0), {"spine_flex": 16.0})
    )
