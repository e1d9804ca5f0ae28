"""Vaults, from their attributes: run-up and entry, flight off the table, landing."""

from __future__ import annotations

import numpy as np

from finegym.simulation import apparatus
from finegym.simulation.connections import POINTED_TOGETHER, ROUND_OFF_TIME, round_off, run_poses, run_stride
from finegym.simulation.faults import take_steps
from finegym.simulation.motion import FEET, HANDS
from finegym.simulation.performer import PALM_RADIUS, TOE_RADIUS, Performer, Reader, get_foot
from finegym.simulation.poses import ABSORB, ARMS_BACK, ARMS_FRONT, ARMS_UP, POINT, SALUTE, STAND, both, join, limb
from finegym.simulation.saltos import (
    ABSORB_PITCH,
    Salto,
    landing_pose,
    push_pose,
    write_flight,
)
from finegym.simulation.style import Style

ENTRIES = ("handspring", "round-off", "half-on", "round-off-half", "round-off-full", "handspring-full")
# Half turns between board and table.
_TURNS_ON = {
    "handspring": 0,
    "round-off": 0,
    "half-on": 1,
    "round-off-half": 1,
    "round-off-full": 2,
    "handspring-full": 2,
}
_RUN_SHARE, _LANDING_SHARE = 3.6 / 7.0, 2.2 / 7.0
_HAND_TIME = 0.19
_FIRST_FLIGHT = 0.20
_HANDS_X = 0.28
_BOARD_X = -1.30


def perform_vault(p: Performer, reader: Reader, style: Style) -> tuple[tuple[float, float], ...]:
    """A vault: kind ``vault``. Returns its three stages as (start, end) in seconds.

    The first stage ends as the hands touch the table, the second as the feet touch the mat.
    """
    entry = reader.text("entry", *ENTRIES)
    direction = reader.text("direction", "forward", "backward", "none")
    body = reader.text("body", "tucked", "piked", "stretched")
    somersaults = reader.number("somersaults", 0, 2)
    twist = reader.number("twist", 0, 4)
    m = p.motion
    start = m.time
    touch = start + style.duration * _RUN_SHARE
    push = touch + _HAND_TIME
    end = push + style.flight
    finish = end + style.duration * _LANDING_SHARE
    with_round_off = entry.startswith("round-off")
    board = touch - _FIRST_FLIGHT - 0.13
    _run_up(p, start, board, with_round_off)
    sense = -1.0 if with_round_off else 1.0
    turn = 180.0 * _TURNS_ON[entry] * p.sign
    _first_flight(p, board, touch, sense, turn)
    if _TURNS_ON[entry] == 1:
        sense = -sense
    early = {"forward": 1.0, "backward": -1.0}.get(direction, sense) != sense
    salto = Salto(sense, somersaults + 1.0, max(twist, 0.5) if early else twist, body, is_early=early and twist <= 0.5)
    handstand = join(POINTED_TOGETHER, ARMS_UP, {"spine_flex": -8.0 * sense, "neck_flex": -20.0})
    m.key(touch, join(handstand, both(elbow=6.0)), pitch=sense * 132.0)
    m.key(push, handstand, pitch=sense * 190.0, twist=0.0, lean=0.0)
    m.fly(push)
    pose, pitch = landing_pose(p, salto)
    upright, total = write_flight(p, push, end, salto, style, pose, pitch)
    p.change_surface(touch, apparatus.MAT_TOP)
    m.support(end, FEET, y=0.0, z=apparatus.MAT_TOP + TOE_RADIUS, x=_HANDS_X + style.travel)
    toward = float(np.cos(np.radians(total)))
    m.key(end + 0.15, ABSORB, pitch=upright + ABSORB_PITCH * toward, twist=total, lean=0.0)
    rest = finish - end
    if style.steps:
        return (start, touch), (touch, end), (end, _finish_with_steps(p, style, end, upright, total, board))
    m.key(end + 0.34 * rest, SALUTE, pitch=upright, lean=0.0, twist=total)
    m.key(end + 0.78 * rest, SALUTE, pitch=upright)
    m.time = finish
    m.key(finish, STAND, pitch=upright, twist=total, lean=0.0)
    m.rebase(finish)
    _start_where_the_board_is_hit(p, board)
    return (start, touch), (touch, end), (end, finish)


def _start_where_the_board_is_hit(p: Performer, board: float) -> None:
    """She ran from wherever the board was hit right: only now is it known where that was."""
    landing = p.motion.find_anchor(board, FEET)
    p.motion.move_start((_BOARD_X - float(landing[0]), 0.0, 0.0))


