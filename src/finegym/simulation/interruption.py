"""Routines that do not end as they should: off the beam, off the bar, down on the floor."""

from __future__ import annotations

import numpy as np

from finegym.simulation import apparatus
from finegym.simulation.connections import hold_still
from finegym.simulation.motion import FEET, GRAVITY, HANDS, SEAT
from finegym.simulation.performer import TOE_RADIUS, Performer
from finegym.simulation.poses import ARMS_DOWN, ARMS_SIDE, LANDING, STAND, both, join
from finegym.simulation.saltos import ABSORB_PITCH, LANDING_PITCH


def fall(p: Performer, rng: np.random.Generator) -> None:
    """Come off whatever she is on, and stand beside it."""
    m = p.motion
    side = float(rng.choice([-1.0, 1.0]))
    if m.phases[-1].anchor == HANDS:
        _come_off(p, 0.0)
    elif p.line_y is not None:
        _come_off(p, side)
    else:
        _sit_down(p)
    hold_still(p, 0.8, ARMS_DOWN)


def _come_off(p: Performer, side: float) -> None:
    """Lose the hold, drop to the mat, land on the feet: on one side of the beam, or below the bar."""
    m = p.motion
    x, y, height = (float(value) for value in m.find_anchor(m.time, SEAT))
    upside_down = abs(m.pitch) > 90.0
    loose = join(ARMS_SIDE, both(hip_flex=20.0, knee=25.0))
    if side:
        m.key(m.time + 0.3, loose, lean=12.0 * side)
        m.time += 0.3
    leave = m.time
    m.fly(leave)
    land = leave + float(np.sqrt(2.0 * max(height - 0.8, 0.05) / GRAVITY)) + (0.25 if upside_down else 0.12)
    p.line_y = None
    p.change_surface(leave, apparatus.MAT_TOP)
    over = 360.0 if m.pitch > 90.0 else 0.0
    m.key(land, LANDING, pitch=LANDING_PITCH + over, lean=0.0)
    beside = y - 0.75 * side if side else y
    m.support(land, FEET, x=x + (0.9 if upside_down else 0.1), y=beside, z=p.surface + TOE_RADIUS)
    m.key(land + 0.2, join(LANDING, both(hip_flex=100.0, knee=100.0)), pitch=ABSORB_PITCH + over)
    m.time = land + 0.8
    m.key(m.time, STAND, pitch=over, lean=0.0)
    m.rebase(m.time)


def _sit_down(p: Performer) -> None:
    """Stumble backward onto the seat, and get up."""
    m = p.motion
    squat = join(both(plant=1.0, hip_flex=118.0, knee=136.0, sh_flex=-50.0, sh_abd=20.0), {"spine_flex": 30.0})
    m.key(m.time + 0.35, squat, pitch=12.0)
    sat = m.time + 0.55
    m.fly(m.time + 0.4)
    m.key(
        sat,
        join(both(plant=1.0, hip_flex=105.0, knee=70.0, sh_flex=-55.0, sh_abd=18.0), {"spine_flex": 20.0}),
        pitch=-25.0,
    )
    m.support(sat, SEAT, z=p.surface + 0.1)
    m.key(
        sat + 0.8,
        join(both(plant=1.0, hip_flex=108.0, knee=80.0, sh_flex=-45.0, sh_abd=18.0), {"spine_flex": 24.0}),
        pitch=-20.0,
    )
    m.fly(sat + 1.1)
    m.key(sat + 1.3, squat, pitch=14.0)
    p.land(sat + 1.3, FEET, 0.15)
    m.time = sat + 2.0
    m.key(m.time, p.stand(), pitch=0.0, lean=0.0)
