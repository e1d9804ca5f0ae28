"""Circles, releases, transitions and dismounts on the uneven bars, from their attributes."""

from __future__ import annotations

from finegym.simulation import apparatus
from finegym.simulation.bars import (
    BarPerformer,
    cast,
    circle_keys,
    compute_lag,
    compute_swing_shares,
    jump_to_high,
    prepare,
    turn_in_handstand,
    write_swing,
)
from finegym.simulation.kinematics import Pose
from finegym.simulation.motion import FEET
from finegym.simulation.performer import Reader
from finegym.simulation.poses import (
    HANDSTAND,
    HANG,
    STRETCHED,
    TWISTING,
    both,
    join,
    make_pike,
    make_straddle,
    make_tuck,
)
from finegym.simulation.saltos import Salto, landing_pose, write_flight, write_landing
from finegym.simulation.style import Style

BODIES = ("straddled", "piked", "stretched", "tucked")
FROM = ("giant", "toe-on", "stalder", "free-hip", "inbar")

_LONG = join(HANG, {"neck_flex": 0.0})
_RELEASE = join(HANG, both(hip_flex=14.0, sh_flex=168.0))


def perform_circle(p: BarPerformer, reader: Reader, style: Style, tempo: float = 1.0) -> tuple[float, float]:
    """Circles and casts to handstand: kind ``circle``. Returns start and end in seconds."""
    circle = reader.text("circle", "giant", "free-hip", "stalder", "toe-on", "inbar", "cast")
    direction = reader.text("direction", "forward", "backward")
    legs = reader.text("legs", "together", "straddled")
    twist = 360.0 * reader.number("twist", 0, 2) * p.sign
    reader.text("grip", "regular", "reverse", "el", default="regular")
    backward = direction == "backward"
    bar = "high" if circle == "giant" else p.bar
    outward = 0.0 if bar == "high" else 180.0
    if circle == "cast":
        prepare(p, bar, p.motion.heading, "support", tempo)
    else:
        prepare(p, bar, outward if backward else outward + 180.0, "handstand", tempo)
    m = p.motion
    start = m.time
    end = start + style.duration
    if circle == "cast":
        m.time = start
        cast(p, 0.8 * style.duration, straddled=legs == "straddled")
        m.key(end, HANDSTAND, pitch=180.0)
    else:
        keys = circle_keys(p, circle, -1.0 if backward else 1.0, legs == "straddled")
        write_swing(p, start, start + 0.90 * style.duration, keys)
        m.key(end, HANDSTAND, pitch=m.pitch)
    turn_in_handstand(p, start + 0.77 * style.duration, end, twist)
    m.time = end
    m.rebase(end)
    p.state = "handstand"
    return start, end


def _swing_to_release(
    p: BarPerformer, start: float, leave: float, circle: str, sense: float, release: float, pose: Pose
) -> None:
    """From handstand around to where she lets go: swing angle ``release`` counted from the top, in degrees."""
    keys = [key for key in circle_keys(p, circle, sense) if abs(key[0] - 180.0) < release - 42.0]
    angle = 180.0 + sense * release
    pitch = angle - compute_lag(p, pose)
    shares = compute_swing_shares([key[0] for key in keys] + [angle])
    for (turned, shape, given), share in zip(keys, shares.tolist()[:-1], strict=True):
        # The short circles end in a kick to full length, which takes longer than energy alone would say.
        at = start + share * (1.0 if circle == "giant" else 0.84) * (leave - start)
        p.motion.key(at, shape, pitch=turned - compute_lag(p, shape) if given is None else given)
    p.motion.key(leave, pose, pitch=pitch)


def _air_shape(p: BarPerformer, body: str, twist: float) -> Pose:
    if body == "tucked":
        return make_tuck(p.body)
    if body == "piked":
        return make_pike(p.body)
    if body == "straddled":
        return make_straddle(p.body)
    return TWISTING if twist else STRETCHED


def _fly_to_bar(
    p: BarPerformer, leave: float, catch: float, shape: Pose, caught: Pose, pitch: float, twist: float, bar: str
) -> None:
    """From letting go to grasping a bar, at a pitch and after a twist (degrees)."""
    m = p.motion
    time = catch - leave
    first = m.pitch
    m.fly(leave)
    m.key(leave + 0.34 * time, shape)
    m.key(leave + 0.62 * time, shape)
    m.key(leave + 0.84 * time, join(caught, both(sh_flex=160.0)))
    m.key(catch, caught)
    m.key(leave + 0.22 * time, pitch=first + 0.17 * (pitch - first))
    m.key(leave + 0.78 * time, pitch=first + 0.83 * (pitch - first))
    m.key(catch, pitch=pitch)
    m.key(leave, twist=0.0)
    if twist:
        m.key(leave + 0.30 * time, twist=0.15 * twist)
        m.key(leave + 0.85 * time, twist=twist)
    m.key(catch, twist=twist)
    p.grasp(catch, bar)


