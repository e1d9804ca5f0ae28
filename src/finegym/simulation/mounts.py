"""Getting onto the beam."""

from __future__ import annotations

from finegym.simulation import apparatus
from finegym.simulation.connections import run
from finegym.simulation.motion import FEET
from finegym.simulation.performer import TOE_RADIUS, Performer
from finegym.simulation.poses import ARMS_BACK, ARMS_FRONT, ARMS_SIDE, ARMS_UP, both, join

_MOUNT_X = -2.2


def mount_beam(p: Performer) -> None:
    """A run, a jump off two feet, and a squat on the end of the beam; ends standing on it, facing along it."""
    m = p.motion
    run(p, 2, 3.2)
    hop = m.time + 0.1
    m.key(hop, join(p.stand(ARMS_BACK), both(ankle=44.0, knee=12.0)), pitch=2.0)
    m.fly(hop)
    touch = hop + 0.14
    m.key(touch, join(p.stand(ARMS_BACK), both(hip_flex=26.0, knee=30.0, ankle=8.0)), pitch=-4.0)
    p.land(touch, FEET, 0.5)
    m.key(touch + 0.08, join(p.stand(ARMS_FRONT), both(hip_flex=44.0, knee=62.0)), pitch=10.0)
    leave = touch + 0.2
    m.key(leave, join(p.stand(ARMS_UP), both(hip_flex=2.0, knee=8.0, ankle=48.0)), pitch=10.0)
    m.fly(leave)
    land = leave + 0.55
    p.line_y = 0.0
    p.change_surface(land, apparatus.BEAM_TOP)
    m.key(land, p.feet(join(both(plant=1.0, hip_flex=86.0, knee=92.0), ARMS_FRONT, {"spine_flex": 14.0})), pitch=22.0)
    m.support(land, FEET, x=_MOUNT_X, y=0.0, z=apparatus.BEAM_TOP + TOE_RADIUS)
    place = float(m.find_anchor(touch, FEET)[0])
    m.move_start((_MOUNT_X - 0.75 - place, 0.0, 0.0))
    m.key(
        land + 0.18,
        p.feet(join(both(plant=1.0, hip_flex=108.0, knee=118.0), ARMS_SIDE, {"spine_flex": 16.0})),
        pitch=26.0,
    )
    m.time = land + 0.75
    m.key(m.time, p.stand(ARMS_SIDE), pitch=0.0, lean=0.0, heading=0.0)
