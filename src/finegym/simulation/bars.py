"""Moving on the uneven bars: swings, circles, kips, casts, turns in handstand, and letting go.

The gymnast swings in the x-z plane around a bar. Where she is on a circle is her *swing angle*: the direction from the
hands to the centre of mass, 0 hanging straight below, 180 above in handstand, growing as she rotates forward. What the
pelvis does follows from the shape of the body.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finegym.simulation import apparatus
from finegym.simulation.athlete import Athlete
from finegym.simulation.kinematics import Pose, compute_joints, make_vector
from finegym.simulation.motion import FEET, HANDS, LEFT_HAND, RIGHT_HAND
from finegym.simulation.performer import TOE_RADIUS, Performer
from finegym.simulation.poses import (
    HANDSTAND,
    HANG,
    POINT,
    STAND,
    both,
    join,
    limb,
    make_bar_support,
    make_toe_on,
    other,
)
from finegym.simulation.skeleton import JOINT_INDEX, compute_mass_weights

BARS = {
    "high": (apparatus.HIGH_BAR_X, apparatus.HIGH_BAR_Z),
    "low": (apparatus.LOW_BAR_X, apparatus.LOW_BAR_Z),
}
CIRCLES = ("giant", "free-hip", "stalder", "toe-on", "inbar", "cast")

STALDER = join(
    both(hip_flex=134.0, hip_abd=44.0, ankle=POINT, sh_flex=112.0, sh_abd=2.0), {"spine_flex": 34.0, "neck_flex": 10.0}
)
INBAR = join(
    both(hip_flex=160.0, hip_abd=2.0, ankle=POINT, sh_flex=104.0, sh_abd=6.0), {"spine_flex": 58.0, "neck_flex": 20.0}
)


class BarPerformer(Performer):
    """A gymnast on bars.

    Attributes:
        bar: ``high`` or ``low``: the bar she is on or stands before.
        state: ``ground``, ``hang``, ``support`` or ``handstand``.
    """

    def __init__(self, athlete: Athlete) -> None:
        # She starts between the outer side and the low bar, facing it.
        super().__init__(athlete, (apparatus.LOW_BAR_X - 1.25, 0.0), apparatus.MAT_TOP)
        self.bar = "low"
        self.state = "ground"

    def grasp(self, time: float, bar: str | None = None) -> None:
        """Both hands take the bar at a time."""
        self.bar = bar or self.bar
        x, z = BARS[self.bar]
        self.motion.support(time, HANDS, x=x, y=0.0, z=z, ease=0.2)

    def hang_pose(self) -> Pose:
        """Hanging; on the low bar the legs are held in front, off the mat."""
        return join(HANG, both(hip_flex=86.0)) if self.bar == "low" else join(HANG, both(hip_flex=12.0))


def compute_lag(p: Performer, pose: Pose) -> float:
    """How far the swing angle of a pose held by the hands is ahead of the pitch of the pelvis, in degrees."""
    joints = compute_joints(p.body, make_vector(pose)[None], np.eye(3)[None])[0]
    hands = joints[[JOINT_INDEX["left_hand"], JOINT_INDEX["right_hand"]]].mean(axis=0)
    x, _, z = compute_mass_weights() @ joints - hands
    return float(np.degrees(np.arctan2(-x, -z)))


def compute_swing_shares(angles: Sequence[float], slow: float = 0.10) -> np.ndarray:
    """When a swing passes given angles, as shares of its duration: slow above the bar, fast below.

    Speed follows from energy, ``w^2 = slow + (1 + cos angle)/2``, as if she came over the top with a little speed.

    Example:
        >>> compute_swing_shares([180.0, 0.0, -180.0]).round(2).tolist()
        [0.0, 0.5, 1.0]
    """
    fine = np.linspace(angles[0], angles[-1], 361)
    speed = np.sqrt(slow + (1.0 + np.cos(np.radians(fine))) / 2.0)
    passed = np.concatenate([[0.0], np.cumsum(2.0 / (speed[1:] + speed[:-1]))])
    order = np.argsort(fine)
    return np.interp(angles, fine[order], (passed / passed[-1])[order])


def write_swing(
    p: Performer, start: float, end: float, keys: Sequence[tuple[float, Pose, float | None]], slow: float = 0.10
) -> None:
    """Key a swing: rows (swing angle, pose, pitch); a pitch of ``None`` follows from swing angle and pose."""
    shares = compute_swing_shares([angle for angle, _, _ in keys], slow)
    for (angle, pose, pitch), share in zip(keys, shares.tolist(), strict=True):
        time = start + share * (end - start)
        p.motion.key(time, pose, pitch=angle - compute_lag(p, pose) if pitch is None else pitch)


def circle_keys(
    p: BarPerformer, circle: str, sense: float, straddled: bool = False
) -> list[tuple[float, Pose, float | None]]:
    """A whole circle from handstand to handstand as keys of a swing; ``sense`` 1 is forward, -1 backward."""
    if circle == "giant":
        return [(180.0 + sense * turned, pose, None) for turned, pose in _make_giant(sense)]
    if circle == "free-hip":
        return [(180.0 + sense * turned, pose, 180.0 + sense * turned) for turned, pose in _make_free_hip(p, sense)]
    keys: list[tuple[float, Pose, float | None]] = []
    for turned, pose in _make_folded_circle(p, circle, straddled):
        keys.append((180.0 + sense * turned, pose, 180.0 + sense * turned - compute_lag(p, pose)))
    return keys


def _make_giant(sense: float) -> list[tuple[float, Pose]]:
    """Poses of a giant by the degrees turned: stretched, with a beat below the bar."""
    long = join(HANG, {"neck_flex": 0.0})
    pike = join(long, both(hip_flex=72.0))
    arch = join(long, both(hip_flex=-16.0, knee=3.0), {"spine_flex": -14.0})
    if sense < 0:
        kick = join(long, both(hip_flex=34.0, sh_flex=168.0), {"spine_flex": 14.0})
        return [
            (0, HANDSTAND),
            (52, long),
            (90, pike),
            (130, pike),
            (172, arch),
            (222, kick),
            (285, join(long, both(hip_flex=14.0))),
            (360, HANDSTAND),
        ]
    return [
        (0, HANDSTAND),
        (52, long),
        (95, pike),
        (135, pike),
        (178, long),
        (228, arch),
        (292, join(long, both(hip_flex=16.0))),
        (360, HANDSTAND),
    ]


def _make_free_hip(p: BarPerformer, sense: float) -> list[tuple[float, Pose]]:
    """Poses of a free hip circle by the degrees turned: the hips by the bar, without touching it."""
    near = make_bar_support(p.body)
    lower = join(near, both(hip_flex=4.0, sh_flex=64.0))
    if sense < 0:
        return [
            (0, HANDSTAND),
            (66, lower),
            (118, join(near, both(hip_flex=18.0))),
            (180, join(near, both(hip_flex=38.0))),
            (250, join(near, both(hip_flex=34.0, sh_flex=24.0))),
            (300, join(near, both(hip_flex=6.0, sh_flex=84.0))),
            (360, HANDSTAND),
        ]
    return [
        (0, HANDSTAND),
        (62, join(near, both(hip_flex=40.0, sh_flex=100.0))),
        (112, join(near, both(hip_flex=52.0, sh_flex=30.0))),
        (180, join(near, both(hip_flex=44.0))),
        (245, join(near, both(hip_flex=18.0))),
        (296, lower),
        (360, HANDSTAND),
    ]


def _make_folded_circle(p: BarPerformer, circle: str, straddled: bool) -> list[tuple[float, Pose]]:
    """Poses of a toe-on, stalder or inbar circle by the degrees turned: folded up by the bar, opened out of it."""
    deep: Pose = {"toe-on": make_toe_on(p.body), "stalder": STALDER, "inbar": INBAR}[circle]
    if straddled and circle != "stalder":
        deep = join(deep, both(hip_abd=30.0))
    opening = join(
        HANDSTAND,
        both(hip_flex=74.0, sh_flex=158.0, hip_abd=34.0 if circle == "stalder" else 0.0),
        {"spine_flex": 14.0},
    )
    return [
        (0, HANDSTAND),
        (36, opening),
        (86, deep),
        (180, deep),
        (268, deep),
        (318, opening),
        (360, HANDSTAND),
    ]


def turn_in_handstand(p: BarPerformer, start: float, end: float, twist: float) -> None:
    """Turn about the long axis on one arm; both hands are on the bar again at the end. ``twist`` in degrees."""
    m = p.motion
    if not twist:
        return
    arm, loose = p.side, other(p.side)
    time = end - start
    x, z = BARS[p.bar]
    anchor = LEFT_HAND if arm == "left" else RIGHT_HAND
    m.key(start, twist=0.0)
    m.key(start + 0.5 * time, twist=0.52 * twist)
    m.key(end, twist=twist)
    m.support(start, anchor, x=x, y=0.0, z=z, ease=0.3 * time)
    for when in (start + 0.3 * time, start + 0.75 * time):
        m.layer(when, **limb(arm, sh_abd=-15.0), **limb(loose, sh_abd=14.0, sh_flex=160.0, elbow=14.0))
    p.grasp(end)


def kip(p: BarPerformer, duration: float) -> None:
    """From hang to support."""
    m = p.motion
    start = m.time
    low = p.bar == "low"
    toes = make_toe_on(p.body)
    piked = join(toes, both(hip_flex=126.0, sh_flex=132.0), {"spine_flex": 34.0})
    glide = join(p.hang_pose(), both(hip_flex=58.0 if low else 18.0), {"spine_flex": 6.0})
    support = make_bar_support(p.body)
    p.grasp(start)
    m.key(start, p.hang_pose(), twist=0.0, lean=0.0)
    m.key(start + 0.26 * duration, glide, pitch=-36.0 if not low else -30.0)
    m.key(start + 0.52 * duration, piked, pitch=-18.0 - compute_lag(p, piked))
    m.key(start + 0.66 * duration, piked, pitch=14.0 - compute_lag(p, piked))
    pull = join(support, both(hip_flex=52.0, sh_flex=62.0), {"spine_flex": 22.0})
    m.key(start + 0.84 * duration, pull, pitch=4.0)
    m.key(start + duration, support, pitch=12.0)
    m.time = start + duration
    p.state = "support"


def cast(p: BarPerformer, duration: float, straddled: bool = False) -> None:
    """From support to handstand."""
    m = p.motion
    start = m.time
    support = make_bar_support(p.body)
    m.key(start, support, pitch=12.0, twist=0.0, lean=0.0)
    m.key(start + 0.20 * duration, join(support, both(hip_flex=40.0, sh_flex=34.0)), pitch=34.0)
    m.key(start + 0.42 * duration, join(support, both(hip_flex=-8.0, sh_flex=52.0), {"spine_flex": -6.0}), pitch=76.0)
    if straddled:
        folded = both(hip_flex=76.0, hip_abd=58.0, sh_flex=118.0, ankle=POINT)
        m.key(start + 0.68 * duration, join(HANDSTAND, folded), pitch=146.0)
    else:
        m.key(start + 0.68 * duration, join(HANDSTAND, both(sh_flex=112.0, hip_flex=4.0)), pitch=128.0)
    m.key(start + 0.93 * duration, join(HANDSTAND, both(sh_flex=174.0)), pitch=174.0)
    m.key(start + duration, HANDSTAND, pitch=180.0)
    m.time = start + duration
    p.state = "handstand"


def lower_to_support(p: BarPerformer, duration: float) -> None:
    """From handstand down to support."""
    m = p.motion
    start = m.time
    m.key(start + 0.45 * duration, join(HANDSTAND, both(sh_flex=96.0, hip_flex=4.0)), pitch=112.0)
    m.key(start + duration, make_bar_support(p.body), pitch=12.0)
    m.time = start + duration
    p.state = "support"


def face(p: BarPerformer, heading: float, duration: float) -> None:
    """In handstand, turn half a turn if she faces the other way."""
    m = p.motion
    if round((m.heading - heading) / 180.0) % 2 == 0:
        return
    start = m.time
    m.key(start, HANDSTAND, pitch=180.0, twist=0.0)
    m.key(start + duration, HANDSTAND, pitch=180.0)
    turn_in_handstand(p, start, start + duration, 180.0 * p.sign)
    m.time = start + duration
    m.rebase(m.time)


def mount(p: BarPerformer, duration: float = 1.0) -> None:
    """From standing before the low bar to hanging on it."""
    m = p.motion
    start = m.time
    crouch = join(STAND, both(knee=58.0, hip_flex=50.0, sh_flex=20.0))
    m.key(start + 0.35 * duration, crouch, pitch=16.0, heading=0.0)
    leave = start + 0.52 * duration
    m.key(leave, join(STAND, both(knee=8.0, ankle=44.0, sh_flex=105.0, sh_abd=2.0)), pitch=22.0)
    m.fly(leave)
    catch = start + 0.80 * duration
    m.key(catch, join(HANG, both(sh_flex=150.0, hip_flex=30.0)), pitch=52.0)
    p.grasp(catch, "low")
    m.key(start + 0.92 * duration, join(HANG, both(sh_flex=168.0, hip_flex=92.0, hip_abd=12.0)), pitch=34.0)
    m.key(start + 1.1 * duration, p.hang_pose(), pitch=0.0)
    m.time = start + 1.1 * duration
    p.state = "hang"


def jump_to_high(p: BarPerformer, duration: float) -> None:
    """From support on the low bar, facing the high bar: feet on the bar, stand and jump to hang on the high bar."""
    m = p.motion
    start = m.time
    support = make_bar_support(p.body)
    on = make_toe_on(p.body)
    m.key(start, support, pitch=12.0)
    m.key(start + 0.14 * duration, join(support, both(hip_flex=36.0, sh_flex=34.0)), pitch=30.0)
    m.key(start + 0.28 * duration, join(support, both(hip_flex=20.0, sh_flex=62.0, knee=40.0)), pitch=62.0)
    squat = join(on, both(knee=64.0, hip_flex=150.0))
    m.key(start + 0.42 * duration, squat, pitch=64.0)
    p.motion.support(start + 0.45 * duration, FEET, x=BARS["low"][0], y=0.0, z=BARS["low"][1] + TOE_RADIUS, ease=0.15)
    ready = join(both(plant=1.0, hip_flex=92.0, knee=98.0, sh_flex=60.0), {"spine_flex": 20.0})
    m.key(start + 0.58 * duration, ready, pitch=30.0)
    leave = start + 0.72 * duration
    m.key(leave, join(both(plant=1.0, hip_flex=8.0, knee=16.0, ankle=40.0, sh_flex=135.0)), pitch=34.0)
    m.fly(leave)
    catch = start + 0.86 * duration
    m.key(catch, join(HANG, both(sh_flex=165.0, hip_flex=12.0)), pitch=44.0)
    p.grasp(catch, "high")
    m.key(start + 1.10 * duration, p.hang_pose(), pitch=0.0)
    m.time = start + 1.10 * duration
    p.state = "hang"


def drop_to_low(p: BarPerformer, duration: float) -> None:
    """From hang on the high bar, facing the low bar: swing forward and let go, to hang on the low bar."""
    m = p.motion
    start = m.time
    m.key(start, p.hang_pose(), pitch=0.0)
    m.key(start + 0.25 * duration, join(HANG, both(hip_flex=-10.0)), pitch=22.0)
    leave = start + 0.55 * duration
    m.key(leave, join(HANG, both(hip_flex=40.0, sh_flex=160.0)), pitch=-36.0)
    m.fly(leave)
    catch = start + 0.76 * duration
    p.bar = "low"
    m.key(catch, join(p.hang_pose(), both(sh_flex=140.0)), pitch=26.0)
    p.grasp(catch, "low")
    m.key(start + duration, p.hang_pose(), pitch=0.0)
    m.time = start + duration
    p.state = "hang"


def prepare(p: BarPerformer, bar: str, heading: float, state: str, tempo: float = 1.0) -> None:
    """Bring her to a bar, facing where the next element starts from, in ``handstand`` or ``support``."""
    if p.state == "ground":
        mount(p)
    if p.bar != bar:
        if bar == "high":
            _rise_to_support(p, 0.0, tempo)
            jump_to_high(p, 1.5 * tempo)
        else:
            _sink_to_hang(p, 180.0, tempo)
            drop_to_low(p, 1.1 * tempo)
    turned = round((p.motion.heading - heading) / 180.0) % 2 != 0
    if p.state == "handstand" and not turned and state == "handstand":
        return
    if p.state == "hang":
        kip(p, 1.1 * tempo)
    if p.state == "support" and (state == "handstand" or turned):
        cast(p, 0.85 * tempo)
    if turned:
        face(p, heading, 0.55 * tempo)
    if state == "support" and p.state == "handstand":
        lower_to_support(p, 0.7 * tempo)


def _rise_to_support(p: BarPerformer, heading: float, tempo: float) -> None:
    prepare(p, p.bar, heading, "support", tempo)


def _sink_to_hang(p: BarPerformer, heading: float, tempo: float) -> None:
    """To hang on the same bar, facing a way: through support when she hangs the other way, else straight down."""
    m = p.motion
    if p.state == "hang" and round((m.heading - heading) / 180.0) % 2 == 0:
        return
    prepare(p, p.bar, heading, "handstand", tempo)
    start = m.time
    long = join(HANG, {"neck_flex": 0.0})
    pike = join(long, both(hip_flex=60.0))
    write_swing(
        p,
        start,
        start + 1.1 * tempo,
        [(180, HANDSTAND, None), (120, long, None), (70, pike, None), (0, p.hang_pose(), 0.0)],
    )
    m.time = start + 1.1 * tempo
    p.state = "hang"