def perform_release(p: BarPerformer, reader: Reader, style: Style, tempo: float = 1.0) -> tuple[float, float]:
    """Flights to the same bar: kind ``release``. Returns start and end in seconds; ends in hang."""
    counter = reader.flag("counter")
    direction = reader.text("direction", "forward", "backward")
    body = reader.text("body", *BODIES)
    twist = 360.0 * reader.number("twist", 0, 1) * p.sign
    somersaults = reader.number("somersaults", 0, 1)
    circle = reader.text("from_circle", *FROM, default="giant")
    forward = direction == "forward" and not counter
    prepare(p, "high", 180.0 if forward else 0.0, "handstand", tempo)
    m = p.motion
    start = m.time
    end = start + style.duration
    catch = end - 0.42
    leave = catch - style.flight
    sense = 1.0 if forward else -1.0
    if counter:
        # Over the bar backward while the body turns forward against the swing (Tkatchev).
        _swing_to_release(
            p, start, leave, circle, sense, 298.0, join(_RELEASE, both(hip_flex=-6.0), {"spine_flex": -10.0})
        )
        pitch = 46.0 + 360.0 * somersaults
    elif forward:
        _swing_to_release(p, start, leave, circle, sense, 282.0, _RELEASE)
        pitch = 360.0 + 52.0 + (360.0 if somersaults else 0.0)
    else:
        _swing_to_release(p, start, leave, circle, sense, 268.0, _RELEASE)
        pitch = -52.0 - (360.0 if somersaults else 0.0)
    caught = join(HANG, both(hip_flex=20.0, sh_flex=174.0))
    _fly_to_bar(p, leave, catch, _air_shape(p, body, twist), caught, pitch, twist, "high")
    _swing_into_hang(p, catch, end)
    return start, end


def _swing_into_hang(p: BarPerformer, catch: float, end: float) -> None:
    """From the catch down to a hang below the bar."""
    m = p.motion
    turns = 360.0 * round(m.pitch / 360.0)
    if p.bar == "low":
        m.key(catch + 0.35 * (end - catch), join(p.hang_pose(), both(hip_flex=94.0, hip_abd=14.0)))
    m.key(end, p.hang_pose(), pitch=turns, lean=0.0, twist=m.twist)
    m.time = end
    m.rebase(end)
    p.state = "hang"


def perform_transition(p: BarPerformer, reader: Reader, style: Style, tempo: float = 1.0) -> tuple[float, float]:
    """Flights between the bars: kind ``transition``. Returns start and end in seconds."""
    to_bar = reader.text("to_bar", "high", "low")
    twist = reader.number("twist", 0, 1.5)
    body = reader.text("body", "stretched", "piked", "straddled")
    circle = reader.text("from_circle", *FROM, "none")
    turn = 360.0 * twist * p.sign
    m = p.motion
    if circle == "none":
        prepare(p, "low" if to_bar == "high" else "high", 0.0, "support", tempo)
        start = m.time
        jump_to_high(p, style.duration / 1.10)
        return start, m.time
    prepare(p, "low" if to_bar == "high" else "high", 180.0, "handstand", tempo)
    start = m.time
    end = start + style.duration
    shape = _air_shape(p, body, 0.0)
    if to_bar == "high":
        catch = end - 0.36
        leave = catch - 0.8 * style.flight
        _swing_to_release(p, start, leave, circle, -1.0, 322.0, join(_LONG, both(hip_flex=10.0, sh_flex=160.0)))
        caught = join(HANG, both(hip_flex=10.0, sh_flex=178.0))
        shape = join(shape, both(sh_flex=120.0))
        _fly_to_bar(p, leave, catch, shape, caught, -42.0, turn, "high")
        _swing_into_hang(p, catch, end)
        return start, end
    to_handstand = twist == 0.5 or body == "straddled"
    catch = end - 0.46
    leave = catch - style.flight
    _swing_to_release(p, start, leave, circle, -1.0, 262.0, _RELEASE)
    if to_handstand:
        _fly_to_bar(
            p,
            leave,
            catch,
            join(shape, both(sh_flex=120.0)),
            join(HANDSTAND, both(hip_flex=16.0, sh_flex=166.0)),
            -154.0,
            turn,
            "low",
        )
        m.key(end, HANDSTAND, pitch=-180.0, twist=turn, lean=0.0)
        m.time = end
        m.rebase(end)
        p.state = "handstand"
        return start, end
    caught = join(HANG, both(hip_flex=58.0, hip_abd=16.0, sh_flex=172.0))
    _fly_to_bar(p, leave, catch, shape, caught, -286.0, turn, "low")
    _swing_into_hang(p, catch, end)
    return start, end


def perform_bar_dismount(p: BarPerformer, reader: Reader, style: Style, tempo: float = 1.0) -> tuple[float, float]:
    """Dismounts: kind ``dismount``. Returns start and end in seconds; ends standing on the mat."""
    entry = reader.text("entry", *FROM)
    direction = reader.text("direction", "forward", "backward")
    somersaults = reader.number("somersaults", 0, 3)
    twist = reader.number("twist", 0, 4)
    body = reader.text("body", "tucked", "piked", "stretched")
    forward = direction == "forward"
    counter = forward and entry != "giant"
    prepare(p, "high", 180.0 if forward and not counter else 0.0, "handstand", tempo)
    m = p.motion
    start = m.time
    end = start + style.duration - 0.55
    leave = end - style.flight
    finish = start + style.duration
    swing = 1.0 if forward and not counter else -1.0
    _swing_to_release(p, start, leave, entry, swing, 248.0, join(_RELEASE, both(hip_flex=6.0)))
    m.fly(leave)
    salto = Salto(1.0 if forward else -1.0, somersaults + (1.0 if swing > 0 else 0.0), twist, body)
    pose, pitch = landing_pose(p, salto)
    m.key(leave, twist=0.0)
    upright, total = write_flight(p, leave, end, salto, style, pose, pitch)
    m.support(end, FEET, x=apparatus.HIGH_BAR_X + style.travel + 0.2, y=0.0, z=apparatus.MAT_TOP + 0.02)
    write_landing(p, end, salto, upright, total, finish)
    p.state = "ground"
    return start, finish