def _finish_with_steps(p: Performer, style: Style, end: float, upright: float, total: float, board: float) -> float:
    """From the landing to standing with steps between; returns when she stands still."""
    m = p.motion
    m.time = end + 0.50
    m.key(m.time, p.stand(ARMS_FRONT), pitch=upright, lean=0.0, twist=total)
    m.rebase(m.time)
    _start_where_the_board_is_hit(p, board)
    take_steps(p, style.steps)
    m.key(m.time + 0.35, SALUTE, pitch=0.0, lean=0.0)
    m.key(m.time + 1.05, SALUTE)
    m.time += 1.40
    m.key(m.time, STAND, pitch=0.0, lean=0.0, twist=0.0)
    return m.time


def _run_up(p: Performer, start: float, board: float, with_round_off: bool) -> None:
    """From standing to both feet on the board at a given time."""
    m = p.motion
    hurdle = ROUND_OFF_TIME + 0.24 if with_round_off else 0.26
    time = board - hurdle - start
    strides = max(6, round((time - 0.3) / 0.225))
    speeds = 2.6 + (6.4 - 2.6) * np.minimum(1.0, 1.25 * (np.arange(strides) + 1) / strides)
    contacts = np.clip(0.54 / speeds, 0.085, 0.2)
    flights = 0.085 + 0.008 * speeds
    stretch = (time - 0.24) / float((contacts + flights).sum())
    p.foot = p.side
    p.shift_to(start, get_foot(p.foot))
    m.time = start + 0.24
    m.key(m.time, run_poses(p, p.foot, 0.0, 0.2, 12.0)[1], pitch=12.0, heading=0.0)
    for speed, contact, flight, lean in zip(speeds, contacts, flights, np.linspace(14.0, 5.0, strides), strict=True):
        run_stride(p, float(speed / stretch), float(contact * stretch), float(flight * stretch), float(lean))
    if with_round_off:
        _hurdle_to_round_off(p)
        p.surface, floor = apparatus.BOARD_TOP, p.surface
        round_off(p, 5.0, hands_surface=floor)
        p.surface = floor
    else:
        leave = m.time + 0.09
        off = join(
            limb(p.foot, plant=1.0, hip_flex=-10.0, knee=16.0, ankle=46.0),
            limb(p.free, hip_flex=52.0, knee=60.0, ankle=40.0),
            ARMS_BACK,
        )
        m.key(leave, off, pitch=6.0)
        m.fly(leave)
        m.key(board, p.feet(join(both(plant=1.0, hip_flex=30.0, knee=22.0, ankle=12.0), ARMS_FRONT)), pitch=-10.0)
        p.land(board, FEET, speed=6.2, surface=apparatus.BOARD_TOP)
    m.time = board


def _hurdle_to_round_off(p: Performer) -> None:
    m = p.motion
    leave, land = m.time + 0.09, m.time + 0.24
    other_side = p.free
    off = join(
        limb(p.foot, plant=1.0, hip_flex=-10.0, knee=16.0, ankle=46.0),
        limb(other_side, hip_flex=60.0, knee=50.0, ankle=40.0),
        ARMS_UP,
    )
    m.key(leave, off, pitch=4.0)
    m.fly(leave)
    m.key(
        land,
        join(
            limb(other_side, plant=1.0, hip_flex=40.0, knee=28.0, ankle=4.0),
            limb(p.foot, hip_flex=-12.0, knee=30.0, ankle=POINT),
            ARMS_UP,
        ),
        pitch=14.0,
    )
    p.land(land, get_foot(other_side), speed=6.0)
    p.foot = other_side
    m.time = land


def _first_flight(p: Performer, board: float, touch: float, sense: float, turn: float) -> None:
    """From the board to the hands on the table."""
    m = p.motion
    leave = touch - _FIRST_FLIGHT
    m.key(
        0.5 * (board + leave),
        p.feet(join(both(plant=1.0, hip_flex=30.0, knee=36.0, ankle=8.0, sh_flex=120.0), {"spine_flex": 6.0})),
        pitch=4.0,
    )
    m.key(leave, join(push_pose(p, 6.0), {"spine_flex": -8.0}), pitch=22.0 * sense, twist=0.05 * turn)
    m.fly(leave)
    m.key(touch, pitch=132.0 * sense, twist=turn)
    m.rebase(touch)
    m.support(touch, HANDS, x=_HANDS_X, y=0.0, z=apparatus.TABLE_TOP + PALM_RADIUS)
